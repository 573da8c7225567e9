//! W2 and W7: tasks that share the few sessions of a pool, and a session that is acquired and released alone.

use std::future::Future;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aiopg::rt::Tokio;
use aiopg::{Pool, PoolOptions, Runtime};
use deadpool_postgres::Manager;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::NoTls;

use crate::address::Address;
use crate::floor::{OnTokio, Session};
use crate::peer::Peer;
use crate::player::{Player, expect};
use crate::wire::Run;
use crate::workload::{CITY, Most, Opened, Workload, does_not_play};
use crate::{Failure, client};

/// Each task asks for one row by its key, again and again, with a session of the pool for each query. The pool of
/// floor-tokio is a semaphore and a list behind a lock; that of tokio-postgres is deadpool's.
pub(crate) const W2: Workload = Workload {
    name: "W2",
    title: "64 tasks share 8 sessions, each for one row by its key",
    unit: "query",
    batch: 1_280,
    rounds: 60,
    peers: &[Peer::FloorTokio, Peer::Aiopg, Peer::AiopgOn, Peer::TokioPostgres],
    base: Peer::FloorTokio,
    most: Some(Most::both(1.05)),
    instructions: None,
    tables: CITY,
    between: None,
    memory: None,
    open: |peer, address| Box::pin(open(peer, address, 64, 8)),
};

/// The ratio to deadpool is that of 150 ns to the 277 that were measured for it.
pub(crate) const W7: Workload = Workload {
    name: "W7",
    title: "a session that is idle, acquired and released",
    unit: "turn",
    batch: 20_000,
    rounds: 100,
    base: Peer::TokioPostgres,
    most: Some(Most::both(0.54)),
    open: |peer, address| Box::pin(open(peer, address, 0, 10)),
    ..W2
};

pub(crate) const W7CROWD: Workload = Workload {
    name: "W7crowd",
    title: "1,000 tasks share 10 sessions, each for one row by its key",
    batch: 10_000,
    rounds: 15,
    base: Peer::TokioPostgres,
    most: Some(Most::both(1.0)),
    open: |peer, address| Box::pin(open(peer, address, 1_000, 10)),
    ..W2
};

const SQL: &str = "select id, name from city where id = $1";

/// With so many `sessions` that are open already. No task at all is to borrow, and no more.
async fn open(peer: Peer, address: &Address, tasks: usize, sessions: usize) -> Opened {
    Ok(match peer {
        Peer::FloorTokio => crowd(tasks, Floor::open(address, sessions).await?),
        Peer::Aiopg => {
            let pool = options(sessions).connect(Tokio::current(), client::config(address)).await?;
            crowd(tasks, pool)
        }
        Peer::AiopgOn => {
            let options = options(sessions);
            crowd(tasks, options.connect_on(Tokio::current(), client::config(address)).await?)
        }
        Peer::TokioPostgres => crowd(tasks, deadpool(address, sessions).await?),
        Peer::Floor | Peer::FloorDecoding => return does_not_play(peer),
    })
}

fn crowd<L: Lender>(tasks: usize, lender: L) -> Box<dyn crate::player::AnyPlayer> {
    let lender = Arc::new(lender);
    if tasks == 0 { Box::new(Single(lender)) } else { Box::new(Crowd::new(tasks, lender)) }
}

fn options<R: Runtime>(sessions: usize) -> PoolOptions<R> {
    PoolOptions::default().min_size(sessions).max_size(sessions)
}

/// A pool.
trait Lender: Send + Sync + 'static {
    type Session<'l>: Send;

    fn acquire(&self) -> impl Future<Output = Result<Self::Session<'_>, Failure>> + Send;

    /// Asks for one row.
    fn ask(
        session: &mut Self::Session<'_>,
        id: i32,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// One after the other, with nobody else.
struct Single<L>(Arc<L>);

impl<L: Lender> Player for Single<L> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        for _ in ids {
            drop(black_box(self.0.acquire().await?));
        }
        Ok(())
    }
}

/// Many tasks at once.
struct Crowd<L> {
    tasks: usize,
    lender: Arc<L>,
    /// How long each waited for each session.
    waits: Vec<Duration>,
    /// In each round, how many times as long as the fastest task the slowest took.
    spreads: Vec<f64>,
}

impl<L> Crowd<L> {
    fn new(tasks: usize, lender: Arc<L>) -> Self {
        Self { tasks, lender, waits: Vec::new(), spreads: Vec::new() }
    }
}

impl<L: Lender> Player for Crowd<L> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let start = Instant::now();
        let share = ids.len().div_ceil(self.tasks);
        let begin = |ids: &[i32]| tokio::spawn(work(Arc::clone(&self.lender), ids.to_vec()));
        let tasks: Vec<_> = ids.chunks(share).map(begin).collect();
        let (mut fastest, mut slowest) = (f64::INFINITY, 0.0_f64);
        for task in tasks {
            let (end, waits) = task.await??;
            let took = end.duration_since(start).as_secs_f64();
            (fastest, slowest) = (fastest.min(took), slowest.max(took));
            self.waits.extend(waits);
        }
        self.spreads.push(slowest / fastest);
        Ok(())
    }

    fn remark(&mut self) -> Option<String> {
        self.waits.sort_unstable();
        self.spreads.sort_unstable_by(f64::total_cmp);
        let wait = |percent: usize| {
            let place = self.waits.len().saturating_sub(1) * percent / 100;
            self.waits.get(place).map_or(0, Duration::as_micros)
        };
        let spread = self.spreads.get(self.spreads.len() / 2)?;
        let (median, most, all) = (wait(50), wait(99), wait(100));
        Some(format!(
            "waits of {median} µs, 99 of 100 below {most}, at most {all}; slowest task {spread:.2} of fastest"
        ))
    }
}

/// What one task does. Tells when it was done, and how long it waited each time.
async fn work<L: Lender>(
    lender: Arc<L>,
    ids: Vec<i32>,
) -> Result<(Instant, Vec<Duration>), Failure> {
    let mut waits = Vec::with_capacity(ids.len());
    for id in ids {
        let asked = Instant::now();
        let mut session = lender.acquire().await?;
        waits.push(asked.elapsed());
        L::ask(&mut session, id).await?;
    }
    Ok((Instant::now(), waits))
}

/// As little as a pool can be: the semaphore is fair, and the lock is held for a push and a pop.
struct Floor {
    permits: Semaphore,
    idle: Mutex<Vec<FloorSession>>,
}

struct FloorSession {
    session: Session<OnTokio>,
    run: Run,
}

impl Floor {
    async fn open(address: &Address, sessions: usize) -> Result<Self, Failure> {
        let mut idle = Vec::new();
        for _ in 0..sessions {
            let session = Session::open(address, SQL).await?;
            idle.push(FloorSession { session, run: Run::new(&[&[0; 4]]).with_sync() });
        }
        Ok(Self { permits: Semaphore::new(sessions), idle: Mutex::new(idle) })
    }
}

/// Dropped, the session goes back, and only then the permit.
struct FloorLent<'l> {
    floor: &'l Floor,
    session: Option<FloorSession>,
    _permit: SemaphorePermit<'l>,
}

impl Drop for FloorLent<'_> {
    fn drop(&mut self) {
        let mut idle = self.floor.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.session.take());
    }
}

impl Lender for Floor {
    type Session<'l> = FloorLent<'l>;

    async fn acquire(&self) -> Result<FloorLent<'_>, Failure> {
        let permit = self.permits.acquire().await?;
        let session = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(FloorLent { floor: self, session, _permit: permit })
    }

    async fn ask(lent: &mut Self::Session<'_>, id: i32) -> Result<(), Failure> {
        let FloorSession { session, run } =
            lent.session.as_mut().ok_or("a permit without a session")?;
        session.send(run.with(&id.to_be_bytes())).await?;
        expect(session.pass_over(1).await?.rows, 1)
    }
}

impl<R: Runtime> Lender for Pool<R> {
    type Session<'l> = aiopg::PooledConnection<R>;

    async fn acquire(&self) -> Result<Self::Session<'_>, Failure> {
        Ok(self.get().await?)
    }

    async fn ask(session: &mut Self::Session<'_>, id: i32) -> Result<(), Failure> {
        let row = session.query_one(SQL, (id,)).await?;
        black_box((row.get::<i32>(0), row.get::<&str>(1)));
        Ok(())
    }
}

async fn deadpool(address: &Address, sessions: usize) -> Result<deadpool_postgres::Pool, Failure> {
    let manager = Manager::new(client::tokio_postgres_config(address), NoTls);
    let pool = deadpool_postgres::Pool::builder(manager).max_size(sessions).build()?;
    let mut open = Vec::new();
    for _ in 0..sessions {
        open.push(pool.get().await?);
    }
    drop(open);
    Ok(pool)
}

impl Lender for deadpool_postgres::Pool {
    type Session<'l> = deadpool_postgres::Object;

    async fn acquire(&self) -> Result<Self::Session<'_>, Failure> {
        Ok(self.get().await?)
    }

    async fn ask(session: &mut Self::Session<'_>, id: i32) -> Result<(), Failure> {
        let statement = session.prepare_cached(SQL).await?;
        let row = session.query_one(&statement, &[&id]).await?;
        black_box((row.get::<_, i32>(0), row.get::<_, &str>(1)));
        Ok(())
    }
}
