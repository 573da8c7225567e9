//! What the start-up exchange accepts, and what it refuses.

use bytes::BytesMut;

use crate::auth::NONCE_LENGTH;
use crate::config::{ChannelBinding, ProtocolVersion, Secret};
use crate::error::{Error, Kind};
use crate::flow::startup::{Credentials, Startup, Step, stretch};
use crate::message::{
    Authentication, Backend, BackendKeyData, NegotiateProtocolVersion, PROTOCOL_3_0, PROTOCOL_3_2,
    ReadyForQuery, TransactionStatus,
};

fn credentials(password: Option<&str>) -> Credentials {
    Credentials {
        user: "ada".to_owned(),
        password: password.map(Secret::new),
        require_auth: "".parse().unwrap(),
        channel_binding: ChannelBinding::Prefer,
        end_point: None,
        min_protocol_version: ProtocolVersion::V3_0,
        max_protocol_version: ProtocolVersion::V3_0,
    }
}

fn start(credentials: Credentials) -> Startup {
    Startup::new(credentials, [7; NONCE_LENGTH])
}

fn ask(startup: &mut Startup, request: Authentication<'_>) -> Result<(Step, BytesMut), Error> {
    let mut out = BytesMut::new();
    let step = startup.handle(Backend::Authentication(request), &mut out)?;
    Ok((step, out))
}

fn ready() -> Backend<'static> {
    Backend::ReadyForQuery(ReadyForQuery { status: TransactionStatus::Idle })
}

fn with_password() -> Credentials {
    credentials(Some("secret"))
}

#[test]
fn the_first_message_holds_the_user_and_the_parameters() {
    let mut out = BytesMut::new();
    start(credentials(None)).write_first(&[("options", "-c geqo=off")], &mut out).unwrap();
    assert_eq!(&out[4..], b"\0\x03\0\0user\0ada\0options\0-c geqo=off\0\0");
    out.clear();
    let newest = Credentials { max_protocol_version: ProtocolVersion::V3_2, ..credentials(None) };
    start(newest).write_first(&[], &mut out).unwrap();
    assert_eq!(&out[4..8], b"\0\x03\0\x02");
}

#[test]
fn a_trusted_session_opens() {
    let mut startup = start(credentials(None));
    assert!(matches!(ask(&mut startup, Authentication::Ok), Ok((Step::Continue, _))));
    let key = Backend::BackendKeyData(BackendKeyData { process_id: 1, secret_key: b"abcd" });
    assert!(matches!(startup.handle(key, &mut BytesMut::new()), Ok(Step::Continue)));
    assert!(matches!(startup.handle(ready(), &mut BytesMut::new()), Ok(Step::Ready)));
}

#[test]
fn passwords_are_answered_once() {
    let mut startup = start(with_password());
    let (_, out) = ask(&mut startup, Authentication::CleartextPassword).unwrap();
    assert_eq!(&out[..], b"p\0\0\0\x0bsecret\0");
    let again = ask(&mut startup, Authentication::CleartextPassword);
    assert_eq!(again.unwrap_err().kind(), Kind::Protocol);
    let mut startup = start(with_password());
    let (_, out) = ask(&mut startup, Authentication::Md5Password { salt: *b"salt" }).unwrap();
    assert!(out.starts_with(b"p\0\0\0\x28md5"), "{out:?}");
}

#[test]
fn a_missing_password_is_told_before_anything_is_sent() {
    let sasl = Authentication::Sasl { mechanisms: vec!["SCRAM-SHA-256"] };
    let md5 = Authentication::Md5Password { salt: [0; 4] };
    for request in [Authentication::CleartextPassword, md5, sasl] {
        let mut startup = start(credentials(None));
        let mut out = BytesMut::new();
        let error = startup.handle(Backend::Authentication(request), &mut out).unwrap_err();
        assert_eq!(error.kind(), Kind::Authentication);
        assert!(out.is_empty());
    }
}

#[test]
fn scram_cannot_be_cut_short_by_the_server() {
    let sasl = || Authentication::Sasl { mechanisms: vec!["SCRAM-SHA-256"] };
    let mut startup = start(with_password());
    ask(&mut startup, sasl()).unwrap();
    assert_eq!(ask(&mut startup, Authentication::Ok).unwrap_err().kind(), Kind::Protocol);

    let mut startup = start(with_password());
    let (_, out) = ask(&mut startup, sasl()).unwrap();
    let first = std::str::from_utf8(&out).unwrap().rsplit_once("r=").unwrap().1.to_owned();
    let server_first = format!("r={first}xyz,s=c2FsdA==,i=2");
    let (step, _) =
        ask(&mut startup, Authentication::SaslContinue(server_first.as_bytes())).unwrap();
    let Step::Stretch { password, salt, iterations } = step else { panic!("{step:?}") };
    assert_eq!((&salt[..], iterations), (&b"salt"[..], 2));
    startup.salted(&stretch(&password, &salt, iterations), &mut BytesMut::new()).unwrap();
    assert_eq!(ask(&mut startup, Authentication::Ok).unwrap_err().kind(), Kind::Protocol);
}

#[test]
fn messages_out_of_order_are_refused() {
    let mut startup = start(with_password());
    assert!(startup.handle(ready(), &mut BytesMut::new()).is_err());
    let mut startup = start(with_password());
    let key = Backend::BackendKeyData(BackendKeyData { process_id: 1, secret_key: b"abcd" });
    assert!(startup.handle(key, &mut BytesMut::new()).is_err());
    let mut startup = start(with_password());
    assert!(startup.handle(Backend::NoData, &mut BytesMut::new()).is_err());
    let mut startup = start(with_password());
    assert!(startup.salted(&stretch(&Secret::new("a"), b"b", 1), &mut BytesMut::new()).is_err());
}

#[test]
fn unsupported_methods_are_refused_by_name() {
    let mut startup = start(with_password());
    let error = ask(&mut startup, Authentication::Gss).unwrap_err();
    assert_eq!(error.kind(), Kind::Authentication);
    let text = "the server demands authentication by GSSAPI, which is not supported";
    assert_eq!(error.to_string(), text);
    let mut startup = start(with_password());
    let plus = Authentication::Sasl { mechanisms: vec!["SCRAM-SHA-256-PLUS"] };
    assert_eq!(ask(&mut startup, plus).unwrap_err().kind(), Kind::Authentication);
}

fn negotiate(max: ProtocolVersion, min: ProtocolVersion, version: u32, options: &[&str]) -> bool {
    let credentials =
        Credentials { min_protocol_version: min, max_protocol_version: max, ..credentials(None) };
    let unrecognized = options.to_vec();
    let message = NegotiateProtocolVersion { version, unrecognized };
    let message = Backend::NegotiateProtocolVersion(message);
    start(credentials).handle(message, &mut BytesMut::new()).is_ok()
}

#[test]
fn only_an_older_version_that_exists_can_be_negotiated() {
    use ProtocolVersion::{V3_0, V3_2};
    assert!(negotiate(V3_2, V3_0, PROTOCOL_3_0, &[]));
    assert!(!negotiate(V3_2, V3_2, PROTOCOL_3_0, &[]), "older than the oldest allowed");
    assert!(!negotiate(V3_0, V3_0, PROTOCOL_3_0, &[]), "nothing would change");
    assert!(!negotiate(V3_2, V3_0, PROTOCOL_3_2, &[]), "nothing would change");
    assert!(!negotiate(V3_2, V3_0, (3 << 16) | 1, &[]), "3.1 never was");
    assert!(!negotiate(V3_2, V3_0, (3 << 16) | 3, &[]));
    assert!(!negotiate(V3_2, V3_0, 2 << 16, &[]));
    assert!(!negotiate(V3_2, V3_0, PROTOCOL_3_0, &["_pq_.x"]), "not asked for");
}

fn sasl(mechanisms: &[&'static str]) -> Authentication<'static> {
    Authentication::Sasl { mechanisms: mechanisms.to_vec() }
}

#[test]
fn a_required_binding_refuses_everything_else_before_a_secret_is_sent() {
    let required = |end_point| Credentials {
        channel_binding: ChannelBinding::Require,
        end_point,
        ..with_password()
    };
    let weaker = [
        Authentication::Ok,
        Authentication::CleartextPassword,
        Authentication::Md5Password { salt: [0; 4] },
        sasl(&["SCRAM-SHA-256"]),
    ];
    for request in weaker {
        let mut startup = start(required(Some(vec![7; 32])));
        let mut out = BytesMut::new();
        let error = startup.handle(Backend::Authentication(request), &mut out).unwrap_err();
        assert_eq!(error.kind(), Kind::Authentication);
        assert!(out.is_empty());
    }
    let plus = || sasl(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
    assert!(ask(&mut start(required(None)), plus()).is_err());
    let (_, out) = ask(&mut start(required(Some(vec![7; 32]))), plus()).unwrap();
    assert!(out.windows(4).any(|bytes| bytes == b"PLUS"));
}

#[test]
fn a_disabled_binding_is_not_offered() {
    let disabled = Credentials {
        channel_binding: ChannelBinding::Disable,
        end_point: Some(vec![7; 32]),
        ..with_password()
    };
    let offered = sasl(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
    let (_, out) = ask(&mut start(disabled), offered).unwrap();
    assert!(out.windows(3).any(|bytes| bytes == b"n,,"));
}

#[test]
fn require_auth_forbids_methods_and_their_absence() {
    let requiring =
        |list: &str| Credentials { require_auth: list.parse().unwrap(), ..with_password() };
    assert!(ask(&mut start(requiring("scram-sha-256")), Authentication::Ok).is_err());
    assert!(ask(&mut start(requiring("!password")), Authentication::CleartextPassword).is_err());
    assert!(ask(&mut start(requiring("!password")), sasl(&["SCRAM-SHA-256"])).is_ok());
    assert!(ask(&mut start(requiring("none")), Authentication::Ok).is_ok());
    let refused = ask(&mut start(requiring("scram-sha-256")), Authentication::CleartextPassword);
    let text = "the server asked for authentication by password, which \"require_auth\" forbids";
    assert_eq!(refused.unwrap_err().to_string(), text);
}
