//! Borrowing: what is lent, and when a pool grows.

use std::time::Duration;

use aiopg::{Client, Error, Kind, Pool, PoolOptions, Runtime};
use aiopg_tests::{on_every_runtime, session};
use futures::future::join;

use crate::pools::{counts, get, has_background, open, process_of, sized, wait_for};

async fn a_pool_has_one_session_at_first_and_ten_at_most<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = Pool::connect_on(rt, session::config()).await?;
    assert_eq!(counts(&pool), (1, 1, 0));
    let mut sessions = Vec::new();
    for _ in 0..10 {
        sessions.push(get(&pool).await);
    }
    assert_eq!((counts(&pool), pool.try_get().is_none()), ((10, 0, 10), true));
    Ok(())
}

async fn the_least_number_is_open_at_once<R: Runtime>(rt: R) {
    let pool = open(rt, sized(5, 20)).await;
    assert_eq!(counts(&pool), (5, 5, 0));
}

async fn a_session_is_lent_and_comes_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(10, 10)).await;
    let mut session = get(&pool).await;
    assert_eq!(session.query_scalar::<i32>("select 42", ()).await?, 42);
    assert_eq!(counts(&pool), (10, 9, 1));
    drop(session);
    assert_eq!(counts(&pool), (10, 10, 0));
    Ok(())
}

async fn an_empty_pool_grows_as_it_is_asked<R: Runtime>(rt: R) {
    let pool = open(rt, sized(0, 10)).await;
    assert_eq!(counts(&pool), (0, 0, 0));
    let first = get(&pool).await;
    assert_eq!(counts(&pool), (1, 0, 1));
    let second = get(&pool).await;
    assert_eq!(counts(&pool), (2, 0, 2));
    assert_ne!(process_of(&first), process_of(&second));
    drop(first);
    assert_eq!(counts(&pool), (2, 1, 1));
    drop(second);
    assert_eq!(counts(&pool), (2, 2, 0));
}

async fn the_first_that_came_back_is_lent_first<R: Runtime>(rt: R) {
    let pool = open(rt, sized(0, 3)).await;
    let (one, two) = join(get(&pool), get(&pool)).await;
    let three = get(&pool).await;
    let processes = [&two, &three, &one].map(|session| process_of(session));
    drop(two);
    drop(three);
    drop(one);
    for process in processes {
        // Kept until the end of the statement: the next is another one.
        let session = get(&pool).await;
        assert_eq!(process_of(&session), process);
    }
    assert_eq!(counts(&pool), (3, 3, 0));
}

async fn never_more_are_open_than_there_may_be<R: Runtime>(rt: R) {
    let pool = open(rt, sized(0, 1)).await;
    let borrow = async || {
        let mut session = get(&pool).await;
        assert_eq!(counts(&pool), (1, 0, 1));
        session.execute("select 1", ()).await.unwrap();
    };
    join(borrow(), borrow()).await;
    assert_eq!((counts(&pool), pool.stats().connects), ((1, 1, 0), 1));
}

async fn zero_is_as_many_as_are_wanted<R: Runtime>(rt: R) {
    let pool = open(rt, sized(0, 0)).await;
    let mut sessions = Vec::new();
    for _ in 0..12 {
        sessions.push(get(&pool).await);
    }
    assert_eq!(counts(&pool), (12, 0, 12));
}

async fn sizes_that_contradict_each_other_are_refused<R: Runtime>(rt: R) {
    let refused = sized(5, 2).open_on(rt.clone(), session::config()).unwrap_err();
    assert_eq!(refused.kind(), Kind::Config);
    let pool = sized(0, 2).open_on(rt, session::config()).unwrap();
    assert_eq!(pool.resize(3, 2).unwrap_err().kind(), Kind::Config);
}

async fn what_is_idle_is_lent_without_waiting<R: Runtime>(rt: R) {
    let pool = open(rt, sized(1, 1)).await;
    let session = pool.try_get().unwrap();
    assert!(pool.try_get().is_none());
    drop(session);
    assert!(pool.try_get().is_some());
}

async fn a_caller_waits_no_longer_than_allowed<R: Runtime>(rt: R) {
    let options = sized(1, 1).acquire_timeout(Duration::from_millis(50));
    let pool = open(rt, options).await;
    let session = get(&pool).await;
    let error = pool.get().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (Kind::Timeout, true));
    let text = error.to_string();
    for part in ["within 50ms", "1 of 1 in use", "0 others waiting", "lending.rs:"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!((pool.stats().timeouts, pool.stats().waiting), (1, 0));
    drop(session);
    drop(get(&pool).await);
}

async fn a_pool_made_in_no_time_is_ready_later<R: Runtime>(rt: R) -> Result<(), Error> {
    let background = has_background(&rt);
    let pool = sized(2, 4).open_on(rt, session::config())?;
    if background {
        wait_for(&pool, |stats| stats.idle == 2).await;
    } else {
        assert_eq!(counts(&pool), (0, 0, 0));
    }
    pool.wait_ready(Duration::from_secs(50)).await?;
    assert_eq!(counts(&pool), (2, 2, 0));
    Ok(())
}

async fn a_pool_that_cannot_connect_is_not_made<R: Runtime>(rt: R) {
    let config = session::config().port(1);
    let error = Pool::connect_on(rt.clone(), config.clone()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Io, "{error}");
    let pool = PoolOptions::default().open_on(rt, config).unwrap();
    let error = pool.wait_ready(Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout, "{error}");
    assert!(std::error::Error::source(&error).is_some(), "it says why");
}

async fn an_error_that_stays_is_told_at_once<R: Runtime>(rt: R) {
    let config = session::config().dbname("there is no such database");
    let pool = sized(0, 2).open_on(rt, config).unwrap();
    for _ in 0..3 {
        let error = pool.get().await.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().code(), "3D000");
    }
    let (first, second) = join(pool.get(), pool.get()).await;
    assert!(first.is_err() && second.is_err());
    assert_eq!(counts(&pool), (0, 0, 0));
}

async fn verbs_borrow_a_session_for_one_call<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    assert_eq!(pool.query_scalar::<i32>("select $1::int4 + 1", (1,)).await?, 2);
    assert_eq!(pool.query("select 1 union all select 2", ()).await?.len(), 2);
    assert_eq!(pool.query_as::<(i32,)>("select 7", ()).await?, [(7,)]);
    assert_eq!(pool.query_one("select 1", ()).await?.len(), 1);
    assert!(pool.query_opt("select 1 where false", ()).await?.is_none());
    assert_eq!(pool.execute("select 1", ()).await?, 1);
    pool.batch_execute("create temp table t (id int)").await?;
    assert_eq!(pool.simple_query("select 1; select 2").await?.len(), 2);
    assert_eq!(counts(&pool), (1, 1, 0));
    Ok(())
}

async fn a_cursor_borrows_a_session_until_it_is_dropped<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    let mut cursor = pool.cursor().await?;
    assert_eq!(counts(&pool), (1, 0, 1));
    cursor.execute("select generate_series(1, 3)", ()).await?;
    let mut result = cursor.detach()?;
    drop(cursor);
    assert_eq!((counts(&pool), result.fetch_all()?.len()), ((1, 1, 0), 3));
    let mut cursor = pool.cursor().await?.query_timeout(Duration::from_millis(20));
    let error = cursor.execute("select pg_sleep(600)", ()).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout, "{error}");
    Ok(())
}

async fn a_transaction_borrows_a_session_until_its_end<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    pool.batch_execute("create temp table t (id int)").await?;
    let mut transaction = pool.begin().await?;
    transaction.execute("insert into t values (1)", ()).await?;
    assert_eq!(counts(&pool), (1, 0, 1));
    transaction.commit().await?;
    assert_eq!(counts(&pool), (1, 1, 0));
    let count: i64 = pool
        .transaction(async |transaction| {
            transaction.execute("insert into t values (2)", ()).await?;
            transaction.query_scalar("select count(*) from t", ()).await
        })
        .await?;
    assert_eq!((count, counts(&pool)), (2, (1, 1, 0)));
    let failed: Result<(), Error> = pool
        .transaction(async |transaction| {
            transaction.execute("delete from t", ()).await?;
            transaction.batch_execute("select 1/0").await
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(pool.query_scalar::<i64>("select count(*) from t", ()).await?, 2);
    Ok(())
}

async fn a_scope_borrows_a_session_for_what_takes_longer<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = open(rt, sized(1, 1)).await;
    let sum = pool
        .scope(async |session| {
            let mut rows = session.stream("select generate_series(1, 100)", ()).await?;
            let mut sum = 0;
            while let Some(row) = rows.next().await? {
                sum += row.get::<i32>(0);
            }
            Ok::<_, Error>(sum)
        })
        .await?;
    assert_eq!((sum, counts(&pool)), (5050, (1, 1, 0)));
    let failed: Result<u64, Error> =
        pool.scope(async |session| session.execute("select 1/0", ()).await).await;
    assert!(failed.is_err());
    assert_eq!(counts(&pool), (1, 1, 0));
    Ok(())
}

async fn the_pool_of_plain_code_names_no_runtime<R: Runtime>(rt: R) -> Result<(), Error> {
    struct Service {
        pool: Pool,
    }
    let service = Service { pool: Pool::connect(rt.clone(), session::config()).await? };
    assert_eq!(service.pool.query_scalar::<i32>("select 1", ()).await?, 1);
    let pool = PoolOptions::new()
        .on_connect(|session| Box::pin(session.batch_execute("set application_name = 'mine'")))
        .connect(rt, session::config())
        .await?;
    let name: String = pool.query_scalar("show application_name", ()).await?;
    assert_eq!(name, "mine");
    Ok(())
}

on_every_runtime!(
    a_pool_has_one_session_at_first_and_ten_at_most,
    the_least_number_is_open_at_once,
    a_session_is_lent_and_comes_back,
    an_empty_pool_grows_as_it_is_asked,
    the_first_that_came_back_is_lent_first,
    never_more_are_open_than_there_may_be,
    zero_is_as_many_as_are_wanted,
    sizes_that_contradict_each_other_are_refused,
    what_is_idle_is_lent_without_waiting,
    a_caller_waits_no_longer_than_allowed,
    a_pool_made_in_no_time_is_ready_later,
    a_pool_that_cannot_connect_is_not_made,
    an_error_that_stays_is_told_at_once,
    verbs_borrow_a_session_for_one_call,
    a_cursor_borrows_a_session_until_it_is_dropped,
    a_transaction_borrows_a_session_until_its_end,
    a_scope_borrows_a_session_for_what_takes_longer,
    the_pool_of_plain_code_names_no_runtime,
);
