//! `TimeTz`: a time of day and its offset from UTC.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::calendar::{scan_offset, scan_time, write_offset};
use crate::types::scan::Scan;
use crate::types::time::Time;
use crate::types::wire_form::{WireForm, invalid_text, out_of_range, wire_form};
use crate::wire::Reader;

/// A `timetz`: a time of day with an offset from UTC in seconds, which is positive to the east.
///
/// The order is PostgreSQL's: by the time in UTC, and then by the offset. Two values are equal if both of their
/// parts are.
///
/// # Examples
///
/// ```
/// use aiopg::types::{Time, TimeTz};
///
/// let time = TimeTz::new(Time::new(12, 30, 0, 0)?, -5 * 3600)?;
/// assert_eq!(time.to_string(), "12:30:00-05");
/// assert_eq!("24:00:00+15:59:59".parse::<TimeTz>()?.offset_seconds(), 57_599);
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Date/time types](https://www.postgresql.org/docs/18/datatype-datetime.html)
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeTz {
    time: Time,
    offset_seconds: i32,
}

/// The largest offset, 15:59:59.
const MOST_SECONDS: i32 = 57_599;

impl TimeTz {
    /// Makes a time with an offset.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if the offset is 16 hours or more.
    pub fn new(time: Time, offset_seconds: i32) -> Result<Self, Error> {
        let is_known = (-MOST_SECONDS..=MOST_SECONDS).contains(&offset_seconds);
        if is_known { Ok(Self { time, offset_seconds }) } else { Err(out_of_range::<Self>()) }
    }

    /// Returns the time of day.
    pub fn time(self) -> Time {
        self.time
    }

    /// Returns how far the time is ahead of UTC: positive to the east of Greenwich, as it is written.
    pub fn offset_seconds(self) -> i32 {
        self.offset_seconds
    }

    fn utc_microseconds(self) -> i64 {
        self.time.microseconds() - i64::from(self.offset_seconds) * 1_000_000
    }
}

impl Ord for TimeTz {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_time = self.utc_microseconds().cmp(&other.utc_microseconds());
        by_time.then(other.offset_seconds.cmp(&self.offset_seconds))
    }
}

impl PartialOrd for TimeTz {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for TimeTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.time.fmt(f)?;
        write_offset(f, self.offset_seconds)
    }
}

impl fmt::Debug for TimeTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeTz({self})")
    }
}

impl FromStr for TimeTz {
    type Err = Error;

    /// Reads the text that PostgreSQL writes.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut scan = Scan::new(text);
        let parts = scan_time(&mut scan).zip(scan_offset(&mut scan)).filter(|_| scan.is_done());
        let (time, offset_seconds) = parts.ok_or_else(invalid_text::<Self>)?;
        Self::new(Time::from_microseconds(time)?, offset_seconds)
    }
}

impl WireForm for TimeTz {
    const NAME: &'static str = "timetz";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let time = Time::read(reader)?;
        // PostgreSQL counts to the west.
        let offset = reader.read_i32()?.checked_neg().ok_or_else(out_of_range::<Self>)?;
        Self::new(time, offset)
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        self.time.write(out)?;
        out.put_i32(-self.offset_seconds);
        Ok(())
    }
}

wire_form!(TimeTz: TIMETZ);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::wire_form::read_whole;

    #[test]
    fn offsets_have_the_text_that_postgresql_gives_them() {
        for (offset, text) in [
            (0, "24:00:00+00"),
            (-3600, "24:00:00-01"),
            (20_700, "24:00:00+05:45"),
            (-1, "24:00:00-00:00:01"),
            (57_599, "24:00:00+15:59:59"),
            (-57_599, "24:00:00-15:59:59"),
        ] {
            let time = TimeTz::new(Time::MAX, offset).unwrap();
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse::<TimeTz>().unwrap(), time);
        }
    }

    #[test]
    fn what_is_no_time_with_an_offset_is_refused() {
        for text in ["", "12:00:00", "12:00:00+16", "12:00:00+1", "12:00:00+01:60", "12:00:00 +01"]
        {
            assert!(text.parse::<TimeTz>().is_err(), "{text}");
        }
        assert!(TimeTz::new(Time::MIN, 57_600).is_err());
        assert!(TimeTz::new(Time::MIN, i32::MIN).is_err());
        let body = [&0_i64.to_be_bytes()[..], &i32::MIN.to_be_bytes()[..]].concat();
        assert!(read_whole::<TimeTz>(&body).is_err());
    }

    #[test]
    fn the_order_is_that_of_the_time_in_utc() {
        let time = |text: &str| text.parse::<TimeTz>().unwrap();
        assert!(time("12:00:00+02") < time("11:00:00+00"));
        assert!(time("12:00:00+01") < time("11:00:00+00"), "the same instant: the east is first");
        assert_ne!(time("12:00:00+01"), time("11:00:00+00"));
    }
}
