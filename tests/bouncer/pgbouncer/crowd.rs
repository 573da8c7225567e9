//! A crowd of clients on few servers: each gets what is its own.

use std::collections::BTreeSet;

use aiopg::{Client, Connection, Error, PoolOptions, Runtime, SqlState};
use aiopg_tests::pgbouncer::SERVERS;
use aiopg_tests::{on_every_runtime, warnings};
use futures::future::try_join_all;

use crate::pgbouncer::scene::{ALL, Scene, in_modes, process_id};

const CLIENTS: i32 = 12;
const ROUNDS: i32 = 15;

/// What only one client would ask for, by every verb. Returns the servers that answered.
async fn ask(client: &mut impl Client, own: i32, round: i32) -> Result<BTreeSet<i32>, Error> {
    let sql = "select $1::int4, 'of ' || $2::text, pg_backend_pid()";
    let name = own.to_string();
    let row = client.query_one(sql, (own, &name)).await?;
    let (number, text, server): (i32, String, i32) = row.decode()?;
    assert_eq!((number, text), (own, format!("of {own}")));
    let mut servers = BTreeSet::from([server]);
    match round % 5 {
        0 => {
            let error =
                client.execute(&*format!("select {own} / $1::int4"), (0,)).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
        }
        1 => {
            let rows = "select $1::int4 from generate_series(1, $2::int4)";
            let mut rows = client.stream(rows, (own, own + 1)).await?;
            let mut seen = 0;
            while let Some(row) = rows.next().await? {
                assert_eq!(row.get::<i32>(0), own);
                seen += 1;
            }
            assert_eq!(seen, own + 1);
        }
        2 => {
            let raise = format!("do $$ begin raise warning 'of {own}'; end $$");
            client.execute(&*raise, ()).await?;
        }
        3 => {
            // Abandoned half-way: the rows that are left belong to nobody.
            let rows = "select -1, repeat('x', 1000) from generate_series(1, $1::int4)";
            let mut rows = client.stream(rows, (5000,)).await?;
            assert!(rows.next().await?.is_some());
        }
        _ => {
            let mut copy = client.copy_out_query("select 7").rows().await?;
            assert_eq!(copy.next().await?.unwrap().get::<i32>(0), 7);
        }
    }
    servers.insert(process_id(client).await);
    Ok(servers)
}

/// All that one client does.
async fn visit<R: Runtime>(
    connection: &mut Connection<R>,
    own: i32,
) -> Result<BTreeSet<i32>, Error> {
    let mut servers = BTreeSet::new();
    for round in 0..ROUNDS {
        servers.extend(ask(connection, own, round + own).await?);
        let mut transaction = connection.begin().await?;
        let server = process_id(&mut transaction).await;
        let within = ask_within(&mut transaction, own).await?;
        assert_eq!(server, within);
        if round % 2 == 0 {
            transaction.commit().await?;
        }
    }
    let warned = format!("of {own}");
    assert!(connection.notices().len() > 0);
    assert!(connection.notices().all(|notice| notice.message() == warned));
    Ok(servers)
}

async fn ask_within(client: &mut impl Client, own: i32) -> Result<i32, Error> {
    let row = client.query_one("select $1::int4, pg_backend_pid()", (own,)).await?;
    assert_eq!(row.get::<i32>(0), own);
    Ok(row.get(1))
}

async fn each_of_many_clients_sees_what_is_its_own<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(scene.another().await);
        }
        let visits = clients.iter_mut().zip(0..).map(|(client, own)| visit(client, own));
        let servers = try_join_all(visits).await?;
        assert!(!warnings::take().is_empty(), "of the transactions that were dropped");
        let all: BTreeSet<_> = servers.iter().flatten().collect();
        assert_eq!(all.len(), SERVERS);
        // With so many turns nobody is served by the same one each time.
        assert!(servers.iter().all(|servers| servers.len() == SERVERS), "{servers:?}");
        Ok(())
    })
    .await;
}

async fn a_pool_in_front_of_pgbouncer_serves_many_tasks<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let rt = scene.connection.runtime().clone();
        let options = PoolOptions::default().min_size(0).max_size(6);
        let pool = options.connect_on(rt, scene.config()).await?;
        let tasks = (0..20_i32).map(async |own| {
            let mut servers = BTreeSet::new();
            for round in 0..3 {
                servers.extend(ask(&mut pool.get().await?, own, 5 * round).await?);
                let mut guard = pool.get().await?;
                let mut transaction = guard.begin().await?;
                assert_eq!(
                    ask_within(&mut transaction, own).await?,
                    process_id(&mut transaction).await
                );
                transaction.rollback().await?;
            }
            Ok::<_, Error>(servers)
        });
        let servers: BTreeSet<_> = try_join_all(tasks).await?.into_iter().flatten().collect();
        assert_eq!(servers.len(), SERVERS);
        pool.shutdown(None).await?;
        Ok(())
    })
    .await;
}

async fn names_of_applications_stay_apart<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let rt = scene.connection.runtime().clone();
        let mut clients = Vec::new();
        for name in ["one", "two", "three"] {
            let config = scene.config().application_name(name);
            clients.push((name, Connection::connect_on(rt.clone(), &config).await?));
        }
        for _ in 0..3 {
            for (name, client) in &mut clients {
                let sql = "select current_setting('application_name')";
                assert_eq!(client.query_scalar::<String>(sql, ()).await?, *name);
            }
        }
        Ok(())
    })
    .await;
}

on_every_runtime!(
    each_of_many_clients_sees_what_is_its_own,
    a_pool_in_front_of_pgbouncer_serves_many_tasks,
    names_of_applications_stay_apart,
);
