//! What is text on the wire is read and written as `String` and `&str`; and bytes, `"char"` and uuid.

use aiopg::{Error, Kind, Runtime};
use aiopg_tests::decoders::hex;
use aiopg_tests::on_every_runtime;

use crate::table::{check, open};

async fn text_of_every_kind_survives<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    let planes: String = ('\u{1}'..=char::MAX).step_by(97).collect();
    let long = "é".repeat(500_000);
    for text in ["", " ", "\u{7f}", "a\u{301}", "\u{fffe}\u{10ffff}", "'\"\\", &planes, &long] {
        for r#type in ["text", "varchar"] {
            check(c, r#type, text.to_owned(), text).await?;
        }
    }
    check(c, "name", "x".repeat(63), &"x".repeat(63)).await?;
    let padded: String = c.query_scalar("select $1::char(5)", ("ab",)).await?;
    assert_eq!(padded, "ab   ");
    let unknown: String = c.query_scalar("select 'ab'", ()).await?;
    assert_eq!(unknown, "ab");
    Ok(())
}

async fn json_and_xml_are_text<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for text in
        ["null", "9007199254740993", "1e400", "{\"a\": 1, \"a\":  2}", "\"\\ud83d\\ude00\"", " [] "]
    {
        check(c, "json", text.to_owned(), text).await?;
    }
    for text in ["null", "9007199254740993", "{\"a\": [1, 2.50]}", "\"😀\""] {
        check(c, "jsonb", text.to_owned(), text).await?;
    }
    let path = "$.\"track\".\"segments\"[*].\"HR\"?(@ > 130)";
    check(c, "jsonpath", path.to_owned(), path).await?;
    check(c, "xml", "<a>é</a>".to_owned(), "<a>é</a>").await?;
    check(c, "refcursor", "c".to_owned(), "c").await?;

    let row = c.query_one("select '{\"a\": 1}'::jsonb, null::jsonb, 'null'::jsonb", ()).await?;
    assert_eq!(row.try_get::<&str>(0)?, "{\"a\": 1}");
    assert_eq!((row.try_get::<Option<&str>>(1)?, row.try_get::<&str>(2)?), (None, "null"));
    assert_eq!(row.try_get::<serde_json::Value>(0)?, serde_json::json!({"a": 1}));
    assert_eq!(row.try_get::<&str>(1).unwrap_err().kind(), Kind::Conversion);
    let gone: Option<String> = c.query_scalar("select $1::jsonb::text", (None::<&str>,)).await?;
    assert_eq!(gone, None);
    let error = c.execute("select $1::jsonb", ("{",)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().class(), "22", "the server says what is wrong with it");
    Ok(())
}

async fn text_does_not_pass_for_what_is_not_text<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for sql in ["select 1", "select 1::numeric", "select '{}'::json[]", "select now()"] {
        let error = c.query_scalar::<String>(sql, ()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conversion, "{sql}");
    }
    let error = c.execute("select $1::json", (1,)).await.unwrap_err();
    assert_eq!(error.to_string(), "parameter $1 of type json cannot be written");
    let error = c.query_scalar::<i32>("select '1'::json", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "column \"json\" of type json cannot be read as `i32`");
    Ok(())
}

async fn bytes_of_every_value_survive<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    let all: Vec<u8> = (0..=u8::MAX).chain((0..=u8::MAX).rev()).collect();
    for bytes in [vec![], vec![0, 0], all, vec![0xa5; 1 << 20]] {
        let hex = hex(&bytes);
        let sql = "select $1::bytea, encode($1::bytea, 'hex'), decode($2, 'hex')";
        let row = c.query_one(sql, (&bytes, &hex)).await?;
        assert!(row.try_get::<&[u8]>(0)? == bytes && row.try_get::<Vec<u8>>(2)? == bytes);
        assert!(row.try_get::<&str>(1)? == hex);
    }
    Ok(())
}

async fn a_char_is_one_byte_of_any_value<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for value in i8::MIN..=i8::MAX {
        let same: i8 = c.query_scalar("select $1::\"char\"", (value,)).await?;
        assert_eq!(same, value);
    }
    check(c, "\"char\"", 97_i8, "a").await?;
    check(c, "\"char\"", 0_i8, "").await
}

async fn uuids_survive<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await;
    for value in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
        let uuid = uuid::Uuid::from_u128(value);
        check(c, "uuid", uuid, &uuid.to_string()).await?;
    }
    Ok(())
}

on_every_runtime!(
    text_of_every_kind_survives,
    json_and_xml_are_text,
    text_does_not_pass_for_what_is_not_text,
    bytes_of_every_value_survive,
    a_char_is_one_byte_of_any_value,
    uuids_survive,
);
