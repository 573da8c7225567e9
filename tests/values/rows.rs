//! Rows: lent and owned, one by one and as a stream, and which row an error is about.

use aiopg::{Error, FromRow, OwnedRow, Row, Runtime};
use aiopg_tests::cancel::{PollLimit, yield_now};
use aiopg_tests::on_every_runtime;
use aiopg_tests::relay::{Leg, Plan};
use aiopg_tests::{Server, session};
use futures::TryStreamExt;

const NULL_IN_THE_FOURTH: &str =
    "select n, case when n <> 4 then n::text end as name from generate_series(1, 6) n";

/// Takes either kind of row.
fn first_and_others<'r>(row: impl Into<Row<'r>>) -> (i32, Vec<Option<&'r [u8]>>) {
    let row = row.into();
    (row.get(0), row.values().skip(1).map(|(_, value)| value).collect())
}

async fn lent_and_owned_rows_are_read_alike<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select 7 as id, 'seven' as name, null::text as gone";
    let owned = connection.query_one(sql, ()).await?;
    let rows = connection.query(sql, ()).await?;
    let lent = rows.row(0).unwrap();
    let expected = (7, vec![Some(&b"seven"[..]), None]);
    assert_eq!(first_and_others(lent), expected);
    assert_eq!(first_and_others(&owned), expected);
    assert_eq!(lent.decode::<(i32, &str, Option<&str>)>()?, owned.decode()?);
    assert_eq!((lent.value_at::<i32>(0)?, owned.value_at::<&str>(1)?), (7, "seven"));
    assert_eq!((lent.raw("name")?, owned.raw("gone")?), (Some(&b"seven"[..]), None));
    assert_eq!(lent.values().len(), owned.values().len());
    assert!(lent.columns() == owned.columns() && lent.len() == owned.len());
    assert!(!lent.is_empty() && !owned.is_empty());
    assert!(owned.clone().values().eq(lent.values()));
    Ok(())
}

async fn an_error_of_a_value_tells_its_row<R: Runtime>(rt: R) -> Result<(), Error> {
    const TEXT: &str = "row 3: column \"name\" is NULL, which `alloc::string::String` cannot hold: \
        use `Option`";
    let mut connection = session::open(rt).await;
    let rows = connection.query(NULL_IN_THE_FOURTH, ()).await?;
    let text = |error: Error| error.to_string();
    assert_eq!(text(rows.decode::<(i32, String)>().unwrap_err()), TEXT);
    assert_eq!(text(rows.column::<String>("name").unwrap_err()), TEXT);
    assert_eq!(text(rows.row(3).unwrap().try_get::<String>(1).unwrap_err()), TEXT);
    let error = connection.query_as::<(i32, String)>(NULL_IN_THE_FOURTH, ()).await.unwrap_err();
    assert_eq!(text(error), TEXT);

    let mut stream = connection.stream(NULL_IN_THE_FOURTH, ()).await?;
    for number in 1..=3 {
        assert_eq!(stream.next_as().await?, Some((number, number.to_string())));
    }
    assert_eq!(text(stream.next_as::<(i32, String)>().await.unwrap_err()), TEXT);
    assert_eq!(stream.next_as().await?, Some((5, "5".to_owned())), "the row was passed over");
    drop(stream);

    let stream = connection.stream(NULL_IN_THE_FOURTH, ()).await?.owned();
    let owned: Vec<OwnedRow> = stream.try_collect().await?;
    assert_eq!(text(owned[3].try_get::<String>("name").unwrap_err()), TEXT);
    // Where there can be one only, it needs no number.
    let row = connection.query_one("select null::text as name", ()).await?;
    assert!(text(row.try_get::<String>("name").unwrap_err()).starts_with("column \"name\" is"));
    Ok(())
}

async fn a_stream_gives_values_of_one_type<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let rows = connection.stream("select n, n::text from generate_series(1, $1) n", (500,)).await?;
    let mut stream = rows.decode::<(i32, String)>()?;
    assert_eq!(stream.columns().len(), 2);
    let mut count = 0;
    while let Some((number, text)) = stream.try_next().await? {
        count += 1;
        assert_eq!((number, text), (count, count.to_string()));
    }
    assert_eq!((count, stream.command_tag().rows()), (500, 500));
    drop(stream);

    let rows = connection.stream(NULL_IN_THE_FOURTH, ()).await?;
    let mut stream = rows.decode::<(i32, String)>()?;
    let mut outcomes = Vec::new();
    loop {
        match stream.try_next().await {
            Ok(None) => break,
            Ok(Some((number, _))) => outcomes.push(number),
            Err(error) => {
                assert!(error.to_string().starts_with("row 3: "), "{error}");
                outcomes.push(0);
            }
        }
    }
    assert_eq!(outcomes, [1, 2, 3, 0, 5, 6]);
    drop(stream);

    let rows = connection.stream("select 1", ()).await?;
    let error = rows.decode::<(i64,)>().unwrap_err().to_string();
    assert_eq!(error, "column \"?column?\" of type int4 cannot be read as `i64`");
    assert_eq!(connection.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

async fn an_option_of_a_row_is_none_if_all_of_it_is_null<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "values (1, 'a'), (null, null), (null, 'c')";
    let rows = connection.query(sql, ()).await?;
    let decoded = rows.decode::<Option<(Option<i32>, &str)>>()?;
    assert_eq!(decoded, [Some((Some(1), "a")), None, Some((None, "c"))]);
    Ok(())
}

async fn borrowed_rows_of_a_stream_last_until_the_next<R: Runtime>(rt: R) -> Result<(), Error> {
    #[derive(FromRow)]
    struct Line<'r>(&'r str, &'r [u8]);

    let mut connection = session::open(rt).await;
    let sql =
        "select repeat('x', n), decode(repeat('ff', n), 'hex') from generate_series(1, 300) n";
    let mut stream = connection.stream(sql, ()).await?;
    let mut count = 0;
    while let Some(Line(text, bytes)) = stream.next_as().await? {
        count += 1;
        assert_eq!((text.len(), bytes), (count, vec![0xff; count].as_slice()));
    }
    assert_eq!(count, 300);
    Ok(())
}

async fn no_row_is_lost_when_next_as_is_dropped<R: Runtime>(rt: R) -> Result<(), Error> {
    let pieces = Plan::default().from_server(Leg::default().chunk(997).stall_after(20_000));
    let (relay, config) = session::relayed(Server::shared(), pieces);
    let mut connection = session::open_with(rt, &config).await;
    let mut rows = connection.stream("select generate_series(1, $1)", (5_000,)).await?;
    let (mut expected, mut dropped) = (1, 0);
    loop {
        match PollLimit::new(rows.next_as::<(i32,)>(), 1).await {
            None => {
                dropped += 1;
                relay.resume();
                yield_now().await;
            }
            Some(row) => {
                let Some((number,)) = row? else { break };
                assert_eq!(number, expected);
                expected += 1;
            }
        }
    }
    assert_eq!(expected, 5_001);
    assert!(dropped > 0, "nothing was dropped");
    Ok(())
}

on_every_runtime!(
    no_row_is_lost_when_next_as_is_dropped,
    lent_and_owned_rows_are_read_alike,
    an_error_of_a_value_tells_its_row,
    a_stream_gives_values_of_one_type,
    an_option_of_a_row_is_none_if_all_of_it_is_null,
    borrowed_rows_of_a_stream_last_until_the_next,
);
