//! The pool under schedules that shuttle draws: threads acquire, release, give up, close, while others do the same.
//!
//! The pool is the one that users get: it takes its lock for some moves of pointers and never waits under it, so the
//! order of what is done under the lock is all that a schedule can change. Threads take turns wherever they wait, and
//! at each look at the clock, of which there is one in front of nearly every lock.
//!
//! A schedule that fails is printed, and run again by `shuttle::replay`. A wake-up that is lost is a deadlock.

#![expect(clippy::unwrap_used, reason = "a test stops at the line where it fails")]

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use aiopg::rt::{NoStream, TcpOptions};
use aiopg::{
    Client, CloseReason, Config, Kind, Pool, PoolOptions, PooledConnection, Runtime, SslMode,
};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::duplex::Duplex;
use aiopg_tests::script::fake::FakeServer;
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::RandomScheduler;
use shuttle::{future, thread};

/// Schedules of each test, unless `AIOPG_SCHEDULES` says otherwise.
const SCHEDULES: usize = 1_000;

/// What a future of the driver may need, unoptimised.
const STACK_BYTES: usize = 1 << 20;

const LIMIT: Duration = Duration::from_secs(60);

/// Runs `test` under many schedules, the same ones each time.
fn check(test: impl Fn() + Send + Sync + 'static) {
    let count = std::env::var("AIOPG_SCHEDULES").map(|count| count.parse().unwrap());
    let scheduler = RandomScheduler::new_from_seed(1, count.unwrap_or(SCHEDULES));
    let mut config = shuttle::Config::new();
    config.stack_size = STACK_BYTES;
    config.silence_warnings = true;
    shuttle::Runner::new(scheduler, config).run(test);
}

/// A runtime whose tasks are shuttle's, and whose clock stands still until somebody moves it.
#[derive(Clone)]
struct Scheduled {
    server: FakeServer,
    /// Whether what is spawned runs.
    background: bool,
    clock: Arc<Mutex<Clock>>,
}

#[derive(Default)]
struct Clock {
    passed: Duration,
    sleepers: Vec<(Instant, Waker)>,
}

/// Somebody else may have a turn.
fn yield_now() {
    // What is dropped when all is over has nobody to yield to.
    if !std::thread::panicking() {
        thread::yield_now();
    }
}

impl Scheduled {
    fn new(background: bool) -> Self {
        Self { server: FakeServer::new(), background, clock: Arc::default() }
    }

    fn read_clock(&self) -> Instant {
        static START: OnceLock<Instant> = OnceLock::new();
        *START.get_or_init(Instant::now) + self.clock.lock().unwrap().passed
    }

    fn pass(&self, span: Duration) {
        self.clock.lock().unwrap().passed += span;
        let now = self.read_clock();
        let mut clock = self.clock.lock().unwrap();
        let sleepers = std::mem::take(&mut clock.sleepers);
        let (due, rest): (Vec<_>, _) = sleepers.into_iter().partition(|(at, _)| *at <= now);
        clock.sleepers = rest;
        drop(clock);
        for (_, waker) in due {
            waker.wake();
        }
    }
}

impl Runtime for Scheduled {
    type TcpStream = Duplex;
    type UnixStream = NoStream;
    type Sleep = Sleep;

    async fn connect_tcp(&self, _: SocketAddr, _: &TcpOptions) -> io::Result<Duplex> {
        yield_now();
        let (near, far) = Duplex::pair();
        let server = self.server.clone();
        drop(future::spawn(async move { drop(server.serve(far).await) }));
        Ok(near)
    }

    async fn connect_unix(&self, _: &Path) -> io::Result<NoStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        if self.background {
            drop(future::spawn(task));
        }
        self.background
    }

    async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        Ok(work())
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep { runtime: self.clone(), deadline }
    }

    fn now(&self) -> Instant {
        yield_now();
        self.read_clock()
    }

    fn random(&self) -> u64 {
        thread_rng().r#gen()
    }
}

struct Sleep {
    runtime: Scheduled,
    deadline: Instant,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.runtime.read_clock() >= self.deadline {
            return Poll::Ready(());
        }
        let sleeper = (self.deadline, cx.waker().clone());
        self.runtime.clock.lock().unwrap().sleepers.push(sleeper);
        Poll::Pending
    }
}

impl aiopg::rt::Sleep for Sleep {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.deadline = deadline;
    }
}

/// A pool, and how many of its sessions are lent.
#[derive(Clone)]
struct World {
    runtime: Scheduled,
    pool: Pool<Scheduled>,
    most: usize,
    lent: Arc<AtomicUsize>,
}

impl World {
    fn new(most: usize) -> Self {
        let runtime = Scheduled::new(thread_rng().r#gen());
        let config = Config::new().host("10.0.0.1").user("ada").dbname("shop");
        let config = config.sslmode(SslMode::Disable).on_event(|_| {});
        let options = PoolOptions::default().min_size(0).max_size(most).acquire_timeout(LIMIT);
        let pool = options.open_on(runtime.clone(), config).unwrap();
        Self { runtime, pool, most, lent: Arc::default() }
    }

    fn drawn(below: u32) -> u32 {
        thread_rng().gen_range(0..below)
    }

    /// Starts a thread for each of some borrowers, who borrow so often.
    fn start(&self, borrowers: usize, times: usize) -> Vec<thread::JoinHandle<()>> {
        let borrow = |world: Self| {
            move || {
                for _ in 0..times {
                    future::block_on(world.borrow());
                }
            }
        };
        (0..borrowers).map(|_| thread::spawn(borrow(self.clone()))).collect()
    }

    /// Borrows once, if it does not give up, and gives back in one way or another.
    async fn borrow(&self) {
        let got = match Self::drawn(4) {
            0 => {
                let polls = usize::try_from(Self::drawn(4)).unwrap();
                PollLimit::new(self.pool.get(), polls).await
            }
            1 => self.pool.try_get().map(Ok),
            _ => Some(self.pool.get().await),
        };
        match got {
            Some(Ok(session)) => self.hold(session).await,
            Some(Err(error)) => {
                let expected = if self.pool.is_closed() { Kind::PoolClosed } else { Kind::Timeout };
                assert_eq!(error.kind(), expected, "{error}");
            }
            None => {}
        }
    }

    async fn hold(&self, mut session: PooledConnection<Scheduled>) {
        let lent = self.lent.fetch_add(1, Ordering::AcqRel) + 1;
        assert!(lent <= self.most, "{lent} sessions are lent");
        let stats = self.pool.stats();
        assert!(stats.size <= self.most, "{stats:?}");
        yield_now();
        let way = Self::drawn(6);
        if way == 0 {
            session.batch_execute("begin").await.unwrap();
        }
        self.lent.fetch_sub(1, Ordering::AcqRel);
        match way {
            1 => drop(session.detach()),
            2 => session.release().await,
            _ => drop(session),
        }
    }

    /// Every place is there, and nobody waits. Whoever borrowed has gone, so what is not idle is being put in order.
    async fn assert_whole(&self) {
        let mut sessions = Vec::new();
        for _ in 0..self.most {
            sessions.push(self.pool.get().await.unwrap());
        }
        let stats = self.pool.stats();
        assert_eq!((stats.in_use, stats.size), (self.most, self.most), "{stats:?}");
        assert_eq!((stats.waiting, stats.connecting, stats.returning), (0, 0, 0), "{stats:?}");
        drop(sessions);
        let stats = self.pool.stats();
        assert_eq!((stats.idle, stats.in_use), (self.most, 0), "{stats:?}");
        let closes: u64 = CloseReason::ALL.into_iter().map(|reason| stats.closes(reason)).sum();
        assert_eq!(stats.connects - closes, u64::try_from(self.most).unwrap(), "{stats:?}");
    }
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn everybody_gets_his_turn_at_one_session() {
    check(|| {
        let world = World::new(1);
        join(world.start(3, 2));
        future::block_on(world.assert_whole());
    });
}

#[test]
fn no_session_is_lost_where_there_are_several() {
    check(|| {
        let world = World::new(2);
        join(world.start(4, 2));
        future::block_on(world.assert_whole());
    });
}

#[test]
fn all_go_when_the_pool_is_closed() {
    check(|| {
        let world = World::new(2);
        let mut threads = world.start(3, 2);
        let closing = world.clone();
        threads.push(thread::spawn(move || {
            closing.pool.close();
            future::block_on(closing.pool.wait_closed());
            let stats = closing.pool.stats();
            assert_eq!((stats.size, stats.idle), (0, 0), "{stats:?}");
        }));
        join(threads);
        assert_eq!(world.pool.stats().waiting, 0);
    });
}

/// Somebody keeps the only session for longer than others have time, and the clock passes over them all.
#[test]
fn whose_time_is_over_is_told_so() {
    check(|| {
        let world = World::new(1);
        let session = future::block_on(world.pool.get()).unwrap();
        let wait = |world: World| {
            move || {
                let error = future::block_on(world.pool.get()).unwrap_err();
                assert_eq!(error.kind(), Kind::Timeout, "{error}");
            }
        };
        let waiters: Vec<_> = (0..3).map(|_| thread::spawn(wait(world.clone()))).collect();
        while world.pool.stats().timeouts < 3 {
            world.runtime.pass(LIMIT / 3);
            yield_now();
        }
        join(waiters);
        let stats = world.pool.stats();
        assert_eq!((stats.timeouts, stats.waiting), (3, 0), "{stats:?}");
        drop(session);
        future::block_on(world.assert_whole());
    });
}
