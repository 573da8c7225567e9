//! `Col`: a column of a result by its identifier, or by table and column.

use sea_query::{
    ColumnName, ColumnRef, Expr, IntoColumnRef, IntoIden, SelectExpr, SelectExprTrait, TableName,
};

use crate::error::Error;
use crate::session::{Column, ColumnIndex};

/// A column of a result by what it is called in the statement: an identifier of SeaQuery, alone or behind that of its
/// table.
///
/// It stands wherever a position or a name stands, for rows of every kind. See [`col`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Col {
    table: Option<String>,
    /// `None` for `*`, which is no column.
    column: Option<String>,
}

/// Names a column of a result as it is named in the statement.
///
/// With a table it is looked for by the label that [`labeled`] gives it, such as `city_name`, and by its own name. Where
/// a result has both, as when a foreign key is called like a label, they are told apart by the tables that they come
/// from, or refused. Letters are compared exactly.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
/// use aiopg::sea_query::col;
/// use sea_query::{Iden, Query};
///
/// #[derive(Clone, Copy)]
/// enum City {
///     Table,
///     Name,
/// }
///
/// impl Iden for City {
///     fn unquoted(&self) -> &str {
///         match self {
///             Self::Table => "city",
///             Self::Name => "Name",
///         }
///     }
/// }
///
/// let select = Query::select().column(City::Name).from(City::Table).take();
/// for row in connection.execute(&select, ()).await? {
///     let row = row?;
///     let name: &str = row.get(col(City::Name));
///     assert_eq!(name, row.get::<&str>(col((City::Table, City::Name))));
/// }
/// # Ok(()) }
/// ```
pub fn col(column: impl IntoColumnRef) -> Col {
    match column.into_column_ref() {
        ColumnRef::Column(ColumnName(table, column)) => {
            let table = table.map(|TableName(_, table)| table.to_string());
            Col { table, column: Some(column.to_string()) }
        }
        // There is nothing else but `*`, so far.
        ColumnRef::Asterisk(_) | _ => Col { table: None, column: None },
    }
}

/// Selects columns of a table under labels that tell the table: `city.name` as `city_name`.
///
/// So columns of the same name from several tables can be told apart by [`col`].
///
/// # Examples
///
/// ```
/// use aiopg::sea_query::labeled;
/// use sea_query::{PostgresQueryBuilder, Query};
///
/// let select = Query::select().exprs(labeled("city", ["id", "name"])).from("city").take();
/// assert_eq!(
///     select.to_string(PostgresQueryBuilder),
///     r#"SELECT "city"."id" AS "city_id", "city"."name" AS "city_name" FROM "city""#
/// );
/// ```
pub fn labeled<C: IntoIden>(
    table: impl IntoIden,
    columns: impl IntoIterator<Item = C>,
) -> impl Iterator<Item = SelectExpr> {
    let table = table.into_iden();
    columns.into_iter().map(move |column| {
        let column = column.into_iden();
        let label = label_of(&table.to_string(), &column.to_string());
        Expr::col((table.clone(), column)).alias(label)
    })
}

/// What the server keeps of a name, unless it was built with other limits.
const MAX_IDENTIFIER_BYTES: usize = 63;

/// What the server keeps of a name.
pub(crate) fn clipped(name: &str) -> &str {
    let end = (0..=MAX_IDENTIFIER_BYTES).rev().find(|end| name.is_char_boundary(*end));
    match end {
        Some(end) if name.len() > MAX_IDENTIFIER_BYTES => name.get(..end).unwrap_or(name),
        _ => name,
    }
}

/// The label of a column in results of several tables.
pub(crate) fn label_of(table: &str, column: &str) -> String {
    let label = format!("{table}_{column}");
    clipped(&label).to_owned()
}

/// The name under which a column of a table stands in a result: its label, or its name alone.
///
/// A foreign key is often called like a label: `city_id` is the `id` of `city`, or the city of a visit. Where both are
/// there, they are told apart by where they come from, and where that does not tell, nothing is guessed.
pub(crate) fn label_or_name<'n>(
    columns: &[Column],
    label: &'n str,
    name: &'n str,
) -> Result<&'n str, Error> {
    let called = |name: &str| columns.iter().find(|column| column.name() == name);
    match (called(label), called(name)) {
        (Some(_), None) => Ok(label),
        (None, _) => Ok(name),
        // In a table that has both columns, the first is another one.
        (Some(labelled), Some(named))
            if labelled.table_oid().is_some() && labelled.table_oid() == named.table_oid() =>
        {
            Ok(name)
        }
        (Some(_), Some(_)) => Err(Error::conversion(format!(
            "both \"{label}\" and \"{name}\" could be the column: use its position, or one of these names"
        ))),
    }
}

impl ColumnIndex for Col {
    fn position(&self, columns: &[Column]) -> Result<usize, Error> {
        let Some(name) = self.column.as_deref().map(clipped) else {
            return Err(Error::conversion("\"*\" is no column: name one"));
        };
        let called = |name: &str| columns.iter().filter(|column| column.name() == name).count();
        let label = self.table.as_ref().map(|table| label_of(table, name));
        if let Some(label) = &label
            && label_or_name(columns, label, name)? == label
        {
            return label.position(columns);
        }
        match (called(name), label) {
            (0 | 1, _) => name.position(columns),
            (_, label) => {
                let label = label.unwrap_or_else(|| format!("table_{name}"));
                let text = format!(
                    "there is more than one column \"{name}\": select them under labels such as \
                     \"{label}\" by `labeled`, or use a position"
                );
                Err(Error::conversion(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use postgres_types::Type;
    use sea_query::Asterisk;

    use super::*;
    use crate::message::Format;
    use crate::session::{test_column as column, test_column_of as column_of};

    fn position(index: &Col, names: &[&str]) -> Result<usize, String> {
        let columns: Vec<_> =
            names.iter().map(|name| column(name, Type::INT4, Format::Binary)).collect();
        index.position(&columns).map_err(|error| error.to_string())
    }

    #[test]
    fn a_column_of_a_table_is_found_by_label_or_by_name() {
        assert_eq!(position(&col("Name"), &["name", "Name"]), Ok(1));
        assert_eq!(position(&col(("city", "name")), &["id", "city_name"]), Ok(1));
        assert_eq!(position(&col(("s", "city", "name")), &["id", "city_name"]), Ok(1));
        assert_eq!(position(&col(("city", "name")), &["id", "name"]), Ok(1));
    }

    #[test]
    fn a_foreign_key_is_not_taken_for_a_label() {
        let of = |name: &str, table| column_of(column(name, Type::INT4, Format::Binary), table);
        let id = col(("category", "id"));
        // Its parent stands in the same table.
        assert_eq!(id.position(&[of("category_id", 7), of("id", 7)]).unwrap(), 1);
        // Nobody knows which of the tables is called `category`.
        let joined = [of("category_id", 7), of("id", 8)];
        let text = id.position(&joined).unwrap_err().to_string();
        assert!(text.starts_with("both \"category_id\" and \"id\" could be"), "{text}");
        assert!(position(&id, &["category_id", "id"]).is_err());
    }

    #[test]
    fn what_is_not_one_column_is_told() {
        assert_eq!(
            position(&col(("city", "name")), &["id"]).unwrap_err(),
            "there is no column \"name\" among \"id\""
        );
        let text = position(&col(("city", "name")), &["name", "name"]).unwrap_err();
        assert!(text.contains("\"city_name\" by `labeled`"), "{text}");
        let text = position(&col("name"), &["name", "name"]).unwrap_err();
        assert!(text.contains("\"table_name\" by `labeled`"), "{text}");
        assert!(position(&col(Asterisk), &["name"]).unwrap_err().contains("no column"));
    }

    #[test]
    fn a_label_is_as_long_as_the_server_lets_it_be() {
        let (table, name) = ("t".repeat(40), "é".repeat(20));
        let label = label_of(&table, &name);
        assert_eq!(label.len(), 63);
        assert_eq!(position(&col((table, name)), &["x", label.as_str()]), Ok(1));
    }
}
