//! What a call costs: allocations on the calling thread, writes, reads, round trips.
//!
//! A binary of its own: using the counting crate replaces the allocator of the whole program.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the line where it fails"
)]

use std::future::Future;
use std::hint::black_box;
use std::time::Duration;

use aiopg::sea_query::BuildStatement;
use aiopg::{AllResults, Call, Connection, FromRow, Item, Pool, PoolOptions, Runtime, Statement};
use aiopg_smol::Smol;
use aiopg_tests::counting::{Counting, Counts};
use aiopg_tests::session;
use aiopg_tokio::Tokio;
use allocation_counter::{AllocationInfo, measure};
use sea_query::prelude::{Decimal, chrono};
use sea_query::{Expr, ExprTrait, Query};

const SQL: &str = "select $1::int4, 'some text'";
const SCALAR: &str = "select $1::int4 + 1";

/// A row that is lent as a struct.
#[derive(FromRow)]
struct Numbered<'r> {
    text: &'r str,
    #[aiopg(rename = "n")]
    number: i32,
}

/// Drives futures to their end on this thread.
trait Executor {
    type Runtime: Runtime;

    fn runtime(&self) -> Self::Runtime;
    fn run<T>(&self, future: impl Future<Output = T>) -> T;
}

struct TokioThread(tokio::runtime::Runtime);

impl Executor for TokioThread {
    type Runtime = Tokio;

    fn runtime(&self) -> Tokio {
        Tokio::from_handle(self.0.handle().clone())
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

struct SmolThread;

impl Executor for SmolThread {
    type Runtime = Smol;

    fn runtime(&self) -> Smol {
        Smol::global()
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }
}

fn tokio_thread() -> TokioThread {
    TokioThread(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap())
}

/// What a call costs once everything is warm: the least of many runs, since a runtime now and then allocates for itself.
/// On smol whoever waits may do the work of the reactor that all threads share, which takes an allocation.
fn cost(mut call: impl FnMut()) -> AllocationInfo {
    (0..20).for_each(|_| call());
    let runs = (0..200).map(|_| measure(&mut call));
    runs.min_by_key(|cost| (cost.count_total, cost.bytes_max)).unwrap_or_default()
}

/// A warm session and its two statements, of which one is given as text later on.
fn warm<E: Executor>(executor: &E) -> (Connection<E::Runtime>, Statement, Statement) {
    executor.run(async {
        let mut connection = session::open(executor.runtime()).await;
        let (row, scalar) = (connection.prepare(SQL).await, connection.prepare(SCALAR).await);
        (connection, row.unwrap(), scalar.unwrap())
    })
}

fn calls_allocate_as_little_as_promised(executor: &impl Executor) {
    let (mut connection, row, scalar) = warm(executor);
    let mut counts = Vec::new();
    let mut check = |name: &str, cost: AllocationInfo, most: u64| {
        println!("{name}: {} allocations, {} bytes at most", cost.count_total, cost.bytes_max);
        counts.push((name.to_owned(), cost.count_total, most));
    };
    let c = &mut connection;
    let run = cost(|| assert_eq!(executor.run(c.execute(&row, (1,))).unwrap(), 1));
    check("execute", run, 0);
    let run = cost(|| assert_eq!(executor.run(c.execute(SQL, (1,))).unwrap(), 1));
    check("execute, text", run, 0);
    let run = cost(|| assert_eq!(executor.run(c.query_one(SQL, (1,))).unwrap().len(), 2));
    check("query_one, text", run, 0);
    let lend = async |c: &mut Connection<_>, sum: &mut i32| {
        let mut rows = c.stream(&row, (1,)).await.unwrap();
        while let Some(row) = rows.next().await.unwrap() {
            *sum += row.get::<i32>(0) + i32::from(row.get::<&str>(1).starts_with("some"));
        }
    };
    let run = cost(|| {
        let mut sum = 0;
        executor.run(lend(c, &mut sum));
        assert_eq!(sum, 2);
    });
    check("a lent row", run, 0);
    let decode = async |c: &mut Connection<_>| {
        let mut rows =
            c.stream("select n, n::text as text from generate_series(1, 50) n", ()).await.unwrap();
        let mut count = 0;
        while let Some(Numbered { number, text }) = rows.next_as().await.unwrap() {
            count += 1;
            assert!(number == count && !text.is_empty());
        }
        assert_eq!(count, 50);
    };
    let run = cost(|| executor.run(decode(c)));
    // The plan.
    check("a stream of structs", run, 1);
    let run = cost(|| assert_eq!(executor.run(c.query_scalar::<i32>(&scalar, (1,))).unwrap(), 2));
    check("query_scalar", run, 0);
    let run = cost(|| assert_eq!(executor.run(c.query_one(&row, (1,))).unwrap().len(), 2));
    check("query_one", run, 0);
    let run = cost(|| {
        let long = executor.run(c.query_one("select repeat('x', $1::int4)", (100,))).unwrap();
        assert_eq!(long.get::<&str>(0).len(), 100);
    });
    check("query_one, a long row", run, 1);
    executor.run(c.batch_execute("begin")).unwrap();
    let run = cost(|| assert_eq!(executor.run(c.query_one(&row, (1,))).unwrap().len(), 2));
    executor.run(c.batch_execute("commit")).unwrap();
    check("query_one, within a transaction", run, 0);
    let run = cost(|| assert_eq!(executor.run(c.query(&row, (1,))).unwrap().len(), 1));
    check("query", run, 3);
    let run = cost(|| executor.run(c.batch_execute("select 1")).unwrap());
    // The description of its columns, which nobody looks at.
    check("batch_execute", run, 1);
    for (name, count, most) in counts {
        assert!(count <= most, "{name}: {count} allocations, {most} were promised");
    }
}

/// What is built is built once here, as building is SeaQuery's.
fn values_of_seaquery_are_written_without_allocating(executor: &impl Executor) {
    let (mut connection, ..) = warm(executor);
    let noon = chrono::NaiveDate::from_ymd_opt(2024, 2, 28).unwrap().and_hms_opt(12, 0, 0).unwrap();
    let built = Query::select()
        .expr(Expr::val(5_u64).cast_as("int4"))
        .expr(Expr::val(u64::MAX).cast_as("numeric"))
        .expr(Expr::val(Decimal::MAX).cast_as("numeric"))
        .expr(Expr::val(5_i64).cast_as("float8"))
        .expr(Expr::val(0.5).cast_as("float4"))
        .expr(Expr::val("a text of some length").cast_as("text"))
        .expr(Expr::val(noon.and_utc()).cast_as("timestamptz"))
        .expr(Expr::val(vec![1_i64, 2, 3]).cast_as("int4[]"))
        .build_statement();
    let run = cost(|| {
        assert_eq!(executor.run(connection.execute(&built, &built)).unwrap(), 1);
    });
    assert_eq!(run.count_total, 0, "{run:?}");
}

fn a_million_rows_take_no_memory(executor: &impl Executor) {
    const ROWS: i32 = 1_000_000;

    let (mut connection, ..) = warm(executor);
    let sql = "select generate_series(1, $1), 'a text of some length'";
    let read = async |connection: &mut Connection<_>, count: i32| {
        let mut rows = connection.stream(sql, (count,)).await.unwrap();
        let mut seen = 0;
        while let Some(row) = rows.next().await.unwrap() {
            seen += i32::from(row.get::<&str>(1).len() == 21);
        }
        assert_eq!(seen, count);
    };
    executor.run(read(&mut connection, 10_000));
    let cost = measure(|| executor.run(read(&mut connection, ROWS)));
    println!("a million rows: {} allocations, {} bytes at most", cost.count_total, cost.bytes_max);
    assert!(cost.count_total <= u64::from(ROWS.unsigned_abs()) / 100, "{cost:?}");
    // The buffer for reading grows to 64 KiB; nothing grows with the result.
    assert!(cost.bytes_max <= 256 << 10, "{cost:?}");
}

/// Many statements, values or rows at once: what is allocated for each of them.
fn many_at_once_allocate_as_little_as_promised(executor: &impl Executor) {
    const TEXTS: u64 = 20;
    const ITEMS: u64 = 100;

    let (mut connection, row, _) = warm(executor);
    let c = &mut connection;
    let check = |name: &str, cost: AllocationInfo, most: u64| {
        println!("{name}: {} allocations, {most} at most", cost.count_total);
        assert!(cost.count_total <= most, "{name}: {cost:?}");
    };
    let texts: Vec<_> = (1..=TEXTS).map(|number| format!("text no. {number}")).collect();
    let places: Vec<_> = (1..=TEXTS).map(|number| format!("${number}::text")).collect();
    let select = executor.run(c.prepare(&format!("select {}", places.join(", ")))).unwrap();
    let exchange = async |c: &mut Connection<_>| {
        let row = c.query_one(&select, &texts).await.unwrap();
        for (column, text) in texts.iter().enumerate() {
            assert_eq!(row.get::<String>(column), *text);
        }
    };
    // Each text, and the row.
    check("20 texts", cost(|| executor.run(exchange(c))), TEXTS + 1);
    let pipeline = async |c: &mut Connection<_>| {
        let items: Vec<_> = (0..ITEMS).map(|_| Item::query_one(&row, (1,))).collect();
        for row in c.pipeline(items).await.all().unwrap() {
            assert_eq!(row.get::<i32>(0), 1);
        }
    };
    // Each row, and the lists that hold all of them.
    check("a pipeline of 100", cost(|| executor.run(pipeline(c))), ITEMS + 20);
    executor.run(c.batch_execute("create temporary table t (a int, b text)")).unwrap();
    let insert = executor.run(c.prepare("insert into t values ($1, $2)")).unwrap();
    let many = async |c: &mut Connection<_>| {
        let sets = (0..1_000).map(|a| (a, "a text of some length"));
        assert_eq!(c.execute_many(&insert, sets).await.unwrap(), 1_000);
    };
    // Those of the buffer, which is given back when it has grown large.
    check("1,000 sets", cost(|| executor.run(many(c))), 20);
    let copy_out = async |c: &mut Connection<_>| {
        let sql = "copy (select generate_series(1, 10000)) to stdout";
        let (mut copy, mut chunks) = (c.copy_out_raw(sql).await.unwrap(), 0);
        while copy.chunk().await.unwrap().is_some() {
            chunks += 1;
        }
        assert_eq!(chunks, 10_000);
    };
    check("10,000 rows copied out", cost(|| executor.run(copy_out(c))), 20);
}

/// The server passes over all of them, so that it has little to do.
fn a_million_rows_are_copied_in_without_allocating(executor: &impl Executor) {
    let (mut connection, ..) = warm(executor);
    let sql = "create temporary table t (a int, b text)";
    executor.run(connection.batch_execute(sql)).unwrap();
    let copy = async |connection: &mut Connection<_>, count: i32| {
        let copy = connection.copy_in("t", &["a", "b"]).where_clause("a < 0");
        copy.rows((0..count).map(|a| (a, "a text of some length"))).await.unwrap();
    };
    executor.run(copy(&mut connection, 10_000));
    let cost = measure(|| executor.run(copy(&mut connection, 1_000_000)));
    println!("a million rows in: {} allocations, {} bytes", cost.count_total, cost.bytes_max);
    // Those of the statement, and of the buffer that it fills: nothing for each row.
    assert!(cost.count_total <= 1_000, "{cost:?}");
    assert!(cost.bytes_max <= 512 << 10, "{cost:?}");
}

fn calls_take_as_few_trips_as_promised(executor: &impl Executor) {
    let runtime = Counting::new(executor.runtime());
    executor.run(async {
        let mut connection = session::open(runtime.clone()).await;
        assert_eq!((runtime.counts().writes, runtime.counts().connects), (1, 1), "start-up");
        let c = &mut connection;
        let mut last = runtime.counts();
        let mut cost = || -> Counts {
            let now = runtime.counts();
            now - std::mem::replace(&mut last, now)
        };
        // A write that is followed by a read is a round trip; the first use of parameters asks for their types.
        c.query("select 1, 2", ()).await.unwrap();
        assert_eq!(cost().writes, 1, "first use without parameters");
        c.query(SQL, (1,)).await.unwrap();
        assert_eq!(cost().writes, 2, "first use with parameters");
        for _ in 0..50 {
            c.query("select 1, 2", ()).await.unwrap();
            one_trip("query", cost());
            c.execute(SQL, (1,)).await.unwrap();
            one_trip("execute", cost());
            c.query_one(SQL, (1,)).await.unwrap();
            one_trip("query_one", cost());
            let mut rows = c.stream(SQL, (1,)).await.unwrap();
            while rows.next().await.unwrap().is_some() {}
            drop(rows);
            one_trip("stream", cost());
            c.batch_execute("select 1; select 2").await.unwrap();
            one_trip("batch_execute", cost());
            c.prepare(SQL).await.unwrap();
            assert_eq!(cost(), Counts::default(), "it is prepared");
        }
        c.execute("insert into pg_temp.nowhere values ($1)", (1,)).await.unwrap_err();
        one_trip("an error", cost());
        assert_eq!(runtime.counts().spawns + runtime.counts().sleeps, 0);
    });
}

/// Borrowing a session that is idle and giving it back.
fn lending_costs_nothing(executor: &impl Executor) {
    let runtime = Counting::new(executor.runtime());
    let pool = Pool::connect_on(runtime.clone(), session::config());
    let pool = executor.run(pool).unwrap();
    let before = runtime.counts();
    let erased = executor.run(Pool::connect(executor.runtime(), session::config())).unwrap();
    let run = cost(|| {
        for _ in 0..10 {
            drop(executor.run(pool.get()).unwrap());
            drop(executor.run(erased.get()).unwrap());
            drop(pool.try_get().unwrap());
        }
    });
    assert_eq!((run.count_total, run.bytes_total), (0, 0));
    let cost = runtime.counts() - before;
    assert_eq!((cost.writes, cost.reads, cost.waits), (0, 0, 0));
    assert_eq!((cost.spawns, cost.sleeps, cost.connects), (0, 0, 0));
}

/// The least of some runs, since upkeep may come in between.
fn least(runtime: &Counting<impl Runtime>, mut run: impl FnMut()) -> Counts {
    let runs = (0..20).map(|_| {
        let before = runtime.counts();
        run();
        runtime.counts() - before
    });
    runs.min_by_key(|cost| (cost.clock_readings, cost.sleeps)).unwrap()
}

/// One look at the clock for each acquiring, one for each release, whether one has to wait or not; and all who wait
/// share one timer.
fn lending_looks_at_the_clock_but_twice(executor: &impl Executor) {
    let runtime = Counting::new(executor.runtime());
    let options = PoolOptions::default().max_size(1);
    let pool = executor.run(options.connect_on(runtime.clone(), session::config())).unwrap();
    let lend = || drop(executor.run(pool.get()).unwrap());
    let clock_readings = least(&runtime, || (0..10).for_each(|_| lend())).clock_readings;
    assert_eq!(clock_readings, 20);
    let hand_over = || {
        executor.run(async {
            let held = pool.get().await.unwrap();
            let (waited, ()) = futures::future::join(pool.get(), async { drop(held) }).await;
            drop(waited.unwrap());
        });
    };
    // For as long as another test keeps smol's reactor busy, each wake may cost an allocation there.
    let mut costs = std::iter::repeat_with(|| cost(hand_over).count_total).take(5_000);
    assert!(costs.any(|count| count == 0), "to wait for a session takes an allocation each time");
    let cost = least(&runtime, || (0..10).for_each(|_| hand_over()));
    assert_eq!((cost.clock_readings, cost.sleeps, cost.spawns), (40, 0, 0));
    assert!(pool.stats().waits.iter().sum::<u64>() >= 200, "nobody has waited");
}

#[test]
fn lending_looks_at_the_clock_but_twice_on_tokio() {
    lending_looks_at_the_clock_but_twice(&tokio_thread());
}

#[test]
fn lending_looks_at_the_clock_but_twice_on_smol() {
    lending_looks_at_the_clock_but_twice(&SmolThread);
}

#[test]
fn lending_costs_nothing_on_tokio() {
    lending_costs_nothing(&tokio_thread());
}

#[test]
fn lending_costs_nothing_on_smol() {
    lending_costs_nothing(&SmolThread);
}

#[track_caller]
fn one_trip(name: &str, cost: Counts) {
    assert_eq!((cost.writes, cost.spawns, cost.clock_readings), (1, 0, 0), "{name}: {cost:?}");
    assert!(cost.reads <= 2, "{name}: {cost:?}");
}

#[test]
fn calls_allocate_as_little_as_promised_on_tokio() {
    calls_allocate_as_little_as_promised(&tokio_thread());
}

#[test]
fn calls_allocate_as_little_as_promised_on_smol() {
    calls_allocate_as_little_as_promised(&SmolThread);
}

/// On tokio alone: smol keeps its timers in a tree, which allocates.
#[test]
fn a_limit_of_time_allocates_nothing_on_tokio() {
    let executor = &tokio_thread();
    let (mut connection, row, _) = warm(executor);
    let timely = Call::new(&row).query_timeout(Duration::from_secs(60));
    let run = cost(|| drop(executor.run(connection.query_one(&timely, (1,))).unwrap()));
    assert_eq!(run.count_total, 0, "{run:?}");
}

#[test]
fn many_at_once_allocate_as_little_as_promised_on_tokio() {
    many_at_once_allocate_as_little_as_promised(&tokio_thread());
}

#[test]
fn many_at_once_allocate_as_little_as_promised_on_smol() {
    many_at_once_allocate_as_little_as_promised(&SmolThread);
}

#[test]
fn a_million_rows_take_no_memory_on_tokio() {
    a_million_rows_take_no_memory(&tokio_thread());
}

#[test]
fn a_million_rows_take_no_memory_on_smol() {
    a_million_rows_take_no_memory(&SmolThread);
}

#[test]
fn a_million_rows_are_copied_in_without_allocating_on_tokio() {
    a_million_rows_are_copied_in_without_allocating(&tokio_thread());
}

#[test]
fn a_million_rows_are_copied_in_without_allocating_on_smol() {
    a_million_rows_are_copied_in_without_allocating(&SmolThread);
}

#[test]
fn values_of_seaquery_are_written_without_allocating_on_tokio() {
    values_of_seaquery_are_written_without_allocating(&tokio_thread());
}

#[test]
fn values_of_seaquery_are_written_without_allocating_on_smol() {
    values_of_seaquery_are_written_without_allocating(&SmolThread);
}

#[test]
fn calls_take_as_few_trips_as_promised_on_tokio() {
    calls_take_as_few_trips_as_promised(&tokio_thread());
}

#[test]
fn calls_take_as_few_trips_as_promised_on_smol() {
    calls_take_as_few_trips_as_promised(&SmolThread);
}

#[test]
fn allocations_of_this_thread_are_counted() {
    let cost = measure(|| {
        black_box(Vec::<u8>::with_capacity(100));
        black_box(Box::new(1_u64));
    });
    assert_eq!((cost.count_total, cost.bytes_total, cost.count_current), (2, 108, 0));
}

#[test]
fn allocations_of_other_threads_are_not() {
    let (go, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let other = std::thread::spawn(move || {
        wait.recv().unwrap();
        black_box(vec![0_u8; 1000]);
    });
    let cost = measure(|| go.send(()).unwrap());
    other.join().unwrap();
    assert!(cost.bytes_total < 1000, "{cost:?}");
}
