//! Writes parameters: Bind with each value in the type that the statement expects.

use std::num::NonZeroU32;

use bytes::BytesMut;
use postgres_types::{IsNull, ToSql, Type};

use crate::error::Error;
use crate::flow::{End, Protocol, Request};
use crate::message::{Encode, Execute, Flush, Format, Value, write_bind, write_bind_with_head};
use crate::session::column::Column;
use crate::session::statement::Statement;
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
                out.extend_from_slice(&Execute::WHOLE_AND_SYNC);
                Ok(())
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
    // None of them stand for all being binary.
    let any_text = columns.iter().any(|column| column.format() == Format::Text);
    let results: Vec<_> =
        if any_text { columns.iter().map(Column::format).collect() } else { Vec::new() };
    let written = write_bind(out, statement, given, &[], &results, |index, out| {
        write_binary(params, types, index, out)
    });
    match written {
        Ok(()) => Ok(()),
        Err(Unwritten::Error(error)) => Err(error),
        Err(Unwritten::IsText) => write_bound_with_texts(out, statement, types, &results, params),
    }
}

/// Writes Bind, Execute and Sync for a statement whose Bind begins with `head`, and which takes so many parameters.
pub(crate) fn write_whole_run(
    out: &mut Parts,
    head: &[u8],
    statement: &Statement,
    params: &dyn Params,
) -> Result<(), Error> {
    let types = statement.params();
    let written = write_bind_with_head(out, head, types.len(), |index, out| {
        write_binary(params, types, index, out)
    });
    match written {
        Ok(()) => {}
        Err(Unwritten::Error(error)) => return Err(error),
        Err(Unwritten::IsText) => {
            write_bound_with_texts(out, statement.name(), types, &[], params)?;
        }
    }
    Until::End.write(out)
}

/// Writes a parameter that is not text.
#[inline]
fn write_binary(
    params: &dyn Params,
    types: &[Type],
    index: usize,
    out: &mut BytesMut,
) -> Result<Value, Unwritten> {
    let Some((value, r#type)) = params.at(index).zip(types.get(index)) else {
        return Ok(Value::Null);
    };
    if format(value, r#type) == Format::Text {
        return Err(Unwritten::IsText);
    }
    write_value(value, r#type, out)
        .map_err(|error| not_written(params, index, r#type, error).into())
}

/// Why Bind could not be written with all parameters in binary format, as nearly always they are.
enum Unwritten {
    Error(Error),
    /// A parameter is text: then the message says of each what it is.
    IsText,
}

impl From<Error> for Unwritten {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Writes Bind with parameters of which some are text.
#[cold]
fn write_bound_with_texts(
    out: &mut Parts,
    statement: &str,
    types: &[Type],
    results: &[Format],
    params: &dyn Params,
) -> Result<(), Error> {
    let param = |index| Some((params.at(index)?, types.get(index)?));
    let format =
        |index| param(index).map_or(Format::Binary, |(value, r#type)| format(value, r#type));
    let formats: Vec<_> = (0..types.len()).map(format).collect();
    write_bind(out, statement, types.len(), &formats, results, |index, out| match param(index) {
        Some((value, r#type)) => write_value(value, r#type, out)
            .map_err(|error| not_written(params, index, r#type, error)),
        None => Ok(Value::Null),
    })
}

#[inline]
fn format(value: &dyn ToSql, r#type: &Type) -> Format {
    match value.encode_format(r#type) {
        postgres_types::Format::Text => Format::Text,
        postgres_types::Format::Binary => Format::Binary,
    }
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

type Cause = Box<dyn std::error::Error + Sync + Send>;

#[inline]
fn write_value(value: &dyn ToSql, r#type: &Type, out: &mut BytesMut) -> Result<Value, Cause> {
    match types::write(value, r#type, out)? {
        IsNull::No => Ok(Value::Written),
        IsNull::Yes => Ok(Value::Null),
    }
}

/// The cause tells the Rust type.
#[cold]
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
    use crate::types::TsQuery;

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

    #[test]
    fn where_a_parameter_is_text_each_has_its_format() {
        let mut out = Parts::default();
        out.extend_from_slice(b"before");
        let types = [Type::INT4, Type::TSQUERY];
        write_bound(&mut out, "s", &types, &[], &(7_i32, TsQuery::default())).unwrap();
        let vector = b"beforeB\0\0\0\x1f\0s\0\0\x02\0\x01\0\0\
                       \0\x02\0\0\0\x04\0\0\0\x07\0\0\0\0\0\x01\0\x01";
        assert_eq!(&out[..], vector);
    }
}
