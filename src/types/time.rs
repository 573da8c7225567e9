//! `Time`: a time of day, 24:00:00 included.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::calendar::{DAY_MICROSECONDS, scan_time, time_microseconds, write_time};
use crate::types::scan::Scan;
use crate::types::wire_form::{WireForm, invalid_text, out_of_range, wire_form};
use crate::wire::Reader;

/// A `time`: from 00:00:00 to 24:00:00, which is the end of the day and not its beginning.
///
/// # Examples
///
/// ```
/// use aiopg::types::Time;
///
/// let time = Time::new(20, 31, 23, 648_000)?;
/// assert_eq!(time.to_string(), "20:31:23.648");
/// assert_eq!("24:00:00".parse::<Time>()?, Time::MAX);
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Date/time types](https://www.postgresql.org/docs/18/datatype-datetime.html)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// 00:00:00.
    pub const MIN: Self = Self(0);
    /// 24:00:00.
    pub const MAX: Self = Self(DAY_MICROSECONDS);

    /// Makes a time of day.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if a part is out of its range; an hour of 24 leaves room for
    /// nothing more, and a second of 60 is what the server would take for the next minute.
    pub fn new(hour: u8, minute: u8, second: u8, microsecond: u32) -> Result<Self, Error> {
        let time = time_microseconds(hour.into(), minute.into(), second.into(), microsecond.into());
        time.map(Self).ok_or_else(out_of_range::<Self>)
    }

    /// Makes a time from the microseconds since midnight.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if it is not of one day.
    pub fn from_microseconds(microseconds: i64) -> Result<Self, Error> {
        let is_known = (0..=DAY_MICROSECONDS).contains(&microseconds);
        if is_known { Ok(Self(microseconds)) } else { Err(out_of_range::<Self>()) }
    }

    /// Returns the microseconds since midnight.
    pub fn microseconds(self) -> i64 {
        self.0
    }

    /// Returns the hour, from 0 to 24.
    pub fn hour(self) -> u8 {
        self.part(3_600_000_000, 25)
    }

    /// Returns the minute, from 0 to 59.
    pub fn minute(self) -> u8 {
        self.part(60_000_000, 60)
    }

    /// Returns the second, from 0 to 59.
    pub fn second(self) -> u8 {
        self.part(1_000_000, 60)
    }

    /// Returns the microsecond, from 0 to 999999.
    pub fn microsecond(self) -> u32 {
        u32::try_from(self.0 % 1_000_000).unwrap_or_default()
    }

    fn part(self, unit: i64, count: i64) -> u8 {
        u8::try_from(self.0 / unit % count).unwrap_or_default()
    }
}

impl From<Time> for Duration {
    /// The time since midnight.
    fn from(time: Time) -> Self {
        Self::from_micros(time.0.unsigned_abs())
    }
}

impl TryFrom<Duration> for Time {
    type Error = Error;

    /// The time after midnight; what is less than a microsecond is cut off.
    fn try_from(duration: Duration) -> Result<Self, Error> {
        let microseconds = i64::try_from(duration.as_micros());
        microseconds.map_err(|_| out_of_range::<Self>()).and_then(Self::from_microseconds)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_time(f, self.0.unsigned_abs())
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Time({self})")
    }
}

impl FromStr for Time {
    type Err = Error;

    /// Reads the text that PostgreSQL writes.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut scan = Scan::new(text);
        let time = scan_time(&mut scan).filter(|_| scan.is_done());
        time.map(Self).ok_or_else(invalid_text::<Self>)
    }
}

impl WireForm for Time {
    const NAME: &'static str = "time";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Self::from_microseconds(reader.read_i64()?)
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        out.put_i64(self.0);
        Ok(())
    }
}

wire_form!(Time: TIME);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_text_that_postgresql_gives_them() {
        for (microseconds, text) in [
            (0, "00:00:00"),
            (1, "00:00:00.000001"),
            (100_000, "00:00:00.1"),
            (73_883_648_000, "20:31:23.648"),
            (86_399_999_999, "23:59:59.999999"),
            (86_400_000_000, "24:00:00"),
        ] {
            let time = Time::from_microseconds(microseconds).unwrap();
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse::<Time>().unwrap(), time);
            let (hour, minute) = (time.hour(), time.minute());
            assert_eq!(Time::new(hour, minute, time.second(), time.microsecond()).unwrap(), time);
            assert_eq!(Time::try_from(Duration::from(time)).unwrap(), time);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "1:00:00",
            "24:00:01",
            "24:00:00.000001",
            "23:60:00",
            "23:59:60",
            "00:00",
            "00:00:00.",
        ] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
        assert!(Time::from_microseconds(-1).is_err());
        assert!(Time::from_microseconds(86_400_000_001).is_err());
        assert!(Time::from_microseconds(i64::MIN).is_err());
        assert!(Time::new(24, 0, 0, 1).is_err());
        assert!(Time::new(0, 0, 0, 1_000_000).is_err());
        assert!(Time::try_from(Duration::MAX).is_err());
    }
}
