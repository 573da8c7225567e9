//! Writes parameters: Bind with each value in the type that the statement expects.

use std::num::NonZeroU32;

use bytes::BytesMut;
use postgres_types::{IsNull, ToSql, Type};

use crate::error::Error;
use crate::flow::{End, Protocol, Request};
use crate::message::{Encode, Execute, Flush, Format, Sync, Value, write_bind};
use crate::session::column::Column;
use crate::types::{self, Params};
use crate::wire::Parts;

/// How far a statement is run by its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    End,
    /// For so many rows; then it rests, and the request stays open.
    Rows(NonZeroU32),
}

impl Until {
    pub(crate) fn request(self) -> Request {
        let end = if self == Self::End { End::Written } else { End::Open };
        Request { end, ..Request::new(Protocol::Extended) }
    }

    /// Writes Execute, and what has the server answer.
    pub(crate) fn write(self, out: &mut BytesMut) -> Result<(), Error> {
        match self {
            Self::End => {
                Execute::WHOLE.encode(out)?;
                Sync.encode(out)
            }
            Self::Rows(rows) => {
                let most_rows = i32::try_from(rows.get()).unwrap_or(i32::MAX);
                Execute { portal: "", most_rows }.encode(out)?;
                Flush.encode(out)
            }
        }
    }
}

/// Writes Bind, Execute, and Sync or Flush.
pub(crate) fn write_run(
    out: &mut Parts,
    statement: &str,
    types: &[Type],
    columns: &[Column],
    params: &dyn Params,
    until: Until,
) -> Result<(), Error> {
    write_bound(out, statement, types, columns, params)?;
    until.write(out)
}

/// Writes Bind. The values of `columns` are asked for in the format of each.
pub(crate) fn write_bound(
    out: &mut Parts,
    statement: &str,
    types: &[Type],
    columns: &[Column],
    params: &dyn Params,
) -> Result<(), Error> {
    let given = params.count();
    if types.len() != given {
        return Err(wrong_count(types.len(), given).unsent());
    }
    let param = |index| Some((params.at(index)?, types.get(index)?));
    let format = |index| match param(index).map(|(value, r#type)| value.encode_format(r#type)) {
        Some(postgres_types::Format::Text) => Format::Text,
        Some(postgres_types::Format::Binary) | None => Format::Binary,
    };
    // None of them stand for all being binary.
    let any_text = columns.iter().any(|column| column.format() == Format::Text);
    let results: Vec<_> =
        if any_text { columns.iter().map(Column::format).collect() } else { Vec::new() };
    write_bind(out, statement, given, format, &results, |index, writer| match param(index) {
        Some((value, r#type)) => write_value(value, r#type, writer.buffer())
            .map_err(|error| not_written(params, index, r#type, error)),
        None => Ok(Value::Null),
    })
}

/// The most parameters that a statement can have.
pub(crate) const MOST_PARAMS: usize = 65_535;

pub(crate) fn too_many(given: usize) -> Error {
    let text = format!("a statement cannot have {given} parameters: {MOST_PARAMS} is the most");
    Error::usage(text).unsent()
}

/// The statement takes another number of parameters than were given.
pub(crate) fn wrong_count(expected: usize, given: usize) -> Error {
    let parameters = if expected == 1 { "parameter" } else { "parameters" };
    let were = if given == 1 { "was" } else { "were" };
    Error::usage(format!("the statement takes {expected} {parameters}, but {given} {were} given"))
}

type Cause = Box<dyn std::error::Error + std::marker::Sync + Send>;

fn write_value(value: &dyn ToSql, r#type: &Type, out: &mut BytesMut) -> Result<Value, Cause> {
    match types::write(value, r#type, out)? {
        IsNull::No => Ok(Value::Written),
        IsNull::Yes => Ok(Value::Null),
    }
}

/// The cause tells the Rust type.
fn not_written(params: &dyn Params, index: usize, r#type: &Type, cause: Cause) -> Error {
    let mut parameter = match params.label(index) {
        Some(name) => format!("\"{name}\""),
        None => format!("${}", index + 1),
    };
    if let Some(column) = params.column(index) {
        parameter = format!("{parameter} for column \"{column}\"");
    }
    let text = format!("parameter {parameter} of type {type} cannot be written");
    Error::conversion(text).with_source(cause).unsent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn parameters_that_do_not_fit_are_named_and_nothing_is_written() {
        let write = |params: &dyn Params| {
            let mut out = Parts::default();
            let types = [Type::INT4, Type::TEXT];
            let error = write_run(&mut out, "s", &types, &[], params, Until::End).unwrap_err();
            assert!(out.is_empty() && error.is_unsent() && !error.is_retryable());
            (error.kind(), error.to_string())
        };
        let text = "the statement takes 2 parameters, but 1 was given".to_owned();
        assert_eq!(write(&(1_i32,)), (Kind::Usage, text));
        let text = "the statement takes 2 parameters, but 3 were given".to_owned();
        assert_eq!(write(&(1_i32, "a", 2)), (Kind::Usage, text));
        let text = "parameter $1 of type int4 cannot be written".to_owned();
        assert_eq!(write(&(1_i64, "a")), (Kind::Conversion, text));
    }
}
