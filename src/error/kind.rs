//! `Kind`: what a caller can do about an error.

/// What went wrong, sorted by what a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The server rejected the request with an error of its own.
    ///
    /// Why: the statement is wrong, a constraint is violated, a transaction must be repeated, the server shuts
    /// down. What to do: look at [`Error::sqlstate`](crate::Error::sqlstate).
    Server,
    /// The session had ended before the request was made; nothing was sent.
    ///
    /// Why: an earlier failure, or `close`; the first cause is the [`source`](std::error::Error::source). What
    /// to do: connect again.
    Closed,
    /// The pool is closed; nothing was sent.
    ///
    /// Why: `close` or `shutdown` was called on it. What to do: nothing, if the program ends; else make a new pool.
    PoolClosed,
    /// The network or the operating system failed.
    ///
    /// Why: no route, refused, reset, end of file. What to do: connect again; whether the request took effect
    /// is unknown unless [`Error::is_retryable`](crate::Error::is_retryable) says that nothing was sent.
    Io,
    /// A limit of time passed on this side.
    ///
    /// Why: the server or the network is slow, or the limit short. What to do: retry later, or raise the limit.
    Timeout,
    /// The server broke the protocol; the session is closed.
    ///
    /// Why: what answered is no PostgreSQL server, or a proxy between damaged the stream, or a message passed
    /// the configured limit. What to do: check host and port; report it.
    Protocol,
    /// The server demands a proof of identity that this side cannot or may not give, or could not prove its own.
    ///
    /// Why: no password was given, the method is not supported, the server does not know the password either.
    /// What to do: correct the configuration.
    Authentication,
    /// TLS could not be set up; nothing was sent but its handshake.
    ///
    /// Why: the server's certificate is not trusted, expired or for another name, or the two sides agree on no
    /// version. What to do: set `sslrootcert` and `host`, or renew the certificate.
    Tls,
    /// A server answered, but not of the kind that `target_session_attrs` asks for.
    ///
    /// Why: it is a standby where a primary was wanted, or the other way round. What to do: name other hosts, or
    /// wait for the fail-over to end.
    TargetSessionAttrs,
    /// The configuration is not valid; nothing was sent.
    ///
    /// Why: a connection string or a setting that cannot be understood. What to do: correct what the text names.
    Config,
    /// A value does not fit the type it was to be converted to or from.
    ///
    /// Why: the Rust type does not match the column's or the parameter's type, NULL met a type that is not
    /// `Option`, or the value is out of range. What to do: change the Rust type, or cast in SQL.
    Conversion,
    /// The statement returned another number of rows than the method promises; it has run all the same.
    ///
    /// Why: `query_one` met no row or two, `query_opt` met two. What to do: use the method that fits.
    RowCount,
    /// A transaction could only be rolled back, since a statement in it had failed.
    ///
    /// Why: the failed statement's error was passed over; it is the [`source`](std::error::Error::source). What to do:
    /// end the transaction at the first error, or run what may fail in a savepoint.
    RolledBack,
    /// A statement was not run, since an earlier one of the same pipeline had failed; it has had no effect.
    ///
    /// Why: the earlier one's error, which is the [`source`](std::error::Error::source). What to do: correct that one.
    Skipped,
    /// The connection was lost after COMMIT was sent and before its answer came.
    ///
    /// Why: the network or the server failed at the wrong moment; the transaction took effect, or it did not. What to
    /// do: connect again and look whether what it wrote is there, before it is repeated.
    OutcomeUnknown,
    /// So many notifications were dropped, since nobody received them; the session goes on.
    ///
    /// Why: a session listens, and its notifications come faster than they are received. What to do: look up what
    /// they would have told, and go on receiving.
    Lagged(u64),
    /// The call cannot be made like this; nothing was run, but for a text with COPY TO STDOUT, which was.
    ///
    /// Why: too many parameters, a statement of another connection, a NUL byte in a text. What to do: correct
    /// the call.
    Usage,
}
