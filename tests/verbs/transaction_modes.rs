//! Isolation levels, read-only and deferrable transactions: each combination begins, works, and ends.

use aiopg::{
    Client, Connection, Error, IsolationLevel, Kind, Runtime, SqlState, TransactionOptions,
};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

/// The server's default, and every level by its name.
const LEVELS: [(Option<IsolationLevel>, &str); 5] = [
    (None, "read committed"),
    (Some(IsolationLevel::ReadUncommitted), "read uncommitted"),
    (Some(IsolationLevel::ReadCommitted), "read committed"),
    (Some(IsolationLevel::RepeatableRead), "repeatable read"),
    (Some(IsolationLevel::Serializable), "serializable"),
];

/// Every level, each deferrable and not, and what the server calls that.
fn combinations() -> impl Iterator<Item = (TransactionOptions, [&'static str; 2])> {
    LEVELS.into_iter().flat_map(|(level, name)| {
        let options = TransactionOptions::new();
        let options = match level {
            Some(level) => options.isolation_level(level),
            None => options,
        };
        [(options.clone().deferrable(), [name, "on"]), (options, [name, "off"])]
    })
}

async fn with_table<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temporary table t (n int primary key)").await?;
    Ok(connection)
}

/// What the server says of the transaction that is open: its level, and whether it is deferrable and read-only.
async fn modes(client: &mut impl Client) -> Result<[String; 3], Error> {
    let sql = "select current_setting('transaction_isolation'), \
               current_setting('transaction_deferrable'), current_setting('transaction_read_only')";
    let row = client.query_one(sql, ()).await?;
    Ok([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?])
}

async fn every_level_is_the_servers_and_sees_its_own_rows<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    for ((options, [level, deferrable]), n) in combinations().zip(1_i32..) {
        let mut transaction = connection.begin_with(&options).await?;
        assert_eq!(modes(&mut transaction).await?, [level, deferrable, "off"]);
        transaction.execute("insert into t values ($1)", (n,)).await?;
        let seen: i32 = transaction.query_scalar("select max(n) from t", ()).await?;
        assert_eq!(seen, n);
        transaction.commit().await?;
        assert_eq!(ask(&mut connection, "select count(*) from t").await, n.to_string());
    }
    Ok(())
}

async fn a_read_only_transaction_reads<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    connection.batch_execute("insert into t values (7)").await?;
    for (options, [level, deferrable]) in combinations() {
        let mut transaction = connection.begin_with(&options.read_only()).await?;
        assert_eq!(modes(&mut transaction).await?, [level, deferrable, "on"]);
        assert_eq!(transaction.query_scalar::<i32>("select n from t", ()).await?, 7);
        transaction.commit().await?;
    }
    Ok(())
}

/// A temporary table may be written to all the same; this one is not.
async fn a_read_only_transaction_refuses_to_write<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _) = session::open_in_schema(rt).await;
    connection.batch_execute("create table t (n int)").await?;
    for (options, _) in combinations() {
        for commit in [true, false] {
            let options = options.clone().read_only();
            let mut transaction = connection.begin_with(&options).await?;
            let error = transaction.execute("insert into t values (1)", ()).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some(SqlState::READ_ONLY_SQL_TRANSACTION), "{error}");
            if commit {
                // The server would answer COMMIT by ROLLBACK, and nobody would know.
                let error = transaction.commit().await.unwrap_err();
                assert_eq!(error.kind(), Kind::RolledBack, "{error}");
            } else {
                transaction.rollback().await?;
            }
        }
    }
    assert_eq!(ask(&mut connection, "select count(*) from t").await, "0");
    Ok(())
}

on_every_runtime!(
    every_level_is_the_servers_and_sees_its_own_rows,
    a_read_only_transaction_reads,
    a_read_only_transaction_refuses_to_write,
);
