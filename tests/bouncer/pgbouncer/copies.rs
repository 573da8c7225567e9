//! COPY in and out: each on one server, which is given back when one is dropped half-way.

use aiopg::{Client, Error, Runtime, SqlState};
use aiopg_tests::on_every_runtime;
use futures::AsyncReadExt;

use crate::pgbouncer::scene::{ALL, Scene, in_modes, process_id};

async fn rows_are_copied_in_and_out<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        scene.table("id int4 primary key, name text").await?;
        let schema = scene.schema.clone();
        let table = (&*schema, "t");
        let c = &mut scene.connection;
        let rows = (0..20_000).map(|id| (id, (id % 3 > 0).then(|| format!("name {id}"))));
        assert_eq!(c.copy_in(table, &["id", "name"]).rows(rows).await?, 20_000);
        for _ in 0..3 {
            let mut rows = c.copy_out(table, &["id", "name"]).rows().await?;
            let (mut sum, mut names) = (0_i64, 0);
            while let Some(row) = rows.next().await? {
                let (id, name) = row.decode::<(i32, Option<&str>)>()?;
                (sum, names) = (sum + i64::from(id), names + i32::from(name.is_some()));
            }
            assert_eq!((sum, names), (199_990_000, 13_333));
        }
        let query = "select n from generate_series(1, 3) n";
        let mut text = String::new();
        c.copy_out_query(query).start().await?.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "1\n2\n3\n");
        Ok(())
    })
    .await;
}

async fn a_copy_that_fails_leaves_nothing<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let name = scene.table("id int4 primary key").await?;
        let schema = scene.schema.clone();
        let table = (&*schema, "t");
        let count = format!("select count(*) from {name} where id >= $1");
        let c = &mut scene.connection;
        for _ in 0..4 {
            let error = c.copy_in(table, &["id"]).rows([(1,), (2,), (1,)]).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
            assert_eq!(c.query_scalar::<i64>(&*count, (0,)).await?, 0);
            let error = c.copy_in(table, &["missing"]).rows([(1,)]).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_COLUMN));
        }
        Ok(())
    })
    .await;
}

async fn a_copy_that_is_dropped_gives_its_server_back<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let name = scene.table("id int4").await?;
        let mut other = scene.another().await;
        let schema = scene.schema.clone();
        let table = (&*schema, "t");
        let count = format!("select count(*) from {name} where id >= $1");
        let c = &mut scene.connection;
        for _ in 0..3 {
            let mut copy = c.copy_in(table, &["id"]).start_rows().await?;
            for id in 0..10_000 {
                copy.write((id,)).await?;
            }
            drop(copy);
            assert_eq!(c.query_scalar::<i64>(&*count, (0,)).await?, 0);
            let mut rows = c.copy_out_query("select generate_series(1, 1000000)").rows().await?;
            assert!(rows.next().await?.is_some());
            drop(rows);
            assert_eq!(c.query_scalar::<i32>("select $1::int4", (7,)).await?, 7);
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

async fn copies_are_a_part_of_their_transaction<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let name = scene.table("id int4").await?;
        let schema = scene.schema.clone();
        let table = (&*schema, "t");
        let count = format!("select count(*) from {name} where id >= $1");
        for commits in [false, true] {
            let mut transaction = scene.connection.begin().await?;
            transaction.copy_in(table, &["id"]).rows((0..100).map(|id| (id,))).await?;
            assert_eq!(transaction.query_scalar::<i64>(&*count, (0,)).await?, 100);
            if commits {
                transaction.commit().await?;
            } else {
                transaction.rollback().await?;
            }
            let rows: i64 = scene.connection.query_scalar(&*count, (0,)).await?;
            assert_eq!(rows, if commits { 100 } else { 0 });
        }
        Ok::<_, Error>(())
    })
    .await;
}

on_every_runtime!(
    rows_are_copied_in_and_out,
    a_copy_that_fails_leaves_nothing,
    a_copy_that_is_dropped_gives_its_server_back,
    copies_are_a_part_of_their_transaction,
);
