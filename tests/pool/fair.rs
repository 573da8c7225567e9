//! Many callers, few sessions: each is served in its turn.

use std::sync::Mutex;

use aiopg::{Client, Error, PoolStats, Runtime};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::on_every_runtime;
use futures::future::{join, join_all};

use crate::pools::{counts, get, open, sized, wait_for};

/// Nobody waits much longer than those who came at the same time.
async fn nobody_starves<R: Runtime>(rt: R, tasks: usize, sessions: usize) -> Result<(), Error> {
    let pool = open(rt, sized(0, sessions)).await;
    let held = join_all((0..sessions).map(|_| get(&pool))).await;
    let before = pool.stats();
    let served = Mutex::new(Vec::new());
    let borrow = async |number: usize| {
        let mut session = get(&pool).await;
        served.lock().unwrap().push(number);
        let number = i64::try_from(number).unwrap();
        assert_eq!(
            session.query_scalar::<i64>("select $1::int8", (number,)).await.unwrap(),
            number
        );
    };
    let release = async {
        wait_for(&pool, |stats| stats.waiting == tasks).await;
        drop(held);
    };
    join(join_all((0..tasks).map(borrow)), release).await;
    for (turn, number) in served.into_inner().unwrap().into_iter().enumerate() {
        // Between a turn and the next poll of whoever has it, others may have theirs.
        assert!(turn.abs_diff(number) <= tasks / 8, "{number} was served as the {turn}th");
    }
    let stats = pool.stats();
    let waited = |stats: &PoolStats| stats.waits.iter().sum::<u64>();
    let all = u64::try_from(tasks).unwrap();
    assert_eq!((stats.acquired - before.acquired, stats.timeouts), (all, 0));
    assert_eq!(waited(&stats) - waited(&before), all);
    assert_eq!(stats.connects, u64::try_from(sessions).unwrap());
    assert_eq!((stats.in_use, stats.waiting, stats.idle), (0, 0, stats.size));
    Ok(())
}

async fn eight_hundred_and_thirty_share_five<R: Runtime>(rt: R) -> Result<(), Error> {
    nobody_starves(rt, 830, 5).await
}

async fn a_thousand_share_ten<R: Runtime>(rt: R) -> Result<(), Error> {
    nobody_starves(rt, 1_000, 10).await
}

async fn waiters_that_give_up_do_not_disturb_the_order<R: Runtime>(rt: R) {
    let pool = open(rt, sized(1, 1)).await;
    let held = get(&pool).await;
    let served = Mutex::new(Vec::new());
    let wait = async |number: usize| {
        if number.is_multiple_of(3) {
            // Gives up while it waits; one that is served at once has lost nothing.
            drop(PollLimit::new(pool.get(), 1 + number % 2).await);
            return;
        }
        drop(get(&pool).await);
        served.lock().unwrap().push(number);
    };
    let release = async {
        wait_for(&pool, |stats| stats.waiting > 0).await;
        drop(held);
    };
    join(join_all((1..=60).map(wait)), release).await;
    let served = served.into_inner().unwrap();
    assert_eq!(
        served,
        (1..=60_usize).filter(|number| !number.is_multiple_of(3)).collect::<Vec<_>>()
    );
    assert_eq!(counts(&pool), (1, 1, 0));
}

on_every_runtime!(
    eight_hundred_and_thirty_share_five,
    a_thousand_share_ten,
    waiters_that_give_up_do_not_disturb_the_order,
);
