//! `Fetch`: how many rows a stream asks for at a time.

use std::num::NonZeroU32;

/// How many rows a stream asks the server for at a time.
///
/// Without it the server computes the whole result and sends it as fast as it is taken, so that a stream that is read
/// slowly keeps the server busy in the midst of sending. In portions it rests between them, and what is not asked for
/// is not computed, as far as the plan allows.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use aiopg::{Call, Fetch};
///
/// let all = Call::new("select id, picture from city").fetch(Fetch::bytes(1 << 20).prefetch());
/// let mut rows = connection.stream(all, ()).await?;
/// while let Some(row) = rows.next().await? {
///     println!("{} has {} bytes", row.get::<i32>(0), row.get::<&[u8]>(1).len());
/// }
/// # Ok(()) }
/// ```
///
/// # Messages
///
/// Execute and Flush for each portion: a round trip, which [`prefetch`](Self::prefetch) hides. Sync comes at the end, so
/// that outside a transaction the whole stream is one.
///
/// # Source
///
/// [Execute](https://www.postgresql.org/docs/18/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-EXECUTE)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub(crate) portion: Portion,
    pub(crate) ahead: Ahead,
}

/// How large a portion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Portion {
    Rows(NonZeroU32),
    /// As many rows as will take about so many bytes, going by those that have come.
    Bytes(usize),
}

/// When the next portion is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ahead {
    WhenTaken,
    /// While the one before is still being taken.
    Earlier,
}

impl Fetch {
    /// Asks for `rows` rows at a time.
    #[must_use]
    pub fn rows(rows: NonZeroU32) -> Self {
        Self { portion: Portion::Rows(rows), ahead: Ahead::WhenTaken }
    }

    /// Asks for as many rows at a time as will take about `bytes`, going by those that have come; for 100 at first, and
    /// for one at least.
    #[must_use]
    pub fn bytes(bytes: usize) -> Self {
        Self { portion: Portion::Bytes(bytes), ahead: Ahead::WhenTaken }
    }

    /// Asks for the next portion while the one before is being taken, so that no round trip is waited for.
    #[must_use]
    pub fn prefetch(mut self) -> Self {
        self.ahead = Ahead::Earlier;
        self
    }
}
