//! Notifications of a scripted server: cut, dropped, flooding, hostile.

use std::error::Error as _;
use std::io;

use aiopg::{Connection, Error, Kind, Runtime};
use aiopg_tests::cancel::{PollLimit, yield_now};
use aiopg_tests::duplex::{Direction, Duplex};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::backend::{
    authentication_ok, backend_key_data, bind_complete, close_complete, command_complete, header,
    int8_row, message, notification_response, parameter_status, parse_complete, ready_for_query,
    row_description,
};
use aiopg_tests::script::{Dialogue, Peer};
use futures::future::join;

use crate::converse::{config, converse};
use crate::streams::Fountain;

/// Notifications of different lengths, numbered by their payloads.
fn numbered(count: usize) -> Vec<Vec<u8>> {
    let number = |n: usize| notification_response(7, "news", &format!("{n}{}", ".".repeat(n % 9)));
    (0..count).map(number).collect()
}

/// Checks the payload of the notification with this number.
fn assert_numbered(received: Result<aiopg::Notification, Error>, number: usize) {
    let notification = received.unwrap();
    assert_eq!((notification.channel(), notification.process_id()), ("news", 7));
    assert_eq!(notification.payload().trim_end_matches('.'), number.to_string());
}

async fn notify(mut peer: Peer<Duplex>, messages: Vec<Vec<u8>>) -> io::Result<()> {
    Dialogue::trust().send(messages).play_on(&mut peer).await?;
    peer.drain().await
}

async fn connect<R: Runtime>(runtime: &R, stream: Duplex) -> Connection<R> {
    Connection::connect_stream(runtime.clone(), stream, config()).await.unwrap()
}

async fn notifications_are_whole_however_the_bytes_arrive<R: Runtime>(runtime: R) {
    for chunk in [1, 2, 3, 7, 100] {
        let (near, far) =
            Duplex::pair_with(Direction::default(), Direction::default().chunk(chunk));
        let tap = near.tap();
        let client = async {
            let mut connection = connect(&runtime, near).await;
            let before = tap.sent().len();
            for number in 0..100 {
                assert_numbered(connection.notifications().recv().await, number);
            }
            assert_eq!(connection.notifications().try_recv().unwrap(), None);
            assert_eq!(tap.sent().len(), before, "nothing is sent to receive");
        };
        let (_, ()) = join(notify(Peer::new(far), numbered(100)), client).await;
    }
}

/// A way to end a stream after so many bytes.
type Cut = fn(usize) -> Direction;

/// Those that came whole, and then the reason, as often as somebody asks.
async fn a_stream_that_is_cut_anywhere_gives_what_was_whole<R: Runtime>(runtime: R) {
    let messages = numbered(8);
    let length: usize = messages.iter().map(Vec::len).sum();
    let welcome = [
        authentication_ok(),
        parameter_status("client_encoding", "UTF8"),
        parameter_status("server_version", "18.4"),
        backend_key_data(7, b"abcd"),
        ready_for_query(b'I'),
    ];
    let opened: usize = welcome.iter().map(Vec::len).sum();
    let cuts: [Cut; 2] = [
        |bytes| Direction::default().cut_after(bytes),
        |bytes| Direction::default().reset_after(bytes),
    ];
    for (bytes, cut) in (0..length).flat_map(|bytes| cuts.map(|cut| (bytes, cut))) {
        let (near, far) = Duplex::pair_with(Direction::default(), cut(opened + bytes));
        let client = async {
            let mut connection = connect(&runtime, near).await;
            let (mut left, mut whole) = (bytes, 0);
            while messages[whole].len() <= left {
                left -= messages[whole].len();
                assert_numbered(connection.notifications().recv().await, whole);
                whole += 1;
            }
            for _ in 0..3 {
                let error = connection.notifications().recv().await.unwrap_err();
                assert_eq!(error.kind(), Kind::Closed, "after {bytes} bytes: {error:?}");
                let cause = error.source().unwrap().downcast_ref::<Error>().unwrap();
                assert_eq!(cause.kind(), Kind::Io, "{cause:?}");
            }
        };
        let (_, ()) = join(notify(Peer::new(far), messages.clone()), client).await;
    }
}

async fn a_recv_dropped_at_every_poll_loses_nothing<R: Runtime>(runtime: R) {
    for polls in 1..4 {
        let (near, far) = Duplex::pair_with(Direction::default(), Direction::default().chunk(1));
        let client = async {
            let mut connection = connect(&runtime, near).await;
            for number in 0..40 {
                let received = loop {
                    let mut notifications = connection.notifications();
                    if let Some(next) = PollLimit::new(notifications.recv(), polls).await {
                        break next;
                    }
                    yield_now().await;
                };
                assert_numbered(received, number);
            }
        };
        let (_, ()) = join(notify(Peer::new(far), numbered(40)), client).await;
    }
}

/// They come faster than anybody can receive them, and wait in the stream.
async fn a_flood_is_handed_over_one_by_one<R: Runtime>(runtime: R) {
    let welcome = [authentication_ok(), backend_key_data(7, b"abcd"), ready_for_query(b'I')];
    let flood = notification_response(7, "c", "");
    let fountain = Fountain::new(welcome.concat(), vec![], flood).at_once();
    let mut connection =
        Connection::connect_stream(runtime.clone(), fountain, config()).await.unwrap();
    for _ in 0..50_000 {
        assert_eq!(connection.notifications().recv().await.unwrap().channel(), "c");
        assert!(connection.notifications().len() <= 1);
    }
}

/// What answers nothing ends the session, also while nobody asks for anything but notifications.
async fn a_surplus_message_ends_the_session_behind_what_came_before<R: Runtime>(runtime: R) {
    let surplus = [
        ready_for_query(b'I'),
        command_complete("SELECT 1"),
        int8_row(1),
        parse_complete(),
        bind_complete(),
        close_complete(),
        row_description(&["n"], 0),
        backend_key_data(1, b"abcd"),
        message(b'A', b"\0\0\0\x07news\0\xff\xfe\0"),
        message(b'A', b"\0\0\0\x07news\0no end"),
        message(b'A', b"\0\0"),
        header(b'A', 100_000),
        header(b'A', -1),
        message(b'?', b""),
    ];
    for last in surplus {
        let mut messages = numbered(2);
        messages.push(last.clone());
        messages.extend(numbered(1));
        let ((), _) = converse(
            async |peer| notify(peer, messages).await,
            async |stream| {
                let mut connection = connect(&runtime, stream).await;
                assert_numbered(connection.notifications().recv().await, 0);
                assert_numbered(connection.notifications().recv().await, 1);
                let error = connection.notifications().recv().await.unwrap_err();
                assert_eq!(error.kind(), Kind::Closed, "{last:?}");
                let cause = error.source().unwrap().downcast_ref::<Error>().unwrap();
                assert_eq!(cause.kind(), Kind::Protocol, "{last:?}: {cause:?}");
                assert!(connection.is_closed());
            },
        )
        .await;
    }
}

on_every_runtime!(
    notifications_are_whole_however_the_bytes_arrive,
    a_stream_that_is_cut_anywhere_gives_what_was_whole,
    a_recv_dropped_at_every_poll_loses_nothing,
    a_flood_is_handed_over_one_by_one,
    a_surplus_message_ends_the_session_behind_what_came_before,
);
