//! Rows into a table by COPY: typed, checked, all or nothing.

use std::error::Error as _;

use aiopg::{Client, Connection, Error, Kind, Params, Runtime, TransactionStatus, params};
use aiopg_tests::{on_every_runtime, session};
use futures::stream;

/// A session with an empty table `t`.
async fn with_table<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temporary table t (id int primary key, name text)").await?;
    Ok(connection)
}

async fn count<R: Runtime>(connection: &mut Connection<R>) -> Result<i64, Error> {
    connection.query_scalar("select count(*) from t", ()).await
}

async fn rows_of_an_iterator_are_in_the_table<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let rows = (0..100_000).map(|id| (id, (id % 3 > 0).then(|| format!("name {id}"))));
    assert_eq!(connection.copy_in("t", &["id", "name"]).rows(rows).await?, 100_000);
    let sql = "select count(*), count(name), sum(id), max(name) from t";
    let row = connection.query_one(sql, ()).await?;
    assert_eq!(
        row.decode::<(i64, i64, i64, &str)>()?,
        (100_000, 66_666, 4_999_950_000, "name 99998")
    );
    Ok(())
}

async fn every_form_of_parameters_is_a_row<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temporary table t (a int, b int)").await?;
    let copy = connection.copy_in("t", &["a", "b"]);
    assert_eq!(copy.rows([[1, 2], [3, 4]]).await?, 2);
    let (five, six) = (5, Some(6));
    let mut copy = connection.copy_in("t", &["b", "a"]).start_rows().await?;
    assert_eq!(copy.columns()[0].name(), "b");
    copy.write(params![six, five]).await?;
    copy.write(&vec![None, Some(7)]).await?;
    copy.write((&None::<i32>, 8)).await?;
    copy.write(aiopg::named! { a: 9, b: 10 }).await?;
    assert_eq!(copy.finish().await?, 4);
    let rows: Vec<(i32, Option<i32>)> = connection.query_as("select a, b from t", ()).await?;
    assert_eq!(
        rows,
        [(1, Some(2)), (3, Some(4)), (5, Some(6)), (7, None), (8, None), (9, Some(10))]
    );
    Ok(())
}

/// A type of a program that knows nothing of the order of columns.
#[derive(Params)]
struct City<'a> {
    name: Option<&'a str>,
    id: i32,
}

async fn structs_are_rows_by_the_names_of_their_fields<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let cities = [City { id: 1, name: Some("Wien") }, City { id: 2, name: None }];
    assert_eq!(connection.copy_in("t", &["id", "name"]).rows(cities).await?, 2);
    let rows: Vec<(i32, Option<String>)> = connection.query_as("select * from t", ()).await?;
    assert_eq!(rows, [(1, Some("Wien".to_owned())), (2, None)]);
    let copy = connection.copy_in("t", &["id"]);
    let error = copy.rows([City { id: 3, name: None }]).await.unwrap_err();
    assert_eq!(error.to_string(), "row 1 has 2 values, but there is 1 column");
    Ok(())
}

async fn no_rows_are_a_copy_too<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let none = Vec::<(i32, &str)>::new();
    assert_eq!(connection.copy_in("t", &["id", "name"]).rows(none).await?, 0);
    assert_eq!(count(&mut connection).await?, 0);
    Ok(())
}

async fn without_columns_all_are_copied_but_those_that_are_generated<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let sql = "create table \"T \"\"x\"\"\" (gone int, id int generated always as identity, \
               doubled int generated always as (2 * id) stored, \"Na me\" varchar(5), tail int); \
               alter table \"T \"\"x\"\"\" drop column gone";
    connection.batch_execute(sql).await?;
    let rows = [(7, "a", 1_i32), (8, "b", 2)];
    assert_eq!(connection.copy_in("T \"x\"", &[]).rows(rows).await?, 2);
    let schema: String = connection.query_scalar("select current_schema()::text", ()).await?;
    let qualified = (schema.as_str(), "T \"x\"");
    assert_eq!(connection.copy_in(qualified, &["Na me"]).rows([("c",)]).await?, 1);
    let sql = "select id, doubled, \"Na me\", tail from \"T \"\"x\"\"\" order by \"Na me\"";
    let rows: Vec<(i32, i32, String, Option<i32>)> = connection.query_as(sql, ()).await?;
    assert_eq!(
        rows,
        [(7, 14, "a".into(), Some(1)), (8, 16, "b".into(), Some(2)), (1, 2, "c".into(), None)]
    );
    let error = connection.copy_in("T \"x\"", &["Na me"]).rows([("too long",)]).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22001");
    let dotted = format!("{schema}.t");
    let error = connection.copy_in(&dotted, &[]).rows([(1,)]).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42P01");
    Ok(())
}

async fn values_of_many_types_arrive_as_they_were<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "create domain pg_temp.positive as int check (value > 0); \
               create temporary table t (a bool, b int2, c int8, d float8, e bytea, f int[], \
               g pg_temp.positive, h varchar, i jsonb)";
    connection.batch_execute(sql).await?;
    let bytes: Vec<u8> = (0..=255).collect();
    let row = (
        true,
        -1_i16,
        i64::MIN,
        f64::NEG_INFINITY,
        &bytes,
        vec![Some(1), None],
        5,
        "ä\t\\N\n",
        serde_json::json!({ "a": [1, null] }),
    );
    assert_eq!(connection.copy_in("t", &[]).rows([&row]).await?, 1);
    let back = connection.query_one("select * from t", ()).await?;
    assert_eq!(back.get::<i64>("c"), i64::MIN);
    assert!(back.get::<f64>("d").is_infinite());
    assert_eq!(back.get::<&[u8]>("e"), bytes);
    assert_eq!(back.get::<Vec<Option<i32>>>("f"), [Some(1), None]);
    assert_eq!(back.get::<i32>("g"), 5);
    assert_eq!(back.get::<&str>("h"), "ä\t\\N\n");
    assert_eq!(back.get::<serde_json::Value>("i"), row.8);
    let error = connection.copy_in("t", &["g"]).rows([(-5,)]).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23514");
    Ok(())
}

async fn a_value_that_does_not_fit_undoes_the_copy_and_is_named<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    // Enough for many chunks: most of it is on the server when the last row turns out to be wrong.
    let mut copy = connection.copy_in("t", &["id", "name"]).start_rows().await?;
    for id in 0..50_000 {
        copy.write((id, "a name of some length")).await?;
    }
    let error = copy.write((50_000, 1.5)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion);
    let text = "row 50001: column \"name\" of type text cannot be written";
    assert_eq!(error.to_string(), text);
    assert!(error.source().is_some() && !error.is_retryable());
    assert!(error.statement().unwrap().starts_with("copy \"t\""));
    // It is over, whatever is tried.
    assert_eq!(copy.write((1, "a")).await.unwrap_err().to_string(), text);
    assert_eq!(copy.finish().await.unwrap_err().to_string(), text);
    assert_eq!(count(&mut connection).await?, 0);

    let error = connection.copy_in("t", &["id"]).rows([[1, 2]]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(error.to_string(), "row 1 has 2 values, but there is 1 column");
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    assert_eq!(count(&mut connection).await?, 0);
    Ok(())
}

async fn a_table_that_was_altered_is_described_anew<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temporary table t (a int4)").await?;
    assert_eq!(connection.copy_in("t", &["a"]).rows([(1,)]).await?, 1);
    // The same width: PostgreSQL would take the bytes of an integer for a number that was never meant.
    connection.batch_execute("alter table t alter a type float4").await?;
    let error = connection.copy_in("t", &["a"]).rows([(2,)]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion);
    assert_eq!(connection.copy_in("t", &["a"]).rows([(2.5_f32,)]).await?, 1);
    let rows: Vec<(f32,)> = connection.query_as("select a from t", ()).await?;
    assert_eq!(rows, [(1.0,), (2.5,)]);
    Ok(())
}

/// Two million rows are offered, and the second is wrong: far from all are sent.
async fn an_error_of_the_server_ends_the_copy_while_rows_are_sent<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut offered = 0_u32;
    let rows = std::iter::repeat_n((1, "the same each time"), 2_000_000).inspect(|_| offered += 1);
    let error = connection.copy_in("t", &["id", "name"]).rows(rows).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23505", "{error}");
    assert!(offered < 1_000_000, "{offered} rows were sent after the second was refused");
    assert_eq!(count(&mut connection).await?, 0);
    Ok(())
}

async fn a_copy_needs_no_right_to_read<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let schema: String = connection.query_scalar("select current_schema()::text", ()).await?;
    let role = format!("writer_of_{schema}");
    let sql = format!(
        "create table t (a int, b text); create role {role}; grant usage on schema {schema} to {role}; \
         grant insert on t to {role}; set role {role}"
    );
    connection.batch_execute(&sql).await?;
    assert_eq!(connection.copy_in("t", &["a", "b"]).rows([(1, "b")]).await?, 1);
    assert!(connection.query("select * from t", ()).await.is_err());
    connection
        .batch_execute(&format!("reset role; drop owned by {role}; drop role {role}"))
        .await?;
    Ok(())
}

async fn a_stream_of_rows_is_copied<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let rows = stream::iter((0..10_000).map(|id| Ok::<_, Error>((id, "a"))));
    assert_eq!(connection.copy_in("t", &["id", "name"]).row_stream(rows).await?, 10_000);
    assert_eq!(count(&mut connection).await?, 10_000);
    Ok(())
}

/// What a program has for errors: one of its own, and ours.
#[derive(Debug)]
enum Failure {
    Producer,
    Database(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

async fn a_stream_that_fails_undoes_the_copy<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let rows =
        (0..10_000).map(|id| if id < 9_999 { Ok((id, "a")) } else { Err(Failure::Producer) });
    let copy = connection.copy_in("t", &["id", "name"]);
    let failure = copy.row_stream(stream::iter(rows)).await.unwrap_err();
    assert!(matches!(failure, Failure::Producer), "{failure:?}");
    assert_eq!(count(&mut connection).await?, 0);

    let rows = stream::repeat_with(|| Ok::<_, Failure>((1, "a")));
    let failure = connection.copy_in("t", &["id", "name"]).row_stream(rows).await.unwrap_err();
    let Failure::Database(error) = failure else { panic!("{failure:?}") };
    assert_eq!(error.sqlstate().unwrap().code(), "23505");
    Ok(())
}

/// A producer that waits for nothing but time hears of the error all the same.
async fn an_error_is_heard_while_the_stream_has_no_row<R: Runtime>(rt: R) -> Result<(), Error> {
    use futures::StreamExt;

    let mut connection = with_table(rt).await?;
    // Unlike that of an index, a check is made as soon as the row has come.
    connection.batch_execute("alter table t add check (name < 'b')").await?;
    let rows = stream::iter([(1, "a"), (2, "b")]).map(Ok::<_, Error>).chain(stream::pending());
    let error = connection.copy_in("t", &["id", "name"]).row_stream(rows).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23514");
    Ok(())
}

async fn a_copy_is_a_part_of_its_transaction<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    connection.batch_execute("begin").await?;
    assert_eq!(connection.copy_in("t", &["id"]).rows([(1,)]).await?, 1);
    connection.batch_execute("rollback").await?;
    assert_eq!(count(&mut connection).await?, 0);
    connection.batch_execute("begin").await?;
    drop(connection.copy_in("t", &["id"]).start_rows().await?);
    let error = connection.query("select 1", ()).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "25P02");
    connection.batch_execute("rollback").await?;
    Ok(())
}

/// Written against the trait, so that it works wherever a session can be reached.
async fn load(client: &mut impl Client, rows: Vec<(i32, &str)>) -> Result<u64, Error> {
    client.copy_in("t", &["id", "name"]).rows(rows).await
}

async fn copies_are_reached_through_the_trait<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    assert_eq!(load(&mut connection, vec![(1, "a"), (2, "b")]).await?, 2);
    let mut copy = Client::copy_out_raw(&mut connection, "copy t to stdout").await?;
    assert_eq!(copy.chunk().await?, Some(&b"1\ta\n"[..]));
    Ok(())
}

async fn progress_is_told_on_the_way_and_at_the_end<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut told = Vec::new();
    let copy = connection.copy_in("t", &["id"]).on_progress(|progress| told.push(progress));
    assert_eq!(copy.rows((0..100_000).map(|id| (id,))).await?, 100_000);
    // Two bytes for the count, four for the length, four for the value; header and trailer.
    let last = told.last().unwrap();
    assert_eq!((last.rows, last.bytes), (Some(100_000), 19 + 10 * 100_000 + 2));
    assert!((10..=20).contains(&told.len()), "{} calls", told.len());
    assert!(told.windows(2).all(|two| two[0].bytes < two[1].bytes));

    let mut told = Vec::new();
    let copy = connection.copy_out("t", &["id"]).on_progress(|progress| told.push(progress));
    let mut rows = copy.rows().await?;
    while rows.next().await?.is_some() {}
    drop(rows);
    let last = told.last().unwrap();
    assert_eq!((last.rows, last.bytes), (Some(100_000), 19 + 10 * 100_000 + 2));
    assert!((10..=20).contains(&told.len()), "{} calls", told.len());
    Ok(())
}

on_every_runtime!(
    rows_of_an_iterator_are_in_the_table,
    every_form_of_parameters_is_a_row,
    structs_are_rows_by_the_names_of_their_fields,
    no_rows_are_a_copy_too,
    without_columns_all_are_copied_but_those_that_are_generated,
    values_of_many_types_arrive_as_they_were,
    a_value_that_does_not_fit_undoes_the_copy_and_is_named,
    a_table_that_was_altered_is_described_anew,
    an_error_of_the_server_ends_the_copy_while_rows_are_sent,
    a_copy_needs_no_right_to_read,
    a_stream_of_rows_is_copied,
    a_stream_that_fails_undoes_the_copy,
    an_error_is_heard_while_the_stream_has_no_row,
    a_copy_is_a_part_of_its_transaction,
    copies_are_reached_through_the_trait,
    progress_is_told_on_the_way_and_at_the_end,
);
