//! Connecting and borrowing have spans.

use std::time::Duration;

use aiopg::{Connection, Error, Kind, Pool, PoolOptions, Runtime};
use aiopg_tests::{on_every_runtime, session};

use crate::subscriber::{Span, events, listen, never_entered_while_waiting as observed, spans};

fn last(name: &str) -> Span {
    spans().into_iter().rfind(|span| span.name == name).unwrap()
}

async fn connecting_tells_what_it_found<R: Runtime>(rt: R) {
    listen();
    let connection = observed(session::open(rt)).await;
    let span = last("connect");
    assert!(span.is_closed);
    assert_eq!(
        span.field("aiopg.process_id").map(str::to_owned),
        connection.process_id().map(|process_id| process_id.to_string())
    );
    for name in ["db.namespace", "server.address", "server.port", "network.peer.address"] {
        assert!(span.field(name).is_some(), "{name}");
    }
    assert_eq!(span.field("aiopg.encrypted"), Some("false"));
    assert_eq!(span.field("aiopg.attempts"), Some("1"));
}

async fn connecting_tells_whom_it_tried_in_vain<R: Runtime>(rt: R) {
    listen();
    let config = session::config();
    let url = "host=/nowhere-at-all,127.0.0.1 port=5432,1 dbname=shop user=ada sslmode=disable";
    let error = Connection::connect_on(rt.clone(), url).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (Kind::Io, 2));
    let span = last("connect");
    assert_eq!((span.field("error.type"), span.is_closed), (Some("Io"), true));
    assert_eq!(span.field("db.namespace"), Some("shop"));
    let tried = events("aiopg::connect");
    let hosts: Vec<_> = tried.iter().map(|event| &*event.fields["host"]).collect();
    assert!(hosts[0].contains("/nowhere-at-all") && hosts[1].contains("127.0.0.1"), "{hosts:?}");
    assert!(tried.iter().all(|event| event.span == Some(span.id)));

    let config = config.dbname("no such database");
    let error = Connection::connect_on(rt, &config).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Server);
    assert_eq!(last("connect").field("db.response.status_code"), Some("3D000"));
}

async fn borrowing_tells_which_session_it_got<R: Runtime>(rt: R) -> Result<(), Error> {
    listen();
    let options = PoolOptions::default().max_size(1).acquire_timeout(Duration::ZERO);
    let pool: Pool<R> = options.connect_on(rt, session::config()).await?;
    let session = observed(pool.get()).await?;
    let span = last("acquire");
    assert_eq!(
        span.field("aiopg.process_id").map(str::to_owned),
        session.process_id().map(|process_id| process_id.to_string())
    );
    assert_eq!((span.field("otel.kind"), span.is_closed), (Some("internal"), true));
    let error = observed(pool.get()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert_eq!(last("acquire").field("error.type"), Some("Timeout"));
    Ok(())
}

on_every_runtime!(
    connecting_tells_what_it_found,
    connecting_tells_whom_it_tried_in_vain,
    borrowing_tells_which_session_it_got,
);
