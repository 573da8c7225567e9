//! SeaQuery's statements on any session: built, bound to the types that the server expects, and run.
//!
//! [`SeaQuery`] adds verbs to whatever is a [`Client`](crate::Client), and to a [`Pool`](crate::Pool): they take the
//! statements of the crate [`sea_query`] as they are. Each value is encoded for the type that the server
//! expects, and what does not fit is an error; nothing is ever written as another value.
//!
//! A [`TableDef`] names a table and its columns once, and `#[derive(Table)]` makes one of a struct (feature `derive`): it
//! creates the table, fills in defaults on insert and what changes on update, and says what columns are called in rows.
//! Its statements are SeaQuery's.
//!
//! # Values
//!
//! The type that the server expects decides how a value is written. One that does not fit is refused before the
//! statement is run; the error names the parameter, its column where the statement tells it, and the kind of the value, never the
//! value itself.
//!
//! | kind of `Value` | types that take it |
//! |---|---|
//! | NULL of every kind | all |
//! | `Bool` | `bool` |
//! | `TinyInt` to `BigInt`, `TinyUnsigned` to `BigUnsigned` | `int2`, `int4`, `int8`, `oid`, `regclass` and the other aliases of `oid`, `xid8`, each if it is in the range; `numeric`; `float4` and `float8` if one of them is just that number; `text`, `varchar` and `char(n)`, as digits |
//! | `Float`, `Double` | `float8`; `float4` if it is the same number, or has the same digits as 0.1 has; `numeric`, as the shortest number that stands for this float and no other |
//! | `Decimal`, `BigDecimal` | `numeric` with all digits and the scale; `float4` and `float8` if they keep all digits |
//! | `String`, `Char` | `text`, `varchar`, `char(n)`, `name`, `xml`, `refcursor`, `citext`, `ltree`, `lquery`, `ltxtquery`; every enum; `"char"` if it is one byte; `json`, `jsonb` and `jsonpath`, whose text it is |
//! | `Enum` | the enum of its name; text as above |
//! | `Bytes` | `bytea` |
//! | `Json` | `json`, `jsonb` |
//! | `Uuid` | `uuid` |
//! | `ChronoDate`, `TimeDate`, `JiffDate` | `date` |
//! | `ChronoTime`, `TimeTime`, `JiffTime` | `time` |
//! | `ChronoDateTime`, `TimeDateTime`, `JiffDateTime` | `timestamp`, never `timestamptz`: no zone is known |
//! | `ChronoDateTimeUtc`, `ChronoDateTimeLocal`, `ChronoDateTimeWithTimeZone`, `TimeDateTimeWithTimeZone`, `JiffTimestamp` | `timestamptz`, never `timestamp`: the zone of the session would shift it |
//! | `IpNetwork` | `inet`; `cidr` if no bit is set behind the prefix |
//! | `MacAddress` | `macaddr` |
//! | `Vector` | `vector` of the extension pgvector |
//! | `Range` | every range over numbers that takes its bounds, by the rules above; not one without any bound, which its crate calls empty |
//! | `Array` | every array whose elements take those of the value; arrays in it make further dimensions |
//!
//! A domain takes what its base type takes. Times are cut to microseconds, towards the past. Kinds for the types of other
//! crates need their feature, such as `with-chrono-0_4`, and `Range` needs `with-sea-query-postgres-types-0_1`.
//!
//! For every other type let the server read a text: `Expr::val("1 day").cast_as("text").cast_as("interval")`. Where
//! nothing tells the type of a parameter, as in `SELECT $1`, the server takes it for text: say it by `cast_as`.
//!
//! In [`StatementMode::Simple`](crate::StatementMode::Simple) nobody knows which type is expected. There each value is a
//! literal of the type that is most like its own, such as `int8` for `BigInt`, and the server converts it by the rules of
//! SQL: `1.5::float8` is rounded in a column of integers and keeps 15 digits in one of type `numeric`, a `Float` 6, and
//! an instant is shifted in a column of type `timestamp`.
//!
//! # Definitions
//!
//! Values in definitions, such as the default of a column, are written into the text by SeaQuery itself, and so is what
//! is given as `Expr::Constant`. Text, JSON, numbers and times come out right, whatever is in them and however
//! `standard_conforming_strings` is set. These do not in version 1.0, so write them as text in an `Expr::cust`: a `Char`
//! beyond ASCII, which panics or becomes another; a `Range`, whose inclusive bounds become exclusive and the other way
//! round; a `Float` or `Double` that is no finite number; `Bytes` while `standard_conforming_strings` is off; text with
//! a NUL. An `Array` of enums panics while it is built if there is a NULL in it. The names of types in `cast_as`, `as_enum`, `Enum` and `ColumnDef::custom` are put into the text as they are,
//! so they must never come from outside.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
//! use aiopg::sea_query::SeaQuery;
//! use sea_query::{Expr, ExprTrait, Query};
//!
//! let cities = Query::select()
//!     .columns(["id", "name"])
//!     .from("city")
//!     .and_where(Expr::col("inhabitants").gt(100_000))
//!     .take();
//! let rows = connection.query_built_as::<(i32, String)>(&cities).await?;
//! # drop(rows);
//! # Ok(()) }
//! ```
//!
//! # Engines
//!
//! An [`Engine`] is a pool whose sessions execute raw SQL and SeaQuery's statements alike, as those of aiopg's `sa` layer
//! do: [`Executable`] says what there is, and which parameters it takes. What comes of it is a [`ResultSet`] of
//! [`ResultRow`]s: by position, name or column ([`col`]), as a map, as a tuple.
//!
//! ```no_run
//! # async fn example(runtime: impl aiopg::Runtime) -> Result<(), aiopg::Error> {
//! use aiopg::sea_query::{col, create_engine};
//! use aiopg::{PoolOptions, named};
//! use sea_query::Query;
//!
//! let engine = create_engine(runtime, "postgresql://ada@localhost/shop", PoolOptions::new()).await?;
//! let mut connection = engine.acquire().await?;
//!
//! let insert = Query::insert().into_table("city").take();
//! connection.execute(&insert, named! { id: 1_i32, name: "Wien" }).await?;
//!
//! let select = Query::select().columns(["id", "name"]).from("city").take();
//! let mut cities = connection.execute(&select, ()).await?;
//! while let Some(city) = cities.fetch_one()? {
//!     println!("{}: {}", city.get::<i32>(0), city.get::<&str>(col("name")));
//! }
//! # Ok(()) }
//! ```

mod binder;
mod bound;
mod column;
mod built;
mod execution;
mod given;
mod build_statement;
mod verbs;
mod pool;
mod executable;
mod col;
mod cell;
mod same;
mod result_row;
mod result_set;
mod nesting;
mod engine_connection;
mod transaction;
mod two_phase;
mod engine;
mod table;

pub use crate::sea_query::bound::Bound;
pub use crate::sea_query::build_statement::BuildStatement;
pub use crate::sea_query::built::{Built, StatementKind};
pub use crate::sea_query::cell::{Cell, Cells};
pub use crate::sea_query::col::{Col, col, labeled};
pub use crate::sea_query::engine::{Engine, create_engine};
pub use crate::sea_query::engine_connection::EngineConnection;
pub use crate::sea_query::executable::Executable;
pub use crate::sea_query::execution::Execution;
pub use crate::sea_query::result_row::ResultRow;
pub use crate::sea_query::result_set::{ResultRows, ResultSet};
pub use crate::sea_query::table::{
    ColumnIden, ColumnValue, EnumType, Insert, RowValues, Table, TableColumn, TableDef, Update,
};
pub use crate::sea_query::transaction::EngineTransaction;
pub use crate::sea_query::two_phase::{PreparedTransaction, TwoPhaseTransaction};
pub use crate::sea_query::verbs::SeaQuery;
#[cfg(feature = "derive")]
pub use aiopg_derive::{EnumType, Table};

/// What the derives write calls to. It is no part of the interface and may change at any time.
#[doc(hidden)]
pub mod derived {
    pub use sea_query::value::postgres_array::NotU8;
    pub use sea_query::{
        ArrayType, ColumnType, DynIden, Enum, Expr, Nullable, OptionEnum, TypeRef,
    };
    pub use sea_query::{Value, ValueType, ValueTypeErr};

    #[cfg(feature = "with-serde_json-1")]
    pub use crate::sea_query::table::json;
    pub use crate::sea_query::table::{
        convert, converted_type, enum_column, from_label, is_nullable_by, to_label,
    };
}
