//! A session as its user sees it: statements, rows, and the verbs that run them.

mod lexer;
mod column;
mod row;
mod from_row;
mod rows;
mod statement;
mod source;
mod named;
mod statement_cache;
mod riders;
mod connection;
mod bind;
mod row_stream;
mod prepare;
mod query;
mod simple;
mod client;
mod transaction_options;
mod savepoint;
mod transaction;
mod transact;
mod two_phase;

pub use crate::session::client::Client;
pub use crate::session::column::{Column, ColumnIndex};
pub use crate::session::connection::Connection;
pub use crate::session::from_row::{FromRow, checked_column};
pub use crate::session::row::{OwnedRow, Row};
pub use crate::session::row_stream::{OwnedRowStream, RowStream};
pub use crate::session::rows::{Iter, Rows};
pub use crate::session::savepoint::Savepoint;
pub use crate::session::source::{Source, ToStatement};
pub use crate::session::statement::Statement;
pub use crate::session::transaction::Transaction;
pub use crate::session::transaction_options::{IsolationLevel, TransactionOptions};
