//! `Execution`: what is run once, a text and the values for it.

use std::fmt;

use postgres_types::ToSql;

use crate::error::Error;
use crate::sea_query::built::{Built, StatementKind};
use crate::session::{CallOptions, Source, ToStatement};
use crate::types::{NamedParams, Params};

/// What is run once: a text, the values that it was built with, and those that the execution brings.
///
/// It is both what is run and its parameters, so that every verb takes it, of whatever has verbs:
///
/// ```no_run
/// use aiopg::sea_query::Executable;
/// use aiopg::{Client, Error, named};
/// use sea_query::Query;
///
/// async fn add(client: &mut impl Client, name: &str) -> Result<i32, Error> {
///     let insert = Query::insert().into_table("city").returning_col("id").take();
///     let named = named! { name: name };
///     let execution = insert.execution(&named)?;
///     client.query_scalar(&execution, &execution).await
/// }
/// ```
pub struct Execution<'e> {
    run: Run<'e>,
    given: &'e dyn Params,
    /// For a statement that was built: the columns that are given a value, in the order of their numbers.
    columns: Vec<String>,
}

enum Run<'e> {
    /// A text of the caller's, whose parameters are what is given.
    Raw(Source<'e>, CallOptions),
    /// The values of SeaQuery come first, and then what is given.
    Built(Built),
}

impl<'e> Execution<'e> {
    /// A text of the caller's, or a prepared statement.
    pub(crate) fn raw<S: ToStatement + ?Sized>(statement: &'e S, given: &'e dyn Params) -> Self {
        let run = Run::Raw(statement.source(), statement.options());
        Self { run, given, columns: Vec::new() }
    }

    /// A statement that takes no values but its own.
    pub(crate) fn of(built: Built, given: &'e dyn Params) -> Result<Self, Error> {
        if is_empty(given) {
            return Ok(Self { run: Run::Built(built), given: &(), columns: Vec::new() });
        }
        Err(refused(&built))
    }

    /// A statement whose last numbers stand for what is given for `columns`.
    pub(crate) fn with(built: Built, columns: Vec<String>, given: &'e dyn Params) -> Self {
        Self { run: Run::Built(built), given, columns }
    }
}

/// Whether nothing is given, neither by number nor by name.
pub(crate) fn is_empty(given: &dyn Params) -> bool {
    match given.named() {
        Some(named) => names(named).is_empty(),
        None => given.count() == 0,
    }
}

/// The names that are given.
pub(crate) fn names(given: &dyn NamedParams) -> Vec<String> {
    let mut names = Vec::new();
    given.for_each_name(&mut |name| names.push(name.to_owned()));
    names
}

fn refused(built: &Built) -> Error {
    let text = match built.kind() {
        StatementKind::Select => {
            "a SELECT that was built takes no parameters: put the values into it"
        }
        StatementKind::With => {
            "a WITH query that was built takes no parameters: put the values into it"
        }
        StatementKind::Definition => {
            "a definition takes no parameters: put what it needs into the statement"
        }
        StatementKind::Delete => {
            "a DELETE that was built takes no parameters: put the values into its condition"
        }
        StatementKind::Insert | StatementKind::Update => {
            "what was built already takes no more parameters: give them to the statement itself"
        }
    };
    Error::usage(text).unsent().with_statement(built.sql())
}

impl ToStatement for Execution<'_> {
    fn options(&self) -> CallOptions {
        match self.run {
            Run::Raw(_, options) => options,
            Run::Built(_) => CallOptions::default(),
        }
    }

    fn source(&self) -> Source<'_> {
        match &self.run {
            Run::Raw(source, _) => *source,
            Run::Built(built) => Source::Text(built.sql()),
        }
    }
}

impl Params for Execution<'_> {
    fn count(&self) -> usize {
        match &self.run {
            Run::Raw(..) => self.given.count(),
            Run::Built(built) => built.count() + self.columns.len(),
        }
    }

    fn at(&self, index: usize) -> Option<&dyn ToSql> {
        let Run::Built(built) = &self.run else { return self.given.at(index) };
        let Some(index) = index.checked_sub(built.count()) else { return built.at(index) };
        match self.given.named() {
            Some(named) => named.value(self.columns.get(index)?),
            None => self.given.at(index),
        }
    }

    fn named(&self) -> Option<&dyn NamedParams> {
        match self.run {
            Run::Raw(..) => self.given.named(),
            Run::Built(_) => None,
        }
    }

    fn label(&self, index: usize) -> Option<&str> {
        let Run::Built(built) = &self.run else { return self.given.label(index) };
        match index.checked_sub(built.count()) {
            Some(index) => self.columns.get(index).map(String::as_str),
            None => built.label(index),
        }
    }

    fn column(&self, index: usize) -> Option<String> {
        match &self.run {
            Run::Built(built) if index < built.count() => built.column(index),
            Run::Built(_) => None,
            Run::Raw(..) => self.given.column(index),
        }
    }
}

/// Without the values.
impl fmt::Debug for Execution<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sql = match self.source() {
            Source::Text(sql) => sql,
            Source::Prepared(statement) => statement.sql(),
        };
        f.debug_struct("Execution").field("sql", &sql).finish_non_exhaustive()
    }
}
