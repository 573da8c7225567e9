//! `Output`: the bytes that are to be sent.

use bytes::BytesMut;

/// What is kept of the buffer between requests; more is given back.
const KEPT: usize = 64 << 10;

/// The unsent bytes. They belong to the connection, never to the future of a caller.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: BytesMut,
    sent: usize,
    /// No byte of what is here has been sent.
    fresh: bool,
}

impl Output {
    /// The bytes that are still to be sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Notes that `count` bytes were sent.
    pub(crate) fn sent(&mut self, count: usize) {
        self.fresh &= count == 0;
        self.sent = self.sent.saturating_add(count);
        if self.sent >= self.bytes.len() {
            self.clear();
        }
    }

    /// The buffer to write a request to, which must be empty before. The request can be withdrawn until its
    /// first byte is sent.
    pub(crate) fn request(&mut self) -> &mut BytesMut {
        self.fresh = true;
        &mut self.bytes
    }

    /// The buffer to write to within a request that is being answered: this cannot be withdrawn.
    pub(crate) fn answer(&mut self) -> &mut BytesMut {
        self.fresh = false;
        &mut self.bytes
    }

    /// Takes back a request of which no byte was sent, and tells whether there was one.
    pub(crate) fn withdraw(&mut self) -> bool {
        let withdrawn = self.fresh && !self.bytes.is_empty();
        if withdrawn {
            self.clear();
        }
        withdrawn
    }

    /// Forgets everything: there is nobody to send it to.
    pub(crate) fn discard(&mut self) {
        self.bytes = BytesMut::new();
        self.sent = 0;
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
        if self.bytes.capacity() > KEPT {
            self.bytes = BytesMut::new();
        }
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
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
