//! Definitions, whose values SeaQuery writes into the text: what a default or a label then is.

use aiopg::sea_query::SeaQuery;
use aiopg::{Error, Runtime};
use aiopg_tests::{on_every_runtime, session};
use sea_query::prelude::{Json, chrono};
use sea_query::{ColumnDef, Table, Value};

/// Each stands in a literal of its own, whatever is in it.
async fn defaults_are_literals_under_both_readings_of_a_backslash<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let texts = [
        "it's",
        "\\",
        "\\' ; drop table t; --",
        "'; drop table t; --",
        "\\\\''\\'",
        "E'\\x41'",
        "\u{8}\t\n\r\u{c}\u{1}\u{7f}7",
        "é\u{1f418} \"quoted\" $1 ?",
    ];
    for setting in ["on", "off"] {
        connection.batch_execute(&format!("set standard_conforming_strings = {setting}")).await?;
        for text in texts {
            let create = Table::create()
                .table("t")
                .temporary()
                .col(ColumnDef::new("a").text().default(text))
                .col(ColumnDef::new("b").json_binary().default(Value::from(Json::from(text))))
                .take();
            connection.execute_built(&create).await?;
            let row = "insert into t default values returning a, b #>> '{}'";
            let row = connection.query_as::<(String, String)>(row, ()).await?;
            assert_eq!(row, [(text.to_owned(), text.to_owned())], "{setting}");
            connection.execute_built(&Table::drop().table("t").take()).await?;
        }
    }
    Ok(())
}

async fn defaults_of_other_kinds_are_what_they_say<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let noon = chrono::NaiveDate::from_ymd_opt(2024, 2, 28).unwrap().and_hms_opt(12, 0, 0).unwrap();
    let create = Table::create()
        .table("t")
        .temporary()
        .col(ColumnDef::new("a").big_integer().default(-5))
        .col(ColumnDef::new("b").double().default(0.1))
        .col(ColumnDef::new("c").boolean().default(true))
        .col(ColumnDef::new("d").timestamp_with_time_zone().default(noon.and_utc()))
        .col(ColumnDef::new("e").binary().default(Value::from(&b"\0'\\"[..])))
        .take();
    connection.execute_built(&create).await?;
    connection.batch_execute("set timezone = 'UTC'; set bytea_output = 'hex'").await?;
    let row = "insert into t default values returning concat_ws(' ', a, b, c, d, e)";
    let row = connection.query_scalar::<String>(row, ()).await?;
    assert_eq!(row, "-5 0.1 t 2024-02-28 12:00:00+00 \\x00275c");
    Ok(())
}

on_every_runtime!(
    defaults_are_literals_under_both_readings_of_a_backslash,
    defaults_of_other_kinds_are_what_they_say,
);
