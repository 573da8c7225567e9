//! Several sessions that migrate the same database at once.

use aiopg::{Config, Connection, Runtime, SqlState};
use aiopg_refinery::{Report, RunOn, Runner};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, wait_until_held_up};
use futures::future::{join, join_all};

use crate::scene::{TABLES, applied, assert_usable, cause, close, history, names, runner, tables};

const ALL: [&str; 3] = ["V1__one", "V2__two", "V3__three"];

const LOCK: &str = "lock table refinery_schema_history in share row exclusive mode";

/// Waits until the table `gate` can be read.
const GATED: (&str, &str) = ("V1__one", "table gate; create table one (n int)");

fn gated() -> Runner {
    runner(&[GATED, TABLES[1], TABLES[2]])
}

/// A session that keeps the gate closed until its transaction ends, and two that are to migrate.
async fn close_gate<R: Runtime>(rt: R) -> (Connection<R>, Connection<R>, Connection<R>, Config) {
    let (mut keeper, config) = session::open_in_schema(rt.clone()).await;
    close(&mut keeper).await;
    let first = session::open_with(rt.clone(), &config).await;
    let second = session::open_with(rt, &config).await;
    (keeper, first, second, config)
}

fn process_of<R: Runtime>(connection: &Connection<R>) -> i32 {
    connection.process_id().unwrap()
}

/// What all of them have applied, sorted.
fn together(reports: &[Report]) -> Vec<String> {
    let mut all: Vec<_> = reports.iter().flat_map(applied).collect();
    all.sort();
    all
}

async fn the_second_waits_for_the_first_and_goes_on_with_what_is_left<R: Runtime>(rt: R) {
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let (mut keeper, mut first, mut second, config) = close_gate(rt.clone()).await;
        let sql = format!("set default_transaction_isolation = '{isolation}'");
        for session in [&mut first, &mut second] {
            session.batch_execute(&sql).await.unwrap();
        }
        let (ahead, behind) = (process_of(&first), process_of(&second));
        let mut observer = session::open_with(rt.clone(), &config).await;
        let (one, two) = (gated(), gated());
        let watched = async {
            wait_until_held_up(&mut observer, ahead, "table gate").await;
            let opening = async {
                wait_until_held_up(&mut observer, behind, LOCK).await;
                keeper.batch_execute("commit").await.unwrap();
            };
            join(two.run_on(&mut second), opening).await.0
        };
        let (one, two) = join(one.run_on(&mut first), watched).await;
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(applied(&one)[0], "V1__one");
        assert_eq!(together(&[one, two]), ALL, "each was applied by one of them: {isolation}");
        assert_eq!(history(&mut keeper).await, ALL);
        assert_eq!(tables(&mut keeper).await, "gate one three two");
        assert_usable(&mut first).await;
        assert_usable(&mut second).await;
    }
}

/// The first is cancelled while the second waits for it.
async fn the_second_does_what_the_first_could_not<R: Runtime>(rt: R) {
    let (mut keeper, mut first, mut second, config) = close_gate(rt.clone()).await;
    let (ahead, behind) = (process_of(&first), process_of(&second));
    let mut observer = session::open_with(rt, &config).await;
    let (one, two) = (gated(), gated());
    let watched = async {
        wait_until_held_up(&mut observer, ahead, "table gate").await;
        let cancelling = async {
            wait_until_held_up(&mut observer, behind, LOCK).await;
            observer.execute("select pg_cancel_backend($1)", (ahead,)).await.unwrap();
            wait_until_held_up(&mut observer, behind, "table gate").await;
            keeper.batch_execute("commit").await.unwrap();
        };
        join(two.run_on(&mut second), cancelling).await.0
    };
    let (failed, done) = join(one.run_on(&mut first), watched).await;
    let failed = failed.unwrap_err();
    assert_eq!(cause(&failed).sqlstate(), Some(SqlState::QUERY_CANCELED));
    assert!(failed.report().unwrap().applied_migrations().is_empty());
    assert_eq!(applied(&done.unwrap()), ALL);
    assert_usable(&mut first).await;
}

/// It stands in line for the lock when the first migration ends, and so comes before the second one.
async fn a_report_has_what_was_applied_before_somebody_was_faster<R: Runtime>(rt: R) {
    let (mut keeper, mut first, mut rival, config) = close_gate(rt.clone()).await;
    let (ahead, behind) = (process_of(&first), process_of(&rival));
    let mut observer = session::open_with(rt, &config).await;
    let failing = runner(&[GATED, TABLES[1], ("V3__failing", "select 1 / 0")]);
    let checksum = failing.get_migrations()[1].checksum();
    let overtaking = format!(
        "begin; {LOCK}; create table two (n int); insert into refinery_schema_history \
         values (2, 'two', '2024-01-01T00:00:00Z', '{checksum}'); commit"
    );
    let watched = async {
        wait_until_held_up(&mut observer, ahead, "table gate").await;
        let opening = async {
            wait_until_held_up(&mut observer, behind, "begin; lock table").await;
            keeper.batch_execute("commit").await.unwrap();
        };
        join(rival.batch_execute(&overtaking), opening).await.0.unwrap();
    };
    let (failed, ()) = join(failing.run_on(&mut first), watched).await;
    let failed = failed.unwrap_err();
    assert_eq!(cause(&failed).sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    assert_eq!(names(failed.report().unwrap().applied_migrations()), ["V1__one"]);
    assert_eq!(history(&mut keeper).await, ["V1__one", "V2__two"]);
    assert_usable(&mut first).await;
}

async fn who_does_not_want_to_wait_has_an_error<R: Runtime>(rt: R) {
    let (mut keeper, config) = session::open_in_schema(rt.clone()).await;
    runner(&TABLES[..1]).run_on(&mut keeper).await.unwrap();
    keeper.batch_execute(&format!("begin; {LOCK}")).await.unwrap();
    let mut hasty = session::open_with(rt, &config).await;
    hasty.batch_execute("set lock_timeout = '1ms'").await.unwrap();
    let error = runner(TABLES).run_on(&mut hasty).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(SqlState::LOCK_NOT_AVAILABLE));
    assert_usable(&mut hasty).await;
    // To look is always possible.
    assert_eq!(history(&mut hasty).await, ["V1__one"]);
    keeper.batch_execute("commit").await.unwrap();
    let report = runner(TABLES).run_on(&mut hasty).await.unwrap();
    assert_eq!(applied(&report), ["V2__two", "V3__three"]);
}

/// IF NOT EXISTS does not see a table that is being created.
async fn a_history_table_that_two_create_at_once_is_created_once<R: Runtime>(rt: R) {
    let (mut keeper, config) = session::open_in_schema(rt.clone()).await;
    let mut late = session::open_with(rt.clone(), &config).await;
    let mut observer = session::open_with(rt, &config).await;
    let process = process_of(&late);
    let create = "begin; create table refinery_schema_history (version int4 primary key, \
                  name varchar(255), applied_on varchar(255), checksum varchar(255))";
    keeper.batch_execute(create).await.unwrap();
    let runner = runner(TABLES);
    let ending = async {
        wait_until_held_up(&mut observer, process, "CREATE TABLE IF NOT EXISTS").await;
        keeper.batch_execute("commit").await.unwrap();
    };
    let (report, ()) = join(runner.run_on(&mut late), ending).await;
    assert_eq!(applied(&report.unwrap()), ALL);
    assert_eq!(history(&mut keeper).await, ALL);
}

async fn many_at_once_apply_each_migration_once<R: Runtime>(rt: R) {
    const SESSIONS: usize = 8;
    const COUNT: usize = 12;

    let (mut connection, config) = session::open_in_schema(rt.clone()).await;
    connection.batch_execute("create table applied (n int)").await.unwrap();
    let texts: Vec<_> = (1..=COUNT)
        .map(|n| (format!("V{n}__step"), format!("insert into applied values ({n})")))
        .collect();
    let list: Vec<_> = texts.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(session::open_with(rt.clone(), &config).await);
    }
    for grouped in [false, true] {
        let runner = runner(&list).set_grouped(grouped);
        let reports = join_all(sessions.iter_mut().map(|session| runner.run_on(session))).await;
        let reports: Vec<_> = reports.into_iter().map(Result::unwrap).collect();
        let mut all = names(runner.get_migrations());
        all.sort();
        assert_eq!(together(&reports), all);
        let rows: Vec<(i32,)> =
            connection.query_as("select n from applied order by n", ()).await.unwrap();
        let expected: Vec<(i32,)> = (1..).map(|n| (n,)).take(COUNT).collect();
        assert_eq!(rows, expected);
        let sql = "truncate applied; truncate refinery_schema_history";
        connection.batch_execute(sql).await.unwrap();
    }
    for session in &mut sessions {
        assert_usable(session).await;
    }
}

on_every_runtime!(
    the_second_waits_for_the_first_and_goes_on_with_what_is_left,
    the_second_does_what_the_first_could_not,
    a_report_has_what_was_applied_before_somebody_was_faster,
    who_does_not_want_to_wait_has_an_error,
    a_history_table_that_two_create_at_once_is_created_once,
    many_at_once_apply_each_migration_once,
);
