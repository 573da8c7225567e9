//! `Scan`: takes the text forms of dates, times and intervals apart.

/// What is left of a text. Each method takes something from its start, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan<'t> {
    rest: &'t str,
}

/// The most digits that a number is read from: what is longer fits no type.
const MOST_DIGITS: usize = 18;

impl<'t> Scan<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes `token`, if it comes next.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        self.rest.strip_prefix(token).map(|rest| self.rest = rest).is_some()
    }

    /// Takes `token`, which must come next.
    pub(crate) fn expect(&mut self, token: &str) -> Option<()> {
        self.eat(token).then_some(())
    }

    /// Takes a sign; without one the number is positive.
    pub(crate) fn sign(&mut self) -> i64 {
        if self.eat("-") {
            return -1;
        }
        self.eat("+");
        1
    }

    /// Takes the digits that come next, of which there may be none.
    pub(crate) fn digits(&mut self) -> &'t str {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits
    }

    /// Takes a number without a sign.
    pub(crate) fn number(&mut self) -> Option<i64> {
        let digits = self.digits();
        if digits.len() > MOST_DIGITS { None } else { digits.parse().ok() }
    }

    /// Takes a number of exactly two digits.
    pub(crate) fn two_digits(&mut self) -> Option<i64> {
        let digits = self.digits();
        if digits.len() == 2 { digits.parse().ok() } else { None }
    }

    /// Takes the fraction of a second, if there is one, in microseconds.
    pub(crate) fn fraction(&mut self) -> Option<i64> {
        if !self.eat(".") {
            return Some(0);
        }
        let digits = self.digits();
        let missing = 6_u32.checked_sub(u32::try_from(digits.len()).ok()?)?;
        Some(digits.parse::<i64>().ok()? * 10_i64.pow(missing))
    }

    /// Takes letters.
    pub(crate) fn word(&mut self) -> &'t str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_as_far_as_they_go() {
        let mut scan = Scan::new("-12:05.25 BC");
        assert_eq!((scan.sign(), scan.number(), scan.eat(":")), (-1, Some(12), true));
        assert_eq!((scan.two_digits(), scan.fraction()), (Some(5), Some(250_000)));
        assert_eq!((scan.expect(" "), scan.word(), scan.is_done()), (Some(()), "BC", true));
    }

    #[test]
    fn what_is_no_number_is_none() {
        assert_eq!(Scan::new("").number(), None);
        assert_eq!(Scan::new("9999999999999999999").number(), None);
        assert_eq!(Scan::new("1").two_digits(), None);
        assert_eq!(Scan::new(".").fraction(), None);
        assert_eq!(Scan::new(".1234567").fraction(), None);
        assert_eq!(Scan::new("x").fraction(), Some(0));
    }
}
