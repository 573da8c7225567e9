//! Cursors that own a session of a pool.

use aiopg::{
    Cursor, Error, IsolationLevel, Kind, PooledConnection, Runtime, Scroll, TransactionOptions,
};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::{on_every_runtime, session};

use crate::pools::{Events, counts, has_background, open, open_with, process_of, sized, wait_for};

const SLEEP: &str = "select pg_sleep(10000)";

async fn a_cursor_borrows_a_session_and_gives_it_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    let mut cursor = pool.cursor().await?;
    cursor.execute("select generate_series(1, 3)", ()).await?;
    assert_eq!(counts(&pool), (1, 0, 1));
    assert_eq!(cursor.fetch_one()?.unwrap().get::<i32>(0), 1);
    let mut result = cursor.detach()?;
    drop(cursor);
    assert_eq!(counts(&pool), (1, 1, 0));
    let mut other = pool.cursor().await?;
    other.execute("select 42", ()).await?;
    assert_eq!(other.fetch_one()?.unwrap().get::<i32>(0), 42);
    assert_eq!(result.fetch_one()?.unwrap().get::<i32>(0), 2, "it is read on without a session");
    result.scroll(Scroll::Absolute(0))?;
    assert_eq!(result.fetch_all()?.len(), 3);
    let session: PooledConnection<R> = other.into_client();
    assert_eq!(counts(&pool), (1, 0, 1));
    drop(session);
    assert_eq!((counts(&pool), pool.stats().connects), ((1, 1, 0), 1));
    Ok(())
}

async fn a_closed_cursor_still_gives_its_session_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    let mut cursor = pool.cursor().await?;
    cursor.execute("select 1 / 0", ()).await.unwrap_err();
    cursor.close();
    assert!(cursor.is_closed());
    drop(cursor);
    assert_eq!((counts(&pool), pool.stats().connects), ((1, 1, 0), 1));
    pool.close();
    assert_eq!(pool.cursor().await.unwrap_err().kind(), Kind::PoolClosed);
    Ok(())
}

async fn a_cursor_that_is_left_during_a_query_frees_its_place<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let pool = open(rt, sized(1, 1)).await;
    let mut cursor = pool.cursor().await?;
    let process_id = process_of(cursor.connection());
    let endless = cursor.execute(SLEEP, ());
    session::drop_while_held_up(endless, &mut observer, process_id, SLEEP).await;
    drop(cursor);
    let mut cursor = pool.cursor().await?;
    cursor.execute("select 42", ()).await?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<i32>(0), 42);
    drop(cursor);
    assert_eq!(counts(&pool), (1, 1, 0));
    Ok(())
}

async fn a_cursor_that_nobody_waits_for_takes_no_place<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(0, 1)).await;
    for polls in 0..4 {
        drop(PollLimit::new(pool.cursor(), polls).await);
        wait_for(&pool, |stats| stats.in_use == 0).await;
    }
    pool.cursor().await?.execute("select 1", ()).await?;
    assert_eq!(counts(&pool), (1, 1, 0));
    Ok(())
}

async fn its_transaction_begins_as_it_is_set<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    let options = TransactionOptions::new().isolation_level(IsolationLevel::Serializable);
    let mut cursor: Cursor<_> = pool.cursor().await?.transaction_options(options);
    let mut transaction = cursor.begin().await?;
    let mut inner = transaction.cursor();
    inner.execute("show transaction_isolation", ()).await?;
    assert_eq!(inner.fetch_one()?.unwrap().get::<&str>(0), "serializable");
    transaction.commit().await?;
    assert_eq!(cursor.execute("select 1", ()).await?.rowcount(), Some(1));
    Ok(())
}

async fn a_session_comes_back_without_the_cursor_that_was_dropped<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let background = has_background(&rt);
    let events = Events::default();
    let pool = open_with(rt, sized(1, 1), events.config()).await;
    let mut session = pool.get().await?;
    let mut held = session.declare("held").hold().open("select 1", ()).await?;
    assert!(held.fetch_one().await?.is_some());
    drop(held);
    drop(session);
    let mut session = pool.get().await?;
    assert_eq!(session::ask(&mut session, "select count(*) from pg_cursors").await, "0");
    drop(session);
    assert_eq!((counts(&pool), pool.stats().connects), ((1, 1, 0), 1));
    let mut transaction = pool.begin().await?;
    drop(transaction.declare("c").open("select 1", ()).await?);
    drop(transaction);
    if background {
        wait_for(&pool, |stats| stats.idle == 1).await;
    }
    let mut session = pool.get().await?;
    assert_eq!(session::ask(&mut session, "select count(*) from pg_cursors").await, "0");
    Ok(())
}

on_every_runtime!(
    a_cursor_borrows_a_session_and_gives_it_back,
    a_closed_cursor_still_gives_its_session_back,
    a_cursor_that_is_left_during_a_query_frees_its_place,
    a_cursor_that_nobody_waits_for_takes_no_place,
    its_transaction_begins_as_it_is_set,
    a_session_comes_back_without_the_cursor_that_was_dropped,
);
