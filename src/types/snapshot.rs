//! `PgSnapshot`: which transactions a snapshot sees.

use std::fmt;
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::identifier::Xid8;
use crate::types::wire_form::{WireForm, invalid_text, out_of_range, wire_form};
use crate::wire::Reader;

/// A `pg_snapshot`, or a `txid_snapshot`: which transactions were over when it was taken.
///
/// # Examples
///
/// ```
/// use aiopg::types::{PgSnapshot, Xid8};
///
/// let snapshot: PgSnapshot = "100:104:100,102".parse()?;
/// assert_eq!(snapshot.xmin, Xid8(100));
/// assert_eq!(snapshot.to_string(), "100:104:100,102");
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Snapshot components](https://www.postgresql.org/docs/18/functions-info.html#FUNCTIONS-PG-SNAPSHOT-PARTS)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "these are its parts")]
pub struct PgSnapshot {
    /// The lowest transaction that was in progress: all before it were over.
    pub xmin: Xid8,
    /// The first transaction that had not begun.
    pub xmax: Xid8,
    /// The transactions between these two that were in progress, in rising order.
    pub in_progress: Vec<Xid8>,
}

impl fmt::Display for PgSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (index, xid) in self.in_progress.iter().enumerate() {
            write!(f, "{}{xid}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for PgSnapshot {
    type Err = Error;

    /// Reads the text that PostgreSQL writes.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |_| invalid_text::<Self>();
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (xmin, xmax, list) = (part(), part(), part());
        let in_progress = if list.is_empty() {
            Vec::new()
        } else {
            list.split(',').map(str::parse).collect::<Result<_, _>>().map_err(invalid)?
        };
        let xmin = xmin.parse().map_err(invalid)?;
        Ok(Self { xmin, xmax: xmax.parse().map_err(invalid)?, in_progress })
    }
}

impl WireForm for PgSnapshot {
    const NAME: &'static str = "pg_snapshot";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let count = usize::try_from(reader.read_i32()?).map_err(|_| out_of_range::<Self>())?;
        let (xmin, xmax) = (Xid8::read(reader)?, Xid8::read(reader)?);
        if Some(reader.remaining()) != count.checked_mul(8) {
            return Err(reader.invalid("its length is not that of its transactions"));
        }
        let in_progress = (0..count).map(|_| Xid8::read(reader)).collect::<Result<_, _>>()?;
        Ok(Self { xmin, xmax, in_progress })
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        out.put_i32(i32::try_from(self.in_progress.len()).map_err(|_| out_of_range::<Self>())?);
        self.xmin.write(out)?;
        self.xmax.write(out)?;
        self.in_progress.iter().try_for_each(|xid| xid.write(out))
    }
}

wire_form!(PgSnapshot: PG_SNAPSHOT, TXID_SNAPSHOT);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::wire_form::read_whole;

    #[test]
    fn snapshots_have_the_text_that_postgresql_gives_them() {
        for text in ["1:1:", "100:1000:100,200,300,400", "1:18446744073709551615:5"] {
            assert_eq!(text.parse::<PgSnapshot>().unwrap().to_string(), text);
        }
        for text in ["", "1", "1:2", "1:2:3:4", "1:2:,", "1:2:3,", "a:2:", "1:2:3, 4"] {
            let read = text.parse::<PgSnapshot>();
            assert!(read.is_err() || text == "1:2", "{text}");
        }
    }

    #[test]
    fn a_count_that_lies_is_refused() {
        let body = [&0x7fff_ffff_i32.to_be_bytes()[..], &[0; 24]].concat();
        assert!(read_whole::<PgSnapshot>(&body).is_err());
        let body = [&(-1_i32).to_be_bytes()[..], &[0; 16]].concat();
        assert!(read_whole::<PgSnapshot>(&body).is_err());
    }
}
