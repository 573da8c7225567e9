//! `query_timeout` in a pool: it reaches every session, its error comes out as it is, and the session stays.

use std::time::Duration;

use aiopg::{Call, Client, Error, Heard, Kind, Runtime};
use aiopg_tests::{on_every_runtime, session};

use crate::pools::{get, has_background, open, open_with, process_of, sized};

const SHORT: Duration = Duration::from_millis(20);
const SLEEP: &str = "select pg_sleep(600)";

async fn the_limit_of_the_configuration_reaches_every_session<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let pool = open_with(rt, sized(1, 2), session::config().query_timeout(SHORT)).await;
    let mut sessions = [get(&pool).await, get(&pool).await];
    for session in &mut sessions {
        assert_eq!(session.execute(SLEEP, ()).await.unwrap_err().kind(), Kind::Timeout);
    }
    drop(sessions);
    assert_eq!(pool.execute(SLEEP, ()).await.unwrap_err().kind(), Kind::Timeout);
    let patient = Call::new("select pg_sleep(0.05)").query_timeout(None);
    assert_eq!(pool.execute(patient, ()).await?, 1);
    assert!(pool.stats().size <= 2);
    Ok(())
}

async fn a_session_whose_statement_took_too_long_is_lent_again<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let background = has_background(&rt);
    let pool = open(rt, sized(0, 1)).await;
    let mut session = get(&pool).await;
    let process_id = process_of(&session);
    let slow = session.execute(Call::new(SLEEP).query_timeout(SHORT), ()).await;
    assert_eq!(slow.unwrap_err().kind(), Kind::Timeout);
    drop(session);
    let mut session = get(&pool).await;
    assert_eq!(session.query_scalar::<i32>("select 1", ()).await?, 1);
    // Its cancel request has to come to its end first: where nobody could wait for that, it was closed.
    assert!(process_of(&session) == process_id || !background);
    Ok(())
}

async fn a_listener_has_a_session_beside_those_of_the_pool<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open_with(rt, sized(1, 1), session::config()).await;
    let channel = format!("pool_{}", process_of(&*get(&pool).await));
    let mut listener = pool.listener().await?;
    listener.listen(&channel).await?;
    let lent = get(&pool).await;
    assert_eq!(pool.stats().size, 1, "it is none of the pool's");
    drop(lent);
    pool.notify(&channel, "heard").await?;
    let Heard::Notification(heard) = listener.recv().await? else {
        panic!("nothing else was sent")
    };
    assert_eq!(heard.payload(), "heard");
    listener.close().await
}

on_every_runtime!(
    a_listener_has_a_session_beside_those_of_the_pool,
    the_limit_of_the_configuration_reaches_every_session,
    a_session_whose_statement_took_too_long_is_lent_again,
);
