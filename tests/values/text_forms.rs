//! Texts of the server, read as the types of their columns: they are the values that binary format gives.

use aiopg::{Error, Format, Kind, Runtime};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session;

/// Expressions at the ends of their types, and in between.
const EXPRESSIONS: &[&str] = &[
    "true, false, null::bool",
    "'-32768'::int2, 2147483647, '-9223372036854775808'::int8, 4294967295::oid",
    "'NaN'::float4, '-Infinity'::float4, 1.1::float4, '3.4028235e38'::float4, '1e-45'::float4, '-0'::float4",
    "'NaN'::float8, 'Infinity'::float8, 0.1::float8, '1.7976931348623157e308'::float8, '5e-324'::float8, '-0'::float8",
    "'NaN'::numeric, 0.10::numeric, ('1' || repeat('0', 117) || '.' || repeat('0', 161))::numeric, '-1e-1000'::numeric",
    "''::text, 'a''\\b'::varchar, 'ab '::char(5), 'n'::name, 'a'::\"char\", ''::\"char\", '\\'::\"char\"",
    "'\\x'::bytea, decode('00ff5c27', 'hex'), '\\x5c78'::bytea",
    "'{\"a\": [1, null]}'::json, '{\"a\": [1, null]}'::jsonb, '<a/>'::xml",
    "'12345678-9abc-def0-1234-56789abcdef0'::uuid",
    "'infinity'::date, '-infinity'::date, '4713-01-01 BC'::date, '5874897-12-31'::date, '2024-02-29'::date",
    "'00:00'::time, '24:00:00'::time, '23:59:59.999999'::time, '24:00:00-15:59:59'::timetz, '12:00+05:45'::timetz",
    "'infinity'::timestamp, '4713-01-01 00:00:00 BC'::timestamp, '294276-12-31 23:59:59.999999'::timestamp",
    "'-infinity'::timestamptz, '2024-02-29 12:00:00+00'::timestamptz, '1800-01-01 00:00:00.5+00'::timestamptz, \
     '4713-12-31 00:00:00+00 BC'::timestamptz, '2024-10-27 01:30:00+00'::timestamptz",
    "'0'::interval, '-2 years -11 months -10 days -2 hours -800 ms'::interval, '178000000 years'::interval, \
     '1 mon -1 day 00:00:00.000001'::interval",
    "'10.0.0.1/30'::inet, '0.0.0.0/0'::inet, '::ffff:1.2.3.4'::inet, '::1.2.3.4'::inet, '10.0.0.0/8'::cidr, '::/0'::cidr",
    "'08:00:2b:01:02:03'::macaddr, '08:00:2b:01:02:03:04:05'::macaddr8",
    "b'101', b''::varbit, '111111111'::varbit",
    "'FFFFFFFF/FFFFFFFF'::pg_lsn, '(4294967295,65535)'::tid",
    "'{}'::int4[], '{1,NULL}'::int4[], '{{1,2},{3,4}}'::int8[], '[-2:-1][5:6]={{1,2},{3,4}}'::int2[]",
    "array['', 'NULL', null, 'a b', '\\', '\"', '{}', ',', E'\\t', 'é']::text[], '{\"2024-02-29 12:00:00\"}'::timestamp[]",
    "array[null, '\\x00ff']::bytea[], array[true, null], array['NaN', '1e300']::float8[], array['1 day'::interval]",
    "'empty'::int4range, '[1,5)'::int4range, '(,)'::int8range, '(1.50,NaN]'::numrange, '[2024-01-01,infinity)'::daterange",
    "'[2024-01-01 00:00:00,infinity]'::tsrange, '(,2024-01-01 00:00:00+00]'::tstzrange, array['[1,2)', null]::int4range[]",
];

async fn texts_are_read_as_the_values_they_stand_for<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for setting in [
        "set timezone = 'UTC'",
        "set timezone = 'Asia/Kathmandu'; set datestyle = 'ISO, DMY'; set bytea_output = 'escape'",
        "set timezone = 'Europe/Vienna'; set datestyle = 'ISO, YMD'; set extra_float_digits = 3; set xmloption = content",
    ] {
        connection.batch_execute(setting).await?;
        for expressions in EXPRESSIONS {
            let sql = format!("select {expressions}");
            let binary = connection.query(&sql, ()).await?;
            let texts = connection.simple_query(&sql).await?;
            let read = texts[0].to_binary().unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            assert_eq!(read.command_tag(), binary.command_tag());
            let (read, binary) = (read.row(0).unwrap(), binary.row(0).unwrap());
            for ((column, read), (_, binary)) in read.values().zip(binary.values()) {
                assert_eq!(column.format(), Format::Binary, "{sql}");
                assert_eq!(read, binary, "{} in {sql}", column.r#type());
            }
        }
    }
    Ok(())
}

async fn values_are_read_by_their_types<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select n, array[n, null]::int8[] as list, n::text as text, point(n, 0) as point, n::money as money \
               from generate_series(1, 3) n";
    let rows = connection.simple_query(sql).await?[0].to_binary()?;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows.column::<i32>("n")?, [1, 2, 3]);
    assert_eq!(rows.row(2).unwrap().get::<Vec<Option<i64>>>("list"), [Some(3), None]);
    assert_eq!(rows.row(1).unwrap().get::<&str>("text"), "2");
    // What has no text that is known stays a text.
    assert_eq!(rows.row(1).unwrap().get::<&str>("point"), "(2,0)");
    assert_eq!(rows.columns()[4].format(), Format::Text);
    assert_eq!(rows.to_binary()?.column::<i32>("n")?, [1, 2, 3]);
    Ok(())
}

/// Dates of another style are not taken for other dates.
async fn texts_of_other_styles_are_refused<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for style in ["SQL, DMY", "SQL, MDY", "German", "Postgres, DMY"] {
        connection.batch_execute(&format!("set datestyle = '{style}'")).await?;
        for value in [
            "date '2001-02-03'",
            "timestamp '2001-02-03 04:05:06'",
            "timestamptz '2001-02-03 04:05:06+00'",
        ] {
            let results = connection.simple_query(&format!("select 1, {value}")).await?;
            let error = results[0].to_binary().unwrap_err();
            assert_eq!(error.kind(), Kind::Conversion);
            assert!(error.to_string().starts_with("row 0: column \""), "{error}");
        }
    }
    for style in ["sql_standard", "iso_8601", "postgres_verbose"] {
        connection.batch_execute(&format!("set intervalstyle = '{style}'")).await?;
        for value in ["1-2", "-1 day", "0", "-1 day +02:03:04", "1 mon -1 day"] {
            let sql = format!("select interval '{value}'");
            let binary = connection.query(&sql, ()).await?;
            let results = connection.simple_query(&sql).await?;
            // A text that is the same in two styles may be read, if it is the same value.
            if let Ok(read) = results[0].to_binary() {
                assert_eq!(
                    read.row(0).unwrap().raw(0)?,
                    binary.row(0).unwrap().raw(0)?,
                    "{style} {value}"
                );
            }
        }
    }
    Ok(())
}

on_every_runtime!(
    texts_are_read_as_the_values_they_stand_for,
    values_are_read_by_their_types,
    texts_of_other_styles_are_refused,
);
