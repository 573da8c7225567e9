//! The end: close, terminate, shutdown, clear, resize.

use std::time::Duration;

use aiopg::{Client, CloseReason, Error, Kind, Runtime};
use aiopg_tests::cancel::yield_now;
use aiopg_tests::session::wait_until_gone;
use aiopg_tests::{on_every_runtime, session};
use futures::FutureExt;
use futures::future::{join, join3};

use crate::pools::{counts, get, open, process_of, sized, wait_for};

async fn a_closed_pool_lends_nothing<R: Runtime>(rt: R) {
    let pool = open(rt, sized(1, 10)).await;
    pool.close();
    assert!(pool.is_closed() && pool.clone().is_closed());
    let error = pool.get().await.unwrap_err();
    assert_eq!((error.kind(), error.is_unsent()), (Kind::PoolClosed, true));
    assert!(pool.try_get().is_none());
    assert_eq!(pool.execute("select 1", ()).await.unwrap_err().kind(), Kind::PoolClosed);
    pool.close();
    pool.wait_closed().await;
    pool.wait_closed().await;
    assert_eq!(counts(&pool), (0, 0, 0));
}

async fn a_closed_pool_refuses_waiters_at_once<R: Runtime>(rt: R) {
    let pool = open(rt, sized(1, 1)).await;
    let held = get(&pool).await;
    let close = async {
        wait_for(&pool, |stats| stats.waiting == 2).await;
        pool.close();
    };
    let (first, second, ()) = join3(pool.get(), pool.get(), close).await;
    for refused in [first, second] {
        assert_eq!(refused.unwrap_err().kind(), Kind::PoolClosed);
    }
    assert_eq!(counts(&pool), (1, 0, 1), "what is lent stays lent");
    drop(held);
    assert_eq!(counts(&pool), (0, 0, 0));
}

async fn a_pool_is_closed_when_the_last_session_has_come_back<R: Runtime>(rt: R) {
    let pool = open(rt, sized(2, 10)).await;
    let (first, second) = (get(&pool).await, get(&pool).await);
    pool.close();
    let mut closed = Box::pin(pool.wait_closed());
    assert!(closed.as_mut().now_or_never().is_none());
    drop(first);
    assert!(closed.as_mut().now_or_never().is_none());
    drop(second);
    closed.await;
    assert_eq!(counts(&pool), (0, 0, 0));
}

async fn closing_may_be_awaited_before_it_begins<R: Runtime>(rt: R) {
    let pool = open(rt, sized(1, 1)).await;
    let close = async {
        yield_now().await;
        pool.close();
    };
    join(pool.wait_closed(), close).await;
}

async fn a_pool_is_closed_when_the_last_session_comes_back_broken<R: Runtime>(rt: R) {
    let pool = open(rt, sized(1, 1)).await;
    let mut session = get(&pool).await;
    pool.close();
    let give_back = async {
        session.close().await.unwrap();
        drop(session);
    };
    join(pool.wait_closed(), give_back).await;
}

async fn terminating_ends_what_is_going_on<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let pool = open(rt, sized(3, 3)).await;
    let (mut busy, mut held) = (get(&pool).await, get(&pool).await);
    let process_ids = [process_of(&busy), process_of(&held)];
    let end = async {
        session::wait_until_held_up(&mut observer, process_ids[0], "select pg_sleep").await;
        pool.terminate();
    };
    let (slept, ()) = join(busy.execute("select pg_sleep(600)", ()), end).await;
    assert_eq!(slept.unwrap_err().kind(), Kind::Closed);
    assert!(busy.is_closed());
    assert_eq!(held.execute("select 1", ()).await.unwrap_err().kind(), Kind::Closed);
    pool.wait_closed().await;
    drop(busy);
    drop(held);
    assert_eq!(counts(&pool), (0, 0, 0));
    observer.execute("select pg_terminate_backend($1)", (process_ids[0],)).await?;
    for process_id in process_ids {
        wait_until_gone(&mut observer, process_id).await;
    }
    Ok(())
}

async fn terminating_later_ends_the_wait<R: Runtime>(rt: R) {
    let pool = open(rt, sized(2, 2)).await;
    let _held = get(&pool).await;
    pool.close();
    let end = async {
        yield_now().await;
        pool.terminate();
    };
    join(pool.wait_closed(), end).await;
}

async fn all_sockets_are_closed_by_terminating<R: Runtime>(rt: R) {
    let mut observer = session::open(rt.clone()).await;
    let pool = open(rt, sized(3, 3)).await;
    let sessions = [get(&pool).await, get(&pool).await, get(&pool).await];
    let process_ids = sessions.each_ref().map(|session| process_of(session));
    drop(sessions);
    pool.terminate();
    for process_id in process_ids {
        wait_until_gone(&mut observer, process_id).await;
    }
}

async fn shutdown_waits_for_those_that_are_lent<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(2, 2)).await;
    let mut session = get(&pool).await;
    let work = async {
        while !pool.is_closed() {
            yield_now().await;
        }
        let one = session.query_scalar::<i32>("select 1", ()).await;
        drop(session);
        one
    };
    let (closed, one) = join(pool.shutdown(Duration::from_secs(30)), work).await;
    closed?;
    assert_eq!((one?, counts(&pool)), (1, (0, 0, 0)));
    Ok(())
}

async fn shutdown_ends_what_does_not_come_back<R: Runtime>(rt: R) {
    let pool = open(rt, sized(1, 1)).await;
    let mut session = get(&pool).await;
    let error = pool.shutdown(Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(session.execute("select 1", ()).await.is_err());
}

async fn the_last_handle_closes_the_pool<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let pool = open(rt, sized(2, 2)).await;
    let (mut lent, idle) = (get(&pool).await, get(&pool).await);
    let process_ids = [process_of(&idle), process_of(&lent)];
    drop(idle);
    drop(pool.clone());
    assert_eq!(counts(&pool), (2, 1, 1));
    drop(pool);
    wait_until_gone(&mut observer, process_ids[0]).await;
    assert_eq!(lent.query_scalar::<i32>("select 1", ()).await?, 1);
    drop(lent);
    wait_until_gone(&mut observer, process_ids[1]).await;
    Ok(())
}

async fn clearing_replaces_every_session<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(0, 3)).await;
    let (lent, idle) = join(get(&pool), get(&pool)).await;
    let old = [process_of(&lent), process_of(&idle)];
    drop(idle);
    pool.clear();
    assert_eq!(counts(&pool), (1, 0, 1));
    drop(lent);
    assert_eq!(counts(&pool), (0, 0, 0));
    assert!(!old.contains(&process_of(&get(&pool).await.detach())));
    assert_eq!(pool.stats().closes(CloseReason::Cleared), 2);
    Ok(())
}

async fn a_pool_can_be_made_larger_while_others_wait<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    let held = get(&pool).await;
    let resize = async {
        wait_for(&pool, |stats| stats.waiting == 1).await;
        pool.resize(1, 2).unwrap();
    };
    let (second, ()) = join(get(&pool), resize).await;
    assert_eq!(counts(&pool), (2, 0, 2));
    drop(held);
    pool.resize(0, 1)?;
    assert_eq!(counts(&pool), (1, 0, 1), "the idle one was too much");
    drop(second);
    assert_eq!(counts(&pool), (1, 1, 0));
    Ok(())
}

on_every_runtime!(
    a_closed_pool_lends_nothing,
    a_closed_pool_refuses_waiters_at_once,
    a_pool_is_closed_when_the_last_session_has_come_back,
    closing_may_be_awaited_before_it_begins,
    a_pool_is_closed_when_the_last_session_comes_back_broken,
    terminating_ends_what_is_going_on,
    terminating_later_ends_the_wait,
    all_sockets_are_closed_by_terminating,
    shutdown_waits_for_those_that_are_lent,
    shutdown_ends_what_does_not_come_back,
    the_last_handle_closes_the_pool,
    clearing_replaces_every_session,
    a_pool_can_be_made_larger_while_others_wait,
);
