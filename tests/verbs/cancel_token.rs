//! `CancelToken`: ends the statement that runs, from elsewhere, and no other.

use aiopg::{Error, Runtime, SqlState};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};
use futures::future::join;

const SLEEP: &str = "select pg_sleep(600)";

async fn a_token_ends_the_statement_that_runs_and_its_session_goes_on<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    let (process_id, token) =
        (connection.process_id().unwrap(), connection.cancel_token().unwrap());
    for round in 0..3 {
        let cancel = async {
            session::wait_until_held_up(&mut observer, process_id, SLEEP).await;
            token.cancel().await
        };
        let (slept, cancelled) = join(connection.execute(SLEEP, ()), cancel).await;
        cancelled?;
        assert_eq!(slept.unwrap_err().sqlstate(), Some(SqlState::QUERY_CANCELED));
        assert_eq!(connection.process_id(), Some(process_id), "the same session, round {round}");
        assert_eq!(ask(&mut connection, "select 1").await, "1");
    }
    Ok(())
}

async fn a_token_does_nothing_to_a_session_that_is_idle<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let token = connection.cancel_token().unwrap();
    for _ in 0..5 {
        token.cancel().await?;
        assert_eq!(ask(&mut connection, "select pg_sleep(0.01)").await, "");
    }
    Ok(())
}

on_every_runtime!(
    a_token_ends_the_statement_that_runs_and_its_session_goes_on,
    a_token_does_nothing_to_a_session_that_is_idle,
);
