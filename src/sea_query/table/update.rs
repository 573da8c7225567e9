//! `Update`: new values for rows of a table, with what changes at every update.

use std::fmt;

use sea_query::{DynIden, Expr, IntoIden, PostgresQueryBuilder, Query, UpdateStatement};

use crate::error::Error;
use crate::sea_query::build_statement::BuildStatement;
use crate::sea_query::built::{Built, StatementKind};
use crate::sea_query::execution::{Execution, is_empty};
use crate::sea_query::given::number;
use crate::sea_query::table::definition::TableDef;
use crate::sea_query::table::returned::{Returned, returning};
use crate::sea_query::table::row_values::{Given, RowValues};
use crate::types::Params;

/// New values for rows of a table, made by [`TableDef::update`].
///
/// A column that changes at every update gets what the table says for it, unless something else is given. The defaults
/// for inserts are never written.
///
/// # Examples
///
/// ```
/// use aiopg::sea_query::{BuildStatement, TableColumn, TableDef};
/// use sea_query::{Expr, ExprTrait};
///
/// let city = TableDef::new("city")
///     .column(TableColumn::of::<i32>("id").primary_key())
///     .column(TableColumn::of::<String>("name").default_value("new"))
///     .column(TableColumn::of::<Option<String>>("changed").on_update(Expr::cust("now()")));
///
/// let update = city.update().value("name", "Wien").and_where(Expr::col("id").eq(1));
/// assert_eq!(
///     update.build_statement().sql(),
///     r#"UPDATE "city" SET "name" = $1, "changed" = now() WHERE "id" = $2"#,
/// );
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is updated until the statement is run"]
pub struct Update {
    table: TableDef,
    given: Given,
    left_out: Vec<DynIden>,
    conditions: Conditions,
    returned: Returned,
}

/// What stands behind `WHERE`. It can hold values, which are not to be printed.
#[derive(Clone)]
struct Conditions(UpdateStatement);

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conditions")
    }
}

impl TableDef {
    /// Begins an update of all rows, to be narrowed down.
    pub fn update(&self) -> Update {
        Update {
            table: self.clone(),
            given: Given::default(),
            left_out: Vec::new(),
            conditions: Conditions(Query::update().table(self).take()),
            returned: Returned::Nothing,
        }
    }
}

impl Update {
    /// Gives a value, or an expression, for a column, which is named by its name in the database or by its key.
    pub fn value(mut self, column: impl IntoIden, value: impl Into<Expr>) -> Self {
        self.given.set(self.table.resolved(column), value.into());
        self
    }

    /// Gives the values of a row: of all columns that it has.
    pub fn row(mut self, row: &(impl RowValues + ?Sized)) -> Self {
        for (column, value) in row.row_values() {
            self.given.set(self.table.resolved(column), value);
        }
        self
    }

    /// Leaves a column as it is, whatever is given for it: the primary key of a row, for example.
    pub fn without(mut self, column: impl IntoIden) -> Self {
        self.left_out.push(self.table.resolved(column));
        self
    }

    /// Adds a condition that rows must meet.
    pub fn and_where(mut self, condition: Expr) -> Self {
        self.conditions.0.and_where(condition);
        self
    }

    /// Returns these columns of the rows that were updated, under their keys.
    pub fn returning<C: IntoIden>(self, columns: impl IntoIterator<Item = C>) -> Self {
        let columns = columns.into_iter().map(|column| self.table.resolved(column)).collect();
        Self { returned: Returned::Columns(columns), ..self }
    }

    /// Returns all columns of the rows that were updated, under their keys.
    pub fn returning_all(self) -> Self {
        Self { returned: Returned::All, ..self }
    }

    /// Returns the statement, to which SeaQuery can add more. Functions of the table are called here.
    pub fn statement(&self) -> UpdateStatement {
        self.statement_of(&self.filled(Given::default()))
    }

    fn statement_of(&self, given: &Given) -> UpdateStatement {
        let mut update = self.conditions.0.clone();
        update.values(given.iter().cloned());
        if let Some(clause) = returning(&self.table, &self.returned) {
            update.returning(clause);
        }
        update
    }

    /// What is given, and what changes at every update; `more` counts whatever is left out.
    fn filled(&self, more: Given) -> Given {
        let mut filled = self.given.clone();
        let is_left_out = |column: &DynIden| self.left_out.contains(column);
        self.left_out.iter().for_each(|column| filled.remove(column));
        more.into_iter().for_each(|(column, value)| filled.set(column, value));
        for column in self.table.columns() {
            let iden = column.iden();
            if filled.find(&iden).is_none()
                && !is_left_out(&iden)
                && let Some(value) = column.on_update_expr()
            {
                filled.set(iden, value);
            }
        }
        filled
    }
}

/// An execution can bring values for more columns, by name.
impl BuildStatement for Update {
    fn build_statement(&self) -> Built {
        self.statement().build_statement()
    }

    fn build_with<'p>(&self, params: &'p dyn Params) -> Result<Execution<'p>, Error> {
        if is_empty(params) {
            return Execution::of(self.build_statement(), params);
        }
        let refused = |text| Error::usage(text).unsent();
        if params.named().is_none() {
            let text = "an UPDATE takes its values by name: use `named!` or a map";
            return Err(refused(text.to_owned()));
        }
        let (names, columns) = self.table.placed(params).map_err(refused)?;
        let mut given = Given::default();
        for column in &columns {
            given.set(column.clone(), Expr::null());
        }
        let filled = self.filled(given);
        let built = number(columns.len(), StatementKind::Update, |numbers| {
            let mut filled = filled.clone();
            columns.iter().zip(numbers).for_each(|(column, n)| filled.set(column.clone(), n));
            self.statement_of(&filled).build(PostgresQueryBuilder)
        });
        Ok(Execution::with(built, names, params))
    }
}
