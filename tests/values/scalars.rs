//! Every scalar type with its extreme values: there, back, and in the server's own text.

use aiopg::types::{Bits, Cid, Money, Numeric, PgLsn, PgSnapshot, Tid, Void, Xid, Xid8};
use aiopg::{Error, Runtime, SqlState};
use aiopg_tests::on_every_runtime;

use crate::table::{check, check_text, open};

async fn numbers_of_rust_are_the_servers<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for value in [true, false] {
        check(c, "bool", value, if value { "true" } else { "false" }).await?;
    }
    for value in [i16::MIN, -1, 0, i16::MAX] {
        check(c, "int2", value, &value.to_string()).await?;
    }
    for value in [i32::MIN, -1, 0, i32::MAX] {
        check(c, "int4", value, &value.to_string()).await?;
    }
    for value in [i64::MIN, -1, 0, i64::MAX, (1 << 53) + 1] {
        check(c, "int8", value, &value.to_string()).await?;
    }
    for value in [0, 1, 1 << 31, u32::MAX] {
        check(c, "oid", value, &value.to_string()).await?;
        check(c, "xid", value, &value.to_string()).await?;
        check(c, "cid", value, &value.to_string()).await?;
        check(c, "xid", Xid(value), &value.to_string()).await?;
        check(c, "cid", Cid(value), &value.to_string()).await?;
    }
    for value in [0, 1, 1 << 63, u64::MAX] {
        check(c, "xid8", Xid8(value), &value.to_string()).await?;
    }
    Ok(())
}

async fn floats_are_the_servers_to_the_last_bit<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for (value, text) in [
        (0.0, "0"),
        (1e-20, "1e-20"),
        (122.2e-100, "1.222e-98"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (5e-324, "5e-324"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
        (0.1 + 0.2, "0.30000000000000004"),
    ] {
        check(c, "float8", value, text).await?;
    }
    for (value, text) in [
        (f32::MAX, "3.4028235e+38"),
        (f32::MIN_POSITIVE, "1.1754944e-38"),
        (1e-45, "1e-45"),
        (f32::INFINITY, "Infinity"),
        (0.1, "0.1"),
    ] {
        check(c, "float4", value, text).await?;
    }
    let zero: f64 = c.query_scalar("select $1::float8", (-0.0_f64,)).await?;
    assert_eq!(zero.to_bits(), (-0.0_f64).to_bits());
    for bits in [f64::NAN.to_bits(), 0xfff8_0000_0000_0001, 0x7ff0_0000_0000_0001] {
        let nan: f64 = c.query_scalar("select $1::float8", (f64::from_bits(bits),)).await?;
        assert!(nan.is_nan());
    }
    let nan: f32 = c.query_scalar("select $1::float4", (f32::NAN,)).await?;
    assert!(nan.is_nan());
    Ok(())
}

async fn a_numeric_keeps_every_digit_and_its_scale<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    let mut texts: Vec<String> = [
        "0",
        "0.000",
        "1",
        "-1",
        "9999",
        "10000",
        "-10000",
        "9999.9999",
        "10000.0001",
        "99999999",
        "100000000",
        "1000000000.11",
        "0.000010000",
        "18446744073709551616",
        "-18446744073709551616",
        "340282366920938463463374607431768211456",
        "-340282366920938463463374607431768211456",
        "3.14159265358979323846264338327950288419716939937510",
        "NaN",
    ]
    .map(str::to_owned)
    .into();
    texts.push(format!("1{}.{}", "0".repeat(117), "0".repeat(161)));
    texts.push(format!("1{}", "0".repeat(1000)));
    texts.push(format!("0.{}10", "0".repeat(999)));
    texts.push(format!("-{}.{}", "9".repeat(131_072), "1".repeat(16_383)));
    texts.push(format!("0.{}1", "0".repeat(16_382)));
    texts.extend((1..28).map(|places| format!("0.{}1", "0".repeat(places - 1))));
    texts.extend((1..6).map(|zeros| format!("0.1{}", "0".repeat(zeros))));
    if c.server_version() >= Some(140_000) {
        texts.extend(["Infinity", "-Infinity"].map(str::to_owned));
    }
    for text in &texts {
        check_text::<R, Numeric>(c, "numeric", text).await?;
    }
    Ok(())
}

/// Numbers that the server has made, of every size: with random digits before and after the point.
async fn a_numeric_agrees_with_the_servers_arithmetic<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    let sql = "select n, n::text from generate_series(-200, 200) i, \
               lateral (select (i * 7.0 ^ abs(i % 97) / (1 + 3.0 ^ (i % 41))) n) numbers";
    let rows = c.query(sql, ()).await?;
    assert_eq!(rows.len(), 401);
    let mut numbers = Vec::new();
    for row in &rows {
        let number: Numeric = row.try_get(0)?;
        assert_eq!(number.to_string(), row.try_get::<&str>(1)?);
        numbers.push(number);
    }
    let sorted = "select array_agg(n order by n) from unnest($1::numeric[]) n";
    let theirs: Vec<Numeric> = c.query_scalar(sorted, (&numbers,)).await?;
    numbers.sort();
    assert_eq!(numbers, theirs);
    Ok(())
}

async fn a_number_the_server_has_not_is_its_error<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    let infinity: Result<Numeric, _> =
        c.query_scalar("select $1::numeric", (Numeric::INFINITY,)).await;
    if c.server_version() >= Some(140_000) {
        assert_eq!(infinity?, Numeric::INFINITY);
    } else {
        let state = infinity.unwrap_err().sqlstate();
        assert_eq!(state, Some(SqlState::INVALID_BINARY_REPRESENTATION));
    }
    Ok(())
}

async fn bits_of_any_length_survive<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for text in ["", "0", "1", "000", "10101010", "111111111", &"10".repeat(4001)] {
        check_text::<R, Bits>(c, "varbit", text).await?;
        // Without the quotes its length would be 1.
        check_text::<R, Bits>(c, "\"bit\"", text).await?;
    }
    let padded: Bits =
        c.query_scalar("select $1::varbit::bit(5)", ("11".parse::<Bits>()?,)).await?;
    assert_eq!(padded.to_string(), "11000");
    Ok(())
}

async fn what_identifies_things_survives<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for text in ["(0,0)", "(4294967295,65535)", "(0,1)"] {
        check_text::<R, Tid>(c, "tid", text).await?;
    }
    for text in ["0/0", "FFFFFFFF/FFFFFFFF", "16/B374D848", "0/1"] {
        check_text::<R, PgLsn>(c, "pg_lsn", text).await?;
    }
    for text in ["1:1:", "100:1000:100,200,300,400", "1:9223372036854775807:5"] {
        check_text::<R, PgSnapshot>(c, "pg_snapshot", text).await?;
        check_text::<R, PgSnapshot>(c, "txid_snapshot", text).await?;
    }
    let snapshot: PgSnapshot = c.query_scalar("select pg_current_snapshot()", ()).await?;
    assert!(snapshot.xmin <= snapshot.xmax && snapshot.xmin > Xid8(0));
    c.batch_execute("create temp table t (i int)").await?;
    c.batch_execute("insert into t values (1)").await?;
    let row = c.query_one("select ctid, xmin, cmin, pg_current_wal_lsn() from t", ()).await?;
    assert_eq!(row.try_get::<Tid>(0)?, Tid { block: 0, offset: 1 });
    assert_ne!(row.try_get::<Xid>(1)?, Xid(0));
    assert_eq!(row.try_get::<Cid>(2)?, Cid(0));
    assert_ne!(row.try_get::<PgLsn>(3)?, PgLsn(0));
    let again: i32 =
        c.query_scalar("select i from t where ctid = $1", (row.get::<Tid>(0),)).await?;
    assert_eq!(again, 1);
    Ok(())
}

async fn object_identifiers_are_numbers<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for (r#type, name, expected) in [
        ("regclass", "pg_class", 1259),
        ("regtype", "integer", 23),
        ("regnamespace", "pg_catalog", 11),
        ("regproc", "now", 1299),
        ("regprocedure", "now()", 1299),
        ("regoperator", "=(integer,integer)", 96),
        ("regrole", "pg_monitor", 3373),
        ("regconfig", "simple", 3748),
        ("regdictionary", "simple", 3765),
        ("regcollation", "\"C\"", 950),
    ] {
        let sql = format!("select $1::text::{type}");
        let oid: u32 = c.query_scalar(&sql, (name,)).await?;
        let back: String = c.query_scalar(&format!("select $1::{type}::text"), (oid,)).await?;
        assert_eq!(back, name);
        assert_eq!(oid, expected, "{type}");
    }
    Ok(())
}

async fn money_is_counted_in_its_smallest_unit<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for units in [i64::MIN, -1, 0, 5, 1205, i64::MAX] {
        let sql = "select $1::money, $1::money::numeric";
        let row = c.query_one(sql, (Money(units),)).await?;
        assert_eq!(row.try_get::<Money>(0)?, Money(units));
        // Without a currency there are two digits.
        assert_eq!(row.try_get::<Numeric>(1)?, Money(units).to_numeric(2));
    }
    Ok(())
}

async fn void_is_a_value<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    let Void = c.query_scalar("select pg_notify('news', $1)", ("hello",)).await?;
    let row = c.query_one("select pg_notify('news', $1), 42", ("hello",)).await?;
    assert_eq!((row.try_get::<Void>(0)?, row.try_get::<i32>(1)?), (Void, 42));
    Ok(())
}

on_every_runtime!(
    numbers_of_rust_are_the_servers,
    floats_are_the_servers_to_the_last_bit,
    a_numeric_keeps_every_digit_and_its_scale,
    a_numeric_agrees_with_the_servers_arithmetic,
    a_number_the_server_has_not_is_its_error,
    bits_of_any_length_survive,
    what_identifies_things_survives,
    object_identifiers_are_numbers,
    money_is_counted_in_its_smallest_unit,
    void_is_a_value,
);
