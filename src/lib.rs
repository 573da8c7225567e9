//! PostgreSQL for any async runtime: tokio, async-std, smol, or your own.
//!
//! A [`Connection`] is one session. Statements are prepared at their first use and kept; parameters are tuples,
//! slices or [`params!`] of any [`ToSql`](postgres_types::ToSql) values; rows are lent as they arrive, owned as a
//! whole, or converted into tuples and structs by [`FromRow`]. [`Connection::copy_in`] loads many rows at once.
//! [`Client`] is the trait for functions that run statements and care neither about the runtime nor about who lends
//! the session. [`Config`] tells what a connection string may hold, [`Kind`] what to do about an [`Error`].
//!
//! # Examples
//!
//! ```no_run
//! # #[cfg(feature = "tokio")]
//! use aiopg::rt::Tokio;
//! use aiopg::{Client, Connection, Error};
//!
//! # #[cfg(feature = "tokio")]
//! #[tokio::main]
//! async fn main() -> Result<(), Error> {
//!     let url = "postgresql://ada:secret@localhost/db";
//!     let mut connection = Connection::connect(Tokio::current(), url).await?;
//!     println!("{:?}", name_of(&mut connection, 1).await?);
//!     connection.close().await
//! }
//! # #[cfg(not(feature = "tokio"))]
//! # fn main() {}
//!
//! /// Works on every runtime.
//! async fn name_of(client: &mut impl Client, id: i32) -> Result<Option<String>, Error> {
//!     let row = client.query_opt("select name from city where id = $1", (id,)).await?;
//!     row.map(|row| row.try_get("name")).transpose()
//! }
//! ```
//!
//! # Features
//!
//! None is on by default. Each runtime's feature adds its adapter under [`rt`] and changes nothing else, so all
//! may be on at once; with none of them the dependency tree holds no runtime. The runtime is a value that is
//! passed to [`Connection::connect`]; nothing is guessed from the thread, and nothing but `connect` names it.
//!
//! `tls-ring` and `tls-aws-lc` add TLS by rustls with the cryptography they are named after; `tls` alone leaves
//! that to the program.
//!
//! `derive` adds `#[derive(FromRow)]`, `#[derive(Params)]` and their like, `serde` adds
//! `deserialize` to rows; `with-...` lets the types of other crates be parameters and values. `sea-query` lets the
//! statements of that crate be run as they are, and adds engines and tables. `tracing` adds spans and events.
//!
//! # Observability
//!
//! With the feature `tracing` each operation has a span of that crate: of the level INFO, with the target `aiopg`, named
//! after the verb: `query`, `execute`, `stream`, `copy_in`, `commit`, `connect`, `cancel`, `acquire`. It stands within the
//! span of its caller and is entered only while the operation is polled; that of a stream ends with the stream. Its fields
//! are OpenTelemetry's for databases:
//!
//! | field | value |
//! |---|---|
//! | `db.system.name` | `postgresql` |
//! | `db.operation.name` | the verb, as the span is named |
//! | `db.namespace` | the database that the session was opened with; it has no schema, since `search_path` can change |
//! | `db.query.text` | the text of the statement; of a pipeline, all of them |
//! | `db.operation.batch.size` | how many there are in a pipeline, if more than one |
//! | `db.response.returned_rows` | how many rows came |
//! | `db.response.status_code` | the SQLSTATE, if the server reported an error |
//! | `error.type` | that, or the name of the [`Kind`] |
//! | `otel.status_code`, `otel.kind` | `ERROR` if it failed; `client`, or `internal` for `acquire` |
//! | `server.address`, `server.port` | the host as the program calls it |
//! | `network.peer.address`, `network.peer.port` | the address that was dialed, unless it is a path |
//! | `aiopg.process_id` | the process ID of the session's backend |
//! | `aiopg.affected_rows` | how many rows `execute`, `execute_many` or a copy touched |
//! | `aiopg.encrypted`, `aiopg.attempts` | of `connect`: whether TLS is used, and how many addresses were tried |
//! | `aiopg.abandoned` | `true` if the future or the stream was dropped before its end |
//!
//! Events have targets of their own: `aiopg::echo` and `aiopg::slow` are what [`Config::echo`] and
//! [`Config::slow_statement`] ask for, `aiopg::connect` is an address that opened no session, `aiopg::event` any other
//! [`Event`]. Without the feature, [`Config::on_event`] hears all of these but `aiopg::connect`.
//!
//! No value of a parameter is ever told, unless [`Echo::StatementsAndParameters`] asks for it; passwords are not in any case.
//! What stands in the text of a statement is shown, so what is secret belongs in a parameter. Where no subscriber looks, a
//! span costs neither an allocation nor a look at the clock; where none is installed, and without the feature, there is
//! no span at all.
//!
//! # Cancel safety
//!
//! Every future may be dropped at every await point: by `select!`, by a timeout, by a task that is aborted. A
//! request of which no byte was sent is taken back and never runs. For one that was sent, the reply is read off
//! before the next request, and until then the server is asked to cancel the statement; [`OnDrop`] offers other
//! choices. The session stays usable, or it is closed and says why. No reply ever reaches a caller that it does
//! not belong to.
//!
//! # Implementation
//!
//! The protocol is a machine without I/O: bytes in, messages out. It knows no clock, no socket and no runtime.
//! One layer above it a channel moves its bytes through the caller's own poll: there is no task and no queue
//! between a statement and the socket, so a short query costs one write, one wake-up and one read. A connection
//! works under any `block_on` and does nothing while nobody polls it.
//!
//! Every operation takes `&mut self`, so that nobody's statement can come between those of a transaction, and no
//! reply can be waited for twice. For work at the same time there is [`Pool`], which lends sessions; a result that was
//! collected owns its rows and leaves its connection free.
//!
//! The server is not trusted: a length is checked before anything is allocated for it, a message that is broken
//! or out of place ends the session with [`Kind::Protocol`], and whatever a connection keeps has a limit. The
//! crate holds no `unsafe` code.

mod error;
mod wire;
mod message;
pub mod types;
mod auth;
mod config;
mod flow;
mod observe;
mod connection;
mod session;
mod pool;
#[cfg(feature = "sea-query")]
pub mod sea_query;
pub mod rt;

pub use postgres_types;

#[cfg(feature = "derive")]
pub use aiopg_derive::{FromRecord, FromRow, Params};
pub use aiopg_runtime::{AnyRuntime, ByteStream, Runtime};

pub use crate::config::{
    AuthMethod, ChannelBinding, Config, Echo, Event, Host, Keepalives, LoadBalanceHosts, OnDrop,
    ProtocolVersion, RequireAuth, SslCertMode, SslMode, SslNegotiation, SslSni, SslVersion,
    StatementMode, TargetSessionAttrs, UseEnvironment,
};
pub use crate::connection::CancelToken;
pub use crate::error::{Attempt, Error, Kind, ServerError, SqlState};
pub use crate::flow::Notification;
pub use crate::message::{CommandTag, Format, TransactionStatus};
pub use crate::pool::{
    CloseReason, IdleOrder, Liveness, Pool, PoolOptions, PoolStats, PooledConnection, Reset,
    SplitPool, Verdict, WAIT_BOUNDS, WhenDown,
};
pub use crate::session::{
    AllResults, Call, CallOptions, Client, Column, ColumnIndex, Connection, Cursor, Declare,
    DecodedStream, Demands, Direction, Fetch, FromRow, Gap, Heard, IsolationLevel, Item, Iter,
    Listener, Notifications, OwnedRow, OwnedRowStream, Pipeline, Replies, ResultSet, Routine, Row,
    RowStream, Rows, Savepoint, Scroll, ServerCursor, ServerRows, Source, Statement, ToStatement,
    Transaction, TransactionOptions, checked_column,
};
pub use crate::session::{
    CopyIn, CopyInRows, CopyInWriter, CopyOut, CopyOutReader, CopyOutRowStream, CopyOutRows,
    LogVerbosity, OnError, Progress, TableName,
};
pub use crate::session::{LargeObject, LargeObjectMode, LargeObjects};
#[doc(hidden)]
pub use crate::types::__name;
pub use crate::types::{
    FromRecord, Named, NamedParams, Pairs, Params, quote_identifier, quote_literal, quote_qualified,
};

/// What the derives write calls to. It is no part of the interface and may change at any time.
#[doc(hidden)]
pub mod derived {
    pub use crate::session::{Field, Part, Place, Values, has_places};
}

/// Holds the programs of the README, so that they are compiled with those of the documentation.
#[cfg(all(
    doctest,
    feature = "tokio",
    feature = "async-std",
    feature = "smol",
    feature = "derive",
    feature = "sea-query"
))]
#[doc = include_str!("../README.md")]
struct Readme;
