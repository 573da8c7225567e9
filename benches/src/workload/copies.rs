//! W6in and W6out: rows copied into a table and out of one, in binary.

use std::pin::pin;

use aiopg::{Connection, Runtime};
use futures_util::TryStreamExt;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use crate::address::Address;
use crate::floor::{Blocking, Line, OnTokio, Session};
use crate::peer::Peer;
use crate::player::{Player, expect};
use crate::workload::{Most, Opened, Workload, does_not_play, reading};
use crate::{Failure, client, wire};

/// An int4, a text of 20 bytes and a float8 into a table without an index. The plain floors send what was encoded
/// before; all others encode each row.
pub(crate) const W6IN: Workload = Workload {
    name: "W6in",
    title: "20,000 rows copied in",
    unit: "row",
    batch: 20_000,
    rounds: 40,
    peers: &Peer::ALL,
    base: Peer::Floor,
    most: Some(Most::both(1.15)),
    instructions: None,
    tables: "create unlogged table loaded (id int4, name text, score float8)",
    between: Some("truncate loaded"),
    memory: None,
    open: |peer, address| Box::pin(open_in(peer, address)),
};

/// Rows of seven columns, as bytes that nobody takes apart.
pub(crate) const W6OUT: Workload = Workload {
    name: "W6out",
    title: "50,000 rows copied out",
    batch: 50_000,
    peers: &[Peer::Floor, Peer::FloorTokio, Peer::Aiopg, Peer::AiopgOn, Peer::TokioPostgres],
    tables: reading::TABLE,
    between: None,
    open: |peer, address| Box::pin(open_out(peer, address)),
    ..W6IN
};

const COPY_IN: &str = "copy loaded (id, name, score) from stdin (format binary)";

const NAME: &str = "a name of some bytes";

/// How much a floor sends at once.
const PIECE: usize = 64 << 10;

async fn open_in(peer: Peer, address: &Address) -> Opened {
    Ok(match peer {
        Peer::Floor => Box::new(FloorIn::<Blocking>::open(address).await?),
        Peer::FloorTokio => Box::new(FloorIn::<OnTokio>::open(address).await?),
        Peer::FloorDecoding => Box::new(EncodingIn::open(address).await?),
        Peer::Aiopg => Box::new(AiopgIn(client::aiopg(address).await?)),
        Peer::AiopgOn => Box::new(AiopgIn(client::aiopg_on(address).await?)),
        Peer::TokioPostgres => {
            Box::new(TokioPostgresIn(client::TokioPostgres::prepare(address, COPY_IN).await?))
        }
    })
}

async fn open_out(peer: Peer, address: &Address) -> Opened {
    Ok(match peer {
        Peer::Floor => Box::new(FloorOut(Session::<Blocking>::open(address, "").await?)),
        Peer::FloorTokio => Box::new(FloorOut(Session::<OnTokio>::open(address, "").await?)),
        Peer::Aiopg => Box::new(AiopgOut(client::aiopg(address).await?)),
        Peer::AiopgOn => Box::new(AiopgOut(client::aiopg_on(address).await?)),
        Peer::TokioPostgres => Box::new(TokioPostgresOut(client::tokio_postgres(address).await?)),
        Peer::FloorDecoding => return does_not_play(peer),
    })
}

fn score(id: i32) -> f64 {
    f64::from(id) / 7.0
}

fn encode(out: &mut Vec<u8>, id: i32) {
    out.extend_from_slice(&[0, 3, 0, 0, 0, 4]);
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0, 20]);
    out.extend_from_slice(NAME.as_bytes());
    out.extend_from_slice(&[0, 0, 0, 8]);
    out.extend_from_slice(&score(id).to_be_bytes());
}

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: &[u8] = b"\xff\xff";

struct FloorIn<L> {
    session: Session<L>,
    /// The whole request, once it has been made.
    request: Vec<u8>,
}

impl<L: Line> FloorIn<L> {
    async fn open(address: &Address) -> Result<Self, Failure> {
        Ok(Self { session: Session::open(address, "").await?, request: Vec::new() })
    }

    fn make(&mut self, ids: &[i32]) {
        let mut data = HEADER.to_vec();
        for id in ids {
            encode(&mut data, *id);
        }
        data.extend_from_slice(TRAILER);
        self.request = wire::query(COPY_IN);
        for piece in data.chunks(PIECE) {
            self.request.extend(wire::copy_data(piece));
        }
        self.request.extend(wire::copy_done());
    }
}

impl<L: Line> Player for FloorIn<L> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        // In the first round, which is not counted.
        if self.request.is_empty() {
            self.make(ids);
        }
        for piece in self.request.chunks(PIECE) {
            self.session.send(piece).await?;
        }
        expect(self.session.pass_over(1).await?.commands, 1)
    }
}

struct EncodingIn {
    session: Session<OnTokio>,
    data: Vec<u8>,
}

impl EncodingIn {
    async fn open(address: &Address) -> Result<Self, Failure> {
        Ok(Self { session: Session::open(address, "").await?, data: Vec::new() })
    }

    /// Sends what has been encoded as a message.
    async fn send(&mut self) -> Result<(), Failure> {
        let length = u32::try_from(self.data.len() - 1)?.to_be_bytes();
        if let Some(place) = self.data.get_mut(1..5) {
            place.copy_from_slice(&length);
        }
        self.session.send(&self.data).await?;
        self.data.truncate(5);
        Ok(())
    }
}

impl Player for EncodingIn {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        self.session.send(&wire::query(COPY_IN)).await?;
        self.data.clear();
        self.data.extend_from_slice(b"d\0\0\0\0");
        self.data.extend_from_slice(HEADER);
        for id in ids {
            encode(&mut self.data, *id);
            if self.data.len() >= PIECE {
                self.send().await?;
            }
        }
        self.data.extend_from_slice(TRAILER);
        self.send().await?;
        self.session.run(&wire::copy_done(), 1).await
    }
}

struct AiopgIn<R: Runtime>(Connection<R>);

impl<R: Runtime> Player for AiopgIn<R> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let rows = ids.iter().map(|id| (*id, NAME, score(*id)));
        let copied = self.0.copy_in("loaded", &["id", "name", "score"]).rows(rows).await?;
        expect(usize::try_from(copied)?, ids.len())
    }
}

struct TokioPostgresIn(client::TokioPostgres);

impl Player for TokioPostgresIn {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let sink = self.0.client.copy_in(&self.0.statement).await?;
        let types = [Type::INT4, Type::TEXT, Type::FLOAT8];
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        for id in ids {
            writer.as_mut().write(&[id, &NAME, &score(*id)]).await?;
        }
        expect(usize::try_from(writer.finish().await?)?, ids.len())
    }
}

fn copy_out(ids: &[i32]) -> String {
    let count = ids.len();
    format!("copy (select * from reading limit {count}) to stdout (format binary)")
}

struct FloorOut<L>(Session<L>);

impl<L: Line> Player for FloorOut<L> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        self.0.send(&wire::query(&copy_out(ids))).await?;
        // And the trailer.
        expect(self.0.pass_over(1).await?.rows, ids.len() + 1)
    }
}

struct AiopgOut<R: Runtime>(Connection<R>);

impl<R: Runtime> Player for AiopgOut<R> {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let mut copy = self.0.copy_out_raw(&copy_out(ids)).await?;
        let mut bytes = 0;
        while let Some(chunk) = copy.chunk().await? {
            bytes += chunk.len();
        }
        are_rows(bytes, ids.len())
    }
}

struct TokioPostgresOut(tokio_postgres::Client);

impl Player for TokioPostgresOut {
    async fn play(&mut self, ids: &[i32]) -> Result<(), Failure> {
        let mut copy = pin!(self.0.copy_out(&copy_out(ids)).await?);
        let mut bytes = 0;
        while let Some(chunk) = copy.try_next().await? {
            bytes += chunk.len();
        }
        are_rows(bytes, ids.len())
    }
}

fn are_rows(bytes: usize, rows: usize) -> Result<(), Failure> {
    if bytes > rows * 50 { Ok(()) } else { Err("rows are missing".into()) }
}
