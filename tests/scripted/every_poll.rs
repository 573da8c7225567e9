//! Every operation dropped after every poll: then the session answers the next question, or is closed.

use std::num::NonZeroU32;

use aiopg::{
    AllResults, Call, Client, Connection, Error, Fetch, Item, Kind, OnDrop, Runtime, StatementMode,
    TransactionStatus,
};
use aiopg_sim::{Faults, Sim, SimRuntime};
use aiopg_tests::cancel::{Outcome, at_every_poll, at_every_poll_of_one};
use aiopg_tests::duplex::Direction;
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::{Auth, Event, FakeServer};

use crate::converse::{Dialer, assert_closed, config, serve_in, served, sim_config};

/// An operation, and its one right answer.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Query,
    QueryWithParameter,
    QueryTyped,
    Execute,
    Prepare,
    Stream(usize),
    Batch,
    Simple,
    Fails,
    CopyIn,
    Commit,
    Rollback,
    Forgotten,
    Savepoints,
    Pipeline,
    PipelineEach,
    Many(i64),
    Portal(usize),
    Unnamed,
}

impl Operation {
    const ALL: [Self; 25] = [
        Self::Query,
        Self::QueryWithParameter,
        Self::QueryTyped,
        Self::Execute,
        Self::Prepare,
        Self::Stream(0),
        Self::Stream(1),
        Self::Stream(2),
        Self::Stream(9),
        Self::Stream(100),
        Self::Batch,
        Self::Simple,
        Self::Fails,
        Self::CopyIn,
        Self::Commit,
        Self::Rollback,
        Self::Forgotten,
        Self::Savepoints,
        Self::Pipeline,
        Self::PipelineEach,
        Self::Many(3),
        Self::Portal(0),
        Self::Portal(4),
        Self::Portal(9),
        Self::Unnamed,
    ];

    async fn run<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        match self {
            Self::Query => {
                assert_eq!(connection.query_scalar::<i64>("answer 41", ()).await?, 41);
            }
            Self::QueryWithParameter => {
                let answer: i64 = connection.query_scalar("select $1::int8", (42_i64,)).await?;
                assert_eq!(answer, 42);
            }
            Self::QueryTyped => {
                let int8 = aiopg::postgres_types::Type::INT8;
                let rows = connection.query_typed("select $1::int8", &[(&43_i64, int8)]).await?;
                assert_eq!(rows.decode::<(i64,)>()?, [(43,)]);
            }
            Self::Execute => assert_eq!(connection.execute("touch 44", ()).await?, 44),
            Self::Prepare => {
                assert_eq!(connection.prepare("select $1::int8").await?.columns().len(), 1);
            }
            Self::Stream(rows) => {
                let mut stream = connection.stream("rows 10 from 50", ()).await?;
                for number in 0..rows {
                    let row = stream.next().await?;
                    let expected = i64::try_from(number).ok().filter(|n| *n < 10).map(|n| 50 + n);
                    assert_eq!(row.map(|row| row.get::<i64>(0)), expected);
                }
            }
            Self::Batch => connection.batch_execute("touch 1; touch 2; answer 3").await?,
            Self::Simple => {
                let results = connection.simple_query("answer 45; touch 1").await?;
                assert_eq!(results[0].row(0).unwrap().get::<&str>(0), "45");
            }
            Self::Fails => {
                let error = connection.execute("fail", ()).await.unwrap_err();
                assert_eq!(error.sqlstate().unwrap().code(), "22012");
            }
            Self::CopyIn => {
                let error = connection.batch_execute("copy t from stdin").await.unwrap_err();
                assert_eq!(error.sqlstate().unwrap().code(), "57014");
            }
            Self::Commit | Self::Rollback | Self::Forgotten | Self::Savepoints => {
                self.transact(connection).await?;
            }
            Self::Pipeline | Self::PipelineEach | Self::Many(_) => self.pipe(connection).await?,
            Self::Portal(rows) => {
                let fetch = Fetch::rows(NonZeroU32::new(3).unwrap()).prefetch();
                let call = Call::new("rows 8 from 60").fetch(fetch);
                let mut stream = connection.stream(call, ()).await?;
                for number in 0..rows {
                    let row = stream.next().await?;
                    let expected = i64::try_from(number).ok().filter(|n| *n < 8).map(|n| 60 + n);
                    assert_eq!(row.map(|row| row.get::<i64>(0)), expected);
                }
            }
            Self::Unnamed => {
                let call = Call::new("select $1::int8").statement_mode(StatementMode::Unnamed);
                assert_eq!(connection.query_scalar::<i64>(call, (46_i64,)).await?, 46);
            }
        }
        Ok(())
    }

    /// The server knows which statements must not be run outside a transaction.
    async fn transact<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        let mut transaction = connection.begin().await?;
        transaction.execute("touch 1 _within", ()).await?;
        transaction.batch_execute("touch 2 _within").await?;
        match self {
            Self::Rollback => transaction.rollback().await,
            Self::Forgotten => Ok(()),
            Self::Savepoints => {
                let mut outer = transaction.begin().await?;
                outer.execute("touch 3 _within", ()).await?;
                let mut inner = outer.begin().await?;
                let answer: i64 = inner.query_scalar("select $1::int8", (47_i64,)).await?;
                assert_eq!(answer, 47);
                inner.rollback().await?;
                outer.execute("touch 4 _within", ()).await?;
                outer.commit().await?;
                transaction.execute("touch 5 _within", ()).await?;
                transaction.commit().await
            }
            _ => transaction.commit().await,
        }
    }

    async fn pipe<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        let items = || {
            (
                Item::query_scalar::<i64>("answer 1", ()),
                Item::query_scalar::<i64>("select $1::int8", (2_i64,)),
                Item::execute("touch 3", ()),
            )
        };
        let answers = match self {
            Self::Pipeline => connection.pipeline(items()).await.all()?,
            Self::PipelineEach => connection.pipeline_each(items()).await.all()?,
            Self::Many(sets) => {
                let sets = (0..sets).map(|n| (n,));
                let rows = connection.execute_many("select $1::int8", sets.clone()).await?;
                assert_eq!(rows, u64::try_from(sets.count()).unwrap());
                return Ok(());
            }
            _ => return Ok(()),
        };
        assert_eq!(answers, (1, 2, 3));
        Ok(())
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

/// Asks the session something: the right answer, or it is closed, and that only where it may be.
async fn assert_usable_or_closed<R: Runtime>(connection: &mut Connection<R>, may_be_closed: bool) {
    match connection.query_scalar::<i64>("select $1::int8", (99_i64,)).await {
        Ok(answer) => {
            assert_eq!(answer, 99);
            assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
        }
        Err(error) => {
            assert!(may_be_closed, "{error:?}");
            assert_closed(&error);
        }
    }
}

/// Directions that make one poll differ from the next.
fn directions() -> [Direction; 3] {
    let whole = Direction::default();
    [whole.clone(), whole.clone().chunk(31), whole.capacity(29)]
}

async fn every_operation_may_be_dropped_at_every_poll<R: Runtime>(runtime: R) {
    for direction in directions() {
        for on_drop in [OnDrop::Cancel, OnDrop::Wait, OnDrop::Close] {
            let server = FakeServer::new();
            served(&server, async |dialer| {
                for operation in Operation::ALL {
                    let polls = at_every_poll(
                        async || connect(&runtime, dialer, &direction, on_drop).await,
                        async |connection: &mut Connection<R>| operation.run(connection).await,
                        async |mut connection, outcome| {
                            if let Outcome::Completed(result) = outcome {
                                result.unwrap();
                            }
                            let may_be_closed = on_drop == OnDrop::Close;
                            assert_usable_or_closed(&mut connection, may_be_closed).await;
                        },
                    );
                    assert!(polls.await > 1, "{operation:?}");
                }
            })
            .await;
        }
    }
}

async fn one_session_survives_every_drop<R: Runtime>(runtime: R) {
    for direction in directions() {
        let server = FakeServer::new().noisy(true);
        served(&server, async |dialer| {
            let mut connection = connect(&runtime, dialer, &direction, OnDrop::Cancel).await;
            for operation in Operation::ALL {
                at_every_poll_of_one(
                    &mut connection,
                    async |connection| operation.run(connection).await,
                    async |connection, outcome| {
                        if let Outcome::Completed(result) = outcome {
                            result.unwrap();
                        }
                        assert_usable_or_closed(connection, false).await;
                    },
                )
                .await;
            }
        })
        .await;
    }
}

/// Nothing is asked in between: what one drop leaves behind meets the next.
async fn drops_in_a_row_do_not_add_up<R: Runtime>(runtime: R) {
    for direction in directions() {
        let server = FakeServer::new();
        served(&server, async |dialer| {
            let mut connection = connect(&runtime, dialer, &direction, OnDrop::Cancel).await;
            for operation in Operation::ALL {
                let run = async |connection: &mut Connection<R>| operation.run(connection).await;
                at_every_poll_of_one(&mut connection, run, async |_, _| {}).await;
            }
            assert_usable_or_closed(&mut connection, false).await;
        })
        .await;
    }
}

async fn a_connect_may_be_dropped_at_every_poll<R: Runtime>(runtime: R) {
    for auth in Auth::ALL {
        for direction in directions() {
            let server = FakeServer::new().auth(auth);
            served(&server, async |dialer| {
                let config = config();
                at_every_poll(
                    async || dialer.dial_with(direction.clone(), direction.clone()),
                    async |stream| {
                        // The stream is moved in at the first poll, and lost with the future.
                        let stream = std::mem::replace(stream, dialer.dial());
                        let config = config.clone();
                        Connection::connect_stream(runtime.clone(), stream, config).await.unwrap()
                    },
                    async |_, outcome| {
                        if let Outcome::Completed(mut connection) = outcome {
                            assert_usable_or_closed(&mut connection, false).await;
                        }
                    },
                )
                .await;
            })
            .await;
        }
    }
}

async fn a_close_may_be_dropped_at_every_poll<R: Runtime>(runtime: R) {
    for direction in directions() {
        let server = FakeServer::new();
        served(&server, async |dialer| {
            at_every_poll(
                async || connect(&runtime, dialer, &direction, OnDrop::Cancel).await,
                async |connection: &mut Connection<R>| connection.close().await,
                async |mut connection, outcome| match outcome {
                    Outcome::DroppedAfter(0) => {
                        assert_usable_or_closed(&mut connection, false).await;
                    }
                    Outcome::DroppedAfter(_) | Outcome::Completed(Ok(())) => {
                        assert!(connection.is_closed());
                        let error = connection.query("answer 1", ()).await.unwrap_err();
                        assert_eq!(error.kind(), Kind::Closed);
                    }
                    Outcome::Completed(Err(error)) => panic!("{error:?}"),
                },
            )
            .await;
        })
        .await;
    }
}

/// What is written while replies are read, and in portions, since no buffer takes it whole.
async fn a_large_batch_may_be_dropped_at_every_poll<R: Runtime>(runtime: R) {
    let direction = Direction::default().capacity(4 << 10);
    let server = FakeServer::new();
    served(&server, async |dialer| {
        let polls = at_every_poll(
            async || connect(&runtime, dialer, &direction, OnDrop::Cancel).await,
            async |connection: &mut Connection<R>| Operation::Many(5_000).run(connection).await,
            async |mut connection, outcome| {
                if let Outcome::Completed(result) = outcome {
                    result.unwrap();
                }
                assert_usable_or_closed(&mut connection, false).await;
            },
        );
        assert!(polls.await > 10);
    })
    .await;
}

/// Asks something that takes its time, so that a cancel request that comes late would hit it.
async fn assert_answers_at_leisure<R: Runtime>(connection: &mut Connection<R>) {
    assert_eq!(connection.query_scalar::<i64>("answer 98 _tardy", ()).await.unwrap(), 98);
}

/// There are addresses here, so that cancel requests go out.
#[test]
fn every_operation_may_be_dropped_at_every_poll_where_it_is_cancelled() {
    let mut cancels = 0;
    for seed in 0..8 {
        for operation in Operation::ALL {
            let faults = if seed % 2 == 0 { Faults::none() } else { Faults::default() };
            let (sim, server) = (Sim::new(seed).with_faults(faults), FakeServer::new());
            serve_in(&sim, &server);
            let (runtime, config) = (sim.runtime(), sim_config().on_drop(OnDrop::Cancel));
            sim.block_on(at_every_poll(
                async || Connection::connect_on(runtime.clone(), config.clone()).await.unwrap(),
                async |connection: &mut Connection<SimRuntime>| operation.run(connection).await,
                async |mut connection, outcome| {
                    if let Outcome::Completed(result) = outcome {
                        result.unwrap();
                    }
                    assert_answers_at_leisure(&mut connection).await;
                },
            ));
            cancels += server.count(|event| matches!(event, Event::CancelRead(_)));
        }
    }
    assert!(cancels > 100, "{cancels} were cancelled");
}

#[test]
fn one_session_survives_every_drop_where_it_is_cancelled() {
    for seed in 0..8 {
        let (sim, server) = (Sim::new(seed).with_faults(Faults::default()), FakeServer::new());
        serve_in(&sim, &server);
        sim.block_on(async {
            let config = sim_config().on_drop(OnDrop::Cancel);
            let mut connection = Connection::connect_on(sim.runtime(), config).await.unwrap();
            for operation in Operation::ALL {
                at_every_poll_of_one(
                    &mut connection,
                    async |connection| operation.run(connection).await,
                    async |connection, outcome| {
                        if let Outcome::Completed(result) = outcome {
                            result.unwrap();
                        }
                        assert_answers_at_leisure(connection).await;
                    },
                )
                .await;
            }
        });
    }
}

on_every_runtime!(
    every_operation_may_be_dropped_at_every_poll,
    one_session_survives_every_drop,
    drops_in_a_row_do_not_add_up,
    a_large_batch_may_be_dropped_at_every_poll,
    a_connect_may_be_dropped_at_every_poll,
    a_close_may_be_dropped_at_every_poll,
);
