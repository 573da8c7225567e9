//! What the derives of tables and enums write calls to.

#![expect(
    clippy::missing_errors_doc,
    reason = "only derives call it, and they pass every error on"
)]

use std::error::Error as StdError;

use bytes::BytesMut;
use postgres_protocol::escape::escape_identifier;
#[cfg(feature = "with-serde_json-1")]
use postgres_types::Json;
use postgres_types::{IsNull, Kind, ToSql, Type};
use sea_query::{ColumnType, Expr};

use crate::error::Error;
use crate::sea_query::table::column_value::ColumnValue;
use crate::sea_query::table::enum_type::EnumType;

type Failure = Box<dyn StdError + Sync + Send>;

/// The value of a field that a function converts.
pub fn convert<T: ?Sized, V: ColumnValue>(convert: impl Fn(&T) -> V, value: &T) -> Expr {
    convert(value).to_expr()
}

/// The type of a column whose field a function converts.
pub fn converted_type<T: ?Sized, V: ColumnValue>(_: impl Fn(&T) -> V) -> ColumnType {
    V::column_type()
}

/// Whether a column whose field a function converts takes NULL.
pub fn is_nullable_by<T: ?Sized, V: ColumnValue>(_: impl Fn(&T) -> V) -> bool {
    V::is_nullable()
}

/// The value of a field that serde writes; `None` is NULL, in SQL as in JSON.
#[cfg(feature = "with-serde_json-1")]
pub fn json<'a, T>(value: Option<&'a T>) -> Expr
where
    Json<&'a T>: ToSql,
{
    value.map(Json).to_expr()
}

/// The type of a column of an enum.
pub fn enum_column<T: EnumType>() -> ColumnType {
    let names = T::SCHEMA.iter().chain([&T::NAME]);
    let quoted: Vec<_> = names.map(|name| escape_identifier(name)).collect();
    ColumnType::custom(quoted.join("."))
}

/// Writes the label of a value. Whether the type has it is for the server to say: labels can be added at any time.
pub fn to_label<T: EnumType>(
    value: T,
    r#type: &Type,
    out: &mut BytesMut,
) -> Result<IsNull, Failure> {
    // What other types of the same name ask for is nothing for an enum.
    let is_enum = matches!(r#type.kind(), Kind::Enum(_));
    value.label().to_sql(if is_enum { &Type::TEXT } else { r#type }, out)
}

/// Reads a label.
pub fn from_label<T: EnumType>(raw: &[u8]) -> Result<T, Failure> {
    let unknown = || Error::conversion(format!("a label is none of the enum \"{}\"", T::NAME));
    let label = std::str::from_utf8(raw)?;
    T::from_label(label).ok_or_else(|| unknown().into())
}
