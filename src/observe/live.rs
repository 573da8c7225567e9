//! `Span` with the feature `tracing`: a span of that crate, with the attributes of OpenTelemetry.
//!
//! # Source
//!
//! [Semantic conventions for PostgreSQL](https://opentelemetry.io/docs/specs/semconv/db/postgresql/)

use std::net::SocketAddr;

use tracing::field::Empty;
use tracing::level_filters::LevelFilter;

use crate::error::Error;
use crate::flow::Encryption;
use crate::observe::operation::{About, Operation};

/// What is told of a session's server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Server {
    address: Option<String>,
    port: Option<u16>,
    namespace: Option<String>,
    peer: Option<SocketAddr>,
    encrypted: Option<bool>,
    attempts: usize,
}

impl Server {
    /// A server of which nothing is known.
    pub(crate) fn of_nothing() -> &'static Self {
        static NOTHING: Server = Server {
            address: None,
            port: None,
            namespace: None,
            peer: None,
            encrypted: None,
            attempts: 0,
        };
        &NOTHING
    }

    /// A server of which no more is known than the database.
    pub(crate) fn of_database(dbname: &str) -> Self {
        Self { namespace: Some(dbname.to_owned()), ..Self::default() }
    }

    /// The host as the program calls it.
    pub(crate) fn at(mut self, host: &impl ToString, port: u16, peer: Option<SocketAddr>) -> Self {
        (self.address, self.port, self.peer) = (Some(host.to_string()), Some(port), peer);
        self
    }

    pub(crate) fn protected_by(mut self, encryption: Encryption) -> Self {
        self.encrypted = Some(encryption != Encryption::Plain);
        self
    }

    /// Tells how many addresses were tried before this one.
    pub(crate) fn found_after(&mut self, failed: usize) {
        self.attempts = failed + 1;
    }
}

/// The span of an operation.
pub(crate) struct Span(tracing::Span);

macro_rules! spans {
    ($operation:expr, $server:expr, $about:expr; $($variant:ident = $name:literal,)+) => {
        match $operation {$(
            Operation::$variant => tracing::info_span!(
                target: "aiopg",
                $name,
                otel.kind = kind($operation),
                otel.status_code = Empty,
                db.system.name = "postgresql",
                db.operation.name = $name,
                db.operation.batch.size = $about.batch.filter(|size| *size > 1),
                db.namespace = $server.namespace.as_deref(),
                db.query.text = $about.sql,
                db.response.status_code = Empty,
                db.response.returned_rows = Empty,
                error.type = Empty,
                server.address = $server.address.as_deref(),
                server.port = $server.port,
                network.peer.address = $server.peer.map(|peer| tracing::field::display(peer.ip())),
                network.peer.port = $server.peer.map(|peer| peer.port()),
                aiopg.process_id = $about.process_id,
                aiopg.affected_rows = Empty,
                aiopg.abandoned = Empty,
                aiopg.encrypted = Empty,
                aiopg.attempts = Empty,
            ),
        )+}
    };
}

impl Span {
    pub(crate) fn none() -> Self {
        Self(tracing::Span::none())
    }

    /// Whether anybody may look at one: without a subscriber nobody does.
    #[inline]
    pub(crate) fn is_wanted() -> bool {
        LevelFilter::current() >= LevelFilter::INFO
    }

    /// Opens a span, within the one that the caller is in.
    pub(crate) fn open(operation: Operation, server: &Server, about: About<'_>) -> Self {
        Self(spans!(operation, server, about;
            Acquire = "acquire",
            BatchExecute = "batch_execute",
            Cancel = "cancel",
            Close = "close",
            Commit = "commit",
            CommitPrepared = "commit_prepared",
            Connect = "connect",
            CopyIn = "copy_in",
            CopyOut = "copy_out",
            Execute = "execute",
            ExecuteMany = "execute_many",
            Pipeline = "pipeline",
            PipelineEach = "pipeline_each",
            Prepare = "prepare",
            PrepareTransaction = "prepare_transaction",
            Query = "query",
            QueryOne = "query_one",
            QueryOpt = "query_opt",
            QueryScalar = "query_scalar",
            QueryTyped = "query_typed",
            ReleaseSavepoint = "release_savepoint",
            Rollback = "rollback",
            RollbackPrepared = "rollback_prepared",
            RollbackToSavepoint = "rollback_to_savepoint",
            SimpleQuery = "simple_query",
            Stream = "stream",
        ))
    }

    /// Whether somebody looks at it.
    pub(crate) fn is_seen(&self) -> bool {
        !self.0.is_disabled()
    }

    /// Runs `poll` within the span. It is left when `poll` returns, so it is never held while somebody waits.
    pub(crate) fn scope<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.0.in_scope(poll)
    }

    /// Tells the text, where it is made only for that.
    pub(crate) fn text(&self, sql: &str) {
        self.0.record("db.query.text", sql);
    }

    /// Tells the database, where it becomes known only later.
    pub(crate) fn namespace(&self, dbname: &str) {
        self.0.record("db.namespace", dbname);
    }

    /// Tells how the session was found that a new connection has.
    pub(crate) fn connected(&self, server: &Server) {
        self.0.record("server.address", server.address.as_deref());
        self.0.record("server.port", server.port);
        if let Some(peer) = server.peer {
            self.0.record("network.peer.address", tracing::field::display(peer.ip()));
            self.0.record("network.peer.port", peer.port());
        }
        self.0.record("aiopg.encrypted", server.encrypted);
        self.0.record("aiopg.attempts", server.attempts.max(1));
    }

    /// Tells whose session it is.
    pub(crate) fn session(&self, process_id: Option<i32>) {
        self.0.record("aiopg.process_id", process_id);
    }

    pub(crate) fn returned_rows(&self, rows: u64) {
        self.0.record("db.response.returned_rows", rows);
    }

    pub(crate) fn affected_rows(&self, rows: u64) {
        self.0.record("aiopg.affected_rows", rows);
    }

    #[cold]
    pub(crate) fn failed(&self, error: &Error) {
        if !self.is_seen() {
            return;
        }
        self.0.record("otel.status_code", "ERROR");
        match error.sqlstate() {
            Some(sqlstate) => {
                self.0.record("db.response.status_code", sqlstate.code());
                self.0.record("error.type", sqlstate.code());
            }
            None => {
                self.0.record("error.type", tracing::field::debug(error.kind()));
            }
        }
    }

    /// Tells that nobody has waited for the end.
    #[cold]
    pub(crate) fn abandoned(&self) {
        self.0.record("aiopg.abandoned", true);
    }
}

/// To borrow a session is no call to a server.
fn kind(operation: Operation) -> &'static str {
    if operation == Operation::Acquire { "internal" } else { "client" }
}

/// Tells of an address that opened no session, within the span of the connecting.
#[cold]
pub(crate) fn attempt_failed(host: &str, error: &Error) {
    tracing::debug!(target: "aiopg::connect", host, "{error}");
}
