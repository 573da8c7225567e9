//! W5: a row of 20 texts, there and back.

use std::hint::black_box;

use aiopg::{Connection, Runtime};
use tokio_postgres::types::ToSql;

use crate::address::Address;
use crate::floor::{Blocking, Line, OnTokio, Session};
use crate::peer::Peer;
use crate::player::{Player, expect};
use crate::wire::{self, Run};
use crate::workload::{Most, Opened, Workload};
use crate::{Failure, client};

/// The server does nothing with the 20 parameters, of some ten bytes each, but return them as a row; each is read as
/// a `String`.
pub(crate) const W5: Workload = Workload {
    name: "W5",
    title: "20 text parameters, returned as a row of 20 texts",
    unit: "query",
    batch: 100,
    rounds: 150,
    peers: &[
        Peer::Floor,
        Peer::FloorTokio,
        Peer::FloorDecoding,
        Peer::Aiopg,
        Peer::AiopgOn,
        Peer::TokioPostgres,
    ],
    base: Peer::Floor,
    most: Some(Most { tcp: 1.07, unix: 1.12 }),
    instructions: Some(15_000),
    tables: "",
    between: None,
    memory: None,
    open: |peer, address| Box::pin(open(peer, address)),
};

const COLUMNS: usize = 20;

const SQL: &str = "select $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text,
    $8::text, $9::text, $10::text, $11::text, $12::text, $13::text, $14::text, $15::text,
    $16::text, $17::text, $18::text, $19::text, $20::text";

fn texts() -> Vec<String> {
    (1..=COLUMNS).map(|number| format!("text no. {number}")).collect()
}

async fn open(peer: Peer, address: &Address) -> Opened {
    Ok(match peer {
        Peer::Floor => Box::new(Floor::<Blocking>::open(address).await?),
        Peer::FloorTokio => Box::new(Floor::<OnTokio>::open(address).await?),
        Peer::FloorDecoding => Box::new(Decoding::open(address).await?),
        Peer::Aiopg => Box::new(Aiopg::open(client::aiopg(address).await?).await?),
        Peer::AiopgOn => Box::new(Aiopg::open(client::aiopg_on(address).await?).await?),
        Peer::TokioPostgres => Box::new(TokioPostgres {
            session: client::TokioPostgres::prepare(address, SQL).await?,
            texts: texts(),
        }),
    })
}

struct Floor<L> {
    session: Session<L>,
    run: Run,
}

impl<L: Line> Floor<L> {
    async fn open(address: &Address) -> Result<Self, Failure> {
        let (session, texts) = (Session::open(address, SQL).await?, texts());
        let values: Vec<_> = texts.iter().map(String::as_bytes).collect();
        Ok(Self { session, run: Run::new(&values).with_sync() })
    }
}

impl<L: Line> Player for Floor<L> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        for _ in ids {
            self.session.send(self.run.bytes()).await?;
            expect(self.session.pass_over(1).await?.rows, 1)?;
        }
        Ok(())
    }
}

struct Decoding {
    session: Session<OnTokio>,
    texts: Vec<String>,
    request: Vec<u8>,
}

impl Decoding {
    async fn open(address: &Address) -> Result<Self, Failure> {
        let session = Session::open(address, SQL).await?;
        Ok(Self { session, texts: texts(), request: Vec::new() })
    }

    /// Waits for the row and for ReadyForQuery.
    async fn read(&mut self) -> Result<Vec<String>, Failure> {
        let mut texts = Vec::with_capacity(COLUMNS);
        loop {
            match self.session.message().await? {
                (b'D', body) => {
                    for value in wire::Values::new(body) {
                        texts.push(str::from_utf8(value.unwrap_or_default())?.to_owned());
                    }
                }
                (b'Z', _) => return Ok(texts),
                _ => {}
            }
        }
    }
}

impl Player for Decoding {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        for _ in ids {
            self.request.clear();
            wire::bind(&mut self.request, &self.texts);
            wire::execute_and_sync(&mut self.request);
            self.session.send(&self.request).await?;
            expect(black_box(self.read().await?).len(), COLUMNS)?;
        }
        Ok(())
    }
}

struct Aiopg<R: Runtime> {
    session: client::Aiopg<R>,
    texts: Vec<String>,
}

impl<R: Runtime> Aiopg<R> {
    async fn open(connection: Connection<R>) -> Result<Self, Failure> {
        let session = client::Aiopg::prepare(connection, SQL).await?;
        Ok(Self { session, texts: texts() })
    }
}

impl<R: Runtime> Player for Aiopg<R> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        for _ in ids {
            let session = &mut self.session;
            let row = session.connection.query_one(&session.statement, &self.texts).await?;
            for column in 0..COLUMNS {
                black_box(row.get::<String>(column));
            }
        }
        Ok(())
    }
}

struct TokioPostgres {
    session: client::TokioPostgres,
    texts: Vec<String>,
}

impl Player for TokioPostgres {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        for _ in ids {
            let mut values: [&(dyn ToSql + Sync); COLUMNS] = [&""; COLUMNS];
            values.iter_mut().zip(&self.texts).for_each(|(value, text)| *value = text);
            let row = self.session.client.query_one(&self.session.statement, &values).await?;
            for column in 0..COLUMNS {
                black_box(row.get::<_, String>(column));
            }
        }
        Ok(())
    }
}
