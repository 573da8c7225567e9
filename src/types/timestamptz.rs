//! `Timestamptz`: an instant.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use bytes::BytesMut;

use crate::error::Error;
use crate::types::calendar::scan_offset;
use crate::types::timestamp::Timestamp;
use crate::types::wire_form::{WireForm, invalid_text, out_of_range, wire_form};
use crate::wire::Reader;

/// A `timestamptz`: an instant from 4714-11-24 00:00:00 BC to 294276-12-31 23:59:59.999999 in UTC, or an infinity.
///
/// The server keeps no zone with it. The text is in UTC, as the server writes it where `TimeZone` is `UTC` and
/// `DateStyle` is `ISO`; any offset can be read.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
///
/// use aiopg::types::Timestamptz;
///
/// let instant: Timestamptz = "2024-02-29 12:30:00+05:30".parse()?;
/// assert_eq!(instant.to_string(), "2024-02-29 07:00:00+00");
/// assert_eq!(Timestamptz::try_from(SystemTime::UNIX_EPOCH)?.to_string(), "1970-01-01 00:00:00+00");
/// assert!(SystemTime::try_from(Timestamptz::INFINITY).is_err());
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Date/time types](https://www.postgresql.org/docs/18/datatype-datetime.html)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamptz(Timestamp);

/// From 1970-01-01 to 2000-01-01.
const UNIX_TO_EPOCH: Duration = Duration::from_secs(946_684_800);

impl Timestamptz {
    /// `infinity`.
    pub const INFINITY: Self = Self(Timestamp::INFINITY);
    /// `-infinity`.
    pub const NEG_INFINITY: Self = Self(Timestamp::NEG_INFINITY);
    /// The first, 4714-11-24 00:00:00 BC in UTC.
    pub const MIN: Self = Self(Timestamp::MIN);
    /// The last, 294276-12-31 23:59:59.999999 in UTC.
    pub const MAX: Self = Self(Timestamp::MAX);

    /// Makes the instant at which the clocks of UTC show `timestamp`.
    pub fn from_utc(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }

    /// Makes an instant from the microseconds since 2000-01-01 00:00:00 in UTC. The two ends of `i64` are the
    /// infinities.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if the server has no such instant.
    pub fn from_microseconds(microseconds: i64) -> Result<Self, Error> {
        let timestamp = Timestamp::from_microseconds(microseconds);
        timestamp.map(Self).map_err(|_| out_of_range::<Self>())
    }

    /// Returns the microseconds since 2000-01-01 00:00:00 in UTC, or for an infinity an end of `i64`.
    pub fn microseconds(self) -> i64 {
        self.0.microseconds()
    }

    /// Tells whether this is no infinity.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Returns what the clocks of UTC show at this instant.
    pub fn utc(self) -> Timestamp {
        self.0
    }
}

impl TryFrom<SystemTime> for Timestamptz {
    type Error = Error;

    /// The instant; what is less than a microsecond is cut off, towards the past.
    fn try_from(time: SystemTime) -> Result<Self, Error> {
        let epoch = SystemTime::UNIX_EPOCH + UNIX_TO_EPOCH;
        let microseconds = match time.duration_since(epoch) {
            Ok(after) => i64::try_from(after.as_micros()).ok(),
            Err(before) => {
                let before = before.duration().as_nanos().div_ceil(1000);
                i64::try_from(before).ok().and_then(i64::checked_neg)
            }
        };
        let finite = microseconds.map(Self::from_microseconds).and_then(Result::ok);
        finite.filter(|instant| instant.is_finite()).ok_or_else(out_of_range::<Self>)
    }
}

impl TryFrom<Timestamptz> for SystemTime {
    type Error = Error;

    /// The instant.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) for an infinity, or if this machine's time does not reach
    /// that far.
    fn try_from(instant: Timestamptz) -> Result<Self, Error> {
        if !instant.is_finite() {
            return Err(Error::conversion("an infinite timestamptz is no instant"));
        }
        let epoch = Self::UNIX_EPOCH.checked_add(UNIX_TO_EPOCH);
        let distance = Duration::from_micros(instant.microseconds().unsigned_abs());
        let time = if instant.microseconds() < 0 {
            epoch.and_then(|epoch| epoch.checked_sub(distance))
        } else {
            epoch.and_then(|epoch| epoch.checked_add(distance))
        };
        time.ok_or_else(|| Error::conversion("the timestamptz is out of range for `SystemTime`"))
    }
}

impl fmt::Display for Timestamptz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_with(f, "+00")
    }
}

impl fmt::Debug for Timestamptz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamptz({self})")
    }
}

impl FromStr for Timestamptz {
    type Err = Error;

    /// Reads the text that PostgreSQL writes with `DateStyle` `ISO`, in whatever zone.
    fn from_str(text: &str) -> Result<Self, Error> {
        Timestamp::scan_with(text, scan_offset).map(Self).ok_or_else(invalid_text::<Self>)
    }
}

impl WireForm for Timestamptz {
    const NAME: &'static str = "timestamptz";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Self::from_microseconds(reader.read_i64()?)
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        self.0.write(out)
    }
}

wire_form!(Timestamptz: TIMESTAMPTZ);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc_and_read_in_any_zone() {
        for (text, utc) in [
            ("2024-02-29 12:30:00+00", "2024-02-29 12:30:00+00"),
            ("2024-02-29 12:30:00-11", "2024-02-29 23:30:00+00"),
            ("2024-02-29 00:30:00.5+05:45", "2024-02-28 18:45:00.5+00"),
            ("1800-01-01 00:00:00+00:53:28", "1799-12-31 23:06:32+00"),
            ("0044-03-15 12:00:00+00 BC", "0044-03-15 12:00:00+00 BC"),
            ("-infinity", "-infinity"),
        ] {
            assert_eq!(text.parse::<Timestamptz>().unwrap().to_string(), utc);
        }
        for text in ["", "2024-02-29 12:30:00", "2024-02-29 12:30:00Z", "2024-02-29 12:30:00+16"] {
            assert!(text.parse::<Timestamptz>().is_err(), "{text}");
        }
        assert!("294276-12-31 23:59:59-01".parse::<Timestamptz>().is_err());
        assert!("4714-11-24 00:00:00+01 BC".parse::<Timestamptz>().is_err());
    }

    #[test]
    fn system_time_is_converted_where_both_reach() {
        for microseconds in [0, -1, 1, 946_684_800_000_000, -946_684_800_000_001] {
            let instant = Timestamptz::from_microseconds(microseconds).unwrap();
            let time = SystemTime::try_from(instant).unwrap();
            assert_eq!(Timestamptz::try_from(time).unwrap(), instant);
        }
        let before = SystemTime::UNIX_EPOCH - Duration::from_nanos(1);
        let instant = Timestamptz::try_from(before).unwrap();
        assert_eq!(instant.to_string(), "1969-12-31 23:59:59.999999+00");
        for infinity in [Timestamptz::INFINITY, Timestamptz::NEG_INFINITY] {
            assert!(SystemTime::try_from(infinity).is_err());
        }
        let far = Duration::from_micros(i64::MAX.unsigned_abs()) + UNIX_TO_EPOCH;
        let far = SystemTime::UNIX_EPOCH.checked_add(far);
        assert!(
            far.is_none_or(|far| Timestamptz::try_from(far).is_err()),
            "it is infinity's number"
        );
    }
}
