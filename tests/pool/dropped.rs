//! Every operation of a pool, dropped after every poll: no session, no place and no turn is lost.

use std::time::Duration;

use aiopg::{Client, Error, Pool, PooledConnection, Runtime, Verdict};
use aiopg_tests::cancel::{Outcome, at_every_poll, at_every_poll_of_one};
use aiopg_tests::relay::{Leg, Plan, Relay};
use aiopg_tests::{Server, on_every_runtime, session};
use futures::future::join;

use crate::pools::{counts, get, sized, wait_for};

/// A pool whose bytes trickle, so that opening a session takes many polls. The relay has to be kept.
fn trickling<R: Runtime>(rt: R, options: aiopg::PoolOptions<R>) -> (Pool<R>, Relay) {
    let plan =
        Plan::default().from_client(Leg::default().chunk(64)).from_server(Leg::default().chunk(40));
    let (relay, config) = session::relayed(Server::shared(), plan);
    (options.open_on(rt, config).unwrap(), relay)
}

/// Whatever was dropped, the pool of one session lends it, and it answers.
async fn still_lends<R: Runtime>(pool: &Pool<R>) {
    let one = get(pool).await.query_scalar::<i32>("select 1", ()).await.unwrap();
    wait_for(pool, |stats| stats.size == 1 && stats.idle == 1).await;
    let stats = pool.stats();
    assert_eq!((one, counts(pool), stats.waiting, stats.connecting), (1, (1, 1, 0), 0, 0));
}

async fn borrowing_may_be_dropped_while_a_session_is_opened<R: Runtime>(rt: R) {
    at_every_poll(
        async || trickling(rt.clone(), sized(0, 1)),
        async |(pool, _)| get(pool).await.process_id(),
        async |(pool, _relay), _| still_lends(&pool).await,
    )
    .await;
}

async fn borrowing_may_be_dropped_while_a_hook_runs<R: Runtime>(rt: R) {
    let options = sized(0, 1).before_acquire(|session| {
        Box::pin(async move {
            session.batch_execute("select 'about to be lent'").await.map(|()| Verdict::Keep)
        })
    });
    let (mut pool, _relay) = trickling(rt, options);
    at_every_poll_of_one(
        &mut pool,
        async |pool| get(pool).await.process_id(),
        async |pool, _| still_lends(pool).await,
    )
    .await;
}

async fn a_waiter_may_be_dropped<R: Runtime>(rt: R) {
    let (mut pool, _relay) = trickling(rt, sized(1, 1));
    at_every_poll_of_one(
        &mut pool,
        async |pool| {
            let held = get(pool).await;
            let release = async {
                wait_for(pool, |stats| stats.waiting == 2).await;
                drop(held);
            };
            let borrow = async || get(pool).await.process_id();
            join(release, join(borrow(), borrow())).await
        },
        async |pool, _| still_lends(pool).await,
    )
    .await;
}

/// A session that comes back with a transaction that is still open.
async fn busy<R: Runtime>(pool: &Pool<R>) -> PooledConnection<R> {
    let mut session = get(pool).await;
    session.batch_execute("begin").await.unwrap();
    drop(aiopg_tests::cancel::PollLimit::new(session.execute("select 1", ()), 1).await);
    session
}

async fn releasing_may_be_dropped<R: Runtime>(rt: R) {
    let (relay, config) = session::relayed(Server::shared(), Plan::default());
    let config = config.on_event(|_| {});
    let mut pool = sized(0, 1).open_on(rt, config).unwrap();
    at_every_poll_of_one(
        &mut pool,
        async |pool| busy(pool).await.release().await,
        async |pool, _| still_lends(pool).await,
    )
    .await;
    drop(relay);
}

async fn a_pool_may_be_dropped_while_it_is_made<R: Runtime>(rt: R) {
    let mut observer = session::open(rt.clone()).await;
    let name = Server::shared().fresh_schema();
    let config = session::config().application_name(&name);
    at_every_poll(
        async || (),
        async |()| sized(3, 3).connect_on(rt.clone(), config.clone()).await.map(drop),
        async |(), outcome| {
            if let Outcome::Completed(made) = outcome {
                made.unwrap();
            }
            let gone =
                "select not exists (select from pg_stat_activity where application_name = $1)";
            session::wait_until(&mut observer, gone, (&name,)).await;
        },
    )
    .await;
}

async fn shutting_down_may_be_dropped<R: Runtime>(rt: R) -> Result<(), Error> {
    at_every_poll(
        async || {
            let pool = sized(2, 2).connect_on(rt.clone(), session::config()).await.unwrap();
            let session = get(&pool).await;
            (pool, Some(session))
        },
        async |(pool, session)| {
            let release = async {
                aiopg_tests::cancel::yield_now().await;
                drop(session.take());
            };
            join(pool.shutdown(Duration::from_secs(30)), release).await.0
        },
        async |(pool, session), outcome| {
            let begun = !matches!(outcome, Outcome::DroppedAfter(0));
            assert_eq!(pool.is_closed(), begun);
            drop(session);
            pool.close();
            pool.wait_closed().await;
            assert_eq!(counts(&pool), (0, 0, 0));
        },
    )
    .await;
    Ok(())
}

on_every_runtime!(
    borrowing_may_be_dropped_while_a_session_is_opened,
    borrowing_may_be_dropped_while_a_hook_runs,
    a_waiter_may_be_dropped,
    releasing_may_be_dropped,
    a_pool_may_be_dropped_while_it_is_made,
    shutting_down_may_be_dropped,
);
