//! What the default mode makes of a pooler that does not know prepared statements, and what helps.

use aiopg::{Call, Client, Connection, Error, Runtime, SqlState, StatementMode};
use aiopg_tests::on_every_runtime;
use aiopg_tests::pgbouncer::{PgBouncer, SERVERS};

use crate::pgbouncer::scene::{EXTENDED, Scene, in_modes};

/// Since this version PgBouncer can prepare statements on the server that runs them.
const KNOWS_STATEMENTS: (u32, u32) = (1, 21);

async fn the_cached_mode_fails_and_another_mode_helps<R: Runtime>(rt: R) {
    if PgBouncer::shared().version() >= KNOWS_STATEMENTS {
        return;
    }
    in_modes(rt, &[StatementMode::Cached], async |scene: &mut Scene<R>| {
        let c = &mut scene.connection;
        let sql = "select $1::int4 + 1";
        let error = first_error(c, sql).await;
        assert_eq!(error.sqlstate(), Some(SqlState::INVALID_SQL_STATEMENT_NAME), "{error}");
        for mode in EXTENDED.iter().copied().chain([StatementMode::Simple]) {
            let call = Call::new(sql).statement_mode(mode);
            for n in 0..4 {
                assert_eq!(c.query_scalar::<i32>(call, (n,)).await?, n + 1, "{mode:?}");
            }
        }
        Ok(())
    })
    .await;
}

async fn first_error<R: Runtime>(connection: &mut Connection<R>, sql: &str) -> Error {
    for n in 0..10 {
        match connection.query_scalar::<i32>(sql, (n,)).await {
            Ok(sum) => assert_eq!(sum, n + 1),
            Err(error) => return error,
        }
    }
    panic!("the statement was found each time")
}

/// Both have prepared a first statement, each on another server; then the second runs it on that of the first.
async fn a_statement_of_another_session_is_never_run<R: Runtime>(rt: R) {
    in_modes(rt, &[StatementMode::Cached], async |scene: &mut Scene<R>| {
        for _ in 0..SERVERS {
            scene.connection.batch_execute("deallocate all").await?;
        }
        let (mut first, mut second) = (scene.another().await, scene.another().await);
        let mut transaction = first.begin().await?;
        let sql = "select 'of the first: ' || $1::text";
        assert_eq!(transaction.query_scalar::<String>(sql, ("x",)).await?, "of the first: x");
        transaction.commit().await?;
        let sql = "select 'of the second: ' || $1::text";
        match second.query_scalar::<String>(sql, ("y",)).await {
            Ok(text) => assert_eq!(text, "of the second: y"),
            Err(error) => {
                assert_eq!(error.sqlstate(), Some(SqlState::INVALID_SQL_STATEMENT_NAME), "{error}");
            }
        }
        Ok(())
    })
    .await;
}

/// Statements that were prepared stay where they are: nothing of them is in the way of the others.
async fn no_mode_but_the_cached_one_leaves_statements_on_a_server<R: Runtime>(rt: R) {
    in_modes(rt, EXTENDED, async |scene: &mut Scene<R>| {
        let c = &mut scene.connection;
        for n in 0..6 {
            assert_eq!(c.query_scalar::<i32>("select $1::int4", (n,)).await?, n);
            let kept: i64 =
                c.query_scalar("select count(*) from pg_prepared_statements", ()).await?;
            assert_eq!(kept, 0);
        }
        Ok(())
    })
    .await;
}

on_every_runtime!(
    a_statement_of_another_session_is_never_run,
    the_cached_mode_fails_and_another_mode_helps,
    no_mode_but_the_cached_one_leaves_statements_on_a_server,
);
