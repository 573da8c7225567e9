//! The few messages that the floors speak, as plain bytes.

/// A message: its tag, its length, its body.
fn message(tag: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut bytes = vec![tag];
    bytes.extend(length(body.len() + 4));
    bytes.extend(body);
    bytes
}

fn length(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes()
}

/// StartupMessage of protocol 3.0, which has no tag.
pub(crate) fn startup(user: &str, dbname: &str) -> Vec<u8> {
    let body = [b"\0\x03\0\0user\0", user.as_bytes(), b"\0database\0", dbname.as_bytes(), b"\0\0"]
        .concat();
    [&length(body.len() + 4)[..], &body].concat()
}

/// Parse, for a statement called `s`, and Sync.
pub(crate) fn parse(sql: &str) -> Vec<u8> {
    [message(b'P', &[b"s\0", sql.as_bytes(), b"\0\0\0"]), message(b'S', &[])].concat()
}

/// Bind, Execute and Sync, built once, for the statement `s` with one int4; every result in binary.
pub(crate) struct Run {
    bytes: Vec<u8>,
}

/// What stands before the value: tag and length of Bind, portal, statement, formats, count, the value's length.
const BEFORE_VALUE: usize = 5 + 1 + 2 + 4 + 2 + 4;

impl Run {
    pub(crate) fn new() -> Self {
        let bind = message(
            b'B',
            &[b"\0s\0", b"\0\x01\0\x01", b"\0\x01\0\0\0\x04", &[0; 4], b"\0\x01\0\x01"],
        );
        let execute = message(b'E', &[b"\0\0\0\0\0"]);
        Self { bytes: [bind, execute, message(b'S', &[])].concat() }
    }

    /// The messages with this value.
    pub(crate) fn with(&mut self, value: i32) -> &[u8] {
        if let Some(place) = self.bytes.get_mut(BEFORE_VALUE..BEFORE_VALUE + 4) {
            place.copy_from_slice(&value.to_be_bytes());
        }
        &self.bytes
    }
}

/// Walks over the headers in `bytes`: how many rows there are, once ReadyForQuery has come.
pub(crate) fn rows_when_ready(mut bytes: &[u8]) -> Option<u32> {
    let mut rows = 0;
    loop {
        let (tag, rest) = bytes.split_first()?;
        let length = u32::from_be_bytes(*rest.first_chunk()?);
        let (_, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        match tag {
            b'D' => rows += 1,
            b'Z' => return Some(rows),
            _ => {}
        }
        bytes = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_stands_in_its_place() {
        let mut run = Run::new();
        let at = run.with(0x0102_0304).windows(4).position(|bytes| bytes == [1, 2, 3, 4]);
        assert_eq!(at, Some(BEFORE_VALUE));
        assert_eq!(run.with(0)[BEFORE_VALUE - 4..BEFORE_VALUE], [0, 0, 0, 4]);
    }

    #[test]
    fn rows_are_counted_when_the_reply_is_complete() {
        let reply = [message(b'D', &[b"abc"]), message(b'Z', &[b"I"])].concat();
        assert_eq!(rows_when_ready(&reply), Some(1));
        for end in 0..reply.len() {
            assert_eq!(rows_when_ready(&reply[..end]), None);
        }
    }
}
