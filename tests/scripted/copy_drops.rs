//! Copies dropped after every poll: all of the data counts or none of it, and the session answers the next question.

use aiopg::{Connection, Error, OnDrop, Runtime};
use aiopg_sim::{Faults, Sim, SimRuntime};
use aiopg_tests::cancel::{Outcome, at_every_poll, at_every_poll_of_one};
use aiopg_tests::duplex::Direction;
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::{Event, FakeServer};

use crate::converse::{Dialer, assert_closed, config, serve_in, served, sim_config};

/// A copy, and its one right outcome.
#[derive(Clone, Copy, Debug)]
enum Copy {
    Bytes,
    LongBytes,
    Rows,
    Broken,
    Aborted,
    Chunks,
    RowsOut,
    Misused,
}

/// More than one chunk.
const LONG: usize = 150_000;

impl Copy {
    const ALL: [Self; 8] = [
        Self::Bytes,
        Self::LongBytes,
        Self::Rows,
        Self::Broken,
        Self::Aborted,
        Self::Chunks,
        Self::RowsOut,
        Self::Misused,
    ];

    async fn run<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        match self {
            Self::Bytes => {
                let mut copy = connection.copy_in_raw("copy t from stdin").await?;
                copy.send("1\n").await?;
                copy.flush().await?;
                copy.send("2\n").await?;
                assert_eq!(copy.finish().await?, 2);
            }
            Self::LongBytes => {
                let mut copy = connection.copy_in_raw("copy t from stdin").await?;
                copy.send(vec![b'\n'; LONG]).await?;
                assert_eq!(usize::try_from(copy.finish().await?), Ok(LONG));
            }
            Self::Rows => {
                let rows = (0..10_000_i64).map(|n| (n,));
                assert_eq!(connection.copy_in("t", &["n"]).rows(rows).await?, 10_000);
            }
            Self::Broken => {
                let mut copy = connection.copy_in_raw("copy t from stdin _broken").await?;
                let sent = copy.send(vec![b'\n'; LONG]).await;
                let error = match sent {
                    Ok(()) => copy.finish().await.unwrap_err(),
                    Err(error) => error,
                };
                assert_eq!(error.sqlstate().unwrap().code(), "22P04", "{error:?}");
            }
            Self::Aborted => {
                let mut copy = connection.copy_in_raw("copy t from stdin").await?;
                copy.send("1\n").await?;
                copy.abort("why not").await?;
            }
            Self::Chunks => {
                let mut copy = connection.copy_out_raw("copy t to stdout").await?;
                assert_eq!(copy.chunk().await?, Some(&b"1\n"[..]));
                assert_eq!(copy.chunk().await?, Some(&b"2\n"[..]));
                assert_eq!(copy.chunk().await?, None);
            }
            Self::RowsOut => {
                let mut rows = connection.copy_out("t", &["n"]).rows().await?;
                for n in 1..=2_i64 {
                    assert_eq!(rows.next().await?.unwrap().get::<i64>(0), n);
                }
                assert!(rows.next().await?.is_none());
            }
            Self::Misused => {
                let error = connection.copy_in_raw("answer 1").await.map(drop).unwrap_err();
                assert_eq!(error.kind(), aiopg::Kind::Usage);
            }
        }
        Ok(())
    }
}

/// Asks something that takes its time, so that a cancel request that comes late would hit it.
async fn assert_usable<R: Runtime>(connection: &mut Connection<R>, may_be_closed: bool) {
    match connection.query_scalar::<i64>("answer 98 _tardy", ()).await {
        Ok(answer) => assert_eq!(answer, 98),
        Err(error) => {
            assert!(may_be_closed, "{error:?}");
            assert_closed(&error);
        }
    }
}

/// No copy is complete but whole: two lines, many lines, ten thousand rows.
fn assert_whole(server: &FakeServer) {
    for event in server.events() {
        if let Event::Copied(bytes) = event {
            assert!([4, LONG, 10_000 * 14 + 21].contains(&bytes), "{bytes} bytes were copied");
        }
    }
}

async fn connect<R: Runtime>(
    runtime: &R,
    dialer: &Dialer,
    direction: &Direction,
    on_drop: OnDrop,
) -> Connection<R> {
    let stream = dialer.dial_with(direction.clone(), direction.clone());
    let config = config().on_drop(on_drop);
    Connection::connect_stream(runtime.clone(), stream, config).await.unwrap()
}

/// Directions that make one poll differ from the next.
fn directions() -> [Direction; 2] {
    [Direction::default(), Direction::default().capacity(10_007)]
}

async fn every_copy_may_be_dropped_at_every_poll<R: Runtime>(runtime: R) {
    for direction in directions() {
        for on_drop in [OnDrop::Cancel, OnDrop::Wait, OnDrop::Close] {
            let server = FakeServer::new();
            served(&server, async |dialer| {
                for copy in Copy::ALL {
                    let polls = at_every_poll(
                        async || connect(&runtime, dialer, &direction, on_drop).await,
                        async |connection: &mut Connection<R>| copy.run(connection).await,
                        async |mut connection, outcome| {
                            if let Outcome::Completed(result) = outcome {
                                result.unwrap();
                            }
                            assert_usable(&mut connection, on_drop == OnDrop::Close).await;
                        },
                    );
                    assert!(polls.await > 1, "{copy:?}");
                }
            })
            .await;
            assert_whole(&server);
        }
    }
}

async fn one_session_survives_every_drop_of_a_copy<R: Runtime>(runtime: R) {
    for direction in directions() {
        let server = FakeServer::new().noisy(true);
        served(&server, async |dialer| {
            let mut connection = connect(&runtime, dialer, &direction, OnDrop::Cancel).await;
            for copy in Copy::ALL {
                // Nothing is asked in between: what one drop leaves behind meets the next.
                let run = async |connection: &mut Connection<R>| copy.run(connection).await;
                at_every_poll_of_one(&mut connection, run, async |_, outcome| {
                    if let Outcome::Completed(result) = outcome {
                        result.unwrap();
                    }
                })
                .await;
                assert_usable(&mut connection, false).await;
            }
        })
        .await;
        assert_whole(&server);
    }
}

/// There are addresses here, so that cancel requests could go out; a server that listens needs none.
#[test]
fn copies_in_are_dropped_without_a_cancel_request() {
    for seed in 0..4 {
        for copy in [Copy::Bytes, Copy::Rows] {
            let faults = if seed % 2 == 0 { Faults::none() } else { Faults::default() };
            let (sim, server) = (Sim::new(seed).with_faults(faults), FakeServer::new());
            serve_in(&sim, &server);
            let (runtime, config) = (sim.runtime(), sim_config().on_drop(OnDrop::Cancel));
            sim.block_on(async {
                let connecting = Connection::connect_on(runtime.clone(), config);
                let mut connection = connecting.await.unwrap();
                at_every_poll_of_one(
                    &mut connection,
                    async |connection: &mut Connection<SimRuntime>| copy.run(connection).await,
                    async |connection, outcome| {
                        if let Outcome::Completed(result) = outcome {
                            result.unwrap();
                        }
                        assert_usable(connection, false).await;
                    },
                )
                .await;
            });
            assert_whole(&server);
        }
    }
}

on_every_runtime!(
    every_copy_may_be_dropped_at_every_poll,
    one_session_survives_every_drop_of_a_copy,
);
