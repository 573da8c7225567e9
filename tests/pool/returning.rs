//! Giving back: in order, busy, in a transaction, closed.

use std::mem::ManuallyDrop;
use std::time::Duration;

use aiopg::{
    Client, CloseReason, Error, Event, Kind, PoolOptions, Reset, Runtime, TransactionStatus,
};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::{on_every_runtime, session};
use futures::future::join;

use crate::pools::{
    Events, counts, get, has_background, open, open_with, process_of, sized, wait_for,
};

const SLEEP: &str = "select pg_sleep(600)";

async fn a_closed_session_leaves_the_pool<R: Runtime>(rt: R) -> Result<(), Error> {
    let background = has_background(&rt);
    let pool = open(rt, sized(10, 10)).await;
    let mut session = get(&pool).await;
    session.close().await?;
    drop(session);
    if background {
        wait_for(&pool, |stats| stats.idle == 10).await;
        assert_eq!(pool.stats().connects, 11);
    } else {
        assert_eq!(counts(&pool), (9, 9, 0));
        pool.wait_ready(None).await?;
        assert_eq!(counts(&pool), (10, 10, 0));
    }
    assert_eq!(pool.stats().closes(CloseReason::Lost), 1);
    Ok(())
}

async fn a_waiter_is_served_when_a_broken_session_comes_back<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let pool = open(rt, sized(0, 1)).await;
    let mut broken = get(&pool).await;
    let process_id = process_of(&broken);
    let served = async {
        let session = get(&pool).await;
        assert_ne!(process_of(&session), process_id);
    };
    let give_back = async {
        wait_for(&pool, |stats| stats.waiting == 1).await;
        broken.close().await.unwrap();
        drop(broken);
    };
    join(served, give_back).await;
    assert_eq!(counts(&pool), (1, 1, 0));
    Ok(())
}

async fn an_open_transaction_is_rolled_back_with_a_warning<R: Runtime>(rt: R) -> Result<(), Error> {
    let background = has_background(&rt);
    let events = Events::default();
    let pool = open_with(rt, sized(1, 1), events.config()).await;
    let mut session = get(&pool).await;
    let process_id = process_of(&session);
    session.batch_execute("create temp table t (id int)").await?;
    session.batch_execute("begin; insert into t values (1)").await?;
    drop(session);
    let returned = |event: &Event| matches!(event, Event::ReturnedInTransaction { .. });
    assert_eq!(events.count(returned), 1);
    assert!(events.warnings()[0].contains("returning.rs:"), "{:?}", events.warnings());
    let mut session = get(&pool).await;
    assert_eq!(session.transaction_status(), TransactionStatus::Idle);
    if background {
        assert_eq!(process_of(&session), process_id);
        assert_eq!(session.query_scalar::<i64>("select count(*) from t", ()).await?, 0);
    } else {
        assert_ne!(process_of(&session), process_id, "nobody could put it in order");
    }
    Ok(())
}

async fn whoever_releases_can_wait_until_it_is_in_order<R: Runtime>(rt: R) -> Result<(), Error> {
    let events = Events::default();
    let pool = open_with(rt, sized(1, 1), events.config()).await;
    let mut session = get(&pool).await;
    let process_id = process_of(&session);
    session.batch_execute("begin").await?;
    session.release().await;
    assert_eq!(counts(&pool), (1, 1, 0));
    let session = get(&pool).await;
    assert_eq!((process_of(&session), events.warnings().len()), (process_id, 1));
    session.release().await;
    assert_eq!(counts(&pool), (1, 1, 0));
    Ok(())
}

async fn a_transaction_that_is_dropped_warns_once<R: Runtime>(rt: R) -> Result<(), Error> {
    let events = Events::default();
    let pool = open_with(rt, sized(1, 1), events.config()).await;
    let mut transaction = pool.begin().await?;
    transaction.batch_execute("create table never_made (id int)").await?;
    drop(transaction);
    let mut session = get(&pool).await;
    assert_eq!(session.transaction_status(), TransactionStatus::Idle);
    let made = "select exists (select from pg_class where relname = 'never_made')";
    assert!(!session.query_scalar::<bool>(made, ()).await?);
    assert_eq!(events.warnings().len(), 1, "{:?}", events.warnings());
    Ok(())
}

async fn a_transaction_that_ran_nothing_leaves_nothing<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    drop(pool.begin().await?);
    assert_eq!(counts(&pool), (1, 1, 0), "straight back");
    // A transaction whose drop never runs: what it had not sent must not go out with the next borrower's request.
    let _: ManuallyDrop<_> = ManuallyDrop::new(get(&pool).await.begin().await?);
    let mut session = get(&pool).await;
    session.execute("select 1", ()).await?;
    assert_eq!(session.transaction_status(), TransactionStatus::Idle);
    Ok(())
}

async fn a_session_in_a_transaction_is_closed_if_nothing_is_to_be_sent<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let events = Events::default();
    let pool = open_with(rt, sized(0, 1).reset(Reset::None), events.config()).await;
    let mut session = get(&pool).await;
    session.batch_execute("begin").await?;
    drop(session);
    assert_eq!(counts(&pool), (0, 0, 0));
    assert_eq!(pool.stats().closes(CloseReason::Unclean), 1);
    Ok(())
}

async fn a_busy_session_is_cancelled_and_comes_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let background = has_background(&rt);
    let mut observer = session::open(rt.clone()).await;
    let pool = open(rt, sized(1, 1)).await;
    let mut session = get(&pool).await;
    let process_id = process_of(&session);
    session::drop_while_held_up(session.execute(SLEEP, ()), &mut observer, process_id, SLEEP).await;
    drop(session);
    let mut session = get(&pool).await;
    assert_eq!(session.query_scalar::<i32>("select 1", ()).await?, 1);
    if background {
        assert_eq!(process_of(&session), process_id);
    } else {
        assert_ne!(process_of(&session), process_id);
        observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    }
    Ok(())
}

async fn what_cannot_be_put_in_order_in_time_is_closed<R: Runtime>(rt: R) -> Result<(), Error> {
    let background = has_background(&rt);
    let mut observer = session::open(rt.clone()).await;
    let events = Events::default();
    let config = events.config().on_drop(aiopg::OnDrop::Wait);
    let options = sized(0, 1).return_timeout(Duration::from_millis(20));
    let pool = open_with(rt, options, config).await;
    let mut session = get(&pool).await;
    let process_id = process_of(&session);
    session::drop_while_held_up(session.execute(SLEEP, ()), &mut observer, process_id, SLEEP).await;
    drop(session);
    drop(get(&pool).await);
    assert_eq!(pool.stats().closes(CloseReason::Unclean), 1);
    let unclean = |event: &Event| matches!(event, Event::ReturnedUnclean { .. });
    assert_eq!(events.count(unclean), usize::from(background));
    observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    Ok(())
}

async fn a_query_that_was_never_sent_costs_nothing<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    let mut session = get(&pool).await;
    assert!(PollLimit::new(session.execute("select 1", ()), 0).await.is_none());
    drop(session);
    assert_eq!(counts(&pool), (1, 1, 0));
    Ok(())
}

async fn a_query_past_its_time_does_not_spoil_the_pool<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt.clone(), sized(0, 1)).await;
    let mut session = get(&pool).await;
    let slow = rt.timeout(Duration::from_millis(50), session.execute(SLEEP, ())).await;
    assert!(slow.is_err());
    drop(session);
    let mut session = get(&pool).await;
    assert_eq!(session.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

async fn a_session_in_a_transaction_past_its_time_may_be_closed<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let pool = open(rt.clone(), sized(0, 1)).await;
    let mut session = get(&pool).await;
    session.batch_execute("begin").await?;
    let slow = rt.timeout(Duration::from_millis(50), session.execute(SLEEP, ())).await;
    assert!(slow.is_err());
    session.close().await?;
    drop(session);
    assert_eq!(counts(&pool), (0, 0, 0));
    assert_eq!(pool.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

async fn nothing_of_a_session_s_state_is_left_after_discard_all<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1).reset(Reset::DiscardAll)).await;
    for round in 0..3 {
        let mut session = get(&pool).await;
        let name: String = session.query_scalar("show application_name", ()).await?;
        assert_eq!(name, "", "round {round}");
        session.execute("select set_config('application_name', $1, false)", ("left",)).await?;
        session.batch_execute("create temp table t (id int)").await?;
        drop(session);
        assert_eq!(counts(&pool), (1, 1, 0), "straight back");
        drop(get(&pool).await);
    }
    Ok(())
}

async fn settings_stay_unless_a_reset_is_asked_for<R: Runtime>(rt: R) -> Result<(), Error> {
    let set = "select set_config('work_mem', '1MB', false)";
    let show = "select current_setting('work_mem')";
    let pool = open(rt.clone(), sized(1, 1)).await;
    pool.execute(set, ()).await?;
    assert_eq!(pool.query_scalar::<String>(show, ()).await?, "1MB");
    let pool = open(rt, sized(1, 1).reset(Reset::Sql("reset work_mem".into()))).await;
    pool.execute(set, ()).await?;
    assert_ne!(pool.query_scalar::<String>(show, ()).await?, "1MB");
    Ok(())
}

async fn the_next_borrower_hears_nothing_of_the_last<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    let channel = aiopg_tests::Server::shared().fresh_schema();
    let mut session = get(&pool).await;
    session.listen(&channel).await?;
    session.notify(&channel, "for the first").await?;
    drop(session);
    let mut session = get(&pool).await;
    session.notify(&channel, "for nobody").await?;
    assert!(session.notifications().is_empty());
    let channels = "select count(*) from pg_listening_channels()";
    assert_eq!(session.query_scalar::<i64>(channels, ()).await?, 0);
    drop(session);
    assert_eq!((counts(&pool), pool.stats().connects), ((1, 1, 0), 1));
    Ok(())
}

async fn a_detached_session_is_the_pool_s_no_more<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(0, 1)).await;
    let mut session = get(&pool).await.detach();
    assert_eq!(counts(&pool), (0, 0, 0));
    let other = get(&pool).await;
    assert_ne!(process_of(&session), process_of(&other));
    drop(other);
    pool.terminate();
    assert_eq!(session.query_scalar::<i32>("select 1", ()).await?, 1);
    assert_eq!(pool.stats().closes(CloseReason::Detached), 1);
    session.close().await
}

async fn giving_back_works_on_a_plain_thread<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt.clone(), sized(1, 1)).await;
    let session = get(&pool).await;
    rt.unblock(move || drop(session)).await.unwrap();
    assert_eq!(counts(&pool), (1, 1, 0));
    let events = Events::default();
    let pool = open_with(rt.clone(), sized(0, 1), events.config()).await;
    let mut session = get(&pool).await;
    session.batch_execute("begin").await?;
    rt.unblock(move || drop(session)).await.unwrap();
    assert_eq!(pool.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

async fn a_leak_is_reported_with_its_place<R: Runtime>(rt: R) -> Result<(), Error> {
    if !has_background(&rt) {
        return Ok(());
    }
    let events = Events::default();
    let options = PoolOptions::default().leak_after(Duration::from_millis(20));
    let pool = open_with(rt, options, events.config()).await;
    let session = get(&pool).await;
    let held = |event: &Event| matches!(event, Event::SessionHeld { .. });
    while events.count(held) == 0 {
        aiopg_tests::cancel::yield_now().await;
    }
    assert!(events.warnings()[0].contains("returning.rs:"), "{:?}", events.warnings());
    drop(session);
    assert_eq!(events.count(|event| matches!(event, Event::SessionReturned { .. })), 1);
    Ok(())
}

async fn a_failed_statement_does_not_hold_a_session_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    let failed = pool.execute("select 1/0", ()).await.unwrap_err();
    assert_eq!(failed.kind(), Kind::Server);
    assert_eq!((counts(&pool), pool.stats().connects), ((1, 1, 0), 1));
    Ok(())
}

on_every_runtime!(
    a_closed_session_leaves_the_pool,
    a_waiter_is_served_when_a_broken_session_comes_back,
    an_open_transaction_is_rolled_back_with_a_warning,
    whoever_releases_can_wait_until_it_is_in_order,
    a_transaction_that_is_dropped_warns_once,
    a_transaction_that_ran_nothing_leaves_nothing,
    a_session_in_a_transaction_is_closed_if_nothing_is_to_be_sent,
    a_busy_session_is_cancelled_and_comes_back,
    what_cannot_be_put_in_order_in_time_is_closed,
    a_query_that_was_never_sent_costs_nothing,
    a_query_past_its_time_does_not_spoil_the_pool,
    a_session_in_a_transaction_past_its_time_may_be_closed,
    nothing_of_a_session_s_state_is_left_after_discard_all,
    settings_stay_unless_a_reset_is_asked_for,
    the_next_borrower_hears_nothing_of_the_last,
    a_detached_session_is_the_pool_s_no_more,
    giving_back_works_on_a_plain_thread,
    a_leak_is_reported_with_its_place,
    a_failed_statement_does_not_hold_a_session_back,
);
