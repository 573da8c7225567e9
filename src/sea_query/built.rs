//! `Built`: the text and the values of a statement that SeaQuery has built.

use postgres_types::ToSql;
use sea_query::extension::postgres::{
    ExtensionCreateStatement, ExtensionDropStatement, TypeAlterStatement, TypeCreateStatement,
    TypeDropStatement,
};
use sea_query::{
    DeleteStatement, ForeignKeyCreateStatement, ForeignKeyDropStatement, IndexCreateStatement,
    IndexDropStatement, InsertStatement, PostgresQueryBuilder, QueryStatementWriter,
    SelectStatement, TableAlterStatement, TableCreateStatement, TableDropStatement,
    TableRenameStatement, TableTruncateStatement, UpdateStatement, WithQuery,
};

use crate::sea_query::bound::Bound;
use crate::session::{Source, ToStatement};
use crate::types::Params;

/// A statement of SeaQuery, whatever it does.
///
/// It is implemented by all of SeaQuery's own: those for rows, and those for tables, indexes, foreign keys, types and
/// extensions.
pub trait BuildStatement {
    /// Builds the text and its values.
    fn build_statement(&self) -> Built;
}

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

impl BuildStatement for Built {
    fn build_statement(&self) -> Built {
        self.clone()
    }
}

impl<S: BuildStatement + ?Sized> BuildStatement for &S {
    fn build_statement(&self) -> Built {
        (**self).build_statement()
    }
}

impl<S: BuildStatement + ?Sized> BuildStatement for &mut S {
    fn build_statement(&self) -> Built {
        (**self).build_statement()
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

    fn label(&self, index: usize) -> Option<&str> {
        self.bound.label(index)
    }
}

macro_rules! rows {
    ($($statement:ty: $kind:ident;)*) => {$(
        impl BuildStatement for $statement {
            fn build_statement(&self) -> Built {
                let (sql, values) = QueryStatementWriter::build(self, PostgresQueryBuilder);
                Built { sql, bound: values.into(), kind: StatementKind::$kind }
            }
        }
    )*};
}

rows! {
    SelectStatement: Select;
    InsertStatement: Insert;
    UpdateStatement: Update;
    DeleteStatement: Delete;
    WithQuery: With;
}

macro_rules! definitions {
    ($($statement:ty)*) => {$(
        impl BuildStatement for $statement {
            fn build_statement(&self) -> Built {
                let sql = self.to_string(PostgresQueryBuilder);
                Built { sql, bound: Bound::default(), kind: StatementKind::Definition }
            }
        }
    )*};
}

definitions! {
    TableCreateStatement TableAlterStatement TableDropStatement TableRenameStatement TableTruncateStatement
    IndexCreateStatement IndexDropStatement
    ForeignKeyCreateStatement ForeignKeyDropStatement
    TypeCreateStatement TypeAlterStatement TypeDropStatement
    ExtensionCreateStatement ExtensionDropStatement
}
