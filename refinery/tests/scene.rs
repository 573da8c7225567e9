//! Migrations for tests, and what they left in the database.

use std::error::Error as StdError;
use std::fmt::Display;

use aiopg::{Client, Connection, Runtime, TransactionStatus};
use aiopg_refinery::refinery_core::Migration;
use aiopg_refinery::refinery_core::error::Kind;
use aiopg_refinery::{Error, Migrations, Report, Runner};
use aiopg_tests::session::ask;

/// The migrations of these names and texts.
pub(crate) fn migrations(list: &[(&str, &str)]) -> Vec<Migration> {
    let migration = |(name, sql): &(&str, &str)| Migration::unapplied(name, sql).unwrap();
    list.iter().map(migration).collect()
}

pub(crate) fn runner(list: &[(&str, &str)]) -> Runner {
    Runner::new(&migrations(list))
}

/// Three of which each makes a table.
pub(crate) const TABLES: &[(&str, &str)] = &[
    ("V1__one", "create table one (n int)"),
    ("V2__two", "create table two (n int)"),
    ("V3__three", "create table three (n int)"),
];

/// The names of migrations, as they are printed.
pub(crate) fn names(list: &[impl Display]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// What this run has applied.
pub(crate) fn applied(report: &Report) -> Vec<String> {
    names(report.applied_migrations())
}

/// What the history table has.
pub(crate) async fn history(client: &mut impl Client) -> Vec<String> {
    let runner = Runner::new(&[]);
    let applied = runner.get_applied_migrations_async(&mut Migrations::new(client)).await;
    names(&applied.unwrap())
}

/// The tables in the schema of the session, but for that of the history.
pub(crate) async fn tables<R: Runtime>(connection: &mut Connection<R>) -> String {
    let sql = "select string_agg(relname, ' ' order by relname) from pg_class \
               where relkind = 'r' and relnamespace = current_schema()::regnamespace \
               and relname <> 'refinery_schema_history'";
    ask(connection, sql).await
}

/// The aiopg error that `error` was made of.
pub(crate) fn cause(error: &Error) -> &aiopg::Error {
    assert!(matches!(error.kind(), Kind::Connection(..)), "{error}");
    let source = error.source().unwrap_or_else(|| panic!("no source: {error}"));
    source.downcast_ref().unwrap_or_else(|| panic!("not of aiopg: {source}"))
}

/// Asserts that the session is outside of any transaction and answers.
pub(crate) async fn assert_usable<R: Runtime>(connection: &mut Connection<R>) {
    assert_eq!(ask(connection, "select 7").await, "7");
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
}

/// Makes a table `gate`, which nobody else can read until this session commits.
pub(crate) async fn close<R: Runtime>(keeper: &mut Connection<R>) {
    for sql in ["create table gate (n int)", "begin; lock table gate"] {
        keeper.batch_execute(sql).await.unwrap();
    }
}
