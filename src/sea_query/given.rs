//! Values that an execution brings for the columns of an INSERT or an UPDATE.

use sea_query::{Expr, InsertStatement, PostgresQueryBuilder, UpdateStatement};

use crate::error::Error;
use crate::sea_query::built::{Built, StatementKind};
use crate::sea_query::execution::{Execution, is_empty, names};
use crate::types::Params;

/// An INSERT with one more row, whose values the execution brings.
///
/// By number they are for the columns that the statement declares. By name they are for these columns, or some of
/// them, or where none are declared, for whatever they name.
pub(crate) fn insert_with<'p>(
    statement: &InsertStatement,
    given: &'p dyn Params,
) -> Result<Execution<'p>, Error> {
    let (text, own) = statement.build(PostgresQueryBuilder);
    if is_empty(given) {
        return Execution::of(Built::new(text, own.into(), StatementKind::Insert), given);
    }
    insert_row(statement, &text, own.0.len(), given)
        .map_err(|refused| Error::usage(refused).unsent().with_statement(&text))
}

/// The statement has this text, and so many values of its own.
fn insert_row<'p>(
    statement: &InsertStatement,
    text: &str,
    own: usize,
    given: &'p dyn Params,
) -> Result<Execution<'p>, String> {
    let insert = Shape::of(statement, text);
    let columns = insert.columns_of(given)?;
    let mut whole = statement.clone();
    if insert.source == RowSource::None {
        whole.columns(columns.iter().cloned());
    }
    // There are as many values as columns, which is all that could be wrong.
    let _ = whole.values(numbers(own, columns.len()));
    let (sql, own) = whole.build(PostgresQueryBuilder);
    Ok(Execution::with(Built::new(sql, own.into(), StatementKind::Insert), columns, given))
}

/// An UPDATE that also sets what the execution brings, which has to be named.
pub(crate) fn update_with<'p>(
    statement: &UpdateStatement,
    given: &'p dyn Params,
) -> Result<Execution<'p>, Error> {
    let (text, own) = statement.build(PostgresQueryBuilder);
    if is_empty(given) {
        return Execution::of(Built::new(text, own.into(), StatementKind::Update), given);
    }
    let refused = |refused: String| Error::usage(refused).unsent().with_statement(&text);
    let Some(named) = given.named() else {
        return Err(refused("an UPDATE takes its values by name: use `named!` or a map".into()));
    };
    let columns = sorted(names(named)).map_err(refused)?;
    let set = statement.get_values().iter().map(|(column, _)| column.inner());
    if let Some(twice) = set.into_iter().find(|set| columns.iter().any(|column| column == set)) {
        return Err(refused(format!("the UPDATE sets the column \"{twice}\" already")));
    }
    let mut whole = statement.clone();
    whole.values(columns.iter().cloned().zip(numbers(own.0.len(), columns.len())));
    let (sql, own) = whole.build(PostgresQueryBuilder);
    Ok(Execution::with(Built::new(sql, own.into(), StatementKind::Update), columns, given))
}

/// In the order of their names, so that the text is the same whatever the order in which a map tells them.
pub(crate) fn sorted(mut names: Vec<String>) -> Result<Vec<String>, String> {
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => {
            let twice = pair.first().map_or("", String::as_str);
            Err(format!("the column \"{twice}\" was given twice"))
        }
        None => Ok(names),
    }
}

/// Builds a statement with so many numbers for values that are to come: those that follow the numbers of its own.
pub(crate) fn number(
    count: usize,
    kind: StatementKind,
    build: impl Fn(Vec<Expr>) -> (String, sea_query::Values),
) -> Built {
    let (sql, own) = build(numbers(0, count));
    let (sql, own) = match own.0.len() {
        taken if taken > 0 && count > 0 => build(numbers(taken, count)),
        _ => (sql, own),
    };
    Built::new(sql, own.into(), kind)
}

/// The numbers after those of a statement's own values. What they stand for is no value of SeaQuery's, so they do not
/// change how many values it has.
fn numbers(own: usize, count: usize) -> Vec<Expr> {
    (1..=count).map(|n| Expr::cust(format!("${}", own + n))).collect()
}

/// What can be told of an INSERT from the text that it becomes.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    columns: Vec<String>,
    source: RowSource,
}

/// Where the rows of an INSERT come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowSource {
    None,
    /// Several rows of defaults.
    Defaults,
    Values,
    Query,
}

impl Shape {
    fn of(statement: &InsertStatement, text: &str) -> Self {
        let mut shape = Self { columns: Vec::new(), source: RowSource::None };
        let rest = after_table(text).unwrap_or_else(|| {
            // Another column stands where the columns begin, whatever is before them.
            let (other, _) = statement.clone().columns([OTHER]).build(PostgresQueryBuilder);
            let columns = other.find(&format!("(\"{OTHER}\")"));
            columns.and_then(|columns| text.get(columns..)).unwrap_or_default()
        });
        if rest.starts_with("VALUES (DEFAULT), ") {
            shape.source = RowSource::Defaults;
        }
        let Some(mut rest) = rest.strip_prefix('(') else { return shape };
        while let Some((column, after)) = quoted(rest) {
            shape.columns.push(column);
            rest = after.strip_prefix(", ").unwrap_or(after);
        }
        let after = rest.strip_prefix(") ").unwrap_or_default();
        let ends = |part: &str| after.is_empty() || after.starts_with(part);
        shape.source = if after.starts_with("VALUES ") {
            RowSource::Values
        } else if ends("ON CONFLICT ") || ends("RETURNING ") {
            RowSource::None
        } else {
            RowSource::Query
        };
        shape
    }

    /// The columns for which values are given.
    fn columns_of(&self, given: &dyn Params) -> Result<Vec<String>, String> {
        match self.source {
            RowSource::Query => {
                return Err("the INSERT takes its rows from a query: there is no place for \
                            parameters"
                    .into());
            }
            RowSource::Defaults => {
                return Err("the INSERT has several rows of defaults: there is no place for \
                            parameters"
                    .into());
            }
            RowSource::None | RowSource::Values => {}
        }
        match given.named() {
            Some(named) => self.columns_for(sorted(names(named))?),
            None if self.columns.is_empty() => Err(
                "the INSERT declares no columns: name them by `columns`, or give the values by name"
                    .into(),
            ),
            None if self.columns.len() != given.count() => Err(format!(
                "the INSERT declares {} columns, but {} values were given",
                self.columns.len(),
                given.count()
            )),
            None => Ok(self.columns.clone()),
        }
    }

    /// The columns that a row has whose values have these names.
    fn columns_for(&self, names: Vec<String>) -> Result<Vec<String>, String> {
        if self.columns.is_empty() {
            return Ok(names);
        }
        if let Some(unknown) = names.iter().find(|name| !self.columns.contains(name)) {
            let declared = self.columns.join("\", \"");
            return Err(format!("the INSERT declares no column \"{unknown}\", but \"{declared}\""));
        }
        let (given, left): (Vec<_>, Vec<_>) =
            self.columns.iter().cloned().partition(|column| names.contains(column));
        match left.first() {
            Some(missing) if self.source == RowSource::Values => Err(format!(
                "the INSERT has rows with a value for each of its columns, but none was given for \
                 \"{missing}\""
            )),
            _ => Ok(given),
        }
    }
}

/// A name that no column has: it is longer than the server allows, and ends in what no text can hold.
const OTHER: &str = "the columns of this INSERT begin here, after its WITH clause and its table \0";

/// What follows the table of an INSERT, if it begins with that and names its table plainly.
fn after_table(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix("INSERT INTO ")?;
    loop {
        (_, rest) = quoted(rest)?;
        match rest.strip_prefix('.').or_else(|| rest.strip_prefix(" AS ")) {
            Some(next) => rest = next,
            None => return rest.strip_prefix(' '),
        }
    }
}

/// The identifier between quotes at the beginning of `text`, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut name, mut rest) = (String::new(), text.strip_prefix('"')?);
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_query::{CommonTableExpression, OnConflict, Query};

    use super::*;
    use crate::named;

    fn shape(statement: &InsertStatement) -> (Vec<String>, RowSource) {
        let shape = Shape::of(statement, &statement.build(PostgresQueryBuilder).0);
        (shape.columns, shape.source)
    }

    #[test]
    fn the_columns_of_an_insert_are_told_by_its_text() {
        let mut insert = Query::insert().into_table(("s", "t (\"")).take();
        assert_eq!(shape(&insert), (vec![], RowSource::None));
        insert.or_default_values();
        assert_eq!(shape(&insert), (vec![], RowSource::None));
        let mut several = insert.clone();
        several.or_default_values_many(2);
        assert_eq!(shape(&several), (vec![], RowSource::Defaults));
        insert.columns(["a", "b\", \"c"]);
        let columns = vec!["a".to_owned(), "b\", \"c".to_owned()];
        assert_eq!(shape(&insert), (columns.clone(), RowSource::None));
        insert.on_conflict(OnConflict::new().do_nothing().clone());
        assert_eq!(shape(&insert), (columns.clone(), RowSource::None));
        insert.returning_all();
        assert_eq!(shape(&insert), (columns.clone(), RowSource::None));
        let select = Query::select().expr(Expr::val("VALUES ")).column("a").from("x").take();
        let mut query = insert.clone();
        query.select_from(select.clone()).unwrap();
        assert_eq!(shape(&query), (columns.clone(), RowSource::Query));
        let mut with = CommonTableExpression::from_select(select);
        let with = Query::with().cte(with.table_name("w").to_owned()).to_owned();
        several.with_cte(with.clone());
        assert_eq!(shape(&several), (vec![], RowSource::Defaults));
        insert.with_cte(with).values_panic([1.into(), "x".into()]);
        assert_eq!(shape(&insert), (columns, RowSource::Values));
    }

    #[track_caller]
    fn filled(statement: &InsertStatement, given: &dyn Params) -> String {
        use crate::session::ToStatement;
        let execution = insert_with(statement, given);
        execution.map_or_else(
            |error| error.to_string(),
            |execution| {
                let values: Vec<_> = (0..execution.count())
                    .map(|index| execution.label(index).unwrap_or("own").to_owned())
                    .collect();
                format!("{}: {}", execution.source().sql(), values.join(", "))
            },
        )
    }

    #[test]
    fn the_columns_follow_the_table_however_it_is_named() {
        use sea_query::{Alias, IntoTableRef};
        let tables = [
            "t".into_table_ref(),
            ("s", "t").into_table_ref(),
            ("d", "s", "t").into_table_ref(),
            ("s", "t").into_table_ref().alias(Alias::new("x . AS (")),
        ];
        for table in tables {
            let insert = Query::insert().into_table(table).columns(["a"]).take();
            assert_eq!(shape(&insert), (vec!["a".to_owned()], RowSource::None));
            let (text, _) = insert.build(PostgresQueryBuilder);
            assert_eq!(after_table(&text), Some("(\"a\")"));
        }
    }

    #[test]
    fn values_take_the_numbers_after_those_of_the_statement() {
        let table = Query::insert().into_table("t").take();
        assert_eq!(
            filled(&table, &named! { b: 1_i32, a: 2_i32 }),
            r#"INSERT INTO "t" ("a", "b") VALUES ($1, $2): a, b"#
        );
        let mut declared = Query::insert().into_table("t").columns(["b", "a"]).take();
        assert_eq!(
            filled(&declared, &(1_i32, "x")),
            r#"INSERT INTO "t" ("b", "a") VALUES ($1, $2): b, a"#
        );
        assert_eq!(
            filled(&declared, &named! { a: 1_i32 }),
            r#"INSERT INTO "t" ("a") VALUES ($1): a"#
        );
        let rows = declared.values_panic(["own".into(), 2.into()]);
        assert_eq!(
            filled(rows, &("x", 1_i32)),
            r#"INSERT INTO "t" ("b", "a") VALUES ($1, $2), ($3, $4): own, own, b, a"#
        );
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let table = Query::insert().into_table("t").take();
        assert!(filled(&table, &(1_i32,)).contains("declares no columns"));
        let twice = filled(&table, &named! { a: 1_i32, a: 2_i32 });
        assert_eq!(twice, "the column \"a\" was given twice");
        let several = Query::insert().into_table("t").or_default_values_many(2).take();
        assert!(filled(&several, &named! { a: 1_i32 }).contains("several rows of defaults"));
        let mut declared = Query::insert().into_table("t").columns(["b", "a"]).take();
        assert!(filled(&declared, &(1_i32,)).contains("declares 2 columns, but 1"));
        assert!(filled(&declared, &named! { c: 1_i32 }).contains("no column \"c\""));
        let rows = declared.values_panic(["own".into(), 2.into()]);
        assert!(filled(rows, &named! { a: 1_i32 }).ends_with("none was given for \"b\""));
    }
}
