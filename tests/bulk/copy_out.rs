//! Rows and bytes out of a table by COPY.

use aiopg::{Connection, Error, Kind, OnDrop, OwnedRow, Runtime};
use aiopg_tests::cancel::{Outcome, at_every_poll_of_one};
use aiopg_tests::{on_every_runtime, session};
use futures::{AsyncBufReadExt, AsyncReadExt, StreamExt, TryStreamExt};

async fn with_rows<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    let sql = "create temporary table t (id int, name text); \
               insert into t select n, case when n % 5 > 0 then 'name ' || n end \
               from generate_series(1, 50000) n";
    connection.batch_execute(sql).await?;
    Ok(connection)
}

/// What `copy t to stdout` writes.
fn text() -> String {
    let name = |n| if n % 5 > 0 { format!("name {n}") } else { "\\N".to_owned() };
    let line = |n| format!("{n}\t{}\n", name(n));
    (1..=50_000).map(line).collect::<Vec<_>>().concat()
}

async fn rows_are_lent_as_they_arrive<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_rows(rt).await?;
    let mut rows = connection.copy_out("t", &["name", "id"]).rows().await?;
    assert_eq!(rows.columns()[1].name(), "id");
    let (mut sum, mut names) = (0_i64, 0);
    while let Some(row) = rows.next().await? {
        let (name, id) = row.decode::<(Option<&str>, i32)>()?;
        assert!(name.is_none_or(|name| name == format!("name {id}")));
        (sum, names) = (sum + i64::from(id), names + i32::from(name.is_some()));
    }
    assert_eq!((sum, names), (1_250_025_000, 40_000));
    assert!(rows.next().await?.is_none(), "the end stays the end");
    assert_eq!(rows.command_tag().rows(), 50_000);
    Ok(())
}

async fn rows_of_a_query_are_owned_by_a_stream<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_rows(rt).await?;
    let query = "select id, 'x' as x, array[id] as a from t where id <= 3 order by id; -- so many";
    let error = connection.copy_out_query(query).rows().await.map(drop).unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42601", "one query and no more");
    let query = "select id, 'x' as x, array[id] as a from t where id <= 3 order by id ; ";
    let rows = connection.copy_out_query(query).rows().await?.owned();
    let rows: Vec<OwnedRow> = rows.try_collect().await?;
    let read = |row: &OwnedRow| (row.get::<i32>("id"), row.get::<Vec<i32>>("a"));
    assert_eq!(rows.iter().map(read).collect::<Vec<_>>(), [1, 2, 3].map(|id| (id, vec![id])));
    assert_eq!(rows[0].get::<&str>("x"), "x");
    let query = "select 1 as a -- a comment";
    let mut rows = connection.copy_out_query(query).rows().await?;
    assert_eq!(rows.next().await?.unwrap().get::<i32>("a"), 1);
    Ok(())
}

async fn without_columns_all_are_read_but_those_that_are_generated<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "create temporary table t (a int, b int generated always as (a + 1) stored, c text); \
               insert into t values (1, default, 'c')";
    connection.batch_execute(sql).await?;
    let mut rows = connection.copy_out("t", &[]).rows().await?;
    assert_eq!(rows.next().await?.unwrap().decode::<(i32, &str)>()?, (1, "c"));
    Ok(())
}

async fn a_row_larger_than_all_buffers_is_whole<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let query = "select n, repeat(chr(64 + n), n * 1000000) from generate_series(1, 5) n";
    let mut rows = connection.copy_out_query(query).rows().await?;
    for expected in 1..=5_u8 {
        let row = rows.next().await?.unwrap();
        let (n, text) = row.decode::<(i32, &str)>()?;
        assert_eq!((n, text.len()), (expected.into(), usize::from(expected) * 1_000_000));
        assert!(text.bytes().all(|byte| byte == 64 + expected));
    }
    assert!(rows.next().await?.is_none());
    Ok(())
}

async fn bytes_are_the_same_however_they_are_read<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, text) = (with_rows(rt).await?, text());
    let mut copy = connection.copy_out_raw("copy t to stdout").await?;
    let mut chunks = Vec::new();
    while let Some(chunk) = copy.chunk().await? {
        chunks.extend_from_slice(chunk);
    }
    assert!(chunks == text.as_bytes());
    assert_eq!(copy.command_tag().rows(), 50_000);
    drop(copy);

    let copy = connection.copy_out("t", &[]).start().await?;
    let pieces: Vec<_> = copy.try_collect().await?;
    assert!(pieces.concat() == text.as_bytes());
    assert!(pieces.len() < 5_000, "rows that arrive together are one piece: {}", pieces.len());

    let mut read = Vec::new();
    let mut copy = connection.copy_out("t", &[]).start().await?;
    copy.read_to_end(&mut read).await.unwrap();
    assert!(read == text.as_bytes());
    drop(copy);

    let copy = connection.copy_out("t", &[]).start().await?;
    let lines: Vec<_> = copy.lines().try_collect().await.unwrap();
    assert!(lines.iter().map(String::as_str).eq(text.lines()));

    // All of them in turns.
    let mut copy = connection.copy_out("t", &[]).start().await?;
    let mut mixed = vec![0; 3];
    copy.read_exact(&mut mixed).await.unwrap();
    mixed.extend_from_slice(copy.chunk().await?.unwrap());
    mixed.extend_from_slice(&StreamExt::next(&mut copy).await.unwrap()?);
    copy.read_to_end(&mut mixed).await.unwrap();
    assert!(mixed == text.as_bytes());
    assert!(copy.chunk().await?.is_none() && StreamExt::next(&mut copy).await.is_none());
    Ok(())
}

async fn an_error_in_the_middle_comes_after_what_came_before<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let query = "select 1000 / (1001 - n) from generate_series(1, 2000) n";
    let mut rows = connection.copy_out_query(query).rows().await?;
    let mut seen = 0;
    let error = loop {
        match rows.next().await {
            Ok(Some(_)) => seen += 1,
            Ok(None) => panic!("it was to fail"),
            Err(error) => break error,
        }
    };
    assert_eq!((seen, error.sqlstate().unwrap().code()), (1000, "22012"));
    assert!(rows.next().await.is_err(), "it never passes for complete");
    drop(rows);

    let copy = connection.copy_out_query(query).start().await?;
    let pieces: Vec<_> = copy.collect().await;
    let (last, pieces) = pieces.split_last().unwrap();
    assert_eq!(last.as_ref().unwrap_err().sqlstate().unwrap().code(), "22012");
    let lines = pieces.iter().flat_map(|piece| piece.as_ref().unwrap().iter());
    assert_eq!(lines.filter(|byte| **byte == b'\n').count(), 1000);
    Ok(())
}

async fn what_is_dropped_gives_the_session_back<R: Runtime>(rt: R) -> Result<(), Error> {
    for on_drop in [OnDrop::Cancel, OnDrop::Wait] {
        let config = session::config().on_drop(on_drop);
        let mut connection = session::open_with(rt.clone(), &config).await;
        let query = "select generate_series(1, 300000)";
        for rows in [0, 1, 2, 100] {
            let mut copy = connection.copy_out_query(query).rows().await?;
            for _ in 0..rows {
                assert!(copy.next().await?.is_some());
            }
            drop(copy);
            assert_eq!(connection.query_scalar::<i32>("select 1", ()).await?, 1);
        }
    }
    Ok(())
}

async fn a_copy_may_be_dropped_at_every_poll<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_rows(rt).await?;
    at_every_poll_of_one(
        &mut connection,
        async |connection: &mut Connection<R>| {
            let mut rows = connection.copy_out("t", &["id"]).rows().await?;
            let mut count = 0;
            while rows.next().await?.is_some() {
                count += 1;
                // In time the whole is read, and every poll on the way is one to be dropped after.
                if count % 10_000 == 0 {
                    aiopg_tests::cancel::yield_now().await;
                }
            }
            Ok::<_, Error>(count)
        },
        async |connection, outcome| {
            if let Outcome::Completed(count) = outcome {
                assert_eq!(count.unwrap(), 50_000);
            }
            assert_eq!(connection.query_scalar::<i32>("select 1", ()).await.unwrap(), 1);
        },
    )
    .await;
    Ok(())
}

async fn a_text_that_is_no_copy_out_leaves_the_session_usable<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_rows(rt).await?;
    for (sql, kind) in [
        ("select * from t", Kind::Usage),
        ("", Kind::Usage),
        ("copy t from stdin", Kind::Server),
        ("select 1; copy t to stdout", Kind::Usage),
        ("copy nowhere to stdout", Kind::Server),
        ("no statement", Kind::Server),
    ] {
        let error = connection.copy_out_raw(sql).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), kind, "{sql}: {error}");
    }
    for sql in ["copy t to stdout; select 1", "copy t to stdout; copy t to stdout"] {
        let mut copy = connection.copy_out_raw(sql).await?;
        let error = loop {
            match copy.chunk().await {
                Ok(chunk) => assert!(chunk.is_some(), "{sql}"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), Kind::Usage);
        assert!(copy.chunk().await.is_err());
    }
    assert_eq!(connection.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

on_every_runtime!(
    rows_are_lent_as_they_arrive,
    rows_of_a_query_are_owned_by_a_stream,
    without_columns_all_are_read_but_those_that_are_generated,
    a_row_larger_than_all_buffers_is_whole,
    bytes_are_the_same_however_they_are_read,
    an_error_in_the_middle_comes_after_what_came_before,
    what_is_dropped_gives_the_session_back,
    a_copy_may_be_dropped_at_every_poll,
    a_text_that_is_no_copy_out_leaves_the_session_usable,
);
