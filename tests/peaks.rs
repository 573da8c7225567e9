//! The memory that huge values take: their size once, and nothing afterwards.
//!
//! A binary of its own: using the counting crate replaces the allocator of the whole program.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the line where it fails"
)]

use std::future::Future;

use aiopg::{Connection, Kind, Params, Runtime};
use aiopg_tests::counting::Counting;
use aiopg_tests::session;
use aiopg_tokio::Tokio;
use allocation_counter::{AllocationInfo, measure};

const MIB: usize = 1 << 20;
const VALUE: usize = 255 * MIB;

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap()
}

/// The driver may take the value and a tenth of it beside `others`, and keeps next to nothing.
#[track_caller]
fn assert_once(name: &str, cost: AllocationInfo, others: usize) {
    let most = bytes(VALUE + VALUE / 10 + others);
    assert!(cost.bytes_max <= most, "{name}: {} of {most} bytes", cost.bytes_max);
    assert!(cost.bytes_current <= 1 << 20, "{name}: {} bytes are kept", cost.bytes_current);
}

/// A value that is not like itself elsewhere, made quickly.
fn value() -> Vec<u8> {
    let mut value = vec![7; VALUE];
    for (number, piece) in value.chunks_mut(1 << 16).enumerate() {
        piece[..8].copy_from_slice(&number.to_be_bytes());
    }
    value
}

/// Drives futures to their end on this thread, so that what they allocate is counted.
struct Executor(tokio::runtime::Runtime);

impl Executor {
    fn new() -> Self {
        Self(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap())
    }

    fn runtime(&self) -> Tokio {
        Tokio::from_handle(self.0.handle().clone())
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

#[test]
fn a_huge_value_takes_its_size_once() {
    let executor = &Executor::new();
    let value = value();
    let mut connection = executor.run(session::open(executor.runtime()));
    let c = &mut connection;
    let (length, back) = ("select length($1::bytea) + $2::int4", "select $1::bytea");
    executor.run(async {
        c.query_scalar::<i32>(length, (&[1_u8][..], 1)).await.unwrap();
        c.query(back, (&[1_u8][..],)).await.unwrap();
    });
    let run = measure(|| {
        let sum = executor.run(c.query_scalar::<i32>(length, (&value, 1))).unwrap();
        assert_eq!(usize::try_from(sum).unwrap(), VALUE + 1);
    });
    assert_once("a parameter", run, 0);
    let run = measure(|| {
        let row = executor.run(c.query_one(back, (&value,))).unwrap();
        assert!(row.get::<&[u8]>(0) == value);
    });
    assert_once("query_one", run, 0);
    let run = measure(|| {
        let rows = executor.run(c.query(back, (&value,))).unwrap();
        assert!(rows.row(0).unwrap().get::<&[u8]>(0) == value);
    });
    assert_once("query", run, 0);
    let run = measure(|| {
        assert!(executor.run(c.query_scalar::<Vec<u8>>(back, (&value,))).unwrap() == value);
    });
    assert_once("query_scalar, and the caller's own", run, VALUE);
    let lend = async |c: &mut Connection<_>| {
        let mut rows = c.stream(back, (&value,)).await.unwrap();
        assert!(rows.next().await.unwrap().unwrap().get::<&[u8]>(0) == value);
        assert!(rows.next().await.unwrap().is_none());
    };
    let run = measure(|| executor.run(lend(c)));
    assert_once("a lent row", run, 0);
    copied(executor, c, &value);
}

fn copied(executor: &Executor, c: &mut Connection<Tokio>, value: &[u8]) {
    let sql = "create temporary table f (id int, data bytea); \
               alter table f alter data set storage external";
    executor.run(c.batch_execute(sql)).unwrap();
    let copy_in = async |c: &mut Connection<_>, data: &[u8]| {
        c.copy_in("f", &[]).rows([(1, data), (2, &[])]).await.unwrap();
    };
    let copy_out = async |c: &mut Connection<_>| {
        let mut rows = c.copy_out("f", &[]).rows().await.unwrap();
        let mut found = false;
        while let Some(row) = rows.next().await.unwrap() {
            found |= row.get::<&[u8]>("data") == value;
        }
        found
    };
    executor.run(copy_in(c, b"little"));
    assert!(!executor.run(copy_out(c)));
    let run = measure(|| executor.run(copy_in(c, value)));
    assert_once("copy in", run, 0);
    let run = measure(|| assert!(executor.run(copy_out(c))));
    assert_once("rows copied out", run, 0);
    let chunks = async |c: &mut Connection<_>| {
        let sql = "copy (select data from f where id = 1 and length(data) > 10) to stdout (format binary)";
        let mut copy = c.copy_out_raw(sql).await.unwrap();
        let mut length = 0;
        while let Some(chunk) = copy.chunk().await.unwrap() {
            length += chunk.len();
        }
        assert_eq!(length, 19 + 2 + 4 + VALUE + 2);
    };
    let run = measure(|| executor.run(chunks(c)));
    assert_once("pieces copied out", run, 0);
}

/// The parameters lie in the same memory, so that only what the driver makes of them takes any.
#[test]
fn more_than_a_message_holds_is_refused_unsent() {
    let executor = &Executor::new();
    let value = value();
    let runtime = Counting::new(executor.runtime());
    let mut connection = executor.run(session::open(runtime.clone()));
    // Above 2^31, and above 2^32.
    for count in [9, 17] {
        let places: Vec<_> =
            (1..=count).map(|number| format!("length(${number}::bytea)")).collect();
        let sql = format!("select {}", places.join(", "));
        let few: Vec<&[u8]> = vec![b"a"; count];
        executor.run(connection.query(&sql, &few)).unwrap();
        let before = runtime.counts();
        let many = vec![value.as_slice(); count];
        refuses(executor, &mut connection, &sql, &many);
        assert_eq!((runtime.counts() - before).writes, 0, "{count}");
        assert_eq!(executor.run(connection.query(&sql, &few)).unwrap().len(), 1);
    }
}

fn refuses<R: Runtime>(
    executor: &Executor,
    connection: &mut Connection<R>,
    sql: &str,
    params: &impl Params,
) {
    let run = measure(|| {
        let error = executor.run(connection.query(sql, params)).unwrap_err();
        assert!(error.kind() == Kind::Usage && error.is_unsent(), "{error:?}");
        assert!(!connection.is_closed());
    });
    // It stops at the value that makes it too long.
    assert!(run.bytes_max <= bytes(5 * VALUE + MIB), "{run:?}");
    assert!(run.bytes_current <= 1 << 20, "{run:?}");
}
