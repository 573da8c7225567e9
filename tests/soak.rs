//! Strains a pool for a while, with random kills, cancels and schema changes, and checks what must always hold.
//!
//! Usage: soak [--seconds N]. It ends with a line of figures, or with a panic that says what was violated.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it must stop loudly when something is wrong"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use aiopg::{
    Client, CloseReason, Connection, Error, Kind, Pool, PoolOptions, PooledConnection, Runtime,
};
use aiopg_tests::session::{config_of, open_with};
use aiopg_tests::{Options, Server};
use aiopg_tokio::Tokio;

/// How many sessions there may be, and how many want one.
const MOST: usize = 6;
const BORROWERS: usize = 24;

/// How long a session may stay idle in a transaction: borrowers end theirs within some milliseconds.
const FORGOTTEN: &str = "5 seconds";

/// How often it may be seen so after that.
const MOST_LOOKS: u32 = 20;

const NAME: &str = "soak";

type Session = PooledConnection<Tokio>;

/// What all tasks share.
struct Soak {
    pool: Pool<Tokio>,
    runtime: Tokio,
    over: AtomicBool,
    next: AtomicI64,
    answers: AtomicU64,
    failures: AtomicU64,
    kills: AtomicU64,
}

fn main() {
    let executor = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    executor.expect("a runtime").block_on(soak(seconds()));
}

async fn soak(seconds: u64) {
    let server = Server::start(&Options::default()).expect("a server");
    let runtime = Tokio::current();
    let quiet = config_of(&server).on_event(|_| {});
    let mut admin = open_with(runtime.clone(), &quiet).await;
    let table = "create table soak (id int8 primary key, n int8)";
    admin.batch_execute(table).await.expect("a table");
    let config = quiet.clone().application_name(NAME);
    let options = PoolOptions::default()
        .min_size(2)
        .max_size(MOST)
        .max_lifetime(Duration::from_secs(10))
        .idle_timeout(Duration::from_secs(2))
        .keepalive(Duration::from_secs(1));
    let pool = options.connect_on(runtime.clone(), config).await.expect("a pool");
    let soak = Arc::new(Soak {
        pool,
        runtime: runtime.clone(),
        over: AtomicBool::new(false),
        next: AtomicI64::new(1),
        answers: AtomicU64::new(0),
        failures: AtomicU64::new(0),
        kills: AtomicU64::new(0),
    });
    let mut tasks: Vec<_> =
        (0..BORROWERS).map(|_| tokio::spawn(Arc::clone(&soak).borrow_again_and_again())).collect();
    let killer = open_with(runtime.clone(), &quiet).await;
    let changer = open_with(runtime.clone(), &quiet).await;
    tasks.push(tokio::spawn(Arc::clone(&soak).kill(killer)));
    tasks.push(tokio::spawn(Arc::clone(&soak).change_schema(changer)));
    tasks.push(tokio::spawn(Arc::clone(&soak).watch(admin)));
    let end = runtime.now() + Duration::from_secs(seconds);
    // A task that ends before its time has panicked.
    while runtime.now() < end && !tasks.iter().any(tokio::task::JoinHandle::is_finished) {
        runtime.sleep_until(runtime.now() + Duration::from_millis(100)).await;
    }
    soak.over.store(true, Ordering::Release);
    for task in tasks {
        task.await.expect("a task that holds what it checks");
    }
    soak.end().await;
}

fn seconds() -> u64 {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => 3600,
        ["--seconds", seconds] => seconds.parse().expect("a number of seconds"),
        _ => panic!("usage: soak [--seconds N]"),
    }
}

impl Soak {
    fn draw(&self, below: u64) -> u64 {
        self.runtime.random() % below
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    async fn pause(&self, most_milliseconds: u64) {
        let pause = Duration::from_millis(self.draw(most_milliseconds));
        self.runtime.sleep_until(self.runtime.now() + pause).await;
    }

    async fn borrow_again_and_again(self: Arc<Self>) {
        while !self.is_over() {
            let limit = match self.draw(8) {
                0 => Duration::from_micros(self.draw(3_000)),
                _ => Duration::from_secs(50),
            };
            match self.runtime.timeout(limit, self.pool.get()).await {
                Ok(Ok(session)) => self.use_and_return(session).await,
                Ok(Err(error)) => self.failed(&error),
                Err(_) => assert!(limit < Duration::from_secs(1), "a borrower starves"),
            }
            let stats = self.pool.stats();
            assert!(stats.size <= MOST, "too many sessions: {stats:?}");
            if self.draw(4) == 0 {
                self.pause(3).await;
            }
        }
    }

    async fn use_and_return(&self, mut session: Session) {
        for _ in 0..=self.draw(3) {
            let operation = self.operate(&mut session);
            let done = if self.draw(5) == 0 {
                // Dropped at some point: the statement is cancelled.
                self.runtime.timeout(Duration::from_micros(self.draw(3_000)), operation).await
            } else {
                Ok(operation.await)
            };
            if let Ok(Err(error)) = done {
                self.failed(&error);
                break;
            }
        }
        match self.draw(12) {
            0 => session.release().await,
            1 => drop(session.detach()),
            2 => drop(session.close().await),
            _ => drop(session),
        }
    }

    async fn operate(&self, session: &mut Session) -> Result<(), Error> {
        let id = self.next.fetch_add(1, Ordering::AcqRel);
        match self.draw(9) {
            0 => session.batch_execute("begin").await?,
            1 | 2 => {
                let mut transaction = match session.begin().await {
                    // One was left open before.
                    Err(error) if error.kind() == Kind::Usage => return Ok(()),
                    begun => begun?,
                };
                let sql = "insert into soak (id, n) values ($1, $1) on conflict do nothing";
                transaction.execute(sql, (id % 100,)).await?;
                if self.draw(2) == 0 {
                    transaction.commit().await?;
                }
            }
            3 => {
                // What it returns changes all the time.
                let row =
                    session.query_opt("select * from soak where id = $1", (id % 100,)).await?;
                if let Some(row) = row {
                    assert_eq!(row.get::<i64>("id"), id % 100, "the row of somebody else");
                }
            }
            4 => {
                session.execute("select pg_sleep(0.002)", ()).await?;
            }
            5 => {
                let sql = "select n + $1::int8 from generate_series(1, 200) n";
                let mut rows = session.stream(sql, (id,)).await?;
                for _ in 0..self.draw(200) {
                    let Some(row) = rows.next().await? else { break };
                    assert!(row.get::<i64>(0) > id, "the rows of somebody else");
                }
            }
            _ => {
                let answer: i64 = session.query_scalar("select $1::int8", (id,)).await?;
                assert_eq!(answer, id, "the answer of somebody else");
                self.answers.fetch_add(1, Ordering::AcqRel);
            }
        }
        Ok(())
    }

    /// An error that may come: of a kill, a cancel, a deadlock, a transaction that had failed, a changed table.
    fn failed(&self, error: &Error) {
        let code = error.sqlstate().map(|state| state.code().to_owned()).unwrap_or_default();
        let kind = error.kind();
        let codes = ["57P01", "57014", "40P01", "40001", "25P02", "0A000"];
        let fits =
            matches!(kind, Kind::Io | Kind::Closed | Kind::OutcomeUnknown | Kind::RolledBack)
                || (kind == Kind::Server && codes.contains(&code.as_str()));
        assert!(fits, "an error that has no reason: {error:?}");
        self.failures.fetch_add(1, Ordering::AcqRel);
    }

    async fn kill(self: Arc<Self>, mut admin: Connection<Tokio>) {
        let sql = "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity \
                   where application_name = $1 order by random() limit 1) victim";
        while !self.is_over() {
            self.pause(400).await;
            let killed: i64 = admin.query_scalar(sql, (NAME,)).await.expect("a killer");
            self.kills.fetch_add(killed.unsigned_abs(), Ordering::AcqRel);
            if self.draw(20) == 0 {
                self.pool.clear();
            }
        }
    }

    async fn change_schema(self: Arc<Self>, mut changer: Connection<Tokio>) {
        changer.batch_execute("set lock_timeout = '100ms'").await.expect("a changer");
        while !self.is_over() {
            self.pause(200).await;
            for change in ["add column if not exists extra int", "drop column if exists extra"] {
                // Whoever holds the table longer has it.
                drop(changer.batch_execute(&format!("alter table soak {change}")).await);
            }
        }
    }

    /// Looks at the server: no session of the pool stays idle in a transaction. Looks are counted beside the time, for
    /// a machine that lets the borrower starve lets this starve, too.
    async fn watch(self: Arc<Self>, mut admin: Connection<Tokio>) {
        let sql = format!(
            "select pid, state_change::text from pg_stat_activity where application_name = $1 \
             and state like 'idle in transaction%' and now() - state_change > '{FORGOTTEN}'"
        );
        let mut looks = HashMap::new();
        while !self.is_over() {
            let idle: Vec<(i32, String)> =
                admin.query_as(&*sql, (NAME,)).await.expect("an observer");
            looks = idle
                .into_iter()
                .map(|session| {
                    let before = looks.get(&session).copied().unwrap_or(0);
                    (session, before + 1)
                })
                .collect();
            let forgotten = looks.values().any(|looks| *looks >= MOST_LOOKS);
            assert!(!forgotten, "idle in transaction: {looks:?}, {:?}", self.pool.stats());
            self.pause(500).await;
        }
    }

    /// Every place of the pool is there, and all sessions answer.
    async fn end(&self) {
        let mut sessions = Vec::new();
        while sessions.len() < MOST {
            let mut session = self.pool.get().await.expect("a session");
            // A kill may have come in the last moment.
            if session.query_scalar::<i32>("select 1", ()).await.is_ok() {
                sessions.push(session);
            }
        }
        drop(sessions);
        let stats = self.pool.stats();
        let [in_use, waiting, size] = [stats.in_use, stats.waiting, stats.size];
        assert_eq!((in_use, waiting, size), (0, 0, MOST), "a place was lost: {stats:?}");
        let closes: u64 = CloseReason::ALL.into_iter().map(|reason| stats.closes(reason)).sum();
        assert_eq!(stats.connects - closes, size as u64, "a session was lost: {stats:?}");
        let count = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        assert!(count(&self.answers) > 0, "nobody was answered");
        println!(
            "soak: {} answers, {} failures, {} kills, {} sessions opened, {} lent",
            count(&self.answers),
            count(&self.failures),
            count(&self.kills),
            stats.connects,
            stats.acquired
        );
        self.pool.shutdown(Duration::from_secs(10)).await.expect("all came back");
    }
}
