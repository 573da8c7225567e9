//! A session as its user sees it: statements, rows, and the verbs that run them.

pub(crate) mod lexer;
mod catalog;
mod column;
mod modifier;
mod places;
mod row;
mod owned_row;
mod values;
mod from_row;
mod field;
mod plan_cache;
mod starts;
mod rows;
#[cfg(feature = "serde")]
mod de;
mod text_rows;
mod statement;
mod staleness;
mod fetch;
mod source;
mod call;
mod named;
mod numbered;
mod statement_cache;
mod riders;
mod version;
#[cfg(feature = "sea-query")]
mod identity;
mod connection;
mod exchange;
mod observed;
mod bind;
mod portions;
mod literal;
mod mogrify;
mod row_stream;
mod owned_row_stream;
mod observed_stream;
mod decoded_stream;
mod look_up;
mod prepare;
mod collect;
mod run_simply;
mod at_once;
mod run;
mod query;
mod pipeline;
mod execute_many;
mod short;
mod simple;
mod notifications;
mod heartbeat;
mod reconnect;
mod listener;
mod state;
mod lending;
mod copy;
mod client;
mod transaction_options;
mod stage;
mod open_savepoint;
mod savepoint;
mod open_transaction;
mod transaction;
mod transact;
mod two_phase;
mod cursor;
mod large_object_call;
mod large_object;
mod large_objects;

pub use crate::session::call::Call;
pub(crate) use crate::session::catalog::Catalog;
pub use crate::session::client::Client;
#[cfg(all(test, feature = "sea-query"))]
pub(crate) use crate::session::column::tests::{
    column as test_column, column_of as test_column_of,
};
pub use crate::session::column::{Column, ColumnIndex};
pub use crate::session::connection::Connection;
pub use crate::session::copy::{
    CopyIn, CopyInRows, CopyInWriter, CopyOut, CopyOutReader, CopyOutRowStream, CopyOutRows,
    LogVerbosity, OnError, Progress, TableName,
};
pub use crate::session::cursor::{
    Cursor, Declare, Direction, ResultSet, Routine, Scroll, ServerCursor, ServerRows,
};
pub use crate::session::decoded_stream::DecodedStream;
pub use crate::session::fetch::Fetch;
pub use crate::session::field::{Field, Part, Place, has_places};
pub use crate::session::from_row::{FromRow, checked_column};
#[cfg(feature = "sea-query")]
pub(crate) use crate::session::identity::Identity;
pub use crate::session::large_object::LargeObject;
pub use crate::session::large_objects::{LargeObjectMode, LargeObjects};
pub use crate::session::listener::{Gap, Heard, Listener};
pub use crate::session::notifications::Notifications;
#[cfg(feature = "sea-query")]
pub(crate) use crate::session::open_savepoint::OpenSavepoint;
#[cfg(feature = "sea-query")]
pub(crate) use crate::session::open_transaction::{OpenTransaction, ended_within};
pub use crate::session::owned_row::OwnedRow;
pub use crate::session::owned_row_stream::OwnedRowStream;
pub use crate::session::pipeline::{AllResults, Demands, Item, Pipeline, Replies};
pub use crate::session::row::Row;
pub use crate::session::row_stream::RowStream;
pub use crate::session::rows::{Iter, Rows};
pub use crate::session::savepoint::Savepoint;
pub use crate::session::source::{CallOptions, Source, ToStatement};
pub use crate::session::statement::Statement;
pub use crate::session::transaction::Transaction;
pub use crate::session::transaction_options::{IsolationLevel, TransactionOptions};
#[cfg(feature = "sea-query")]
pub(crate) use crate::session::two_phase::check_xid;
pub use crate::session::values::Values;
