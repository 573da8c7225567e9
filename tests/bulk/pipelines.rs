//! Pipelines: several statements in one round trip, and what each is told when one of them fails.

use std::time::Duration;

use aiopg::{
    AllResults, Call, Client, Connection, Error, Item, Kind, Runtime, SqlState, StatementMode,
    named,
};
use aiopg_tests::counting::Counting;
use aiopg_tests::{on_every_runtime, session};

async fn with_table<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    connection
        .batch_execute("create temporary table t (n int primary key deferrable initially deferred)")
        .await?;
    Ok(connection)
}

const INSERT: &str = "insert into t values ($1)";
const COUNT: &str = "select count(*) from t";

async fn each_item_has_the_type_of_its_verb<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let (inserted, rows, one, none, scalar, tuples) = connection
        .pipeline((
            Item::execute("insert into t select generate_series(1, $1)", (3,)),
            Item::query("select n from t order by n", ()),
            Item::query_one("select n from t where n = :n", named! { n: 2 }),
            Item::query_opt("select n from t where n = $1", (99,)),
            Item::query_scalar::<i64>(COUNT, ()),
            Item::query_as::<(i32,)>("select n from t order by n desc", ()),
        ))
        .await
        .all()?;
    assert_eq!((inserted, rows.len(), one.get::<i32>(0)), (3, 3, 2));
    assert!(none.is_none());
    assert_eq!((scalar, tuples), (3, vec![(3,), (2,), (1,)]));
    Ok(())
}

async fn a_pipeline_is_one_round_trip<R: Runtime>(rt: R) -> Result<(), Error> {
    let counting = Counting::new(rt);
    let mut connection = session::open(counting.clone()).await;
    let items = || {
        (
            Item::query_scalar::<i32>("select $1::int4 + 1", (1,)),
            Item::query_scalar::<i32>("select $1::int4 + 2", (1,)),
            Item::query_scalar::<i32>("select 4", ()),
        )
    };
    for trips in [2, 1, 1] {
        let before = counting.counts();
        assert_eq!(connection.pipeline(items()).await.all()?, (2, 3, 4));
        assert_eq!((counting.counts() - before).writes, trips);
    }
    for mode in [StatementMode::Described, StatementMode::Unnamed] {
        let sql = |sql| Call::new(sql).statement_mode(mode);
        let sums = connection
            .pipeline((
                Item::query_scalar::<i32>(sql("select $1::int4 + 1"), (1,)),
                Item::query_scalar::<i32>(sql("select $1::int4 + 2"), (1,)),
                Item::query_scalar::<i32>(sql("select 4"), ()),
            ))
            .await;
        assert_eq!(sums.all()?, (2, 3, 4), "{mode:?}");
    }
    Ok(())
}

async fn the_first_error_undoes_what_was_before_and_skips_what_is_behind<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let results = connection
        .pipeline((
            Item::execute(INSERT, (1,)),
            Item::query_scalar::<i32>("select 1 / $1::int4", (0,)),
            Item::execute(INSERT, (2,)),
        ))
        .await;
    assert_eq!(results.0.as_ref().unwrap_err().kind(), Kind::RolledBack);
    let error = results.1.as_ref().unwrap_err();
    assert_eq!((error.sqlstate(), error.item()), (Some(SqlState::DIVISION_BY_ZERO), Some(1)));
    assert_eq!(error.statement(), Some("select 1 / $1::int4"));
    let skipped = results.2.as_ref().unwrap_err();
    assert_eq!((skipped.kind(), skipped.item()), (Kind::Skipped, Some(2)));
    assert_eq!(skipped.to_string(), "it was not run, since item 1 of the pipeline failed");
    assert_eq!(results.all().unwrap_err().sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    assert_eq!(connection.query_scalar::<i64>(COUNT, ()).await?, 0);
    Ok(())
}

async fn what_fails_at_the_commit_is_told_to_every_item<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let results =
        connection.pipeline([Item::execute(INSERT, (1,)), Item::execute(INSERT, (1,))]).await;
    for result in &results {
        let error = result.as_ref().unwrap_err();
        assert_eq!(error.kind(), Kind::RolledBack);
        let cause =
            std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<Error>());
        assert_eq!(cause.and_then(Error::sqlstate), Some(SqlState::UNIQUE_VIOLATION));
    }
    assert_eq!(connection.query_scalar::<i64>(COUNT, ()).await?, 0);
    Ok(())
}

async fn with_a_sync_each_every_item_stands_for_itself<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let results = connection
        .pipeline_each((
            Item::execute(INSERT, (1,)),
            Item::query_scalar::<i32>("select 1 / $1::int4", (0,)),
            Item::execute(INSERT, (1,)),
            Item::query("select * from missing where n = $1", (1,)),
            Item::query_scalar::<i64>(COUNT, ()),
        ))
        .await;
    assert_eq!(results.0?, 1);
    assert_eq!(results.1.unwrap_err().sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    // The constraint is looked at by the Sync.
    assert_eq!(results.2.unwrap_err().sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
    assert_eq!(results.3.unwrap_err().sqlstate(), Some(SqlState::UNDEFINED_TABLE));
    assert_eq!(results.4?, 1);
    Ok(())
}

async fn nothing_is_sent_of_a_pipeline_with_an_item_that_cannot_be<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let results = connection
        .pipeline((
            Item::execute("insert into t values (1)", ()),
            Item::execute("insert into t values ($1)", ("no number",)),
        ))
        .await;
    let (first, second) = (results.0.unwrap_err(), results.1.unwrap_err());
    assert!(first.is_unsent() && second.is_unsent());
    assert_eq!((first.kind(), second.kind()), (Kind::Skipped, Kind::Conversion));
    let copy = connection.pipeline([Item::execute("/* x */ copy t to stdout", ())]).await;
    assert_eq!(copy.all().unwrap_err().kind(), Kind::Usage);
    assert_eq!(connection.query_scalar::<i64>(COUNT, ()).await?, 0);
    let none: Vec<_> = [INSERT; 0].map(|sql| Item::execute(sql, ())).into();
    assert!(connection.pipeline(none).await.is_empty());
    Ok(())
}

/// A table that the pipeline makes itself is there for the items behind, if they need no description.
async fn items_may_depend_on_those_before<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let (_, inserted, again) = connection
        .pipeline((
            Item::execute("create temporary table made (n int)", ()),
            Item::execute("insert into made values (1)", ()),
            Item::execute("insert into made values (1)", ()),
        ))
        .await
        .all()?;
    assert_eq!((inserted, again), (1, 1));
    Ok(())
}

async fn ten_thousand_large_items_do_not_block_one_another<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let text = "x".repeat(4_000);
    let items: Vec<_> = (0..10_000)
        .map(|n| Item::query_as::<(i32, String)>("select $1::int4, $2::text", (n, text.as_str())))
        .collect();
    let results = connection.pipeline(items).await.all()?;
    for (n, rows) in (0..).zip(&results) {
        assert_eq!((rows[0].0, rows[0].1.len()), (n, 4_000));
    }
    Ok(())
}

async fn a_pipeline_runs_inside_a_transaction<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut transaction = connection.begin().await?;
    let items = [Item::execute(INSERT, (1,)), Item::execute(INSERT, (2,))];
    assert_eq!(transaction.pipeline(items).await.all()?, [1, 1]);
    transaction.rollback().await?;
    assert_eq!(connection.query_scalar::<i64>(COUNT, ()).await?, 0);
    Ok(())
}

async fn many_sets_are_one_statement<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    assert_eq!(connection.execute_many(INSERT, (0..50_000).map(|n| (n,))).await?, 50_000);
    assert_eq!(connection.query_scalar::<i64>(COUNT, ()).await?, 50_000);
    let numbers: Vec<_> = (50_000..50_010).collect();
    let named = numbers.iter().map(|n| named! { n: *n });
    assert_eq!(connection.execute_many("insert into t values (:n)", named).await?, 10);
    let nothing: [(i32,); 0] = [];
    assert_eq!(connection.execute_many(INSERT, nothing).await?, 0);
    for mode in [StatementMode::Described, StatementMode::Unnamed] {
        let call = Call::new("select generate_series(1, $1)").statement_mode(mode);
        assert_eq!(connection.execute_many(call, [(2,), (3,)]).await?, 5);
    }
    Ok(())
}

async fn an_error_in_one_set_undoes_all_and_names_it<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let sql = "insert into t select 1 / (n - 30000) from (values ($1::int4)) v (n)";
    let error = connection.execute_many(sql, (0..60_000).map(|n| (n,))).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    assert_eq!(error.item(), Some(30_000));
    assert_eq!(connection.query_scalar::<i64>(COUNT, ()).await?, 0);
    Ok(())
}

async fn a_set_that_cannot_be_written_undoes_those_before<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    for bad in [0, 3, 40_000] {
        let sets = (0..).map(|n| if n == bad { vec![n; 2] } else { vec![n] }).take(50_000);
        let error = connection.execute_many(INSERT, sets).await.unwrap_err();
        assert_eq!((error.kind(), error.item()), (Kind::Usage, usize::try_from(bad).ok()));
        assert_eq!(error.is_unsent(), bad < 40_000);
        assert_eq!(connection.query_scalar::<i64>(COUNT, ()).await?, 0, "{bad}");
    }
    Ok(())
}

/// Texts that come twice are parsed once: each item gets the answer to its own, whatever else cannot be sent.
async fn an_item_that_cannot_be_sent_does_not_mix_up_the_others<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let items = [
        "copy pg_class to stdout",
        "select 'a'::text",
        "select 'b'::text",
        "select 'a'::text",
        "select 'b'::text",
    ];
    let items = items.map(|sql| Item::query_scalar::<String>(sql, ()));
    let answers = connection.pipeline_each(items).await.map(Result::ok);
    let answers: Vec<_> = answers.iter().map(Option::as_deref).collect();
    assert_eq!(answers, [None, Some("a"), Some("b"), Some("a"), Some("b")]);
    // A description that is kept for another mode is not taken for a statement.
    let (one, two) = ("select $1::int4 + 1", "select $1::int4 + 2");
    let unnamed = |sql| Call::new(sql).statement_mode(StatementMode::Unnamed);
    let sums = connection
        .pipeline((
            Item::query_scalar::<i32>(unnamed(one), (10,)),
            Item::query_scalar::<i32>(unnamed(two), (10,)),
            Item::query_scalar::<i32>(one, (10,)),
        ))
        .await;
    assert_eq!(sums.all()?, (11, 12, 11));
    Ok(())
}

async fn what_ends_a_transaction_has_no_place_in_a_pipeline_of_one<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let items =
        || ["begin", "insert into t values (1)", "commit"].map(|sql| Item::execute(sql, ()));
    let error = connection.pipeline(items()).await.all().unwrap_err();
    assert!(error.is_unsent() && error.kind() == Kind::Usage, "{error}");
    connection.pipeline_each(items()).await.all()?;
    assert_eq!(connection.query_scalar::<i64>(COUNT, ()).await?, 1);
    Ok(())
}

async fn sets_that_cannot_be_written_leave_the_transaction_as_it_is<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, (1,)).await?;
    let error = transaction.execute_many(INSERT, [(1, 2)]).await.unwrap_err();
    assert!(error.is_unsent() && error.item() == Some(0), "{error:?}");
    transaction.execute(INSERT, (2,)).await?;
    transaction.commit().await?;
    assert_eq!(connection.query_scalar::<i64>(COUNT, ()).await?, 2);
    Ok(())
}

/// What a batch leaves to the commit is the fault of no single set.
async fn sets_that_fail_at_the_commit_fail_together<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let error = connection.execute_many(INSERT, [(1,), (1,)]).await.unwrap_err();
    assert_eq!((error.sqlstate(), error.item()), (Some(SqlState::UNIQUE_VIOLATION), None));
    Ok(())
}

async fn a_batch_that_takes_too_long_ends_and_the_session_goes_on<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let sql = "insert into t select $1 from pg_sleep(case when $1 = 2000 then 3600 else 0 end)";
    connection.prepare(sql).await?;
    let call = Call::new(sql).query_timeout(Duration::from_millis(300));
    let error = connection.execute_many(call, (0..1_000_000).map(|n| (n,))).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout, "{error:?}");
    assert_eq!(connection.query_scalar::<i64>(COUNT, ()).await?, 0);
    Ok(())
}

on_every_runtime!(
    an_item_that_cannot_be_sent_does_not_mix_up_the_others,
    what_ends_a_transaction_has_no_place_in_a_pipeline_of_one,
    sets_that_cannot_be_written_leave_the_transaction_as_it_is,
    sets_that_fail_at_the_commit_fail_together,
    a_batch_that_takes_too_long_ends_and_the_session_goes_on,
    each_item_has_the_type_of_its_verb,
    a_pipeline_is_one_round_trip,
    the_first_error_undoes_what_was_before_and_skips_what_is_behind,
    what_fails_at_the_commit_is_told_to_every_item,
    with_a_sync_each_every_item_stands_for_itself,
    nothing_is_sent_of_a_pipeline_with_an_item_that_cannot_be,
    items_may_depend_on_those_before,
    ten_thousand_large_items_do_not_block_one_another,
    a_pipeline_runs_inside_a_transaction,
    many_sets_are_one_statement,
    an_error_in_one_set_undoes_all_and_names_it,
    a_set_that_cannot_be_written_undoes_those_before,
);
