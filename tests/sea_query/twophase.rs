//! Two-phase commit: transactions of an engine's session that are prepared, and ended later, or elsewhere.

use aiopg::sea_query::EngineConnection;
use aiopg::{Client, Error, Kind, Runtime, SqlState};
use aiopg_tests::{Server, on_every_runtime, warnings};

use crate::transactions::{DELETE, INSERT, count, pair};

/// An identifier that no other test has, with everything in it that must be quoted.
fn xid() -> String {
    format!("it's \\ \"{}\" %s; --", Server::shared().fresh_schema())
}

async fn is_prepared<R: Runtime>(
    connection: &mut EngineConnection<R>,
    xid: &str,
) -> Result<bool, Error> {
    Ok(connection.recover_twophase().await?.iter().any(|found| found == xid))
}

async fn a_prepared_transaction_is_committed_or_rolled_back<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    for (commit, left) in [(true, 2), (false, 2)] {
        let mut transaction = connection.begin_twophase(None).await?;
        transaction.execute(INSERT, ("second",)).await?;
        assert!(transaction.is_active() && transaction.in_transaction());
        let prepared = transaction.prepare().await?;
        let xid = prepared.xid().to_owned();
        assert!(is_prepared(&mut other, &xid).await?);
        if commit {
            prepared.commit().await?;
        } else {
            prepared.rollback().await?;
        }
        assert!(!connection.in_transaction());
        assert!(!is_prepared(&mut other, &xid).await?);
        assert_eq!(count(&mut other).await?, Some(left));
    }
    Ok(())
}

async fn without_an_identifier_one_is_drawn<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _other) = pair(rt).await?;
    let mut drawn = Vec::new();
    for _ in 0..2 {
        let transaction = connection.begin_twophase(None).await?;
        let digits = transaction.xid().strip_prefix("_sa_").unwrap();
        assert!(digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        drawn.push(transaction.xid().to_owned());
        transaction.rollback().await?;
    }
    assert_ne!(drawn[0], drawn[1]);
    Ok(())
}

async fn a_second_one_is_refused_while_one_is_open<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut first = connection.begin_twophase(Some(&xid())).await?;
    first.execute(INSERT, ("second",)).await?;
    let error = first.begin_twophase(None).await.unwrap_err();
    assert!(error.kind() == Kind::Usage && error.is_unsent(), "{error}");
    first.prepare().await?.commit().await?;
    assert_eq!(count(&mut other).await?, Some(2));
    let mut plain = connection.begin().await?;
    let error = plain.begin_twophase(None).await.unwrap_err();
    assert!(error.kind() == Kind::Usage && error.is_unsent(), "{error}");
    plain.commit().await
}

async fn any_session_ends_what_is_prepared<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    for (commit, left) in [(true, 2), (false, 2)] {
        let xid = xid();
        let mut transaction = connection.begin_twophase(Some(&xid)).await?;
        transaction.execute(INSERT, ("second",)).await?;
        assert_eq!(transaction.prepare().await?.into_xid(), xid);
        // It has left the session, which is free for others.
        assert!(!connection.in_transaction());
        assert!(count(&mut connection).await? <= Some(2));
        assert!(is_prepared(&mut connection, &xid).await?);
        if commit {
            other.commit_prepared(&xid).await?;
        } else {
            other.rollback_prepared(&xid).await?;
        }
        assert!(!is_prepared(&mut connection, &xid).await?);
        assert_eq!(count(&mut connection).await?, Some(left));
        let error = connection.rollback_prepared(&xid).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_OBJECT), "{error}");
    }
    Ok(())
}

async fn what_is_not_prepared_ends_like_any_other<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    for (end, left) in [(0, 2), (1, 2), (2, 2), (3, 2)] {
        let xid = xid();
        let mut transaction = connection.begin_twophase(Some(&xid)).await?;
        transaction.execute(INSERT, ("second",)).await?;
        match end {
            0 => transaction.commit().await?,
            1 => transaction.rollback().await?,
            2 => transaction.close().await?,
            _ => drop(transaction),
        }
        assert_eq!(warnings::take().len(), usize::from(end == 3));
        assert!(!connection.in_transaction());
        assert_eq!(count(&mut connection).await?, Some(left));
        assert_eq!(count(&mut other).await?, Some(left));
        assert!(!is_prepared(&mut other, &xid).await?);
    }
    Ok(())
}

async fn a_dropped_prepared_transaction_stays_prepared<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let xid = xid();
    let mut transaction = connection.begin_twophase(Some(&xid)).await?;
    transaction.execute(DELETE, ()).await?;
    drop(transaction.prepare().await?);
    connection.close().await;
    assert!(is_prepared(&mut other, &xid).await?);
    assert_eq!(count(&mut other).await?, Some(1));
    other.commit_prepared(&xid).await?;
    assert_eq!(count(&mut other).await?, Some(0));
    Ok(())
}

async fn what_was_rolled_back_is_not_prepared<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    // By one within it, or by the server, since a statement has failed.
    for fails in [false, true] {
        let xid = xid();
        let mut transaction = connection.begin_twophase(Some(&xid)).await?;
        transaction.execute(DELETE, ()).await?;
        if fails {
            transaction.execute("select 1 / 0", ()).await.unwrap_err();
        } else {
            transaction.begin().await?.rollback().await?;
        }
        let error = transaction.prepare().await.unwrap_err();
        assert_eq!(error.kind(), Kind::RolledBack, "{error}");
        assert!(!connection.in_transaction());
        assert!(!is_prepared(&mut connection, &xid).await?);
        assert_eq!(count(&mut other).await?, Some(1));
    }
    Ok(())
}

async fn what_stands_in_it_is_prepared_with_it<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut transaction = connection.begin_twophase(Some(&xid())).await?;
    let mut inner = transaction.begin().await?;
    inner.execute(INSERT, ("kept",)).await?;
    inner.commit().await?;
    let mut savepoint = transaction.begin_nested().await?;
    savepoint.execute(INSERT, ("lost",)).await?;
    savepoint.rollback().await?;
    let sum: i64 = transaction.query_scalar("select count(*) from sa_tbl", ()).await?;
    assert_eq!(sum, 2);
    transaction.prepare().await?.commit().await?;
    assert_eq!(count(&mut other).await?, Some(2));
    Ok(())
}

/// The server would refuse it, and the transaction that is open would fail.
async fn nothing_is_ended_by_its_identifier_within_a_transaction<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let xid = xid();
    let mut transaction = connection.begin_twophase(Some(&xid)).await?;
    transaction.execute(INSERT, ("second",)).await?;
    drop(transaction.prepare().await?);
    let mut open = connection.begin().await?;
    for error in [open.commit_prepared(&xid).await, open.rollback_prepared(&xid).await] {
        let error = error.unwrap_err();
        assert!(error.kind() == Kind::Usage && error.is_unsent(), "{error}");
    }
    assert!(is_prepared(&mut open, &xid).await?);
    open.commit().await?;
    connection.commit_prepared(&xid).await?;
    assert_eq!(count(&mut other).await?, Some(2));
    Ok(())
}

async fn an_identifier_that_the_server_would_refuse_begins_nothing<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, _other) = pair(rt).await?;
    for xid in ["", &"x".repeat(200), "nul\0"] {
        let begun = connection.begin_twophase(Some(xid)).await.map(drop);
        let committed = connection.commit_prepared(xid).await;
        let rolled_back = connection.rollback_prepared(xid).await;
        for refused in [begun, committed, rolled_back] {
            let error = refused.unwrap_err();
            assert!(error.kind() == Kind::Usage && error.is_unsent(), "{error}");
        }
        assert!(!connection.in_transaction());
    }
    Ok(())
}

on_every_runtime!(
    a_prepared_transaction_is_committed_or_rolled_back,
    without_an_identifier_one_is_drawn,
    a_second_one_is_refused_while_one_is_open,
    any_session_ends_what_is_prepared,
    what_is_not_prepared_ends_like_any_other,
    a_dropped_prepared_transaction_stays_prepared,
    what_was_rolled_back_is_not_prepared,
    what_stands_in_it_is_prepared_with_it,
    nothing_is_ended_by_its_identifier_within_a_transaction,
    an_identifier_that_the_server_would_refuse_begins_nothing,
);
