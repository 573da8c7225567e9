//! The dialogues: for each what the server expects and sends, and what the client does and gets.

use aiopg::{Config, Connection, Error, Kind, Runtime, ServerError, TransactionStatus};
use aiopg_tests::script::Dialogue;
use aiopg_tests::script::Frontend::{self, Describe, Execute, Sync};
use aiopg_tests::script::backend::{
    INT8, authentication, bind_complete, close_complete, command_complete, copy_data, copy_done,
    copy_in_response, copy_out_response, data_row, empty_query_response, error_response, int8_row,
    no_data, notice_response, parameter_description, parse_complete, ready_for_query,
    row_description,
};
use aiopg_tests::script::fake::{MD5_ANSWER, MD5_SALT};

use crate::converse::config;

/// One dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Trust,
    Cleartext,
    Md5,
    Scram,
    Query,
    QueryWithParameter,
    QueryTyped,
    QueryOne,
    Touch,
    Prepare,
    Stream,
    Batch,
    SimpleQuery,
    ErrorWhenRun,
    ErrorWhenParsed,
    ErrorInBatch,
    Empty,
    CopyInRefused,
    CopyInRefusedSimply,
    CopyOutRefused,
    CopyOutRefusedSimply,
    Notices,
    Stale,
    Transaction,
}

use Case::*;

impl Case {
    pub(crate) const ALL: [Self; 24] = [
        Trust,
        Cleartext,
        Md5,
        Scram,
        Query,
        QueryWithParameter,
        QueryTyped,
        QueryOne,
        Self::Touch,
        Prepare,
        Stream,
        Batch,
        SimpleQuery,
        ErrorWhenRun,
        ErrorWhenParsed,
        ErrorInBatch,
        Empty,
        CopyInRefused,
        CopyInRefusedSimply,
        CopyOutRefused,
        CopyOutRefusedSimply,
        Notices,
        Stale,
        Transaction,
    ];

    pub(crate) fn config(self) -> Config {
        match self {
            // With no cache, the statement is closed as soon as it is dropped.
            Prepare => config().statement_cache_capacity(0),
            _ => config(),
        }
    }

    /// The server's part.
    pub(crate) fn dialogue(self) -> Dialogue {
        let trust = Dialogue::trust();
        match self {
            Trust => trust,
            Cleartext => Dialogue::new()
                .startup()
                .send([authentication(3, b"")])
                .expect([Frontend::Password(b"secret\0".into())])
                .welcome(),
            Md5 => Dialogue::new()
                .startup()
                .send([authentication(5, MD5_SALT)])
                .expect([Frontend::Password(MD5_ANSWER.into())])
                .welcome(),
            Scram => Dialogue::new().startup().scram().welcome(),
            Query => first_use(trust, "a", &[int8_row(7), int8_row(8)], "SELECT 2")
                .expect(run("aiopg_7_1", None))
                .send(ran(&[int8_row(9)], "SELECT 1")),
            QueryWithParameter => with_parameter(trust),
            QueryTyped => typed(trust),
            QueryOne => first_use(trust, "a", &[int8_row(7)], "SELECT 1")
                .expect(run("aiopg_7_1", None))
                .send(ran(&[], "SELECT 0"))
                .expect(run("aiopg_7_1", None))
                .send(ran(&[int8_row(7), int8_row(8)], "SELECT 2"))
                .expect(run("aiopg_7_1", None))
                .send(ran(&[data_row(&[None])], "SELECT 1")),
            Self::Touch => trust.expect(parse_and_run("aiopg_7_1", "a")).send([
                parse_complete(),
                parameter_description(&[]),
                no_data(),
                bind_complete(),
                command_complete("INSERT 0 3"),
                ready_for_query(b'I'),
            ]),
            Prepare => prepared(trust),
            Stream => {
                let rows = [int8_row(1), int8_row(2), int8_row(3)];
                let columns = row_description(&["n"], 0);
                trust
                    .expect([parse("aiopg_7_1", "a", &[]), Describe("aiopg_7_1".to_owned()), Sync])
                    .send([
                        parse_complete(),
                        parameter_description(&[]),
                        columns,
                        ready_for_query(b'I'),
                    ])
                    .expect(run("aiopg_7_1", None))
                    .send(ran(&rows, "SELECT 3"))
                    .expect(run("aiopg_7_1", None))
                    .send(ran(&rows, "SELECT 3"))
                    .expect([Frontend::Query("b".to_owned())])
                    .send([command_complete("DO"), ready_for_query(b'I')])
            }
            other => other.simple_or_failing(trust),
        }
    }

    fn simple_or_failing(self, trust: Dialogue) -> Dialogue {
        let query = |sql: &str| [Frontend::Query(sql.to_owned())];
        match self {
            Batch => trust.expect(query("a; b")).send([
                row_description(&["n"], 0),
                data_row(&[Some(b"1")]),
                command_complete("SELECT 1"),
                command_complete("UPDATE 4"),
                ready_for_query(b'I'),
            ]),
            SimpleQuery => trust.expect(query("a; b;")).send([
                row_description(&["n", "m"], 0),
                data_row(&[Some(b"1"), None]),
                command_complete("SELECT 1"),
                command_complete("UPDATE 4"),
                empty_query_response(),
                ready_for_query(b'I'),
            ]),
            ErrorWhenRun => {
                let failed =
                    [bind_complete(), error_response("22012", "no"), ready_for_query(b'I')];
                first_use(trust, "a", &[int8_row(7)], "SELECT 1")
                    .expect(run("aiopg_7_1", None))
                    .send(failed)
                    .expect(run("aiopg_7_1", None))
                    .send(ran(&[int8_row(8)], "SELECT 1"))
            }
            ErrorWhenParsed => {
                let trust = trust
                    .expect(parse_and_run("aiopg_7_1", "a"))
                    .send([error_response("42601", "no"), ready_for_query(b'I')]);
                let rows = [int8_row(7)];
                trust
                    .expect(parse_and_run("aiopg_7_2", "a"))
                    .send([described(), ran(&rows, "SELECT 1")].concat())
            }
            Empty => trust
                .expect(parse_and_run("aiopg_7_1", ""))
                .send([
                    parse_complete(),
                    parameter_description(&[]),
                    no_data(),
                    bind_complete(),
                    empty_query_response(),
                    ready_for_query(b'I'),
                ])
                .expect(query(""))
                .send([empty_query_response(), ready_for_query(b'I')]),
            other => other.unusual(trust),
        }
    }

    fn unusual(self, trust: Dialogue) -> Dialogue {
        let query = |sql: &str| [Frontend::Query(sql.to_owned())];
        let refusal = Frontend::CopyFail("this call sends no copy data".to_owned());
        let failed = [error_response("57014", "COPY failed"), ready_for_query(b'I')];
        let copy =
            [copy_out_response(), copy_data(b"1\n"), copy_done(), command_complete("COPY 1")];
        let described = [parse_complete(), parameter_description(&[]), no_data(), bind_complete()];
        match self {
            CopyInRefused => trust
                .expect(parse_and_run("aiopg_7_1", "copy in"))
                .send([&described[..], &[copy_in_response()]].concat())
                .expect([refusal, Sync])
                .send(failed),
            CopyInRefusedSimply => trust
                .expect(query("copy in"))
                .send([copy_in_response()])
                .expect([refusal])
                .send(failed),
            CopyOutRefused => trust
                .expect(parse_and_run("aiopg_7_1", "copy out"))
                .send([&described[..], &copy, &[ready_for_query(b'I')]].concat()),
            CopyOutRefusedSimply => {
                trust.expect(query("copy out")).send([&copy[..], &[ready_for_query(b'I')]].concat())
            }
            ErrorInBatch => trust
                .expect(query("a"))
                .send([
                    command_complete("UPDATE 1"),
                    error_response("22012", "no"),
                    ready_for_query(b'I'),
                ])
                .expect(query("b"))
                .send([command_complete("UPDATE 1"), ready_for_query(b'I')]),
            Notices => trust.expect(query("a")).send([
                notice_response("hello 1"),
                command_complete("DO"),
                notice_response("hello 2"),
                ready_for_query(b'I'),
            ]),
            Stale => stale(trust),
            Transaction => trust
                .expect(query("begin"))
                .send([command_complete("BEGIN"), ready_for_query(b'T')])
                .expect(query("b"))
                .send([error_response("22012", "no"), ready_for_query(b'E')])
                .expect(query("commit"))
                .send([command_complete("ROLLBACK"), ready_for_query(b'I')]),
            other => panic!("{other:?} has its dialogue elsewhere"),
        }
    }

    /// The client's part. An error that belongs to the dialogue is checked; any other is returned.
    pub(crate) async fn act<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        match self {
            Trust | Cleartext | Md5 | Scram => {
                assert_eq!(connection.process_id(), Some(7));
                assert_eq!(connection.server_version(), Some(180_004));
                Ok(())
            }
            Query => {
                let rows = connection.query("a", ()).await?;
                assert_eq!(rows.decode::<(i64,)>()?, [(7,), (8,)]);
                assert_eq!(connection.query("a", ()).await?.decode::<(i64,)>()?, [(9,)]);
                Ok(())
            }
            QueryWithParameter => {
                for value in [42_i64, 43] {
                    let answer: i64 = connection.query_scalar("a", (value,)).await?;
                    assert_eq!(answer, value);
                }
                Ok(())
            }
            QueryTyped => {
                let types = aiopg::postgres_types::Type::INT8;
                let rows = connection.query_typed("a", &[(&5_i64, types)]).await?;
                assert_eq!(rows.decode::<(i64,)>()?, [(5,)]);
                Ok(())
            }
            QueryOne => query_one(connection).await,
            Self::Touch => {
                assert_eq!(connection.execute("a", ()).await?, 3);
                Ok(())
            }
            Prepare => prepare(connection).await,
            Stream => stream(connection).await,
            other => other.act_simply(connection).await,
        }
    }

    async fn act_simply<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        match self {
            Batch => connection.batch_execute("a; b").await,
            SimpleQuery => {
                let results = connection.simple_query("a; b;").await?;
                let shapes: Vec<_> = results.iter().map(|r| (r.len(), r.columns().len())).collect();
                assert_eq!(shapes, [(1, 2), (0, 0), (0, 0)]);
                assert_eq!(results[1].command_tag().rows(), 4);
                let values = results[0].decode::<(&str, Option<&str>)>()?;
                assert_eq!(values, [("1", None)]);
                Ok(())
            }
            ErrorWhenRun => {
                assert_eq!(connection.query("a", ()).await?.len(), 1);
                refused(connection.query("a", ()).await, Kind::Server)?;
                assert_eq!(connection.query_scalar::<i64>("a", ()).await?, 8);
                Ok(())
            }
            ErrorWhenParsed => {
                refused(connection.query("a", ()).await, Kind::Server)?;
                assert_eq!(connection.query_scalar::<i64>("a", ()).await?, 7);
                Ok(())
            }
            ErrorInBatch => {
                refused(connection.batch_execute("a").await, Kind::Server)?;
                connection.batch_execute("b").await
            }
            Empty => {
                assert_eq!(connection.execute("", ()).await?, 0);
                assert_eq!(connection.simple_query("").await?.len(), 1);
                Ok(())
            }
            CopyInRefused => refused(connection.execute("copy in", ()).await, Kind::Server),
            CopyInRefusedSimply => refused(connection.batch_execute("copy in").await, Kind::Server),
            CopyOutRefused => refused(connection.execute("copy out", ()).await, Kind::Usage),
            CopyOutRefusedSimply => refused(connection.simple_query("copy out").await, Kind::Usage),
            Notices => {
                connection.batch_execute("a").await?;
                let texts: Vec<_> = connection.notices().map(ServerError::message).collect();
                assert!(texts.contains(&"hello 1") && texts.contains(&"hello 2"), "{texts:?}");
                Ok(())
            }
            Stale => {
                assert_eq!(connection.query("a", ()).await?.len(), 1);
                assert_eq!(connection.query("a", ()).await?.decode::<(i64,)>()?, [(8,)]);
                assert_eq!(connection.execute("a", ()).await?, 1);
                Ok(())
            }
            Transaction => transaction(connection).await,
            other => panic!("{other:?} acts elsewhere"),
        }
    }
}

/// Passes an error on, unless it is the one that was to come.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: Kind) -> Result<(), Error> {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(error),
        Ok(value) => panic!("an error was to come, not {value:?}"),
    }
}

async fn query_one<R: Runtime>(connection: &mut Connection<R>) -> Result<(), Error> {
    assert_eq!(connection.query_one("a", ()).await?.get::<i64>("n"), 7);
    assert!(connection.query_opt("a", ()).await?.is_none());
    refused(connection.query_one("a", ()).await, Kind::RowCount)?;
    assert_eq!(connection.query_scalar::<Option<i64>>("a", ()).await?, None);
    Ok(())
}

async fn prepare<R: Runtime>(connection: &mut Connection<R>) -> Result<(), Error> {
    let statement = connection.prepare("a").await?;
    assert_eq!(statement.params().len(), 1);
    assert_eq!(statement.columns()[0].name(), "n");
    assert_eq!(connection.query_scalar::<i64>(&statement, (1_i64,)).await?, 1);
    drop(statement);
    connection.execute("b", ()).await.map(drop)
}

async fn stream<R: Runtime>(connection: &mut Connection<R>) -> Result<(), Error> {
    let mut rows = connection.stream("a", ()).await?;
    for expected in 1..=3_i64 {
        assert_eq!(rows.next().await?.unwrap().get::<i64>(0), expected);
    }
    assert!(rows.next().await?.is_none());
    assert!(rows.next().await?.is_none(), "the end stays the end");
    assert_eq!(rows.command_tag().rows(), 3);
    drop(rows);
    // Dropped after one row, the rest is read off by whoever comes next.
    let mut rows = connection.stream("a", ()).await?;
    assert_eq!(rows.next().await?.unwrap().get::<i64>(0), 1);
    drop(rows);
    connection.batch_execute("b").await
}

async fn transaction<R: Runtime>(connection: &mut Connection<R>) -> Result<(), Error> {
    connection.batch_execute("begin").await?;
    assert_eq!(connection.transaction_status(), TransactionStatus::InTransaction);
    refused(connection.batch_execute("b").await, Kind::Server)?;
    assert_eq!(connection.transaction_status(), TransactionStatus::InError);
    connection.batch_execute("commit").await?;
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    Ok(())
}

fn parse(name: &str, sql: &str, types: &[u32]) -> Frontend {
    Frontend::Parse { name: name.to_owned(), sql: sql.to_owned(), types: types.into() }
}

fn bind(name: &str, value: Option<i64>) -> Frontend {
    let values = value.map(|value| Some(value.to_be_bytes().to_vec())).into_iter().collect();
    Frontend::Bind { name: name.to_owned(), values }
}

fn run(name: &str, value: Option<i64>) -> [Frontend; 3] {
    [bind(name, value), Execute, Sync]
}

fn parse_and_run(name: &str, sql: &str) -> [Frontend; 5] {
    [parse(name, sql, &[]), Describe(name.to_owned()), bind(name, None), Execute, Sync]
}

/// The reply to Parse and Describe of a statement with one column.
fn described() -> Vec<Vec<u8>> {
    vec![parse_complete(), parameter_description(&[]), row_description(&["n"], 0)]
}

/// The reply to Bind, Execute and Sync.
fn ran(rows: &[Vec<u8>], tag: &str) -> Vec<Vec<u8>> {
    [&[bind_complete()], rows, &[command_complete(tag), ready_for_query(b'I')]].concat()
}

fn first_use(dialogue: Dialogue, sql: &str, rows: &[Vec<u8>], tag: &str) -> Dialogue {
    let reply = [described(), ran(rows, tag)].concat();
    dialogue.expect(parse_and_run("aiopg_7_1", sql)).send(reply)
}

fn prepare_reply() -> [Vec<u8>; 4] {
    let columns = row_description(&["n"], 0);
    [parse_complete(), parameter_description(&[INT8]), columns, ready_for_query(b'I')]
}

fn with_parameter(trust: Dialogue) -> Dialogue {
    trust
        .expect([parse("aiopg_7_1", "a", &[]), Describe("aiopg_7_1".to_owned()), Sync])
        .send(prepare_reply())
        .expect(run("aiopg_7_1", Some(42)))
        .send(ran(&[int8_row(42)], "SELECT 1"))
        .expect(run("aiopg_7_1", Some(43)))
        .send(ran(&[int8_row(43)], "SELECT 1"))
}

fn typed(trust: Dialogue) -> Dialogue {
    let reply = [parse_complete(), parameter_description(&[INT8]), row_description(&["n"], 0)];
    trust
        .expect([
            parse("", "a", &[INT8]),
            Describe(String::new()),
            bind("", Some(5)),
            Execute,
            Sync,
        ])
        .send([&reply[..], &ran(&[int8_row(5)], "SELECT 1")].concat())
}

fn prepared(trust: Dialogue) -> Dialogue {
    let close = [Frontend::Close("aiopg_7_1".to_owned())];
    trust
        .expect([parse("aiopg_7_1", "a", &[]), Describe("aiopg_7_1".to_owned()), Sync])
        .send(prepare_reply())
        .expect(run("aiopg_7_1", Some(1)))
        .send(ran(&[int8_row(1)], "SELECT 1"))
        .expect([&close[..], &parse_and_run("aiopg_7_2", "b")].concat())
        .send([
            close_complete(),
            parse_complete(),
            parameter_description(&[]),
            no_data(),
            bind_complete(),
            command_complete("UPDATE 0"),
            ready_for_query(b'I'),
        ])
}

/// What the statement returns has changed, and then the server has forgotten it: it is prepared anew each time.
fn stale(trust: Dialogue) -> Dialogue {
    let again = |dialogue: Dialogue, number: u32, code, row: i64| {
        let (old, new) = (format!("aiopg_7_{number}"), format!("aiopg_7_{}", number + 1));
        let close = [Frontend::Close(old.clone())];
        dialogue
            .expect(run(&old, None))
            .send([error_response(code, "stale"), ready_for_query(b'I')])
            .expect([&close[..], &parse_and_run(&new, "a")].concat())
            .send([vec![close_complete()], described(), ran(&[int8_row(row)], "SELECT 1")].concat())
    };
    let trust = first_use(trust, "a", &[int8_row(7)], "SELECT 1");
    again(again(trust, 1, "0A000", 8), 2, "26000", 9)
}
