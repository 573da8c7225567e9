//! Every dialogue goes as written: whole, byte by byte, and with messages between any two that nobody asked for.

use std::sync::{Arc, Mutex};

use aiopg::{Connection, Runtime};
use aiopg_tests::duplex::{Direction, Duplex};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::backend::{
    command_complete, error_response, notice_response, parse_complete, ready_for_query,
};
use aiopg_tests::script::{Auth, Dialogue, FakeServer, Frontend, Peer};
use futures::future::join;

use crate::cases::Case;
use crate::converse::{config, served};

/// Has a dialogue with directions of this kind.
async fn converse<R: Runtime>(runtime: R, case: Case, direction: Direction, noisy: bool) {
    let (near, far) = Duplex::pair_with(direction.clone(), direction);
    let playing = case.dialogue().play(Peer::new(far).noisy(noisy));
    let client = async {
        let mut connection =
            Connection::connect_stream(runtime, near, case.config()).await.unwrap();
        case.act(&mut connection).await.unwrap_or_else(|error| panic!("{case:?}: {error:?}"));
        assert!(!connection.is_closed());
        if noisy {
            assert!(connection.parameter("noise").is_some());
            assert!((1..=50).contains(&connection.notices().len()));
        }
        connection.close().await.unwrap();
    };
    let (served, ()) = join(playing, client).await;
    served.unwrap();
}

async fn every_dialogue_goes_as_written<R: Runtime>(runtime: R) {
    for case in Case::ALL {
        converse(runtime.clone(), case, Direction::default(), false).await;
    }
}

async fn every_dialogue_passes_with_one_byte_per_read_and_write<R: Runtime>(runtime: R) {
    for case in Case::ALL {
        converse(runtime.clone(), case, Direction::default().chunk(1), false).await;
        converse(runtime.clone(), case, Direction::default().capacity(1), true).await;
    }
}

async fn every_dialogue_passes_with_unasked_messages_between_any_two<R: Runtime>(runtime: R) {
    for case in Case::ALL {
        converse(runtime.clone(), case, Direction::default(), true).await;
        converse(runtime.clone(), case, Direction::default().chunk(1), true).await;
    }
}

async fn a_tiny_server_is_reached_by_each_authentication<R: Runtime>(runtime: R) {
    for auth in Auth::ALL {
        let server = FakeServer::new().auth(auth).noisy(true);
        let answer = served(&server, async |dialer| {
            let stream = dialer.dial();
            let mut connection =
                Connection::connect_stream(runtime.clone(), stream, config()).await.unwrap();
            connection.query_scalar::<i64>("select $1::int8", (5_i64,)).await.unwrap()
        });
        assert_eq!(answer.await, 5);
    }
}

async fn the_notice_hook_is_told_every_notice_in_order<R: Runtime>(runtime: R) {
    let reply = (0..100).map(|number| notice_response(&number.to_string()));
    let reply: Vec<_> = reply.chain([command_complete("DO"), ready_for_query(b'I')]).collect();
    let dialogue = Dialogue::trust().expect([Frontend::Query("do".to_owned())]).send(reply);
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    let config = config().on_notice(move |notice| {
        hook.lock().unwrap().push(notice.message().to_owned());
    });
    let (near, far) = Duplex::pair();
    let client = async {
        let mut connection = Connection::connect_stream(runtime, near, config).await.unwrap();
        connection.batch_execute("do").await.unwrap();
        assert_eq!(connection.notices().len(), 50);
    };
    let (served, ()) = join(dialogue.play(Peer::new(far)), client).await;
    served.unwrap();
    let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(*told.lock().unwrap(), expected);
}

/// The server has the statement, whatever went wrong after Parse.
async fn a_statement_that_was_parsed_but_not_described_is_closed<R: Runtime>(runtime: R) {
    let name = "aiopg_7_1".to_owned();
    let parse = Frontend::Parse { name: name.clone(), sql: "a".to_owned(), types: Vec::new() };
    let bind = Frontend::Bind { name: name.clone(), values: Vec::new() };
    let cancelled = error_response("57014", "canceling statement due to statement timeout");
    let request = [parse, Frontend::Describe(name.clone()), bind, Frontend::Execute];
    let dialogue = Dialogue::trust()
        .expect(request)
        .expect([Frontend::Sync])
        .send([parse_complete(), cancelled, ready_for_query(b'I')])
        .expect([Frontend::Close(name)]);
    let (near, far) = Duplex::pair();
    let client = async {
        let mut connection = Connection::connect_stream(runtime, near, config()).await.unwrap();
        let error = connection.query("a", ()).await.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().code(), "57014");
        // Whatever comes next takes the Close along, and is lost with the server.
        connection.query("b", ()).await.unwrap_err();
    };
    let server = async {
        let mut peer = Peer::new(far);
        dialogue.play_on(&mut peer).await.unwrap();
    };
    join(server, client).await;
}

on_every_runtime!(
    every_dialogue_goes_as_written,
    every_dialogue_passes_with_one_byte_per_read_and_write,
    every_dialogue_passes_with_unasked_messages_between_any_two,
    a_tiny_server_is_reached_by_each_authentication,
    the_notice_hook_is_told_every_notice_in_order,
    a_statement_that_was_parsed_but_not_described_is_closed,
);
