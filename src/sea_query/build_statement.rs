//! `BuildStatement`: whatever of SeaQuery's becomes a text with values.

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

use crate::error::Error;
use crate::sea_query::bound::Bound;
use crate::sea_query::built::{Built, StatementKind};
use crate::sea_query::execution::Execution;
use crate::sea_query::given::{insert_with, update_with};
use crate::types::Params;

/// A statement of SeaQuery, whatever it does.
///
/// It is implemented by all of SeaQuery's own: those for rows, and those for tables, indexes, foreign keys, types and
/// extensions.
///
/// # Panics
///
/// SeaQuery has no errors where it builds a text: it panics on what it cannot write for PostgreSQL. Such are
///
/// * an ALTER TABLE without options, and any statement for tables, indexes or foreign keys whose table has an alias or
///   is no table; for indexes also one that is named with its database;
/// * columns of the type `Year`, `auto_increment` of a type that is no integer, `PARTITION BY KEY` and
///   `VALUES LESS THAN`; JOIN with `JoinOn::Columns`;
/// * an array of the type `ArrayType::Enum` with an element that is NULL (as [`ColumnValue`] an array of enums holds it);
/// * a `char` that is not ASCII where values are part of the text, as in the default of a column.
///
/// [`ColumnValue`]: crate::sea_query::ColumnValue
pub trait BuildStatement {
    /// Builds the text and its values.
    fn build_statement(&self) -> Built;

    /// Builds the text for one execution that brings values with it.
    ///
    /// An INSERT takes them as a row, an UPDATE as what is set; their columns are the names of the values, or those
    /// that the statement declares. Everything else takes none, which is what happens unless this is implemented.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if there are values, and the statement has no place for them.
    fn build_with<'p>(&self, params: &'p dyn Params) -> Result<Execution<'p>, Error> {
        Execution::of(self.build_statement(), params)
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

    fn build_with<'p>(&self, params: &'p dyn Params) -> Result<Execution<'p>, Error> {
        (**self).build_with(params)
    }
}

impl<S: BuildStatement + ?Sized> BuildStatement for &mut S {
    fn build_statement(&self) -> Built {
        (**self).build_statement()
    }

    fn build_with<'p>(&self, params: &'p dyn Params) -> Result<Execution<'p>, Error> {
        (**self).build_with(params)
    }
}

macro_rules! rows {
    ($($statement:ty: $kind:ident $(, $build_with:path)?;)*) => {$(
        impl BuildStatement for $statement {
            fn build_statement(&self) -> Built {
                let (sql, values) = QueryStatementWriter::build(self, PostgresQueryBuilder);
                Built::new(sql, values.into(), StatementKind::$kind)
            }

            $(
                fn build_with<'p>(&self, params: &'p dyn Params) -> Result<Execution<'p>, Error> {
                    $build_with(self, params)
                }
            )?
        }
    )*};
}

rows! {
    SelectStatement: Select;
    InsertStatement: Insert, insert_with;
    UpdateStatement: Update, update_with;
    DeleteStatement: Delete;
    WithQuery: With;
}

macro_rules! definitions {
    ($($statement:ty)*) => {$(
        impl BuildStatement for $statement {
            fn build_statement(&self) -> Built {
                let sql = self.to_string(PostgresQueryBuilder);
                Built::new(sql, Bound::default(), StatementKind::Definition)
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
