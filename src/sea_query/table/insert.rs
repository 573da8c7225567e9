//! `Insert`: rows for a table, with its defaults.

use std::fmt;

use sea_query::{
    DynIden, Expr, InsertStatement, IntoIden, OnConflict, PostgresQueryBuilder, Query,
};

use crate::error::Error;
use crate::sea_query::build_statement::BuildStatement;
use crate::sea_query::built::{Built, StatementKind};
use crate::sea_query::execution::{Execution, is_empty};
use crate::sea_query::given::number;
use crate::sea_query::table::column::TableColumn;
use crate::sea_query::table::definition::TableDef;
use crate::sea_query::table::returned::{Returned, returning};
use crate::sea_query::table::row_values::{Given, RowValues};
use crate::types::Params;

/// Rows for a table, made by [`TableDef::insert`].
///
/// A column for which nothing is given gets its default: a value or an expression of the table's, and what a function
/// returns, called for each row whenever the statement is built. Without one it is left to the server. NULL that is
/// given is NULL. The primary key is returned, so that the scalar of the statement is the new row's.
///
/// An execution on an [`EngineConnection`](crate::sea_query::EngineConnection) can bring values: by name for columns
/// of the last row, or by number for one more row with all columns of the table.
///
/// # Examples
///
/// ```
/// use aiopg::sea_query::{BuildStatement, TableColumn, TableDef};
///
/// let city = TableDef::new("city")
///     .column(TableColumn::of::<i32>("id").identity().primary_key())
///     .column(TableColumn::of::<String>("name"))
///     .column(TableColumn::of::<i64>("inhabitants").default_value(0_i64));
///
/// let insert = city.insert().value("name", "Wien");
/// assert_eq!(
///     insert.build_statement().sql(),
///     r#"INSERT INTO "city" ("name", "inhabitants") VALUES ($1, $2) RETURNING "id""#,
/// );
///
/// # async fn example(client: &mut aiopg::Connection, insert: aiopg::sea_query::Insert) -> Result<(), aiopg::Error> {
/// use aiopg::sea_query::SeaQuery;
///
/// let id: i32 = client.query_built_scalar(&insert).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is inserted until the statement is run"]
pub struct Insert {
    table: TableDef,
    rows: Vec<Given>,
    /// Whether there are only the rows that were added: maybe none.
    is_set: bool,
    left_out: Vec<DynIden>,
    returned: Returned,
    on_conflict: Option<Conflict>,
}

/// What stands behind `ON CONFLICT`. It can hold values, which are not to be printed.
#[derive(Clone)]
struct Conflict(OnConflict);

impl fmt::Debug for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnConflict")
    }
}

impl TableDef {
    /// Begins an insert: of one row of defaults, if nothing is added.
    pub fn insert(&self) -> Insert {
        Insert {
            table: self.clone(),
            rows: Vec::new(),
            is_set: false,
            left_out: Vec::new(),
            returned: Returned::PrimaryKey,
            on_conflict: None,
        }
    }
}

impl Insert {
    /// Gives a value, or an expression, for a column of the last row; the first row need not be begun.
    ///
    /// After [`rows`](Self::rows) that were none there is no last row: then it does nothing.
    ///
    /// A column is named by its name in the database or by its key.
    pub fn value(mut self, column: impl IntoIden, value: impl Into<Expr>) -> Self {
        let column = self.table.resolved(column);
        if self.rows.is_empty() && !self.is_set {
            self.rows.push(Given::default());
        }
        if let Some(row) = self.rows.last_mut() {
            row.set(column, value.into());
        }
        self
    }

    /// Adds a row.
    ///
    /// A loop over no rows adds none, and what is inserted is the one row of defaults: use [`rows`](Self::rows) for
    /// what may be empty.
    pub fn row(mut self, row: &(impl RowValues + ?Sized)) -> Self {
        let mut given = Given::default();
        for (column, value) in row.row_values() {
            given.set(self.table.resolved(column), value);
        }
        self.rows.push(given);
        self
    }

    /// Adds rows: if they are none, the statement is one that inserts nothing.
    ///
    /// A table that is described without any column has no such statement: the server refuses what is sent then.
    ///
    /// ```
    /// # use aiopg::sea_query::{BuildStatement, TableColumn, TableDef};
    /// # let city = TableDef::new("city").column(TableColumn::of::<String>("name"));
    /// let names = ["Wien", "Graz"].map(|name| [("name", name.into())]);
    /// let insert = city.insert().rows(&names);
    /// assert_eq!(insert.build_statement().sql(), r#"INSERT INTO "city" ("name") VALUES ($1), ($2)"#);
    ///
    /// let nothing = city.insert().rows(&names[..0]);
    /// assert_eq!(
    ///     nothing.build_statement().sql(),
    ///     r#"INSERT INTO "city" ("name") SELECT NULL WHERE FALSE"#,
    /// );
    /// ```
    pub fn rows<V: RowValues>(self, rows: impl IntoIterator<Item = V>) -> Self {
        let whole = rows.into_iter().fold(self, |insert, row| insert.row(&row));
        Self { is_set: true, ..whole }
    }

    /// Leaves a column to its default in every row that was added, whatever is given for it: the number of a new row,
    /// for example. What an execution brings counts nevertheless.
    pub fn without(mut self, column: impl IntoIden) -> Self {
        self.left_out.push(self.table.resolved(column));
        self
    }

    /// Says what happens to a row that is there already.
    pub fn on_conflict(self, on_conflict: OnConflict) -> Self {
        Self { on_conflict: Some(Conflict(on_conflict)), ..self }
    }

    /// Returns these columns, under their keys, rather than the primary key.
    pub fn returning<C: IntoIden>(self, columns: impl IntoIterator<Item = C>) -> Self {
        let columns = columns.into_iter().map(|column| self.table.resolved(column)).collect();
        Self { returned: Returned::Columns(columns), ..self }
    }

    /// Returns all columns, under their keys, rather than the primary key.
    pub fn returning_all(self) -> Self {
        Self { returned: Returned::All, ..self }
    }

    /// Returns nothing.
    pub fn returning_nothing(self) -> Self {
        Self { returned: Returned::Nothing, ..self }
    }

    /// Returns the statement, to which SeaQuery can add more. Functions of defaults are called here.
    pub fn statement(&self) -> InsertStatement {
        let mut rows = self.filled_rows();
        if rows.is_empty() && !self.is_set {
            rows.push(self.filled(&Given::default()));
        }
        self.statement_of(&rows)
    }

    fn statement_of(&self, rows: &[Given]) -> InsertStatement {
        let columns = self.columns(rows);
        let mut insert = Query::insert();
        insert.into_table(&self.table);
        if rows.is_empty() {
            self.select_nothing(&mut insert);
        } else if columns.is_empty() {
            insert.or_default_values_many(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        } else {
            insert.columns(columns.iter().cloned());
            for row in rows {
                let value = |column| row.find(column).cloned();
                let value = |column| value(column).unwrap_or_else(Expr::keyword_default);
                // There are as many values as columns, which is all that could be wrong.
                let _ = insert.values(columns.iter().map(value));
            }
        }
        if let Some(Conflict(on_conflict)) = &self.on_conflict {
            insert.on_conflict(on_conflict.clone());
        }
        if let Some(clause) = returning(&self.table, &self.returned) {
            insert.returning(clause);
        }
        insert
    }

    /// Takes the rows from a query that gives none. There has to be a column: one that the server does not number.
    fn select_nothing(&self, insert: &mut InsertStatement) {
        let columns = self.table.columns();
        let column =
            columns.iter().find(|column| !column.is_numbered()).or_else(|| columns.first());
        let nulls = column.map(|_| Expr::cust("NULL"));
        insert.columns(column.map(TableColumn::iden));
        // There are as many values as columns, which is all that could be wrong.
        let _ =
            insert.select_from(Query::select().exprs(nulls).and_where(Expr::cust("FALSE")).take());
    }

    /// The rows without what is left out, and with the defaults of the table.
    fn filled_rows(&self) -> Vec<Given> {
        let left = |row: &Given| {
            let mut row = row.clone();
            self.left_out.iter().for_each(|column| row.remove(column));
            self.filled(&row)
        };
        self.rows.iter().map(left).collect()
    }

    /// A row with the defaults of the table.
    fn filled(&self, row: &Given) -> Given {
        let mut filled = row.clone();
        for column in self.table.columns() {
            let iden = column.iden();
            if filled.find(&iden).is_none()
                && let Some(default) = column.default_expr()
            {
                filled.set(iden, default);
            }
        }
        filled
    }

    /// The columns that some row has a value for: first those of the table, in its order.
    fn columns(&self, rows: &[Given]) -> Vec<DynIden> {
        let given = |column: &DynIden| rows.iter().any(|row| row.find(column).is_some());
        let known = self.table.columns().iter().map(TableColumn::iden);
        let mut columns: Vec<_> = known.filter(given).collect();
        for (column, _) in rows.iter().flat_map(Given::iter) {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        columns
    }
}

/// An execution can bring values for the last row by name, or one more row by number, for all columns in their order.
impl BuildStatement for Insert {
    fn build_statement(&self) -> Built {
        self.statement().build_statement()
    }

    fn build_with<'p>(&self, params: &'p dyn Params) -> Result<Execution<'p>, Error> {
        if is_empty(params) {
            return Execution::of(self.build_statement(), params);
        }
        let refused = |text| Error::usage(text).unsent();
        let (names, columns) = self.table.placed(params).map_err(refused)?;
        let mut whole = self.clone();
        if params.named().is_none() || whole.rows.is_empty() {
            whole.rows.push(Given::default());
        }
        if let Some(row) = whole.rows.last_mut() {
            columns.iter().cloned().for_each(|column| row.set(column, Expr::null()));
        }
        let rows = whole.filled_rows();
        let built = number(columns.len(), StatementKind::Insert, |numbers| {
            let mut rows = rows.clone();
            if let Some(row) = rows.last_mut() {
                columns.iter().zip(numbers).for_each(|(column, n)| row.set(column.clone(), n));
            }
            self.statement_of(&rows).build(PostgresQueryBuilder)
        });
        Ok(Execution::with(built, names, params))
    }
}
