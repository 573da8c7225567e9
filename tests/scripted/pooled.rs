//! A pool under a seeded workload in the simulation: no session, place, turn or wake-up is lost, with a background and
//! without, on a sound network and on one that fails.
//!
//! `AIOPG_SIM_SEEDS=n` sets how many seeds are run, `AIOPG_SIM_SEED=n` replays one of them alone.

use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use aiopg::{
    Client, CloseReason, Error, Event, Kind, Liveness, Pool, PoolOptions, PooledConnection, Reset,
    Runtime, Verdict,
};
use aiopg_sim::{FaultPlan, Faults, Sim, SimRuntime};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::script::FakeServer;

use crate::background::{Background, Fate};
use crate::converse::{address, serve_in, sim_config};
use crate::workload::message;

/// Seeds of each test, unless the environment says otherwise.
const SEEDS: u64 = 40;

/// How many borrow, how many sessions there may be, and what each borrower does.
const BORROWERS: usize = 9;
const MOST: usize = 3;
const STEPS: u32 = 12;

/// Nobody waits longer on a sound network: those before it hold a session for some 20 ms each. Upkeep comes later, so
/// that it cannot hide a wake-up that was lost.
const LONGEST_WAIT: Duration = Duration::from_millis(900);

/// No operation takes as long, unless a black hole has swallowed it.
const SWALLOWED: Duration = Duration::from_secs(60);

type Rt = Background<SimRuntime>;

/// What all borrowers share.
struct World {
    pool: Pool<Rt>,
    runtime: Rt,
    faulty: bool,
    next: AtomicI64,
    done: AtomicU64,
}

impl World {
    fn draw(&self, below: u64) -> u64 {
        self.runtime.random() % below
    }

    async fn pause(&self, microseconds: u64) {
        let wake = self.runtime.now() + Duration::from_micros(microseconds);
        self.runtime.sleep_until(wake).await;
    }

    async fn borrow_again_and_again(self: Arc<Self>) {
        for _ in 0..STEPS {
            if self.draw(3) == 0 {
                self.pause(self.draw(5_000)).await;
            }
            if let Some(session) = self.borrow().await {
                self.use_and_return(session).await;
            }
            let stats = self.pool.stats();
            assert!(stats.size <= MOST, "{stats:?}");
        }
        self.done.fetch_add(1, Ordering::AcqRel);
    }

    async fn borrow(&self) -> Option<PooledConnection<Rt>> {
        let asked = self.runtime.now();
        let got = match self.draw(6) {
            0 => {
                let polls = usize::try_from(self.draw(8)).unwrap();
                PollLimit::new(self.pool.get(), polls).await?
            }
            1 => {
                let limit = Duration::from_micros(self.draw(4_000));
                self.runtime.timeout(limit, self.pool.get()).await.ok()?
            }
            2 => return self.pool.try_get(),
            _ => self.pool.get().await,
        };
        let waited = self.runtime.now().saturating_duration_since(asked);
        assert!(self.faulty || waited < LONGEST_WAIT, "somebody waited {waited:?}");
        match got {
            Ok(session) => Some(session),
            Err(error) => {
                assert!(self.faulty && error.kind() == Kind::Timeout, "{error:?}");
                None
            }
        }
    }

    async fn use_and_return(&self, mut session: PooledConnection<Rt>) {
        for _ in 0..self.draw(3) {
            let operation = self.operate(&mut session);
            let done = if self.draw(4) == 0 {
                self.runtime.timeout(Duration::from_micros(self.draw(6_000)), operation).await
            } else {
                self.runtime.timeout(SWALLOWED, operation).await
            };
            if let Ok(Err(error)) = done {
                let lost = matches!(error.kind(), Kind::Io | Kind::Closed | Kind::OutcomeUnknown);
                assert!(self.faulty && lost, "{error:?}");
                break;
            }
        }
        match self.draw(8) {
            0 => session.release().await,
            1 => drop(PollLimit::new(session.release(), 1).await),
            2 => drop(session.detach()),
            3 => {
                // The good-bye may be swallowed, too.
                drop(self.runtime.timeout(SWALLOWED, session.close()).await);
            }
            _ => drop(session),
        }
    }

    /// Asks what nobody else asks, or leaves something behind.
    async fn operate(&self, session: &mut PooledConnection<Rt>) -> Result<(), Error> {
        let id = self.next.fetch_add(1, Ordering::AcqRel);
        match self.draw(7) {
            0 => session.batch_execute("begin").await,
            1 => {
                let mut transaction = match session.begin().await {
                    // One was left open before.
                    Err(error) if error.kind() == Kind::Usage => return Ok(()),
                    begun => begun?,
                };
                transaction.execute(format!("touch {id}"), ()).await?;
                if self.draw(2) == 0 { transaction.commit().await } else { Ok(()) }
            }
            2 => {
                // Only a cancel request ends it.
                let slow = session.execute(format!("touch {id} _slow"), ());
                let ended = self.runtime.timeout(Duration::from_millis(4), slow).await;
                ended.map_or(Ok(()), |done| done.map(drop))
            }
            3 => session.execute(format!("touch {id} _tardy"), ()).await.map(drop),
            _ => {
                let answer: i64 = session.query_scalar("select $1::int8", (id,)).await?;
                assert_eq!(answer, id, "the answer of somebody else");
                Ok(())
            }
        }
    }
}

fn faults(seed: u64) -> Faults {
    match seed % 3 {
        0 => Faults::none(),
        1 => Faults::default(),
        _ => Faults::default().short_reads(80).short_writes(80).spurious_pending(30),
    }
}

fn options(seed: u64) -> PoolOptions<Rt> {
    let reset = if seed.is_multiple_of(2) { Reset::Rollback } else { Reset::Sql("touch 1".into()) };
    PoolOptions::default()
        .min_size(usize::try_from(seed % 3).unwrap())
        .max_size(MOST)
        .max_connecting(1 + usize::try_from(seed % 4).unwrap())
        .connect_timeout(Duration::from_secs(9))
        .acquire_timeout(None)
        .liveness(Liveness::Peek(Duration::ZERO))
        .reset(reset)
}

/// What a connect meets: mostly nothing, else one of everything.
fn plan(draw: impl Fn(u64) -> u64) -> FaultPlan {
    let bytes = draw(1_200);
    match draw(9) {
        0 => FaultPlan::new().refuse(),
        1 => FaultPlan::new().hang(),
        2 => FaultPlan::new().reset_after_sent(bytes),
        3 => FaultPlan::new().reset_after_received(bytes),
        4 => FaultPlan::new().black_hole_after_sent(bytes),
        _ => FaultPlan::new(),
    }
}

fn run_seed(seed: u64, fate: Fate, faulty: bool) {
    let sim = Sim::new(seed).with_faults(faults(seed)).with_time_limit(Duration::from_secs(9_000));
    let runtime = Background::new(sim.runtime(), fate);
    let server = FakeServer::new().cancel_takes(seed % 50);
    serve_in(&sim, &server);
    if faulty {
        (0..40).for_each(|_| sim.on_connect(address(), plan(|below| runtime.random() % below)));
    }
    let config = sim_config().connect_timeout(Duration::from_secs(9));
    let pool = options(seed).open_on(runtime.clone(), config).unwrap();
    let world = Arc::new(World {
        pool: pool.clone(),
        runtime: runtime.clone(),
        faulty,
        next: AtomicI64::new(1),
        done: AtomicU64::new(0),
    });
    for _ in 0..BORROWERS {
        sim.spawn(Arc::clone(&world).borrow_again_and_again());
    }
    sim.block_on(async {
        while world.done.load(Ordering::Acquire) < u64::try_from(BORROWERS).unwrap() {
            world.pause(1_000).await;
        }
        assert_whole(&world).await;
        pool.shutdown(Duration::from_secs(60)).await.unwrap();
        let stats = pool.stats();
        assert_eq!((stats.size, stats.idle, stats.connecting), (0, 0, 0), "{stats:?}");
        runtime.end();
        world.pause(60_000_000).await;
    });
}

/// All sessions that there may be can be lent at the same time, and nobody has one or waits for one.
async fn assert_whole(world: &World) {
    let pool = &world.pool;
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.waiting), (0, 0), "{stats:?}");
    let mut sessions = Vec::new();
    while sessions.len() < MOST {
        let mut session = pool.get().await.unwrap();
        let answered = world.runtime.timeout(SWALLOWED, world.ask(&mut session)).await;
        if matches!(answered, Ok(Ok(()))) {
            sessions.push(session);
        } else {
            assert!(world.faulty, "a session does not answer: {answered:?}");
            let closed = world.runtime.timeout(SWALLOWED, session.close()).await;
            drop(closed);
        }
    }
    assert!(pool.try_get().is_none());
    drop(sessions);
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.size, stats.idle), (0, MOST, MOST), "{stats:?}");
    let closes: u64 = CloseReason::ALL.into_iter().map(|reason| stats.closes(reason)).sum();
    assert_eq!(stats.connects - closes, u64::try_from(MOST).unwrap(), "{stats:?}");
}

impl World {
    async fn ask(&self, session: &mut PooledConnection<Rt>) -> Result<(), Error> {
        let id = self.next.fetch_add(1, Ordering::AcqRel);
        assert_eq!(session.query_scalar::<i64>("select $1::int8", (id,)).await?, id);
        Ok(())
    }
}

fn run_seeds(name: &str, fate: Fate, faulty: bool) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("AIOPG_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("AIOPG_SIM_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let run = std::panic::AssertUnwindSafe(|| run_seed(seed, fate, faulty));
        if let Err(payload) = std::panic::catch_unwind(run) {
            let command = format!("cargo test -p aiopg-tests --test scripted {name}");
            let text = message(payload.as_ref());
            panic!("seed {seed}: {text}\nreplay it: AIOPG_SIM_SEED={seed} {command}");
        }
    }
}

#[test]
fn a_pool_with_a_background_loses_nothing() {
    run_seeds("a_pool_with_a_background", Fate::Runs, false);
}

#[test]
fn a_pool_without_a_background_loses_nothing() {
    run_seeds("a_pool_without_a_background", Fate::Refused, false);
}

#[test]
fn a_pool_whose_background_forgets_everything_loses_nothing() {
    run_seeds("a_pool_whose_background", Fate::Forgotten, false);
}

#[test]
fn a_pool_on_a_failing_network_loses_nothing() {
    run_seeds("a_pool_on_a_failing_network", Fate::Runs, true);
}

#[test]
fn a_pool_on_a_failing_network_without_a_background_loses_nothing() {
    run_seeds("a_pool_on_a_failing_network_without", Fate::Refused, true);
}

/// 50 callers at once, each for 2 ms, where it takes 150 ms to open a session: most are served by those that come back.
#[test]
fn a_rush_opens_few_sessions() {
    for seed in 0..20 {
        let sim = Sim::new(seed);
        let runtime = sim.runtime();
        serve_in(&sim, &FakeServer::new());
        let hook_runtime = runtime.clone();
        let options = PoolOptions::default().min_size(0).max_size(50).on_connect(move |_| {
            let sleep = hook_runtime.sleep_until(hook_runtime.now() + Duration::from_millis(150));
            Box::pin(async move {
                sleep.await;
                Ok(())
            })
        });
        let pool = options.open_on(runtime.clone(), sim_config()).unwrap();
        let borrow = async || {
            let mut session = pool.get().await.unwrap();
            session.execute("touch 1", ()).await.unwrap();
            runtime.sleep_until(runtime.now() + Duration::from_millis(2)).await;
        };
        sim.block_on(futures::future::join_all((0..50).map(|_| borrow())));
        let stats = pool.stats();
        assert!(stats.connects + u64::try_from(stats.connecting).unwrap() <= 10, "{stats:?}");
        assert_eq!(stats.acquired, 50);
    }
}

/// Whoever has waited for a session that is closed then, and takes another, holds that only since.
#[test]
fn the_time_in_the_queue_is_no_time_of_holding() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    serve_in(&sim, &FakeServer::new());
    let held = Arc::new(AtomicU64::new(0));
    let (reports, spare) = (Arc::clone(&held), Arc::new(Mutex::new(None)));
    let config = sim_config().on_event(move |event| {
        let reported = matches!(event, Event::SessionHeld { .. });
        reports.fetch_add(u64::from(reported), Ordering::AcqRel);
    });
    let given_back = Arc::clone(&spare);
    let options = PoolOptions::default()
        .min_size(2)
        .max_size(2)
        .acquire_timeout(None)
        .leak_after(Duration::from_secs(20))
        .before_acquire(move |_| {
            let other: Option<PooledConnection<SimRuntime>> = given_back.lock().unwrap().take();
            let verdict = if other.is_some() { Verdict::Close } else { Verdict::Keep };
            Box::pin(async move { Ok(verdict) })
        });
    let pool = options.open_on(runtime.clone(), config).unwrap();
    let pause = |seconds| runtime.sleep_until(runtime.now() + Duration::from_secs(seconds));
    sim.block_on(async {
        let (first, second) = (pool.get().await.unwrap(), pool.get().await.unwrap());
        let mut waiting = pin!(pool.get());
        assert!(futures::poll!(&mut waiting).is_pending());
        pause(15).await;
        *spare.lock().unwrap() = Some(second);
        drop(first);
        let session = waiting.await.unwrap();
        assert_eq!(pool.stats().closes(CloseReason::Hook), 1);
        pause(18).await;
        assert_eq!(held.load(Ordering::Acquire), 0);
        pause(18).await;
        assert_eq!(held.load(Ordering::Acquire), 1);
        drop(session);
    });
}

/// A pool of one session, for which whoever asks waits as long as it takes.
fn pool_of_one(sim: &Sim) -> Pool<SimRuntime> {
    serve_in(sim, &FakeServer::new());
    let options = PoolOptions::default().min_size(1).max_size(1).acquire_timeout(None);
    options.open_on(sim.runtime(), sim_config()).unwrap()
}

/// It may be polled in one task and then in another, as with `select!`; what woke the first is of no use then.
#[test]
fn whoever_waits_in_another_task_than_before_is_woken() {
    let sim = Sim::new(1);
    let (runtime, pool) = (sim.runtime(), pool_of_one(&sim));
    sim.block_on(async {
        let session = pool.get().await.unwrap();
        let mut waiting = pin!(pool.get());
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut nobody).is_pending());
        let give_back = async {
            runtime.sleep_until(runtime.now() + Duration::from_secs(1)).await;
            drop(session);
        };
        let (served, ()) = futures::future::join(waiting, give_back).await;
        assert_eq!((served.is_ok(), pool.stats().acquired), (true, 2));
    });
}

#[test]
fn whoever_was_granted_a_session_gets_none_of_a_pool_that_was_closed_since() {
    let sim = Sim::new(1);
    let pool = pool_of_one(&sim);
    sim.block_on(async {
        let session = pool.get().await.unwrap();
        let mut waiting = pin!(pool.get());
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(session);
        pool.close();
        assert_eq!(waiting.await.unwrap_err().kind(), Kind::PoolClosed);
        pool.wait_closed().await;
        let stats = pool.stats();
        assert_eq!((stats.size, stats.closes(CloseReason::PoolClosed)), (0, 1));
    });
}
