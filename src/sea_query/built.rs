//! `Built`: the text and the values of a statement that SeaQuery has built.

use postgres_types::ToSql;

use crate::sea_query::bound::Bound;
use crate::sea_query::column::column_of;
use crate::session::{Source, ToStatement};
use crate::types::Params;

/// The text and the values of a statement that SeaQuery has built: both what is run and its parameters.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use std::time::Duration;
///
/// use aiopg::Call;
/// use aiopg::sea_query::BuildStatement;
/// use sea_query::Query;
///
/// let cities = Query::select().column("name").from("city").build_statement();
/// let call = Call::new(&cities).query_timeout(Duration::from_secs(1));
/// let rows = connection.query(call, &cities).await?;
/// # drop(rows);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Built {
    sql: String,
    bound: Bound,
    kind: StatementKind,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatementKind {
    /// It selects rows.
    Select,
    /// It inserts rows.
    Insert,
    /// It updates rows.
    Update,
    /// It deletes rows.
    Delete,
    /// It has a `with` clause in front; what follows may do any of these.
    With,
    /// It defines something: a table, an index, a type.
    Definition,
}

impl Built {
    pub(crate) fn new(sql: String, bound: Bound, kind: StatementKind) -> Self {
        Self { sql, bound, kind }
    }

    /// Returns the text, with `$1`, `$2` and so on for its values.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Returns the values.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Returns what the statement does.
    pub fn kind(&self) -> StatementKind {
        self.kind
    }
}

impl ToStatement for Built {
    fn source(&self) -> Source<'_> {
        Source::Text(&self.sql)
    }
}

impl Params for Built {
    fn count(&self) -> usize {
        self.bound.count()
    }

    fn at(&self, index: usize) -> Option<&dyn ToSql> {
        self.bound.at(index)
    }

    fn column(&self, index: usize) -> Option<String> {
        column_of(&self.sql, index + 1)
    }
}
