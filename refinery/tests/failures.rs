//! Migrations that fail: what is undone, what stays, what the error says, and that the session goes on.

use aiopg::{Client, Kind, Runtime, SqlState, TransactionStatus};
use aiopg_refinery::refinery_core::{Migration, Target};
use aiopg_refinery::{Migrations, RunOn, Runner};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

use crate::scene::{TABLES, assert_usable, cause, history, names, runner, tables};

/// The first two of [`TABLES`] and one that fails behind a statement that does not.
fn with_failing(sql: &'static str) -> Runner {
    runner(&[TABLES[0], TABLES[1], ("V3__failing", sql)])
}

async fn what_fails_is_undone_and_what_was_before_stays<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let runner = with_failing("create table three (n int); insert into three values (1 / 0)");
    for before in [&["V1__one", "V2__two"][..], &[]] {
        let error = runner.run_on(&mut connection).await.unwrap_err();
        assert_eq!(cause(&error).kind(), Kind::Server);
        assert_eq!(cause(&error).sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
        let text = "`error applying migration V3__failing`, `ERROR 22012: division by zero`";
        assert_eq!(error.to_string(), text);
        assert_eq!(names(error.report().unwrap().applied_migrations()), before);
        assert_eq!(history(&mut connection).await, ["V1__one", "V2__two"]);
        assert_eq!(tables(&mut connection).await, "one two");
        assert_usable(&mut connection).await;
    }
}

/// refinery has no migrations without a transaction, so the server refuses.
async fn what_cannot_run_in_a_transaction_is_an_error_of_the_server<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    for sql in ["create index concurrently on one (n)", "vacuum one"] {
        let error = with_failing(sql).run_on(&mut connection).await.unwrap_err();
        assert_eq!(cause(&error).sqlstate(), Some(SqlState::ACTIVE_SQL_TRANSACTION), "{error}");
        assert_eq!(history(&mut connection).await, ["V1__one", "V2__two"]);
        assert_usable(&mut connection).await;
    }
}

async fn a_constraint_that_waits_for_the_end_is_waited_for<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let runner = with_failing(
        "create table late (n int unique deferrable initially deferred); \
         insert into late values (1), (1)",
    );
    let error = runner.run_on(&mut connection).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
    assert_eq!(names(error.report().unwrap().applied_migrations()), ["V1__one", "V2__two"]);
    assert_eq!(history(&mut connection).await, ["V1__one", "V2__two"]);
    assert_eq!(tables(&mut connection).await, "one two");
    assert_usable(&mut connection).await;
}

/// What it did is there, since it has said so itself; it is an error, and no row is written that says otherwise.
async fn a_migration_that_ends_its_transaction_is_an_error<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    for (sql, left) in [
        ("create table three (n int); rollback", "one two"),
        ("create table three (n int); commit", "one three two"),
    ] {
        for grouped in [false, true] {
            let runner = with_failing(sql);
            runner.run_on(&mut connection).await.unwrap_err();
            let error = runner.set_grouped(grouped).run_on(&mut connection).await.unwrap_err();
            assert_ne!(cause(&error).kind(), Kind::RolledBack, "{error}");
            assert_eq!(history(&mut connection).await, ["V1__one", "V2__two"]);
            assert_eq!(tables(&mut connection).await, left);
            assert_usable(&mut connection).await;
        }
    }
}

async fn a_session_in_a_transaction_is_refused_and_left_alone<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let mut transaction = connection.begin().await.unwrap();
    transaction.batch_execute("create table mine (n int)").await.unwrap();
    let error = runner(TABLES).run_on(&mut transaction).await.unwrap_err();
    assert_eq!(cause(&error).kind(), Kind::Usage, "{error}");
    let status = transaction.connection().transaction_status();
    assert_eq!(status, TransactionStatus::InTransaction);
    transaction.commit().await.unwrap();
    assert_eq!(tables(&mut connection).await, "mine");
}

async fn a_history_that_is_not_there_is_an_error_of_the_server<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let runner = runner(TABLES);
    let mut migrations = Migrations::new(&mut connection);
    let error = runner.get_last_applied_migration_async(&mut migrations).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(SqlState::UNDEFINED_TABLE));
    let error = runner.get_applied_migrations_async(&mut migrations).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(SqlState::UNDEFINED_TABLE));
    assert_usable(&mut connection).await;
}

async fn a_history_that_others_have_written_into_is_an_error<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let runner = runner(TABLES);
    runner.run_on(&mut connection).await.unwrap();
    for (change, column) in [
        ("applied_on = 'yesterday'", "applied_on"),
        ("applied_on = null", "applied_on"),
        ("checksum = '-7'", "checksum"),
        ("checksum = ''", "checksum"),
        ("name = null", "name"),
    ] {
        let sql = format!("begin; update refinery_schema_history set {change} where version = 2");
        connection.batch_execute(&sql).await.unwrap();
        let mut migrations = Migrations::new(&mut connection);
        let error = runner.get_applied_migrations_async(&mut migrations).await.unwrap_err();
        assert_eq!(cause(&error).kind(), Kind::Conversion, "{error}");
        let text = error.to_string();
        assert!(text.contains(column), "{change}: {text}");
        assert!(!text.contains("yesterday") && !text.contains("-7"), "no value: {text}");
        connection.batch_execute("rollback").await.unwrap();
    }
    connection.batch_execute("update refinery_schema_history set checksum = 'x'").await.unwrap();
    let error = runner.run_on(&mut connection).await.unwrap_err();
    assert_eq!(cause(&error).kind(), Kind::Conversion, "{error}");
    assert_usable(&mut connection).await;
}

async fn who_may_not_write_the_history_is_told_by_the_server<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    runner(&TABLES[..1]).run_on(&mut connection).await.unwrap();
    let role = ask(&mut connection, "select 'role_' || current_schema()").await;
    let sql = format!(
        "create role {role}; grant select on refinery_schema_history to {role}; \
         do $$ begin execute 'grant all on schema ' || current_schema() || ' to {role}'; end $$; \
         set role {role}"
    );
    connection.batch_execute(&sql).await.unwrap();
    let error = runner(TABLES).run_on(&mut connection).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(SqlState::INSUFFICIENT_PRIVILEGE));
    assert_eq!(history(&mut connection).await, ["V1__one"]);
    let back = format!(
        "reset role; grant insert, update on refinery_schema_history to {role}; set role {role}"
    );
    connection.batch_execute(&back).await.unwrap();
    runner(TABLES).run_on(&mut connection).await.unwrap();
    connection
        .batch_execute(&format!("reset role; drop owned by {role}; drop role {role}"))
        .await
        .unwrap();
}

/// The history has a row more whenever it is looked at.
async fn a_history_that_never_stands_still_is_given_up<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let view = "create sequence looks; create view refinery_schema_history as \
                select -n::int as version, 'x'::varchar as name, '1' as checksum, \
                '2024-01-01T00:00:00Z'::varchar as applied_on \
                from generate_series(1, nextval('looks')) as n";
    connection.batch_execute(view).await.unwrap();
    let runner = runner(TABLES).set_abort_missing(false);
    let error = runner.run_on(&mut connection).await.unwrap_err();
    assert!(
        error.to_string().contains("the history of migrations changes all the time"),
        "{error}"
    );
    assert!(error.report().unwrap().applied_migrations().is_empty());
    assert_eq!(tables(&mut connection).await, "null");
    // Once per attempt when it is read, once when it is locked: one attempt for each migration, and one more.
    assert_eq!(ask(&mut connection, "select last_value from looks").await, "8");
    assert_usable(&mut connection).await;
}

async fn a_lost_session_says_so<R: Runtime>(rt: R) {
    let (mut connection, config) = session::open_in_schema(rt.clone()).await;
    let runner = with_failing("select pg_terminate_backend(pg_backend_pid())");
    let error = runner.run_on(&mut connection).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(SqlState::ADMIN_SHUTDOWN), "{error}");
    assert_eq!(names(error.report().unwrap().applied_migrations()), ["V1__one", "V2__two"]);
    let error = runner.run_on(&mut connection).await.unwrap_err();
    assert_eq!(cause(&error).kind(), Kind::Closed);
    let mut other = session::open_with(rt, &config).await;
    assert_eq!(history(&mut other).await, ["V1__one", "V2__two"]);
}

/// A row of the history that cannot be written undoes its migration.
async fn a_migration_without_a_row_is_undone<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    Runner::new(&[]).run_on(&mut connection).await.unwrap();
    let sql = "alter table refinery_schema_history add check (version <> 2)";
    connection.batch_execute(sql).await.unwrap();
    let error = runner(TABLES).run_on(&mut connection).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(SqlState::CHECK_VIOLATION));
    assert_eq!(tables(&mut connection).await, "one");
    let fake = runner(TABLES).set_target(Target::Fake).run_on(&mut connection).await;
    assert_eq!(cause(&fake.unwrap_err()).sqlstate(), Some(SqlState::CHECK_VIOLATION));
    assert_eq!(history(&mut connection).await, ["V1__one"]);
}

/// A name in the history table is text, and a migration's own name is made of word characters only.
#[test]
fn a_name_with_a_quote_never_becomes_a_migration() {
    let named = Migration::unapplied("V1__it's", "select 1").unwrap();
    assert_eq!(named.name(), "it");
}

on_every_runtime!(
    what_fails_is_undone_and_what_was_before_stays,
    what_cannot_run_in_a_transaction_is_an_error_of_the_server,
    a_constraint_that_waits_for_the_end_is_waited_for,
    a_migration_that_ends_its_transaction_is_an_error,
    a_session_in_a_transaction_is_refused_and_left_alone,
    a_history_that_is_not_there_is_an_error_of_the_server,
    a_history_that_others_have_written_into_is_an_error,
    who_may_not_write_the_history_is_told_by_the_server,
    a_history_that_never_stands_still_is_given_up,
    a_lost_session_says_so,
    a_migration_without_a_row_is_undone,
);
