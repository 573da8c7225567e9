//! A hostile server within a session: every breach of the protocol ends it at once, and nobody gets another's reply.

use aiopg::{Connection, Error, Kind, Runtime};
use aiopg_tests::cancel::yield_now;
use aiopg_tests::duplex::Duplex;
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::backend::{
    INT8, authentication_ok, backend_key_data, bind_complete, command_complete, copy_in_response,
    data_row, empty_query_response, error_response, fatal_response, header, int8_row, message,
    no_data, notice_response, parameter_description, parameter_status, parse_complete,
    ready_for_query, row_description,
};
use aiopg_tests::script::{Frontend, Peer};
use futures::future::join;

use crate::converse::{assert_closed, config, converse};
use crate::streams::Gate;

/// What a client runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Query,
    QueryOne,
    Scalar,
    Execute,
    Prepare,
    Stream,
    Batch,
    Simple,
}

impl Verb {
    /// Those whose first request runs the statement; a stream has it described before.
    const EXTENDED: [Self; 4] = [Self::Query, Self::QueryOne, Self::Scalar, Self::Execute];
    const SIMPLE: [Self; 2] = [Self::Batch, Self::Simple];
    const ALL: [Self; 8] = [
        Self::Query,
        Self::QueryOne,
        Self::Scalar,
        Self::Execute,
        Self::Prepare,
        Self::Stream,
        Self::Batch,
        Self::Simple,
    ];

    async fn run<R: Runtime>(self, connection: &mut Connection<R>, sql: &str) -> Result<(), Error> {
        match self {
            Self::Query => connection.query(sql, ()).await.map(drop),
            Self::QueryOne => connection.query_one(sql, ()).await.map(drop),
            Self::Scalar => connection.query_scalar::<i64>(sql, ()).await.map(drop),
            Self::Execute => connection.execute(sql, ()).await.map(drop),
            Self::Prepare => connection.prepare(sql).await.map(drop),
            Self::Stream => {
                let mut rows = connection.stream(sql, ()).await?;
                while rows.next().await?.is_some() {}
                Ok(())
            }
            Self::Batch => connection.batch_execute(sql).await,
            Self::Simple => connection.simple_query(sql).await.map(drop),
        }
    }
}

/// The reply `said` to a verb must be an error of this kind, and end the session.
async fn assert_ends<R: Runtime>(runtime: &R, verb: Verb, said: &[Vec<u8>], kind: Kind) {
    let ((), _) = converse(
        async |mut peer| {
            welcome(&mut peer).await?;
            peer.skip_request().await?;
            peer.send(said).await?;
            // Stays, so that a client that waits for more hangs.
            peer.drain().await
        },
        async |stream| {
            let mut connection = connect(runtime, stream).await;
            let error =
                verb.run(&mut connection, "a").await.expect_err(&format!("{verb:?}, {said:?}"));
            assert_eq!(error.kind(), kind, "{verb:?}, {said:?}: {error:?}");
            assert!(connection.is_closed(), "{verb:?}, {said:?}");
            for verb in Verb::ALL {
                assert_closed(&verb.run(&mut connection, "b").await.unwrap_err());
            }
        },
    )
    .await;
}

async fn connect<R: Runtime>(runtime: &R, stream: Duplex) -> Connection<R> {
    Connection::connect_stream(runtime.clone(), stream, config()).await.unwrap()
}

async fn welcome(peer: &mut Peer<Duplex>) -> std::io::Result<()> {
    peer.read_first().await?;
    peer.send(&[authentication_ok(), backend_key_data(7, b"abcd"), ready_for_query(b'I')]).await
}

/// The reply to the first messages of an extended query, with one column.
fn described() -> Vec<Vec<u8>> {
    vec![parse_complete(), parameter_description(&[]), row_description(&["n"], 0), bind_complete()]
}

async fn breaches_of_the_framing_end_the_session<R: Runtime>(runtime: R) {
    let breaches = [
        header(b'D', -1),
        header(b'D', i32::MIN),
        header(b'Z', 3),
        header(b'1', 0),
        // 2 GiB, and then what only a row may have.
        header(b'D', i32::MAX),
        header(b'C', 1 << 20),
        header(b'Z', 1 << 17),
        header(b'T', 17 << 20),
        header(b'E', 17 << 20),
        message(b'?', b""),
        message(0, b""),
        message(b'Z', b""),
        message(b'Z', b"II"),
        message(b'Z', b"X"),
        message(b'S', b"name\0value"),
        message(b'S', b"name\0\xff\0"),
        message(b'N', b"Mno severity\0\0"),
        message(b'A', b"\0\0\0\x01channel"),
        // An error without fields, and one that is cut short.
        message(b'E', b"\0"),
        message(b'E', b""),
        message(b'E', b"SERROR\0C22012\0Mno end"),
        message(b'C', b"no end"),
    ];
    for breach in breaches {
        for verb in Verb::ALL {
            assert_ends(&runtime, verb, std::slice::from_ref(&breach), Kind::Protocol).await;
        }
    }
}

async fn what_has_no_place_in_a_reply_ends_the_session<R: Runtime>(runtime: R) {
    let misplaced = [
        authentication_ok(),
        backend_key_data(8, b"efgh"),
        message(b'v', b"\0\x03\0\0\0\0\0\0"),
        message(b'W', &[0, 0, 0]),
        message(b'V', &[0xff; 4]),
        message(b's', b""),
    ];
    for said in misplaced {
        for verb in Verb::EXTENDED {
            let said = [described(), vec![said.clone()]].concat();
            assert_ends(&runtime, verb, &said, Kind::Protocol).await;
        }
        assert_ends(&runtime, Verb::Prepare, &[parse_complete(), said.clone()], Kind::Protocol)
            .await;
        assert_ends(&runtime, Verb::Simple, &[said], Kind::Protocol).await;
    }
}

async fn descriptions_that_cannot_be_are_refused<R: Runtime>(runtime: R) {
    let many = message(b'T', &[0xff, 0xff, b'n', 0, 0, 0]);
    let format = |code: u8| {
        let mut description = row_description(&["n"], 0);
        *description.last_mut().unwrap() = code;
        description
    };
    for said in [
        vec![parse_complete(), parameter_description(&[]), many.clone()],
        vec![parse_complete(), parameter_description(&[]), format(2)],
        vec![parse_complete(), message(b't', &[0xff, 0xff, 0, 0])],
        vec![parse_complete(), row_description(&["n"], 0)],
        vec![parse_complete(), no_data()],
        vec![row_description(&["n"], 0)],
        vec![command_complete("SELECT 1")],
        vec![ready_for_query(b'I')],
        vec![parse_complete(), ready_for_query(b'I')],
    ] {
        for verb in Verb::EXTENDED.into_iter().chain([Verb::Prepare, Verb::Stream]) {
            assert_ends(&runtime, verb, &said, Kind::Protocol).await;
        }
    }
    assert_ends(&runtime, Verb::Simple, &[many], Kind::Protocol).await;
}

/// Rows that are none of one int8.
fn misshapen_rows() -> [Vec<u8>; 8] {
    let value: Option<&[u8]> = Some(b"\0\0\0\0\0\0\0\x01");
    [
        data_row(&[]),
        data_row(&[value, value]),
        message(b'D', b"\0\x01\xff\xff\xff\xfe"),
        message(b'D', b"\0\x01\0\0\0\x08short"),
        message(b'D', b"\0\x01\x7f\xff\xff\xff"),
        message(b'D', b"\0\x01\0\0\0\0more"),
        message(b'D', b""),
        // And 65,535 values.
        message(b'D', b"\xff\xff"),
    ]
}

/// The memory that a row stands in is lent to the tuple that is made of it.
async fn a_misshapen_row_ends_the_session_although_it_is_lent<R: Runtime>(runtime: R) {
    for row in misshapen_rows() {
        let ((), _) = converse(
            async |mut peer| {
                welcome(&mut peer).await?;
                peer.skip_request().await?;
                let [parsed, parameters, columns, bound] = described().try_into().unwrap();
                peer.send(&[parsed, parameters, columns, ready_for_query(b'I')]).await?;
                peer.skip_request().await?;
                peer.send(&[bound, int8_row(7), row.clone()]).await?;
                peer.drain().await
            },
            async |stream| {
                let mut connection = connect(&runtime, stream).await;
                let mut rows = connection.stream("a", ()).await.unwrap();
                assert_eq!(rows.next_as::<(i64,)>().await.unwrap(), Some((7,)));
                let error = rows.next_as::<(i64,)>().await.unwrap_err();
                assert_eq!(error.kind(), Kind::Protocol, "{row:?}");
                assert_eq!(rows.next_as::<(i64,)>().await.unwrap(), None);
                drop(rows);
                assert!(connection.is_closed(), "{row:?}");
            },
        )
        .await;
    }
}

async fn rows_that_do_not_fit_their_description_are_refused<R: Runtime>(runtime: R) {
    for row in misshapen_rows() {
        for verb in [Verb::Query, Verb::QueryOne, Verb::Scalar] {
            let said = [described(), vec![row.clone()]].concat();
            assert_ends(&runtime, verb, &said, Kind::Protocol).await;
        }
        assert_ends(&runtime, Verb::Simple, &[row_description(&["n"], 0), row], Kind::Protocol)
            .await;
    }
    // A row of a statement that returns none.
    let none = [parse_complete(), parameter_description(&[]), no_data(), bind_complete()];
    assert_ends(&runtime, Verb::Query, &[&none[..], &[int8_row(1)]].concat(), Kind::Protocol).await;
    assert_ends(&runtime, Verb::Simple, &[int8_row(1)], Kind::Protocol).await;
}

async fn a_fatal_error_ends_the_session_and_is_the_cause<R: Runtime>(runtime: R) {
    for verb in Verb::ALL {
        let said = [notice_response("going"), fatal_response("57P01", "shutting down")];
        assert_ends(&runtime, verb, &said, Kind::Server).await;
    }
}

/// A reply that ends before it is complete is not a result without rows.
async fn a_reply_without_an_outcome_is_refused<R: Runtime>(runtime: R) {
    for verb in Verb::EXTENDED {
        let said = [described(), vec![ready_for_query(b'I')]].concat();
        assert_ends(&runtime, verb, &said, Kind::Protocol).await;
        let said = [described(), vec![int8_row(1), ready_for_query(b'I')]].concat();
        assert_ends(&runtime, verb, &said, Kind::Protocol).await;
        // Before Bind is done there is neither row nor outcome.
        let unbound = described()[..3].to_vec();
        for early in [int8_row(1), command_complete("SELECT 1"), empty_query_response()] {
            let said = [unbound.clone(), vec![early]].concat();
            assert_ends(&runtime, verb, &said, Kind::Protocol).await;
        }
    }
    for verb in Verb::SIMPLE {
        assert_ends(&runtime, verb, &[ready_for_query(b'I')], Kind::Protocol).await;
    }
}

/// What came unasked with the last reply is not the reply to the next request.
async fn a_surplus_reply_is_nobodys<R: Runtime>(runtime: R) {
    let outcome = || [command_complete("UPDATE 7"), ready_for_query(b'I')].concat();
    let surpluses = [
        ready_for_query(b'I'),
        outcome(),
        command_complete("UPDATE 7"),
        int8_row(7),
        bind_complete(),
        error_response("22012", "not yours"),
        copy_in_response(),
    ];
    for surplus in surpluses {
        for verb in Verb::ALL {
            let (error, _) = converse(
                async |mut peer| {
                    welcome(&mut peer).await?;
                    peer.skip_request().await?;
                    peer.send(&[
                        command_complete("UPDATE 1"),
                        ready_for_query(b'I'),
                        surplus.clone(),
                    ])
                    .await?;
                    peer.drain().await
                },
                async |stream| {
                    let mut connection = connect(&runtime, stream).await;
                    connection.batch_execute("a").await.unwrap();
                    let error = verb.run(&mut connection, "b").await.unwrap_err();
                    assert!(connection.is_closed());
                    error
                },
            )
            .await;
            let kind = error.kind();
            assert!(
                matches!(kind, Kind::Protocol | Kind::Closed | Kind::Server),
                "{verb:?}, {surplus:?}: {error:?}"
            );
        }
    }
}

/// What comes while nobody reads is found by the next request. By the extended protocol it cannot pass for its reply.
async fn what_comes_while_idle_is_not_the_reply_to_the_next_request<R: Runtime>(runtime: R) {
    let unasked = [
        ready_for_query(b'I'),
        [command_complete("UPDATE 7"), ready_for_query(b'I')].concat(),
        int8_row(7),
        empty_query_response(),
        fatal_response("57P01", "shutting down"),
    ];
    for unasked in unasked {
        for verb in Verb::EXTENDED {
            let ((), _) = converse(
                async |mut peer| {
                    welcome(&mut peer).await?;
                    peer.expect(&[Frontend::Query("a".to_owned())]).await?;
                    peer.send(&[command_complete("UPDATE 1"), ready_for_query(b'I')]).await?;
                    yield_now().await;
                    peer.send(std::slice::from_ref(&unasked)).await?;
                    peer.drain().await
                },
                async |stream| {
                    let mut connection = connect(&runtime, stream).await;
                    connection.batch_execute("a").await.unwrap();
                    for _ in 0..10 {
                        yield_now().await;
                    }
                    let error = verb.run(&mut connection, "b").await;
                    let error = error.expect_err(&format!("{verb:?}, {unasked:?}"));
                    assert!(matches!(error.kind(), Kind::Protocol | Kind::Server), "{error:?}");
                },
            )
            .await;
        }
    }
}

/// A copy may fail by itself. The refusal is on its way then, and the next request stands behind it.
async fn a_copy_that_the_server_ends_by_itself_leaves_the_session_usable<R: Runtime>(runtime: R) {
    let ((), served) = converse(
        async |mut peer| {
            welcome(&mut peer).await?;
            peer.expect(&[Frontend::Query("copy in".to_owned())]).await?;
            peer.send(&[
                copy_in_response(),
                error_response("57014", "timeout"),
                ready_for_query(b'I'),
            ])
            .await?;
            let refusal = Frontend::CopyFail("this call sends no copy data".to_owned());
            peer.expect(&[refusal, Frontend::Query("b".to_owned())]).await?;
            peer.send(&[command_complete("DO"), ready_for_query(b'I')]).await?;
            peer.expect(&[Frontend::Terminate]).await
        },
        async |stream| {
            let mut connection = connect(&runtime, stream).await;
            let error = connection.batch_execute("copy in").await.unwrap_err();
            assert_eq!(error.sqlstate().unwrap().code(), "57014");
            connection.batch_execute("b").await.unwrap();
        },
    )
    .await;
    served.unwrap();
}

/// A request cannot be answered before all of it was sent.
async fn an_answer_to_what_was_not_sent_ends_the_session<R: Runtime>(runtime: R) {
    let (near, far) = Duplex::pair();
    let (gate, keeper) = Gate::new(near);
    let server = async {
        let mut peer = Peer::new(far);
        welcome(&mut peer).await.unwrap();
        yield_now().await;
        peer.send(&[command_complete("DO"), ready_for_query(b'I')]).await.unwrap();
        // What is left of the request comes when the client hangs up, or never.
        drop(peer.drain().await);
    };
    let client = async {
        let mut connection =
            Connection::connect_stream(runtime.clone(), gate, config()).await.unwrap();
        keeper.allow(3);
        let error = connection.batch_execute("a").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol);
        assert_closed(&connection.batch_execute("b").await.unwrap_err());
    };
    join(server, client).await;
}

/// A parameter that is not an `int8` after all is told by its name, and the session stays.
async fn a_statement_with_other_parameters_than_given_is_refused_unsent<R: Runtime>(runtime: R) {
    let (error, served) = converse(
        async |mut peer| {
            welcome(&mut peer).await?;
            peer.skip_request().await?;
            let columns = row_description(&["n"], 0);
            peer.send(&[parse_complete(), parameter_description(&[INT8, INT8]), columns]).await?;
            peer.send(&[parameter_status("x", "y"), ready_for_query(b'I')]).await?;
            assert_eq!(peer.read().await?, Some(Frontend::Terminate));
            Ok(())
        },
        async |stream| {
            let mut connection = connect(&runtime, stream).await;
            let error = connection.query("a", (1_i64,)).await.unwrap_err();
            assert!(!connection.is_closed());
            error
        },
    )
    .await;
    served.unwrap();
    assert_eq!((error.kind(), error.is_unsent()), (Kind::Usage, true));
}

/// What is read and written is taken to be UTF-8: in another encoding it would be silently corrupted.
async fn another_encoding_ends_the_session<R: Runtime>(runtime: R) {
    for encoding in ["LATIN1", "SQL_ASCII", "EUC_JP", ""] {
        let status = parameter_status("client_encoding", encoding);
        for verb in Verb::SIMPLE {
            let said = [status.clone(), command_complete("SET"), ready_for_query(b'I')];
            assert_ends(&runtime, verb, &said, Kind::Protocol).await;
            let said = [command_complete("SET"), status.clone(), ready_for_query(b'I')];
            assert_ends(&runtime, verb, &said, Kind::Protocol).await;
        }
        for verb in Verb::EXTENDED {
            let rest = vec![int8_row(1), command_complete("SELECT 1"), ready_for_query(b'I')];
            let said = [described(), vec![status.clone()], rest].concat();
            assert_ends(&runtime, verb, &said, Kind::Protocol).await;
        }
    }
}

async fn the_error_names_the_other_encoding<R: Runtime>(runtime: R) {
    let ((), _) = converse(
        async |mut peer| {
            welcome(&mut peer).await?;
            for encoding in ["UTF8", "LATIN1"] {
                peer.skip_request().await?;
                let status = parameter_status("client_encoding", encoding);
                peer.send(&[command_complete("SET"), status, ready_for_query(b'I')]).await?;
            }
            peer.drain().await
        },
        async |stream| {
            let mut connection = connect(&runtime, stream).await;
            connection.batch_execute("set client_encoding to 'UTF8'").await.unwrap();
            let setting = connection.batch_execute("set client_encoding to 'LATIN1'");
            let error = setting.await.unwrap_err();
            assert_eq!(error.kind(), Kind::Protocol);
            let text = error.to_string();
            assert!(text.contains("client_encoding") && text.contains("LATIN1"), "{text}");
        },
    )
    .await;
}

on_every_runtime!(
    another_encoding_ends_the_session,
    the_error_names_the_other_encoding,
    breaches_of_the_framing_end_the_session,
    what_has_no_place_in_a_reply_ends_the_session,
    descriptions_that_cannot_be_are_refused,
    a_misshapen_row_ends_the_session_although_it_is_lent,
    rows_that_do_not_fit_their_description_are_refused,
    a_fatal_error_ends_the_session_and_is_the_cause,
    a_reply_without_an_outcome_is_refused,
    a_surplus_reply_is_nobodys,
    what_comes_while_idle_is_not_the_reply_to_the_next_request,
    a_copy_that_the_server_ends_by_itself_leaves_the_session_usable,
    an_answer_to_what_was_not_sent_ends_the_session,
    a_statement_with_other_parameters_than_given_is_refused_unsent,
);
