//! W4, W4b and W4v: many rows of seven columns, as values that own or that borrow, or kept together.

use std::hint::black_box;
use std::time::SystemTime;

use aiopg::{Connection, Runtime};
use futures_util::TryStreamExt;
use tokio_postgres::types::ToSql;

use crate::address::Address;
use crate::floor::{Blocking, Line, OnTokio, Session};
use crate::peer::Peer;
use crate::player::{Player, expect};
use crate::wire::Run;
use crate::workload::reading::{self, Reading};
use crate::workload::{Memory, Most, Opened, Workload};
use crate::{Failure, client};

/// Each row becomes a tuple of an int4, int2, bool, float4, text, timestamptz and an int4 that may be NULL, of which
/// the text is a `String`; then it is dropped.
pub(crate) const W4: Workload = Workload {
    name: "W4",
    title: "50,000 rows of seven columns as they arrive, texts owned",
    unit: "row",
    batch: 50_000,
    rounds: 40,
    peers: &Peer::ALL,
    base: Peer::FloorDecoding,
    most: Some(Most::both(1.12)),
    instructions: Some(750),
    tables: reading::TABLE,
    between: None,
    memory: None,
    open: |peer, address| Box::pin(open(peer, address, Kept::Owned)),
};

/// The same with texts that are borrowed, where the peer can lend them: tokio-postgres has an owned row in between.
pub(crate) const W4B: Workload = Workload {
    name: "W4b",
    title: "50,000 rows of seven columns as they arrive, texts borrowed",
    most: Some(Most::both(1.10)),
    instructions: Some(520),
    open: |peer, address| Box::pin(open(peer, address, Kept::Lent)),
    ..W4
};

/// All rows are kept until the last has come, in whatever form the peer returns them, and the first column of each
/// is read then. The floor has a vector of structs.
pub(crate) const W4V: Workload = Workload {
    name: "W4v",
    title: "50,000 rows of seven columns, collected",
    most: Some(Most::both(1.15)),
    instructions: None,
    memory: Some(Memory { rows: reading::ROWS, most_mb: 100 }),
    open: |peer, address| Box::pin(open(peer, address, Kept::Together)),
    ..W4
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Owned,
    Lent,
    Together,
}

type Lent<'r> = (i32, i16, bool, f32, &'r str, SystemTime, Option<i32>);
type Owned = (i32, i16, bool, f32, String, SystemTime, Option<i32>);

async fn open(peer: Peer, address: &Address, kept: Kept) -> Opened {
    let sql = reading::SQL;
    Ok(match peer {
        Peer::Floor => Box::new(Floor::<Blocking>::open(address).await?),
        Peer::FloorTokio => Box::new(Floor::<OnTokio>::open(address).await?),
        Peer::FloorDecoding => Box::new(Decoding { floor: Floor::open(address).await?, kept }),
        Peer::Aiopg => Box::new(Aiopg::open(client::aiopg(address).await?, kept).await?),
        Peer::AiopgOn => Box::new(Aiopg::open(client::aiopg_on(address).await?, kept).await?),
        Peer::TokioPostgres => Box::new(TokioPostgres {
            session: client::TokioPostgres::prepare(address, sql).await?,
            kept,
        }),
    })
}

struct Floor<L> {
    session: Session<L>,
    run: Run,
}

impl<L: Line> Floor<L> {
    async fn open(address: &Address) -> Result<Self, Failure> {
        let session = Session::open(address, reading::SQL).await?;
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

struct Decoding {
    floor: Floor<OnTokio>,
    kept: Kept,
}

impl Player for Decoding {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        self.floor.send(ids).await?;
        let (mut count, mut kept) = (0, Vec::new());
        loop {
            let (tag, body) = self.floor.session.message().await?;
            match tag {
                b'D' => {
                    let reading = Reading::decode(body).ok_or("a row is broken")?;
                    match self.kept {
                        Kept::Lent => drop(black_box(reading)),
                        Kept::Owned => drop(black_box(reading.to_owned())),
                        Kept::Together => kept.push(reading.to_owned()),
                    }
                    count += 1;
                }
                b'Z' => break,
                _ => {}
            }
        }
        black_box(kept.iter().map(|reading| i64::from(reading.id)).sum::<i64>());
        expect(count, ids.len())
    }
}

struct Aiopg<R: Runtime> {
    session: client::Aiopg<R>,
    kept: Kept,
}

impl<R: Runtime> Aiopg<R> {
    async fn open(connection: Connection<R>, kept: Kept) -> Result<Self, Failure> {
        let session = client::Aiopg::prepare(connection, reading::SQL).await?;
        Ok(Self { session, kept })
    }
}

impl<R: Runtime> Player for Aiopg<R> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let client::Aiopg { connection, statement } = &mut self.session;
        let (limit, mut count) = (i64::try_from(ids.len())?, 0);
        match self.kept {
            Kept::Owned => {
                let mut rows = connection.stream(&*statement, (limit,)).await?;
                while let Some(row) = rows.next_as::<Owned>().await? {
                    black_box(row);
                    count += 1;
                }
            }
            Kept::Lent => {
                let mut rows = connection.stream(&*statement, (limit,)).await?;
                while let Some(row) = rows.next_as::<Lent<'_>>().await? {
                    black_box(row);
                    count += 1;
                }
            }
            Kept::Together => {
                let rows = connection.query(&*statement, (limit,)).await?;
                black_box(rows.iter().map(|row| i64::from(row.get::<i32>(0))).sum::<i64>());
                count = rows.len();
            }
        }
        expect(count, ids.len())
    }
}

struct TokioPostgres {
    session: client::TokioPostgres,
    kept: Kept,
}

impl Player for TokioPostgres {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let client::TokioPostgres { client, statement } = &self.session;
        let (limit, mut count) = (i64::try_from(ids.len())?, 0);
        if self.kept == Kept::Together {
            let rows = client.query(statement, &[&limit]).await?;
            black_box(rows.iter().map(|row| i64::from(row.get::<_, i32>(0))).sum::<i64>());
            return expect(rows.len(), ids.len());
        }
        let params: [&(dyn ToSql + Sync); 1] = [&limit];
        let mut rows = std::pin::pin!(client.query_raw(statement, params).await?);
        while let Some(row) = rows.try_next().await? {
            let (id, kind, active) = (row.get::<_, i32>(0), row.get::<_, i16>(1), row.get(2));
            let (score, at, note) = (row.get(3), row.get(5), row.get(6));
            match self.kept {
                Kept::Lent => {
                    black_box::<Lent<'_>>((id, kind, active, score, row.get(4), at, note));
                }
                Kept::Owned | Kept::Together => {
                    black_box::<Owned>((id, kind, active, score, row.get(4), at, note));
                }
            }
            count += 1;
        }
        expect(count, ids.len())
    }
}
