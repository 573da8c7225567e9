//! The duel: all peers in one process, in short turns, so that whatever disturbs the machine disturbs them alike.

use std::time::Instant;

use tokio::runtime::Runtime;

use crate::address::Address;
use crate::options::Options;
use crate::peer::Peer;
use crate::player::AnyPlayer;
use crate::workload::{CITIES, Workload};
use crate::{Failure, client};

/// Rounds that are not counted: a tenth as many as are, but no more than this.
const MOST_WARM_UP: u32 = 10;

/// A peer and its time for one unit of the work, in nanoseconds, for each round.
pub(crate) struct Lane {
    pub(crate) peer: Peer,
    pub(crate) nanos: Vec<f64>,
    /// What else there is to tell of it.
    pub(crate) remark: Option<String>,
    player: Box<dyn AnyPlayer>,
}

/// Lets every peer do the work in each round; who begins changes from round to round.
pub(crate) fn run(
    runtime: &Runtime,
    workload: &Workload,
    address: &Address,
    options: &Options,
) -> Result<Vec<Lane>, Failure> {
    let mut lanes = Vec::new();
    for peer in workload.peers.iter().filter(|peer| options.peers.contains(peer)) {
        let player = runtime.block_on(workload.open(*peer, address))?;
        lanes.push(Lane { peer: *peer, nanos: Vec::new(), remark: None, player });
    }
    let mut between = runtime.block_on(client::aiopg(address))?;
    let mut ids = Ids::new(options.seed);
    let (rounds, batch) = options.size_of(workload);
    let warm_up = rounds.div_ceil(10).min(MOST_WARM_UP);
    for round in 0..warm_up + rounds {
        if let Some(sql) = workload.between {
            runtime.block_on(between.batch_execute(sql))?;
        }
        let ids = ids.take(batch);
        for lane in &mut lanes {
            let start = Instant::now();
            runtime.block_on(lane.player.play_any(&ids))?;
            let took = start.elapsed();
            if round >= warm_up {
                lane.nanos.push(took.as_secs_f64() * 1e9 / f64::from(batch));
            }
        }
        lanes.rotate_left(1);
    }
    for lane in &mut lanes {
        lane.remark = lane.player.remark_any();
    }
    lanes.sort_by_key(|lane| Peer::ALL.iter().position(|peer| *peer == lane.peer));
    Ok(lanes)
}

/// Ids in no order, the same for the same seed (splitmix64).
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn take(&mut self, count: u32) -> Vec<i32> {
        (0..count).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> i32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let id = (bits ^ (bits >> 31)) % u64::from(CITIES.unsigned_abs());
        i32::try_from(id).unwrap_or(0) + 1
    }
}
