//! The binder: a value of SeaQuery in the type that the server expects.

use std::error::Error as StdError;

use bytes::BytesMut;
use postgres_types::{IsNull, ToSql, Type, WrongType};
use sea_query::Value;

type Failure = Box<dyn StdError + Sync + Send>;

/// Writes a value in the type that the server expects, if it fits.
pub(crate) fn write(value: &Value, r#type: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "features of SeaQuery add variants")]
    match value {
        Value::Bool(value) => value.to_sql_checked(r#type, out),
        Value::SmallInt(value) => value.to_sql_checked(r#type, out),
        Value::Int(value) => value.to_sql_checked(r#type, out),
        Value::BigInt(value) => value.to_sql_checked(r#type, out),
        Value::Float(value) => value.to_sql_checked(r#type, out),
        Value::Double(value) => value.to_sql_checked(r#type, out),
        Value::String(value) => value.to_sql_checked(r#type, out),
        Value::Bytes(value) => value.to_sql_checked(r#type, out),
        _ => Err(Box::new(WrongType::new::<Value>(r#type.clone()))),
    }
}
