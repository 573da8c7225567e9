//! The server's version as a number.

/// `18.4 (Debian 18.4-1)` as 180004, `9.6.24` as 90624, `19beta1` as 190000.
pub(crate) fn version_number(text: &str) -> Option<u32> {
    let digits = |part: &str| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..end)?.parse::<u32>().ok()
    };
    let mut parts = text.split('.');
    let major = digits(parts.next()?)?;
    let minor = parts.next().and_then(digits).unwrap_or(0);
    if major >= 10 {
        return major.checked_mul(10_000)?.checked_add(minor);
    }
    let patch = parts.next().and_then(digits).unwrap_or(0);
    (major * 10_000).checked_add(minor.checked_mul(100)?.checked_add(patch)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbered_as_the_server_numbers_them() {
        assert_eq!(version_number("18.4 (Debian 18.4-1)"), Some(180_004));
        assert_eq!(version_number("13.23"), Some(130_023));
        assert_eq!(version_number("9.6.24"), Some(90_624));
        assert_eq!(version_number("19beta1"), Some(190_000));
        assert_eq!(version_number("19"), Some(190_000));
        assert_eq!(version_number("x"), None);
        assert_eq!(version_number("99999999999.1"), None);
        assert_eq!(version_number("9.42949672.95"), None);
        assert_eq!(version_number("429496.99999"), None);
    }
}
