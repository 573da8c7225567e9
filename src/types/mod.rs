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
//! | `inet`, `cidr` | [`Inet`], [`Cidr`], `IpAddr` | `with-cidr-...` |
//! | `macaddr`, `macaddr8` | [`MacAddr`], [`MacAddr8`] | `with-eui48-...` |
//! | `point`, `line`, `lseg`, `box`, `path`, `polygon`, `circle` | [`Point`], [`Line`], [`LineSegment`], [`Rectangle`], [`Path`], [`Polygon`], [`Circle`] | `with-geo-types-...` |
//! | `tsvector`, `tsquery` | [`TsVector`], [`TsQuery`] | |
//! | `hstore` | [`Hstore`], `HashMap<String, Option<String>>` | |
//! | every range, every multirange | [`Range`], [`Multirange`] | |
//! | every array | `Vec`, [`Array`] | |
//! | `record`, every composite type | [`Record`], and structs by [`FromRecord`] | |
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
mod oid;
mod own_type;
mod fit;
mod codec;
mod plain;
mod quote_element;
mod float_text;
mod array;
mod range;
mod record;
mod hstore;
mod geometry;
mod network;
mod tsvector;
mod tsquery;
mod named;
mod params;
mod quote;
mod text;

pub use crate::types::array::{Array, Dimension};
pub use crate::types::bits::Bits;
#[cfg(feature = "sea-query")]
pub(crate) use crate::types::codec::put_behind_length;
pub use crate::types::date::Date;
pub(crate) use crate::types::fit::{accepts, has_extremes, is_extreme, is_versioned, read};
pub use crate::types::geometry::{Circle, Line, LineSegment, Path, Point, Polygon, Rectangle};
pub use crate::types::hstore::Hstore;
pub use crate::types::identifier::{Cid, PgLsn, Tid, Xid, Xid8};
pub use crate::types::interval::Interval;
pub use crate::types::money::Money;
pub use crate::types::named::{__name, Named, NamedParams, Pairs};
pub use crate::types::network::{Cidr, Inet, MacAddr, MacAddr8};
pub use crate::types::numeric::Numeric;
pub(crate) use crate::types::oid::{is_unknown, type_of};
pub(crate) use crate::types::own_type::OwnType;
pub use crate::types::params::Params;
pub(crate) use crate::types::plain::{holds_arrays, is_sound, plain, write};
pub use crate::types::quote::{quote_identifier, quote_literal, quote_qualified};
pub use crate::types::range::{Multirange, Range};
pub use crate::types::record::{
    Fields, FromRecord, Record, accepts_field, accepts_record, read_record,
};
pub use crate::types::snapshot::PgSnapshot;
pub(crate) use crate::types::text::{binary_of, has_text_form, text_of};
pub use crate::types::time::Time;
pub use crate::types::time_tz::TimeTz;
pub use crate::types::timestamp::Timestamp;
pub use crate::types::timestamptz::Timestamptz;
pub use crate::types::tsquery::TsQuery;
pub use crate::types::tsvector::{Lexeme, Position, TsVector, Weight};
pub use crate::types::void::Void;
