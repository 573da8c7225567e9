//! The span of a stream ends with the stream.

use aiopg::{Error, Runtime, SqlState};
use aiopg_tests::{on_every_runtime, session};
use futures::StreamExt;

use crate::subscriber::{Span, listen, never_entered_while_waiting as observed, spans};

const SQL: &str = "select generate_series(1, $1::int4)";

fn last() -> Span {
    spans().pop().unwrap()
}

async fn a_stream_has_a_span_up_to_its_last_row<R: Runtime>(rt: R) -> Result<(), Error> {
    listen();
    let mut connection = session::open(rt).await;
    let mut rows = observed(connection.stream(SQL, (3,))).await?;
    for _ in 0..3 {
        assert!(observed(rows.next()).await?.is_some());
        assert_eq!((last().name, last().is_closed), ("stream", false));
    }
    assert!(observed(rows.next()).await?.is_none());
    assert!(last().is_closed);
    assert_eq!(last().field("db.response.returned_rows"), Some("3"));
    drop(rows);
    assert_eq!(last().field("aiopg.abandoned"), None);

    let rows = connection.stream(SQL, (4,)).await?.owned();
    assert_eq!(observed(rows.count()).await, 4);
    assert_eq!((last().field("db.response.returned_rows"), last().is_closed), (Some("4"), true));
    Ok(())
}

async fn a_stream_that_is_given_up_says_so<R: Runtime>(rt: R) -> Result<(), Error> {
    listen();
    let mut connection = session::open(rt).await;
    let mut rows = connection.stream(SQL, (3,)).await?;
    assert!(rows.next().await?.is_some());
    drop(rows);
    assert_eq!((last().field("aiopg.abandoned"), last().is_closed), (Some("true"), true));

    let copy = connection.copy_out_raw("copy (select generate_series(1, 9)) to stdout").await?;
    drop(copy);
    assert_eq!((last().name, last().field("aiopg.abandoned")), ("copy_out", Some("true")));
    assert!(last().is_closed);
    Ok(())
}

async fn a_stream_that_fails_tells_the_error<R: Runtime>(rt: R) -> Result<(), Error> {
    listen();
    let mut connection = session::open(rt).await;
    let mut rows = connection.stream("select 1 / (2 - n) from generate_series(1, 3) n", ()).await?;
    assert!(rows.next().await?.is_some());
    rows.next().await.unwrap_err();
    assert_eq!(last().field("db.response.status_code"), Some("22012"));
    assert!(last().is_closed);
    drop(rows);
    let refused = connection.stream("selec", ()).await.err().unwrap();
    assert_eq!(last().field("error.type"), refused.sqlstate().as_ref().map(SqlState::code));
    Ok(())
}

on_every_runtime!(
    a_stream_has_a_span_up_to_its_last_row,
    a_stream_that_is_given_up_says_so,
    a_stream_that_fails_tells_the_error,
);
