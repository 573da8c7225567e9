//! Query, CommandComplete, EmptyQueryResponse, ReadyForQuery, Terminate.

use std::fmt;

use crate::error::Error;
use crate::message::codec::{Decode, Encode};
use crate::wire::{Reader, Writer};

/// Query: one text with any number of statements, answered in text format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    pub(crate) sql: &'a str,
}

impl Encode for Query<'_> {
    const IDENTIFIER: u8 = b'Q';

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.write_cstr(self.sql.as_bytes(), "the statement")
    }
}

/// Terminate: ends the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terminate;

impl Encode for Terminate {
    const IDENTIFIER: u8 = b'X';

    fn write(&self, _: &mut Writer<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// The longest command tag, without its zero byte: the server builds tags in a buffer of 64 bytes.
const MAX_TAG: usize = 63;

/// What the server says when a statement is complete, such as `INSERT 0 5`.
///
/// # Source
///
/// [CommandComplete](https://www.postgresql.org/docs/18/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-COMMANDCOMPLETE)
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CommandTag {
    text: [u8; MAX_TAG],
    length: u8,
}

impl CommandTag {
    /// Returns the whole tag.
    pub fn as_str(&self) -> &str {
        let text = self.text.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// Returns the number of rows that the statement touched: inserted, updated, deleted, merged, selected,
    /// fetched, moved or copied. Statements that count none, such as `CREATE TABLE`, give 0.
    pub fn rows(&self) -> u64 {
        let text = self.text.get(..usize::from(self.length)).unwrap_or_default();
        let word = text.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        let add = |rows: u64, digit: &u8| {
            let digit = digit.is_ascii_digit().then_some(u64::from(digit & 0x0f))?;
            rows.checked_mul(10)?.checked_add(digit)
        };
        word.iter().try_fold(0, add).unwrap_or(0)
    }

    /// The tag of a statement that had no text: EmptyQueryResponse stands in for CommandComplete.
    pub(crate) const EMPTY: Self = Self { text: [0; MAX_TAG], length: 0 };

    /// The tag in the body of CommandComplete, if it is a sound one.
    pub(crate) fn in_body(body: &[u8]) -> Option<Self> {
        Self::new(Self::text_in_body(body)?)
    }

    /// Whether the body of CommandComplete holds a sound tag.
    #[inline]
    pub(crate) fn is_in_body(body: &[u8]) -> bool {
        Self::text_in_body(body).is_some()
    }

    #[inline]
    fn text_in_body(body: &[u8]) -> Option<&[u8]> {
        let (0, text) = body.split_last()? else { return None };
        let sound = text.len() <= MAX_TAG && text.iter().all(|byte| matches!(byte, 1..0x80));
        sound.then_some(text)
    }

    /// The same tag with another number of rows.
    pub(crate) fn with_rows(self, rows: u64) -> Self {
        let counted = self.as_str().rsplit_once(' ');
        let Some((word, _)) = counted.filter(|(_, rows)| rows.parse::<u64>().is_ok()) else {
            return self;
        };
        Self::new(format!("{word} {rows}").as_bytes()).unwrap_or(self)
    }

    fn new(text: &[u8]) -> Option<Self> {
        let mut tag = Self { text: [0; MAX_TAG], length: u8::try_from(text.len()).ok()? };
        tag.text.get_mut(..text.len())?.copy_from_slice(text);
        Some(tag)
    }
}

impl fmt::Debug for CommandTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CommandTag").field(&self.as_str()).finish()
    }
}

impl fmt::Display for CommandTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// CommandComplete: a statement is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandComplete {
    pub(crate) tag: CommandTag,
}

impl<'a> Decode<'a> for CommandComplete {
    const TAG: u8 = b'C';
    const NAME: &'static str = "CommandComplete";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let text = reader.read_cstr()?;
        // It is English, whatever the language of errors.
        if !text.is_ascii() {
            return Err(reader.invalid("the tag is not ASCII"));
        }
        let tag = CommandTag::new(text);
        Ok(Self { tag: tag.ok_or_else(|| reader.invalid("the tag is too long"))? })
    }
}

/// What a session's transaction is doing, as the last ReadyForQuery said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the protocol closes the set")]
pub enum TransactionStatus {
    /// No transaction is open.
    Idle,
    /// A transaction is open.
    InTransaction,
    /// A transaction is open and has failed: everything but its end is refused.
    InError,
}

impl TransactionStatus {
    #[inline]
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        match code {
            b'I' => Some(Self::Idle),
            b'T' => Some(Self::InTransaction),
            b'E' => Some(Self::InError),
            _ => None,
        }
    }
}

/// ReadyForQuery: a request has been answered in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadyForQuery {
    pub(crate) status: TransactionStatus,
}

impl<'a> Decode<'a> for ReadyForQuery {
    const TAG: u8 = b'Z';
    const NAME: &'static str = "ReadyForQuery";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let status = TransactionStatus::from_code(reader.read_u8()?);
        let status = status.ok_or_else(|| reader.invalid("unrecognized transaction status"))?;
        Ok(Self { status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::codec::tests::check;

    impl<'a> Decode<'a> for Query<'a> {
        const TAG: u8 = b'Q';
        const NAME: &'static str = "Query";

        fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
            Ok(Self { sql: reader.read_str()? })
        }
    }

    impl<'a> Decode<'a> for Terminate {
        const TAG: u8 = b'X';
        const NAME: &'static str = "Terminate";

        fn read(_: &mut Reader<'a>) -> Result<Self, Error> {
            Ok(Self)
        }
    }

    impl Encode for CommandComplete {
        const IDENTIFIER: u8 = b'C';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            writer.write_cstr(self.tag.as_str().as_bytes(), "tag")
        }
    }

    impl Encode for ReadyForQuery {
        const IDENTIFIER: u8 = b'Z';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            writer.write_u8(match self.status {
                TransactionStatus::Idle => b'I',
                TransactionStatus::InTransaction => b'T',
                TransactionStatus::InError => b'E',
            });
            Ok(())
        }
    }

    #[test]
    fn simple_messages_round_trip() {
        check(&Query { sql: "select 1" }, b"Q\0\0\0\x0dselect 1\0");
        check(&Terminate, b"X\0\0\0\x04");
        let tag = CommandTag::new(b"SELECT 1").unwrap();
        check(&CommandComplete { tag }, b"C\0\0\0\x0dSELECT 1\0");
        check(&ReadyForQuery { status: TransactionStatus::Idle }, b"Z\0\0\0\x05I");
        check(&ReadyForQuery { status: TransactionStatus::InTransaction }, b"Z\0\0\0\x05T");
        check(&ReadyForQuery { status: TransactionStatus::InError }, b"Z\0\0\0\x05E");
    }

    #[test]
    fn an_unrecognized_transaction_status_is_refused() {
        assert!(ReadyForQuery::decode(b"X").is_err());
        assert!(ReadyForQuery::decode(b"II").is_err());
    }

    #[test]
    fn a_tag_counts_its_rows() {
        let rows = |text: &str| CommandTag::new(text.as_bytes()).unwrap().rows();
        assert_eq!(rows("INSERT 0 5"), 5);
        assert_eq!(rows("SELECT 18446744073709551615"), u64::MAX);
        assert_eq!(rows("COPY 3"), 3);
        assert_eq!(rows("CREATE TABLE"), 0);
        assert_eq!(rows("UPDATE -1"), 0);
        assert_eq!(CommandTag::EMPTY.rows(), 0);
    }

    #[test]
    fn a_tag_longer_than_the_servers_buffer_is_refused() {
        let text = |length| [vec![b'a'; length], vec![0]].concat();
        assert!(CommandComplete::decode(&text(63)).is_ok());
        for length in [64, 255, 256, 70_000] {
            assert!(CommandComplete::decode(&text(length)).is_err());
        }
    }

    #[test]
    fn a_tag_is_found_in_its_body_as_it_is_decoded() {
        let longest = [&[b'x'; MAX_TAG][..], b"\0"].concat();
        let too_long = [&[b'x'; MAX_TAG + 1][..], b"\0"].concat();
        let much_too_long = [&[b'x'; 300][..], b"\0"].concat();
        let bodies: [&[u8]; 9] = [
            b"SELECT 1\0",
            b"\0",
            &longest,
            b"",
            b"SELECT 1",
            b"SEL\0ECT 1\0",
            b"SEL\xe4\0",
            &too_long,
            &much_too_long,
        ];
        let decoded = |body| CommandComplete::decode(body).ok().map(|complete| complete.tag);
        let tags = bodies.map(CommandTag::in_body);
        assert_eq!(tags, bodies.map(decoded));
        assert_eq!(tags.map(|tag| tag.is_some()), [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|at| at < 3));
    }
}
