//! Connections, streams and names.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use aiopg_runtime::{Runtime, TcpOptions};
use aiopg_sim::{Faults, Sim};
use futures_util::future::join;
use futures_util::{AsyncReadExt, AsyncWrite, AsyncWriteExt, FutureExt};

use crate::support::{address, connect, echo_world, panic_of, sleep};

const SEEDS: u64 = 50;

#[test]
fn bytes_come_back_whole_and_in_order() {
    for seed in 0..SEEDS {
        let sim = echo_world(seed);
        let runtime = sim.runtime();
        sim.block_on(async {
            let (mut reader, mut writer) = connect(&runtime).await.unwrap().split();
            let bytes = (0..20_000_u32).flat_map(u32::to_be_bytes).collect::<Vec<_>>();
            let send = async {
                writer.write_all(&bytes).await.unwrap();
                writer.close().await.unwrap();
            };
            let mut received = Vec::new();
            let receive = async { reader.read_to_end(&mut received).await.unwrap() };
            join(send, receive).await;
            assert!(received == bytes, "seed {seed}");
        });
        assert_eq!(sim.timers_fired(), 0);
    }
}

#[test]
fn reads_and_writes_are_cut_short_and_interrupted() {
    let sim = echo_world(4);
    let runtime = sim.runtime();
    sim.block_on(async {
        let mut stream = connect(&runtime).await.unwrap();
        let (mut short, mut total, block) = (0_u32, 0, [1; 50]);
        for _ in 0..100 {
            let count = stream.write(&block).await.unwrap();
            short += u32::from(count < block.len());
            total += count;
            stream.read_exact(&mut vec![0; count]).await.unwrap();
        }
        assert!((10..60).contains(&short), "{short} short writes");
        assert!(total > 100);
    });
    let log = sim.log().join("\n");
    assert!(log.contains("spurious pending"), "{log}");
}

#[test]
fn a_vectored_write_takes_bytes_of_several_buffers() {
    let sim = Sim::new(1).with_faults(Faults::none());
    let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
    sim.block_on(async {
        let mut client = connect(&runtime).await.unwrap();
        let mut server = listener.accept().await;
        let parts = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")];
        let count = poll_fn(|context| Pin::new(&mut client).poll_write_vectored(context, &parts));
        assert_eq!(count.await.unwrap(), 6);
        let mut received = [0; 6];
        server.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"onetwo");
    });
}

#[test]
fn nobody_listens_is_refused() {
    for seed in 0..SEEDS {
        let sim = Sim::new(seed);
        let runtime = sim.runtime();
        let tcp = sim.block_on(connect(&runtime)).unwrap_err();
        assert_eq!(tcp.kind(), io::ErrorKind::ConnectionRefused);
        let unix = sim.block_on(runtime.connect_unix(Path::new("/run/.s.PGSQL.5432"))).unwrap_err();
        assert_eq!(unix.kind(), io::ErrorKind::NotFound);
        assert_eq!(sim.open_connections(), 0);
    }
}

#[test]
fn a_unix_socket_is_found_by_its_path() {
    let sim = Sim::new(3);
    let (listener, runtime) = (sim.listen_unix("/run/.s.PGSQL.5432"), sim.runtime());
    sim.block_on(async {
        let mut client = runtime.connect_unix(Path::new("/run/.s.PGSQL.5432")).await.unwrap();
        let mut server = listener.accept().await;
        assert_eq!(client.number(), server.number());
        server.write_all(b"x").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
    });
}

#[test]
fn an_address_has_one_listener_and_is_free_after_it() {
    let sim = Sim::new(3);
    let listener = sim.listen_tcp(address());
    assert!(panic_of(|| sim.listen_tcp(address())).contains("has a listener already"));
    drop(listener);
    drop(sim.runtime().listen_tcp(address()));
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (first, second) = (sim.listen_tcp(any), sim.listen_tcp(any));
    assert_ne!(first.tcp_address(), second.tcp_address());
}

#[test]
fn a_half_closed_stream_still_reads() {
    for seed in 0..SEEDS {
        let sim = Sim::new(seed);
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        sim.block_on(async {
            let mut client = connect(&runtime).await.unwrap();
            client.write_all(b"question").await.unwrap();
            client.close().await.unwrap();
            client.close().await.unwrap();
            assert_eq!(client.write(b"more").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);

            let (mut server, mut question) = (listener.accept().await, Vec::new());
            server.read_to_end(&mut question).await.unwrap();
            assert_eq!(question, b"question");
            assert_eq!(server.read(&mut [0]).await.unwrap(), 0, "end of file stays");
            server.write_all(b"answer").await.unwrap();
            server.close().await.unwrap();

            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, b"answer");
        });
        assert_eq!(sim.open_connections(), 0);
    }
}

#[test]
fn after_a_drop_the_peer_reads_the_rest_and_cannot_write() {
    for seed in 0..SEEDS {
        let sim = Sim::new(seed);
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        sim.block_on(async {
            let mut client = connect(&runtime).await.unwrap();
            let mut server = listener.accept().await;
            server.write_all(b"FATAL: shutting down").await.unwrap();
            drop(server);
            sleep(&runtime, Duration::from_millis(10)).await;
            let error = client.write(b"select 1").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            let mut last_words = String::new();
            client.read_to_string(&mut last_words).await.unwrap();
            assert_eq!(last_words, "FATAL: shutting down");
        });
    }
}

#[test]
fn a_writer_that_waits_for_room_learns_that_its_reader_is_gone() {
    for seed in 0..SEEDS {
        let sim = Sim::new(seed).with_faults(Faults::default().window(10));
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        let clock = sim.runtime();
        sim.spawn(async move {
            let server = listener.accept().await;
            sleep(&clock, Duration::from_secs(1)).await;
            drop(server);
        });
        sim.block_on(async {
            let mut client = connect(&runtime).await.unwrap();
            let error = client.write_all(&[1; 100]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        });
        assert!(sim.elapsed() < Duration::from_millis(1010));
    }
}

#[test]
fn closing_again_does_not_delay_the_end_of_file() {
    let slow = Duration::from_millis(1)..=Duration::from_millis(1);
    let sim = Sim::new(1).with_faults(Faults::none().latency(slow));
    let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
    sim.block_on(async {
        let mut client = connect(&runtime).await.unwrap();
        let mut server = listener.accept().await;
        client.close().await.unwrap();
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        client.close().await.unwrap();
        assert_eq!(server.read(&mut [0]).now_or_never().unwrap().unwrap(), 0);
        drop(client);
        assert_eq!(server.read(&mut [0]).now_or_never().unwrap().unwrap(), 0);
    });
}

#[test]
fn a_reset_by_the_server_comes_behind_its_bytes() {
    for seed in 0..SEEDS {
        let sim = Sim::new(seed);
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        sim.block_on(async {
            let mut client = connect(&runtime).await.unwrap();
            let mut server = listener.accept().await;
            server.write_all(b"half a mess").await.unwrap();
            server.reset();
            let mut received = Vec::new();
            let error = client.read_to_end(&mut received).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            assert_eq!(received, b"half a mess");
            assert!(client.write(b"x").await.is_err());
        });
        assert_eq!(sim.open_connections(), 0);
    }
}

#[test]
fn a_full_window_holds_the_writer_back_until_something_is_read() {
    for seed in 0..SEEDS {
        let sim = Sim::new(seed).with_faults(Faults::default().window(64));
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        sim.block_on(async {
            let mut client = connect(&runtime).await.unwrap();
            let mut server = listener.accept().await;
            let limit = Duration::from_secs(5);
            let mut sent = 0;
            let fill = async {
                loop {
                    sent += client.write(&[7; 10]).await.unwrap();
                }
            };
            assert!(runtime.timeout(limit, fill).await.is_err());
            assert_eq!(sent, 64);
            let (wrote, read) = join(client.write(&[7]), async {
                sleep(&runtime, limit).await;
                server.read(&mut [0; 64]).await
            })
            .await;
            assert_eq!(wrote.unwrap(), 1);
            assert!(read.unwrap() >= 1);
        });
    }
}

#[test]
fn a_read_that_is_dropped_has_consumed_nothing() {
    for seed in 0..SEEDS {
        let sim = Sim::new(seed);
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        sim.block_on(async {
            let mut client = connect(&runtime).await.unwrap();
            let mut server = listener.accept().await;
            for _ in 0..20 {
                assert!(client.read(&mut [0; 8]).now_or_never().is_none());
            }
            server.write_all(b"complete").await.unwrap();
            let mut received = [0; 8];
            client.read_exact(&mut received).await.unwrap();
            assert_eq!(&received, b"complete");
        });
    }
}

#[test]
fn a_dropped_connect_frees_its_connection_at_every_poll() {
    for seed in 0..SEEDS {
        let sim = Sim::new(seed);
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        sim.block_on(async {
            for limit in 0..40 {
                let limit = Duration::from_micros(limit * 100);
                if let Ok(stream) = runtime.timeout(limit, connect(&runtime)).await {
                    drop(stream.unwrap());
                }
            }
        });
        // What was established before it was dropped reaches the listener, and reads end of file.
        sim.block_on(async {
            sleep(&runtime, Duration::from_secs(1)).await;
            while let Ok(mut server) =
                runtime.timeout(Duration::from_millis(1), listener.accept()).await
            {
                assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
            }
        });
        assert_eq!(sim.open_connections(), 0, "seed {seed}");
    }
}

#[test]
fn a_connect_that_is_dropped_after_its_answer_is_closed() {
    for seed in 0..SEEDS {
        let sim = Sim::new(seed);
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        sim.block_on(async {
            let mut connecting = Box::pin(connect(&runtime));
            let mut nobody = Context::from_waker(Waker::noop());
            assert!(connecting.as_mut().poll(&mut nobody).is_pending());
            let mut server = listener.accept().await;
            assert!(runtime.timeout(Duration::from_secs(1), server.read(&mut [0])).await.is_err());
            drop(connecting);
            assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        });
        assert_eq!(sim.open_connections(), 0);
    }
}

#[test]
fn a_dropped_listener_resets_what_it_did_not_accept() {
    let sim = Sim::new(9);
    let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
    sim.block_on(async {
        let mut client = connect(&runtime).await.unwrap();
        drop(listener);
        let error = client.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    });
    assert_eq!(sim.open_connections(), 0);
}

#[test]
fn names_have_the_addresses_they_were_given() {
    for seed in 0..SEEDS {
        let sim = Sim::new(seed);
        let runtime = sim.runtime();
        let (a, b) = (IpAddr::from([10, 0, 0, 2]), IpAddr::from([10, 0, 0, 1]));
        sim.name("db", [a, b]);
        sim.silence_name("lost");
        sim.block_on(async {
            let found = runtime.resolve("db", 5432).await.unwrap();
            assert_eq!(found, [SocketAddr::new(a, 5432), SocketAddr::new(b, 5432)]);
            let literal = runtime.resolve("::1", 1).await.unwrap();
            assert_eq!(literal, ["[::1]:1".parse().unwrap()]);
            let unknown = runtime.resolve("no.such.host", 1).await.unwrap_err();
            assert_eq!(unknown.kind(), io::ErrorKind::NotFound);
            let silent = runtime.timeout(Duration::from_secs(5), runtime.resolve("lost", 1)).await;
            assert!(silent.is_err());
        });
        assert_eq!(sim.timers_fired(), 1);
    }
}

#[test]
fn the_runtime_and_its_parts_are_send_and_the_handle_is_sync() {
    fn is_send<T: Send>(_: &T) {}
    fn is_sync<T: Sync>(_: &T) {}
    let sim = Sim::new(1);
    let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
    is_sync(&runtime);
    is_send(&sim);
    is_send(&listener.accept());
    is_send(&connect(&runtime));
    is_send(&runtime.resolve("db", 1));
    is_send(&runtime.sleep_until(runtime.now()));
    is_send(&runtime.unblock(|| ()));
}

async fn ping<R: Runtime>(runtime: R) {
    let mut stream = runtime.connect_tcp(address(), &TcpOptions::default()).await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    stream.read_exact(&mut [0; 4]).await.unwrap();
}

#[test]
fn an_erased_runtime_does_the_same_as_a_named_one() {
    let run = |erased| {
        let sim = echo_world(8);
        if erased {
            sim.block_on(ping(sim.runtime().erase()));
        } else {
            sim.block_on(ping(sim.runtime()));
        }
        sim.trace()
    };
    assert_eq!(run(true), run(false));
}
