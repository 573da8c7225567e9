//! The workloads: what is done, by whom, and how good it has to be. One file for each.

mod by_key;
mod crowd;
mod pipelined;
mod texts;
mod inserts;
mod reading;
mod rows;
mod copies;
mod blobs;

use std::future::Future;
use std::pin::Pin;

use crate::Failure;
use crate::address::{Address, Transport};
use crate::peer::Peer;
use crate::player::AnyPlayer;

/// All workloads, in the order of the table.
pub(crate) const ALL: &[&Workload] = &[
    &by_key::W1,
    &crowd::W2,
    &pipelined::W3,
    &pipelined::W3S,
    &rows::W4,
    &rows::W4B,
    &rows::W4V,
    &texts::W5,
    &inserts::W6SEQ,
    &inserts::W6PIPE,
    &copies::W6IN,
    &copies::W6OUT,
    &crowd::W7,
    &crowd::W7CROWD,
    &blobs::W9,
];

/// Work that every peer can do.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) title: &'static str,
    /// What is counted: a query, a row.
    pub(crate) unit: &'static str,
    /// How many of them a peer does in each round, and how many rounds there are, unless the command line says.
    pub(crate) batch: u32,
    pub(crate) rounds: u32,
    /// Who can do it.
    pub(crate) peers: &'static [Peer],
    /// Whom the others are compared with.
    pub(crate) base: Peer,
    /// How many times as long as that it may take us at most.
    pub(crate) most: Option<Most>,
    /// How many instructions of the client it may take us for each unit.
    pub(crate) instructions: Option<u32>,
    /// What may be in memory while a whole result is kept.
    pub(crate) memory: Option<Memory>,
    /// Run once before all else.
    pub(crate) tables: &'static str,
    /// Run before each round, which does not count.
    pub(crate) between: Option<&'static str>,
    pub(crate) open: Open,
}

/// A ratio for each transport.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) tcp: f64,
    pub(crate) unix: f64,
}

impl Most {
    /// The same for both.
    pub(crate) const fn both(ratio: f64) -> Self {
        Self { tcp: ratio, unix: ratio }
    }

    pub(crate) fn over(self, transport: Transport) -> f64 {
        match transport {
            Transport::Tcp => self.tcp,
            Transport::Unix => self.unix,
        }
    }
}

/// A limit for a process that does the work once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) rows: u32,
    pub(crate) most_mb: u32,
}

/// Opens a session of a peer, and prepares it for the work.
pub(crate) type Open = for<'o> fn(Peer, &'o Address) -> Opening<'o>;

pub(crate) type Opening<'o> = Pin<Box<dyn Future<Output = Opened> + 'o>>;

pub(crate) type Opened = Result<Box<dyn AnyPlayer>, Failure>;

impl Workload {
    pub(crate) async fn open(&self, peer: Peer, address: &Address) -> Opened {
        (self.open)(peer, address).await
    }
}

/// The error for a peer that is not in the list of the workload.
fn does_not_play(peer: Peer) -> Opened {
    Err(format!("{} does not do this", peer.name()).into())
}

/// How many rows the table has.
pub(crate) const CITIES: i32 = 10_000;

/// A table with a primary key.
const CITY: &str = "create table city (id int4 primary key, name text not null);
    insert into city select n, 'city ' || n from generate_series(1, 10000) n;
    vacuum analyze city";
