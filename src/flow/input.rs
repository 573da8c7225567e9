//! `Input`: the bytes that have arrived and are not yet read.

use crate::wire::HEADER_LENGTH;

/// What the buffer starts with, and returns to when little comes.
const SMALL: usize = 8 << 10;

/// What it grows to under load: more gains nothing, since the server sends in pieces of 8 KiB.
const LARGE: usize = 64 << 10;

/// How many times its length the buffer may take once it is full. In the steps to a large message each buffer is so
/// many times the one before, so that old and new together are hardly larger than the message; and the length that
/// a server announces takes memory only in proportion to what it has sent.
const STEP: usize = 16;

/// A message of so many bytes gets a buffer that fits it, and can be given away with it.
pub(in crate::flow) const OUTSIZED: usize = 1 << 20;

/// Space behind an outsized message: whoever takes it notes there where the values of its row stand, and the few
/// messages that usually follow arrive with it.
const BEHIND_OUTSIZED: usize = 8 << 10;

/// Requests in a row whose replies would have fitted a small buffer before it becomes one again.
const QUIET_REQUESTS: u32 = 16;

/// One contiguous buffer. Its bytes are zeroed once and then reused.
#[derive(Debug)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// The length of the message at `start`, as far as it is known.
    wanted: usize,
    /// The last read left no space: more could have come.
    crowded: bool,
    /// Bytes that have arrived since the last request was done.
    arrived: usize,
    quiet: u32,
}

impl Input {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; SMALL],
            start: 0,
            end: 0,
            wanted: HEADER_LENGTH,
            crowded: false,
            arrived: 0,
            quiet: 0,
        }
    }

    /// The bytes that have arrived.
    #[inline]
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Where they stand.
    #[inline]
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Space for the next read, never empty. It grows with what has arrived, not with what is announced.
    #[inline]
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let fits = self.wanted <= self.bytes.len() && self.end < self.bytes.len();
        if self.start > 0 || self.crowded || !fits {
            self.make_space();
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Makes space for the next read, where what there is may not be all that there should be.
    #[inline(never)]
    fn make_space(&mut self) {
        let message_fits = self.start.saturating_add(self.wanted) <= self.bytes.len();
        if self.start > 0 && (!message_fits || self.end == self.bytes.len()) {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let held = self.end - self.start;
        if self.wanted > self.bytes.len() && self.bytes.len() > LARGE && held <= LARGE {
            // What the last outsized message took is too short for this one.
            self.replace(LARGE);
        }
        if self.end == self.bytes.len() {
            self.replace(self.next_length());
        } else if self.crowded && self.bytes.len() < LARGE {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        self.crowded = false;
    }

    /// The length of the buffer that follows one that is full.
    fn next_length(&self) -> usize {
        let mut length = self.wanted.max(self.bytes.len().saturating_add(SMALL));
        if self.wanted >= OUTSIZED {
            length = length.saturating_add(BEHIND_OUTSIZED);
        }
        while length / STEP >= self.bytes.len().saturating_mul(2) {
            length /= STEP;
        }
        length
    }

    /// Moves what is held to a buffer of another length, which begins with it.
    fn replace(&mut self, length: usize) {
        let held = self.end - self.start;
        // Memory that comes zeroed is not touched before something arrives.
        let mut bytes = vec![0; length.max(held)];
        if let Some(space) = bytes.get_mut(..held) {
            space.copy_from_slice(self.filled());
        }
        self.bytes = bytes;
        (self.start, self.end) = (0, held);
    }

    /// Gives away the buffer with the outsized message that was taken last and stands at this place, unless much of
    /// it is something else.
    #[inline]
    pub(crate) fn take_out(&mut self, start: usize, end: usize) -> Option<Vec<u8>> {
        let is_outsized = end.saturating_sub(start) >= OUTSIZED;
        if is_outsized { self.take_outsized(start, end) } else { None }
    }

    #[cold]
    fn take_outsized(&mut self, start: usize, end: usize) -> Option<Vec<u8>> {
        let length = end.saturating_sub(start);
        let fits = length >= self.bytes.len() - self.bytes.len() / STEP;
        if !fits || end != self.start {
            return None;
        }
        let held = self.filled().to_vec();
        let mut bytes = std::mem::replace(&mut self.bytes, held);
        (self.start, self.end) = (0, self.bytes.len());
        self.replace(LARGE);
        bytes.truncate(end);
        Some(bytes)
    }

    /// Notes that a read has put `count` bytes into the spare space.
    pub(crate) fn received(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.bytes.len());
        self.crowded = self.end == self.bytes.len();
        self.arrived = self.arrived.saturating_add(count);
    }

    /// Notes how long the message at the start is.
    pub(crate) fn want(&mut self, length: usize) {
        self.wanted = length;
    }

    /// Takes `length` bytes and tells where they stand until the next read.
    pub(crate) fn take(&mut self, length: usize) -> (usize, usize) {
        let start = self.start;
        self.start = start.saturating_add(length).min(self.end);
        self.wanted = HEADER_LENGTH;
        (start, self.start)
    }

    /// As [`take`](Self::take), if all of them have arrived.
    #[inline]
    pub(crate) fn take_whole(&mut self, length: usize) -> Option<(usize, usize)> {
        let start = self.start;
        let end = start.checked_add(length).filter(|end| *end <= self.end)?;
        self.start = end;
        self.wanted = HEADER_LENGTH;
        Some((start, end))
    }

    /// The bytes at a place that [`take`](Self::take) told.
    pub(crate) fn at(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Gives memory back when a request is done: at once what an outsized message took, and the space for
    /// heavy load after a while without it.
    pub(crate) fn request_done(&mut self) {
        let small = std::mem::take(&mut self.arrived) < SMALL;
        self.quiet = if small { self.quiet.saturating_add(1) } else { 0 };
        let held = self.end - self.start;
        let shrink = if self.bytes.len() > LARGE {
            (held <= LARGE).then_some(LARGE)
        } else {
            let due = self.bytes.len() > SMALL && self.quiet >= QUIET_REQUESTS && held <= SMALL;
            due.then_some(SMALL)
        };
        if let Some(length) = shrink {
            self.replace(length);
        }
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts `bytes` in, in as many reads as the space makes it.
    fn fill(input: &mut Input, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let spare = input.spare();
            let count = spare.len().min(bytes.len());
            spare[..count].copy_from_slice(&bytes[..count]);
            input.received(count);
            bytes = &bytes[count..];
        }
    }

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
        let mut input = Input::new();
        let mut read = Vec::new();
        for chunk in bytes.chunks(3_001) {
            fill(&mut input, chunk);
            let (start, end) = input.take(input.filled().len().min(2_777));
            read.extend_from_slice(input.at(start, end));
        }
        read.extend_from_slice(input.filled());
        assert!(read == bytes);
    }

    #[test]
    fn an_announced_length_allocates_nothing_by_itself() {
        let mut input = Input::new();
        input.want(1 << 30);
        fill(&mut input, &[7; 100]);
        input.spare();
        assert_eq!(input.capacity(), SMALL);
        let mut arrived = 100;
        while arrived < 10_000_000 {
            fill(&mut input, &vec![7; 50_000]);
            arrived += 50_000;
            let most = arrived * 2 * STEP;
            assert!(input.capacity() <= most, "{} for {arrived}", input.capacity());
        }
    }

    /// The most bytes that both buffers have while one takes the place of the other.
    fn peak(input: &mut Input, message: &[u8]) -> usize {
        input.want(message.len());
        let (mut peak, mut rest) = (input.capacity(), message);
        while !rest.is_empty() {
            let before = input.capacity();
            let piece = rest.len().min(input.spare().len());
            if input.capacity() != before {
                peak = peak.max(before + input.capacity());
            }
            fill(input, &rest[..piece]);
            rest = &rest[piece..];
        }
        input.take(message.len());
        peak
    }

    #[test]
    fn the_buffers_of_a_large_message_are_hardly_larger_than_it() {
        let mut input = Input::new();
        for length in [40, 3, 41, 17, 30, 64, 1].map(|mib| (mib << 20) + 5) {
            let most = input.capacity().max(length + length / 10 + (256 << 10));
            let peak = peak(&mut input, &vec![7; length]);
            assert!(peak <= most, "{peak} for {length}");
        }
    }

    #[test]
    fn a_large_message_can_be_taken_out_with_its_memory() {
        let mut input = Input::new();
        let message: Vec<u8> = (0..=u8::MAX).cycle().take(3_000_000).collect();
        input.want(message.len());
        fill(&mut input, &message);
        fill(&mut input, b"next");
        input.take(message.len());
        let bytes = input.take_out(5, message.len()).unwrap();
        assert!(bytes == message && bytes.capacity() < 3_100_000);
        assert_eq!((input.filled(), input.capacity()), (&b"next"[..], LARGE));
        assert!(input.take_out(0, 4).is_none());
        // One that shares its memory with much else is not.
        input.take(4);
        input.want(message.len());
        fill(&mut input, &message);
        input.take(OUTSIZED);
        assert!(input.take_out(0, OUTSIZED).is_none());
    }

    #[test]
    fn load_grows_the_buffer_and_quiet_shrinks_it() {
        let mut input = Input::new();
        for _ in 0..20 {
            let length = input.spare().len();
            input.received(length);
            input.take(length);
        }
        assert_eq!(input.capacity(), LARGE);
        input.request_done();
        for _ in 0..QUIET_REQUESTS {
            assert_eq!(input.capacity(), LARGE);
            fill(&mut input, &[1; 100]);
            input.take(100);
            input.request_done();
        }
        assert_eq!(input.capacity(), SMALL);
    }

    #[test]
    fn an_outsized_message_gives_its_memory_back() {
        let mut input = Input::new();
        input.want(1_000_000);
        fill(&mut input, &vec![1; 1_000_000]);
        fill(&mut input, b"next");
        input.take(1_000_000);
        input.request_done();
        assert_eq!(input.capacity(), LARGE);
        assert_eq!(input.filled(), b"next");
    }
}
