//! W6seq and W6pipe: rows are inserted one after the other, or many in one round trip.

use aiopg::{Connection, Runtime};
use futures_util::future::try_join_all;

use crate::address::Address;
use crate::floor::{Blocking, Line, OnTokio, Session};
use crate::peer::Peer;
use crate::player::{Player, expect};
use crate::wire::{self, Run};
use crate::workload::{Most, Opened, Workload, does_not_play};
use crate::{Failure, client};

const PEERS: &[Peer] =
    &[Peer::Floor, Peer::FloorTokio, Peer::Aiopg, Peer::AiopgOn, Peer::TokioPostgres];

/// An int4 and a text of 20 bytes into a table without an index; each row is a transaction and a round trip.
pub(crate) const W6SEQ: Workload = Workload {
    name: "W6seq",
    title: "rows inserted one at a time",
    unit: "row",
    batch: 100,
    rounds: 150,
    peers: PEERS,
    base: Peer::Floor,
    most: Some(Most::both(1.06)),
    instructions: Some(3_500),
    tables: "create unlogged table visit (id int4, name text)",
    between: Some("truncate visit"),
    memory: None,
    open: |peer, address| Box::pin(open(peer, address, Manner::InTurn)),
};

/// The same rows, all or nothing: ours and the floors' with one Sync. tokio-postgres, which cannot leave a Sync out,
/// has its requests under way together, within a transaction.
pub(crate) const W6PIPE: Workload = Workload {
    name: "W6pipe",
    title: "1,000 rows inserted together, all or nothing",
    batch: 1_000,
    rounds: 100,
    most: Some(Most::both(1.15)),
    instructions: None,
    open: |peer, address| Box::pin(open(peer, address, Manner::Together)),
    ..W6SEQ
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    InTurn,
    Together,
}

const SQL: &str = "insert into visit (id, name) values ($1, $2)";

const NAME: &str = "a name of some bytes";

async fn open(peer: Peer, address: &Address, manner: Manner) -> Opened {
    Ok(match peer {
        Peer::Floor => Box::new(Floor::<Blocking>::open(address, manner).await?),
        Peer::FloorTokio => Box::new(Floor::<OnTokio>::open(address, manner).await?),
        Peer::Aiopg => Box::new(Aiopg::open(client::aiopg(address).await?, manner).await?),
        Peer::AiopgOn => Box::new(Aiopg::open(client::aiopg_on(address).await?, manner).await?),
        Peer::TokioPostgres => Box::new(TokioPostgres {
            session: client::TokioPostgres::prepare(address, SQL).await?,
            manner,
        }),
        Peer::FloorDecoding => return does_not_play(peer),
    })
}

struct Floor<L> {
    session: Session<L>,
    run: Run,
    manner: Manner,
    request: Vec<u8>,
}

impl<L: Line> Floor<L> {
    async fn open(address: &Address, manner: Manner) -> Result<Self, Failure> {
        let session = Session::open(address, SQL).await?;
        let run = Run::new(&[&[0; 4], NAME.as_bytes()]);
        let run = if manner == Manner::InTurn { run.with_sync() } else { run };
        Ok(Self { session, run, manner, request: Vec::new() })
    }
}

impl<L: Line> Player for Floor<L> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        match self.manner {
            Manner::InTurn => {
                for id in ids {
                    self.session.run(self.run.with(&id.to_be_bytes()), 1).await?;
                }
                Ok(())
            }
            Manner::Together => {
                self.request.clear();
                for id in ids {
                    self.request.extend_from_slice(self.run.with(&id.to_be_bytes()));
                }
                self.request.extend_from_slice(&wire::sync());
                self.session.run(&self.request, ids.len()).await
            }
        }
    }
}

struct Aiopg<R: Runtime> {
    session: client::Aiopg<R>,
    manner: Manner,
}

impl<R: Runtime> Aiopg<R> {
    async fn open(connection: Connection<R>, manner: Manner) -> Result<Self, Failure> {
        let session = client::Aiopg::prepare(connection, SQL).await?;
        Ok(Self { session, manner })
    }
}

impl<R: Runtime> Player for Aiopg<R> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let client::Aiopg { connection, statement } = &mut self.session;
        match self.manner {
            Manner::InTurn => {
                for id in ids {
                    expect(connection.execute(&*statement, (id, NAME)).await?, 1)?;
                }
                Ok(())
            }
            Manner::Together => {
                let sets = ids.iter().map(|id| (id, NAME));
                let inserted = connection.execute_many(&*statement, sets).await?;
                expect(usize::try_from(inserted)?, ids.len())
            }
        }
    }
}

struct TokioPostgres {
    session: client::TokioPostgres,
    manner: Manner,
}

impl Player for TokioPostgres {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let client::TokioPostgres { client, statement } = &mut self.session;
        match self.manner {
            Manner::InTurn => {
                for id in ids {
                    expect(client.execute(&*statement, &[id, &NAME]).await?, 1)?;
                }
            }
            Manner::Together => {
                let transaction = client.transaction().await?;
                let inserts =
                    ids.iter().map(async |id| transaction.execute(&*statement, &[id, &NAME]).await);
                let inserted = try_join_all(inserts).await?;
                transaction.commit().await?;
                expect(inserted.len(), ids.len())?;
            }
        }
        Ok(())
    }
}
