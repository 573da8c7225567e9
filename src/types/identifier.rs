//! `Xid`, `Xid8`, `Cid`, `Tid` and `PgLsn`: what identifies transactions, commands, rows and places in the log.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::wire_form::{WireForm, invalid_text, wire_form};
use crate::wire::Reader;

/// Makes a type that is a number.
macro_rules! number {
    (
        $(#[$meta:meta])*
        $type:ident($inner:ty), $name:literal, $accepted:ident, $read:ident, $put:ident
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[expect(clippy::exhaustive_structs, reason = "it is a number and nothing else")]
        pub struct $type(pub $inner);

        impl From<$inner> for $type {
            fn from(number: $inner) -> Self {
                Self(number)
            }
        }

        impl From<$type> for $inner {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        impl WireForm for $type {
            const NAME: &'static str = $name;

            fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
                reader.$read().map(Self)
            }

            fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
                out.$put(self.0);
                Ok(())
            }
        }

        wire_form!($type: $accepted);
    };
}

/// Gives such a type the text of its number.
macro_rules! decimal {
    ($($type:ident),+) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $type {
            type Err = Error;

            /// Reads decimal digits.
            fn from_str(text: &str) -> Result<Self, Error> {
                digits(text).and_then(|digits| digits.parse().ok()).map(Self).ok_or_else(invalid_text::<Self>)
            }
        }
    )+};
}

number! {
    /// An `xid`: the number of a transaction, which starts again after 2^32 of them, and so has no order.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aiopg::types::Xid(4_294_967_295).to_string(), "4294967295");
    /// ```
    ///
    /// # Source
    ///
    /// [Object identifier types](https://www.postgresql.org/docs/18/datatype-oid.html)
    Xid(u32), "xid", XID, read_u32, put_u32
}

number! {
    /// A `cid`: the number of a command in its transaction.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aiopg::types::Cid(7).to_string(), "7");
    /// ```
    ///
    /// # Source
    ///
    /// [Object identifier types](https://www.postgresql.org/docs/18/datatype-oid.html)
    Cid(u32), "cid", CID, read_u32, put_u32
}

number! {
    /// An `xid8`: the number of a transaction, counted from the beginning of the cluster.
    ///
    /// # Examples
    ///
    /// ```
    /// use aiopg::types::Xid8;
    ///
    /// assert!(Xid8(u64::MAX) > "18446744073709551614".parse::<Xid8>()?);
    /// # Ok::<(), aiopg::Error>(())
    /// ```
    ///
    /// # Source
    ///
    /// [Object identifier types](https://www.postgresql.org/docs/18/datatype-oid.html)
    #[derive(PartialOrd, Ord)]
    Xid8(u64), "xid8", XID8, read_u64, put_u64
}

number! {
    /// A `pg_lsn`: a place in the write-ahead log, in bytes from its beginning.
    ///
    /// # Examples
    ///
    /// ```
    /// use aiopg::types::PgLsn;
    ///
    /// let lsn: PgLsn = "16/B374D848".parse()?;
    /// assert_eq!((lsn.0, lsn.to_string()), (0x16_B374_D848, "16/B374D848".to_owned()));
    /// # Ok::<(), aiopg::Error>(())
    /// ```
    ///
    /// # Source
    ///
    /// [pg_lsn type](https://www.postgresql.org/docs/18/datatype-pg-lsn.html)
    #[derive(PartialOrd, Ord)]
    PgLsn(u64), "pg_lsn", PG_LSN, read_u64, put_u64
}

decimal!(Xid, Cid, Xid8);

impl fmt::Display for PgLsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & u64::from(u32::MAX))
    }
}

impl FromStr for PgLsn {
    type Err = Error;

    /// Reads two hexadecimal numbers of at most 32 bits with a slash between them.
    fn from_str(text: &str) -> Result<Self, Error> {
        let half = |digits: &str| -> Result<u64, ParseIntError> {
            // A sign would be taken, too.
            let digits = if digits.starts_with('+') { "" } else { digits };
            u32::from_str_radix(digits, 16).map(u64::from)
        };
        let halves =
            text.split_once('/').and_then(|(high, low)| half(high).ok().zip(half(low).ok()));
        halves.map(|(high, low)| Self(high << 32 | low)).ok_or_else(invalid_text::<Self>)
    }
}

impl From<postgres_types::PgLsn> for PgLsn {
    fn from(lsn: postgres_types::PgLsn) -> Self {
        Self(lsn.into())
    }
}

impl From<PgLsn> for postgres_types::PgLsn {
    fn from(lsn: PgLsn) -> Self {
        lsn.0.into()
    }
}

/// A `tid`: where a row is, as the column `ctid` has it. It changes when the row is updated.
///
/// # Examples
///
/// ```
/// use aiopg::types::Tid;
///
/// let tid = Tid { block: 4, offset: 2 };
/// assert_eq!(tid.to_string(), "(4,2)");
/// assert_eq!("(4,2)".parse::<Tid>()?, tid);
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Source
///
/// [System columns](https://www.postgresql.org/docs/18/ddl-system-columns.html)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "these are its parts")]
pub struct Tid {
    /// The number of the block in the table.
    pub block: u32,
    /// The number of the row in the block, counted from 1.
    pub offset: u16,
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.block, self.offset)
    }
}

impl FromStr for Tid {
    type Err = Error;

    /// Reads two numbers in parentheses.
    fn from_str(text: &str) -> Result<Self, Error> {
        let inside = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let parts = inside.and_then(|inside| inside.split_once(','));
        let parts = parts.and_then(|(block, offset)| {
            Some((digits(block)?.parse().ok()?, digits(offset)?.parse().ok()?))
        });
        let (block, offset) = parts.ok_or_else(invalid_text::<Self>)?;
        Ok(Self { block, offset })
    }
}

impl WireForm for Tid {
    const NAME: &'static str = "tid";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { block: reader.read_u32()?, offset: reader.read_u16()? })
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        out.put_u32(self.block);
        out.put_u16(self.offset);
        Ok(())
    }
}

wire_form!(Tid: TID);

/// `text`, if it consists of digits: Rust would take a sign, too.
fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_there_and_back() {
        assert_eq!("18446744073709551615".parse::<Xid8>().unwrap(), Xid8(u64::MAX));
        assert_eq!("4294967295".parse::<Xid>().unwrap(), Xid(u32::MAX));
        assert_eq!("FFFFFFFF/FFFFFFFF".parse::<PgLsn>().unwrap(), PgLsn(u64::MAX));
        assert_eq!(PgLsn(0).to_string(), "0/0");
        let tid = Tid { block: u32::MAX, offset: u16::MAX };
        assert_eq!(tid.to_string(), "(4294967295,65535)");
        assert_eq!("(4294967295,65535)".parse::<Tid>().unwrap(), tid);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "-1", "+1", "4294967296", "1 "] {
            assert!(text.parse::<Xid>().is_err(), "{text}");
            assert!(text.parse::<Cid>().is_err(), "{text}");
        }
        for text in ["", "1", "/", "1/", "1FFFFFFFF/0", "0/1FFFFFFFF", "+1/+1", "0/0/0"] {
            assert!(text.parse::<PgLsn>().is_err(), "{text}");
        }
        for text in ["", "()", "(1,65536)", "(1,2", "(+1,2)", "(1,2,3)"] {
            assert!(text.parse::<Tid>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_lsn_is_also_that_of_postgres_types() {
        let theirs = postgres_types::PgLsn::from(PgLsn(0x16_B374_D848));
        assert_eq!(theirs.to_string(), "16/B374D848");
        assert_eq!(PgLsn::from(theirs), PgLsn(0x16_B374_D848));
    }
}
