//! SeaQuery's statements on any session: built, bound to the types that the server expects, and run.
//!
//! [`SeaQuery`] adds verbs to whatever is a [`Client`](crate::Client), and to a [`Pool`](crate::Pool): they take the
//! statements of the crate [`sea_query`](::sea_query) as they are. Each value is encoded for the type that the server
//! expects, and what does not fit is an error; nothing is ever written as another value.
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
