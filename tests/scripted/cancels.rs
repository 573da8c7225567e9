//! Cancel requests: when one goes out, that it goes out once, and that nothing runs before the server has dealt with it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aiopg::rt::TcpOptions;
use aiopg::{Client, Config, Connection, Kind, OnDrop, Runtime, TransactionStatus};
use aiopg_sim::{FaultPlan, Faults, Sim, SimRuntime, SimSleep, SimStream};
use aiopg_tests::script::backend::{
    bind_complete, command_complete, no_data, parameter_description, parse_complete,
    ready_for_query,
};
use aiopg_tests::script::{Dialogue, Event, FakeServer, Peer};

use crate::converse::{address, assert_closed, serve_in, sim_config};

/// Seeds per test: enough for every order of what happens at the same time.
const SEEDS: u64 = 100;

/// A world for each seed, without faults by chance and with them.
fn in_worlds(server: &FakeServer, mut body: impl AsyncFnMut(&Sim, &FakeServer, SimRuntime)) {
    for seed in 0..SEEDS {
        let faults = if seed % 4 == 0 { Faults::none() } else { Faults::default() };
        let sim = Sim::new(seed).with_faults(faults);
        let server = server.fresh();
        serve_in(&sim, &server);
        sim.block_on(body(&sim, &server, sim.runtime()));
    }
}

async fn connect<R: Runtime>(runtime: R, config: Config) -> Connection<R> {
    Connection::connect_on(runtime, config).await.unwrap()
}

/// Lets `operation` run for a while, and drops it unfinished.
async fn begin<T>(runtime: &SimRuntime, operation: impl Future<Output = T>) {
    let limit = Duration::from_millis(20);
    assert!(runtime.timeout(limit, operation).await.is_err(), "it was not to finish");
}

async fn wait(runtime: &SimRuntime) {
    runtime.sleep_until(runtime.now() + Duration::from_secs(1)).await;
}

fn cancels(server: &FakeServer) -> usize {
    server.count(|event| matches!(event, Event::CancelRead(_)))
}

/// Nothing but the abandoned statement itself may run from when a cancel request is read until its connection
/// is closed.
fn assert_nothing_ran_meanwhile(server: &FakeServer, abandoned: &str) {
    let mut open = 0;
    for event in server.events() {
        match event {
            Event::CancelRead(_) => open += 1,
            Event::CancelClosed(_) => open -= 1,
            Event::Executed(sql, _) if sql != abandoned => {
                assert_eq!(open, 0, "{:?}", server.events());
            }
            _ => {}
        }
    }
}

async fn assert_answers<R: Runtime>(connection: &mut Connection<R>, value: i64) {
    let answer = connection.query_scalar::<i64>("select $1::int8", (value,)).await;
    assert_eq!(answer.unwrap(), value);
}

#[test]
fn a_statement_that_runs_is_cancelled_once_before_the_next() {
    in_worlds(&FakeServer::new(), async |sim, server, runtime| {
        let mut connection = connect(runtime.clone(), sim_config()).await;
        for number in 1..=3_i64 {
            begin(&runtime, connection.query("answer 1 _slow", ())).await;
            let (fired, start) = (sim.timers_fired(), sim.elapsed());
            assert_answers(&mut connection, number).await;
            // Connect, request and end of file of the cancel request, the error, and the query's two trips.
            assert!(
                sim.elapsed().saturating_sub(start) < Duration::from_millis(25),
                "{:?}",
                sim.elapsed().saturating_sub(start)
            );
            assert_eq!(sim.timers_fired(), fired, "nothing waits for a timeout");
            assert_eq!(cancels(server), usize::try_from(number).unwrap());
        }
        assert_nothing_ran_meanwhile(server, "answer 1 _slow");
    });
}

#[test]
fn a_cancel_request_goes_out_without_a_next_operation_where_tasks_run() {
    in_worlds(&FakeServer::new(), async |_, server, runtime| {
        let mut connection = connect(runtime.clone(), sim_config()).await;
        begin(&runtime, connection.batch_execute("touch 1 _slow")).await;
        wait(&runtime).await;
        assert_eq!(server.count(|event| matches!(event, Event::Cancelled(_))), 1);
        assert_answers(&mut connection, 5).await;
        assert_eq!(cancels(server), 1);
    });
}

#[test]
fn a_session_dropped_while_its_statement_runs_has_it_cancelled() {
    in_worlds(&FakeServer::new(), async |_, server, runtime| {
        let mut connection = connect(runtime.clone(), sim_config()).await;
        begin(&runtime, connection.execute("touch 1 _slow", ())).await;
        drop(connection);
        wait(&runtime).await;
        assert_eq!(cancels(server), 1);
        assert_eq!(server.count(|event| matches!(event, Event::Cancelled(_))), 1);
    });
}

#[test]
fn where_no_task_runs_the_next_operation_sends_the_cancel_request() {
    in_worlds(&FakeServer::new(), async |_, server, runtime| {
        let mut connection = connect(NoTasks(runtime.clone()), sim_config()).await;
        begin(&runtime, connection.execute("touch 1 _slow", ())).await;
        wait(&runtime).await;
        assert_eq!(cancels(server), 0, "nobody drives it");
        assert_answers(&mut connection, 5).await;
        assert_eq!(cancels(server), 1);
        assert_nothing_ran_meanwhile(server, "touch 1 _slow");
    });
}

#[test]
fn the_end_of_a_transaction_is_never_cancelled() {
    in_worlds(&FakeServer::new(), async |_, server, runtime| {
        let mut connection = connect(runtime.clone(), sim_config()).await;
        for sql in ["commit _tardy", "rollback _tardy", "prepare transaction 'x' _tardy"] {
            let begun = runtime.timeout(Duration::from_micros(100), connection.execute(sql, ()));
            assert!(begun.await.is_err());
            assert_answers(&mut connection, 1).await;
            connection.batch_execute("begin").await.unwrap();
            let begun = runtime.timeout(Duration::from_micros(100), connection.batch_execute(sql));
            assert!(begun.await.is_err());
            assert_answers(&mut connection, 2).await;
        }
        assert_eq!(cancels(server), 0);
    });
}

/// A server that answers its first request late, and its second at once; counts what else connects.
fn serve_late(sim: &Sim) -> Arc<AtomicUsize> {
    let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
    let others = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&others);
    sim.spawn(async move {
        let mut peer = Peer::new(listener.accept().await);
        let clock = runtime.clone();
        runtime.spawn(async move {
            Dialogue::trust().play_on(&mut peer).await.unwrap();
            peer.skip_request().await.unwrap();
            wait(&clock).await;
            let described = [parse_complete(), parameter_description(&[]), no_data()];
            let done = [command_complete("DONE"), ready_for_query(b'I')];
            let reply = [&described[..], &[bind_complete()], &done].concat();
            peer.send(&reply).await.unwrap();
            peer.skip_request().await.unwrap();
            peer.send(&done).await.unwrap();
        });
        loop {
            let stream = listener.accept().await;
            count.fetch_add(1, Ordering::Relaxed);
            Peer::new(stream).read_first().await.unwrap();
        }
    });
    others
}

#[test]
fn the_end_of_a_transaction_is_not_cancelled_behind_comments_either() {
    let table = [
        ("commit", false),
        ("-- a; b\ncommit", false),
        ("--; select 1\n  -- ;\n rollback", false),
        ("/* a; b */ commit", false),
        ("/* a /* ; */ b; */ end", false),
        ("prepare /*x*/ transaction 'x'", false),
        ("prepare -- x; y\n transaction 'x'", false),
        ("select 1 /* ; */; /* ; */ commit", false),
        ("select 1", true),
        ("-- commit\nselect 1", true),
    ];
    let mut wrong = Vec::new();
    for (sql, is_cancelled) in table {
        for seed in 0..8 {
            let faults = if seed % 4 == 0 { Faults::none() } else { Faults::default() };
            let sim = Sim::new(seed).with_faults(faults);
            let (others, runtime) = (serve_late(&sim), sim.runtime());
            sim.block_on(async {
                let mut connection = connect(runtime.clone(), sim_config()).await;
                begin(&runtime, connection.execute(sql, ())).await;
                connection.batch_execute("next").await.unwrap();
            });
            if (others.load(Ordering::Relaxed) > 0) != is_cancelled {
                wrong.push(sql);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn with_on_drop_wait_nothing_is_cancelled() {
    in_worlds(&FakeServer::new(), async |_, server, runtime| {
        let mut connection = connect(runtime.clone(), sim_config().on_drop(OnDrop::Wait)).await;
        let limit = Duration::from_micros(100);
        assert!(runtime.timeout(limit, connection.query("answer 1 _tardy", ())).await.is_err());
        assert_answers(&mut connection, 5).await;
        assert_eq!(cancels(server), 0);
    });
}

#[test]
fn with_on_drop_close_the_session_ends() {
    in_worlds(&FakeServer::new(), async |_, server, runtime| {
        let mut connection = connect(runtime.clone(), sim_config().on_drop(OnDrop::Close)).await;
        begin(&runtime, connection.query("answer 1 _slow", ())).await;
        assert!(connection.is_closed());
        assert_closed(&connection.query("answer 2", ()).await.unwrap_err());
        assert_eq!(cancels(server), 0);
    });
}

#[test]
fn a_reply_that_has_arrived_is_not_cancelled() {
    in_worlds(&FakeServer::new(), async |_, server, runtime| {
        let mut connection = connect(NoTasks(runtime.clone()), sim_config()).await;
        let mut rows = connection.stream("rows 5 from 10", ()).await.unwrap();
        wait(&runtime).await;
        assert_eq!(rows.next().await.unwrap().unwrap().get::<i64>(0), 10);
        drop(rows);
        assert_answers(&mut connection, 5).await;
        // A read may find nothing for no reason, and then nobody knows that all has arrived.
        assert!(cancels(server) <= 1);
    });
}

#[test]
fn a_long_reply_is_cancelled() {
    in_worlds(&FakeServer::new(), async |_, server, runtime| {
        let mut connection = connect(runtime.clone(), sim_config()).await;
        let mut rows = connection.stream("rows 1000000 from 10", ()).await.unwrap();
        assert_eq!(rows.next().await.unwrap().unwrap().get::<i64>(0), 10);
        drop(rows);
        assert_answers(&mut connection, 5).await;
        assert_eq!(cancels(server), 1);
        assert_eq!(server.count(|event| matches!(event, Event::Cancelled(_))), 1);
        assert_nothing_ran_meanwhile(server, "rows 1000000 from 10");
    });
}

#[test]
fn a_late_cancel_request_never_hits_the_next_statement() {
    // The statement ends by itself, long before the request is dealt with.
    in_worlds(&FakeServer::new().cancel_takes(5_000), async |_, server, runtime| {
        let mut connection = connect(runtime.clone(), sim_config()).await;
        for number in 0..3_i64 {
            let limit = Duration::from_micros(100);
            assert!(runtime.timeout(limit, connection.query("answer 1 _tardy", ())).await.is_err());
            let answer = connection.query_scalar::<i64>("answer 7 _tardy", ()).await;
            assert_eq!(answer.unwrap(), 7);
            assert_answers(&mut connection, number).await;
        }
        assert_nothing_ran_meanwhile(server, "answer 1 _tardy");
    });
}

/// Drops transactions in the middle of a statement, and then waits for notifications, of which none comes.
async fn drop_and_listen<R: Runtime>(runtime: R) {
    let mut connection = connect(runtime.clone(), sim_config()).await;
    for number in 0..3_i64 {
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute("touch 1", ()).await.unwrap();
        let limit = Duration::from_micros(100);
        let query = transaction.query("answer 1 _tardy", ());
        assert!(runtime.timeout(limit, query).await.is_err());
        drop(transaction);
        // It is rolled back first, since in it nothing would be heard.
        let mut notifications = connection.notifications();
        let heard = runtime.timeout(Duration::from_secs(5), notifications.recv());
        assert!(heard.await.is_err());
        assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
        assert_answers(&mut connection, number).await;
    }
}

#[test]
fn a_late_cancel_request_never_hits_what_ends_a_dropped_transaction() {
    for tasks in [true, false] {
        in_worlds(&FakeServer::new().cancel_takes(5_000), async |_, server, runtime| {
            if tasks {
                drop_and_listen(runtime).await;
            } else {
                drop_and_listen(NoTasks(runtime)).await;
            }
            assert_nothing_ran_meanwhile(server, "answer 1 _tardy");
        });
    }
}

#[test]
fn whoever_listens_hears_of_a_cancel_request_that_was_not_confirmed() {
    in_worlds(&FakeServer::new(), async |sim, server, runtime| {
        let mut connection = connect(runtime.clone(), sim_config()).await;
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute("touch 1", ()).await.unwrap();
        sim.on_connect(address(), FaultPlan::new().black_hole_after_sent(16));
        begin(&runtime, transaction.query("answer 1 _slow", ())).await;
        drop(transaction);
        assert_closed(&connection.notifications().recv().await.unwrap_err());
        assert_eq!(
            server.count(|event| matches!(event, Event::Executed(sql, _) if sql == "rollback")),
            0
        );
    });
}

#[test]
fn what_ends_a_dropped_transaction_waits_for_the_cancel_request_of_somebody_else() {
    in_worlds(&FakeServer::new().cancel_takes(5_000), async |_, server, runtime| {
        let mut connection = connect(runtime.clone(), sim_config()).await;
        let token = connection.cancel_token().unwrap();
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute("touch 1", ()).await.unwrap();
        assert!(runtime.timeout(Duration::from_micros(100), token.cancel()).await.is_err());
        drop(transaction);
        assert_answers(&mut connection, 5).await;
        assert_nothing_ran_meanwhile(server, "touch 1");
    });
}

#[test]
fn a_cancel_request_that_cannot_be_sent_holds_nobody_up_for_long() {
    for plan in
        [FaultPlan::new().refuse(), FaultPlan::new().reset_after_sent(3), FaultPlan::new().hang()]
    {
        in_worlds(&FakeServer::new(), async |sim, server, runtime| {
            let mut connection = connect(runtime.clone(), sim_config()).await;
            sim.on_every_connect(address(), plan.clone());
            let limit = Duration::from_micros(100);
            // It may have been answered by then: chance decides.
            drop(runtime.timeout(limit, connection.query("answer 1 _tardy", ())).await);
            let start = sim.elapsed();
            assert_answers(&mut connection, 5).await;
            assert!(sim.elapsed().saturating_sub(start) < Duration::from_secs(11));
            assert_eq!(cancels(server), 0);
        });
    }
}

#[test]
fn a_request_that_was_confirmed_does_not_vouch_for_one_that_was_not() {
    in_worlds(&FakeServer::new(), async |sim, _, runtime| {
        let mut connection = connect(runtime.clone(), sim_config()).await;
        let token = connection.cancel_token().unwrap();
        // The first is sent in full, and whatever the server answers is lost.
        sim.on_connect(address(), FaultPlan::new().black_hole_after_sent(16));
        assert_eq!(token.cancel().await.unwrap_err().kind(), Kind::Timeout);
        token.cancel().await.unwrap();
        let error = connection.query_scalar::<i64>("select $1::int8", (5_i64,)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_unsent()), (Kind::Closed, true));
    });
}

#[test]
fn a_long_key_is_quoted_in_full() {
    for length in [1, 32, 256] {
        let server = FakeServer::new().key(vec![7; length]);
        in_worlds(&server, async |_, server, runtime| {
            let mut connection = connect(runtime.clone(), sim_config()).await;
            begin(&runtime, connection.query("answer 1 _slow", ())).await;
            assert_answers(&mut connection, 5).await;
            assert_eq!(cancels(server), 1);
        });
    }
}

/// A runtime whose executor is gone: it spawns nothing.
#[derive(Clone, Debug)]
struct NoTasks(SimRuntime);

impl Runtime for NoTasks {
    type TcpStream = SimStream;
    type UnixStream = SimStream;
    type Sleep = SimSleep;

    async fn connect_tcp(&self, addr: SocketAddr, options: &TcpOptions) -> io::Result<SimStream> {
        self.0.connect_tcp(addr, options).await
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<SimStream> {
        self.0.connect_unix(path).await
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        drop(task);
        false
    }

    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + Send {
        self.0.unblock(work)
    }

    fn sleep_until(&self, deadline: Instant) -> SimSleep {
        self.0.sleep_until(deadline)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}
