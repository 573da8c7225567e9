//! The server restarts, kills sessions, fails over: the pool heals, and no answer goes to the wrong caller.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use aiopg::{Error, Kind, Liveness, Pool, Runtime, WhenDown};
use aiopg_tests::relay::Plan;
use aiopg_tests::standby::{Cluster, config_of_all};
use aiopg_tests::{Options, Server, on_every_runtime, session};
use futures::future::{join, join_all};

use crate::pools::{get, open_with, sized, wait_for};

const BORROWERS: i64 = 12;

/// What borrowers do all the time, until `enough` is set, and some rounds more. Returns how many rounds failed.
async fn work<R: Runtime>(pool: &Pool<R>, enough: &Cell<bool>) -> u32 {
    let failures = Cell::new(0);
    let borrow = async |number: i64| {
        let (mut round, mut last) = (0, 0);
        while last < 5 {
            last += i32::from(enough.get());
            round += 1;
            let question = number * 1_000_000 + round;
            match pool.query_scalar::<i64>("select $1::int8", (question,)).await {
                Ok(answer) => assert_eq!(answer, question, "the answer of somebody else"),
                Err(error) => {
                    assert!(
                        matches!(error.kind(), Kind::Server | Kind::Io | Kind::Closed),
                        "{error}"
                    );
                    failures.set(failures.get() + 1);
                    last = 0;
                }
            }
            aiopg_tests::cancel::yield_now().await;
        }
    };
    join_all((0..BORROWERS).map(borrow)).await;
    failures.get()
}

async fn a_restart_under_load_is_survived<R: Runtime>(rt: R) {
    let server = Arc::new(Server::start(&Options::default()).unwrap());
    let pool = open_with(rt.clone(), sized(2, 4), session::config_of(&server)).await;
    let enough = Cell::new(false);
    let restart = async {
        wait_for(&pool, |stats| stats.acquired > 50).await;
        let server = Arc::clone(&server);
        rt.unblock(move || server.restart()).await.unwrap();
        enough.set(true);
    };
    let (failures, ()) = join(work(&pool, &enough), restart).await;
    let stats = pool.stats();
    // Each session that was open fails at most one borrower; whoever waits for a new one goes on waiting.
    assert!(u64::from(failures) <= stats.connects, "{failures} failures, {stats:?}");
    assert!(stats.size <= 4 && stats.in_use == 0 && stats.waiting == 0, "{stats:?}");
}

async fn sessions_that_are_killed_fail_one_borrower_each_at_most<R: Runtime>(rt: R) {
    let name = Server::shared().fresh_schema();
    let config = session::config().application_name(&name);
    let options = sized(2, 4).liveness(Liveness::Peek(Duration::ZERO));
    let pool = open_with(rt.clone(), options, config).await;
    let mut killer = session::open(rt).await;
    let enough = Cell::new(false);
    let kill = async {
        let mut kills = 0;
        for _ in 0..25 {
            let sql = "select count(pg_terminate_backend(pid)) from \
                       (select pid from pg_stat_activity where application_name = $1 limit 1) one";
            kills += killer.query_scalar::<i64>(sql, (&name,)).await.unwrap();
            let acquired = pool.stats().acquired;
            wait_for(&pool, |stats| stats.acquired > acquired + 20).await;
        }
        enough.set(true);
        kills
    };
    let (failures, kills) = join(work(&pool, &enough), kill).await;
    assert!(i64::from(failures) <= kills, "{failures} failures after {kills} kills");
    assert_eq!(pool.stats().in_use, 0);
}

async fn callers_wait_while_the_server_is_down<R: Runtime>(rt: R) -> Result<(), Error> {
    let (relay, config) = session::relayed(Server::shared(), Plan::default());
    let pool = sized(0, 10).open_on(rt.clone(), config.clone())?;
    relay.refuse();
    let back = async {
        wait_for(&pool, |stats| stats.connect_failures >= 3 && stats.waiting == 20).await;
        // One at a time, however many wait.
        assert_eq!(pool.stats().connecting, 1);
        relay.accept();
    };
    let ask = async |number: i64| {
        let answer = pool.query_scalar::<i64>("select $1::int8", (number,)).await;
        assert_eq!(answer.unwrap(), number);
    };
    join(join_all((0..20).map(ask)), back).await;
    assert!(pool.stats().connects <= 10);

    relay.refuse();
    let impatient = sized(0, 2).when_down(WhenDown::Fail).open_on(rt.clone(), config.clone())?;
    assert_eq!(impatient.get().await.unwrap_err().kind(), Kind::Io);
    let brief = sized(0, 2).acquire_timeout(Duration::from_millis(100)).open_on(rt, config)?;
    let error = brief.get().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert!(cause.is_some_and(|cause| cause.contains("could not connect")), "{error:?}");
    Ok(())
}

async fn what_is_read_and_what_is_written_goes_to_different_servers<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let cluster = Cluster::shared();
    let config = config_of_all(&[cluster.standby(), cluster.primary()]);
    let pool = sized(0, 2).open_split_on(rt, config)?;
    let standby = "select pg_is_in_recovery()";
    assert!(pool.read().query_scalar::<bool>(standby, ()).await?);
    assert!(!pool.write().query_scalar::<bool>(standby, ()).await?);
    pool.shutdown(Duration::from_secs(30)).await?;
    assert!(pool.read().is_closed() && pool.write().is_closed());
    Ok(())
}

async fn after_a_fail_over_the_survivor_is_used<R: Runtime>(rt: R) -> Result<(), Error> {
    let cluster = Cluster::start(None).unwrap();
    cluster.wait_until_streaming(rt.clone()).await;
    let config = config_of_all(&[cluster.primary(), cluster.standby()]);
    let options = sized(0, 2).liveness(Liveness::Peek(Duration::ZERO));
    let pool = options.open_split_on(rt.clone(), config)?;
    let port = "select current_setting('port')";
    let survivor = cluster.standby().port().to_string();
    assert_ne!(pool.write().query_scalar::<String>(port, ()).await?, survivor);
    assert_eq!(pool.read().query_scalar::<String>(port, ()).await?, survivor);
    cluster.primary().kill();
    cluster.promote(rt).await;
    loop {
        // The session that was open when the server died may fail one call.
        match pool.write().query_scalar::<String>(port, ()).await {
            Ok(found) => break assert_eq!(found, survivor),
            Err(error) => assert!(pool.write().stats().connects == 1, "{error}"),
        }
    }
    assert_eq!(pool.read().query_scalar::<String>(port, ()).await?, survivor);
    drop(get(pool.write()).await);
    Ok(())
}

on_every_runtime!(
    a_restart_under_load_is_survived,
    sessions_that_are_killed_fail_one_borrower_each_at_most,
    callers_wait_while_the_server_is_down,
    what_is_read_and_what_is_written_goes_to_different_servers,
    after_a_fail_over_the_survivor_is_used,
);
