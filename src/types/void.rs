//! `Void`: what functions return that return nothing.

use std::fmt;

use bytes::BytesMut;

use crate::error::Error;
use crate::types::wire_form::{WireForm, wire_form};
use crate::wire::Reader;

/// A `void`, so that `select pg_notify(...)` can be asked for its one value like any other.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use aiopg::types::Void;
///
/// let Void = connection.query_scalar("select pg_notify('news', $1)", ("hello",)).await?;
/// # Ok(()) }
/// ```
///
/// # Source
///
/// [Pseudo-types](https://www.postgresql.org/docs/18/datatype-pseudo.html)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "there is one value")]
pub struct Void;

impl fmt::Display for Void {
    /// Writes nothing, as the server does.
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl WireForm for Void {
    const NAME: &'static str = "void";

    fn read(_: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self)
    }

    fn write(&self, _: &mut BytesMut) -> Result<(), Error> {
        Ok(())
    }
}

wire_form!(Void: VOID);
