//! A thousand operations on one connection, raced with timers and dropped at random: nobody ever gets the answer
//! to another's question, and every insert has happened as often as its caller was told.

use std::collections::BTreeMap;
use std::time::Duration;

use aiopg::{Connection, Error, Runtime, SqlState, TransactionStatus};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::counting::Counting;
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

const ROUNDS: i64 = 1_000;
const CACHE: usize = 5;

/// Numbers that come again with the same seed: splitmix64.
struct Random(u64);

impl Random {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What is asked of the connection; `number` is asked once in the whole test.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Scalar,
    Rows(i32),
    Prepare(u64),
    Stream { rows: i32, taken: i32 },
    Simple,
    Failure,
    Large(usize),
    Sleep,
    Insert,
    InsertInBatch,
    InsertInTransaction,
}

impl Operation {
    fn draw(random: &mut Random) -> Self {
        let small = i32::try_from(random.below(2_000)).unwrap();
        match random.below(16) {
            0..3 => Self::Scalar,
            3 => Self::Rows(small),
            4 => Self::Prepare(random.below(20)),
            5 | 6 => Self::Stream { rows: small, taken: small / 3 },
            7 => Self::Simple,
            8 => Self::Failure,
            9 => Self::Large(usize::try_from(random.below(4 << 20)).unwrap()),
            10 | 11 => Self::Sleep,
            12 | 13 => Self::Insert,
            14 => Self::InsertInBatch,
            _ => Self::InsertInTransaction,
        }
    }

    fn inserts(self) -> bool {
        matches!(self, Self::Insert | Self::InsertInBatch | Self::InsertInTransaction)
    }

    /// Runs to its end and checks the answer.
    async fn run<R: Runtime>(
        self,
        connection: &mut Connection<R>,
        number: i64,
    ) -> Result<(), Error> {
        match self {
            Self::Scalar => {
                let answer: i64 = connection.query_scalar("select $1::int8", (number,)).await?;
                assert_eq!(answer, number);
            }
            Self::Rows(count) => {
                let sql = "select $1::int8, generate_series(1, $2)";
                let rows = connection.query(sql, (number, count)).await?;
                assert_eq!(rows.len(), usize::try_from(count).unwrap());
                assert!(rows.iter().all(|row| row.get::<i64>(0) == number));
            }
            Self::Prepare(text) => {
                let statement = connection.prepare(&format!("select $1::int8 + {text}")).await?;
                let answer: i64 = connection.query_scalar(&statement, (number,)).await?;
                assert_eq!(answer, number + i64::try_from(text).unwrap());
            }
            Self::Stream { rows, taken } => {
                let sql = "select $1::int8, generate_series(1, $2)";
                let mut stream = connection.stream(sql, (number, rows)).await?;
                for expected in 1..=taken {
                    let row = stream.next().await?.unwrap();
                    assert_eq!((row.get::<i64>(0), row.get::<i32>(1)), (number, expected));
                }
            }
            Self::Simple => {
                let sql = format!("select {number}; select -{number}");
                let results = connection.simple_query(&sql).await?;
                let texts: Vec<_> =
                    results.iter().map(|rows| rows.row(0).unwrap().get::<&str>(0)).collect();
                assert_eq!(texts, [format!("{number}"), format!("-{number}")]);
            }
            Self::Failure => {
                let failed = connection.query("select $1::int8 / 0", (number,)).await.unwrap_err();
                assert_eq!(failed.sqlstate(), Some(SqlState::DIVISION_BY_ZERO), "{failed}");
            }
            Self::Large(length) => {
                let bytes = vec![number.to_le_bytes()[0]; length];
                let back: i32 =
                    connection.query_scalar("select length($1::bytea)", (&bytes,)).await?;
                assert_eq!(usize::try_from(back).unwrap(), length);
            }
            Self::Sleep => {
                connection.execute("select pg_sleep(600)", ()).await?;
            }
            Self::Insert | Self::InsertInBatch | Self::InsertInTransaction => {
                self.insert(connection, number).await?;
            }
        }
        Ok(())
    }

    async fn insert<R: Runtime>(
        self,
        connection: &mut Connection<R>,
        number: i64,
    ) -> Result<(), Error> {
        if matches!(self, Self::Insert) {
            assert_eq!(connection.execute("insert into t values ($1)", (number,)).await?, 1);
            return Ok(());
        }
        let sql = if matches!(self, Self::InsertInBatch) {
            format!("insert into t values ({number}); select pg_sleep(0.0005)")
        } else {
            format!("begin; insert into t values ({number}); commit")
        };
        connection.batch_execute(&sql).await
    }
}

/// How often a row must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Once,
    /// The future was dropped after something had been sent.
    AtMostOnce,
    /// The future was dropped before anything had been sent.
    Never,
}

/// How far an operation may get.
async fn race<R: Runtime>(
    rt: &R,
    random: &mut Random,
    operation: Operation,
    running: impl Future<Output = Result<(), Error>>,
) -> Option<Result<(), Error>> {
    let limit = Duration::from_micros(random.below(3_000));
    match random.below(3) {
        0 if !matches!(operation, Operation::Sleep) => Some(running.await),
        1 => {
            let polls = usize::try_from(random.below(5)).unwrap();
            let running = PollLimit::new(running, polls);
            rt.timeout(Duration::from_millis(10), running).await.ok().flatten()
        }
        _ => rt.timeout(limit, running).await.ok(),
    }
}

async fn nobody_gets_the_answer_to_another_question<R: Runtime>(rt: R) {
    let seed = std::env::var("AIOPG_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| rt.random());
    // Shown when the test fails.
    println!("AIOPG_SEED={seed}");
    let mut random = Random(seed);
    let mut observer = session::open(rt.clone()).await;
    let runtime = Counting::new(rt.clone());
    let config = session::config().statement_cache_capacity(CACHE);
    let mut connection = session::open_with(runtime.clone(), &config).await;
    connection.batch_execute("create temp table t (id int8)").await.unwrap();

    let mut expected = BTreeMap::new();
    let (mut completed, mut dropped) = (0, 0);
    for number in 1..=ROUNDS {
        let operation = Operation::draw(&mut random);
        let before = runtime.counts().bytes_written;
        let running = operation.run(&mut connection, number);
        let outcome = race(&rt, &mut random, operation, running).await;
        let sent = runtime.counts().bytes_written != before;
        let expectation = match outcome {
            Some(result) => {
                result.unwrap_or_else(|error| panic!("{number}, {operation:?}: {error}"));
                completed += 1;
                Expected::Once
            }
            None if sent => Expected::AtMostOnce,
            None => Expected::Never,
        };
        dropped += i32::from(expectation != Expected::Once);
        if expectation == Expected::Once && !matches!(operation, Operation::Stream { .. }) {
            assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
        }
        if operation.inserts() {
            expected.insert(number, expectation);
        }
    }
    assert!(completed > ROUNDS / 4 && dropped > 100, "{completed} completed, {dropped} dropped");
    let process_id = connection.process_id().unwrap();
    check_inserts(&mut connection, &expected).await;
    check_statements(&mut connection).await;
    session::wait_until_idle(&mut observer, process_id).await;
}

async fn check_inserts<R: Runtime>(
    connection: &mut Connection<R>,
    expected: &BTreeMap<i64, Expected>,
) {
    let rows: Vec<(i64, i64)> =
        connection.query_as("select id, count(*) from t group by id", ()).await.unwrap();
    let found: BTreeMap<_, _> = rows.into_iter().collect();
    for (number, expected) in expected {
        let count = found.get(number).copied().unwrap_or_default();
        let fits = match expected {
            Expected::Once => count == 1,
            Expected::AtMostOnce => count <= 1,
            Expected::Never => count == 0,
        };
        assert!(fits, "{number} should be there {expected:?}, and is {count} times");
    }
    assert!(found.keys().all(|number| expected.contains_key(number)));
    assert!(expected.values().any(|expected| *expected == Expected::Never));
}

/// What was dropped on the way is closed by and by.
async fn check_statements<R: Runtime>(connection: &mut Connection<R>) {
    for _ in 0..=ROUNDS / 64 {
        connection.query_typed("select 'closes what was dropped'", &[]).await.unwrap();
    }
    let sql = "select count(*) from pg_prepared_statements where name <> ''";
    let count: usize = ask(connection, sql).await.parse().unwrap();
    assert!(count <= CACHE, "{count} statements are prepared");
}

on_every_runtime!(nobody_gets_the_answer_to_another_question);
