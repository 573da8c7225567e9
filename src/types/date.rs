//! `Date`: every date that PostgreSQL has, those before Christ and the infinities included.

use std::fmt;
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::calendar::Civil;
use crate::types::scan::Scan;
use crate::types::wire_form::{WireForm, invalid_text, out_of_range, wire_form};
use crate::wire::Reader;

/// A `date`: from 4714-11-24 BC to 5874897-12-31, or an infinity.
///
/// `-infinity` is before all other dates, `infinity` after them. Years before Christ are negative, as in
/// `make_date`: -1 is 1 BC, and there is no year 0. The text is that of `DateStyle` `ISO`.
///
/// # Examples
///
/// ```
/// use aiopg::types::Date;
///
/// let date = Date::new(2024, 2, 29)?;
/// assert_eq!(date.to_string(), "2024-02-29");
/// assert_eq!("0044-03-15 BC".parse::<Date>()?.year(), Some(-44));
/// assert!(date < Date::INFINITY && Date::INFINITY.year().is_none());
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Date/time types](https://www.postgresql.org/docs/18/datatype-datetime.html)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

impl Date {
    /// `infinity`.
    pub const INFINITY: Self = Self(i32::MAX);
    /// `-infinity`.
    pub const NEG_INFINITY: Self = Self(i32::MIN);
    /// The first day, 4714-11-24 BC.
    pub const MIN: Self = Self(-2_451_545);
    /// The last day, 5874897-12-31.
    pub const MAX: Self = Self(2_145_031_948);

    /// Makes a date from its year, which is negative before Christ, its month and its day, counted from 1.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there is no such day, or the server has none.
    pub fn new(year: i32, month: u8, day: u8) -> Result<Self, Error> {
        let civil = Civil::new(year, month, day);
        civil.and_then(Self::of_civil).ok_or_else(out_of_range::<Self>)
    }

    /// Makes a date from the number of days since 2000-01-01. The two ends of `i32` are the infinities.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if the server has no such date.
    pub fn from_days(days: i32) -> Result<Self, Error> {
        let date = Self(days);
        let is_known = !date.is_finite() || (Self::MIN <= date && date <= Self::MAX);
        if is_known { Ok(date) } else { Err(out_of_range::<Self>()) }
    }

    /// Returns the number of days since 2000-01-01, or for an infinity an end of `i32`.
    pub fn days(self) -> i32 {
        self.0
    }

    /// Tells whether this is a day and no infinity.
    pub fn is_finite(self) -> bool {
        self != Self::INFINITY && self != Self::NEG_INFINITY
    }

    /// Returns the year, which is negative before Christ; `None` for an infinity.
    pub fn year(self) -> Option<i32> {
        self.civil()?.signed_year()
    }

    /// Returns the month, from 1 to 12; `None` for an infinity.
    pub fn month(self) -> Option<u8> {
        u8::try_from(self.civil()?.month).ok()
    }

    /// Returns the day of the month, from 1; `None` for an infinity.
    pub fn day(self) -> Option<u8> {
        u8::try_from(self.civil()?.day).ok()
    }

    fn of_civil(civil: Civil) -> Option<Self> {
        let date = Self(i32::try_from(civil.days()?).ok()?);
        (Self::MIN <= date && date <= Self::MAX).then_some(date)
    }

    pub(crate) fn civil(self) -> Option<Civil> {
        self.is_finite().then(|| Civil::of_days(self.0.into()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.civil() {
            Some(civil) => civil.write(f, |_| Ok(())),
            None => f.write_str(if self.0 > 0 { "infinity" } else { "-infinity" }),
        }
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({self})")
    }
}

impl FromStr for Date {
    type Err = Error;

    /// Reads the text that PostgreSQL writes with `DateStyle` `ISO`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "infinity" => return Ok(Self::INFINITY),
            "-infinity" => return Ok(Self::NEG_INFINITY),
            _ => {}
        }
        let mut scan = Scan::new(text);
        let civil = Civil::scan(&mut scan).and_then(|civil| civil.scan_end(&mut scan));
        civil.and_then(Self::of_civil).ok_or_else(invalid_text::<Self>)
    }
}

impl WireForm for Date {
    const NAME: &'static str = "date";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Self::from_days(reader.read_i32()?)
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        out.put_i32(self.0);
        Ok(())
    }
}

wire_form!(Date: DATE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_text_that_postgresql_gives_them() {
        for (days, text) in [
            (0, "2000-01-01"),
            (i32::MAX, "infinity"),
            (i32::MIN, "-infinity"),
            (-2_451_545, "4714-11-24 BC"),
            (-730_120, "0001-12-31 BC"),
            (-730_119, "0001-01-01"),
            (2_145_031_948, "5874897-12-31"),
        ] {
            let date = Date::from_days(days).unwrap();
            assert_eq!(date.to_string(), text);
            assert_eq!(text.parse::<Date>().unwrap(), date);
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2024",
            "2024-1-1",
            "24-01-01",
            "2024-02-30",
            "2024-01-01 ",
            "2024-01-01 AD",
            "0000-01-01",
            "5874898-01-01",
            "4714-11-23 BC",
            "Infinity",
            "2024-01-01BC",
            "é",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!(Date::from_days(i32::MAX - 1).is_err());
        assert!(Date::from_days(-2_451_546).is_err());
        assert!(Date::new(0, 1, 1).is_err());
        assert!(Date::new(-4714, 11, 23).is_err());
        assert_eq!(Date::new(-4714, 11, 24).unwrap(), Date::MIN);
    }

    #[test]
    fn fields_of_an_infinity_are_none() {
        let date = Date::new(-44, 3, 15).unwrap();
        assert_eq!((date.year(), date.month(), date.day()), (Some(-44), Some(3), Some(15)));
        let date = Date::NEG_INFINITY;
        assert_eq!((date.year(), date.month(), date.day()), (None, None, None));
        assert!(date < Date::MIN && Date::MAX < Date::INFINITY);
    }
}
