//! W3 and W3s: many queries by key in one write, with a Sync behind each, or one for all.

use std::hint::black_box;

use aiopg::{AllResults, Connection, Item, Runtime};
use futures_util::future::try_join_all;

use crate::address::Address;
use crate::floor::{Blocking, Line, OnTokio, Session};
use crate::peer::Peer;
use crate::player::{Player, expect};
use crate::wire::{self, Run};
use crate::workload::{CITY, Most, Opened, Workload, does_not_play};
use crate::{Failure, client};

const PEERS: &[Peer] =
    &[Peer::Floor, Peer::FloorTokio, Peer::Aiopg, Peer::AiopgOn, Peer::TokioPostgres];

/// The query is that of W1, 100 times at once; each stands for itself.
pub(crate) const W3: Workload = Workload {
    name: "W3",
    title: "100 queries by key in a pipeline, a Sync for each",
    unit: "query",
    batch: 100,
    rounds: 150,
    peers: PEERS,
    base: Peer::Floor,
    most: Some(Most::both(1.10)),
    instructions: None,
    tables: CITY,
    between: None,
    memory: None,
    open: |peer, address| Box::pin(open(peer, address, Syncs::Each)),
};

/// The same in one transaction. tokio-postgres cannot leave a Sync out.
pub(crate) const W3S: Workload = Workload {
    name: "W3s",
    title: "100 queries by key in a pipeline, one Sync",
    most: Some(Most::both(1.15)),
    instructions: Some(1_200),
    open: |peer, address| Box::pin(open(peer, address, Syncs::One)),
    ..W3
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syncs {
    Each,
    One,
}

const SQL: &str = "select id, name from city where id = $1";

async fn open(peer: Peer, address: &Address, syncs: Syncs) -> Opened {
    Ok(match peer {
        Peer::Floor => Box::new(Floor::<Blocking>::open(address, syncs).await?),
        Peer::FloorTokio => Box::new(Floor::<OnTokio>::open(address, syncs).await?),
        Peer::Aiopg => Box::new(Aiopg::open(client::aiopg(address).await?, syncs).await?),
        Peer::AiopgOn => Box::new(Aiopg::open(client::aiopg_on(address).await?, syncs).await?),
        Peer::TokioPostgres => {
            Box::new(TokioPostgres(client::TokioPostgres::prepare(address, SQL).await?))
        }
        Peer::FloorDecoding => return does_not_play(peer),
    })
}

struct Floor<L> {
    session: Session<L>,
    run: Run,
    syncs: Syncs,
    request: Vec<u8>,
}

impl<L: Line> Floor<L> {
    async fn open(address: &Address, syncs: Syncs) -> Result<Self, Failure> {
        let session = Session::open(address, SQL).await?;
        let run = Run::new(&[&[0; 4]]);
        let run = if syncs == Syncs::Each { run.with_sync() } else { run };
        Ok(Self { session, run, syncs, request: Vec::new() })
    }
}

impl<L: Line> Player for Floor<L> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        self.request.clear();
        for id in ids {
            self.request.extend_from_slice(self.run.with(&id.to_be_bytes()));
        }
        let readies = match self.syncs {
            Syncs::Each => ids.len(),
            Syncs::One => {
                self.request.extend_from_slice(&wire::sync());
                1
            }
        };
        self.session.send(&self.request).await?;
        expect(self.session.pass_over(readies).await?.rows, ids.len())
    }
}

struct Aiopg<R: Runtime> {
    session: client::Aiopg<R>,
    syncs: Syncs,
}

impl<R: Runtime> Aiopg<R> {
    async fn open(connection: Connection<R>, syncs: Syncs) -> Result<Self, Failure> {
        let session = client::Aiopg::prepare(connection, SQL).await?;
        Ok(Self { session, syncs })
    }
}

impl<R: Runtime> Player for Aiopg<R> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let client::Aiopg { connection, statement } = &mut self.session;
        let items: Vec<_> = ids.iter().map(|id| Item::query_one(&*statement, (id,))).collect();
        let results = match self.syncs {
            Syncs::Each => connection.pipeline_each(items).await,
            Syncs::One => connection.pipeline(items).await,
        };
        for row in results.all()? {
            black_box((row.get::<i32>(0), row.get::<&str>(1)));
        }
        Ok(())
    }
}

struct TokioPostgres(client::TokioPostgres);

impl Player for TokioPostgres {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let client::TokioPostgres { client, statement } = &self.0;
        let queries = ids.iter().map(async |id| client.query_one(statement, &[id]).await);
        for row in try_join_all(queries).await? {
            black_box((row.get::<_, i32>(0), row.get::<_, &str>(1)));
        }
        Ok(())
    }
}
