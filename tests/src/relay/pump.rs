//! Moves the bytes of a connection, one thread for each direction.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use crate::relay::link::{Link, Side};
use crate::relay::plan::{Fate, LARGEST_CHUNK, Leg};
use crate::relay::state::Shared;

/// Moves the bytes of one connection in one direction.
#[derive(Debug)]
pub(crate) struct Pump {
    link: Arc<Link>,
    side: Side,
    leg: Leg,
    passed: usize,
}

impl Pump {
    pub(crate) fn new(link: Arc<Link>, side: Side, leg: Leg) -> Self {
        Self { link, side, leg, passed: 0 }
    }

    /// Runs until the source ends or the connection does.
    pub(crate) fn run(mut self, shared: &Shared) {
        let link = Arc::clone(&self.link);
        let (mut source, sink) = match self.side {
            Side::Client => (&link.client, &link.server),
            Side::Server => (&link.server, &link.client),
        };
        let mut buffer = vec![0; LARGEST_CHUNK];
        let resumed = shared.state().resumed;
        self.obey_plan(resumed, shared);
        loop {
            let count = match source.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // One side was reset by its peer: so is the other.
                Err(_) => return self.end(Fate::Reset, shared),
            };
            match link.fate() {
                Fate::Reset => return,
                Fate::Cut if count == 0 => return,
                Fate::Cut => continue,
                Fate::Alive | Fate::Stalled => {}
            }
            if count == 0 {
                let _ = sink.shutdown(Shutdown::Write);
                return;
            }
            self.pass_on(&buffer[..count], sink, shared);
        }
    }

    /// Passes `bytes` on in chunks, as long as the connection lives.
    fn pass_on(&mut self, mut bytes: &[u8], sink: &TcpStream, shared: &Shared) {
        while !bytes.is_empty() && self.link.fate() == Fate::Alive {
            let before_end = self.leg.end.map_or(usize::MAX, |(at, _)| at - self.passed);
            let (chunk, rest) = bytes.split_at(bytes.len().min(self.leg.chunk).min(before_end));
            self.hold(shared);
            // Who sees these bytes in the record may resume what stalls behind them.
            let resumed = shared.state().resumed;
            // Recorded first: whoever sees the answer must find the question in the record.
            shared.record(self.side, chunk);
            self.passed += self.write(chunk, sink, shared);
            self.obey_plan(resumed, shared);
            bytes = rest;
        }
    }

    /// Writes as much of `chunk` as the connection lives for.
    fn write(&self, chunk: &[u8], mut sink: &TcpStream, shared: &Shared) -> usize {
        let mut written = 0;
        while written < chunk.len() && self.link.fate() == Fate::Alive {
            match sink.write(&chunk[written..]) {
                Ok(count) => written += count,
                Err(error) if is_pause(&error) => {}
                Err(_) => self.end(Fate::Reset, shared),
            }
        }
        written
    }

    /// Waits while the relay is stalled, and for the delay.
    fn hold(&self, shared: &Shared) {
        let due = Instant::now() + self.leg.delay;
        let mut state = shared.state();
        while self.link.fate() == Fate::Alive {
            let left = due.saturating_duration_since(Instant::now());
            if state.stalled {
                state = shared.wait(state, None);
            } else if left.is_zero() {
                return;
            } else {
                state = shared.wait(state, Some(left));
            }
        }
    }

    /// Does what the plan says about the bytes that have passed.
    /// Does what is planned for here. A stall ends when there are more than `resumed` calls to resume.
    fn obey_plan(&mut self, resumed: usize, shared: &Shared) {
        let Some((_, fate)) = self.leg.end.filter(|(at, _)| *at == self.passed) else { return };
        self.leg.end = None;
        if fate != Fate::Stalled {
            return self.end(fate, shared);
        }
        let mut state = shared.state();
        while state.resumed == resumed && self.link.fate() == Fate::Alive {
            state = shared.wait(state, None);
        }
    }

    fn end(&self, fate: Fate, shared: &Shared) {
        shared.change(|_| self.link.end(fate));
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}
