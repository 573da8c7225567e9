//! Many statements at once: pipelines and sets of parameters.

use std::collections::BTreeSet;

use aiopg::{AllResults, Error, Item, Kind, Named, Runtime, SqlState, StatementMode, named};
use aiopg_tests::on_every_runtime;

use crate::pgbouncer::scene::{EXTENDED, Scene, in_modes};

async fn a_pipeline_runs_on_one_server<R: Runtime>(rt: R) {
    in_modes(rt, EXTENDED, async |scene: &mut Scene<R>| {
        let table =
            scene.table("n int4 primary key, process_id int4 default pg_backend_pid()").await?;
        let c = &mut scene.connection;
        let insert = format!("insert into {table} (n) values ($1)");
        for round in 0..4_i32 {
            let (first, second, count, sum) = c
                .pipeline((
                    Item::execute(&*insert, (2 * round,)),
                    Item::execute(&*insert, (2 * round + 1,)),
                    Item::query_scalar::<i64>("select $1::int8 + 1", (7_i64,)),
                    Item::query_one("select :a::int4 + :b::int4", named! { a: 1, b: round }),
                ))
                .await
                .all()?;
            assert_eq!((first, second, count, sum.get::<i32>(0)), (1, 1, 8, 1 + round));
        }
        let sql = format!("select count(distinct process_id) from {table} group by n / 2");
        let servers: Vec<(i64,)> = c.query_as(&*sql, ()).await?;
        assert_eq!(servers, [(1,); 4]);
        Ok(())
    })
    .await;
}

async fn a_pipeline_that_fails_leaves_nothing<R: Runtime>(rt: R) {
    in_modes(rt, EXTENDED, async |scene: &mut Scene<R>| {
        let table = scene.table("n int4 primary key").await?;
        let c = &mut scene.connection;
        let insert = format!("insert into {table} values ($1)");
        for _ in 0..3 {
            let results = c
                .pipeline((
                    Item::execute(&*insert, (1,)),
                    Item::execute(&*insert, (1,)),
                    Item::query_scalar::<i32>("select $1::int4", (7,)),
                ))
                .await;
            assert_eq!(results.0.unwrap_err().kind(), Kind::RolledBack);
            assert_eq!(results.1.unwrap_err().sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
            assert_eq!(results.2.unwrap_err().kind(), Kind::Skipped);
            let count = format!("select count(*) from {table} where n = $1");
            assert_eq!(c.query_scalar::<i64>(&*count, (1,)).await?, 0);
        }
        Ok(())
    })
    .await;
}

/// Each Sync ends a transaction: PgBouncer may go on with another server, but each item has its own result.
async fn with_a_sync_each_every_item_has_its_own_result<R: Runtime>(rt: R) {
    in_modes(rt, EXTENDED, async |scene: &mut Scene<R>| {
        let table = scene.table("n int4 primary key").await?;
        let c = &mut scene.connection;
        let insert = format!("insert into {table} values ($1)");
        for round in 0..3 {
            let results = c
                .pipeline_each((
                    Item::execute(&*insert, (round,)),
                    Item::query_scalar::<i32>("select 1 / $1::int4", (0,)),
                    Item::execute(&*insert, (round,)),
                    Item::query_scalar::<i32>("select $1::int4 + 1", (round,)),
                ))
                .await;
            assert_eq!(results.0?, 1);
            assert_eq!(results.1.unwrap_err().sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
            assert_eq!(results.2.unwrap_err().sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
            assert_eq!(results.3?, round + 1);
        }
        let sets: Vec<_> = (0..300).collect();
        let item = |n: &i32| Item::query_scalar::<i32>("select $1::int4", (*n,));
        let results = c.pipeline_each(sets.iter().map(item).collect::<Vec<_>>()).await;
        let results: Result<Vec<_>, _> = results.into_iter().collect();
        assert_eq!(results?, sets);
        Ok(())
    })
    .await;
}

async fn sets_of_parameters_run_on_one_server<R: Runtime>(rt: R) {
    in_modes(rt, EXTENDED, async |scene: &mut Scene<R>| {
        let table =
            scene.table("n int4 primary key, process_id int4 default pg_backend_pid()").await?;
        let c = &mut scene.connection;
        let insert = format!("insert into {table} (n) values ($1)");
        assert_eq!(c.execute_many(&*insert, (0..20_000).map(|n| (n,))).await?, 20_000);
        let servers = format!("select distinct process_id from {table}");
        let servers: Vec<(i32,)> = c.query_as(&*servers, ()).await?;
        assert_eq!(BTreeSet::from_iter(servers).len(), 1);
        // The last of them is there already.
        let error = c.execute_many(&*insert, [(20_000,), (20_001,), (0,)]).await.unwrap_err();
        assert_eq!((error.sqlstate(), error.item()), (Some(SqlState::UNIQUE_VIOLATION), Some(2)));
        let named = format!("insert into {table} (n) values (:n)");
        assert_eq!(c.execute_many(&*named, [-1, -2, -3].map(|n| Named::new([("n", n)]))).await?, 3);
        let count = format!("select count(*) from {table}");
        assert_eq!(c.query_scalar::<i64>(&*count, ()).await?, 20_003);
        Ok(())
    })
    .await;
}

/// They need the extended protocol, and say so before anything is sent.
async fn the_simple_mode_refuses_pipelines_and_sets<R: Runtime>(rt: R) {
    in_modes(rt, &[StatementMode::Simple], async |scene: &mut Scene<R>| {
        let c = &mut scene.connection;
        let item = Item::query_scalar::<i32>("select $1::int4", (1,));
        let [result] = c.pipeline([item]).await;
        let error = result.unwrap_err();
        assert!(error.is_unsent() && error.kind() == Kind::Usage, "{error}");
        let error = c.execute_many("select $1::int4", [(1,)]).await.unwrap_err();
        assert!(error.is_unsent() && error.kind() == Kind::Usage, "{error}");
        assert_eq!(c.query_scalar::<i32>("select $1::int4", (7,)).await?, 7);
        Ok::<_, Error>(())
    })
    .await;
}

on_every_runtime!(
    a_pipeline_runs_on_one_server,
    a_pipeline_that_fails_leaves_nothing,
    with_a_sync_each_every_item_has_its_own_result,
    sets_of_parameters_run_on_one_server,
    the_simple_mode_refuses_pipelines_and_sets,
);
