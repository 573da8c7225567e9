//! Quoting: what is quoted comes back as it was, however the session reads a backslash.

use aiopg::{Connection, Error, Runtime, quote_identifier, quote_literal, quote_qualified};
use aiopg_tests::chance::Chance;
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

/// Ends of literals, of identifiers, of comments; beginnings of others; what some encoding would take for a quote.
const PIECES: [&str; 24] = [
    "'",
    "''",
    "\"",
    "\\",
    "\\'",
    "\\\\'",
    "$$",
    "$1",
    ":a",
    "--",
    "/*",
    "*/",
    ";",
    "\n",
    "\r",
    "\t",
    "é",
    "\u{a0}'",
    "\u{1f600}",
    "\u{7f}",
    "\u{bf}\u{27}",
    "%",
    "E'",
    " U&'\\0027",
];

/// With text about it as it stands in programs, so that nothing leaks out of a literal.
async fn check<R: Runtime>(connection: &mut Connection<R>, text: &str) -> Result<(), Error> {
    let literal = quote_literal(text)?;
    let sql = format!("select {literal}, {literal}||'x', 'y'||{literal}, length({literal})");
    let results = connection.simple_query(&sql).await;
    let results = results.unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(results.len(), 1, "{sql}");
    let row = results[0].row(0).unwrap();
    assert_eq!(row.get::<&str>(0), text);
    assert_eq!(row.get::<&str>(1), format!("{text}x"));
    assert_eq!(row.get::<&str>(2), format!("y{text}"));
    assert_eq!(row.get::<&str>(3), text.chars().count().to_string());
    Ok(())
}

async fn a_literal_is_read_as_it_was_written<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for setting in ["on", "off"] {
        let set = format!(
            "set standard_conforming_strings = {setting}; set escape_string_warning = on; \
             set backslash_quote = off"
        );
        connection.batch_execute(&set).await?;
        check(&mut connection, "").await?;
        for one in PIECES {
            check(&mut connection, one).await?;
            for two in PIECES {
                check(&mut connection, &format!("{one}{two}")).await?;
            }
        }
        for seed in 0..50 {
            check(&mut connection, &Chance::new(seed).text(&PIECES, 12)).await?;
        }
        assert_eq!(connection.notices().len(), 0, "no warning about a backslash");
    }
    Ok(())
}

async fn an_identifier_names_what_it_was_made_of<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for seed in 0..100 {
        let name = Chance::new(seed).text(&PIECES, 8);
        let name = if name.is_empty() { "Mixed Case" } else { &name };
        let sql = format!("select 1 as {}", quote_identifier(name)?);
        let results = connection.simple_query(&sql).await?;
        assert_eq!((results.len(), results[0].columns()[0].name()), (1, name));
    }
    Ok(())
}

async fn a_qualified_name_leads_into_its_schema<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let table = quote_qualified(&["pg_temp", "a.\"b"])?;
    connection.batch_execute(&format!("create table {table} (x int)")).await?;
    let question =
        format!("select relname from pg_class where oid = {}::regclass", quote_literal(&table)?);
    assert_eq!(ask(&mut connection, &question).await, "a.\"b");
    Ok(())
}

/// A name that would end its quotes and begin a statement of its own stays a name.
async fn a_hostile_name_runs_nothing<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let name = "x\"; create temp table pwned (); --";
    let sql = format!("select {} from (select 1) t", quote_identifier(name)?);
    assert!(connection.simple_query(&sql).await.is_err());
    assert_eq!(ask(&mut connection, "select to_regclass('pwned')").await, "null");
    Ok(())
}

on_every_runtime!(
    a_literal_is_read_as_it_was_written,
    an_identifier_names_what_it_was_made_of,
    a_qualified_name_leads_into_its_schema,
    a_hostile_name_runs_nothing,
);
