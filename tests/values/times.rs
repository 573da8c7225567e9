//! Dates, times and intervals: every extreme, the infinities, and what other crates make of them.

use std::time::SystemTime;

use aiopg::postgres_types::{self, FromSqlOwned};
use aiopg::types::{Date, Interval, Time, TimeTz, Timestamp, Timestamptz};
use aiopg::{Connection, Error, Kind, Runtime};
use aiopg_tests::on_every_runtime;

use crate::table::{check, check_text, open};

async fn dates_reach_as_far_as_the_servers<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for text in [
        "infinity",
        "-infinity",
        "4714-11-24 BC",
        "4713-01-01 BC",
        "0001-12-31 BC",
        "0001-01-01",
        "1582-10-04",
        "1582-10-15",
        "1900-02-28",
        "1900-03-01",
        "1999-12-31",
        "2000-01-01",
        "2000-02-29",
        "9999-12-31",
        "10000-01-01",
        "99999-12-31",
        "5874897-12-31",
    ] {
        check_text::<R, Date>(c, "date", text).await?;
    }
    let sql = "select d, d::text, extract(year from d)::int4, extract(month from d)::int4, \
               extract(day from d)::int4 from generate_series(-400, 400) i, \
               lateral (select '0001-01-01'::date + i * 1013 d) days";
    let rows = c.query(sql, ()).await?;
    assert_eq!(rows.len(), 801);
    for row in &rows {
        let date: Date = row.try_get(0)?;
        assert_eq!(date.to_string(), row.try_get::<&str>(1)?);
        assert_eq!(date.year(), Some(row.try_get::<i32>(2)?));
        assert_eq!(date.month().map(i32::from), Some(row.try_get::<i32>(3)?));
        assert_eq!(date.day().map(i32::from), Some(row.try_get::<i32>(4)?));
    }
    Ok(())
}

async fn times_of_day_end_at_24<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for text in ["00:00:00", "00:00:00.000001", "20:31:23.648", "23:59:59.999999", "24:00:00"] {
        check_text::<R, Time>(c, "time", text).await?;
    }
    for text in [
        "00:00:00+00",
        "24:00:00+00",
        "24:00:00-15:59:59",
        "00:00:00+15:59:59",
        "12:30:00.5+05:45",
        "12:00:00-00:00:01",
        "12:00:00+00:30",
    ] {
        check_text::<R, TimeTz>(c, "timetz", text).await?;
    }
    let texts = ["12:00:00+02", "11:00:00+00", "12:00:00+01", "10:00:00-01", "00:00:00+15:59:59"];
    let mut times = texts.map(|text| text.parse::<TimeTz>().unwrap()).to_vec();
    let sql = "select array_agg(t order by t) from unnest($1::timetz[]) t";
    let theirs: Vec<TimeTz> = c.query_scalar(sql, (&times,)).await?;
    times.sort();
    assert_eq!(times, theirs);
    Ok(())
}

async fn timestamps_reach_as_far_as_the_servers<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for text in [
        "infinity",
        "-infinity",
        "4714-11-24 00:00:00 BC",
        "0001-12-31 23:59:59.999999 BC",
        "0001-01-01 00:00:00",
        "1969-12-31 23:59:59.999999",
        "1970-01-01 20:31:23.648",
        "1999-12-31 23:59:59.999999",
        "2000-01-01 00:00:00.000001",
        "294276-12-31 23:59:59.999999",
    ] {
        check_text::<R, Timestamp>(c, "timestamp", text).await?;
        let instant = Timestamptz::from_utc(text.parse()?);
        check_text::<R, Timestamptz>(c, "timestamptz", &instant.to_string()).await?;
    }
    for zone in ["Europe/Vienna", "Asia/Kolkata", "America/St_Johns", "UTC"] {
        c.batch_execute(&format!("set timezone = '{zone}'")).await?;
        let sql = "select t, t::text from generate_series(-50, 50) i, \
                   lateral (select '1900-01-01 00:30:00+00'::timestamptz + i * interval '71 days') times(t)";
        for row in &c.query(sql, ()).await? {
            let instant: Timestamptz = row.try_get(0)?;
            assert_eq!(row.try_get::<&str>(1)?.parse::<Timestamptz>()?, instant);
        }
    }
    Ok(())
}

async fn intervals_keep_months_days_and_microseconds_apart<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for text in [
        "00:00:00",
        "1 year",
        "-1 years",
        "1 mon",
        "-1 mons +1 day",
        "1 day -00:00:01",
        "1 mon -1 days -00:00:00.5",
        "-2 years -11 mons -10 days -02:00:00.8",
        "178000000 years",
        "-178000000 years",
        "1 day 25:00:00",
        "178956970 years 7 mons",
        "2147483647 days",
        "-2147483648 days",
    ] {
        check_text::<R, Interval>(c, "interval", text).await?;
    }
    for (months, days, microseconds) in [
        (i32::MIN, i32::MIN, i64::MIN + 1),
        (i32::MAX, i32::MAX, i64::MAX - 1),
        (i32::MIN, 0, i64::MIN),
        (i32::MAX, i32::MIN, i64::MAX),
        (0, 0, i64::MIN),
        (0, 0, 9_223_372_036_799_999_999),
        (i32::MAX, i32::MIN, 7_730_941_132_799_999_999),
    ] {
        let interval = Interval { months, days, microseconds };
        let same: Interval = c.query_scalar("select $1::interval", (interval,)).await?;
        assert_eq!(same, interval);
        // Until PostgreSQL 15 the server kept more hours than it could write.
        let is_written = microseconds.unsigned_abs() / 3_600_000_000 <= 2_147_483_647;
        if is_written || c.server_version() >= Some(150_000) {
            let text: String = c.query_scalar("select $1::interval::text", (interval,)).await?;
            assert_eq!(text, interval.to_string());
        }
        assert_eq!(interval.to_string().parse::<Interval>()?, interval);
    }
    let infinities = [(Interval::INFINITY, "infinity"), (Interval::NEG_INFINITY, "-infinity")];
    for (interval, text) in infinities {
        if c.server_version() >= Some(170_000) {
            check(c, "interval", interval, text).await?;
        } else {
            // Only long, to an earlier server, but it keeps them.
            let same: Interval = c.query_scalar("select $1::interval", (interval,)).await?;
            assert_eq!(same, interval);
        }
    }
    Ok(())
}

async fn intervals_agree_with_the_servers_arithmetic<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    let sql = "select v, v::text from generate_series(-300, 300) i, lateral (select \
               make_interval(months => i * 7 % 31, days => i * 11 % 37, secs => i * 1013.7 % 100000) v) made";
    let rows = c.query(sql, ()).await?;
    assert_eq!(rows.len(), 601);
    for row in &rows {
        let interval: Interval = row.try_get(0)?;
        assert_eq!(interval.to_string(), row.try_get::<&str>(1)?);
        assert_eq!(interval.to_string().parse::<Interval>()?, interval);
    }
    Ok(())
}

/// Reading as `T` fails, as an option too, and says so.
async fn refused<R: Runtime, T: FromSqlOwned>(
    c: &mut Connection<R>,
    sql: &str,
) -> Result<(), Error> {
    let error = c.query_scalar::<T>(sql, ()).await.err();
    assert_eq!(error.map(|error| error.kind()), Some(Kind::Conversion), "{sql}");
    let error = c.query_scalar::<Option<T>>(sql, ()).await.err();
    assert_eq!(error.map(|error| error.kind()), Some(Kind::Conversion), "{sql}");
    Ok(())
}

async fn what_other_crates_cannot_hold_is_an_error<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for text in ["infinity", "-infinity"] {
        let sql = format!("select '{text}'::timestamptz");
        refused::<R, SystemTime>(c, &sql).await?;
        refused::<R, chrono::DateTime<chrono::Utc>>(c, &sql).await?;
        refused::<R, chrono::DateTime<chrono::FixedOffset>>(c, &sql).await?;
        refused::<R, time::OffsetDateTime>(c, &sql).await?;
        refused::<R, jiff::Timestamp>(c, &sql).await?;
        let sql = format!("select '{text}'::timestamp");
        refused::<R, SystemTime>(c, &sql).await?;
        refused::<R, chrono::NaiveDateTime>(c, &sql).await?;
        refused::<R, time::PrimitiveDateTime>(c, &sql).await?;
        refused::<R, jiff::civil::DateTime>(c, &sql).await?;
        let sql = format!("select '{text}'::date");
        refused::<R, chrono::NaiveDate>(c, &sql).await?;
        refused::<R, time::Date>(c, &sql).await?;
        refused::<R, jiff::civil::Date>(c, &sql).await?;
    }
    let sql = "select '24:00:00'::time";
    refused::<R, chrono::NaiveTime>(c, sql).await?;
    refused::<R, time::Time>(c, sql).await?;
    refused::<R, jiff::civil::Time>(c, sql).await?;
    let sql = "select array[null, '24:00:00']::time[]";
    refused::<R, Vec<Option<chrono::NaiveTime>>>(c, sql).await?;
    refused::<R, Vec<Option<time::Time>>>(c, sql).await?;
    let sql = "select array[now(), 'infinity']";
    refused::<R, Vec<SystemTime>>(c, sql).await?;
    refused::<R, Vec<time::OffsetDateTime>>(c, sql).await?;
    refused::<R, Vec<chrono::DateTime<chrono::Utc>>>(c, sql).await?;
    refused::<R, jiff::civil::DateTime>(c, "select '10000-01-01'::timestamp").await?;
    refused::<R, chrono::NaiveDateTime>(c, "select '294276-12-31'::timestamp").await?;
    refused::<R, chrono::NaiveDate>(c, "select '5874897-12-31'::date").await?;
    Ok(())
}

type Wrapped = postgres_types::Timestamp<chrono::DateTime<chrono::Utc>>;

async fn other_crates_and_ours_mean_the_same<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    let instant: Timestamptz = "2024-02-29 12:30:00.25+00".parse()?;
    let sql = "select $1::timestamptz";
    let chrono: chrono::DateTime<chrono::Utc> = c.query_scalar(sql, (instant,)).await?;
    assert_eq!(c.query_scalar::<Timestamptz>(sql, (chrono,)).await?, instant);
    let time: time::OffsetDateTime = c.query_scalar(sql, (instant,)).await?;
    assert_eq!(c.query_scalar::<Timestamptz>(sql, (time,)).await?, instant);
    let jiff: jiff::Timestamp = c.query_scalar(sql, (instant,)).await?;
    assert_eq!(c.query_scalar::<Timestamptz>(sql, (jiff,)).await?, instant);
    let system: SystemTime = c.query_scalar(sql, (instant,)).await?;
    assert_eq!(SystemTime::try_from(instant)?, system);
    assert_eq!(c.query_scalar::<Timestamptz>(sql, (system,)).await?, instant);

    let wrapped: Wrapped = c.query_scalar(sql, (Timestamptz::INFINITY,)).await?;
    assert_eq!(wrapped, Wrapped::PosInfinity);
    let nothing: Option<Timestamptz> = c.query_scalar("select null::timestamptz", ()).await?;
    assert_eq!(nothing, None);
    let both: Vec<Option<Date>> =
        c.query_scalar("select array['infinity', null, '0001-01-01 BC']::date[]", ()).await?;
    assert_eq!(both, [Some(Date::INFINITY), None, Some(Date::new(-1, 1, 1)?)]);
    Ok(())
}

on_every_runtime!(
    dates_reach_as_far_as_the_servers,
    times_of_day_end_at_24,
    timestamps_reach_as_far_as_the_servers,
    intervals_keep_months_days_and_microseconds_apart,
    intervals_agree_with_the_servers_arithmetic,
    what_other_crates_cannot_hold_is_an_error,
    other_crates_and_ours_mean_the_same,
);
