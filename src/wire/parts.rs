//! `Parts`: messages that are to be sent, in several pieces of memory where they are large.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};

use bytes::{Buf, BytesMut};

use crate::error::Error;
use crate::wire::writer::message_length;

/// A piece that is so long is left as it is, and what follows goes to a new one: if the piece had to grow for a few
/// bytes more, all of it would be copied, to one of twice its size.
const LONG_BYTES: usize = 1 << 20;

/// Bytes in the order in which they are sent. It dereferences to the piece that is being written.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// Pieces that are complete.
    complete: VecDeque<BytesMut>,
    last: BytesMut,
}

/// Where a message begins.
#[derive(Debug)]
pub(crate) struct Begun {
    complete: usize,
    /// Where its length stands in its first piece.
    length_at: usize,
    /// How many bytes stand before its length, in all pieces.
    before: usize,
}

impl Parts {
    #[inline]
    pub(crate) fn total_bytes(&self) -> usize {
        if self.complete.is_empty() {
            return self.last.len();
        }
        self.complete.iter().map(BytesMut::len).sum::<usize>() + self.last.len()
    }

    pub(crate) fn is_all_empty(&self) -> bool {
        self.last.is_empty() && self.complete.is_empty()
    }

    /// The first piece.
    #[inline]
    pub(crate) fn first(&self) -> &[u8] {
        if self.complete.is_empty() { &self.last } else { self.first_complete() }
    }

    #[cold]
    fn first_complete(&self) -> &[u8] {
        self.complete.front().unwrap_or(&self.last)
    }

    /// Lets go of bytes at the start of the first piece.
    pub(crate) fn advance_first(&mut self, count: usize) {
        let first = self.complete.front_mut().unwrap_or(&mut self.last);
        first.advance(count.min(first.len()));
    }

    /// Gives the first piece back, unless it is also the one that is being written.
    #[inline]
    pub(crate) fn drop_first(&mut self) -> bool {
        !self.complete.is_empty() && self.drop_first_complete()
    }

    #[cold]
    fn drop_first_complete(&mut self) -> bool {
        self.complete.pop_front().is_some()
    }

    /// Forgets everything, and keeps no more memory than this.
    #[inline]
    pub(crate) fn forget(&mut self, most_bytes: usize) {
        if self.complete.is_empty() && self.last.capacity() <= most_bytes {
            self.last.clear();
        } else {
            *self = Self::default();
        }
    }

    /// Begins a new piece if the last one is long. Tells whether it did.
    pub(crate) fn complete_long(&mut self) -> bool {
        let long = self.last.len() >= LONG_BYTES;
        if long {
            self.complete.push_back(std::mem::take(&mut self.last));
        }
        long
    }

    /// Begins a message that may be large.
    pub(crate) fn begin(&mut self, tag: u8) -> Begun {
        self.begin_with(&[tag, 0, 0, 0, 0])
    }

    /// Begins a message with bytes that are known: its tag, room for its length, and more.
    #[inline]
    pub(crate) fn begin_with(&mut self, head: &[u8]) -> Begun {
        let begun = Begun {
            complete: self.complete.len(),
            length_at: self.last.len() + size_of::<u8>(),
            before: self.total_bytes() + size_of::<u8>(),
        };
        self.last.extend_from_slice(head);
        begun
    }

    /// Notes that a value of a message has been written: where many bytes make the message too long, that is refused
    /// here, before the others are written.
    #[inline]
    pub(crate) fn value_written(&mut self, begun: &Begun) -> Result<(), Error> {
        if self.last.len() < LONG_BYTES {
            return Ok(());
        }
        self.long_value_written(begun)
    }

    #[cold]
    fn long_value_written(&mut self, begun: &Begun) -> Result<(), Error> {
        message_length(self.total_bytes().saturating_sub(begun.before))?;
        self.complete_long();
        Ok(())
    }

    /// Ends a message: writes its length, or removes all of it if it could not be written.
    #[inline]
    pub(crate) fn end<E: From<Error>>(
        &mut self,
        begun: &Begun,
        written: Result<(), E>,
    ) -> Result<(), E> {
        if written.is_ok() && self.complete.is_empty() && self.last.len() < LONG_BYTES {
            // Mostly it is short, and all of it stands in one piece.
            let length = self.last.len().saturating_sub(begun.before);
            let field = self.last.get_mut(begun.length_at..).and_then(<[u8]>::first_chunk_mut);
            if let (Some(field), Ok(length)) = (field, i32::try_from(length)) {
                *field = length.to_be_bytes();
                return Ok(());
            }
        }
        self.end_long(begun, written)
    }

    #[cold]
    #[inline(never)]
    fn end_long<E: From<Error>>(&mut self, begun: &Begun, written: Result<(), E>) -> Result<(), E> {
        let length = written
            .and_then(|()| Ok(message_length(self.total_bytes().saturating_sub(begun.before))?));
        match length {
            Ok(length) => {
                let first = self.complete.get_mut(begun.complete).unwrap_or(&mut self.last);
                let length_end = begun.length_at + size_of::<i32>();
                if let Some(field) = first.get_mut(begun.length_at..length_end) {
                    field.copy_from_slice(&length.to_be_bytes());
                }
                Ok(())
            }
            Err(error) => {
                if let Some(first) = self.complete.drain(begun.complete..).next() {
                    self.last = first;
                }
                // Its tag, too.
                self.last.truncate(begun.length_at.saturating_sub(size_of::<u8>()));
                Err(error)
            }
        }
    }
}

impl Deref for Parts {
    type Target = BytesMut;

    fn deref(&self) -> &BytesMut {
        &self.last
    }
}

impl DerefMut for Parts {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.last
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;

    use super::*;
    use crate::error::Kind;

    fn written(parts: &mut Parts) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            all.extend_from_slice(parts.first());
            if !parts.drop_first() {
                return all;
            }
        }
    }

    #[test]
    fn a_long_message_has_one_length_for_all_its_pieces() {
        let mut parts = Parts::default();
        parts.put_slice(b"before");
        let begun = parts.begin(b'B');
        for _ in 0..3 {
            parts.put_slice(&vec![7; LONG_BYTES]);
            parts.value_written(&begun).unwrap();
        }
        parts.put_slice(b"end");
        parts.end(&begun, Ok::<_, Error>(())).unwrap();
        assert_eq!((parts.complete.len(), parts.len()), (3, 3));
        assert_eq!(parts.total_bytes(), 6 + 5 + 3 * LONG_BYTES + 3);
        let all = written(&mut parts);
        assert_eq!(all[..11], *b"beforeB\0\x30\0\x07");
        assert!(all.ends_with(b"\x07\x07end"));
        assert!(parts.complete.is_empty());
    }

    #[test]
    fn a_message_that_cannot_be_written_leaves_nothing_of_its_pieces() {
        let mut parts = Parts::default();
        parts.put_slice(b"before");
        let begun = parts.begin(b'B');
        for _ in 0..3 {
            parts.put_slice(&vec![7; LONG_BYTES]);
            parts.value_written(&begun).unwrap();
        }
        let error = parts.end(&begun, Err(Error::usage("no"))).unwrap_err();
        assert_eq!((error.kind(), parts.total_bytes()), (Kind::Usage, 6));
        assert_eq!(written(&mut parts), b"before");
    }

    #[test]
    fn a_piece_does_not_grow_for_what_follows_a_large_value() {
        let mut parts = Parts::default();
        let begun = parts.begin(b'B');
        parts.put_slice(&vec![7; 10 * LONG_BYTES]);
        parts.value_written(&begun).unwrap();
        parts.put_slice(b"end");
        parts.end(&begun, Ok::<_, Error>(())).unwrap();
        let capacity: usize = parts.complete.iter().map(BytesMut::capacity).sum();
        assert!(capacity <= 10 * LONG_BYTES + 100, "{capacity}");
    }
}
