//! `ColumnIden`: a column of a derived table, for statements and for rows.

use std::borrow::Cow;

use sea_query::{ColumnName, ColumnRef, Iden, SchemaName, TableName};

use crate::error::Error;
use crate::sea_query::col::{clipped, label_of, label_or_name};
use crate::session::{Column, ColumnIndex};

/// A column of a table, by name.
///
/// `#[derive(Table)]` makes one for each field: `City::columns().name`. It stands for the column in statements of
/// SeaQuery, and finds it in rows.
///
/// # Examples
///
/// ```
/// use aiopg::sea_query::{BuildStatement, ColumnIden};
/// use sea_query::{Expr, ExprTrait, Query};
///
/// const NAME: ColumnIden = ColumnIden::new(None, "city", "Name").with_key("name");
///
/// let select = Query::select().column(NAME).from("city").and_where(Expr::col(NAME).like("W%")).take();
/// let built = select.build_statement();
/// assert_eq!(built.sql(), r#"SELECT "Name" FROM "city" WHERE "Name" LIKE $1"#);
///
/// fn name<'r>(row: aiopg::Row<'r>) -> Result<&'r str, aiopg::Error> {
///     row.try_get(NAME)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColumnIden {
    schema: Option<&'static str>,
    table: &'static str,
    name: &'static str,
    key: &'static str,
}

impl ColumnIden {
    /// Names a column of a table.
    pub const fn new(
        schema: Option<&'static str>,
        table: &'static str,
        name: &'static str,
    ) -> Self {
        Self { schema, table, name, key: name }
    }

    /// The same with a name of its own in results.
    #[must_use]
    pub const fn with_key(self, key: &'static str) -> Self {
        Self { key, ..self }
    }

    /// Returns the column's name in the database.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns the column's name in results.
    pub const fn key(self) -> &'static str {
        self.key
    }

    /// Returns the column's name in results that are labelled: that of its table, `_`, and its own.
    pub fn label(self) -> String {
        label_of(self.table, self.name)
    }

    /// Returns the column with its table in front, for statements with several tables.
    pub fn qualified(self) -> ColumnRef {
        let schema = self.schema.map(|schema| SchemaName(None, schema.into()));
        ColumnRef::Column(ColumnName(Some(TableName(schema, self.table.into())), self.name.into()))
    }
}

impl Iden for ColumnIden {
    fn quoted(&self) -> Cow<'static, str> {
        self.name.quoted()
    }

    fn unquoted(&self) -> &str {
        self.name
    }
}

/// By its label, by its key, or by its name in the database; a foreign key is not taken for a label.
impl ColumnIndex for ColumnIden {
    fn position(&self, columns: &[Column]) -> Result<usize, Error> {
        let (key, name) = (clipped(self.key), clipped(self.name));
        let is_there = |name: &str| columns.iter().any(|column| column.name() == name);
        let alone = if is_there(key) || !is_there(name) { key } else { name };
        label_or_name(columns, &self.label(), alone)?.position(columns)
    }
}
