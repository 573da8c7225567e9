//! Texts of statements in a transaction.

use aiopg::{Client, Connection, Error, Runtime, Transaction, TransactionStatus};

/// A transaction on a session that was borrowed.
pub(crate) type Borrowed<'c, R> = Transaction<&'c mut Connection<R>>;

/// Runs `queries`, each a text of any number of statements, in a transaction of their own.
pub(crate) async fn transact<R: Runtime>(
    connection: &mut Connection<R>,
    queries: &[&str],
) -> Result<(), Error> {
    let mut transaction = connection.begin().await?;
    match run(&mut transaction, queries).await {
        Ok(()) => transaction.commit().await,
        Err(error) => Err(undo(transaction, error).await),
    }
}

/// Runs `queries` in `transaction`, and stops behind one that has ended it: COMMIT is refused then.
pub(crate) async fn run<R: Runtime>(
    transaction: &mut Borrowed<'_, R>,
    queries: &[&str],
) -> Result<(), Error> {
    for query in queries {
        transaction.batch_execute(query).await?;
        if transaction.connection().transaction_status() == TransactionStatus::Idle {
            break;
        }
    }
    Ok(())
}

/// Rolls `transaction` back because of `error`, which is what the caller is to hear, whatever comes of it.
pub(crate) async fn undo<R: Runtime, E>(transaction: Borrowed<'_, R>, error: E) -> E {
    let _: Result<(), Error> = transaction.rollback().await;
    error
}
