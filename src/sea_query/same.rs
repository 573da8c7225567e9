//! Whether a row holds the values of a tuple.

use bytes::BytesMut;
use postgres_types::{FromSql, IsNull, ToSql, Type};

use crate::session::{Column, Row};
use crate::types::{self, Numeric, Params};

/// Whether a row has just these values, as they are written in the types of its columns.
///
/// The server sees more as the same: in a `char(n)` the spaces at the end mean nothing, in a `citext` the case, and in
/// arrays, ranges and records each number may be written in several ways.
pub(crate) fn same_values(row: Row<'_>, values: &dyn Params) -> bool {
    row.len() == values.count()
        && row.values().enumerate().all(|(index, (column, raw))| {
            values.at(index).is_some_and(|value| same_value(column, raw, value))
        })
}

/// Whether two rows have the same values.
pub(crate) fn same_rows(row: Row<'_>, other: Row<'_>) -> bool {
    row.len() == other.len()
        && row.values().zip(other.values()).all(|((column, raw), (other_column, other_raw))| {
            column.read_as() == other_column.read_as()
                && match (raw, other_raw) {
                    (Some(raw), Some(other)) => same_bytes(column.read_as(), raw, other),
                    (raw, other) => raw == other,
                }
        })
}

/// The value is written in the type of the column. One that cannot be is another value.
fn same_value(column: &Column, raw: Option<&[u8]>, value: &dyn ToSql) -> bool {
    let (r#type, mut written) = (column.read_as(), BytesMut::new());
    match (types::write(value, r#type, &mut written), raw) {
        (Ok(IsNull::No), Some(raw)) => same_bytes(r#type, raw, &written),
        (Ok(IsNull::Yes), None) => true,
        (Ok(IsNull::No), None) | (Ok(IsNull::Yes), Some(_)) | (Err(_), _) => false,
    }
}

/// The same value has the same bytes, but for the types that have several for one.
fn same_bytes(r#type: &Type, raw: &[u8], other: &[u8]) -> bool {
    let plain = types::plain(r#type);
    raw == other
        || match *plain.as_ref().unwrap_or(r#type) {
            Type::NUMERIC => reads_same::<Numeric>(raw, other, &Type::NUMERIC),
            Type::FLOAT4 => reads_same::<f32>(raw, other, &Type::FLOAT4),
            Type::FLOAT8 => reads_same::<f64>(raw, other, &Type::FLOAT8),
            _ => false,
        }
}

fn reads_same<'r, T: FromSql<'r> + PartialEq>(
    raw: &'r [u8],
    other: &'r [u8],
    r#type: &Type,
) -> bool {
    match (T::from_sql(r#type, raw), T::from_sql(r#type, other)) {
        (Ok(value), Ok(other)) => value == other,
        _ => false,
    }
}
