//! `Interval`: months, days and microseconds, which are not to be mixed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::calendar::write_time;
use crate::types::scan::Scan;
use crate::types::wire_form::{WireForm, invalid_text, wire_form};
use crate::wire::Reader;

/// An `interval`: so many months, days and microseconds, each with a sign of its own.
///
/// A month has no fixed number of days, and a day where clocks are changed not 24 hours, so nothing is carried from
/// one to the other, and two intervals are equal only if all parts are. PostgreSQL's own comparison takes a month
/// for 30 days; leave ordering to it. The text is that of `IntervalStyle` `postgres`.
///
/// From PostgreSQL 17 on there are infinities; their parts are all at the end of their ranges. Earlier servers
/// take them for very long intervals.
///
/// # Examples
///
/// ```
/// use aiopg::types::Interval;
///
/// let interval = Interval { months: 14, days: -3, microseconds: 1_500_000 };
/// assert_eq!(interval.to_string(), "1 year 2 mons -3 days +00:00:01.5");
/// assert_eq!("1 year 2 mons -3 days +00:00:01.5".parse::<Interval>()?, interval);
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Interval output](https://www.postgresql.org/docs/18/datatype-datetime.html#DATATYPE-INTERVAL-OUTPUT)
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an interval has these parts and no others")]
pub struct Interval {
    /// The months, and years as 12 of them.
    pub months: i32,
    /// The days, and weeks as 7 of them.
    pub days: i32,
    /// Hours, minutes and seconds, in microseconds.
    pub microseconds: i64,
}

impl Interval {
    /// No time at all.
    pub const ZERO: Self = Self { months: 0, days: 0, microseconds: 0 };
    /// `infinity`, from PostgreSQL 17 on.
    pub const INFINITY: Self = Self { months: i32::MAX, days: i32::MAX, microseconds: i64::MAX };
    /// `-infinity`, from PostgreSQL 17 on.
    pub const NEG_INFINITY: Self =
        Self { months: i32::MIN, days: i32::MIN, microseconds: i64::MIN };

    /// Tells whether this is no infinity.
    pub fn is_finite(self) -> bool {
        self != Self::INFINITY && self != Self::NEG_INFINITY
    }

    /// Reads years, months and days, and then hours, minutes and seconds.
    fn scan(scan: &mut Scan<'_>) -> Option<Self> {
        let (mut months, mut days) = (0, 0);
        for unit in Unit::ALL {
            let mut ahead = *scan;
            let sign = ahead.sign();
            let number = ahead.number()?;
            if !(ahead.eat(" ") && unit.names().contains(&ahead.word())) {
                continue;
            }
            *scan = ahead;
            let number = sign * number;
            match unit {
                Unit::Year => months = number.checked_mul(12)?,
                Unit::Month => months = number.checked_add(months)?,
                Unit::Day => days = number,
            }
            if scan.is_done() {
                return Self::checked(months, days, 0);
            }
            scan.expect(" ")?;
        }
        let sign = scan.sign();
        let hours = scan.number()?;
        scan.expect(":")?;
        let minutes = scan.two_digits().filter(|minutes| *minutes < 60)?;
        scan.expect(":")?;
        let seconds = scan.two_digits().filter(|seconds| *seconds < 60)?;
        let fraction = scan.fraction()?;
        let seconds = i128::from(hours) * 3600 + i128::from(minutes * 60 + seconds);
        let microseconds = i128::from(sign) * (seconds * 1_000_000 + i128::from(fraction));
        scan.is_done().then_some(())?;
        Self::checked(months, days, microseconds)
    }

    fn checked(months: i64, days: i64, microseconds: i128) -> Option<Self> {
        Some(Self {
            months: months.try_into().ok()?,
            days: days.try_into().ok()?,
            microseconds: microseconds.try_into().ok()?,
        })
    }
}

/// What a number stands before, in the order of the text.
#[derive(Clone, Copy)]
enum Unit {
    Year,
    Month,
    Day,
}

impl Unit {
    const ALL: [Self; 3] = [Self::Year, Self::Month, Self::Day];

    /// The names for one and for any other number.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Year => ["year", "years"],
            Self::Month => ["mon", "mons"],
            Self::Day => ["day", "days"],
        }
    }
}

impl TryFrom<Duration> for Interval {
    type Error = Error;

    /// The duration as microseconds, without days; what is less than a microsecond is cut off.
    fn try_from(duration: Duration) -> Result<Self, Error> {
        let microseconds = i64::try_from(duration.as_micros());
        let microseconds = microseconds
            .map_err(|_| Error::conversion("the duration is out of range for type interval"))?;
        Ok(Self { microseconds, ..Self::ZERO })
    }
}

impl TryFrom<Interval> for Duration {
    type Error = Error;

    /// The duration of an interval of hours, minutes and seconds alone.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if it is negative, or has months or days: only together with a
    /// date it is known how long these are.
    fn try_from(interval: Interval) -> Result<Self, Error> {
        if interval.months != 0 || interval.days != 0 {
            let text = "an interval with months or days has no fixed duration";
            return Err(Error::conversion(text));
        }
        let microseconds = u64::try_from(interval.microseconds);
        let microseconds =
            microseconds.map_err(|_| Error::conversion("a negative interval is no `Duration`"))?;
        Ok(Self::from_micros(microseconds))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_finite() {
            return f.write_str(if self.months > 0 { "infinity" } else { "-infinity" });
        }
        let numbers = [self.months / 12, self.months % 12, self.days];
        let (mut is_first, mut after_negative) = (true, false);
        for (number, unit) in numbers.into_iter().zip(Unit::ALL) {
            if number == 0 {
                continue;
            }
            let space = if is_first { "" } else { " " };
            // After a negative number a positive one says so.
            let plus = if after_negative && number > 0 { "+" } else { "" };
            let [one, many] = unit.names();
            write!(f, "{space}{plus}{number} {}", if number == 1 { one } else { many })?;
            (is_first, after_negative) = (false, number < 0);
        }
        if self.microseconds == 0 && !is_first {
            return Ok(());
        }
        f.write_str(if is_first { "" } else { " " })?;
        f.write_str(match (self.microseconds < 0, after_negative) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        })?;
        write_time(f, self.microseconds.unsigned_abs())
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interval({self})")
    }
}

impl FromStr for Interval {
    type Err = Error;

    /// Reads the text that PostgreSQL writes with `IntervalStyle` `postgres`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "infinity" => return Ok(Self::INFINITY),
            "-infinity" => return Ok(Self::NEG_INFINITY),
            _ => {}
        }
        Self::scan(&mut Scan::new(text)).ok_or_else(invalid_text::<Self>)
    }
}

impl WireForm for Interval {
    const NAME: &'static str = "interval";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let microseconds = reader.read_i64()?;
        let days = reader.read_i32()?;
        Ok(Self { microseconds, days, months: reader.read_i32()? })
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        out.put_i64(self.microseconds);
        out.put_i32(self.days);
        out.put_i32(self.months);
        Ok(())
    }
}

wire_form!(Interval: INTERVAL);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_the_text_that_postgresql_gives_them() {
        for (months, days, microseconds, text) in [
            (0, 0, 0, "00:00:00"),
            (12, 0, 0, "1 year"),
            (-12, 0, 0, "-1 years"),
            (-1, 1, 0, "-1 mons +1 day"),
            (-1, 0, 1, "-1 mons +00:00:00.000001"),
            (1, -1, -1, "1 mon -1 days -00:00:00.000001"),
            (-35, -10, -7_200_800_000, "-2 years -11 mons -10 days -02:00:00.8"),
            (0, 1, 90_000_000_000, "1 day 25:00:00"),
            (2_136_000_000, 0, 0, "178000000 years"),
            (
                i32::MIN,
                i32::MIN,
                i64::MIN + 1,
                "-178956970 years -8 mons -2147483648 days -2562047788:00:54.775807",
            ),
            (0, 0, i64::MIN, "-2562047788:00:54.775808"),
            (i32::MAX, i32::MAX, i64::MAX, "infinity"),
            (i32::MIN, i32::MIN, i64::MIN, "-infinity"),
        ] {
            let interval = Interval { months, days, microseconds };
            assert_eq!(interval.to_string(), text);
            assert_eq!(text.parse::<Interval>().unwrap(), interval, "{text}");
        }
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        for text in [
            "",
            "1",
            "1 ",
            "1 year ",
            "1 day 1 year",
            "1 week",
            "1 year 1 year",
            "1:00:00 1 day",
            "01:60:00",
            "01:00:60",
            "01:00",
            "1 day -",
            "178956971 years",
            "2147483648 days",
            "2562047788:00:54.775808",
            "999999999999999999 years",
            "999999999999999999 mons",
            "1 year 2147483647 mons",
            "-",
            "+",
        ] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_fixed_and_positive_time_is_a_duration() {
        let hours: Interval = "25:00:00.5".parse().unwrap();
        let duration = Duration::try_from(hours).unwrap();
        assert_eq!(duration, Duration::from_millis(90_000_500));
        assert_eq!(Interval::try_from(duration).unwrap(), hours);
        for text in ["1 day", "1 mon", "-00:00:01", "infinity", "-infinity"] {
            assert!(Duration::try_from(text.parse::<Interval>().unwrap()).is_err(), "{text}");
        }
        assert!(Interval::try_from(Duration::MAX).is_err());
    }
}
