//! One direction of a connection: bytes on their way, with the time at which they arrive.

use std::collections::VecDeque;
use std::task::Waker;

use crate::clock::Time;

/// Bytes that were written together.
#[derive(Debug)]
struct Chunk {
    arrives: Time,
    bytes: Vec<u8>,
    /// How many of them were read.
    read: usize,
}

impl Chunk {
    fn unread(&self) -> &[u8] {
        self.bytes.get(self.read..).unwrap_or_default()
    }
}

/// What a reader finds behind the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    EndOfFile,
    Reset,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    chunks: VecDeque<Chunk>,
    /// Nothing sent later may arrive earlier.
    last_arrival: Time,
    /// Bytes written and not yet read, whether on their way, arrived, or lost for good.
    pub(crate) unread: usize,
    /// All bytes ever written.
    pub(crate) written: u64,
    /// All bytes ever read.
    pub(crate) read: u64,
    /// The writer has said that there is no more.
    pub(crate) shut: bool,
    /// What comes behind the bytes, and when it arrives.
    pub(crate) ending: Option<(Time, Ending)>,
    /// When the writer learns that nobody reads any more.
    pub(crate) abandoned: Option<Time>,
    /// The task that waits for bytes.
    pub(crate) reader: Option<Waker>,
    /// The task that waits for room.
    pub(crate) writer: Option<Waker>,
}

impl Pipe {
    /// When something sent now arrives: in order, however the latencies fall.
    pub(crate) fn arrival(&mut self, earliest: Time) -> Time {
        self.last_arrival = self.last_arrival.max(earliest);
        self.last_arrival
    }

    /// Sends bytes that arrive at `arrives`, a time from [`arrival`](Self::arrival).
    pub(crate) fn push(&mut self, arrives: Time, bytes: Vec<u8>) {
        self.chunks.push_back(Chunk { arrives, bytes, read: 0 });
    }

    /// How many bytes can be read at `now`.
    pub(crate) fn available(&self, now: Time) -> usize {
        self.chunks.iter().take_while(|chunk| chunk.arrives <= now).map(|c| c.unread().len()).sum()
    }

    /// Moves as many bytes as `buffer` holds; the caller has asked [`available`](Self::available) first.
    pub(crate) fn take(&mut self, mut buffer: &mut [u8]) {
        while !buffer.is_empty() {
            let Some(chunk) = self.chunks.front_mut() else { return };
            let count = buffer.len().min(chunk.unread().len());
            let (filled, rest) = buffer.split_at_mut(count);
            filled.copy_from_slice(chunk.unread().get(..count).unwrap_or_default());
            buffer = rest;
            chunk.read += count;
            if chunk.unread().is_empty() {
                self.chunks.pop_front();
            }
        }
    }

    /// Loses what has not arrived at `now`.
    pub(crate) fn lose_what_is_on_its_way(&mut self, now: Time) {
        self.chunks.retain(|chunk| chunk.arrives <= now);
        self.last_arrival = self.last_arrival.min(now);
    }

    /// Loses everything that was not read.
    pub(crate) fn lose_everything(&mut self) {
        self.chunks.clear();
    }
}
