//! Migrations behind PgBouncer, which lends a session of the server for one transaction at a time.

use aiopg::{Runtime, StatementMode};
use aiopg_refinery::RunOn;
use aiopg_tests::pgbouncer::PgBouncer;
use aiopg_tests::{on_every_runtime, session};
use futures::future::join;

use crate::scene::{applied, assert_usable, runner};

async fn several_sessions_of_a_pooler_apply_each_migration_once<R: Runtime>(rt: R) {
    for mode in [
        StatementMode::Cached,
        StatementMode::Described,
        StatementMode::Unnamed,
        StatementMode::Simple,
    ] {
        let bouncer = PgBouncer::shared();
        let lent = bouncer.lend(mode);
        let mut first = session::open_with(rt.clone(), &lent.config()).await;
        let mut second = session::open_with(rt.clone(), &lent.config()).await;
        let schema = bouncer.server().fresh_schema();
        first.batch_execute(&format!("create schema {schema}")).await.unwrap();
        let texts = ["one", "two", "three"].map(|name| format!("create table {schema}.{name} ()"));
        let mut runner =
            runner(&[("V1__one", &texts[0]), ("V2__two", &texts[1]), ("V3__three", &texts[2])]);
        runner.set_migration_table_name(format!("{schema}.history"));
        let (one, two) = join(runner.run_on(&mut first), runner.run_on(&mut second)).await;
        let (one, two) = (one.unwrap(), two.unwrap());
        let mut all = [applied(&one), applied(&two)].concat();
        all.sort();
        assert_eq!(all, ["V1__one", "V2__two", "V3__three"], "{mode:?}");
        assert_usable(&mut first).await;
        assert_usable(&mut second).await;
    }
}

on_every_runtime!(several_sessions_of_a_pooler_apply_each_migration_once);
