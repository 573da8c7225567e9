//! `Timestamp`: a date and a time of day, without a zone.

use std::fmt;
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::calendar::{Civil, DAY_MICROSECONDS, scan_time, write_time};
use crate::types::date::Date;
use crate::types::scan::Scan;
use crate::types::time::Time;
use crate::types::wire_form::{WireForm, invalid_text, out_of_range, wire_form};
use crate::wire::Reader;

/// A `timestamp`: from 4714-11-24 00:00:00 BC to 294276-12-31 23:59:59.999999, or an infinity.
///
/// What stands on a calendar and a clock, in no known place: [`Timestamptz`](crate::types::Timestamptz) is an
/// instant. `-infinity` is before all others, `infinity` after them. The text is that of `DateStyle` `ISO`.
///
/// # Examples
///
/// ```
/// use aiopg::types::{Date, Time, Timestamp};
///
/// let timestamp = Timestamp::new(Date::new(2024, 2, 29)?, Time::new(12, 30, 0, 250_000)?)?;
/// assert_eq!(timestamp.to_string(), "2024-02-29 12:30:00.25");
/// assert_eq!("infinity".parse::<Timestamp>()?, Timestamp::INFINITY);
/// assert!(Timestamp::INFINITY.time().is_none());
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Date/time types](https://www.postgresql.org/docs/18/datatype-datetime.html)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// `infinity`.
    pub const INFINITY: Self = Self(i64::MAX);
    /// `-infinity`.
    pub const NEG_INFINITY: Self = Self(i64::MIN);
    /// The first, 4714-11-24 00:00:00 BC.
    pub const MIN: Self = Self(-211_813_488_000_000_000);
    /// The last, 294276-12-31 23:59:59.999999.
    pub const MAX: Self = Self(9_223_371_331_199_999_999);

    /// Makes a timestamp; of a date that is an infinity, whatever the time, an infinity.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if it is after the last.
    pub fn new(date: Date, time: Time) -> Result<Self, Error> {
        match date {
            Date::INFINITY => return Ok(Self::INFINITY),
            Date::NEG_INFINITY => return Ok(Self::NEG_INFINITY),
            _ => {}
        }
        let midnight = i64::from(date.days()).checked_mul(DAY_MICROSECONDS);
        let timestamp = midnight.and_then(|midnight| midnight.checked_add(time.microseconds()));
        timestamp
            .map(Self)
            .filter(|timestamp| timestamp.is_known())
            .ok_or_else(out_of_range::<Self>)
    }

    /// Makes a timestamp from the microseconds since 2000-01-01 00:00:00. The two ends of `i64` are the infinities.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if the server has no such timestamp.
    pub fn from_microseconds(microseconds: i64) -> Result<Self, Error> {
        let timestamp = Self(microseconds);
        let is_known = !timestamp.is_finite() || timestamp.is_known();
        if is_known { Ok(timestamp) } else { Err(out_of_range::<Self>()) }
    }

    /// Returns the microseconds since 2000-01-01 00:00:00, or for an infinity an end of `i64`.
    pub fn microseconds(self) -> i64 {
        self.0
    }

    /// Tells whether this is no infinity.
    pub fn is_finite(self) -> bool {
        self != Self::INFINITY && self != Self::NEG_INFINITY
    }

    /// Returns the date; of an infinity, an infinity.
    pub fn date(self) -> Date {
        match self {
            Self::INFINITY => Date::INFINITY,
            Self::NEG_INFINITY => Date::NEG_INFINITY,
            Self(microseconds) => {
                let days = i32::try_from(microseconds.div_euclid(DAY_MICROSECONDS));
                days.ok().and_then(|days| Date::from_days(days).ok()).unwrap_or(Date::INFINITY)
            }
        }
    }

    /// Returns the time of day; `None` for an infinity.
    pub fn time(self) -> Option<Time> {
        let microseconds = self.0.rem_euclid(DAY_MICROSECONDS);
        if self.is_finite() { Time::from_microseconds(microseconds).ok() } else { None }
    }

    fn is_known(self) -> bool {
        Self::MIN <= self && self <= Self::MAX
    }

    /// Writes the text, with `offset` behind the time of day.
    pub(crate) fn write_with(self, f: &mut fmt::Formatter<'_>, offset: &str) -> fmt::Result {
        let Some(civil) = self.date().civil() else {
            return f.write_str(if self.0 > 0 { "infinity" } else { "-infinity" });
        };
        civil.write(f, |f| {
            f.write_str(" ")?;
            write_time(f, self.0.rem_euclid(DAY_MICROSECONDS).unsigned_abs())?;
            f.write_str(offset)
        })
    }

    /// Reads the text; `offset` takes the seconds that stand behind the time of day, and by which it is ahead.
    pub(crate) fn scan_with(
        text: &str,
        offset: impl FnOnce(&mut Scan<'_>) -> Option<i32>,
    ) -> Option<Self> {
        match text {
            "infinity" => return Some(Self::INFINITY),
            "-infinity" => return Some(Self::NEG_INFINITY),
            _ => {}
        }
        let mut scan = Scan::new(text);
        let civil = Civil::scan(&mut scan)?;
        scan.expect(" ")?;
        let time = scan_time(&mut scan)?;
        let ahead = i64::from(offset(&mut scan)?) * 1_000_000;
        let midnight = civil.scan_end(&mut scan)?.days()?.checked_mul(DAY_MICROSECONDS)?;
        let timestamp = Self(midnight.checked_add(time - ahead)?);
        timestamp.is_known().then_some(timestamp)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_with(f, "")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads the text that PostgreSQL writes with `DateStyle` `ISO`.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::scan_with(text, |_| Some(0)).ok_or_else(invalid_text::<Self>)
    }
}

impl WireForm for Timestamp {
    const NAME: &'static str = "timestamp";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Self::from_microseconds(reader.read_i64()?)
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        out.put_i64(self.0);
        Ok(())
    }
}

wire_form!(Timestamp: TIMESTAMP);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_have_the_text_that_postgresql_gives_them() {
        for (microseconds, text) in [
            (0, "2000-01-01 00:00:00"),
            (-1, "1999-12-31 23:59:59.999999"),
            (i64::MAX, "infinity"),
            (i64::MIN, "-infinity"),
            (-211_813_488_000_000_000, "4714-11-24 00:00:00 BC"),
            (9_223_371_331_199_999_999, "294276-12-31 23:59:59.999999"),
            (-63_082_281_600_000_000, "0001-01-01 00:00:00"),
        ] {
            let timestamp = Timestamp::from_microseconds(microseconds).unwrap();
            assert_eq!(timestamp.to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap(), timestamp);
            let time = timestamp.time().unwrap_or(Time::MIN);
            assert_eq!(Timestamp::new(timestamp.date(), time).unwrap(), timestamp);
        }
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        for text in [
            "",
            "2024-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01 00:00:00+00",
            "294277-01-01 00:00:00",
            "294276-12-31 24:00:00",
            "4714-11-23 23:59:59 BC",
            "5874897-12-31 00:00:00",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        assert!(Timestamp::from_microseconds(i64::MAX - 1).is_err());
        assert!(Timestamp::from_microseconds(i64::MIN + 1).is_err());
        assert!(Timestamp::new(Date::MAX, Time::MIN).is_err());
    }

    #[test]
    fn the_end_of_a_day_is_the_beginning_of_the_next() {
        let date = Date::new(2024, 2, 28).unwrap();
        let timestamp = Timestamp::new(date, Time::MAX).unwrap();
        assert_eq!(timestamp.to_string(), "2024-02-29 00:00:00");
    }
}
