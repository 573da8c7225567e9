//! Rows that are fetched in portions: the server session stays the same until the last of them.

use std::num::NonZeroU32;

use aiopg::{Call, Client, Error, Fetch, Runtime, SqlState};
use aiopg_tests::on_every_runtime;
use aiopg_tests::pgbouncer::SERVERS;

use crate::pgbouncer::scene::{ALL, EXTENDED, Scene, in_modes, process_id};

fn by(rows: u32) -> Fetch {
    Fetch::rows(NonZeroU32::new(rows).unwrap())
}

const SERIES: &str = "select n, pg_backend_pid() from generate_series(1, $1::int4) n";

/// Reads all rows, and returns how many there were and which server sent them.
async fn read(client: &mut impl Client, fetch: Fetch, total: i32) -> Result<(i32, i32), Error> {
    let (mut seen, mut server) = (0, 0);
    let mut rows = client.stream(Call::new(SERIES).fetch(fetch), (total,)).await?;
    while let Some(row) = rows.next().await? {
        let (n, process_id): (i32, i32) = row.decode()?;
        seen += 1;
        assert_eq!(n, seen);
        assert!(server == 0 || server == process_id);
        server = process_id;
    }
    Ok((seen, server))
}

async fn portions_come_from_one_server<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let mut servers = Vec::new();
        for total in [1, 9, 10, 11, 1000] {
            for fetch in [by(1), by(10), by(10).prefetch(), Fetch::bytes(300)] {
                let (seen, server) = read(&mut scene.connection, fetch, total).await?;
                assert_eq!(seen, total);
                // Where the types are asked for each time, it is the same server that is asked each time.
                servers.extend([server, process_id(&mut scene.connection).await]);
            }
        }
        servers.sort_unstable();
        servers.dedup();
        assert_eq!(servers.len(), SERVERS);
        Ok(())
    })
    .await;
}

async fn portions_within_a_transaction_come_from_its_server<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        for _ in 0..3 {
            let mut transaction = scene.connection.begin().await?;
            // The first statement: BEGIN goes with it.
            let (seen, server) = read(&mut transaction, by(10), 35).await?;
            assert_eq!((seen, server), (35, process_id(&mut transaction).await));
            assert_eq!(read(&mut transaction, by(10).prefetch(), 35).await?, (35, server));
            transaction.commit().await?;
        }
        Ok(())
    })
    .await;
}

/// While portions are fetched, the others have one server less, and go on.
async fn others_go_on_between_portions<R: Runtime>(rt: R) {
    in_modes(rt, EXTENDED, async |scene: &mut Scene<R>| {
        let mut other = scene.another().await;
        let fetch = Call::new(SERIES).fetch(by(10));
        let mut rows = scene.connection.stream(fetch, (100,)).await?;
        let mut seen = 0;
        while let Some(row) = rows.next().await? {
            seen += 1;
            let (n, server): (i32, i32) = row.decode()?;
            let (same, another): (i32, i32) =
                other.query_one("select $1::int4, pg_backend_pid()", (n,)).await?.decode()?;
            assert!(same == seen && (another != server || seen == 100), "{seen}");
        }
        assert_eq!(seen, 100);
        Ok(())
    })
    .await;
}

async fn a_stream_that_fails_or_is_dropped_gives_its_server_back<R: Runtime>(rt: R) {
    in_modes(rt, EXTENDED, async |scene: &mut Scene<R>| {
        let mut other = scene.another().await;
        let c = &mut scene.connection;
        let failing = "select 10 / (25 - n) from generate_series(1, $1::int4) n";
        for fetch in [by(10), by(10).prefetch()] {
            let mut rows = c.stream(Call::new(failing).fetch(fetch), (100,)).await?;
            let error = loop {
                match rows.next().await {
                    Ok(row) => assert!(row.is_some()),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
            drop(rows);
            for taken in [0, 1, 10, 11, 20] {
                let mut rows = c.stream(Call::new(SERIES).fetch(fetch), (1_000_000,)).await?;
                for _ in 0..taken {
                    assert!(rows.next().await?.is_some());
                }
                drop(rows);
                assert_eq!(c.query_scalar::<i32>("select $1::int4", (taken,)).await?, taken);
            }
            // Each of two open transactions holds a server.
            let (mut first, mut second) = (c.begin().await?, other.begin().await?);
            assert_ne!(process_id(&mut first).await, process_id(&mut second).await);
            first.rollback().await?;
            second.rollback().await?;
        }
        Ok(())
    })
    .await;
}

on_every_runtime!(
    portions_come_from_one_server,
    portions_within_a_transaction_come_from_its_server,
    others_go_on_between_portions,
    a_stream_that_fails_or_is_dropped_gives_its_server_back,
);
