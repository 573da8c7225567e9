//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Failure;
use crate::address::Transport;
use crate::peer::Name;

pub(crate) const USAGE: &str = "\
usage: ci/bench [OPTION]...

  --rounds N          rounds that are counted (150)
  --batch N           queries of each peer in a round (100)
  --seed N            seed of the ids that are asked for (1)
  --cpu N|off         the processor for both client and server (the last); off: wherever they land
  --peers A,B         only these: floor, floor-tokio, aiopg, aiopg-connect_on, tokio-postgres
  --transports A,B    only these: tcp, unix
  --json PATH         also write the figures there, as lines of JSON
";

/// What is measured, and how often.
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) batch: u32,
    pub(crate) seed: u64,
    pub(crate) cpu: Cpu,
    pub(crate) peers: Vec<Name>,
    pub(crate) transports: Vec<Transport>,
    pub(crate) json: Option<PathBuf>,
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
            rounds: 150,
            batch: 100,
            seed: 1,
            cpu: Cpu::Last,
            peers: Name::ALL.to_vec(),
            transports: Transport::ALL.to_vec(),
            json: None,
        }
    }
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self::default();
        while let Some(option) = args.next() {
            let value = args.next().ok_or_else(|| format!("{option} needs a value\n\n{USAGE}"))?;
            match option.as_str() {
                "--rounds" => options.rounds = number(&option, &value)?,
                "--batch" => options.batch = number(&option, &value)?,
                "--seed" => options.seed = number(&option, &value)?,
                "--cpu" if value == "off" => options.cpu = Cpu::Any,
                "--cpu" => options.cpu = Cpu::Number(number(&option, &value)?),
                "--peers" => options.peers = chosen(&value, &Name::ALL, Name::text)?,
                "--transports" => {
                    options.transports = chosen(&value, &Transport::ALL, Transport::name)?;
                }
                "--json" => options.json = Some(value.into()),
                _ => return Err(format!("unrecognized option {option}\n\n{USAGE}").into()),
            }
        }
        if options.rounds == 0 || options.batch == 0 {
            return Err("a round and a query there must be".into());
        }
        Ok(options)
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
        ])
        .unwrap();
        assert_eq!((options.rounds, options.batch, options.cpu), (3, 100, Cpu::Any));
        assert_eq!(options.peers, [Name::Aiopg, Name::Floor]);
        assert_eq!(options.transports, [Transport::Unix]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for args in [
            &["--rounds"][..],
            &["--rounds", "x"],
            &["--peers", "x"],
            &["--x", "1"],
            &["--batch", "0"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }
}
