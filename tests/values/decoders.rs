//! No bytes of any length make a decoder panic, and what it reads it writes.

use aiopg_tests::decoders::{Mutator, Read, decoders, seeds};

fn checked(decoder: &aiopg_tests::decoders::Decoder, body: &[u8]) -> Read {
    decoder.check(body).unwrap_or_else(|fault| panic!("{fault}"))
}

#[test]
fn every_decoder_has_seeds_and_reads_them() {
    let mut seeds = seeds();
    for decoder in decoders() {
        let bodies = seeds.remove(decoder.name()).unwrap_or_default();
        assert!(!bodies.is_empty(), "{} has no seeds", decoder.name());
        for body in bodies {
            let body = &body;
            assert_eq!(checked(&decoder, body), Read::Value, "{} {body:?}", decoder.name());
        }
    }
    assert!(seeds.is_empty(), "seeds without a decoder: {seeds:?}");
}

/// Only the whole of a value is a value; what is cut can be another only where the length is free.
#[test]
fn a_value_that_is_cut_or_too_long_is_refused() {
    let seeds = seeds();
    for decoder in decoders() {
        for body in &seeds[decoder.name()] {
            for end in 0..body.len() {
                assert_eq!(checked(&decoder, &body[..end]), Read::Refused, "{}", decoder.name());
            }
            let long = [body, &[0][..]].concat();
            assert_eq!(checked(&decoder, &long), Read::Refused, "{}", decoder.name());
        }
    }
}

#[test]
fn no_bytes_of_any_length_make_a_decoder_panic() {
    let (seeds, mut mutator) = (seeds(), Mutator::new(1));
    for decoder in decoders() {
        let bodies = &seeds[decoder.name()];
        let mut values = 0;
        for round in 0..4_000 {
            let body = if round % 2 == 0 {
                mutator.noise(round / 2 % 40)
            } else {
                mutator.mutate(&bodies[round / 2 % bodies.len()])
            };
            values += usize::from(checked(&decoder, &body) == Read::Value);
        }
        assert!(values > 0, "{}: nothing was read", decoder.name());
    }
}
