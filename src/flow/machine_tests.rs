//! What the machine makes of bytes.

use std::num::NonZeroU32;

use crate::config::Config;
use crate::error::{Error, Kind};
use crate::flow::input::OUTSIZED;
use crate::flow::{End, Machine, Protocol, Request};
use crate::message::{CommandComplete, CommandTag, Decode, Encode, Query, Sync, TransactionStatus};
use crate::wire::HEADER_LENGTH;

fn machine() -> Machine {
    let mut machine = Machine::new(&Config::new().message_limit_bytes(100_000));
    let sql = Query { sql: "select 1" };
    machine.request(Request::new(Protocol::Simple), |out| sql.encode(out)).unwrap();
    machine.sent(machine.unsent().len());
    machine
}

fn put(machine: &mut Machine, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let spare = machine.spare();
        let count = spare.len().min(bytes.len());
        spare[..count].copy_from_slice(&bytes[..count]);
        machine.received(count);
        bytes = &bytes[count..];
    }
}

fn tags(machine: &mut Machine) -> Result<Vec<u8>, Error> {
    let mut tags = Vec::new();
    while let Some(message) = machine.next_message()? {
        tags.push(message.tag);
    }
    Ok(tags)
}

const NOTICE: &[u8] = b"N\0\0\0\x1fSNOTICE\0VNOTICE\0C00000\0Mm\0\0";
const STATUS: &[u8] = b"S\0\0\0\x08a\0b\0";
const NOTIFICATION: &[u8] = b"A\0\0\0\x0c\0\0\0\x01c\0p\0";
const COMPLETE: &[u8] = b"C\0\0\0\x0dSELECT 1\0";
const READY: &[u8] = b"Z\0\0\0\x05T";

#[test]
fn messages_come_out_whole_however_the_bytes_arrive() {
    let mut machine = machine();
    for byte in [COMPLETE, READY].concat() {
        let before = tags(&mut machine).unwrap();
        assert!(before.len() <= 1);
        put(&mut machine, &[byte]);
    }
    assert_eq!(tags(&mut machine).unwrap(), [b'Z']);
    assert!(!machine.is_owed());
    assert_eq!(machine.reports().transaction_status(), TransactionStatus::InTransaction);
}

#[test]
fn ready_for_query_ends_the_request_that_it_is_the_last_of() {
    let whole = Request::new(Protocol::Extended);
    let machine = |request| {
        let mut machine = Machine::new(&Config::new());
        machine.request(request, |out| Sync.encode(out)).unwrap();
        machine.sent(5);
        machine
    };
    let mut two = machine(Request { ready: NonZeroU32::new(2).unwrap(), ..whole });
    put(&mut two, READY);
    assert_eq!((tags(&mut two).unwrap(), two.is_owed()), (b"Z".to_vec(), true));
    put(&mut two, READY);
    assert_eq!((tags(&mut two).unwrap(), two.is_owed()), (b"Z".to_vec(), false));

    let mut carrying = machine(Request { riders: 1, ..whole });
    put(&mut carrying, READY);
    assert_eq!((tags(&mut carrying).unwrap(), carrying.is_owed()), (Vec::new(), true));
    assert_eq!(carrying.asides().riders_done, 1);
    put(&mut carrying, READY);
    assert_eq!((tags(&mut carrying).unwrap(), carrying.is_owed()), (b"Z".to_vec(), false));

    let mut unsent = Machine::new(&Config::new());
    unsent.request(whole, |out| Sync.encode(out)).unwrap();
    let opening = machine(Request { openers: 1, ..whole });
    let open = machine(Request { end: End::Open, ..whole });
    for mut machine in [unsent, opening, open] {
        put(&mut machine, READY);
        assert_eq!(tags(&mut machine).unwrap_err().kind(), Kind::Protocol);
    }
}

#[test]
fn unasked_messages_are_dealt_with_between_any_two() {
    let mut machine = machine();
    let unasked = [NOTICE, STATUS, NOTIFICATION].concat();
    put(&mut machine, &[&unasked[..], COMPLETE, &unasked, READY, &unasked].concat());
    assert_eq!(tags(&mut machine).unwrap(), *b"CZ");
    assert_eq!(machine.reports().notices().len(), 3);
    assert_eq!(machine.reports().parameter("a"), Some("b"));
}

#[test]
fn a_reply_to_no_request_is_refused() {
    for surplus in [READY, COMPLETE, b"1\0\0\0\x04"] {
        let mut machine = machine();
        put(&mut machine, &[READY, surplus].concat());
        assert_eq!(tags(&mut machine).unwrap_err().kind(), Kind::Protocol);
    }
}

#[test]
fn a_fatal_error_ends_the_session_and_an_unasked_error_too() {
    let fatal = b"E\0\0\0\x1dSFATAL\0VFATAL\0C57P01\0Mm\0\0";
    let mut busy = machine();
    put(&mut busy, fatal);
    let error = tags(&mut busy).unwrap_err();
    assert_eq!((error.kind(), error.sqlstate().unwrap().code()), (Kind::Server, "57P01"));
    let mut idle = machine();
    put(&mut idle, &[READY, b"E\0\0\0\x1dSERROR\0VERROR\0C57P01\0Mm\0\0"].concat());
    assert_eq!(tags(&mut idle).unwrap_err().kind(), Kind::Server);
}

#[test]
fn limits_depend_on_what_a_message_is_for() {
    let announced = |tag: u8, length: i32| {
        let mut machine = machine();
        put(&mut machine, &[&[tag][..], &length.to_be_bytes()].concat());
        machine.next_message()
    };
    assert!(announced(b'D', 90_000).is_ok());
    assert!(announced(b'D', 100_005).is_err());
    assert!(announced(b'T', 90_000).is_ok());
    assert!(announced(b'C', 90_000).is_err());
    assert!(announced(b'D', -1).is_err());
}

#[test]
fn a_request_that_was_not_sent_is_withdrawn() {
    let mut machine = Machine::new(&Config::new());
    let sql = Query { sql: "select 1" };
    machine.request(Request::new(Protocol::Simple), |out| sql.encode(out)).unwrap();
    let second = machine.request(Request::new(Protocol::Simple), |out| sql.encode(out));
    assert_eq!(second.unwrap_err().kind(), Kind::Usage);
    assert!(machine.withdraw());
    assert!(!machine.is_owed() && machine.unsent().is_empty());
    machine.request(Request::new(Protocol::Simple), |out| sql.encode(out)).unwrap();
    machine.sent(1);
    assert!(!machine.withdraw());
    assert!(machine.is_owed());
}

#[test]
fn a_request_that_cannot_be_written_leaves_nothing() {
    let mut machine = Machine::new(&Config::new());
    let sql = Query { sql: "select '\0'" };
    assert!(machine.request(Request::new(Protocol::Simple), |out| sql.encode(out)).is_err());
    assert!(!machine.is_owed() && machine.unsent().is_empty());
}

#[test]
fn copy_in_is_refused_as_the_protocol_of_the_request_wants_it() {
    let copy_in = b"G\0\0\0\x07\0\0\0";
    let mut simple = machine();
    put(&mut simple, copy_in);
    assert_eq!(tags(&mut simple).unwrap(), b"");
    assert_eq!(simple.unsent().first(), Some(&b'f'));
    assert!(!simple.unsent().ends_with(b"S\0\0\0\x04"));
    assert!(!simple.withdraw(), "the refusal is not a request of its own");

    let mut extended = Machine::new(&Config::new());
    extended.request(Request::new(Protocol::Extended), |out| Sync.encode(out)).unwrap();
    extended.sent(5);
    put(&mut extended, copy_in);
    assert_eq!(tags(&mut extended).unwrap(), b"");
    assert!(extended.unsent().ends_with(b"S\0\0\0\x04"));
}

const BOUND: &[u8] = b"2\0\0\0\x04";
const ROW: &[u8] = b"D\0\0\0\x0b\0\x01\0\0\0\x01r";

fn run(request: Request) -> Machine {
    let mut machine = Machine::new(&Config::new().message_limit_bytes(100));
    machine.request(request, |out| Sync.encode(out)).unwrap();
    machine.sent(5);
    machine
}

#[test]
fn a_short_reply_is_told_before_it_is_taken() {
    for rows in [&b""[..], ROW] {
        let mut machine = run(Request::new(Protocol::Extended));
        let whole = [BOUND, rows, COMPLETE, READY].concat();
        for byte in &whole {
            assert!(machine.short_reply().is_none());
            put(&mut machine, &[*byte]);
        }
        put(&mut machine, NOTICE);
        let reply = machine.short_reply().unwrap();
        assert!(machine.is_owed(), "it is still there");
        assert_eq!(machine.body(reply.outcome), b"SELECT 1\0");
        let row = reply.row.map(|row| machine.body(row).to_vec());
        assert_eq!(row.unwrap_or_default(), rows.get(5..).unwrap_or_default());
        machine.take_short(reply);
        assert!(!machine.is_owed());
        assert_eq!(machine.reports().transaction_status(), TransactionStatus::InTransaction);
        assert_eq!((tags(&mut machine).unwrap(), machine.reports().notices().len()), (vec![], 1));
    }
}

#[test]
fn what_is_not_a_short_reply_is_left_to_be_read_one_by_one() {
    let whole = Request::new(Protocol::Extended);
    let plain = [BOUND, ROW, COMPLETE, READY].concat();
    let long_row = [b"D\0\0\0\x69", &[7; 101][..]].concat();
    let replies = [
        [BOUND, ROW, ROW, COMPLETE, READY].concat(),
        [BOUND, &long_row, COMPLETE, READY].concat(),
        [BOUND, NOTICE, ROW, COMPLETE, READY].concat(),
        [BOUND, ROW, COMPLETE, STATUS, READY].concat(),
        [BOUND, b"C\0\0\0\x10DISCARD ALL\0", READY].concat(),
        [BOUND, b"C\0\0\0\x13DEALLOCATE ALL\0", READY].concat(),
        [BOUND, ROW, b"C\0\0\0\x03", READY].concat(),
        [BOUND, ROW, b"C\0\0\0\x06OK", READY].concat(),
        [BOUND, ROW, b"C\0\0\0\x07O\xc3\0", READY].concat(),
        [BOUND, ROW, b"C\0\0\0\x08O\0K\0", READY].concat(),
        [BOUND, ROW, b"C\0\0\0\x45", &[b'O'; 64], b"\0", READY].concat(),
        [BOUND, COMPLETE, b"Z\0\0\0\x05?"].concat(),
        [BOUND, COMPLETE, b"Z\0\0\0\x06I"].concat(),
        [&b"2\0\0\0\x05"[..], ROW, COMPLETE, READY].concat(),
        [ROW, COMPLETE, READY].concat(),
        [BOUND, b"s\0\0\0\x04", READY].concat(),
        [BOUND, b"E\0\0\0\x1dSERROR\0VERROR\0C57P01\0Mm\0\0", READY].concat(),
    ];
    for reply in &replies {
        let mut machine = run(whole);
        put(&mut machine, reply);
        assert!(machine.short_reply().is_none(), "{:?}", reply.escape_ascii().to_string());
        assert!(machine.is_owed());
    }
    for (length, is_short) in [(OUTSIZED - 1, true), (OUTSIZED, false)] {
        let mut machine = Machine::new(&Config::new());
        machine.request(whole, |out| Sync.encode(out)).unwrap();
        machine.sent(machine.unsent().len());
        let body = vec![7; length - [BOUND, COMPLETE, READY].concat().len() - HEADER_LENGTH];
        let header = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        put(&mut machine, &[BOUND, b"D", &header, &body, COMPLETE, READY].concat());
        assert_eq!(machine.short_reply().is_some(), is_short, "{length}");
    }
    // Where more belongs to the request than the reply that has come.
    for request in [
        Request { riders: 1, ..whole },
        Request { openers: 1, ..whole },
        Request { ready: NonZeroU32::new(2).unwrap(), ..whole },
        Request { end: End::Open, ..whole },
    ] {
        let mut machine = run(request);
        put(&mut machine, &plain);
        assert!(machine.short_reply().is_none(), "{request:?}");
    }
    let mut unsent = Machine::new(&Config::new());
    unsent.request(whole, |out| Sync.encode(out)).unwrap();
    put(&mut unsent, &plain);
    assert!(unsent.short_reply().is_none());
    let mut idle = run(whole);
    put(&mut idle, &[READY, &plain].concat());
    idle.next_message().unwrap();
    assert!(idle.short_reply().is_none(), "it answers nothing");
}

#[test]
fn only_a_row_that_is_there_whole_and_not_too_long_is_taken_as_one() {
    let mut machine = run(Request::new(Protocol::Extended));
    put(&mut machine, &[BOUND, ROW, ROW].concat());
    assert!(machine.next_row().is_none(), "BindComplete is none");
    assert_eq!(machine.next_message().unwrap().unwrap().tag, b'2');
    for _ in 0..2 {
        let row = machine.next_row().unwrap();
        assert_eq!(machine.body(row), ROW.get(5..).unwrap());
    }
    for unfit in [ROW.split_last().unwrap().1, b"D\0\0\0\x03", b"D\0\0\0\x69"] {
        let mut machine = run(Request::new(Protocol::Extended));
        put(&mut machine, unfit);
        put(&mut machine, if unfit.len() == 5 { &[7; 200] } else { b"" });
        assert!(machine.next_row().is_none(), "{unfit:?}");
    }
}

/// The numbers of a generator that is good enough to choose bytes by.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 7_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    }
}

#[test]
fn the_short_way_reads_what_the_long_way_reads() {
    let (mut number, mut short, mut long) = (numbers(), 0, 0);
    let parts = [BOUND, ROW, COMPLETE, READY, NOTICE, b"C\0\0\0\x10DISCARD ALL\0"];
    for _ in 0..200_000 {
        let mut reply = match number(4) {
            0 => [BOUND, COMPLETE, READY].concat(),
            1 => (0..number(6)).flat_map(|_| parts[number(parts.len())]).copied().collect(),
            _ => [BOUND, ROW, COMPLETE, READY].concat(),
        };
        for _ in 0..number(3) {
            let at = number(reply.len().max(1));
            match reply.get_mut(at) {
                Some(byte) if number(2) == 0 => *byte = u8::try_from(number(256)).unwrap(),
                Some(byte) => *byte = byte.wrapping_add(1),
                None => {}
            }
        }
        let whole = Request::new(Protocol::Extended);
        let (mut one, mut other) = (run(whole), run(whole));
        put(&mut one, &reply);
        put(&mut other, &reply);
        let Some(told) = one.short_reply() else {
            long += 1;
            continue;
        };
        short += 1;
        for (tag, message) in [(b'2', None), (b'D', told.row), (b'C', Some(told.outcome))] {
            if message.is_none() && tag == b'D' {
                continue;
            }
            let next = other.next_message().unwrap().unwrap();
            let body = message.map_or(&b""[..], |message| one.body(message));
            assert_eq!((next.tag, other.body(next)), (tag, body));
        }
        let outcome = one.body(told.outcome);
        let tag = CommandComplete::decode(outcome).unwrap().tag;
        assert_eq!(CommandTag::in_body(outcome), Some(tag));
        assert_eq!(other.next_message().unwrap().unwrap().tag, b'Z');
        one.take_short(told);
        assert_eq!(one.is_owed(), other.is_owed());
        let status = |machine: &Machine| machine.reports().transaction_status();
        assert_eq!(status(&one), status(&other));
        assert_eq!(one.input.filled(), other.input.filled());
        assert_eq!(one.asides().is_any(), other.asides().is_any());
    }
    assert!(short > 10_000 && long > 10_000, "{short} short, {long} long");
}
