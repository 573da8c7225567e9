//! `StatementMode`: how statements reach the server.

/// How statements reach the server. What a pooler between can do decides.
///
/// | mode | what is sent | behind a pooler that lends a server per transaction |
/// |---|---|---|
/// | [`Cached`](Self::Cached) | Parse once, then Bind and Execute | only if it knows prepared statements, as PgBouncer since 1.21 may; else statements fail with 26000 |
/// | [`Described`](Self::Described) | Parse, Bind and Execute each time; the types of parameters are asked for once | yes |
/// | [`Unnamed`](Self::Unnamed) | as `Described`, and the types are asked for each time | yes |
/// | [`Simple`](Self::Simple) | one Query, with the parameters as literals in its text | yes |
///
/// # Source
///
/// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatementMode {
    /// A text is prepared at its first use, under a name, and kept: later uses cost one write and one reply, and the
    /// server plans less. Two round trips at the first use, one without parameters.
    #[default]
    Cached,
    /// A text is sent anew each time, and nothing of it stays on the server. The types of its parameters are kept
    /// here. Two round trips at the first use, one without parameters, and one ever after.
    Described,
    /// As [`Described`](Self::Described), but nothing is kept: two round trips each time, one without parameters. For
    /// texts that never come again, and schemas that change all the time.
    Unnamed,
    /// Parameters become literals in the text, and results come as text. It takes values of builtin types and refuses
    /// others by name. One round trip each time. For poolers and proxies that know nothing but the simple protocol.
    Simple,
}
