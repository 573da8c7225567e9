//! W9: large values.

use std::hint::black_box;

use aiopg::{Connection, Runtime};
use futures_util::TryStreamExt;
use tokio_postgres::types::ToSql;

use crate::address::Address;
use crate::floor::{Blocking, Line, OnTokio, Session};
use crate::peer::Peer;
use crate::player::{Player, expect};
use crate::wire::{Run, Values};
use crate::workload::{Most, Opened, Workload};
use crate::{Failure, client};

/// Rows of one bytea of 100 kB, stored as it is. All but the plain floors have each value whole, and look at its
/// last byte.
pub(crate) const W9: Workload = Workload {
    name: "W9",
    title: "50 rows of 100 kB as they arrive",
    unit: "row",
    batch: 50,
    rounds: 60,
    peers: &Peer::ALL,
    base: Peer::Floor,
    most: Some(Most::both(1.15)),
    instructions: None,
    tables: "create unlogged table blob (data bytea);
        alter table blob alter column data set storage external;
        insert into blob select convert_to(repeat(md5(n::text), 3125), 'UTF8')
            from generate_series(1, 100) n;
        vacuum analyze blob",
    between: None,
    memory: None,
    open: |peer, address| Box::pin(open(peer, address)),
};

const LENGTH: usize = 100_000;

const SQL: &str = "select data from blob limit $1";

async fn open(peer: Peer, address: &Address) -> Opened {
    Ok(match peer {
        Peer::Floor => Box::new(Floor::<Blocking>::open(address).await?),
        Peer::FloorTokio => Box::new(Floor::<OnTokio>::open(address).await?),
        Peer::FloorDecoding => Box::new(Whole(Floor::open(address).await?)),
        Peer::Aiopg => Box::new(Aiopg::open(client::aiopg(address).await?).await?),
        Peer::AiopgOn => Box::new(Aiopg::open(client::aiopg_on(address).await?).await?),
        Peer::TokioPostgres => {
            Box::new(TokioPostgres(client::TokioPostgres::prepare(address, SQL).await?))
        }
    })
}

fn look_at(value: &[u8]) -> Result<(), Failure> {
    black_box(value.last());
    expect(value.len(), LENGTH)
}

struct Floor<L> {
    session: Session<L>,
    run: Run,
}

impl<L: Line> Floor<L> {
    async fn open(address: &Address) -> Result<Self, Failure> {
        let session = Session::open(address, SQL).await?;
        Ok(Self { session, run: Run::new(&[&[0; 8]]).with_sync() })
    }

    async fn send(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let limit = i64::try_from(ids.len())?;
        self.session.send(self.run.with(&limit.to_be_bytes())).await?;
        Ok(())
    }
}

impl<L: Line> Player for Floor<L> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        self.send(ids).await?;
        expect(self.session.pass_over(1).await?.rows, ids.len())
    }
}

/// Has the values whole.
struct Whole(Floor<OnTokio>);

impl Player for Whole {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        self.0.send(ids).await?;
        let mut rows = 0;
        loop {
            match self.0.session.message().await? {
                (b'D', body) => {
                    look_at(Values::new(body).next().flatten().unwrap_or_default())?;
                    rows += 1;
                }
                (b'Z', _) => return expect(rows, ids.len()),
                _ => {}
            }
        }
    }
}

struct Aiopg<R: Runtime>(client::Aiopg<R>);

impl<R: Runtime> Aiopg<R> {
    async fn open(connection: Connection<R>) -> Result<Self, Failure> {
        Ok(Self(client::Aiopg::prepare(connection, SQL).await?))
    }
}

impl<R: Runtime> Player for Aiopg<R> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let (limit, mut count) = (i64::try_from(ids.len())?, 0);
        let mut rows = self.0.connection.stream(&self.0.statement, (limit,)).await?;
        while let Some((data,)) = rows.next_as::<(&[u8],)>().await? {
            look_at(data)?;
            count += 1;
        }
        expect(count, ids.len())
    }
}

struct TokioPostgres(client::TokioPostgres);

impl Player for TokioPostgres {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let (limit, mut count) = (i64::try_from(ids.len())?, 0);
        let params: [&(dyn ToSql + Sync); 1] = [&limit];
        let rows = self.0.client.query_raw(&self.0.statement, params).await?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await? {
            look_at(row.get(0))?;
            count += 1;
        }
        expect(count, ids.len())
    }
}
