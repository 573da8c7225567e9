//! Values of PostgreSQL's types, whole: what the types of Rust and of other crates cannot hold.
//!
//! The value traits are [`ToSql`](postgres_types::ToSql) and [`FromSql`](postgres_types::FromSql). Whatever implements
//! them is a parameter and is read from a row. The types here do, beside those of `postgres_types` and of every crate
//! that builds on it. They hold every value that the server has: an infinity, a year before Christ, 24:00:00, a month
//! of no fixed length. Each of them prints the text that the server would, and reads it.
//!
//! | PostgreSQL | Rust | of other crates, by feature |
//! |---|---|---|
//! | `boolean` | `bool` | |
//! | `smallint`, `integer`, `bigint` | `i16`, `i32`, `i64` | |
//! | `real`, `double precision` | `f32`, `f64` | |
//! | `numeric` | [`Numeric`] | those that implement the traits themselves, such as `rust_decimal` |
//! | `money` | [`Money`] | |
//! | `text`, `varchar`, `char(n)`, `name`, `citext`, `ltree`, `lquery`, `ltxtquery` | `String`, `&str` | `with-smol_str-01` |
//! | `json`, `jsonb` | `String`, `&str` | `with-serde_json-1`: `Value`, `Json<T>` |
//! | `jsonpath`, `xml`, `refcursor`, every enum | `String`, `&str` | |
//! | `"char"` | `i8` | |
//! | `bytea` | `Vec<u8>`, `&[u8]` | |
//! | `bit`, `varbit` | [`Bits`] | `with-bit-vec-...` |
//! | `date` | [`Date`] | `with-chrono-0_4`, `with-time-...`, `with-jiff-...` |
//! | `time` | [`Time`] | the same |
//! | `timetz` | [`TimeTz`] | |
//! | `timestamp` | [`Timestamp`], `SystemTime` | the same as for `date` |
//! | `timestamptz` | [`Timestamptz`], `SystemTime` | the same |
//! | `interval` | [`Interval`] | |
//! | `uuid` | | `with-uuid-1`: `Uuid` |
//! | `oid`, `regclass` and the other aliases of `oid` | `u32` | |
//! | `xid`, `cid` | [`Xid`], [`Cid`], `u32` | |
//! | `xid8`, `tid`, `pg_lsn` | [`Xid8`], [`Tid`], [`PgLsn`] | |
//! | `pg_snapshot`, `txid_snapshot` | [`PgSnapshot`] | |
//! | `void` | [`Void`] | |
//! | `inet` | `IpAddr` | `with-cidr-...` |
//!
//! A value of a domain is read and written as one of its base type.
//!
//! # Infinity and other values that do not fit
//!
//! The times of `chrono`, `time` and `jiff`, and `SystemTime`, have no infinity: to read one is an error, and never a
//! date that is only far away. So is 24:00:00, and whatever is out of their range. Where such values are to be
//! expected, read the types here, or wrap the other in [`postgres_types::Date`] or [`postgres_types::Timestamp`],
//! which know the infinities and nothing more.
//!
//! ```no_run
//! # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
//! use aiopg::types::Timestamptz;
//!
//! let sql = "select max(coalesce(valid_until, 'infinity')) from licence";
//! let end: Timestamptz = connection.query_scalar(sql, ()).await?;
//! if end == Timestamptz::INFINITY {
//!     println!("for ever");
//! }
//! # Ok(()) }
//! ```

mod wire_form;
mod scan;
mod calendar;
mod date;
mod time;
mod time_tz;
mod timestamp;
mod timestamptz;
mod interval;
mod numeric;
mod money;
mod bits;
mod identifier;
mod snapshot;
mod void;
mod fit;
mod named;
mod params;
mod quote;

use postgres_types::{Kind, Oid, Type};

pub use crate::types::bits::Bits;
pub use crate::types::date::Date;
pub(crate) use crate::types::fit::{accepts, read, write};
pub use crate::types::identifier::{Cid, PgLsn, Tid, Xid, Xid8};
pub use crate::types::interval::Interval;
pub use crate::types::money::Money;
pub use crate::types::named::{__name, Named, NamedParams, Pairs};
pub use crate::types::numeric::Numeric;
pub use crate::types::params::Params;
pub use crate::types::quote::{quote_identifier, quote_literal, quote_qualified};
pub use crate::types::snapshot::PgSnapshot;
pub use crate::types::time::Time;
pub use crate::types::time_tz::TimeTz;
pub use crate::types::timestamp::Timestamp;
pub use crate::types::timestamptz::Timestamptz;
pub use crate::types::void::Void;

/// The type with this OID. One that is not built in gets a name that says so: its values can still be read
/// and written by types that accept it.
pub(crate) fn type_of(oid: Oid) -> Type {
    Type::from_oid(oid).unwrap_or_else(|| {
        Type::new(format!("oid {oid}"), oid, Kind::Simple, "pg_catalog".to_owned())
    })
}
