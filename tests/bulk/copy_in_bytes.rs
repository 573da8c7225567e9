//! Bytes into a table by COPY: as calls, as a sink, as a file; what is dropped, and what is no copy.

use aiopg::{Connection, Error, Format, Kind, Runtime};
use aiopg_tests::cancel::{Outcome, at_every_poll_of_one};
use aiopg_tests::{on_every_runtime, session};
use futures::{AsyncWriteExt, SinkExt};

async fn with_table<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temporary table t (id int primary key, name text)").await?;
    Ok(connection)
}

async fn count<R: Runtime>(connection: &mut Connection<R>) -> Result<i64, Error> {
    connection.query_scalar("select count(*) from t", ()).await
}

/// Some megabytes of text with so many lines.
fn lines(count: i32) -> String {
    let line = |id| format!("{id}\ta name that has some length, number {id}\n");
    (0..count).map(line).collect::<Vec<_>>().concat()
}

async fn pieces_need_not_end_where_rows_end<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let text = lines(2_000);
    let mut copy = connection.copy_in("t", &["id", "name"]).start().await?;
    assert_eq!(copy.format(), Format::Text);
    for piece in text.as_bytes().chunks(7) {
        copy.send(piece).await?;
    }
    copy.flush().await?;
    copy.send("").await?;
    assert_eq!(copy.finish().await?, 2_000);
    assert_eq!(count(&mut connection).await?, 2_000);
    Ok(())
}

async fn a_piece_larger_than_all_buffers_is_copied<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let text = lines(200_000);
    assert!(text.len() > 8 << 20);
    let mut copy = connection.copy_in_raw("copy t from stdin").await?;
    copy.send(&text).await?;
    assert_eq!(copy.finish().await?, 200_000);
    assert_eq!(count(&mut connection).await?, 200_000);
    Ok(())
}

async fn a_sink_takes_bytes<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut copy = connection.copy_in("t", &[]).csv().start().await?;
    SinkExt::send(&mut copy, "1,a\n2,\"b\n".into()).await?;
    copy.feed(" c\"\n".into()).await?;
    copy.feed(lines(50_000).replace('\t', ",").replace(", number", "").into()).await.unwrap();
    copy.abort("only a trial").await?;
    let mut copy = connection.copy_in("t", &[]).csv().start().await?;
    copy.feed("1,a\n2,\"b\n".into()).await?;
    copy.feed(" c\"\n".into()).await?;
    SinkExt::close(&mut copy).await?;
    // Closing again changes nothing, and the count is kept.
    SinkExt::close(&mut copy).await?;
    assert_eq!(copy.finish().await?, 2);
    let name: String = connection.query_scalar("select name from t where id = 2", ()).await?;
    assert_eq!(name, "b\n c");
    Ok(())
}

async fn a_file_is_copied_by_futures_io<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let text = lines(100_000);
    let mut copy = connection.copy_in("t", &[]).start().await?;
    let length = futures::io::copy(text.as_bytes(), &mut copy).await.unwrap();
    assert_eq!(usize::try_from(length).unwrap(), text.len());
    AsyncWriteExt::close(&mut copy).await.unwrap();
    assert_eq!(copy.finish().await?, 100_000);
    assert_eq!(count(&mut connection).await?, 100_000);
    Ok(())
}

async fn an_error_ends_the_writer_while_it_writes<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut copy = connection.copy_in("t", &["id"]).start().await?;
    copy.send("1\nnonsense\n").await?;
    let line = "2\n".repeat(1000);
    let mut sent = 0;
    let error = loop {
        match copy.send(&line).await {
            Ok(()) => sent += line.len(),
            Err(error) => break error,
        }
        assert!(sent < 100 << 20, "the error is not heard");
    };
    assert_eq!(error.sqlstate().unwrap().code(), "22P02");
    assert_eq!(error.statement(), Some("copy \"t\" (\"id\") from stdin"));
    let again = copy.send("3\n").await.unwrap_err();
    assert_eq!(again.to_string(), error.to_string());
    let written = copy.write_all(b"3\n").await.unwrap_err();
    assert!(written.to_string().contains("22P02"), "{written}");
    assert_eq!(copy.finish().await.unwrap_err().to_string(), error.to_string());
    assert_eq!(count(&mut connection).await?, 0);
    Ok(())
}

async fn what_is_dropped_before_its_end_is_not_in_the_table<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    drop(connection.copy_in("t", &[]).start().await?);
    assert_eq!(count(&mut connection).await?, 0);
    let mut copy = connection.copy_in("t", &[]).start().await?;
    copy.send(lines(30_000)).await?;
    drop(copy);
    assert_eq!(count(&mut connection).await?, 0);
    let mut copy = connection.copy_in("t", &[]).start().await?;
    copy.send(lines(30_000)).await?;
    copy.abort("the file is damaged").await?;
    assert_eq!(count(&mut connection).await?, 0);
    let mut copy = connection.copy_in("t", &[]).start().await?;
    copy.send(lines(10)).await?;
    copy.abort("a NUL \0 in the reason").await?;
    assert_eq!(count(&mut connection).await?, 0);
    Ok(())
}

/// Some copy is dropped after each poll: then all of it is in the table or nothing, and the session answers.
async fn a_copy_may_be_dropped_at_every_poll<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let text = lines(30_000);
    let mut completed = 0;
    at_every_poll_of_one(
        &mut connection,
        async |connection: &mut Connection<R>| {
            let mut copy = connection.copy_in("t", &[]).start().await?;
            copy.send(&text).await?;
            copy.finish().await
        },
        async |connection, outcome| {
            let rows = count(connection).await.unwrap();
            match outcome {
                Outcome::DroppedAfter(_) => assert!([0, 30_000].contains(&rows), "{rows}"),
                Outcome::Completed(copied) => {
                    assert_eq!((copied.unwrap(), rows), (30_000, 30_000));
                    completed += 1;
                }
            }
            connection.batch_execute("truncate t").await.unwrap();
        },
    )
    .await;
    assert_eq!(completed, 1);
    Ok(())
}

async fn a_send_that_was_dropped_half_way_cannot_be_finished<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    use aiopg_tests::cancel::PollLimit;

    let mut connection = with_table(rt).await?;
    let mut copy = connection.copy_in("t", &[]).start().await?;
    // Far more than any socket takes at once.
    let text = lines(1_000_000);
    assert!(PollLimit::new(copy.send(&text), 1).await.is_none());
    let error = copy.send("1\ta\n").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    let error = copy.finish().await.unwrap_err();
    assert!(error.to_string().contains("dropped half-way"), "{error}");
    assert_eq!(count(&mut connection).await?, 0);
    Ok(())
}

async fn a_text_that_is_no_copy_leaves_the_session_usable<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    for (sql, kind) in [
        ("select 1", Kind::Usage),
        ("", Kind::Usage),
        ("select generate_series(1, 100000)", Kind::Usage),
        ("insert into t values (1)", Kind::Usage),
        ("copy t to stdout", Kind::Usage),
        ("select 1; copy t from stdin", Kind::Usage),
        ("copy t to stdout; copy t from stdin", Kind::Usage),
        ("copy nowhere from stdin", Kind::Server),
        ("no statement", Kind::Server),
        ("copy t from stdin where nonsense", Kind::Server),
        ("\0", Kind::Usage),
    ] {
        let error = connection.copy_in_raw(sql).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), kind, "{sql}: {error}");
        assert_eq!(error.statement(), Some(sql));
    }
    assert_eq!(count(&mut connection).await?, 1);
    Ok(())
}

async fn what_follows_a_copy_in_its_text_is_told_at_its_end<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut copy = connection.copy_in_raw("copy t from stdin; select 1; select 2").await?;
    copy.send("1\ta\n").await?;
    let error = copy.finish().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().ends_with("has run all the same"), "{error}");
    assert_eq!(count(&mut connection).await?, 1);
    // The second is refused, and with it the first is undone: the text is one transaction.
    let mut copy = connection.copy_in_raw("copy t from stdin; copy t from stdin").await?;
    copy.send("2\ta\n").await?;
    let error = copy.finish().await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "57014", "{error}");
    assert_eq!(count(&mut connection).await?, 1);
    Ok(())
}

async fn binary_bytes_are_copied_as_they_are<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    connection.batch_execute("insert into t values (1, 'a'), (2, null)").await?;
    let mut out = connection.copy_out("t", &[]).binary().start().await?;
    assert_eq!(out.format(), Format::Binary);
    let mut data = Vec::new();
    while let Some(chunk) = out.chunk().await? {
        data.extend_from_slice(chunk);
    }
    drop(out);
    connection.batch_execute("create temporary table u (like t)").await?;
    let mut copy = connection.copy_in("u", &[]).binary().start().await?;
    assert_eq!(copy.format(), Format::Binary);
    copy.send(data).await?;
    assert_eq!(copy.finish().await?, 2);
    let rows: Vec<(i32, Option<String>)> = connection.query_as("select * from u", ()).await?;
    assert_eq!(rows, [(1, Some("a".to_owned())), (2, None)]);
    Ok(())
}

on_every_runtime!(
    pieces_need_not_end_where_rows_end,
    a_piece_larger_than_all_buffers_is_copied,
    a_sink_takes_bytes,
    a_file_is_copied_by_futures_io,
    an_error_ends_the_writer_while_it_writes,
    what_is_dropped_before_its_end_is_not_in_the_table,
    a_copy_may_be_dropped_at_every_poll,
    a_send_that_was_dropped_half_way_cannot_be_finished,
    a_text_that_is_no_copy_leaves_the_session_usable,
    what_follows_a_copy_in_its_text_is_told_at_its_end,
    binary_bytes_are_copied_as_they_are,
);
