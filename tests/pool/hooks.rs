//! Hooks and options: what is done to a session, and when it is replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aiopg::{Client, CloseReason, Error, IdleOrder, Kind, Liveness, Runtime, Verdict};
use aiopg_tests::counting::Counting;
use aiopg_tests::session::wait_until_gone;
use aiopg_tests::{on_every_runtime, session};
use futures::future::join4;

use crate::pools::{counts, get, has_background, open, process_of, sized, wait_for};

async fn on_connect_runs_once_for_each_session<R: Runtime>(rt: R) -> Result<(), Error> {
    for min in [0, 1] {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let options = sized(min, 1).on_connect(move |session| {
            counter.fetch_add(1, Ordering::AcqRel);
            Box::pin(async move { session.batch_execute("set application_name = 'ready'").await })
        });
        let pool = open(rt.clone(), options).await;
        for _ in 0..2 {
            let name: String = pool.query_scalar("show application_name", ()).await?;
            assert_eq!(name, "ready");
        }
        assert_eq!(calls.load(Ordering::Acquire), 1);
    }
    Ok(())
}

async fn a_session_that_on_connect_refuses_is_closed_at_once<R: Runtime>(rt: R) {
    let mut observer = session::open(rt.clone()).await;
    let process_id = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&process_id);
    let options = sized(0, 1).on_connect(move |session| {
        let id = session.process_id().unwrap();
        seen.store(usize::try_from(id).unwrap(), Ordering::Release);
        Box::pin(async move { session.batch_execute("select 1/0").await })
    });
    let pool = open(rt, options).await;
    let error = pool.get().await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22012");
    let process_id = i32::try_from(process_id.load(Ordering::Acquire)).unwrap();
    wait_until_gone(&mut observer, process_id).await;
    assert_eq!(counts(&pool), (0, 0, 0));
}

async fn a_hook_must_not_leave_a_transaction_open<R: Runtime>(rt: R) {
    let begin = sized(0, 1).on_connect(|session| Box::pin(session.batch_execute("begin")));
    let pool = open(rt.clone(), begin).await;
    let error = pool.get().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    assert!(error.to_string().contains("on_connect"));

    let begin = sized(0, 1).before_acquire(|session| {
        Box::pin(async move { session.batch_execute("begin").await.map(|()| Verdict::Keep) })
    });
    let pool = open(rt, begin).await;
    let error = pool.get().await.unwrap_err();
    assert!(error.to_string().contains("before_acquire"), "{error}");
    assert_eq!((counts(&pool), pool.stats().closes(CloseReason::Hook)), ((0, 0, 0), 1));
}

async fn before_acquire_may_ask_for_another_session<R: Runtime>(rt: R) -> Result<(), Error> {
    let refusals = Arc::new(AtomicUsize::new(2));
    let left = Arc::clone(&refusals);
    let options = sized(1, 1).before_acquire(move |session| {
        let left = Arc::clone(&left);
        Box::pin(async move {
            session.batch_execute("set application_name = 'looked at'").await?;
            let again =
                left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
            Ok(if again.is_ok() { Verdict::Close } else { Verdict::Keep })
        })
    });
    let pool = open(rt, options).await;
    let name: String = pool.query_scalar("show application_name", ()).await?;
    assert_eq!((name.as_str(), pool.stats().connects), ("looked at", 3));
    assert_eq!(pool.stats().closes(CloseReason::Hook), 2);
    assert!(pool.try_get().is_none(), "the hook would have to be waited for");
    Ok(())
}

async fn an_error_of_before_acquire_closes_the_session<R: Runtime>(rt: R) {
    let options = sized(1, 1).before_acquire(|session| {
        Box::pin(async move { session.batch_execute("select 1/0").await.map(|()| Verdict::Keep) })
    });
    let pool = open(rt, options).await;
    assert_eq!(pool.get().await.unwrap_err().sqlstate().unwrap().code(), "22012");
    assert_eq!(pool.stats().closes(CloseReason::Hook), 1);
}

async fn after_release_decides_what_is_kept<R: Runtime>(rt: R) -> Result<(), Error> {
    let background = has_background(&rt);
    let options = sized(0, 1).after_release(|session| {
        Box::pin(async move {
            let dirty: bool = session
                .query_scalar("select current_setting('application_name') = 'dirty'", ())
                .await?;
            Ok(if dirty { Verdict::Close } else { Verdict::Keep })
        })
    });
    let pool = open(rt, options).await;
    get(&pool).await.release().await;
    assert_eq!(counts(&pool), (1, 1, 0));
    let mut session = get(&pool).await;
    session.batch_execute("set application_name = 'dirty'").await?;
    session.release().await;
    assert_eq!((counts(&pool), pool.stats().closes(CloseReason::Hook)), ((0, 0, 0), 1));
    drop(get(&pool).await);
    if background {
        wait_for(&pool, |stats| stats.idle == 1).await;
    } else {
        assert_eq!(counts(&pool), (0, 0, 0), "nobody could run the hook");
    }
    Ok(())
}

async fn a_hook_that_panics_costs_a_session_and_no_more<R: Runtime>(rt: R) -> Result<(), Error> {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let options = sized(0, 1).on_connect(move |session| {
        let first = counter.fetch_add(1, Ordering::AcqRel) == 0;
        Box::pin(async move {
            assert!(!first, "the first time");
            session.batch_execute("select 1").await
        })
    });
    let pool = open(rt, options).await;
    assert!(pool.get().await.unwrap_err().to_string().contains("panicked"));
    assert_eq!(counts(&pool), (0, 0, 0));
    assert_eq!(pool.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

async fn sessions_are_opened_side_by_side<R: Runtime>(rt: R) {
    // Each hook waits for all the others: one after the other they would never be done.
    let barrier = Arc::new(AtomicUsize::new(0));
    let arrived = Arc::clone(&barrier);
    let options = sized(0, 4).on_connect(move |_| {
        let arrived = Arc::clone(&arrived);
        Box::pin(async move {
            arrived.fetch_add(1, Ordering::AcqRel);
            while arrived.load(Ordering::Acquire) < 4 {
                aiopg_tests::cancel::yield_now().await;
            }
            Ok(())
        })
    });
    let pool = open(rt, options).await;
    drop(join4(get(&pool), get(&pool), get(&pool), get(&pool)).await);
    assert_eq!(counts(&pool), (4, 4, 0));
}

async fn a_free_session_is_lent_while_another_is_opened<R: Runtime>(rt: R) {
    let stuck = Arc::new(AtomicUsize::new(0));
    let opened = Arc::clone(&stuck);
    let options = sized(1, 2).on_connect(move |_| {
        let first = opened.fetch_add(1, Ordering::AcqRel) == 0;
        Box::pin(async move {
            if !first {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    });
    let pool = open(rt, options).await;
    let held = get(&pool).await;
    let mut waiting = Box::pin(pool.get());
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    wait_for_second(&mut waiting, &stuck).await;
    assert_eq!(pool.stats().connecting, 1);
    drop(held);
    waiting.await.unwrap();
}

/// Polls until the second session is being opened.
async fn wait_for_second<F: Future + Unpin>(waiting: &mut F, opened: &AtomicUsize) {
    while opened.load(Ordering::Acquire) < 2 {
        assert!(futures::poll!(&mut *waiting).is_pending());
        aiopg_tests::cancel::yield_now().await;
    }
}

async fn a_session_idle_for_long_is_recycled<R: Runtime>(rt: R) {
    let pool = open(rt.clone(), sized(0, 1).recycle(Duration::ZERO)).await;
    let first = process_of(&*get(&pool).await);
    let second = process_of(&*get(&pool).await);
    assert_ne!(first, second);
    let pool = open(rt, sized(0, 1)).await;
    let first = process_of(&*get(&pool).await);
    assert_eq!(process_of(&*get(&pool).await), first);
}

async fn a_session_that_has_lived_long_is_replaced<R: Runtime>(rt: R) {
    let pool = open(rt.clone(), sized(0, 1).max_lifetime(Duration::from_millis(1))).await;
    let session = get(&pool).await;
    let first = process_of(&session);
    rt.sleep_until(rt.now() + Duration::from_millis(2)).await;
    drop(session);
    assert_eq!((counts(&pool), pool.stats().closes(CloseReason::Lifetime)), ((0, 0, 0), 1));
    assert_ne!(process_of(&*get(&pool).await), first);
}

async fn those_that_idle_are_closed_down_to_the_least<R: Runtime>(rt: R) {
    if !has_background(&rt) {
        return;
    }
    let options = sized(1, 4).idle_timeout(Duration::from_millis(20)).idle_order(IdleOrder::Lifo);
    let pool = open(rt, options).await;
    drop(join4(get(&pool), get(&pool), get(&pool), get(&pool)).await);
    wait_for(&pool, |stats| stats.size == 1).await;
    assert_eq!(pool.stats().closes(CloseReason::IdleTimeout), 3);
}

async fn a_dead_session_is_found_by_a_look<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    for liveness in [Liveness::Peek(Duration::ZERO), Liveness::Query(Duration::ZERO)] {
        let pool = open(rt.clone(), sized(0, 3).liveness(liveness)).await;
        let sessions = [get(&pool).await, get(&pool).await, get(&pool).await];
        let process_ids = sessions.each_ref().map(|session| process_of(session));
        drop(sessions);
        for process_id in process_ids {
            observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
            wait_until_gone(&mut observer, process_id).await;
        }
        let mut session = get(&pool).await;
        assert_eq!(session.query_scalar::<i32>("select 1", ()).await?, 1);
        assert!(!process_ids.contains(&process_of(&session)));
        assert_eq!(pool.stats().closes(CloseReason::Lost), 3);
    }
    Ok(())
}

async fn idle_sessions_that_the_server_ends_are_noticed<R: Runtime>(rt: R) -> Result<(), Error> {
    if !has_background(&rt) {
        return Ok(());
    }
    let mut observer = session::open(rt.clone()).await;
    let pool = open(rt, sized(3, 3)).await;
    let sessions = [get(&pool).await, get(&pool).await, get(&pool).await];
    let process_ids = sessions.each_ref().map(|session| process_of(session));
    drop(sessions);
    for process_id in process_ids {
        observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    }
    wait_for(&pool, |stats| stats.closes(CloseReason::Lost) == 3 && stats.idle == 3).await;
    assert_eq!(pool.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

async fn silent_sessions_are_kept_alive<R: Runtime>(rt: R) {
    if !has_background(&rt) {
        return;
    }
    let rt = Counting::new(rt);
    let pool = open(rt.clone(), sized(1, 1).keepalive(Duration::from_millis(20))).await;
    let before = rt.counts();
    while (rt.counts() - before).writes < 3 {
        aiopg_tests::cancel::yield_now().await;
    }
    assert_eq!(pool.stats().connects, 1);
}

async fn lending_costs_no_trip<R: Runtime>(rt: R) -> Result<(), Error> {
    let rt = Counting::new(rt);
    let pool = open(rt.clone(), sized(1, 1)).await;
    pool.execute("select 1", ()).await?;
    let before = rt.counts();
    for _ in 0..100 {
        drop(get(&pool).await);
    }
    let cost = rt.counts() - before;
    assert_eq!((cost.writes, cost.reads, cost.waits, cost.spawns, cost.connects), (0, 0, 0, 0, 0));
    pool.execute("select 1", ()).await?;
    assert_eq!((rt.counts() - before).writes, 1);
    Ok(())
}

async fn a_reset_rides_with_the_next_request<R: Runtime>(rt: R) -> Result<(), Error> {
    let rt = Counting::new(rt);
    let options = sized(1, 1).reset(aiopg::Reset::DiscardAll);
    let pool = open(rt.clone(), options).await;
    pool.execute("select 1", ()).await?;
    let before = rt.counts();
    for round in 1..=5 {
        pool.execute("select 1", ()).await?;
        assert_eq!((rt.counts() - before).writes, round);
    }
    Ok(())
}

on_every_runtime!(
    on_connect_runs_once_for_each_session,
    a_session_that_on_connect_refuses_is_closed_at_once,
    a_hook_must_not_leave_a_transaction_open,
    before_acquire_may_ask_for_another_session,
    an_error_of_before_acquire_closes_the_session,
    after_release_decides_what_is_kept,
    a_hook_that_panics_costs_a_session_and_no_more,
    sessions_are_opened_side_by_side,
    a_free_session_is_lent_while_another_is_opened,
    a_session_idle_for_long_is_recycled,
    a_session_that_has_lived_long_is_replaced,
    those_that_idle_are_closed_down_to_the_least,
    a_dead_session_is_found_by_a_look,
    idle_sessions_that_the_server_ends_are_noticed,
    silent_sessions_are_kept_alive,
    lending_costs_no_trip,
    a_reset_rides_with_the_next_request,
);
