//! `Routine`: a function or procedure by its name, and how it is called.

use std::fmt;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::escape::escape_identifier;
use postgres_types::{Kind, ToSql, Type, WrongType};

use crate::error::Error;
use crate::session::source::{CallOptions, TimeLimit};
use crate::types::{NamedParams, Params, quote_identifier};

/// A function or procedure by its name, which is quoted for SQL: it means exactly what it says, capitals, spaces and
/// dots included.
///
/// A text is the routine alone, found by `search_path`. A pair is the schema and the routine.
///
/// # Examples
///
/// ```
/// use aiopg::Routine;
///
/// assert_eq!(Routine::from("age").to_string(), r#""age""#);
/// assert_eq!(Routine::from(("pg_catalog", "age")).to_string(), r#""pg_catalog"."age""#);
/// ```
#[derive(Clone, Debug)]
pub struct Routine {
    quoted: String,
    pub(crate) options: CallOptions,
}

impl Routine {
    fn quoted(quoted: String) -> Self {
        Self { quoted, options: CallOptions::default() }
    }

    /// Sets how long this call may take; `None` is for ever, and zero is at once. Default: what the cursor says.
    #[must_use]
    pub fn query_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.query_timeout = limit.into().map_or(TimeLimit::Never, TimeLimit::After);
        self
    }
}

impl fmt::Display for Routine {
    /// Writes the name as SQL, in double quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.quoted)
    }
}

impl From<&str> for Routine {
    fn from(routine: &str) -> Self {
        Self::quoted(escape_identifier(routine))
    }
}

impl From<String> for Routine {
    fn from(routine: String) -> Self {
        Self::from(routine.as_str())
    }
}

impl From<(&str, &str)> for Routine {
    fn from((schema, routine): (&str, &str)) -> Self {
        Self::quoted(format!("{}.{}", escape_identifier(schema), escape_identifier(routine)))
    }
}

/// The text of a call up to its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Select,
    Call,
}

/// A call as SQL, with the arguments by number; those that have names are put in some order.
pub(crate) struct RoutineCall<'p> {
    pub(crate) sql: String,
    pub(crate) options: CallOptions,
    pub(crate) params: Arguments<'p>,
}

/// Arguments by number.
pub(crate) enum Arguments<'p> {
    Positional(&'p dyn Params),
    Named(Vec<String>, &'p dyn NamedParams),
}

impl<'p> RoutineCall<'p> {
    pub(crate) fn new(
        verb: Verb,
        routine: &Routine,
        params: &'p dyn Params,
    ) -> Result<Self, Error> {
        let verb = match verb {
            Verb::Select => "select * from",
            Verb::Call => "call",
        };
        let params = Arguments::of(params);
        let mut arguments = Vec::new();
        for index in 0..params.count() {
            let (number, cast) = (index + 1, params.at(index).map_or("", cast_of));
            arguments.push(match &params {
                Arguments::Positional(_) => format!("${number}{cast}"),
                Arguments::Named(names, _) => {
                    let name = names.get(index).map_or("", String::as_str);
                    format!("{} => ${number}{cast}", quote_identifier(name)?)
                }
            });
        }
        let options = routine.options;
        Ok(Self { sql: format!("{verb} {routine}({})", arguments.join(", ")), options, params })
    }
}

impl<'p> Arguments<'p> {
    fn of(params: &'p dyn Params) -> Self {
        let Some(values) = params.named() else { return Self::Positional(params) };
        let mut names = Vec::new();
        values.for_each_name(&mut |name| names.push(name.to_owned()));
        Self::Named(names, values)
    }
}

/// The cast that tells the type of a number, so that it chooses among functions of one name as it would in SQL. Values
/// of other types fit several: they are left to the server, as literals between quotes are.
fn cast_of(value: &dyn ToSql) -> &'static str {
    const NUMBERS: [(Type, &str); 7] = [
        (Type::BOOL, "::bool"),
        (Type::INT2, "::int2"),
        (Type::INT4, "::int4"),
        (Type::INT8, "::int8"),
        (Type::FLOAT4, "::float4"),
        (Type::FLOAT8, "::float8"),
        (Type::NUMERIC, "::numeric"),
    ];
    let takes = |r#type: &Type| {
        let written = value.to_sql_checked(r#type, &mut BytesMut::new());
        !written.is_err_and(|error| error.is::<WrongType>())
    };
    // One that takes every type has none.
    if takes(&Type::new(String::new(), 0, Kind::Simple, String::new())) {
        return "";
    }
    NUMBERS.iter().find(|(r#type, _)| takes(r#type)).map_or("", |(_, cast)| cast)
}

impl Params for Arguments<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Positional(params) => params.count(),
            Self::Named(names, _) => names.len(),
        }
    }

    fn at(&self, index: usize) -> Option<&dyn ToSql> {
        match self {
            Self::Positional(params) => params.at(index),
            Self::Named(names, params) => params.value(names.get(index)?),
        }
    }

    fn label(&self, index: usize) -> Option<&str> {
        match self {
            Self::Positional(params) => params.label(index),
            Self::Named(names, _) => names.get(index).map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named;

    #[track_caller]
    fn sql(verb: Verb, name: impl Into<Routine>, params: &dyn Params) -> String {
        RoutineCall::new(verb, &name.into(), params).unwrap().sql
    }

    #[test]
    fn arguments_are_numbered_and_names_are_quoted() {
        assert_eq!(sql(Verb::Select, "now", &()), r#"select * from "now"()"#);
        assert_eq!(sql(Verb::Call, ("s", "p"), &(1, "a")), r#"call "s"."p"($1::int4, $2)"#);
        let named = named! { days: 3_i32, "a\"b": "x" };
        let call = RoutineCall::new(Verb::Select, &"f\"(".into(), &named).unwrap();
        assert_eq!(call.sql, r#"select * from "f""("("days" => $1::int4, "a""b" => $2)"#);
        assert_eq!(call.params.count(), 2);
        assert!(call.params.at(1).is_some() && call.params.at(2).is_none());
        assert_eq!(call.params.label(0), Some("days"));
    }

    #[test]
    fn only_numbers_tell_their_types() {
        let params = crate::params![true, None::<i64>, 1.5_f64, "a", None::<&str>, vec![1_i32]];
        let call = RoutineCall::new(Verb::Select, &"f".into(), &params).unwrap();
        assert!(call.sql.ends_with("($1::bool, $2::int8, $3::float8, $4, $5, $6)"), "{}", call.sql);
    }
}
