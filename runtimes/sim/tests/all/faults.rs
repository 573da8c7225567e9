//! Planned faults.

use std::io;
use std::time::Duration;

use aiopg_runtime::Runtime;
use aiopg_sim::{FaultPlan, Faults, Sim};
use futures_util::future::join;
use futures_util::{AsyncReadExt, AsyncWriteExt};

use crate::support::{address, connect, echo_world, panic_of, sleep};

const QUESTION: &[u8] = b"what is the time?";
const ANSWER: &[u8] = b"high time, and virtual at that";

/// One question and one answer under `plan`: what the client read and how it ended, and what the server read.
fn talk(seed: u64, plan: FaultPlan) -> (Vec<u8>, io::Result<()>, Vec<u8>) {
    let sim = Sim::new(seed);
    let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
    sim.on_connect(address(), plan);
    let (mut answer, mut question) = (Vec::new(), Vec::new());
    let client = async {
        let mut stream = connect(&runtime).await.unwrap();
        stream.write_all(QUESTION).await?;
        stream.read_to_end(&mut answer).await.map(drop)
    };
    let server = async {
        let mut stream = listener.accept().await;
        let mut byte = [0];
        while question.len() < QUESTION.len() {
            match stream.read(&mut byte).await {
                Ok(1) => question.push(byte[0]),
                _ => return,
            }
        }
        let _ = stream.write_all(ANSWER).await;
    };
    let (result, ()) = sim.block_on(join(client, server));
    assert_eq!(sim.open_connections(), 0);
    assert_eq!(sim.timers_fired(), 0);
    (answer, result, question)
}

fn is_reset(result: &io::Result<()>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
}

#[test]
fn a_connection_is_reset_after_every_byte_that_it_sent() {
    for count in 0..QUESTION.len() {
        for seed in 0..20 {
            let (answer, result, question) =
                talk(seed, FaultPlan::new().reset_after_sent(count as u64));
            assert!(is_reset(&result), "byte {count}, seed {seed}: {result:?}");
            assert!(answer.is_empty());
            assert_eq!(question, &QUESTION[..count], "the server reads what was sent");
        }
    }
}

#[test]
fn a_connection_is_reset_after_every_byte_that_it_received() {
    for count in 0..=ANSWER.len() {
        for seed in 0..20 {
            let (answer, result, _) =
                talk(seed, FaultPlan::new().reset_after_received(count as u64));
            assert!(is_reset(&result), "byte {count}, seed {seed}: {result:?}");
            assert_eq!(answer, &ANSWER[..count]);
        }
    }
}

#[test]
fn without_a_plan_nothing_is_lost() {
    for seed in 0..50 {
        let (answer, result, question) = talk(seed, FaultPlan::new());
        assert!(result.is_ok());
        assert_eq!((answer.as_slice(), question.as_slice()), (ANSWER, QUESTION));
    }
}

#[test]
fn a_black_hole_swallows_both_directions_until_a_timeout() {
    for count in 0..10 {
        for (seed, plan) in [
            FaultPlan::new().black_hole_after_sent(count),
            FaultPlan::new().black_hole_after_received(count),
        ]
        .into_iter()
        .enumerate()
        {
            let sim = echo_world(seed as u64);
            let runtime = sim.runtime();
            sim.on_connect(address(), plan);
            sim.block_on(async {
                let mut stream = connect(&runtime).await.unwrap();
                stream.write_all(&[1; 10]).await.unwrap();
                let mut received = Vec::new();
                let read = stream.read_to_end(&mut received);
                let limit = Duration::from_secs(30);
                assert!(runtime.timeout(limit, read).await.is_err());
                assert!(received.len() as u64 <= count);
                stream.write_all(&[1; 10]).await.unwrap();
                stream.close().await.unwrap();
            });
            assert_eq!(sim.timers_fired(), 1);
            assert!(sim.elapsed() < Duration::from_secs(31));
            assert_eq!(sim.open_connections(), 1, "the server never learns");
        }
    }
}

#[test]
fn a_black_hole_fills_the_window() {
    let sim = echo_world(1).with_faults(Faults::default().window(100));
    let runtime = sim.runtime();
    sim.on_connect(address(), FaultPlan::new().black_hole_after_sent(0));
    sim.block_on(async {
        let mut stream = connect(&runtime).await.unwrap();
        stream.write_all(&[1; 100]).await.unwrap();
        assert!(runtime.timeout(Duration::from_secs(1), stream.write(&[1])).await.is_err());
    });
}

#[test]
fn an_unanswered_connect_hangs_until_a_timeout_and_is_freed() {
    let sim = echo_world(1);
    let runtime = sim.runtime();
    sim.on_connect(address(), FaultPlan::new().hang());
    let limit = Duration::from_secs(5);
    assert!(sim.block_on(runtime.timeout(limit, connect(&runtime))).is_err());
    assert_eq!(sim.open_connections(), 0);
    assert!(sim.block_on(connect(&runtime)).is_ok(), "the plan is used up");
    sim.on_connect(address(), FaultPlan::new().hang());
    assert!(panic_of(|| sim.block_on(connect(&runtime)).is_ok()).contains("simulation stalled"));
}

#[test]
fn plans_are_used_in_order_and_the_standing_one_after_them() {
    let sim = echo_world(1);
    let runtime = sim.runtime();
    sim.on_every_connect(address(), FaultPlan::new().refuse());
    sim.on_connect(address(), FaultPlan::new());
    sim.on_connect(address(), FaultPlan::new().reset_after_sent(0));
    sim.block_on(async {
        let mut first = connect(&runtime).await.unwrap();
        first.write_all(b"x").await.unwrap();
        first.read_exact(&mut [0]).await.unwrap();
        let mut second = connect(&runtime).await.unwrap();
        assert!(second.read(&mut [0]).await.is_err());
        for _ in 0..3 {
            let error = connect(&runtime).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
    });
    sim.on_every_connect(address(), FaultPlan::new());
    assert!(sim.block_on(connect(&runtime)).is_ok());
}

#[test]
fn of_several_limits_the_first_applies_and_only_that() {
    let sim = echo_world(1);
    let runtime = sim.runtime();
    sim.on_connect(address(), FaultPlan::new().black_hole_after_sent(0).reset_after_received(0));
    sim.block_on(async {
        let mut stream = connect(&runtime).await.unwrap();
        assert!(runtime.timeout(Duration::from_secs(1), stream.read(&mut [0])).await.is_err());
    });
}

#[test]
fn what_is_on_its_way_back_is_lost_in_a_reset() {
    let slow = Duration::from_millis(1)..=Duration::from_millis(1);
    let sim = Sim::new(1).with_faults(Faults::none().latency(slow));
    let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
    sim.on_connect(address(), FaultPlan::new().reset_after_sent(4));
    sim.block_on(async {
        let mut client = connect(&runtime).await.unwrap();
        let mut server = listener.accept().await;
        server.write_all(b"arrives").await.unwrap();
        sleep(&runtime, Duration::from_millis(2)).await;
        server.write_all(b"does not").await.unwrap();
        client.write_all(b"ping").await.unwrap();
        sleep(&runtime, Duration::from_millis(2)).await;
        let (mut answer, mut ping) = (Vec::new(), Vec::new());
        assert!(is_reset(&client.read_to_end(&mut answer).await.map(drop)));
        assert!(is_reset(&server.read_to_end(&mut ping).await.map(drop)));
        assert_eq!((answer.as_slice(), ping.as_slice()), (&b"arrives"[..], &b"ping"[..]));
    });
}

#[test]
fn a_reset_wakes_whoever_waits_on_either_side() {
    for seed in 0..50 {
        let sim = Sim::new(seed).with_faults(Faults::default().window(8));
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        sim.on_connect(address(), FaultPlan::new().reset_after_received(4));
        sim.spawn(async move {
            let mut server = listener.accept().await;
            assert!(server.write_all(&[0; 100]).await.is_err());
        });
        sim.block_on(async {
            let (mut reader, mut writer) = connect(&runtime).await.unwrap().split();
            runtime.spawn(async move { assert!(writer.write_all(&[0; 100]).await.is_err()) });
            // Both writers find the window full first.
            sleep(&runtime, Duration::from_secs(1)).await;
            assert!(reader.read_exact(&mut [0; 9]).await.is_err());
            sleep(&runtime, Duration::from_secs(1)).await;
        });
        assert_eq!(sim.open_tasks(), 0, "seed {seed}");
        assert_eq!(sim.open_connections(), 0);
    }
}

#[test]
fn a_reset_wakes_a_reader_that_waits_on_the_other_side() {
    for seed in 0..50 {
        let sim = Sim::new(seed);
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        sim.on_connect(address(), FaultPlan::new().reset_after_sent(4));
        sim.spawn(async move {
            let mut server = listener.accept().await;
            assert!(server.read_exact(&mut [0; 9]).await.is_err());
        });
        sim.block_on(async {
            let (mut reader, mut writer) = connect(&runtime).await.unwrap().split();
            runtime.spawn(async move { assert!(reader.read(&mut [0; 9]).await.is_err()) });
            sleep(&runtime, Duration::from_secs(1)).await;
            writer.write_all(&[0; 4]).await.unwrap();
            sleep(&runtime, Duration::from_secs(1)).await;
        });
        assert_eq!(sim.open_tasks(), 0, "seed {seed}");
    }
}
