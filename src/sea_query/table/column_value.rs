//! `ColumnValue`: which type of Rust goes into which type of column, and how.

use std::borrow::Cow;

use sea_query::{ArrayType, ColumnType, Expr, Func, RcOrArc, TypeRef, Value};

/// A type of Rust that a column holds.
///
/// It is implemented by most of what SeaQuery has a value of, by most types of [`aiopg::types`](crate::types), by
/// `Option` for what may be NULL, and by `Vec` for arrays. [`EnumType`](crate::sea_query::EnumType) has a derive that
/// adds it. Values of SeaQuery without it are `char`, `i8`, `u8`, `u16`, `u32` and `u64`, for which the server has no
/// type of that name and range, and the types of pgvector and of SeaQuery's own ranges.
///
/// | type | column |
/// |---|---|
/// | `bool`, `i16`, `i32`, `i64`, `f32`, `f64` | `bool`, `smallint`, `integer`, `bigint`, `real`, `double precision` |
/// | `String`, `&str`, `Cow<str>`, `Vec<u8>`, `&[u8]` | `text`, `bytea` |
/// | dates and times of `chrono`, `time` and `jiff` | `date`, `time`, `timestamp`, `timestamptz` |
/// | `serde_json::Value`, `postgres_types::Json` | `jsonb` |
/// | `Uuid`, decimals, network addresses of other crates | the type of their name |
/// | [`Hstore`](crate::types::Hstore), maps of `String` and `Option<String>` | `hstore` |
/// | `Interval`, `Numeric`, `Timestamptz` and the others of [`aiopg::types`](crate::types) | the type of their name |
/// | enums with [`EnumType`](crate::sea_query::EnumType) | their own type |
/// | `Option<T>`, `Vec<T>` | that of `T`, without `NOT NULL`; an array of it |
///
/// # Examples
///
/// Types of one's own say what they are stored as. `FromSql`, or `try_from` of
/// [`FromRow`](crate::FromRow), is the way back.
///
/// ```
/// use aiopg::sea_query::ColumnValue;
/// use sea_query::{ArrayType, ColumnType, Value};
///
/// struct Tags(Vec<String>);
///
/// impl ColumnValue for Tags {
///     fn column_type() -> ColumnType {
///         String::column_type()
///     }
///
///     fn array_type() -> ArrayType {
///         String::array_type()
///     }
///
///     fn null() -> Value {
///         String::null()
///     }
///
///     fn to_value(&self) -> Value {
///         self.0.join(",").into()
///     }
/// }
///
/// let tags = Tags(vec!["big".to_owned(), "old".to_owned()]);
/// assert_eq!(tags.to_value(), "big,old".into());
/// ```
pub trait ColumnValue {
    /// Returns the type of a column for it.
    fn column_type() -> ColumnType;

    /// Returns what SeaQuery calls an array of it.
    fn array_type() -> ArrayType;

    /// Returns NULL, as a value of this type.
    fn null() -> Value;

    /// Returns the value that is bound.
    fn to_value(&self) -> Value;

    /// Tells whether its column takes NULL: that of an `Option` does.
    fn is_nullable() -> bool {
        false
    }

    /// Returns the type that the value is cast into, if it is bound as text although its column is none.
    fn cast() -> Option<TypeRef> {
        None
    }

    /// Returns a value as it stands in a statement: `$1`, or a cast of it.
    fn expression(value: Value) -> Expr {
        let Some(target) = Self::cast() else { return Expr::Value(value) };
        let text = if matches!(value, Value::Array(..)) { "text[]" } else { "text" };
        let text = Func::cast_as_quoted(Expr::Value(value), TypeRef(None, text.into()));
        Func::cast_as_quoted(text, target).into()
    }

    /// Returns this value as it stands in a statement.
    fn to_expr(&self) -> Expr {
        Self::expression(self.to_value())
    }
}

/// What holds a value in one way or another stands in the same column.
macro_rules! holders {
    ($([$($generics:tt)+] $holder:ty;)*) => {$(
        impl<$($generics)+> ColumnValue for $holder {
            fn column_type() -> ColumnType {
                T::column_type()
            }

            fn array_type() -> ArrayType {
                T::array_type()
            }

            fn null() -> Value {
                T::null()
            }

            fn to_value(&self) -> Value {
                T::to_value(self)
            }

            fn is_nullable() -> bool {
                T::is_nullable()
            }

            fn cast() -> Option<TypeRef> {
                T::cast()
            }
        }
    )*};
}

holders! {
    [T: ColumnValue + ?Sized] &T;
    [T: ColumnValue + ToOwned + ?Sized] Cow<'_, T>;
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    fn column_type() -> ColumnType {
        T::column_type()
    }

    fn array_type() -> ArrayType {
        T::array_type()
    }

    fn null() -> Value {
        T::null()
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or_else(T::null, T::to_value)
    }

    fn is_nullable() -> bool {
        true
    }

    fn cast() -> Option<TypeRef> {
        T::cast()
    }
}

impl<T: ColumnValue> ColumnValue for Vec<T> {
    fn column_type() -> ColumnType {
        ColumnType::Array(RcOrArc::new(T::column_type()))
    }

    fn array_type() -> ArrayType {
        T::array_type()
    }

    fn null() -> Value {
        Value::Array(T::array_type(), None)
    }

    fn to_value(&self) -> Value {
        let values = self.iter().map(T::to_value).collect();
        Value::Array(T::array_type(), Some(Box::new(values)))
    }

    fn cast() -> Option<TypeRef> {
        let TypeRef(schema, name) = T::cast()?;
        Some(TypeRef(schema, format!("{}[]", name.inner()).into()))
    }
}

#[cfg(test)]
mod tests {
    use sea_query::{PostgresQueryBuilder, Query};

    use super::*;
    use crate::types::Interval;

    fn text<T: ColumnValue>(value: &T) -> (String, Vec<Value>) {
        let (sql, values) = Query::select().expr(value.to_expr()).build(PostgresQueryBuilder);
        (sql, values.0)
    }

    #[test]
    fn what_seaquery_has_a_value_of_is_bound_as_it_is() {
        assert_eq!(text(&Some(1_i64)), ("SELECT $1".to_owned(), vec![Value::BigInt(Some(1))]));
        assert_eq!(text(&None::<i64>), ("SELECT $1".to_owned(), vec![Value::BigInt(None)]));
        let array = Value::Array(ArrayType::Int, Some(Box::new(vec![1.into(), Value::Int(None)])));
        assert_eq!(text(&vec![Some(1), None]), ("SELECT $1".to_owned(), vec![array]));
        assert_eq!(text(&vec![1_u8]), ("SELECT $1".to_owned(), vec![Value::Bytes(Some(vec![1]))]));
    }

    #[test]
    fn what_it_has_no_value_of_goes_as_text_and_is_cast() {
        let day = Interval { months: 0, days: 1, microseconds: 0 };
        let (sql, values) = text(&day);
        assert_eq!(sql, r#"SELECT CAST(CAST($1 AS "text") AS "interval")"#);
        assert_eq!(values, [Value::from(day.to_string())]);
        let (sql, values) = text(&vec![Some(day), None]);
        assert_eq!(sql, r#"SELECT CAST(CAST($1 AS "text"[]) AS "interval"[])"#);
        let elements = vec![day.to_string().into(), Value::String(None)];
        assert_eq!(values, [Value::Array(ArrayType::String, Some(Box::new(elements)))]);
        let (_, values) = text(&None::<Vec<Interval>>);
        assert_eq!(values, [Value::Array(ArrayType::String, None)]);
    }
}
