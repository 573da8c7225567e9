//! PostgreSQL for any async runtime.

mod error;
mod wire;
mod message;
mod types;
mod auth;
mod config;
mod flow;
mod connection;
mod session;
pub mod rt;

pub use postgres_types;

pub use aiopg_runtime::{AnyRuntime, ByteStream, Runtime};

pub use crate::config::{Config, Host, OnDrop};
pub use crate::error::{Attempt, Error, Kind, ServerError, SqlState};
pub use crate::message::{CommandTag, Format, TransactionStatus};
pub use crate::session::{
    Client, Column, ColumnIndex, Connection, FromRow, Iter, OwnedRow, OwnedRowStream, Row,
    RowStream, Rows, Source, Statement, ToStatement, checked_column,
};
pub use crate::types::Params;
