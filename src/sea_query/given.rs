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
    let whole = || number(0, StatementKind::Insert, |_| statement.build(PostgresQueryBuilder));
    if is_empty(given) {
        return Execution::of(whole(), given);
    }
    insert_row(statement, given)
        .map_err(|text| Error::usage(text).unsent().with_statement(whole().sql()))
}

fn insert_row<'p>(
    statement: &InsertStatement,
    given: &'p dyn Params,
) -> Result<Execution<'p>, String> {
    let insert = Shape::of(statement);
    if insert.source == RowSource::Query {
        return Err(
            "the INSERT takes its rows from a query: there is no place for parameters".into()
        );
    }
    let columns = match given.named() {
        Some(named) => insert.columns_for(sorted(names(named))?)?,
        None if insert.columns.is_empty() => {
            return Err(
                "the INSERT declares no columns: name them by `columns`, or give the values \
                        by name"
                    .into(),
            );
        }
        None if insert.columns.len() != given.count() => {
            return Err(format!(
                "the INSERT declares {} columns, but {} values were given",
                insert.columns.len(),
                given.count()
            ));
        }
        None => insert.columns,
    };
    let built = number(columns.len(), StatementKind::Insert, |numbers| {
        let mut whole = statement.clone();
        if insert.source == RowSource::None {
            whole.columns(columns.iter().cloned());
        }
        // There are as many values as columns, which is all that could be wrong.
        let _ = whole.values(numbers);
        whole.build(PostgresQueryBuilder)
    });
    Ok(Execution::with(built, columns, given))
}

/// An UPDATE that also sets what the execution brings, which has to be named.
pub(crate) fn update_with<'p>(
    statement: &UpdateStatement,
    given: &'p dyn Params,
) -> Result<Execution<'p>, Error> {
    let whole = || number(0, StatementKind::Update, |_| statement.build(PostgresQueryBuilder));
    if is_empty(given) {
        return Execution::of(whole(), given);
    }
    let refused = |text: String| Error::usage(text).unsent().with_statement(whole().sql());
    let Some(named) = given.named() else {
        return Err(refused("an UPDATE takes its values by name: use `named!` or a map".into()));
    };
    let columns = sorted(names(named)).map_err(refused)?;
    let set = statement.get_values().iter().map(|(column, _)| column.inner());
    if let Some(twice) = set.into_iter().find(|set| columns.iter().any(|column| column == set)) {
        return Err(refused(format!("the UPDATE sets the column \"{twice}\" already")));
    }
    let built = number(columns.len(), StatementKind::Update, |numbers| {
        let mut whole = statement.clone();
        whole.values(columns.iter().cloned().zip(numbers));
        whole.build(PostgresQueryBuilder)
    });
    Ok(Execution::with(built, columns, given))
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
    // What a number stands for is no value of SeaQuery's, so these do not change how many values it has.
    let numbers = |own: usize| (1..=count).map(|n| Expr::cust(format!("${}", own + n))).collect();
    let (sql, own) = build(numbers(0));
    let (sql, own) = match own.0.len() {
        taken if taken > 0 && count > 0 => build(numbers(taken)),
        _ => (sql, own),
    };
    Built::new(sql, own.into(), kind)
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
    Values,
    Query,
}

impl Shape {
    fn of(statement: &InsertStatement) -> Self {
        let (text, _) = statement.build(PostgresQueryBuilder);
        let mut bare = statement.clone();
        let (bare, _) = bare.columns([""; 0]).build(PostgresQueryBuilder);
        // The first difference is where the columns begin, if there are any.
        let same = text.bytes().zip(bare.bytes()).take_while(|(a, b)| a == b).count();
        let rest = text.get(same..).unwrap_or_default();
        let mut shape = Self { columns: Vec::new(), source: RowSource::None };
        let mut rest = rest.strip_prefix('(').unwrap_or(rest);
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
        let shape = Shape::of(statement);
        (shape.columns, shape.source)
    }

    #[test]
    fn the_columns_of_an_insert_are_told_by_its_text() {
        let mut insert = Query::insert().into_table(("s", "t (\"")).take();
        assert_eq!(shape(&insert), (vec![], RowSource::None));
        insert.or_default_values();
        assert_eq!(shape(&insert), (vec![], RowSource::None));
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
        let with = with.table_name("w").to_owned();
        insert.with_cte(Query::with().cte(with).to_owned()).values_panic([1.into(), "x".into()]);
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
        let mut declared = Query::insert().into_table("t").columns(["b", "a"]).take();
        assert!(filled(&declared, &(1_i32,)).contains("declares 2 columns, but 1"));
        assert!(filled(&declared, &named! { c: 1_i32 }).contains("no column \"c\""));
        let rows = declared.values_panic(["own".into(), 2.into()]);
        assert!(filled(rows, &named! { a: 1_i32 }).ends_with("none was given for \"b\""));
    }
}
