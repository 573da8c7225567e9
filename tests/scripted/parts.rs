//! Requests of several parts: transactions that ride along, pipelines, portions. Whole, in pieces, and cut everywhere.

use std::error::Error as _;
use std::num::NonZeroU32;

use aiopg::{AllResults, Call, Client, Connection, Error, Fetch, Item, Kind, Runtime, SqlState};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::duplex::{Direction, Duplex};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::Frontend::{self, Describe, Execute, Flush, Sync};
use aiopg_tests::script::backend::{
    bind_complete, command_complete, error_response, int8_row, no_data, parameter_description,
    parse_complete, portal_suspended, ready_for_query, row_description,
};
use aiopg_tests::script::{Dialogue, Peer};
use futures::future::join;

use crate::converse::{assert_closed, config};

#[derive(Clone, Copy, Debug)]
enum Case {
    Begun,
    Undone,
    Piped,
    PipedEach,
    Portions,
}

impl Case {
    const ALL: [Self; 5] =
        [Self::Begun, Self::Undone, Self::Piped, Self::PipedEach, Self::Portions];

    fn dialogue(self) -> Dialogue {
        let trust = Dialogue::trust();
        let query = |sql: &str| [Frontend::Query(sql.to_owned())];
        let done = |tag, status| [command_complete(tag), ready_for_query(status)];
        match self {
            Self::Begun => trust
                .expect([opener("begin"), statement("aiopg_7_1", "a"), vec![Sync]].concat())
                .send([opened("BEGIN"), touched(1), vec![ready_for_query(b'T')]].concat())
                .expect(query("commit"))
                .send(done("COMMIT", b'I')),
            Self::Undone => trust
                .expect(
                    [
                        opener("begin"),
                        opener("savepoint aiopg_1"),
                        statement("aiopg_7_1", "a"),
                        vec![Sync],
                    ]
                    .concat(),
                )
                .send(
                    [opened("BEGIN"), opened("SAVEPOINT"), touched(1), vec![ready_for_query(b'T')]]
                        .concat(),
                )
                .expect(query("rollback to savepoint aiopg_1; release savepoint aiopg_1"))
                .send([command_complete("ROLLBACK")])
                .send(done("RELEASE", b'T'))
                .expect(query("rollback"))
                .send(done("ROLLBACK", b'I'))
                .expect(query("b"))
                .send(done("DO", b'I')),
            Self::Piped => trust
                .expect(
                    [statement("aiopg_7_1", "a"), statement("aiopg_7_2", "b"), vec![Sync]].concat(),
                )
                .send([answered(7), touched(2), vec![ready_for_query(b'I')]].concat()),
            Self::PipedEach => trust
                .expect(
                    [
                        statement("aiopg_7_1", "a"),
                        vec![Sync],
                        statement("aiopg_7_2", "b"),
                        vec![Sync],
                    ]
                    .concat(),
                )
                .send([answered(7), vec![ready_for_query(b'I')]].concat())
                .send([touched(2), vec![ready_for_query(b'I')]].concat()),
            Self::Portions => portions(trust),
        }
    }

    async fn act<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        match self {
            Self::Begun => {
                let mut transaction = connection.begin().await?;
                assert_eq!(transaction.execute("a", ()).await?, 1);
                transaction.commit().await
            }
            Self::Undone => {
                let mut transaction = connection.begin().await?;
                let mut savepoint = transaction.begin().await?;
                assert_eq!(savepoint.execute("a", ()).await?, 1);
                savepoint.rollback().await?;
                drop(transaction);
                connection.batch_execute("b").await
            }
            Self::Piped | Self::PipedEach => {
                let items = (Item::query_scalar::<i64>("a", ()), Item::execute("b", ()));
                let results = if matches!(self, Self::Piped) {
                    connection.pipeline(items).await
                } else {
                    connection.pipeline_each(items).await
                };
                assert_eq!(results.all()?, (7, 2));
                Ok(())
            }
            Self::Portions => {
                let fetch = Fetch::rows(NonZeroU32::new(2).unwrap());
                let mut rows = connection.stream(Call::new("a").fetch(fetch), ()).await?;
                for expected in 1..=3_i64 {
                    assert_eq!(rows.next().await?.unwrap().get::<i64>(0), expected);
                }
                assert!(rows.next().await?.is_none());
                assert_eq!(rows.command_tag().rows(), 3);
                Ok(())
            }
        }
    }
}

fn portions(trust: Dialogue) -> Dialogue {
    let portion = || Frontend::ExecutePortal { portal: String::new(), most_rows: 2 };
    let name = "aiopg_7_1".to_owned();
    let parse = Frontend::Parse { name: name.clone(), sql: "a".to_owned(), types: Vec::new() };
    trust
        .expect([parse, Describe(name.clone()), Sync])
        .send([
            parse_complete(),
            parameter_description(&[]),
            row_description(&["n"], 0),
            ready_for_query(b'I'),
        ])
        .expect([Frontend::Bind { name, values: Vec::new() }, portion(), Flush])
        .send([bind_complete(), int8_row(1), int8_row(2), portal_suspended()])
        .expect([portion(), Flush])
        .send([int8_row(3), command_complete("SELECT 1")])
        .expect([Sync])
        .send([ready_for_query(b'I')])
}

fn opener(sql: &str) -> Vec<Frontend> {
    let parse = Frontend::Parse { name: String::new(), sql: sql.to_owned(), types: Vec::new() };
    vec![parse, Frontend::Bind { name: String::new(), values: Vec::new() }, Execute]
}

fn opened(tag: &str) -> Vec<Vec<u8>> {
    vec![parse_complete(), bind_complete(), command_complete(tag)]
}

fn statement(name: &str, sql: &str) -> Vec<Frontend> {
    let name = name.to_owned();
    vec![
        Frontend::Parse { name: name.clone(), sql: sql.to_owned(), types: Vec::new() },
        Describe(name.clone()),
        Frontend::Bind { name, values: Vec::new() },
        Execute,
    ]
}

fn touched(rows: u32) -> Vec<Vec<u8>> {
    vec![
        parse_complete(),
        parameter_description(&[]),
        no_data(),
        bind_complete(),
        command_complete(&format!("UPDATE {rows}")),
    ]
}

fn answered(value: i64) -> Vec<Vec<u8>> {
    vec![
        parse_complete(),
        parameter_description(&[]),
        row_description(&["n"], 0),
        bind_complete(),
        int8_row(value),
        command_complete("SELECT 1"),
    ]
}

/// Has a dialogue; returns how it went and how many bytes passed to the server and back.
async fn converse<R: Runtime>(
    runtime: R,
    case: Case,
    (there, back): (Direction, Direction),
    noisy: bool,
) -> (Result<(), Error>, usize, usize) {
    let (near, far) = Duplex::pair_with(there, back);
    let tap = far.tap();
    let client = async {
        let mut connection = Connection::connect_stream(runtime, near, config()).await?;
        let acted = case.act(&mut connection).await;
        if acted.is_err() {
            assert!(connection.is_closed(), "{case:?}: {acted:?}");
            let later = connection.query("later", ()).await.unwrap_err();
            assert_eq!(later.kind(), Kind::Closed);
        }
        acted
    };
    // How the server fares does not matter here: its end of the stream is cut, too.
    let (_, acted) = join(case.dialogue().play(Peer::new(far).noisy(noisy)), client).await;
    (acted, tap.received().len(), tap.sent().len())
}

async fn requests_of_several_parts_go_as_written<R: Runtime>(runtime: R) {
    let whole = Direction::default;
    for case in Case::ALL {
        for direction in [whole(), whole().chunk(1), whole().capacity(1)] {
            for noisy in [false, true] {
                let directions = (direction.clone(), direction.clone());
                let (acted, ..) = converse(runtime.clone(), case, directions, noisy).await;
                acted.unwrap_or_else(|error| panic!("{case:?}: {error:?}"));
            }
        }
    }
}

/// Whatever byte is the last: an error that does not claim to know more than it can.
async fn requests_of_several_parts_may_be_cut_after_every_byte<R: Runtime>(runtime: R) {
    let whole = Direction::default;
    for case in Case::ALL {
        let uncut = converse(runtime.clone(), case, (whole(), whole()), false).await;
        let (.., there, back) = uncut;
        let from_server = (0..back).flat_map(|bytes| {
            [whole().cut_after(bytes), whole().reset_after(bytes)].map(|cut| (whole(), cut))
        });
        let from_client = (0..there).flat_map(|bytes| {
            [whole().cut_after(bytes), whole().reset_after(bytes)].map(|cut| (cut, whole()))
        });
        let mut failed = 0;
        for directions in from_server.chain(from_client) {
            let (acted, ..) = converse(runtime.clone(), case, directions, false).await;
            if let Err(error) = acted {
                let kind = error.kind();
                let known = matches!(kind, Kind::Io | Kind::Closed | Kind::OutcomeUnknown);
                assert!(known, "{case:?}: {error:?}");
                failed += 1;
            }
        }
        assert!(failed > there + back, "{case:?}: only {failed} cuts were noticed");
    }
}

/// Somebody may cancel whatever the session does, and hit that. What comes next must not be run in the old transaction.
async fn a_dropped_transaction_whose_rollback_is_refused_ends_the_session<R: Runtime>(runtime: R) {
    for listens in [false, true] {
        let cancelled = error_response("57014", "canceling statement due to user request");
        let dialogue = Dialogue::trust()
            .expect([opener("begin"), statement("aiopg_7_1", "a"), vec![Sync]].concat())
            .send([opened("BEGIN"), touched(1), vec![ready_for_query(b'T')]].concat())
            .expect([Frontend::Query("rollback".to_owned())])
            .send([cancelled, ready_for_query(b'E')]);
        let (near, far) = Duplex::pair();
        let client = async {
            let mut connection =
                Connection::connect_stream(runtime.clone(), near, config()).await.unwrap();
            let mut transaction = connection.begin().await.unwrap();
            transaction.execute("a", ()).await.unwrap();
            drop(transaction);
            let error = if listens {
                connection.notifications().recv().await.unwrap_err()
            } else {
                connection.execute("b", ()).await.unwrap_err()
            };
            assert_closed(&error);
            let cause = error.source().and_then(|cause| cause.downcast_ref::<Error>()).unwrap();
            assert_eq!(cause.sqlstate(), Some(SqlState::QUERY_CANCELED), "{cause:?}");
            assert!(connection.is_closed());
        };
        let server = async {
            let mut peer = Peer::new(far);
            dialogue.play_on(&mut peer).await.unwrap();
            assert_eq!(peer.read().await.unwrap(), None, "nothing more is sent");
        };
        join(server, client).await;
    }
}

/// The same where it was the caller's own, and given up when it was under way.
async fn a_dropped_end_of_a_transaction_that_is_refused_ends_the_session<R: Runtime>(runtime: R) {
    for (sql, status) in
        [("commit", b'E'), ("rollback", b'E'), ("commit", b'I'), ("rollback", b'I')]
    {
        let cancelled = error_response("57014", "canceling statement due to user request");
        let dialogue = Dialogue::trust()
            .expect([opener("begin"), statement("aiopg_7_1", "a"), vec![Sync]].concat())
            .send([opened("BEGIN"), touched(1), vec![ready_for_query(b'T')]].concat())
            .expect([Frontend::Query(sql.to_owned())])
            .send([cancelled, ready_for_query(status)]);
        let (near, far) = Duplex::pair();
        let client = async {
            let mut connection =
                Connection::connect_stream(runtime.clone(), near, config()).await.unwrap();
            let mut transaction = connection.begin().await.unwrap();
            transaction.execute("a", ()).await.unwrap();
            let ended = if sql == "commit" {
                PollLimit::new(transaction.commit(), 1).await
            } else {
                PollLimit::new(transaction.rollback(), 1).await
            };
            assert!(ended.is_none());
            let begun = connection.begin().await;
            if status == b'I' {
                // Refused while it was run, it has ended the transaction all the same.
                begun.unwrap();
            } else {
                assert_closed(&begun.unwrap_err());
            }
        };
        let server = async {
            let mut peer = Peer::new(far);
            dialogue.play_on(&mut peer).await.unwrap();
        };
        join(server, client).await;
    }
}

on_every_runtime!(
    requests_of_several_parts_go_as_written,
    a_dropped_end_of_a_transaction_that_is_refused_ends_the_session,
    a_dropped_transaction_whose_rollback_is_refused_ends_the_session,
    requests_of_several_parts_may_be_cut_after_every_byte,
);
