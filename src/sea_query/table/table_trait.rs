//! `Table`: what a struct knows of its table.

use sea_query::{DeleteStatement, SelectStatement, TableCreateStatement, TableDropStatement};

use crate::sea_query::table::definition::TableDef;
use crate::sea_query::table::insert::Insert;
use crate::sea_query::table::update::Update;

/// A struct that describes a table: its fields are the columns.
///
/// The derive of the same name implements it, and adds `columns()` to the struct, which names the columns.
///
/// # Examples
///
/// ```no_run
/// # #[cfg(feature = "derive")]
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use aiopg::FromRow;
/// use aiopg::sea_query::{SeaQuery, Table};
/// use sea_query::{Expr, ExprTrait, Query};
///
/// #[derive(Debug, FromRow, Table)]
/// #[table(name = "city")]
/// struct City {
///     #[column(primary_key, identity)]
///     id: i32,
///     #[column(name = "Name")]
///     name: String,
///     #[column(default = 0)]
///     inhabitants: i64,
///     #[column(on_update_sql = "now()")]
///     changed: Option<aiopg::types::Timestamptz>,
/// }
///
/// connection.execute_built(&City::create_table()).await?;
/// let insert = City::insert().value(City::columns().name, "Wien");
/// let id: i32 = connection.query_built_scalar(&insert).await?;
/// let update = City::update().value("inhabitants", 2_000_000).and_where(Expr::col("id").eq(id));
/// connection.execute_built(&update).await?;
/// let cities: Vec<City> = connection.query_built_as(&City::select()).await?;
/// let names = Query::select().column(City::columns().name).from(City::table()).take();
/// let names: Vec<(String,)> = connection.query_built_as(&names).await?;
/// # Ok(()) }
/// ```
pub trait Table {
    /// Returns the table.
    fn table() -> &'static TableDef;

    /// Returns the statement that creates the table. Types and sequences that it needs must be there.
    fn create_table() -> TableCreateStatement {
        Self::table().create()
    }

    /// Returns the statement that drops the table.
    fn drop_table() -> TableDropStatement {
        Self::table().drop()
    }

    /// Begins an insert: of one row of defaults, if nothing is added.
    fn insert() -> Insert {
        Self::table().insert()
    }

    /// Begins an update of all rows, to be narrowed down.
    fn update() -> Update {
        Self::table().update()
    }

    /// Returns a statement that selects all columns under their keys, to be narrowed down.
    fn select() -> SelectStatement {
        Self::table().select()
    }

    /// Returns a statement that selects all columns under labels, such as `city_name`; keys count for nothing.
    fn select_labelled() -> SelectStatement {
        Self::table().select_labelled()
    }

    /// Returns a statement that deletes rows: all of them, unless it is narrowed down.
    fn delete() -> DeleteStatement {
        Self::table().delete()
    }
}
