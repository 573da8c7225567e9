//! What refinery lets one choose: targets, groups, another table, and what to make of a history that does not fit.

use aiopg::Runtime;
use aiopg_refinery::refinery_core::error::Kind;
use aiopg_refinery::refinery_core::{SchemaVersion, Target};
use aiopg_refinery::{Migrations, RunOn};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

use crate::scene::{TABLES, applied, assert_usable, cause, history, runner, tables};

async fn a_target_is_where_it_stops<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    for (version, names, made) in [
        (1, &["V1__one"][..], "one"),
        (1, &[], "one"),
        (9, &["V2__two", "V3__three"], "one three two"),
    ] {
        let runner = runner(TABLES).set_target(Target::Version(version));
        let report = runner.run_on(&mut connection).await.unwrap();
        assert_eq!(applied(&report), names);
        assert_eq!(tables(&mut connection).await, made);
    }
}

async fn a_fake_run_only_writes_the_history<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let fake = runner(TABLES).set_target(Target::FakeVersion(2));
    let report = fake.run_on(&mut connection).await.unwrap();
    assert!(applied(&report).is_empty(), "{report:?}");
    assert_eq!(history(&mut connection).await, ["V1__one", "V2__two"]);
    assert_eq!(tables(&mut connection).await, "null");

    let report = runner(TABLES).run_on(&mut connection).await.unwrap();
    assert_eq!(applied(&report), ["V3__three"]);
    assert_eq!(tables(&mut connection).await, "three");
    let (mut other, _) = session::open_in_schema(connection.runtime().clone()).await;
    runner(TABLES).set_target(Target::Fake).run_on(&mut other).await.unwrap();
    assert_eq!(history(&mut other).await, ["V1__one", "V2__two", "V3__three"]);
    assert_eq!(tables(&mut other).await, "null");
}

async fn a_group_is_one_transaction<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let report = runner(TABLES).set_grouped(true).run_on(&mut connection).await.unwrap();
    assert_eq!(applied(&report), ["V1__one", "V2__two", "V3__three"]);
    let transactions = "select count(distinct xmin::text) from refinery_schema_history";
    assert_eq!(ask(&mut connection, transactions).await, "1");

    let (mut other, _) = session::open_in_schema(connection.runtime().clone()).await;
    let mut list = TABLES.to_vec();
    list.push(("V4__four", "create table four (n int); select 1 / 0"));
    let error = runner(&list).set_grouped(true).run_on(&mut other).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(aiopg::SqlState::DIVISION_BY_ZERO));
    assert!(history(&mut other).await.is_empty());
    assert_eq!(tables(&mut other).await, "null");
    assert_usable(&mut other).await;
    let report = runner(TABLES).run_on(&mut other).await.unwrap();
    assert_eq!(applied(&report).len(), 3);
    assert_eq!(ask(&mut other, transactions).await, "3", "without a group there are as many");
}

async fn the_history_may_have_another_name<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let schema = ask(&mut connection, "select current_schema()").await;
    let name = format!("{schema}.\"What was; applied\"");
    let mut runner = runner(TABLES);
    runner.set_migration_table_name(&name);
    runner.run_on(&mut connection).await.unwrap();
    let last = runner.get_last_applied_migration_async(&mut Migrations::new(&mut connection)).await;
    assert_eq!(last.unwrap().unwrap().version(), 3);
    assert_eq!(ask(&mut connection, &format!("select count(*) from {name}")).await, "3");
    assert_eq!(ask(&mut connection, "select to_regclass('refinery_schema_history')").await, "null");
    assert!(applied(&runner.run_on(&mut connection).await.unwrap()).is_empty());
}

async fn a_migration_that_was_changed_is_refused_or_passed_over<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    runner(&TABLES[..2]).run_on(&mut connection).await.unwrap();
    let mut list = TABLES.to_vec();
    list[1] = ("V2__two", "create table two (n bigint)");
    let error = runner(&list).run_on(&mut connection).await.unwrap_err();
    match error.kind() {
        Kind::DivergentVersion(old, new) => assert_eq!((old.version(), new.version()), (2, 2)),
        kind => panic!("{kind}"),
    }
    assert_eq!(tables(&mut connection).await, "one two");
    assert_usable(&mut connection).await;
    let lenient = runner(&list).set_abort_divergent(false);
    assert_eq!(applied(&lenient.run_on(&mut connection).await.unwrap()), ["V3__three"]);
}

async fn a_migration_that_is_missing_is_refused_or_passed_over<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    runner(&TABLES[..2]).run_on(&mut connection).await.unwrap();
    for (list, version) in [
        // Applied, and not in the list; in the list, below what was applied.
        (vec![TABLES[1], TABLES[2]], 1),
        (vec![("V0__zero", "select 0"), TABLES[0], TABLES[1], TABLES[2]], 0),
    ] {
        let error = runner(&list).run_on(&mut connection).await.unwrap_err();
        match error.kind() {
            Kind::MissingVersion(missing) => assert_eq!(missing.version(), version),
            kind => panic!("{kind}"),
        }
        assert_usable(&mut connection).await;
    }
    let lenient = runner(&TABLES[1..]).set_abort_missing(false);
    assert_eq!(applied(&lenient.run_on(&mut connection).await.unwrap()), ["V3__three"]);
}

async fn a_version_that_is_there_twice_is_refused<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let error = runner(&[TABLES[0], TABLES[0]]).run_on(&mut connection).await.unwrap_err();
    assert!(matches!(error.kind(), Kind::RepeatedVersion(_)), "{error}");
    assert_eq!(tables(&mut connection).await, "null");
    // refinery does not notice this one: the primary key of the history does.
    let twice = [TABLES[0], ("V1__other", "create table other (n int)")];
    let error = runner(&twice).run_on(&mut connection).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(aiopg::SqlState::UNIQUE_VIOLATION));
    assert_eq!(history(&mut connection).await, ["V1__one"]);
    assert_eq!(tables(&mut connection).await, "one");
}

async fn an_unversioned_migration_is_applied_late<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    runner(&[TABLES[2]]).run_on(&mut connection).await.unwrap();
    let list = [("U1__late", "create table late (n int)"), TABLES[2]];
    assert_eq!(applied(&runner(&list).run_on(&mut connection).await.unwrap()), ["U1__late"]);
    assert!(applied(&runner(&list).run_on(&mut connection).await.unwrap()).is_empty());
    let versions: Vec<(SchemaVersion,)> =
        connection.query_as("select version from refinery_schema_history", ()).await.unwrap();
    assert_eq!(versions, [(3,), (1,)]);
}

on_every_runtime!(
    a_target_is_where_it_stops,
    a_fake_run_only_writes_the_history,
    a_group_is_one_transaction,
    the_history_may_have_another_name,
    a_migration_that_was_changed_is_refused_or_passed_over,
    a_migration_that_is_missing_is_refused_or_passed_over,
    a_version_that_is_there_twice_is_refused,
    an_unversioned_migration_is_applied_late,
);
