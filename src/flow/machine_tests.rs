//! What the machine makes of bytes.

use std::num::NonZeroU32;

use crate::config::Config;
use crate::error::{Error, Kind};
use crate::flow::{End, Machine, Protocol, Request};
use crate::message::{Encode, Query, Sync, TransactionStatus};

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
