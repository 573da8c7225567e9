//! Transactions that are begun and used by cursors.

use aiopg::{
    Client, Connection, Error, IsolationLevel, Kind, Runtime, SqlState, TransactionOptions,
};
use aiopg_tests::{on_every_runtime, session};

async fn open<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    let sql = "create temporary table tbl (id int); insert into tbl values (22)";
    connection.batch_execute(sql).await?;
    Ok(connection)
}

async fn ids<C: Client>(client: &mut C) -> Result<Vec<i32>, Error> {
    let mut cursor = aiopg::Cursor::new(client);
    cursor.execute("select id from tbl order by id", ()).await?;
    let ids = cursor.fetch_all()?.decode::<(i32,)>()?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

const INSERT: &str = "insert into tbl values ($1)";

/// Every level, and what the server calls it: none is `default_transaction_isolation`.
const LEVELS: [(Option<IsolationLevel>, &str); 5] = [
    (None, "read committed"),
    (Some(IsolationLevel::ReadUncommitted), "read uncommitted"),
    (Some(IsolationLevel::ReadCommitted), "read committed"),
    (Some(IsolationLevel::RepeatableRead), "repeatable read"),
    (Some(IsolationLevel::Serializable), "serializable"),
];

/// Every level, deferrable or not.
fn options() -> impl Iterator<Item = (TransactionOptions, [&'static str; 2])> {
    LEVELS.into_iter().flat_map(|(level, name)| {
        let bare = TransactionOptions::new();
        let options = level.into_iter().fold(bare, TransactionOptions::isolation_level);
        [(options.clone(), [name, "off"]), (options.deferrable(), [name, "on"])]
    })
}

/// Level, read only, deferrable: as the server sees the transaction.
async fn modes<C: Client>(client: &mut C) -> Result<[String; 3], Error> {
    let sql = "select current_setting('transaction_isolation'),
               current_setting('transaction_read_only'),
               current_setting('transaction_deferrable')";
    let row = client.query_one(sql, ()).await?;
    Ok([row.get(0), row.get(1), row.get(2)])
}

async fn every_level_begins_as_it_was_asked<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    for (options, [level, deferrable]) in options() {
        let mut cursor = connection.cursor().transaction_options(options.clone());
        let mut transaction = cursor.begin().await?;
        assert_eq!(modes(&mut transaction).await?, [level, "off", deferrable]);
        transaction.commit().await?;
        let mut cursor = connection.cursor().transaction_options(options.read_only());
        let mut transaction = cursor.begin().await?;
        assert_eq!(modes(&mut transaction).await?, [level, "on", deferrable]);
        transaction.commit().await?;
    }
    connection.batch_execute("set default_transaction_isolation = serializable").await?;
    let mut cursor = connection.cursor();
    let mut transaction = cursor.begin().await?;
    assert_eq!(modes(&mut transaction).await?[0], "serializable", "it is the server's default");
    transaction.commit().await
}

async fn every_transaction_sees_its_own_rows<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    for (number, (options, _)) in (23..).zip(options()) {
        let mut cursor = connection.cursor().transaction_options(options);
        let mut transaction = cursor.begin().await?;
        transaction.cursor().execute(INSERT, (number,)).await?;
        assert_eq!(ids(&mut transaction).await?.last(), Some(&number));
        transaction.commit().await?;
        cursor.execute("select from tbl where id = $1", (number,)).await?;
        assert_eq!(cursor.rowcount(), Some(1));
    }
    Ok(())
}

async fn a_read_only_transaction_reads_and_does_not_write<R: Runtime>(rt: R) -> Result<(), Error> {
    // A temporary table could be written.
    let (mut connection, _) = session::open_in_schema(rt).await;
    connection.batch_execute("create table tbl (id int); insert into tbl values (22)").await?;
    for (options, _) in options() {
        let mut cursor = connection.cursor().transaction_options(options.read_only());
        let mut transaction = cursor.begin().await?;
        assert_eq!(ids(&mut transaction).await?, [22]);
        let error = transaction.cursor().execute(INSERT, (1,)).await.map(drop).unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::READ_ONLY_SQL_TRANSACTION));
        assert_eq!(transaction.commit().await.unwrap_err().kind(), Kind::RolledBack);
        assert_eq!(ids(cursor.connection()).await?, [22]);
    }
    Ok(())
}

async fn a_cursor_can_be_used_at_once_after_a_rollback<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    let mut transaction = cursor.begin().await?;
    transaction.cursor().execute(INSERT, (1,)).await?;
    let error = transaction.cursor().execute("select 1 / 0", ()).await.map(drop).unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    transaction.rollback().await?;
    cursor.execute("select id from tbl", ()).await?;
    assert_eq!(cursor.fetch_all()?.decode::<(i32,)>()?, [(22,)]);
    Ok(())
}

async fn a_failed_transaction_is_not_committed_silently<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    let mut transaction = cursor.begin().await?;
    transaction.cursor().execute(INSERT, (1,)).await?;
    transaction.cursor().execute("select 1 / 0", ()).await.map(drop).unwrap_err();
    assert_eq!(transaction.commit().await.unwrap_err().kind(), Kind::RolledBack);
    assert_eq!(ids(&mut connection).await?, [22]);
    Ok(())
}

async fn savepoints_of_a_cursor_are_undone_alone<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    let mut transaction = cursor.begin().await?;
    transaction.cursor().execute(INSERT, (1,)).await?;
    let mut failing = transaction.begin().await?;
    failing.cursor().execute(INSERT, (9,)).await?;
    failing.cursor().execute("select 1 / 0", ()).await.map(drop).unwrap_err();
    failing.rollback().await?;
    let mut second = transaction.begin().await?;
    second.cursor().execute(INSERT, (2,)).await?;
    let mut third = second.begin().await?;
    third.cursor().execute(INSERT, (3,)).await?;
    third.commit().await?;
    second.commit().await?;
    transaction.commit().await?;
    assert_eq!(ids(&mut connection).await?, [1, 2, 3, 22]);
    Ok(())
}

async fn transactions_follow_one_another_on_one_cursor<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    for number in 1..3 {
        let mut transaction = cursor.begin().await?;
        assert_eq!(ids(&mut transaction).await?.len(), number);
        transaction.cursor().execute(INSERT, (i32::try_from(number).unwrap(),)).await?;
        transaction.commit().await?;
    }
    assert_eq!(ids(cursor.connection()).await?, [1, 2, 22]);
    Ok(())
}

async fn a_second_transaction_cannot_begin_inside_the_first<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    let mut transaction = cursor.begin().await?;
    transaction.cursor().execute(INSERT, (1,)).await?;
    let error = transaction.cursor().begin().await.map(drop).unwrap_err();
    assert!(error.kind() == Kind::Usage && error.is_unsent(), "{error}");
    transaction.rollback().await?;
    assert_eq!(ids(&mut connection).await?, [22]);
    Ok(())
}

on_every_runtime!(
    every_level_begins_as_it_was_asked,
    every_transaction_sees_its_own_rows,
    a_read_only_transaction_reads_and_does_not_write,
    a_cursor_can_be_used_at_once_after_a_rollback,
    a_failed_transaction_is_not_committed_silently,
    savepoints_of_a_cursor_are_undone_alone,
    transactions_follow_one_another_on_one_cursor,
    a_second_transaction_cannot_begin_inside_the_first,
);
