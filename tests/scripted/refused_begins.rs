//! BEGIN itself refused: nothing that was to be in the transaction is run, and the next one begins anew.

use aiopg::sea_query::{Engine, EngineConnection};
use aiopg::{Error, Kind, PoolOptions, SqlState, TransactionOptions};
use aiopg_sim::{Sim, SimRuntime};
use aiopg_tests::script::{Event, FakeServer};

use crate::converse::{serve_in, sim_config};

/// The tiny server begins no transaction that is deferrable. It knows which statements must not be run outside one.
fn refused() -> TransactionOptions {
    TransactionOptions::new().deferrable()
}

fn executed(server: &FakeServer, word: &str) -> usize {
    server.count(|event| matches!(event, Event::Executed(sql, _) if sql.starts_with(word)))
}

/// Runs `body` in a session; then the next transaction begins, and nothing else was run.
fn after_it(
    begins: usize,
    body: impl AsyncFnOnce(&mut EngineConnection<SimRuntime>) -> Result<(), Error>,
) {
    let (sim, server) = (Sim::new(7), FakeServer::new());
    serve_in(&sim, &server);
    sim.block_on(async {
        let options = PoolOptions::default().max_size(1);
        let engine = Engine::create_on(sim.runtime(), sim_config(), options).await?;
        let mut connection = engine.acquire().await?;
        body(&mut connection).await?;
        assert!(!connection.in_transaction());
        assert_eq!(executed(&server, "begin"), begins, "it was tried with every statement");
        assert_eq!(executed(&server, "touch") + executed(&server, "savepoint"), 0);
        let mut next = connection.begin().await?;
        next.execute("touch 9 _within", ()).await?;
        next.commit().await?;
        assert_eq!(executed(&server, "begin"), begins + 1);
        Ok::<_, Error>(())
    })
    .unwrap();
}

async fn assert_fails(connection: &mut EngineConnection<SimRuntime>) {
    let error = connection.execute("touch 1 _within", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO), "{error}");
}

fn assert_rolled_back(ended: Result<(), Error>) {
    let error = ended.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack, "{error}");
}

#[test]
fn no_statement_is_run_outside_the_transaction_that_never_began() {
    after_it(3, async |connection| {
        let mut transaction = connection.begin_with(&refused()).await?;
        for _ in 0..3 {
            assert_fails(&mut transaction).await;
        }
        assert_rolled_back(transaction.commit().await);
        Ok(())
    });
}

#[test]
fn rolled_back_or_dropped_it_is_no_error() {
    for drops in [false, true] {
        after_it(1, async |connection| {
            let mut transaction = connection.begin_with(&refused()).await?;
            assert_fails(&mut transaction).await;
            if drops {
                drop(transaction);
                Ok(())
            } else {
                transaction.rollback().await
            }
        });
    }
}

#[test]
fn a_part_of_one_that_never_began_is_not_committed() {
    after_it(2, async |connection| {
        let mut outer = connection.begin_with(&refused()).await?;
        let mut inner = outer.begin().await?;
        assert_fails(&mut inner).await;
        assert_rolled_back(inner.commit().await);
        assert_fails(&mut outer).await;
        assert_rolled_back(outer.commit().await);
        Ok(())
    });
}

#[test]
fn a_savepoint_in_one_that_never_began_is_not_kept() {
    after_it(2, async |connection| {
        let mut outer = connection.begin_with(&refused()).await?;
        let mut savepoint = outer.begin_nested().await?;
        assert_fails(&mut savepoint).await;
        assert_rolled_back(savepoint.commit().await);
        let mut savepoint = outer.begin_nested().await?;
        let mut inner = savepoint.begin().await?;
        assert_fails(&mut inner).await;
        inner.rollback().await?;
        savepoint.rollback().await?;
        outer.rollback().await
    });
}
