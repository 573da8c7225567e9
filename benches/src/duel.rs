//! The duel: all peers in one process, in short turns, so that whatever disturbs the machine disturbs them alike.

use std::time::Instant;

use tokio::runtime::Runtime;

use crate::address::Address;
use crate::options::Options;
use crate::peer::{Name, Peer};
use crate::{Failure, ROWS};

/// Rounds that are not counted.
const WARM_UP: u32 = 10;

/// A peer and its time per query, in nanoseconds, for each round.
pub(crate) struct Lane {
    pub(crate) name: Name,
    pub(crate) nanos: Vec<f64>,
    peer: Peer,
}

/// Lets every peer run a batch in each round; who begins changes from round to round.
pub(crate) fn run(
    runtime: &Runtime,
    address: &Address,
    options: &Options,
) -> Result<Vec<Lane>, Failure> {
    let mut lanes = Vec::new();
    for name in &options.peers {
        let peer = runtime.block_on(Peer::connect(*name, address))?;
        lanes.push(Lane { name: *name, nanos: Vec::new(), peer });
    }
    let mut ids = Ids(options.seed);
    for round in 0..WARM_UP + options.rounds {
        let batch: Vec<i32> = (0..options.batch).map(|_| ids.next()).collect();
        for lane in &mut lanes {
            let start = Instant::now();
            runtime.block_on(lane.peer.batch(&batch))?;
            let took = start.elapsed();
            if round >= WARM_UP {
                lane.nanos.push(took.as_secs_f64() * 1e9 / f64::from(options.batch));
            }
        }
        lanes.rotate_left(1);
    }
    lanes.sort_by_key(|lane| Name::ALL.iter().position(|name| *name == lane.name));
    Ok(lanes)
}

/// Ids in no order, the same for the same seed (splitmix64).
struct Ids(u64);

impl Ids {
    fn next(&mut self) -> i32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let id = (bits ^ (bits >> 31)) % u64::from(ROWS.unsigned_abs());
        i32::try_from(id).unwrap_or(0) + 1
    }
}
