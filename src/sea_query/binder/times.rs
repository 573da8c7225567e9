//! Dates and times of `chrono`, `time` and `jiff`, each into the one type that means the same.

use bytes::BytesMut;
use postgres_types::{ToSql, Type};

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::{CAST, Misfit};
use crate::types::{Date, Time, Timestamp, Timestamptz};

/// A date or a time, of whatever crate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    Date(Date),
    Time(Time),
    /// What stands on a calendar and a clock, wherever these are.
    Local(Timestamp),
    Instant(Timestamptz),
}

impl Family for Moment {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        let written = match (self, r#type) {
            (Self::Date(date), &Type::DATE) => date.to_sql(r#type, out),
            (Self::Time(time), &Type::TIME) => time.to_sql(r#type, out),
            (Self::Local(timestamp), &Type::TIMESTAMP) => timestamp.to_sql(r#type, out),
            (Self::Instant(instant), &Type::TIMESTAMPTZ) => instant.to_sql(r#type, out),
            _ => return Err(Misfit::Kind(self.advice(r#type))),
        };
        written.map(drop).map_err(|_| out_of_range())
    }

    fn own_type(&self) -> Type {
        match self {
            Self::Date(_) => Type::DATE,
            Self::Time(_) => Type::TIME,
            Self::Local(_) => Type::TIMESTAMP,
            Self::Instant(_) => Type::TIMESTAMPTZ,
        }
    }
}

impl Moment {
    /// Between instants and clocks stands a zone, which nobody has told.
    #[cold]
    fn advice(self, r#type: &Type) -> &'static str {
        match (self, r#type) {
            (Self::Instant(_), &Type::TIMESTAMP) => {
                "a timestamp has no zone: make it a timestamptz, or pass what the clock there shows"
            }
            (Self::Local(_), &Type::TIMESTAMPTZ) => {
                "it is an instant only with a zone: pass it with one, such as UTC"
            }
            (Self::Date(_), &Type::TIMESTAMP | &Type::TIMESTAMPTZ) => {
                "a date has no time of day: pass it with one"
            }
            (Self::Local(_) | Self::Instant(_), &Type::DATE | &Type::TIME) => {
                "pass its date or its time of day"
            }
            _ => CAST,
        }
    }

    fn date_of_days(days: Option<i32>) -> Result<Self, Misfit> {
        let date = days.and_then(|days| Date::from_days(days).ok());
        date.filter(|date| date.is_finite()).map(Self::Date).ok_or_else(out_of_range)
    }

    fn time_of_nanoseconds(nanoseconds: u64) -> Result<Self, Misfit> {
        let time = i64::try_from(nanoseconds / 1000).ok();
        let time = time.and_then(|microseconds| Time::from_microseconds(microseconds).ok());
        time.map(Self::Time).ok_or_else(out_of_range)
    }

    /// What the clocks of UTC show so long after 1970; what is less than a microsecond is cut off, towards the past.
    fn local_of_unix(nanoseconds: i128) -> Result<Self, Misfit> {
        timestamp_of_unix(nanoseconds).map(Self::Local)
    }

    fn instant_of_unix(nanoseconds: i128) -> Result<Self, Misfit> {
        timestamp_of_unix(nanoseconds).map(|utc| Self::Instant(Timestamptz::from_utc(utc)))
    }
}

/// From 1970-01-01 to 2000-01-01.
const UNIX_TO_EPOCH: i128 = 946_684_800_000_000;

fn timestamp_of_unix(nanoseconds: i128) -> Result<Timestamp, Misfit> {
    let microseconds = i64::try_from(nanoseconds.div_euclid(1000) - UNIX_TO_EPOCH).ok();
    let timestamp = microseconds.and_then(|count| Timestamp::from_microseconds(count).ok());
    // The ends of the range of microseconds are the infinities.
    timestamp.filter(|timestamp| timestamp.is_finite()).ok_or_else(out_of_range)
}

#[cold]
fn out_of_range() -> Misfit {
    Misfit::value("the server has no such time: it is out of range")
}

/// Of a leap second, the time is that of the second behind it, as on the server.
#[cfg(feature = "with-chrono-0_4")]
mod chrono {
    use sea_query::prelude::chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
    use sea_query::prelude::{DateTime, chrono::TimeZone};

    use crate::sea_query::binder::misfit::Misfit;
    use crate::sea_query::binder::times::Moment;

    /// From the first day of the year 1 to 2000-01-01, both counted.
    const EPOCH: i32 = 730_120;

    impl Moment {
        pub(crate) fn of_chrono_date(date: NaiveDate) -> Result<Self, Misfit> {
            Self::date_of_days(date.num_days_from_ce().checked_sub(EPOCH))
        }

        pub(crate) fn of_chrono_time(time: NaiveTime) -> Result<Self, Misfit> {
            let seconds = u64::from(time.num_seconds_from_midnight());
            Self::time_of_nanoseconds(seconds * 1_000_000_000 + u64::from(time.nanosecond()))
        }

        pub(crate) fn of_chrono_local(local: NaiveDateTime) -> Result<Self, Misfit> {
            Self::local_of_unix(i128::from(local.and_utc().timestamp_micros()) * 1000)
        }

        pub(crate) fn of_chrono<Z: TimeZone>(instant: &DateTime<Z>) -> Result<Self, Misfit> {
            Self::instant_of_unix(i128::from(instant.timestamp_micros()) * 1000)
        }
    }
}

#[cfg(feature = "with-time-0_3")]
mod time {
    use sea_query::prelude::time::{Date, Time};
    use sea_query::prelude::{OffsetDateTime, PrimitiveDateTime};

    use crate::sea_query::binder::misfit::Misfit;
    use crate::sea_query::binder::times::Moment;

    /// The Julian day of 2000-01-01.
    const EPOCH: i32 = 2_451_545;

    impl Moment {
        pub(crate) fn of_time_date(date: Date) -> Result<Self, Misfit> {
            Self::date_of_days(date.to_julian_day().checked_sub(EPOCH))
        }

        pub(crate) fn of_time_time(time: Time) -> Result<Self, Misfit> {
            let (hour, minute, second, nanosecond) = time.as_hms_nano();
            let seconds = (u64::from(hour) * 60 + u64::from(minute)) * 60 + u64::from(second);
            Self::time_of_nanoseconds(seconds * 1_000_000_000 + u64::from(nanosecond))
        }

        pub(crate) fn of_time_local(local: PrimitiveDateTime) -> Result<Self, Misfit> {
            Self::local_of_unix(local.assume_utc().unix_timestamp_nanos())
        }

        pub(crate) fn of_time(instant: OffsetDateTime) -> Result<Self, Misfit> {
            Self::instant_of_unix(instant.unix_timestamp_nanos())
        }
    }
}

#[cfg(feature = "with-jiff-0_2")]
mod jiff {
    use sea_query::prelude::jiff::Timestamp as Instant;
    use sea_query::prelude::jiff::civil::{Date as Day, DateTime, Time as Clock};

    use crate::error::Error;
    use crate::sea_query::binder::misfit::Misfit;
    use crate::sea_query::binder::times::{Moment, out_of_range};
    use crate::types::{Date, Time, Timestamp};

    impl Moment {
        pub(crate) fn of_jiff_date(date: Day) -> Result<Self, Misfit> {
            day(date).map(Self::Date).ok_or_else(out_of_range)
        }

        pub(crate) fn of_jiff_time(time: Clock) -> Result<Self, Misfit> {
            clock(time).map(Self::Time).ok_or_else(out_of_range)
        }

        pub(crate) fn of_jiff_local(local: DateTime) -> Result<Self, Misfit> {
            let timestamp = day(local.date()).zip(clock(local.time()));
            let timestamp = timestamp.map(|(day, clock)| Timestamp::new(day, clock));
            timestamp.and_then(known).map(Self::Local).ok_or_else(out_of_range)
        }

        pub(crate) fn of_jiff(instant: Instant) -> Result<Self, Misfit> {
            Self::instant_of_unix(instant.as_nanosecond())
        }
    }

    /// There is a year 0, which is 1 BC.
    fn day(date: Day) -> Option<Date> {
        let year = i32::from(date.year());
        let year = if year > 0 { year } else { year - 1 };
        known(Date::new(year, date.month().try_into().ok()?, date.day().try_into().ok()?))
    }

    fn clock(time: Clock) -> Option<Time> {
        let part = |part: i8| u8::try_from(part).ok();
        let microsecond = u32::try_from(time.subsec_nanosecond() / 1000).ok()?;
        known(Time::new(
            part(time.hour())?,
            part(time.minute())?,
            part(time.second())?,
            microsecond,
        ))
    }

    fn known<T>(made: Result<T, Error>) -> Option<T> {
        made.ok()
    }
}

#[cfg(all(feature = "with-chrono-0_4", feature = "with-time-0_3", feature = "with-jiff-0_2"))]
#[cfg(test)]
mod tests {
    use sea_query::prelude::{chrono, jiff, time};

    use super::*;

    /// The text of what is written, or the word `refused`.
    fn text(moment: Result<Moment, Misfit>) -> String {
        moment.map_or_else(
            |_| "refused".to_owned(),
            |moment| match moment {
                Moment::Date(date) => date.to_string(),
                Moment::Time(time) => time.to_string(),
                Moment::Local(timestamp) => timestamp.to_string(),
                Moment::Instant(instant) => instant.to_string(),
            },
        )
    }

    #[test]
    fn dates_are_the_same_day_in_every_crate() {
        for (year, month, day, expected) in [
            (2000, 1, 1, "2000-01-01"),
            (1999, 12, 31, "1999-12-31"),
            (2024, 2, 29, "2024-02-29"),
            (1, 1, 1, "0001-01-01"),
            (0, 12, 31, "0001-12-31 BC"),
            (-43, 3, 15, "0044-03-15 BC"),
            (-4712, 1, 1, "4713-01-01 BC"),
            (-4800, 1, 1, "refused"),
            (9999, 12, 31, "9999-12-31"),
        ] {
            let of_chrono = chrono::NaiveDate::from_ymd_opt(year, month, day).unwrap();
            assert_eq!(text(Moment::of_chrono_date(of_chrono)), expected);
            let (small_month, day) = (u8::try_from(month).unwrap(), u8::try_from(day).unwrap());
            let month = time::Month::try_from(small_month).unwrap();
            let of_time = time::Date::from_calendar_date(year, month, day).unwrap();
            assert_eq!(text(Moment::of_time_date(of_time)), expected);
            let year = i16::try_from(year).unwrap();
            let (month, day) = (i8::try_from(small_month).unwrap(), i8::try_from(day).unwrap());
            assert_eq!(text(Moment::of_jiff_date(jiff::civil::date(year, month, day))), expected);
        }
        assert_eq!(text(Moment::of_chrono_date(chrono::NaiveDate::MAX)), "262142-12-31");
        assert_eq!(text(Moment::of_chrono_date(chrono::NaiveDate::MIN)), "refused");
    }

    #[test]
    fn times_of_day_are_cut_to_microseconds() {
        let of_chrono = |second, nanosecond| {
            chrono::NaiveTime::from_hms_nano_opt(23, 59, second, nanosecond).unwrap()
        };
        let expected = "23:59:58.123456";
        assert_eq!(text(Moment::of_chrono_time(of_chrono(58, 123_456_999))), expected);
        let of_time = time::Time::from_hms_nano(23, 59, 58, 123_456_999).unwrap();
        assert_eq!(text(Moment::of_time_time(of_time)), expected);
        assert_eq!(
            text(Moment::of_jiff_time(jiff::civil::time(23, 59, 58, 123_456_999))),
            expected
        );
        // A leap second.
        assert_eq!(text(Moment::of_chrono_time(of_chrono(59, 1_000_000_000))), "24:00:00");
        assert_eq!(text(Moment::of_chrono_time(of_chrono(59, 1_500_000_000))), "refused");
    }

    #[test]
    fn instants_are_cut_towards_the_past() {
        for (nanoseconds, expected) in [
            (0, "1970-01-01 00:00:00+00"),
            (1_999, "1970-01-01 00:00:00.000001+00"),
            (-1, "1969-12-31 23:59:59.999999+00"),
            (946_684_799_999_999_999, "1999-12-31 23:59:59.999999+00"),
        ] {
            let of_chrono = chrono::DateTime::from_timestamp_nanos(nanoseconds);
            assert_eq!(text(Moment::of_chrono(&of_chrono)), expected);
            let of_time = time::OffsetDateTime::from_unix_timestamp_nanos(nanoseconds.into());
            assert_eq!(text(Moment::of_time(of_time.unwrap())), expected);
            let of_jiff = jiff::Timestamp::from_nanosecond(nanoseconds.into()).unwrap();
            assert_eq!(text(Moment::of_jiff(of_jiff)), expected);
            let local = expected.trim_end_matches("+00");
            assert_eq!(text(Moment::of_chrono_local(of_chrono.naive_utc())), local);
            let of_time = of_time.unwrap();
            let of_time = time::PrimitiveDateTime::new(of_time.date(), of_time.time());
            assert_eq!(text(Moment::of_time_local(of_time)), local);
            let of_jiff = of_jiff.to_zoned(jiff::tz::TimeZone::UTC).datetime();
            assert_eq!(text(Moment::of_jiff_local(of_jiff)), local);
        }
    }

    #[test]
    fn a_time_that_would_be_read_as_infinity_is_refused() {
        let ends = [i64::MAX, i64::MIN].map(i128::from);
        for microseconds in ends {
            let nanoseconds = (microseconds + UNIX_TO_EPOCH) * 1000;
            assert_eq!(text(Moment::instant_of_unix(nanoseconds)), "refused");
            assert_eq!(text(Moment::local_of_unix(nanoseconds)), "refused");
        }
        assert_eq!(text(Moment::instant_of_unix(i128::MAX)), "refused");
        assert_eq!(text(Moment::instant_of_unix(i128::MIN)), "refused");
        assert_eq!(text(Moment::date_of_days(Some(i32::MAX))), "refused");
        let last = chrono::DateTime::<chrono::Utc>::MAX_UTC;
        assert_eq!(text(Moment::of_chrono(&last)), "262142-12-31 23:59:59.999999+00");
        assert_eq!(text(Moment::of_chrono(&chrono::DateTime::<chrono::Utc>::MIN_UTC)), "refused");
    }

    #[test]
    fn a_moment_is_written_in_the_type_that_means_the_same() {
        let timestamp = Timestamp::from_microseconds(0).unwrap();
        let moments = [
            (Moment::Date(timestamp.date()), Type::DATE),
            (Moment::Time(Time::MIN), Type::TIME),
            (Moment::Local(timestamp), Type::TIMESTAMP),
            (Moment::Instant(Timestamptz::from_utc(timestamp)), Type::TIMESTAMPTZ),
        ];
        for (moment, own) in &moments {
            assert_eq!(moment.own_type(), *own);
            for r#type in [
                Type::DATE,
                Type::TIME,
                Type::TIMESTAMP,
                Type::TIMESTAMPTZ,
                Type::TIMETZ,
                Type::TEXT,
                Type::INT8,
            ] {
                let written = moment.write(&r#type, &mut BytesMut::new());
                assert_eq!(written.is_ok(), r#type == *own, "{own} in {type}");
            }
        }
    }
}
