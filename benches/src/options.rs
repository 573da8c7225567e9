//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Failure;
use crate::address::Transport;
use crate::peer::Peer;
use crate::workload::{self, Workload};

pub(crate) const USAGE: &str = "\
usage: ci/bench [OPTION]...

  --workloads A,B     only these; --workloads list names them
  --rounds N          rounds that are counted, in place of what the workload has
  --batch N           queries or rows of each peer in a round, likewise
  --seed N            seed of the ids that are asked for (1)
  --cpu N|off         the processor for both client and server (the last); off: wherever they land
  --peers A,B         only these: floor, floor-tokio, floor-decoding, aiopg, aiopg-connect_on, tokio-postgres
  --transports A,B    only these: tcp, unix
  --instructions      count the client's instructions under valgrind's callgrind, over the first transport
  --keep DIR          keep there what callgrind has written, for callgrind_annotate
  --memory            the peak of a process that collects a million rows, for workloads that collect
  --json PATH         also write the figures there, as lines of JSON
";

/// What is measured, and how often.
pub(crate) struct Options {
    pub(crate) workloads: Vec<&'static Workload>,
    pub(crate) rounds: Option<u32>,
    pub(crate) batch: Option<u32>,
    pub(crate) seed: u64,
    pub(crate) cpu: Cpu,
    pub(crate) peers: Vec<Peer>,
    pub(crate) transports: Vec<Transport>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) measure: Measure,
    pub(crate) keep: Option<PathBuf>,
}

/// What is found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Times,
    Instructions,
    Memory,
    /// Nothing: this process does the work, on the server of the one that has started it.
    Alone(String),
}

/// Where everything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cpu {
    Last,
    Number(usize),
    Any,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workloads: workload::ALL.to_vec(),
            rounds: None,
            batch: None,
            seed: 1,
            cpu: Cpu::Last,
            peers: Peer::ALL.to_vec(),
            transports: Transport::ALL.to_vec(),
            json: None,
            measure: Measure::Times,
            keep: None,
        }
    }
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self::default();
        while let Some(option) = args.next() {
            match option.as_str() {
                "--instructions" => {
                    options.measure = Measure::Instructions;
                    continue;
                }
                "--memory" => {
                    options.measure = Measure::Memory;
                    continue;
                }
                _ => {}
            }
            let value = args.next().ok_or_else(|| format!("{option} needs a value\n\n{USAGE}"))?;
            match option.as_str() {
                "--workloads" => {
                    options.workloads = chosen(&value, workload::ALL, |workload| workload.name)?;
                }
                "--rounds" => options.rounds = Some(number(&option, &value)?),
                "--batch" => options.batch = Some(number(&option, &value)?),
                "--seed" => options.seed = number(&option, &value)?,
                "--cpu" if value == "off" => options.cpu = Cpu::Any,
                "--cpu" => options.cpu = Cpu::Number(number(&option, &value)?),
                "--peers" => options.peers = chosen(&value, &Peer::ALL, Peer::name)?,
                "--transports" => {
                    options.transports = chosen(&value, &Transport::ALL, Transport::name)?;
                }
                "--alone" => options.measure = Measure::Alone(value),
                "--keep" => options.keep = Some(value.into()),
                "--json" => options.json = Some(value.into()),
                _ => return Err(format!("unrecognized option {option}\n\n{USAGE}").into()),
            }
        }
        if options.rounds == Some(0) || options.batch == Some(0) {
            return Err("there must be a round, and something to do in it".into());
        }
        Ok(options)
    }

    /// How many rounds there are, and how much is done in each.
    pub(crate) fn size_of(&self, workload: &Workload) -> (u32, u32) {
        (self.rounds.unwrap_or(workload.rounds), self.batch.unwrap_or(workload.batch))
    }
}

fn number<T: FromStr>(option: &str, value: &str) -> Result<T, Failure> {
    value.parse().map_err(|_| format!("invalid value for {option}: {value}").into())
}

fn chosen<T: Copy>(
    list: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Vec<T>, Failure> {
    let find = |wanted: &str| {
        let found = all.iter().find(|item| name(**item) == wanted);
        found.copied().ok_or_else(|| format!("unrecognized name {wanted}\n\n{USAGE}").into())
    };
    list.split(',').map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, Failure> {
        Options::parse(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn options_say_what_runs() {
        let options = parse(&[
            "--rounds",
            "3",
            "--cpu",
            "off",
            "--peers",
            "aiopg,floor",
            "--transports",
            "unix",
            "--workloads",
            "W1",
        ])
        .unwrap();
        assert_eq!((options.rounds, options.batch, options.cpu), (Some(3), None, Cpu::Any));
        assert_eq!(options.peers, [Peer::Aiopg, Peer::Floor]);
        assert_eq!(options.transports, [Transport::Unix]);
        assert_eq!(options.workloads.len(), 1);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for args in [
            &["--rounds"][..],
            &["--rounds", "x"],
            &["--peers", "x"],
            &["--workloads", "x"],
            &["--x", "1"],
            &["--batch", "0"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }
}
