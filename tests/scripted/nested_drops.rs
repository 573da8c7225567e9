//! Transactions of an engine's session dropped after every poll: what is to be undone is, and the session goes on.

use aiopg::sea_query::{Engine, EngineConnection};
use aiopg::{Client, Error, Kind, OnDrop, PoolOptions, TransactionStatus};
use aiopg_sim::{Faults, Sim, SimRuntime};
use aiopg_tests::cancel::{Outcome, PollLimit, at_every_poll, at_every_poll_of_one};
use aiopg_tests::script::{Event, FakeServer};

use crate::converse::{serve_in, sim_config};

/// What is done in a transaction, and how it ends. The server knows which statements must not be run outside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    InnerCommit,
    InnerRollback,
    InnerDropped,
    InnerClosed,
    InnerInSavepoint,
    SavepointInInner,
    Closed,
    Forgotten,
    Closure,
    Prepared,
    PreparedAndUndone,
    TwoPhaseUndone,
}

impl Course {
    const ALL: [Self; 12] = [
        Self::InnerCommit,
        Self::InnerRollback,
        Self::InnerDropped,
        Self::InnerClosed,
        Self::InnerInSavepoint,
        Self::SavepointInInner,
        Self::Closed,
        Self::Forgotten,
        Self::Closure,
        Self::Prepared,
        Self::PreparedAndUndone,
        Self::TwoPhaseUndone,
    ];

    /// Whether all of it is undone, however far it comes.
    fn is_undone(self) -> bool {
        use Course::{Closed, Forgotten, InnerDropped, InnerRollback, TwoPhaseUndone};
        matches!(self, InnerRollback | InnerDropped | Closed | Forgotten | TwoPhaseUndone)
    }

    async fn run(self, connection: &mut EngineConnection<SimRuntime>) -> Result<(), Error> {
        match self {
            Self::Closure => {
                return connection
                    .transaction(async |transaction| {
                        transaction.execute("touch 1 _within", ()).await?;
                        transaction.execute("touch 2 _within", ()).await.map(drop)
                    })
                    .await;
            }
            Self::Prepared | Self::PreparedAndUndone | Self::TwoPhaseUndone => {
                return self.in_two_phases(connection).await;
            }
            _ => {}
        }
        let mut outer = connection.begin().await?;
        outer.execute("touch 1 _within", ()).await?;
        if self == Self::InnerInSavepoint {
            let mut savepoint = outer.begin_nested().await?;
            let mut inner = savepoint.begin().await?;
            inner.execute("touch 2 _within", ()).await?;
            inner.rollback().await?;
            let refused = savepoint.execute("touch 3 _within", ()).await;
            assert_eq!(refused.unwrap_err().kind(), Kind::RolledBack);
            savepoint.rollback().await?;
            outer.execute("touch 4 _within", ()).await?;
            return outer.commit().await;
        }
        let mut inner = outer.begin().await?;
        inner.execute("touch 2 _within", ()).await?;
        match self {
            Self::InnerRollback => inner.rollback().await?,
            Self::InnerDropped => drop(inner),
            Self::InnerClosed => inner.close().await?,
            Self::SavepointInInner => {
                let mut savepoint = inner.begin_nested().await?;
                savepoint.execute("touch 3 _within", ()).await?;
                savepoint.rollback().await?;
                inner.commit().await?;
            }
            _ => inner.commit().await?,
        }
        if matches!(self, Self::InnerRollback | Self::InnerDropped) {
            // It is not run outside the transaction, either.
            let refused = outer.execute("touch 5 _within", ()).await;
            assert_eq!(refused.unwrap_err().kind(), Kind::RolledBack);
            return outer.rollback().await;
        }
        outer.execute("touch 6 _within", ()).await?;
        match self {
            Self::Forgotten => Ok(()),
            Self::Closed => outer.close().await,
            _ => outer.commit().await,
        }
    }

    async fn in_two_phases(
        self,
        connection: &mut EngineConnection<SimRuntime>,
    ) -> Result<(), Error> {
        let mut transaction = connection.begin_twophase(None).await?;
        transaction.execute("touch 1 _within", ()).await?;
        if self == Self::TwoPhaseUndone {
            transaction.begin().await?.rollback().await?;
            assert_eq!(transaction.prepare().await.unwrap_err().kind(), Kind::RolledBack);
            return Ok(());
        }
        let prepared = transaction.prepare().await?;
        if self == Self::Prepared { prepared.commit().await } else { prepared.rollback().await }
    }
}

/// An engine in the simulation, and the only session that it has.
type Subject = (Engine<SimRuntime>, EngineConnection<SimRuntime>);

async fn subject(sim: &Sim) -> Subject {
    let options = PoolOptions::default().max_size(1);
    let config = sim_config().on_drop(OnDrop::Cancel);
    let engine = Engine::create_on(sim.runtime(), config, options).await.unwrap();
    let connection = engine.acquire().await.unwrap();
    (engine, connection)
}

/// Asks something that takes its time, so that a cancel request that comes late would hit it.
async fn assert_at_rest(connection: &mut EngineConnection<SimRuntime>) {
    assert!(!connection.in_transaction());
    assert_eq!(connection.scalar::<i64>("answer 98 _tardy", ()).await.unwrap(), Some(98));
    let status = connection.connection().transaction_status();
    assert_eq!(status, TransactionStatus::Idle);
}

fn is_commit(event: &Event) -> bool {
    matches!(event, Event::Executed(sql, _) if sql.starts_with("commit"))
}

#[test]
fn every_course_may_be_dropped_at_every_poll() {
    let mut cancels = 0;
    for seed in 0..6 {
        for course in Course::ALL {
            let faults = if seed % 2 == 0 { Faults::none() } else { Faults::default() };
            let (sim, server) = (Sim::new(seed).with_faults(faults), FakeServer::new());
            serve_in(&sim, &server);
            let polls = sim.block_on(at_every_poll(
                async || subject(&sim).await,
                async |(_, connection): &mut Subject| course.run(connection).await,
                async |(_, mut connection), outcome| {
                    if let Outcome::Completed(result) = outcome {
                        result.unwrap();
                    }
                    assert_at_rest(&mut connection).await;
                },
            ));
            assert!(polls > 1, "{course:?}");
            assert!(!course.is_undone() || server.count(is_commit) == 0, "{course:?}");
            cancels += server.count(|event| matches!(event, Event::CancelRead(_)));
        }
    }
    assert!(cancels > 50, "{cancels} were cancelled");
}

#[test]
fn one_session_survives_every_drop_of_every_course() {
    for seed in 0..6 {
        let (sim, server) = (Sim::new(seed).with_faults(Faults::default()), FakeServer::new());
        serve_in(&sim, &server);
        sim.block_on(async {
            let (_engine, mut connection) = subject(&sim).await;
            for course in Course::ALL {
                at_every_poll_of_one(
                    &mut connection,
                    async |connection| course.run(connection).await,
                    async |connection, outcome| {
                        if let Outcome::Completed(result) = outcome {
                            result.unwrap();
                        }
                        assert_at_rest(connection).await;
                    },
                )
                .await;
            }
        });
        assert_eq!(server.count(|event| matches!(event, Event::Opened(_))), 1);
    }
}

/// Whatever is known of the answer when it is dropped: what it stands in goes on, with it or without it.
#[test]
fn an_inner_commit_dropped_at_any_poll_leaves_the_outer_transaction_whole() {
    for seed in 0..50 {
        let (sim, server) = (Sim::new(seed).with_faults(Faults::default()), FakeServer::new());
        serve_in(&sim, &server);
        let whole = (0..100).find(|polls| {
            let done = sim.block_on(async {
                let (_engine, mut connection) = subject(&sim).await;
                let mut outer = connection.connection().begin().await?;
                outer.execute("touch 1 _within", ()).await?;
                let mut inner = outer.begin().await?;
                inner.execute("touch 2 _within", ()).await?;
                let done = PollLimit::new(inner.commit(), *polls).await.transpose()?.is_some();
                outer.execute("touch 3 _within", ()).await?;
                outer.commit().await?;
                Ok::<_, Error>(done)
            });
            done.unwrap()
        });
        assert!(whole.is_some_and(|polls| polls > 1));
    }
}

/// What it stands in goes on, though what undoes it was sent when it was dropped.
#[test]
fn an_inner_rollback_dropped_at_any_poll_undoes_its_savepoint_alone() {
    let whole = (0..100).find(|polls| {
        let (sim, server) = (Sim::new(3), FakeServer::new());
        serve_in(&sim, &server);
        let done = sim.block_on(async {
            let (_engine, mut connection) = subject(&sim).await;
            let mut outer = connection.begin().await?;
            outer.execute("touch 1 _within", ()).await?;
            let mut savepoint = outer.begin_nested().await?;
            savepoint.execute("touch 2 _within", ()).await?;
            let mut inner = savepoint.begin().await?;
            inner.execute("touch 3 _within", ()).await?;
            let done = PollLimit::new(inner.rollback(), *polls).await.transpose()?.is_some();
            let refused = savepoint.execute("touch 4 _within", ()).await;
            assert_eq!(refused.unwrap_err().kind(), Kind::RolledBack);
            savepoint.rollback().await?;
            outer.execute("touch 5 _within", ()).await?;
            outer.commit().await?;
            assert_at_rest(&mut connection).await;
            Ok::<_, Error>(done)
        });
        let undone = |event: &Event| {
            matches!(event, Event::Executed(sql, _) if sql.starts_with("rollback to savepoint"))
        };
        assert_eq!(server.count(undone), 1, "dropped after {polls} polls");
        assert_eq!(server.count(is_commit), 1);
        done.unwrap()
    });
    assert!(whole > Some(1), "it waits for its answer");
}

/// Nothing is asked in between: what one drop leaves behind meets the next.
#[test]
fn drops_in_a_row_of_every_course_do_not_add_up() {
    for seed in 0..6 {
        let (sim, server) = (Sim::new(seed).with_faults(Faults::default()), FakeServer::new());
        serve_in(&sim, &server);
        sim.block_on(async {
            let (_engine, mut connection) = subject(&sim).await;
            for course in Course::ALL {
                let run = async |connection: &mut EngineConnection<_>| course.run(connection).await;
                at_every_poll_of_one(&mut connection, run, async |_, _| {}).await;
            }
            assert_at_rest(&mut connection).await;
        });
    }
}
