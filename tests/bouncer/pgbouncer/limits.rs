//! Limits and cancels: the request goes to PgBouncer, which passes it on to the server that runs the statement.

use std::time::Duration;

use aiopg::{Call, Client, Error, Kind, Runtime, SqlState};
use aiopg_tests::pgbouncer::PgBouncer;
use aiopg_tests::{on_every_runtime, session};

use crate::pgbouncer::scene::{ALL, Scene, in_modes, process_id};

const SHORT: Duration = Duration::from_millis(20);
const SLEEP: &str = "select pg_sleep(3600)";

async fn a_statement_that_takes_too_long_ends_and_its_session_goes_on<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let c = &mut scene.connection;
        for n in 0..2 {
            let call = Call::new(SLEEP).query_timeout(SHORT);
            assert_eq!(c.execute(call, ()).await.unwrap_err().kind(), Kind::Timeout);
            assert_eq!(c.query_scalar::<i32>("select $1::int4", (n,)).await?, n);
            let call = Call::new("select pg_sleep($1::float8)").query_timeout(SHORT);
            assert_eq!(c.query(call, (3600.0,)).await.unwrap_err().kind(), Kind::Timeout);
            let mut transaction = c.begin().await?;
            let error = transaction.execute(Call::new(SLEEP).query_timeout(SHORT), ()).await;
            assert_eq!(error.unwrap_err().kind(), Kind::Timeout);
            transaction.rollback().await?;
            assert_eq!(c.query_scalar::<i32>("select $1::int4", (n,)).await?, n);
        }
        Ok(())
    })
    .await;
}

/// Drops a statement that sleeps; on the way back its server is not in use.
async fn a_dropped_statement_is_cancelled_through_pgbouncer<R: Runtime>(rt: R) {
    let server = session::config_of(PgBouncer::shared().server());
    in_modes(rt.clone(), ALL, async |scene: &mut Scene<R>| {
        let mut observer = session::open_with(rt.clone(), &server).await;
        let mut other = scene.another().await;
        for n in 0..2 {
            let mut transaction = scene.connection.begin().await?;
            let server = process_id(&mut transaction).await;
            let sleeping = transaction.execute(SLEEP, ());
            session::drop_while_held_up(sleeping, &mut observer, server, SLEEP).await;
            transaction.rollback().await?;
            let c = &mut scene.connection;
            assert_eq!(c.query_scalar::<i32>("select $1::int4", (n,)).await?, n);
            let (mut first, mut second) = (c.begin().await?, other.begin().await?);
            assert_ne!(process_id(&mut first).await, process_id(&mut second).await);
            first.rollback().await?;
            second.rollback().await?;
        }
        Ok(())
    })
    .await;
}

async fn a_cancel_token_hits_its_own_session_alone<R: Runtime>(rt: R) {
    let server = session::config_of(PgBouncer::shared().server());
    in_modes(rt.clone(), ALL, async |scene: &mut Scene<R>| {
        let mut observer = session::open_with(rt.clone(), &server).await;
        let mut other = scene.another().await;
        let tokens = (scene.connection.cancel_token().unwrap(), other.cancel_token().unwrap());
        let mut transaction = scene.connection.begin().await?;
        let server = process_id(&mut transaction).await;
        let cancelled = async {
            session::wait_until_held_up(&mut observer, server, SLEEP).await;
            // That of a session that has no server goes nowhere.
            tokens.1.cancel().await?;
            session::wait_until_held_up(&mut observer, server, SLEEP).await;
            tokens.0.cancel().await
        };
        let (slept, asked) = futures::join!(transaction.execute(SLEEP, ()), cancelled);
        asked?;
        assert_eq!(slept.unwrap_err().sqlstate(), Some(SqlState::QUERY_CANCELED));
        transaction.rollback().await?;
        for n in 0..4 {
            assert_eq!(other.query_scalar::<i32>("select $1::int4", (n,)).await?, n);
            let same: i32 = scene.connection.query_scalar("select $1::int4", (n,)).await?;
            assert_eq!(same, n);
        }
        Ok::<_, Error>(())
    })
    .await;
}

on_every_runtime!(
    a_statement_that_takes_too_long_ends_and_its_session_goes_on,
    a_dropped_statement_is_cancelled_through_pgbouncer,
    a_cancel_token_hits_its_own_session_alone,
);
