//! The options of COPY: each does what it says, and no text in one gets out of its quotes.

use aiopg::{Connection, Error, Kind, LogVerbosity, OnError, Runtime};
use aiopg_tests::{on_every_runtime, session};
use futures::TryStreamExt;

async fn with_table<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temporary table t (a text, \"b \"\"x\"\"\" text)").await?;
    Ok(connection)
}

const COLUMNS: &[&str] = &["a", "b \"x\""];

async fn rows<R: Runtime>(
    connection: &mut Connection<R>,
) -> Result<Vec<(Option<String>, Option<String>)>, Error> {
    let rows = connection.query_as("select * from t", ()).await?;
    connection.batch_execute("truncate t").await?;
    Ok(rows)
}

fn row(a: &str, b: &str) -> (Option<String>, Option<String>) {
    (Some(a.to_owned()), Some(b.to_owned()))
}

/// Each character that could end a literal, as each option that takes a text.
async fn no_text_gets_out_of_its_quotes<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let hostile = ['\'', '\\', '\n', '"', 'ä', '\u{1f600}', ';', ')', '\r', '\0', '$'];
    let texts = hostile.map(String::from).into_iter().chain([
        "', null 'x".to_owned(),
        "\\', null 'x".to_owned(),
        "'; drop table t; --".to_owned(),
        "E'\\''".to_owned(),
    ]);
    for setting in ["on", "off"] {
        connection.batch_execute(&format!("set standard_conforming_strings = {setting}")).await?;
        for text in texts.clone() {
            let c = text.chars().next().unwrap();
            let copies = [
                connection.copy_in("t", COLUMNS).delimiter(c).start().await.map(drop),
                connection.copy_in("t", COLUMNS).csv().quote(c).start().await.map(drop),
                connection.copy_in("t", COLUMNS).csv().escape(c).start().await.map(drop),
                connection.copy_in("t", COLUMNS).csv().null(&text).start().await.map(drop),
                connection.copy_in("t", COLUMNS).encoding(&text).start().await.map(drop),
                connection.copy_in("t", &[&text]).start().await.map(drop),
                connection.copy_in("t", &[]).csv().force_null(&[&text]).start().await.map(drop),
                connection.copy_in(&text, &[]).start().await.map(drop),
                connection.copy_in((text.as_str(), "t"), &[]).start().await.map(drop),
                connection.copy_out("t", COLUMNS).csv().quote(c).start().await.map(drop),
            ];
            for error in copies.into_iter().filter_map(Result::err) {
                // The option is refused for what it is: as SQL the whole is sound.
                let code = error.sqlstate().map(|state| state.code().to_owned());
                assert_ne!(code.as_deref(), Some("42601"), "{text}: {:?}", error.statement());
                assert!(code.is_some() || text == "\0", "{error}");
            }
            assert!(rows(&mut connection).await?.is_empty());
        }
    }
    Ok(())
}

async fn text_and_csv_are_read_as_they_are_written<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let values = [("a'b\\c", "1;2"), ("", "ä\n\"x\""), ("NULL", "\\N")];
    for (delimiter, null) in [(';', "nu'\\ll"), ('\'', "x"), ('|', "-")] {
        for csv in [false, true] {
            connection.copy_in("t", COLUMNS).rows(values).await?;
            connection.copy_in("t", COLUMNS).rows([(None::<&str>, "b")]).await?;
            let copy = connection.copy_out("t", COLUMNS).delimiter(delimiter).null(null);
            let copy =
                if csv { copy.csv().quote('~').escape('\\').force_quote(&["a"]) } else { copy };
            let data: Vec<_> = copy.start().await?.try_collect().await?;
            connection.batch_execute("truncate t").await?;
            let copy = connection.copy_in("t", COLUMNS).delimiter(delimiter).null(null);
            let copy = if csv { copy.csv().quote('~').escape('\\') } else { copy };
            let mut copy = copy.start().await?;
            copy.send(data.concat()).await?;
            assert_eq!(copy.finish().await?, 4);
            let mut expected: Vec<_> = values.map(|(a, b)| row(a, b)).into();
            expected.push((None, Some("b".to_owned())));
            assert_eq!(rows(&mut connection).await?, expected, "{delimiter} {null} {csv}");
        }
    }
    Ok(())
}

async fn headers_nulls_and_conditions_do_what_they_say<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut copy = connection.copy_in("t", COLUMNS).csv().header().start().await?;
    copy.send("whatever,stands\n1,2\n").await?;
    assert_eq!(copy.finish().await?, 1);
    assert_eq!(rows(&mut connection).await?, [row("1", "2")]);

    let copy = connection.copy_in("t", COLUMNS).csv().null("x");
    let copy = copy.force_null(&["a"]).force_not_null(&["b \"x\""]);
    let mut copy = copy.where_clause("a is null and \"b \"\"x\"\"\" <> 'no'").start().await?;
    copy.send("\"x\",x\nx,no\ny,x\n").await?;
    assert_eq!(copy.finish().await?, 1);
    assert_eq!(rows(&mut connection).await?, [(None, Some("x".to_owned()))]);

    let copied = connection.copy_in("t", COLUMNS).where_clause("a <> '2'");
    assert_eq!(copied.rows([("1", "a"), ("2", "b")]).await?, 1);
    let copy = connection.copy_out("t", COLUMNS).csv().header().force_quote(&[]);
    let data: Vec<_> = copy.start().await?.try_collect().await?;
    assert_eq!(data.concat(), b"a,\"b \"\"x\"\"\"\n\"1\",\"a\"\n");
    rows(&mut connection).await?;

    let mut copy = connection.copy_in("t", COLUMNS).encoding("LATIN1").start().await?;
    copy.send(b"\xe4\t\xdf\n").await?;
    copy.finish().await?;
    assert_eq!(rows(&mut connection).await?, [row("ä", "ß")]);

    connection.batch_execute("begin; create temporary table f (a int)").await?;
    assert_eq!(connection.copy_in("f", &["a"]).freeze().rows([(1,)]).await?, 1);
    connection.batch_execute("commit").await
}

async fn newer_options_work_where_they_are_known<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    connection.batch_execute("create temporary table n (id int default 7, b text)").await?;
    let version = connection.server_version().unwrap();
    let check = |minimum: u32, started: Result<(), Error>| {
        let known = version >= minimum * 10_000;
        assert_eq!(started.is_ok(), known, "{minimum}: {started:?}");
        if let Err(error) = started {
            assert_eq!(error.kind(), Kind::Server);
        }
    };
    let copy = connection.copy_in("n", &["id", "b"]).csv().header_match().start();
    check(15, copy.await.map(drop));
    let copy = connection.copy_in("n", &["id", "b"]).default("\\D").start();
    check(16, copy.await.map(drop));
    let copy = connection.copy_in("n", &["id"]).on_error(OnError::Ignore);
    check(17, copy.log_verbosity(LogVerbosity::Verbose).start().await.map(drop));
    let copy = connection.copy_in("n", &["id"]).on_error(OnError::Stop);
    check(17, copy.log_verbosity(LogVerbosity::Default).start().await.map(drop));
    check(17, connection.copy_in("n", &[]).csv().force_null(&[]).start().await.map(drop));
    let copy = connection.copy_in("n", &["id"]).on_error(OnError::Ignore).reject_limit(5);
    check(18, copy.log_verbosity(LogVerbosity::Silent).start().await.map(drop));
    if version >= 180_000 {
        let copy = connection.copy_in("n", &["id"]).on_error(OnError::Ignore).reject_limit(1);
        let mut copy = copy.start().await?;
        copy.send("1\nno\n2\n").await?;
        assert_eq!(copy.finish().await?, 2);
    }
    Ok(())
}

async fn rows_take_no_option_that_goes_with_text<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let one = [("a", "b")];
    for copy in [
        connection.copy_in("t", COLUMNS).csv().rows(one).await,
        connection.copy_in("t", COLUMNS).text().rows(one).await,
        connection.copy_in("t", COLUMNS).delimiter(';').rows(one).await,
        connection.copy_in("t", COLUMNS).encoding("LATIN1").rows(one).await,
        connection.copy_in("t", COLUMNS).on_error(OnError::Ignore).rows(one).await,
        connection.copy_out("t", COLUMNS).csv().rows().await.map(|_| 0),
        connection.copy_out("t", COLUMNS).header().rows().await.map(|_| 0),
    ] {
        let error = copy.unwrap_err();
        assert_eq!((error.kind(), error.is_unsent()), (Kind::Usage, true));
    }
    assert_eq!(connection.copy_in("t", COLUMNS).binary().rows(one).await?, 1);
    Ok(())
}

on_every_runtime!(
    no_text_gets_out_of_its_quotes,
    text_and_csv_are_read_as_they_are_written,
    headers_nulls_and_conditions_do_what_they_say,
    newer_options_work_where_they_are_known,
    rows_take_no_option_that_goes_with_text,
);
