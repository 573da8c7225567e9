//! `Output`: the bytes that are to be sent.

use bytes::BytesMut;

use crate::error::Error;
use crate::message::CopyData;
use crate::wire::Parts;

/// What is kept of the buffer between requests; more is given back.
const KEPT: usize = 64 << 10;

/// What is kept of it while a copy goes in: a piece of data, and the row that passes its end.
const KEPT_WHILE_COPYING: usize = 256 << 10;

/// The unsent bytes. They belong to the connection, never to the future of a caller.
#[derive(Debug, Default)]
pub(crate) struct Output {
    parts: Parts,
    /// How much of the first part is sent.
    sent: usize,
    /// No byte of what is here has been sent.
    fresh: bool,
    /// Copy data is being written.
    copying: bool,
    /// Where the CopyData message begins that takes more, which is the last: of it nothing was sent.
    copy_data: Option<usize>,
}

impl Output {
    /// The bytes that are to be sent next; none if everything is sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.parts.first().get(self.sent..).unwrap_or_default()
    }

    pub(crate) fn unsent_bytes(&self) -> usize {
        self.parts.total_bytes().saturating_sub(self.sent)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_all_empty()
    }

    /// Notes that `count` bytes were sent.
    #[inline]
    pub(crate) fn sent(&mut self, count: usize) {
        self.fresh &= count == 0;
        self.copy_data = None;
        self.sent = self.sent.saturating_add(count);
        if self.sent >= self.parts.first().len() {
            self.sent = 0;
            if !self.parts.drop_first() || self.is_empty() {
                self.clear();
            }
        }
    }

    /// The buffer to write a request to, which must be empty before. The request can be withdrawn until its
    /// first byte is sent.
    pub(crate) fn request(&mut self) -> &mut Parts {
        self.fresh = true;
        self.copying = false;
        &mut self.parts
    }

    /// The buffer to write to within a request that is being answered: this cannot be withdrawn.
    pub(crate) fn answer(&mut self) -> &mut Parts {
        self.fresh = false;
        self.copying = false;
        self.copy_data = None;
        // What was sent is let go, so that a request that is written for long does not grow.
        self.parts.advance_first(self.sent);
        self.sent = 0;
        self.parts.complete_long();
        &mut self.parts
    }

    /// Adds what `write` writes to the data of a copy: many rows share a message. On error nothing of it remains.
    pub(crate) fn copy_data(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.fresh = false;
        self.copying = true;
        if self.parts.complete_long() {
            self.copy_data = None;
        }
        let start = self.copy_data.unwrap_or(self.parts.len());
        CopyData::extend(&mut self.parts, start, write).inspect_err(|_| {
            if self.parts.is_all_empty() {
                // A row that could not be written may have taken much memory.
                self.parts = Parts::default();
            }
        })?;
        self.copy_data = Some(start);
        Ok(())
    }

    /// Takes back a request of which no byte was sent, and tells whether there was one.
    pub(crate) fn withdraw(&mut self) -> bool {
        let withdrawn = self.fresh && !self.is_empty();
        if withdrawn {
            self.clear();
        }
        withdrawn
    }

    /// Forgets everything: there is nobody to send it to.
    pub(crate) fn discard(&mut self) {
        self.parts = Parts::default();
        self.sent = 0;
        self.copy_data = None;
    }

    #[inline]
    fn clear(&mut self) {
        self.sent = 0;
        self.copy_data = None;
        self.parts.forget(if self.copying { KEPT_WHILE_COPYING } else { KEPT });
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.parts.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_withdrawn_only_before_its_first_byte() {
        let mut output = Output::default();
        output.request().extend_from_slice(b"request");
        assert!(output.withdraw());
        assert!(output.is_empty());
        output.request().extend_from_slice(b"request");
        output.sent(1);
        assert!(!output.withdraw());
        assert_eq!(output.unsent(), b"equest");
        output.sent(6);
        assert!(!output.withdraw());
    }

    #[test]
    fn an_answer_cannot_be_withdrawn() {
        let mut output = Output::default();
        output.request().extend_from_slice(b"request");
        output.sent(7);
        output.answer().extend_from_slice(b"answer");
        assert!(!output.withdraw());
        assert_eq!(output.unsent(), b"answer");
    }

    #[test]
    fn rows_share_a_message_until_a_byte_of_it_is_sent() {
        let mut output = Output::default();
        let put = |output: &mut Output, bytes: &[u8]| {
            output.copy_data(|out| {
                out.extend_from_slice(bytes);
                if bytes == b"no" { Err(Error::usage("no")) } else { Ok(()) }
            })
        };
        put(&mut output, b"no").unwrap_err();
        assert!(output.is_empty());
        put(&mut output, b"a").unwrap();
        put(&mut output, b"no").unwrap_err();
        put(&mut output, b"b").unwrap();
        assert_eq!(output.unsent(), b"d\0\0\0\x06ab");
        assert!(!output.withdraw());
        output.sent(2);
        put(&mut output, b"c").unwrap();
        assert_eq!(output.unsent(), b"\0\0\x06abd\0\0\0\x05c");
        output.answer().extend_from_slice(b"answer");
        put(&mut output, b"d").unwrap();
        assert!(output.unsent().ends_with(b"answerd\0\0\0\x05d"));
    }

    #[test]
    fn the_buffer_of_a_copy_is_kept_until_the_copy_is_done() {
        let mut output = Output::default();
        let put = |output: &mut Output| {
            let row = [7; 1000];
            let write = |out: &mut BytesMut| {
                out.extend_from_slice(&row);
                Ok(())
            };
            (0..100).for_each(|_| {
                output.copy_data(write).unwrap();
            });
            output.sent(100_005);
        };
        put(&mut output);
        let kept = output.capacity();
        assert!(kept >= 100_005, "{kept}");
        put(&mut output);
        assert_eq!(output.capacity(), kept);
        output.answer().extend_from_slice(b"done");
        output.sent(4);
        assert!(output.capacity() <= KEPT);
    }

    #[test]
    fn a_small_buffer_is_reused_and_a_large_one_given_back() {
        let mut output = Output::default();
        output.request().extend_from_slice(&[0; 1000]);
        output.sent(300);
        output.sent(700);
        let kept = output.capacity();
        assert!(kept >= 1000, "{kept}");
        output.request().extend_from_slice(&vec![0; 1_000_000]);
        output.sent(1_000_000);
        assert!(output.capacity() <= KEPT, "{}", output.capacity());
    }
}
