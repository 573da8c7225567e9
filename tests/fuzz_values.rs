//! Feeds mutated values to every decoder, for `ci/fuzz`: nothing may panic, and what is read is written as itself.
//!
//! Usage: fuzz-values [--seconds N] [--seed N]

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aiopg_tests::decoders::{Decoder, Mutator, Read, decoders, seeds};

/// How many values of one type are mutated further; then new ones take the places of old ones.
const MOST_VALUES: usize = 512;

fn main() -> io::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let (mut seconds, mut seed) = (10, RandomState::new().hash_one(0) >> 1);
    while let Some(name) = arguments.next() {
        let number = arguments.next().and_then(|number| number.parse().ok());
        match (name.as_str(), number) {
            ("--seconds", Some(number)) => seconds = number,
            ("--seed", Some(number)) => seed = number,
            _ => {
                writeln!(io::stderr(), "usage: fuzz-values [--seconds N] [--seed N]")?;
                return Ok(ExitCode::from(2));
            }
        }
    }
    // A panic is told by what noticed it.
    panic::set_hook(Box::new(|_| {}));
    let fuzzed = fuzz(Duration::from_secs(seconds), seed);
    let mut out = io::stdout().lock();
    let (count, faults) = (fuzzed.bodies, fuzzed.faults.len());
    for fault in fuzzed.faults {
        writeln!(out, "{fault}")?;
    }
    writeln!(out, "seed {seed}: {count} bodies, {} values, {faults} faults", fuzzed.values)?;
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Fuzzed {
    bodies: u64,
    values: u64,
    faults: Vec<String>,
}

/// One after the other, each decoder gets a few hundred bodies, until the time is over.
fn fuzz(limit: Duration, seed: u64) -> Fuzzed {
    let (end, mut mutator) = (Instant::now() + limit, Mutator::new(seed));
    let seeds = seeds();
    let mut pools: Vec<(Decoder, Vec<Vec<u8>>)> = decoders()
        .into_iter()
        .map(|decoder| (seeds.get(decoder.name()).cloned().unwrap_or_default(), decoder))
        .map(|(values, decoder)| (decoder, values))
        .collect();
    let mut fuzzed = Fuzzed::default();
    while Instant::now() < end && fuzzed.faults.is_empty() {
        for (decoder, values) in &mut pools {
            for _ in 0..200 {
                let place = mutator.below(values.len() + 1);
                let body = if let Some(value) = values.get(place) {
                    mutator.mutate(value)
                } else {
                    let length = mutator.below(40);
                    mutator.noise(length)
                };
                fuzzed.bodies += 1;
                match decoder.check(&body) {
                    Ok(Read::Refused) => {}
                    Ok(Read::Value) => {
                        fuzzed.values += 1;
                        keep(&mut mutator, values, body);
                    }
                    Err(fault) => fuzzed.faults.push(fault),
                }
            }
        }
    }
    fuzzed
}

/// What was read once is built upon.
fn keep(mutator: &mut Mutator, values: &mut Vec<Vec<u8>>, body: Vec<u8>) {
    if mutator.below(50) > 0 || body.len() > 1024 {
        return;
    }
    if values.len() < MOST_VALUES {
        values.push(body);
    } else {
        let place = mutator.below(values.len());
        if let Some(old) = values.get_mut(place) {
            *old = body;
        }
    }
}
