//! `Finite`: a number in the base of 10000, as PostgreSQL stores it, and its text.

use std::cmp::Ordering;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};

/// The sum of `digits[i] * 10000^(weight - i)`, shown with `scale` digits after the point.
///
/// There is no zero at either end of `digits`; of 0 there are none, its weight is 0, and it is not negative.
/// The scale decides about the text alone.
#[derive(Clone, Debug)]
pub(crate) struct Finite {
    pub(crate) negative: bool,
    pub(crate) weight: i32,
    pub(crate) scale: u16,
    pub(crate) digits: Vec<u16>,
}

const BASE: u16 = 10_000;
/// How many decimal digits there are in one of ours.
const WIDTH: i64 = 4;
/// The server's limits: 131072 digits before the point and 16383 after it.
const MOST_WEIGHT: i32 = 32_767;
pub(crate) const MOST_SCALE: u16 = 16_383;

impl Finite {
    /// Puts the number into its one form; `None` if the server could not hold it, or the scale hides a part of it.
    pub(crate) fn new(negative: bool, weight: i32, scale: u16, digits: Vec<u16>) -> Option<Self> {
        let mut digits = digits;
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..leading);
        let trailing = digits.iter().rev().take_while(|digit| **digit == 0).count();
        digits.truncate(digits.len() - trailing);
        if scale > MOST_SCALE || digits.iter().any(|digit| *digit >= BASE) {
            return None;
        }
        let Some(last) = digits.last() else {
            return Some(Self { negative: false, weight: 0, scale, digits });
        };
        let weight = weight.checked_sub(i32::try_from(leading).ok()?)?;
        let lowest = i64::from(weight) + 1 - i64::try_from(digits.len()).ok()?;
        let zeros = (1..WIDTH).zip([10, 100, 1000]).filter(|(_, power)| last % power == 0).count();
        let decimals = -lowest * WIDTH - i64::try_from(zeros).ok()?;
        let is_known = weight <= MOST_WEIGHT && decimals <= i64::from(scale);
        is_known.then_some(Self { negative, weight, scale, digits })
    }

    /// The digit that counts `10000^power`.
    pub(crate) fn digit(&self, power: i32) -> u16 {
        let index = self.weight.checked_sub(power).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.digits.get(index)).copied().unwrap_or_default()
    }

    /// Reads decimal digits, perhaps with a sign, a point and an exponent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut decimals = whole.bytes().chain(fraction.bytes());
        if mantissa.is_empty() || mantissa == "." || !decimals.all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?.max(0);
        let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
        let (weight, digits) = group(whole, fraction, point)?;
        Self::new(text.starts_with('-'), weight, scale.try_into().ok()?, digits)
    }

    fn signum(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

/// An exponent that may be of use; others would only be counted with.
fn read_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.len() <= 9;
    if is_number { text.parse().ok() } else { None }
}

/// Gathers decimal digits by four, so that a digit of ours begins at the point, which stands behind `point` of them.
fn group(whole: &str, fraction: &str, point: i64) -> Option<(i32, Vec<u16>)> {
    let values = whole.bytes().chain(fraction.bytes()).map(|byte| u16::from(byte - b'0'));
    let count = i64::try_from(whole.len() + fraction.len()).ok()?;
    let powers = (point - count..point).rev();
    let mut decimals = values.zip(powers).skip_while(|(value, _)| *value == 0).peekable();
    let Some((_, highest)) = decimals.peek() else { return Some((0, Vec::new())) };
    let weight = highest.div_euclid(WIDTH);
    let mut digits = Vec::new();
    for (value, power) in decimals {
        let index = usize::try_from(weight - power.div_euclid(WIDTH)).ok()?;
        if index >= digits.len() {
            digits.push(0);
        }
        let within = u32::try_from(power.rem_euclid(WIDTH)).ok()?;
        *digits.last_mut()? += value * 10_u16.pow(within);
    }
    Some((weight.try_into().ok()?, digits))
}

impl fmt::Display for Finite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::from(if self.negative { "-" } else { "" });
        write!(text, "{}", self.digit(self.weight.max(0)))?;
        for power in (0..self.weight).rev() {
            write!(text, "{:04}", self.digit(power))?;
        }
        if self.scale > 0 {
            text.push('.');
            let end = text.len() + usize::from(self.scale);
            for power in 1..=i32::from(self.scale.div_ceil(4)) {
                write!(text, "{:04}", self.digit(-power))?;
            }
            text.truncate(end);
        }
        f.write_str(&text)
    }
}

impl Ord for Finite {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_size = || (self.weight, &self.digits).cmp(&(other.weight, &other.digits));
        self.signum()
            .cmp(&other.signum())
            .then_with(|| if self.negative { by_size().reverse() } else { by_size() })
    }
}

impl PartialOrd for Finite {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Finite {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Finite {}

impl Hash for Finite {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.negative, self.weight, &self.digits).hash(state);
    }
}
