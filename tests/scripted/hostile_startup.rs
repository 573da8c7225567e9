//! A hostile server during start-up: it can neither cut authentication short nor make the client pay for it.

use std::io;

use aiopg::{Config, Connection, Error, Kind, Runtime};
use aiopg_tests::duplex::Duplex;
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::backend::{
    authentication, authentication_ok, authentication_sasl, backend_key_data, bind_complete,
    copy_in_response, error_response, fatal_response, header, message, negotiate_protocol_version,
    parameter_status, ready_for_query,
};
use aiopg_tests::script::scram::{Exchange, SALT_AND_ROUNDS};
use aiopg_tests::script::{Frontend, Peer};
use futures::future::join;

use crate::converse::{config, converse};

/// What a client makes of a server; the server then waits for the end of the stream.
async fn connect<R: Runtime>(
    runtime: R,
    server: impl AsyncFnOnce(&mut Peer<Duplex>) -> io::Result<()>,
) -> Result<Connection<R>, Error> {
    connect_with(runtime, config(), server).await
}

async fn connect_with<R: Runtime>(
    runtime: R,
    config: Config,
    server: impl AsyncFnOnce(&mut Peer<Duplex>) -> io::Result<()>,
) -> Result<Connection<R>, Error> {
    let (near, far) = Duplex::pair();
    let server = async {
        let mut peer = Peer::new(far);
        peer.read_first().await.unwrap();
        // Whoever hangs up on a hostile server need not be polite.
        if server(&mut peer).await.is_ok() {
            drop(peer.drain().await);
        }
    };
    let client = async {
        let mut connected = Connection::connect_stream(runtime, near, config).await;
        if let Ok(connection) = &mut connected {
            connection.close().await.unwrap();
        }
        connected
    };
    join(server, client).await.1
}

/// A server that says all this at once.
async fn connect_to<R: Runtime>(runtime: &R, said: &[Vec<u8>]) -> Result<Connection<R>, Error> {
    connect(runtime.clone(), async |peer| peer.send(said).await).await
}

/// A server that runs SCRAM and has its say in each of its two messages, and in what follows.
async fn scram_with<R: Runtime>(
    runtime: &R,
    first: impl Fn(&str) -> Vec<u8>,
    last: impl Fn(String) -> Vec<Vec<u8>>,
) -> Result<Connection<R>, Error> {
    connect(runtime.clone(), async |peer| {
        let mut exchange = Exchange::default();
        peer.send(&[authentication_sasl(&["SCRAM-SHA-256"])]).await?;
        let answer = exchange.first(&password(peer).await?);
        peer.send(&[first(&answer)]).await?;
        let answer = exchange.last(&password(peer).await?);
        peer.send(&last(answer)).await
    })
    .await
}

async fn password(peer: &mut Peer<Duplex>) -> io::Result<Vec<u8>> {
    match peer.read().await? {
        Some(Frontend::Password(body)) => Ok(body),
        Some(other) => panic!("{other:?} is no password"),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn honest(answer: &str) -> Vec<u8> {
    authentication(11, answer.as_bytes())
}

fn welcome() -> Vec<Vec<u8>> {
    vec![authentication_ok(), backend_key_data(7, b"abcd"), ready_for_query(b'I')]
}

fn kind<R: Runtime>(connected: Result<Connection<R>, Error>) -> Kind {
    connected.map(drop).unwrap_err().kind()
}

async fn what_has_no_place_in_start_up_is_refused<R: Runtime>(runtime: R) {
    let wrong = [
        vec![ready_for_query(b'I')],
        vec![backend_key_data(7, b"abcd")],
        vec![bind_complete()],
        vec![authentication_ok(), authentication_ok()],
        vec![authentication_ok(), authentication(3, b"")],
        vec![authentication(11, b"r=x,s=eA==,i=1")],
        vec![authentication(12, b"v=eA==")],
        vec![authentication(99, b"")],
        vec![authentication(5, b"abc")],
        vec![message(b'R', b"")],
        vec![header(b'R', 3)],
        vec![header(b'R', -1)],
        vec![header(b'R', 1 << 20)],
        vec![header(b'D', i32::MAX)],
        vec![message(b'?', b"")],
        vec![message(b'E', b"\0")],
        vec![authentication_ok(), ready_for_query(b'X')],
        vec![authentication_ok(), copy_in_response()],
        vec![authentication_ok(), message(b'K', b"\0\0")],
        vec![
            parameter_status("client_encoding", "LATIN1"),
            authentication_ok(),
            ready_for_query(b'I'),
        ],
        b"HTTP/1.1 400 Bad Request\r\n\r\n".chunks(9).map(<[u8]>::to_vec).collect(),
    ];
    for said in wrong {
        assert_eq!(kind(connect_to(&runtime, &said).await), Kind::Protocol, "{said:?}");
    }
}

async fn an_error_of_the_server_is_told_with_its_code<R: Runtime>(runtime: R) {
    for said in [fatal_response("28P01", "no"), error_response("53300", "no")] {
        assert_eq!(kind(connect_to(&runtime, &[said]).await), Kind::Server);
    }
}

async fn methods_that_are_not_supported_are_refused<R: Runtime>(runtime: R) {
    let methods = [2, 7, 9].map(|code| authentication(code, b""));
    for said in methods.into_iter().chain([authentication_sasl(&["SCRAM-SHA-256-PLUS", "X"])]) {
        assert_eq!(kind(connect_to(&runtime, &[said]).await), Kind::Authentication);
    }
    assert_eq!(kind(connect_to(&runtime, &[authentication_sasl(&[])]).await), Kind::Authentication);
}

async fn an_honest_exchange_opens_the_session<R: Runtime>(runtime: R) {
    let last = |answer: String| [vec![authentication(12, answer.as_bytes())], welcome()].concat();
    assert!(scram_with(&runtime, honest, last).await.is_ok());
}

async fn scram_cannot_be_cut_short<R: Runtime>(runtime: R) {
    let sasl = || authentication_sasl(&["SCRAM-SHA-256"]);
    for said in [authentication_ok(), sasl(), authentication(3, b""), authentication(12, b"v=eA==")]
    {
        assert_eq!(kind(connect_to(&runtime, &[sasl(), said]).await), Kind::Protocol);
    }
    // Instead of its proof, the server just lets the client in.
    assert_eq!(kind(scram_with(&runtime, honest, |_| welcome()).await), Kind::Protocol);
    let again = |_| vec![authentication_sasl(&["SCRAM-SHA-256"])];
    assert_eq!(kind(scram_with(&runtime, honest, again).await), Kind::Protocol);
}

async fn a_first_message_of_scram_that_is_not_honest_is_refused<R: Runtime>(runtime: R) {
    let never = |_| panic!("the client went on");
    let replaced = |text: &'static str| move |_: &str| authentication(11, text.as_bytes());
    for text in ["", "r=,s=eA==,i=64", "r=theirs,s=eA==,i=64", "e=other-error", "\u{0}"] {
        assert_eq!(
            kind(scram_with(&runtime, replaced(text), never).await),
            Kind::Protocol,
            "{text}"
        );
    }
    let own_nonce = |answer: &str| {
        let nonce = answer.split("+server").next().unwrap();
        authentication(11, format!("{nonce},{SALT_AND_ROUNDS}").as_bytes())
    };
    assert_eq!(kind(scram_with(&runtime, own_nonce, never).await), Kind::Protocol);
    let changed = |from: &'static str, to: &'static str| {
        move |answer: &str| authentication(11, answer.replace(from, to).as_bytes())
    };
    for (from, to, expected) in [
        ("i=64", "i=0", Kind::Protocol),
        ("i=64", "i=-64", Kind::Protocol),
        ("i=64", "i=64,x=y", Kind::Protocol),
        ("s=c2Fs", "s=!", Kind::Protocol),
        ("i=64", "i=100001", Kind::Authentication),
        ("i=64", "i=4294967296000", Kind::Authentication),
        ("r=", "m=x,r=", Kind::Authentication),
    ] {
        let connected = scram_with(&runtime, changed(from, to), never).await;
        assert_eq!(kind(connected), expected, "{to}");
    }
    let long =
        |answer: &str| authentication(11, format!("{answer}{}", "0".repeat(4096)).as_bytes());
    assert_eq!(kind(scram_with(&runtime, long, never).await), Kind::Protocol);
}

async fn a_server_that_does_not_know_the_password_is_refused<R: Runtime>(runtime: R) {
    let last = |text: String| [vec![authentication(12, text.as_bytes())], welcome()].concat();
    let wrong = "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (text, expected) in [
        (wrong, Kind::Authentication),
        ("e=invalid-proof", Kind::Authentication),
        ("v=AAAA", Kind::Protocol),
        ("v=!", Kind::Protocol),
        ("", Kind::Protocol),
    ] {
        let connected = scram_with(&runtime, honest, |_| last(text.to_owned())).await;
        assert_eq!(kind(connected), expected, "{text}");
    }
    let extended = |answer: String| last(format!("{answer},x=y"));
    assert_eq!(kind(scram_with(&runtime, honest, extended).await), Kind::Protocol);
}

async fn a_cancel_key_has_up_to_256_bytes<R: Runtime>(runtime: R) {
    for length in [1, 4, 32, 256] {
        let key = backend_key_data(7, &vec![9; length]);
        let connected =
            connect_to(&runtime, &[authentication_ok(), key, ready_for_query(b'I')]).await;
        assert_eq!(connected.unwrap().process_id(), Some(7));
    }
    for length in [0, 257] {
        let key = backend_key_data(7, &vec![9; length]);
        let connected =
            connect_to(&runtime, &[authentication_ok(), key, ready_for_query(b'I')]).await;
        assert_eq!(kind(connected), Kind::Protocol);
    }
    let none = connect_to(&runtime, &[authentication_ok(), ready_for_query(b'I')]).await;
    assert_eq!(none.unwrap().process_id(), None, "some poolers send no key");
}

async fn a_protocol_version_is_only_negotiated_down<R: Runtime>(runtime: R) {
    let said = |version, options: &[&str]| {
        [vec![negotiate_protocol_version(version, options)], welcome()].concat()
    };
    let negotiate = async |said: Vec<Vec<u8>>, config: Config| {
        connect_with(runtime.clone(), config, async |peer| peer.send(&said).await).await
    };
    let newest = "user=ada password=secret max_protocol_version=3.2";
    let newest: Config = newest.parse().unwrap();
    assert!(negotiate(said(3 << 16, &[]), newest.clone()).await.is_ok());
    for version in [2 << 16, (3 << 16) + 1, (3 << 16) + 2, (3 << 16) + 3, 4 << 16, -1] {
        assert_eq!(kind(negotiate(said(version, &[]), newest.clone()).await), Kind::Protocol);
    }
    // Nothing newer was asked for, and no option ever is.
    assert_eq!(kind(negotiate(said(3 << 16, &[]), config()).await), Kind::Protocol);
    assert_eq!(kind(negotiate(said(3 << 16, &["_pq_.x"]), newest.clone()).await), Kind::Protocol);
    let late =
        vec![authentication_ok(), negotiate_protocol_version(3 << 16, &[]), ready_for_query(b'I')];
    assert_eq!(kind(negotiate(late, newest.clone()).await), Kind::Protocol);
    let cut = message(b'v', b"\0\x03\0\0\xff\xff\xff\xff");
    assert_eq!(kind(negotiate(vec![cut], newest).await), Kind::Protocol);
}

async fn a_version_that_cannot_be_is_no_reason_to_panic<R: Runtime>(runtime: R) {
    let versions = [
        ("", None),
        (".", None),
        ("x.y", None),
        ("-1.2", None),
        ("18.4", Some(180_004)),
        ("9.42949672.95", None),
        ("9.42949672.96", None),
        ("9.42948772.95", None),
        ("9.4294967295.1", None),
        ("9.6.4294967295", None),
        ("429496.7296", None),
        ("4294967295", None),
        ("99999999999999999999.1", None),
    ];
    for (text, known) in versions {
        let version = parameter_status("server_version", text);
        let key = backend_key_data(7, b"abcd");
        let said = [authentication_ok(), version, key, ready_for_query(b'I')];
        let connection = connect_to(&runtime, &said).await.unwrap();
        let number = connection.server_version();
        if known.is_some() {
            assert_eq!(number, known, "{text}");
        }
        assert!(!format!("{connection:?}").is_empty());
    }
}

async fn a_connect_that_fails_says_no_good_bye<R: Runtime>(runtime: R) {
    let (result, served) = converse(
        async |mut peer| {
            peer.read_first().await?;
            peer.send(&[bind_complete()]).await?;
            assert_eq!(peer.read().await?, None, "there was no session to end");
            Ok(())
        },
        async |stream| Connection::connect_stream(runtime, stream, config()).await.map(drop),
    )
    .await;
    assert_eq!(result.unwrap_err().kind(), Kind::Protocol);
    served.unwrap();
}

on_every_runtime!(
    what_has_no_place_in_start_up_is_refused,
    an_error_of_the_server_is_told_with_its_code,
    methods_that_are_not_supported_are_refused,
    an_honest_exchange_opens_the_session,
    scram_cannot_be_cut_short,
    a_first_message_of_scram_that_is_not_honest_is_refused,
    a_server_that_does_not_know_the_password_is_refused,
    a_cancel_key_has_up_to_256_bytes,
    a_protocol_version_is_only_negotiated_down,
    a_version_that_cannot_be_is_no_reason_to_panic,
    a_connect_that_fails_says_no_good_bye,
);
