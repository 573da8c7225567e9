//! What is counted of a peer that has a process of its own: instructions, and memory.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::runtime::Runtime;

use crate::Failure;
use crate::address::{Address, Transport};
use crate::duel::Ids;
use crate::options::Options;
use crate::peer::Peer;
use crate::workload::Workload;

/// How often the work is done before it is counted.
const WARM_UP: u32 = 2;

/// The least that is counted, in units of the work.
const UNITS: u32 = 1_000;

/// The work of a process of its own: what it is told by the command line, from which this reads it.
pub(crate) fn play(runtime: &Runtime, address: &Address, options: &Options) -> Result<(), Failure> {
    let (Some(workload), Some(peer)) = (options.workloads.first(), options.peers.first()) else {
        return Err("there is nothing to do".into());
    };
    runtime.block_on(async {
        let mut player = workload.open(*peer, address).await?;
        let (rounds, batch) = options.size_of(workload);
        let ids = Ids::new(options.seed).take(batch);
        for _ in 0..rounds {
            player.play_any(&ids).await?;
        }
        Ok::<_, Failure>(())
    })?;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    io::stdout().write_all(peak.ok_or("the kernel does not tell")?.trim().as_bytes())?;
    Ok(())
}

/// Who does what, in a process of its own.
#[derive(Clone, Copy)]
pub(crate) struct Alone<'a> {
    pub(crate) workload: &'a Workload,
    pub(crate) peer: Peer,
    pub(crate) transport: Transport,
    pub(crate) address: &'a Address,
}

impl Alone<'_> {
    /// The instructions of the client for one unit of the work: the difference of two runs, so that those of its
    /// start do not count.
    pub(crate) fn instructions(self, options: &Options) -> Result<f64, Failure> {
        let (_, batch) = options.size_of(self.workload);
        let turns = UNITS.div_ceil(batch);
        let few = self.under_callgrind(WARM_UP, batch, options.keep.as_deref())?;
        let many = self.under_callgrind(WARM_UP + turns, batch, options.keep.as_deref())?;
        let more = u32::try_from(many.saturating_sub(few))?;
        Ok(f64::from(more) / f64::from(turns * batch))
    }

    fn under_callgrind(self, turns: u32, batch: u32, keep: Option<&Path>) -> Result<u64, Failure> {
        let Self { workload, peer, .. } = self;
        let name = format!("{}-{}-{turns}-{}", workload.name, peer.name(), std::process::id());
        let file = keep.map_or_else(std::env::temp_dir, PathBuf::from).join(name);
        let mut command = Command::new("valgrind");
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", file.display()));
        command.arg(std::env::current_exe()?);
        self.run(&mut command, turns, batch)?;
        let counts = fs::read_to_string(&file)?;
        if keep.is_none() {
            fs::remove_file(file)?;
        }
        let total = counts.lines().find_map(|line| line.strip_prefix("totals: "));
        Ok(total.ok_or("callgrind has counted nothing")?.trim().parse()?)
    }

    /// The most memory that a process has resident while it does the work once.
    pub(crate) fn peak_kb(self, rows: u32) -> Result<u32, Failure> {
        let peak = self.run(&mut Command::new(std::env::current_exe()?), 1, rows)?;
        Ok(peak.trim_end_matches(" kB").parse()?)
    }

    fn run(self, command: &mut Command, turns: u32, batch: u32) -> Result<String, Failure> {
        let (host, port) = self.address.host_and_port();
        command.args(["--alone", &format!("{host}:{port}"), "--workloads", self.workload.name]);
        command.args(["--peers", self.peer.name(), "--transports", self.transport.name()]);
        command.args(["--rounds", &turns.to_string(), "--batch", &batch.to_string()]);
        let output = command.args(["--cpu", "off"]).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Whether there is a valgrind to count with.
pub(crate) fn can_count() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}
