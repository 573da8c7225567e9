//! Runs whose future is dropped: each migration is there with its row, or neither is, and the session goes on.

use aiopg::{Connection, Runtime};
use aiopg_refinery::RunOn;
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::session::{self, ask, drop_while_held_up};
use aiopg_tests::{on_every_runtime, warnings};

use crate::scene::{TABLES, applied, assert_usable, close, history, runner, tables};

const LOCKS: &str = "select count(*) from pg_locks where mode = 'ShareRowExclusiveLock' \
                     and relation = to_regclass('refinery_schema_history')";

/// The tables that there should be, by the history.
async fn recorded<R: Runtime>(connection: &mut Connection<R>) -> String {
    let there = "select to_regclass('refinery_schema_history') is not null";
    if ask(connection, there).await == "f" {
        return "null".to_owned();
    }
    let sql = "select string_agg(name, ' ' order by name) from refinery_schema_history";
    ask(connection, sql).await
}

/// More than any run takes that has to wait for each reply. One that finds them there when it looks takes fewer.
const POLLS: usize = 48;

async fn at_every_poll<R: Runtime>(rt: R, grouped: Grouped) {
    let runner = runner(TABLES).set_grouped(grouped == Grouped::Yes);
    for polls in 0..POLLS {
        let (mut connection, _) = session::open_in_schema(rt.clone()).await;
        let done = PollLimit::new(runner.run_on(&mut connection), polls).await;
        assert_usable(&mut connection).await;
        let made = tables(&mut connection).await;
        assert_eq!(made, recorded(&mut connection).await, "after {polls} polls");
        assert_eq!(ask(&mut connection, LOCKS).await, "0");
        if let Some(report) = done {
            assert_eq!(applied(&report.unwrap()).len(), 3);
        }
        if grouped == Grouped::Yes {
            assert!(["null", "one three two"].contains(&&*made), "{made} after {polls} polls");
        }
        runner.run_on(&mut connection).await.unwrap();
        assert_eq!(tables(&mut connection).await, "one three two");
        // That a transaction was dropped is told as an event.
        warnings::take();
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Grouped {
    Yes,
    No,
}

async fn a_run_may_be_dropped_at_every_poll<R: Runtime>(rt: R) {
    at_every_poll(rt, Grouped::No).await;
}

async fn a_grouped_run_may_be_dropped_at_every_poll<R: Runtime>(rt: R) {
    at_every_poll(rt, Grouped::Yes).await;
}

async fn a_migration_that_is_dropped_is_undone_and_others_may_go_on<R: Runtime>(rt: R) {
    let (mut keeper, config) = session::open_in_schema(rt.clone()).await;
    close(&mut keeper).await;
    let mut connection = session::open_with(rt.clone(), &config).await;
    let mut observer = session::open_with(rt, &config).await;
    let list = [TABLES[0], ("V2__two", "create table two (n int); table gate"), TABLES[2]];
    let runner = runner(&list);
    let process = connection.process_id().unwrap();
    let sql = "create table two (n int); table gate";
    drop_while_held_up(runner.run_on(&mut connection), &mut observer, process, sql).await;
    assert_usable(&mut connection).await;
    assert_eq!(history(&mut connection).await, ["V1__one"]);
    assert_eq!(tables(&mut connection).await, "gate one");
    keeper.batch_execute("commit").await.unwrap();
    let report = runner.run_on(&mut observer).await.unwrap();
    assert_eq!(applied(&report), ["V2__two", "V3__three"]);
    assert!(applied(&runner.run_on(&mut connection).await.unwrap()).is_empty());
    warnings::take();
}

on_every_runtime!(
    a_run_may_be_dropped_at_every_poll,
    a_grouped_run_may_be_dropped_at_every_poll,
    a_migration_that_is_dropped_is_undone_and_others_may_go_on,
);
