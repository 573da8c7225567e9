//! Transactions: each stays on its server, and gives it back at its end, however it ends.

use aiopg::{
    Client, Error, IsolationLevel, Kind, Runtime, SqlState, TransactionOptions, TransactionStatus,
};
use aiopg_tests::{on_every_runtime, warnings};
use futures::future::try_join;

use crate::pgbouncer::scene::{ALL, Scene, in_modes, process_id};

async fn a_transaction_stays_on_its_server<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let table = scene.table("n int4 primary key").await?;
        let mut other = scene.another().await;
        let insert = format!("insert into {table} values ($1)");
        for round in 0..4_i32 {
            let mut first = scene.connection.begin().await?;
            first.execute(&*insert, (2 * round,)).await?;
            let mut second = other.begin().await?;
            second.execute(&*insert, (2 * round + 1,)).await?;
            let servers = (process_id(&mut first).await, process_id(&mut second).await);
            assert_ne!(servers.0, servers.1);
            for n in 0..3 {
                assert_eq!(first.query_scalar::<i32>("select $1::int4", (n,)).await?, n);
                assert_eq!(second.query_scalar::<i32>("select -$1::int4", (n,)).await?, -n);
                assert_eq!(servers.0, process_id(&mut first).await);
                assert_eq!(servers.1, process_id(&mut second).await);
            }
            first.commit().await?;
            second.rollback().await?;
        }
        let sql = format!("select n from {table} order by n");
        let committed: Vec<(i32,)> = scene.connection.query_as(&*sql, ()).await?;
        assert_eq!(committed, [(0,), (2,), (4,), (6,)]);
        Ok(())
    })
    .await;
}

async fn savepoints_are_undone_alone<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let table = scene.table("n int4 primary key").await?;
        let c = &mut scene.connection;
        let insert = format!("insert into {table} values ($1)");
        let mut transaction = c.begin().await?;
        transaction.execute(&*insert, (1,)).await?;
        let mut outer = transaction.begin().await?;
        outer.execute(&*insert, (2,)).await?;
        let mut inner = outer.begin().await?;
        let error = inner.execute(&*insert, (1,)).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
        assert_eq!(inner.commit().await.unwrap_err().kind(), Kind::RolledBack);
        let mut inner = outer.begin().await?;
        inner.execute(&*insert, (3,)).await?;
        drop(inner);
        warnings::take();
        outer.commit().await?;
        transaction.commit().await?;
        let sql = format!("select n from {table} order by n");
        assert_eq!(c.query_as::<(i32,)>(&*sql, ()).await?, [(1,), (2,)]);
        Ok(())
    })
    .await;
}

/// Nobody uses the sessions again, and still their servers are free.
async fn dropped_transactions_give_their_servers_back_at_once<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let table = scene.table("n int4 primary key").await?;
        let (mut second, mut third) = (scene.another().await, scene.another().await);
        let insert = format!("insert into {table} values ($1)");
        let mut transactions = (scene.connection.begin().await?, second.begin().await?);
        transactions.0.execute(&*insert, (1,)).await?;
        transactions.1.execute(&*insert, (2,)).await?;
        drop(transactions);
        let count = format!("select count(*) from {table} where n < $1");
        for _ in 0..4 {
            assert_eq!(third.query_scalar::<i64>(&*count, (9,)).await?, 0);
        }
        let c = &mut scene.connection;
        assert_eq!(c.query_scalar::<i64>(&*count, (9,)).await?, 0);
        assert_eq!(c.transaction_status(), TransactionStatus::Idle);
        second.close().await?;
        assert_eq!(warnings::take().len(), 2, "one for each");
        Ok(())
    })
    .await;
}

async fn a_transaction_that_did_nothing_takes_no_server<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let mut others = [scene.another().await, scene.another().await];
        let mut further = scene.another().await;
        let [first, second] = &mut others;
        // More of them than servers.
        let transactions =
            (scene.connection.begin().await?, first.begin().await?, second.begin().await?);
        assert_eq!(further.query_scalar::<i32>("select $1::int4", (7,)).await?, 7);
        transactions.0.commit().await?;
        transactions.1.rollback().await?;
        Ok(())
    })
    .await;
}

async fn settings_end_with_the_transaction<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let options = TransactionOptions::new()
            .isolation_level(IsolationLevel::Serializable)
            .read_only()
            .set_local("lock_timeout", "1234ms");
        let shown =
            "select current_setting('lock_timeout'), current_setting('transaction_isolation')";
        for _ in 0..3 {
            let mut transaction = scene.connection.begin_with(&options).await?;
            let row = transaction.query_one(shown, ()).await?;
            assert_eq!(row.decode::<(&str, &str)>()?, ("1234ms", "serializable"));
            transaction.commit().await?;
            let row = scene.connection.query_one(shown, ()).await?;
            assert_eq!(row.decode::<(&str, &str)>()?, ("0", "read committed"));
        }
        Ok(())
    })
    .await;
}

/// Both read before either writes, the first time; so one of them has to begin again.
async fn a_transaction_that_could_not_be_serialized_is_repeated<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let table = scene.table("n int4").await?;
        scene.connection.batch_execute(&format!("insert into {table} values (0)")).await?;
        let mut other = scene.another().await;
        let read = format!("select n from {table}");
        let write = format!("update {table} set n = $1");
        let options =
            TransactionOptions::new().isolation_level(IsolationLevel::RepeatableRead).retries(3);
        let mut attempts = 0;
        scene
            .connection
            .transaction_with(&options, async |transaction| {
                attempts += 1;
                let n: i32 = transaction.query_scalar(&*read, ()).await?;
                if attempts == 1 {
                    other.execute(&*write, (10,)).await?;
                }
                transaction.execute(&*write, (n + 1,)).await
            })
            .await?;
        assert_eq!(attempts, 2);
        assert_eq!(scene.connection.query_scalar::<i32>(&*read, ()).await?, 11);
        Ok(())
    })
    .await;
}

async fn a_third_transaction_waits_for_a_server<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let (mut second, mut third) = (scene.another().await, scene.another().await);
        let mut open = (scene.connection.begin().await?, second.begin().await?);
        let first_server = process_id(&mut open.0).await;
        process_id(&mut open.1).await;
        let waiting = async {
            let mut transaction = third.begin().await?;
            let server = process_id(&mut transaction).await;
            transaction.commit().await?;
            Ok::<_, Error>(server)
        };
        let (server, ()) = try_join(waiting, open.0.commit()).await?;
        assert_eq!(server, first_server);
        open.1.rollback().await?;
        Ok(())
    })
    .await;
}

on_every_runtime!(
    a_transaction_stays_on_its_server,
    savepoints_are_undone_alone,
    dropped_transactions_give_their_servers_back_at_once,
    a_transaction_that_did_nothing_takes_no_server,
    settings_end_with_the_transaction,
    a_transaction_that_could_not_be_serialized_is_repeated,
    a_third_transaction_waits_for_a_server,
);
