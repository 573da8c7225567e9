//! Each operation has a span, which tells what OpenTelemetry asks for, and nothing of a parameter.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use aiopg::postgres_types::Type;
use aiopg::{Client, Connection, Echo, Error, Item, Runtime, SqlState};
use aiopg_tests::{on_every_runtime, session};
use futures::{FutureExt, TryStreamExt};

use crate::subscriber::{
    Span, everything, listen, never_entered_while_waiting as observed, spans, spans_of,
};

const SQL: &str = "select $1::int4 as n, 'x' from generate_series(1, 2)";
const ONE: &str = "select $1::int4";

/// The spans since the last look, the connecting aside.
struct Looking(usize);

impl Looking {
    fn begin() -> Self {
        Self(spans().len())
    }

    fn next(&mut self) -> Vec<Span> {
        let spans = spans().split_off(self.0);
        self.0 += spans.len();
        spans
    }

    #[track_caller]
    fn one(&mut self, name: &str) -> Span {
        let spans = self.next();
        assert_eq!(spans.iter().map(|span| span.name).collect::<Vec<_>>(), [name]);
        assert!(spans[0].is_closed, "{name}");
        assert_eq!(spans[0].field("db.operation.name"), Some(name));
        spans[0].clone()
    }
}

async fn open<R: Runtime>(rt: R) -> Connection<R> {
    listen();
    session::open(rt).await
}

async fn every_verb_has_a_span_of_its_name<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    let mut look = Looking::begin();
    let (c, int) = (&mut connection, Type::INT4);
    let rows = |span: &Span| span.field("db.response.returned_rows").map(str::to_owned);
    let affected = |span: &Span| span.field("aiopg.affected_rows").map(str::to_owned);
    observed(c.query(SQL, (1,))).await?;
    assert_eq!(rows(&look.one("query")).as_deref(), Some("2"));
    observed(c.query_as::<(i32, String)>(SQL, (1,))).await?;
    assert_eq!(rows(&look.one("query")).as_deref(), Some("2"));
    observed(c.query_one(ONE, (1,))).await?;
    assert_eq!(rows(&look.one("query_one")).as_deref(), Some("1"));
    observed(c.query_opt("select 1 where false", ())).await?;
    assert_eq!(rows(&look.one("query_opt")).as_deref(), Some("0"));
    observed(c.query_scalar::<i32>(ONE, (1,))).await?;
    assert_eq!(rows(&look.one("query_scalar")).as_deref(), Some("1"));
    observed(c.query_typed("select $1", &[(&1, int)])).await?;
    assert_eq!(rows(&look.one("query_typed")).as_deref(), Some("1"));
    observed(c.execute("create temp table t (id int4)", ())).await?;
    look.one("execute");
    observed(c.execute("insert into t values ($1), ($1)", (1,))).await?;
    assert_eq!(affected(&look.one("execute")).as_deref(), Some("2"));
    observed(c.execute_many("insert into t values ($1)", [(1,), (2,), (3,)])).await?;
    assert_eq!(affected(&look.one("execute_many")).as_deref(), Some("3"));
    let statement = observed(c.prepare("select 2")).await?;
    assert_eq!(look.one("prepare").field("db.query.text"), Some("select 2"));
    observed(c.query(&statement, ())).await?;
    assert_eq!(look.one("query").field("db.query.text"), Some("select 2"));
    observed(c.batch_execute("select 1; select 2")).await?;
    look.one("batch_execute");
    observed(c.simple_query("select 1; select 2")).await?;
    assert_eq!(rows(&look.one("simple_query")).as_deref(), Some("2"));
    observed(c.copy_in("t", &["id"]).rows([(4,), (5,)])).await?;
    let copied = look.next().pop().unwrap();
    assert_eq!((copied.name, affected(&copied).as_deref()), ("copy_in", Some("2")));
    let mut copy = observed(c.copy_out_raw("copy t to stdout")).await?;
    while observed(copy.try_next()).await?.is_some() {}
    drop(copy);
    assert_eq!(affected(&look.one("copy_out")).as_deref(), Some("7"));
    observed(c.close()).await?;
    look.one("close");
    Ok(())
}

async fn a_pipeline_is_a_batch<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    let mut look = Looking::begin();
    let items = (Item::query(SQL, (1,)), Item::execute("select 3", ()));
    let (two, three) = observed(connection.pipeline(items)).await;
    assert_eq!((two?.len(), three?), (2, 1));
    let span = look.one("pipeline");
    assert_eq!(span.field("db.operation.batch.size"), Some("2"));
    assert_eq!(span.field("db.query.text"), Some(&*format!("{SQL}; select 3")));

    let fails = [Item::execute("select 1", ()), Item::execute("select 1 / 0", ())];
    let [_, failed] = connection.pipeline(fails).await;
    assert!(failed.is_err());
    assert_eq!(look.one("pipeline").field("db.response.status_code"), Some("22012"));
    let [_] = connection.pipeline_each([Item::execute("select 1", ())]).await;
    assert_eq!(look.one("pipeline_each").field("db.operation.batch.size"), None);
    Ok(())
}

async fn the_ends_of_transactions_have_spans<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    let mut look = Looking::begin();
    let mut transaction = connection.begin().await?;
    transaction.execute("select 1", ()).await?;
    look.one("execute");
    let mut savepoint = transaction.begin().await?;
    savepoint.execute("select 1", ()).await?;
    look.one("execute");
    savepoint.commit().await?;
    look.one("release_savepoint");
    observed(transaction.commit()).await?;
    assert_eq!(look.one("commit").field("error.type"), None);

    let mut transaction = connection.begin().await?;
    transaction.execute("select 1 / 0", ()).await.unwrap_err();
    look.one("execute");
    // The server answers ROLLBACK, which is no success.
    transaction.commit().await.unwrap_err();
    let span = look.one("commit");
    assert_eq!(span.field("error.type"), Some("RolledBack"), "{span:?}");
    // Nothing is sent, so there is nothing to see.
    connection.begin().await?.rollback().await?;
    assert!(look.next().is_empty());
    Ok(())
}

async fn a_span_tells_where_it_was_asked<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    let mut look = Looking::begin();
    connection.query(SQL, (1,)).await?;
    let span = look.one("query");
    let text = "select current_database(), host(inet_server_addr()), inet_server_port()::text, \
                pg_backend_pid()::text";
    let (database, address, port, process_id): (String, String, String, String) =
        connection.query_one(text, ()).await?.decode()?;
    let expected = [
        ("otel.kind", "client"),
        ("db.system.name", "postgresql"),
        ("db.namespace", &database),
        ("db.query.text", SQL),
        ("server.address", &address),
        ("server.port", &port),
        ("network.peer.address", &address),
        ("network.peer.port", &port),
        ("aiopg.process_id", &process_id),
    ];
    for (name, value) in expected {
        assert_eq!(span.field(name), Some(value), "{name}");
    }
    for name in ["error.type", "otel.status_code", "db.response.status_code", "aiopg.abandoned"] {
        assert_eq!(span.field(name), None, "{name}");
    }
    Ok(())
}

async fn a_span_stands_within_that_of_the_caller<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    let mut look = Looking::begin();
    let caller = tracing::info_span!(target: "aiopg_tests", "caller");
    let mut operation = pin!(connection.query(SQL, (1,)));
    poll_fn(|cx| caller.in_scope(|| operation.as_mut().poll(cx))).await?;
    let spans = look.next();
    assert_eq!((spans[0].name, spans[1].name), ("caller", "query"));
    assert_eq!(spans[1].parent, Some(spans[0].id));
    Ok(())
}

async fn an_error_tells_its_sqlstate_or_its_kind<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    let mut look = Looking::begin();
    let error = connection.query("select 1 / $1::int4", (0,)).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    let span = look.one("query");
    assert_eq!(span.field("db.response.status_code"), Some("22012"));
    assert_eq!(span.field("error.type"), Some("22012"));
    assert_eq!(span.field("otel.status_code"), Some("ERROR"));
    connection.query_one("select 1 where false", ()).await.unwrap_err();
    let span = look.one("query_one");
    assert_eq!(span.field("error.type"), Some("RowCount"));
    assert_eq!(span.field("db.response.status_code"), None);
    connection.execute("select $1::int4", ()).await.unwrap_err();
    assert_eq!(look.one("execute").field("error.type"), Some("Usage"));
    Ok(())
}

async fn a_dropped_future_leaves_a_closed_span<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    let mut look = Looking::begin();
    assert!(connection.execute("select pg_sleep(3600)", ()).now_or_never().is_none());
    let dropped = look.next();
    assert_eq!((dropped[0].name, dropped[0].is_closed), ("execute", true));
    assert_eq!(dropped[0].field("aiopg.abandoned"), Some("true"));
    assert_eq!(connection.query_scalar::<i32>("select 1", ()).await?, 1);
    let process_id = connection.process_id().unwrap();
    let cancel = spans_of(process_id).into_iter().find(|span| span.name == "cancel");
    assert!(cancel.is_none_or(|span| span.field("error.type").is_none()), "a cancel that failed");
    Ok(())
}

async fn a_cancel_has_a_span<R: Runtime>(rt: R) -> Result<(), Error> {
    let connection = open(rt).await;
    let mut look = Looking::begin();
    observed(connection.cancel_token().unwrap().cancel()).await?;
    let span = look.one("cancel");
    assert_eq!(
        span.field("aiopg.process_id").map(str::to_owned),
        connection.process_id().map(|id| id.to_string())
    );
    assert!(span.field("server.address").is_some() && span.field("error.type").is_none());
    Ok(())
}

async fn no_value_of_a_parameter_is_told<R: Runtime>(rt: R) -> Result<(), Error> {
    const SECRET: &str = "hunter2";

    listen();
    let config = session::config().echo(Echo::Statements).slow_statement(Duration::ZERO);
    let config = config.on_event(|_| {});
    let mut connection = session::open_with(rt, &config).await;
    let c = &mut connection;
    c.batch_execute("create temp table s (t text primary key, n int4)").await?;
    c.query("select $1::text", (SECRET,)).await?;
    c.query_one("select :t::text", aiopg::named! { t: SECRET }).await?;
    c.query_typed("select $1", &[(&SECRET, Type::TEXT)]).await?;
    c.execute_many("insert into s values ($1)", [(SECRET,)]).await?;
    c.execute("insert into s values ($1)", (SECRET,)).await.unwrap_err();
    c.execute("select $1::text::int4", (SECRET,)).await.unwrap_err();
    c.execute("select $1::int4", (SECRET,)).await.unwrap_err();
    let [_] = c.pipeline([Item::query("select $1::text", (SECRET,))]).await;
    c.copy_in("s", &["t"]).rows([("hunter2 too",)]).await?;
    c.copy_in("s", &["t"]).rows([(SECRET,)]).await.unwrap_err();
    let mut rows = c.stream("select $1::text", (SECRET,)).await?;
    while rows.next().await?.is_some() {}
    drop(rows);
    assert!(c.execute("select $1::text, pg_sleep(3600)", (SECRET,)).now_or_never().is_none());
    c.execute("select 1", ()).await?;
    let told = everything();
    assert!(told.contains("select $1::text") && !told.contains(SECRET), "{told}");
    Ok(())
}

on_every_runtime!(
    every_verb_has_a_span_of_its_name,
    a_pipeline_is_a_batch,
    the_ends_of_transactions_have_spans,
    a_span_tells_where_it_was_asked,
    a_span_stands_within_that_of_the_caller,
    an_error_tells_its_sqlstate_or_its_kind,
    a_dropped_future_leaves_a_closed_span,
    a_cancel_has_a_span,
    no_value_of_a_parameter_is_told,
);
