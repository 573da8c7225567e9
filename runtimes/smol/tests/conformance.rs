//! The conformance suite on smol, and on hosts that have no executor.

use std::pin::pin;
use std::sync::Arc;

use aiopg_runtime::conformance::{Loopback, refuses_to_spawn, run_all};
use aiopg_runtime::{Runtime, SpawnQueue, TcpOptions};
use aiopg_smol::Smol;
use futures::executor::LocalPool;
use futures::future::{Either, select};
use futures::task::LocalSpawnExt;
use futures::{AsyncReadExt, AsyncWriteExt};
use smol::Executor;

#[test]
fn the_global_executor_keeps_the_contract() {
    let loopback = Loopback::start().unwrap();
    smol::block_on(run_all(Smol::global(), loopback.peers()));
}

#[test]
fn an_executor_of_ones_own_keeps_the_contract() {
    let loopback = Loopback::start().unwrap();
    let executor = Arc::new(Executor::new());
    let runtime = Smol::on(&executor);
    smol::block_on(executor.run(run_all(runtime, loopback.peers())));
}

#[test]
fn a_block_on_without_any_executor_keeps_the_contract() {
    let loopback = Loopback::start().unwrap();
    let (spawner, queue) = SpawnQueue::new();
    let suite = pin!(run_all(Smol::queue(spawner), loopback.peers()));
    match futures::executor::block_on(select(suite, queue)) {
        Either::Left(((), _)) => {}
        Either::Right((never, _)) => match never {},
    }
}

#[test]
fn a_local_pool_keeps_the_contract() {
    let loopback = Loopback::start().unwrap();
    let (spawner, queue) = SpawnQueue::new();
    let mut pool = LocalPool::new();
    pool.spawner().spawn_local(async move { match queue.await {} }).unwrap();
    pool.run_until(run_all(Smol::queue(spawner), loopback.peers()));
}

#[test]
fn nothing_needs_to_be_spawned_for_input_output_and_timers() {
    let loopback = Loopback::start().unwrap();
    let executor = Arc::new(Executor::new());
    let runtime = Smol::on(&executor);
    let echo = loopback.peers().echo;
    futures::executor::block_on(async {
        let mut stream = runtime.connect_tcp(echo, &TcpOptions::default()).await.unwrap();
        stream.write_all(b"alone").await.unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"alone");
        runtime.sleep_until(runtime.now()).await;
    });
    assert!(executor.is_empty());
}

#[test]
fn an_executor_that_was_dropped_refuses_to_spawn() {
    let executor = Arc::new(Executor::new());
    let runtime = Smol::on(&executor);
    drop(executor);
    refuses_to_spawn(&runtime);
}

#[test]
fn a_queue_that_was_dropped_refuses_to_spawn() {
    let (spawner, queue) = SpawnQueue::new();
    drop(queue);
    refuses_to_spawn(&Smol::queue(spawner));
}

#[test]
fn a_task_that_holds_its_runtime_does_not_keep_the_executor() {
    let executor = Arc::new(Executor::new());
    let runtime = Smol::on(&executor);
    let held = runtime.clone();
    assert!(runtime.spawn(async move {
        std::future::pending::<()>().await;
        drop(held);
    }));
    let weak = Arc::downgrade(&executor);
    drop(executor);
    assert!(weak.upgrade().is_none());
}
