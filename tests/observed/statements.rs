//! Echo and slow statements, by the hook and by events of `tracing`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aiopg::{Client, Connection, Echo, Error, Event, Runtime, named};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::counting::Counting;
use aiopg_tests::{on_every_runtime, session};
use tracing::Level;

use crate::subscriber::{events, listen, spans};

type Told = Arc<Mutex<Vec<(u64, Event)>>>;

/// A session that is echoed, and what its hook was told, with the number of writes that there had been.
async fn echoed<R: Runtime>(rt: R, echo: Echo) -> (Connection<Counting<R>>, Counting<R>, Told) {
    listen();
    let runtime = Counting::new(rt);
    let (told, counting) = (Told::default(), runtime.clone());
    let hook = {
        let told = Arc::clone(&told);
        move |event: &Event| told.lock().unwrap().push((counting.counts().writes, event.clone()))
    };
    let config = session::config().echo(echo).on_event(hook);
    (session::open_with(runtime.clone(), &config).await, runtime, told)
}

fn texts(told: &Told) -> Vec<String> {
    let text = |(_, event): (u64, Event)| match event {
        Event::StatementEcho { sql, parameters, .. } => match parameters {
            Some(parameters) => format!("{sql} {parameters}"),
            None => sql.into_string(),
        },
        other => panic!("{other}"),
    };
    std::mem::take(&mut *told.lock().unwrap()).into_iter().map(text).collect()
}

async fn a_statement_is_told_before_it_is_sent<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, runtime, told) = echoed(rt, Echo::Statements).await;
    let before = runtime.counts().writes;
    connection.query("select $1::int4", (1,)).await?;
    assert!(runtime.counts().writes > before);
    assert_eq!(told.lock().unwrap()[0].0, before, "no byte was sent when it was told");
    assert_eq!(texts(&told), ["select $1::int4"]);
    let heard = events("aiopg::echo").pop().unwrap();
    assert_eq!((heard.level, &*heard.fields["db.query.text"]), (Level::INFO, "select $1::int4"));
    assert_eq!(heard.fields.get("aiopg.parameters"), None);
    assert_eq!(heard.span, spans().pop().map(|span| span.id), "it is told within its span");
    Ok(())
}

async fn what_the_driver_sends_by_itself_is_told<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _, told) = echoed(rt, Echo::Statements).await;
    let mut transaction = connection.begin().await?;
    assert!(texts(&told).is_empty(), "nothing is sent yet");
    transaction.execute("select 1", ()).await?;
    let mut savepoint = transaction.begin().await?;
    savepoint.execute("select 2", ()).await?;
    savepoint.rollback().await?;
    transaction.commit().await?;
    let back = "rollback to savepoint aiopg_1; release savepoint aiopg_1";
    let expected = ["begin", "select 1", "savepoint aiopg_1", "select 2", back, "commit"];
    assert_eq!(texts(&told), expected);
    connection.begin().await?.rollback().await?;
    assert!(texts(&told).is_empty(), "nothing was sent");
    connection.close().await
}

async fn what_goes_out_while_notifications_are_awaited_is_told<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut notifying = session::open(rt.clone()).await;
    let (mut connection, _, told) = echoed(rt, Echo::Statements).await;
    let channel = format!("echo_{}", connection.process_id().unwrap());
    connection.listen(&channel).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute("select 1", ()).await?;
    drop(PollLimit::new(transaction.execute("select pg_sleep(600)", ()), 1).await);
    drop(transaction);
    notifying.notify(&channel, "").await?;
    connection.notifications().recv().await?;
    told.lock().unwrap().retain(|(_, event)| matches!(event, Event::StatementEcho { .. }));
    assert_eq!(texts(&told).pop().unwrap(), "rollback");
    Ok(())
}

async fn parameters_are_told_when_asked<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _, told) = echoed(rt, Echo::StatementsAndParameters).await;
    connection.query("select $1::int4, $2::text", (1, "a\nb")).await?;
    connection.query("select :id::int4", named! { id: 7 }).await?;
    connection.batch_execute("select 3").await?;
    let expected =
        [r#"select $1::int4, $2::text [1, "a\nb"]"#, "select :id::int4 {id: 7}", "select 3 []"];
    assert_eq!(texts(&told), expected);
    let heard = events("aiopg::echo");
    assert_eq!(heard[0].fields["aiopg.parameters"], r#"[1, "a\nb"]"#);
    connection.close().await
}

async fn calls_of_a_cursor_are_told<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _, told) = echoed(rt, Echo::StatementsAndParameters).await;
    let mut cursor = connection.cursor();
    cursor.callproc("abs", (-7,)).await?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<i32>(0), 7);
    let told = texts(&told);
    assert!(
        matches!(&*told, [call] if call.contains("\"abs\"") && call.contains("-7")),
        "{told:?}"
    );
    assert_eq!(events("aiopg::echo").len(), 1);
    connection.close().await
}

async fn sessions_of_a_pool_are_told<R: Runtime>(rt: R) -> Result<(), Error> {
    listen();
    let told = Told::default();
    let hook = {
        let told = Arc::clone(&told);
        move |event: &Event| told.lock().unwrap().push((0, event.clone()))
    };
    let config = session::config().echo(Echo::Statements).on_event(hook);
    let pool = aiopg::Pool::connect_on(rt, config).await?;
    pool.execute("select 1", ()).await?;
    pool.execute("select 2", ()).await?;
    assert_eq!(texts(&told), ["select 1", "select 2"]);
    pool.shutdown(None).await
}

async fn nothing_is_told_unless_asked<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _, told) = echoed(rt, Echo::Off).await;
    connection.query("select $1::int4", (1,)).await?;
    assert!(texts(&told).is_empty() && events("aiopg::echo").is_empty());
    assert!(events("aiopg::slow").is_empty());
    connection.close().await
}

/// The slow statements of a session with this limit, after some work.
async fn slow<R: Runtime>(rt: R, limit: Duration) -> Result<Vec<Event>, Error> {
    listen();
    let told = Told::default();
    let hook = {
        let told = Arc::clone(&told);
        move |event: &Event| told.lock().unwrap().push((0, event.clone()))
    };
    let config = session::config().slow_statement(limit).on_event(hook);
    let mut connection = session::open_with(rt, &config).await;
    connection.query("select generate_series(1, 3)", ()).await?;
    connection.execute("select 1 / $1::int4", (0,)).await.unwrap_err();
    let mut rows = connection.stream("select generate_series(1, 5)", ()).await?;
    while rows.next().await?.is_some() {}
    drop(rows);
    connection.close().await?;
    let told = told.lock().unwrap();
    Ok(told.iter().map(|(_, event)| event.clone()).collect())
}

async fn a_slow_statement_is_told_when_it_is_done<R: Runtime>(rt: R) -> Result<(), Error> {
    let told = slow(rt, Duration::ZERO).await?;
    let told: Vec<_> = told
        .iter()
        .map(|event| match event {
            Event::SlowStatement { sql, rows, .. } => (&**sql, *rows),
            other => panic!("{other}"),
        })
        .collect();
    let expected = [
        ("select generate_series(1, 3)", Some(3)),
        ("select 1 / $1::int4", None),
        ("select generate_series(1, 5)", Some(5)),
    ];
    assert_eq!(told, expected);
    let heard = events("aiopg::slow");
    assert_eq!((heard.len(), heard[0].level), (3, Level::WARN));
    assert_eq!(heard[0].fields["db.query.text"], expected[0].0);
    assert_eq!(heard[0].fields["aiopg.rows"], "3");
    assert!(heard[0].fields.contains_key("aiopg.elapsed_seconds"));
    Ok(())
}

async fn a_fast_statement_is_not<R: Runtime>(rt: R) -> Result<(), Error> {
    assert!(slow(rt, Duration::from_secs(3600)).await?.is_empty());
    assert!(events("aiopg::slow").is_empty());
    Ok(())
}

on_every_runtime!(
    a_statement_is_told_before_it_is_sent,
    what_the_driver_sends_by_itself_is_told,
    what_goes_out_while_notifications_are_awaited_is_told,
    parameters_are_told_when_asked,
    calls_of_a_cursor_are_told,
    sessions_of_a_pool_are_told,
    nothing_is_told_unless_asked,
    a_slow_statement_is_told_when_it_is_done,
    a_fast_statement_is_not,
);
