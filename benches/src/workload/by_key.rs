//! W1: one row by its key, again and again.

use std::hint::black_box;

use aiopg::{Connection, Runtime};

use crate::address::Address;
use crate::floor::{Blocking, Line, OnTokio, Session};
use crate::peer::Peer;
use crate::player::{Player, expect};
use crate::wire::Run;
use crate::workload::{CITY, Most, Opened, Workload, does_not_play};
use crate::{Failure, client};

/// Its reply is of one row with an int4 and a short text, of which both are read; the id is drawn anew each time.
pub(crate) const W1: Workload = Workload {
    name: "W1",
    title: "one row by its key",
    unit: "query",
    batch: 100,
    rounds: 150,
    peers: &[Peer::Floor, Peer::FloorTokio, Peer::Aiopg, Peer::AiopgOn, Peer::TokioPostgres],
    base: Peer::Floor,
    most: Some(Most { tcp: 1.06, unix: 1.05 }),
    instructions: Some(3_500),
    tables: CITY,
    between: None,
    memory: None,
    open: |peer, address| Box::pin(open(peer, address)),
};

const SQL: &str = "select id, name from city where id = $1";

async fn open(peer: Peer, address: &Address) -> Opened {
    Ok(match peer {
        Peer::Floor => Box::new(Floor::<Blocking>::open(address).await?),
        Peer::FloorTokio => Box::new(Floor::<OnTokio>::open(address).await?),
        Peer::Aiopg => Box::new(Aiopg::open(client::aiopg(address).await?).await?),
        Peer::AiopgOn => Box::new(Aiopg::open(client::aiopg_on(address).await?).await?),
        Peer::TokioPostgres => {
            Box::new(TokioPostgres(client::TokioPostgres::prepare(address, SQL).await?))
        }
        Peer::FloorDecoding => return does_not_play(peer),
    })
}

struct Floor<L> {
    session: Session<L>,
    run: Run,
}

impl<L: Line> Floor<L> {
    async fn open(address: &Address) -> Result<Self, Failure> {
        let session = Session::open(address, SQL).await?;
        Ok(Self { session, run: Run::new(&[&[0; 4]]).with_sync() })
    }
}

impl<L: Line> Player for Floor<L> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        for id in ids {
            self.session.send(self.run.with(&id.to_be_bytes())).await?;
            expect(self.session.pass_over(1).await?.rows, 1)?;
        }
        Ok(())
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
        for id in ids {
            let row = self.0.connection.query_one(&self.0.statement, (id,)).await?;
            black_box((row.get::<i32>(0), row.get::<&str>(1)));
        }
        Ok(())
    }
}

struct TokioPostgres(client::TokioPostgres);

impl Player for TokioPostgres {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        for id in ids {
            let row = self.0.client.query_one(&self.0.statement, &[id]).await?;
            black_box((row.get::<_, i32>(0), row.get::<_, &str>(1)));
        }
        Ok(())
    }
}
