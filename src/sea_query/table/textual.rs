//! The types that SeaQuery has no values of: they go as text, and the server casts them.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::net::IpAddr;

#[cfg(feature = "with-serde_json-1")]
use bytes::BytesMut;
#[cfg(feature = "with-serde_json-1")]
use postgres_types::{Json, ToSql, Type};
use sea_query::{ArrayType, ColumnType, Expr, TypeRef, Value};

use crate::sea_query::table::column_value::ColumnValue;
use crate::types::{
    Bits, Cidr, Circle, Date, Hstore, Inet, Interval, Line, LineSegment, MacAddr, MacAddr8,
    Multirange, Numeric, Path, PgLsn, PgSnapshot, Point, Polygon, Range, Rectangle, Tid, Time,
    TimeTz, Timestamp, Timestamptz, TsQuery, TsVector, Xid8,
};

/// What a text is cast into, and what the column is.
macro_rules! cast_into {
    ($name:expr) => {
        fn column_type() -> ColumnType {
            ColumnType::custom($name)
        }

        fn array_type() -> ArrayType {
            ArrayType::String
        }

        fn null() -> Value {
            Value::String(None)
        }

        fn cast() -> Option<TypeRef> {
            Some(TypeRef(None, $name.into()))
        }
    };
}

macro_rules! textual {
    ($($type:ty: $name:literal;)*) => {$(
        impl ColumnValue for $type {
            cast_into!($name);

            fn to_value(&self) -> Value {
                self.to_string().into()
            }
        }

        impl From<$type> for Expr {
            fn from(value: $type) -> Self {
                value.to_expr()
            }
        }
    )*};
}

textual! {
    Numeric: "numeric";
    Date: "date";
    Time: "time";
    TimeTz: "timetz";
    Timestamp: "timestamp";
    Timestamptz: "timestamptz";
    Interval: "interval";
    Bits: "varbit";
    Xid8: "xid8";
    Tid: "tid";
    PgLsn: "pg_lsn";
    PgSnapshot: "pg_snapshot";
    Inet: "inet";
    Cidr: "cidr";
    MacAddr: "macaddr";
    MacAddr8: "macaddr8";
    Point: "point";
    Line: "line";
    LineSegment: "lseg";
    Rectangle: "box";
    Path: "path";
    Polygon: "polygon";
    Circle: "circle";
    TsVector: "tsvector";
    TsQuery: "tsquery";
    Hstore: "hstore";
    Range<i32>: "int4range";
    Range<i64>: "int8range";
    Range<Numeric>: "numrange";
    Range<Date>: "daterange";
    Range<Timestamp>: "tsrange";
    Range<Timestamptz>: "tstzrange";
    Multirange<i32>: "int4multirange";
    Multirange<i64>: "int8multirange";
    Multirange<Numeric>: "nummultirange";
    Multirange<Date>: "datemultirange";
    Multirange<Timestamp>: "tsmultirange";
    Multirange<Timestamptz>: "tstzmultirange";
}

impl ColumnValue for IpAddr {
    cast_into!("inet");

    fn to_value(&self) -> Value {
        self.to_string().into()
    }
}

/// Pairs as `Hstore` writes them.
fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, &'a Option<String>)>) -> Value {
    pairs.map(|(key, value)| (key.as_str(), value.as_deref())).collect::<Hstore>().to_value()
}

impl<S: BuildHasher> ColumnValue for HashMap<String, Option<String>, S> {
    cast_into!("hstore");

    fn to_value(&self) -> Value {
        pairs(self.iter())
    }
}

impl ColumnValue for BTreeMap<String, Option<String>> {
    cast_into!("hstore");

    fn to_value(&self) -> Value {
        pairs(self.iter())
    }
}

/// What serde cannot write is refused by the server, since this is no JSON. The error of serde can hold values.
#[cfg(feature = "with-serde_json-1")]
const NOT_WRITTEN: &str = "not to be written as JSON";

#[cfg(feature = "with-serde_json-1")]
impl<T> ColumnValue for Json<T>
where
    Self: ToSql,
{
    cast_into!("jsonb");

    fn to_value(&self) -> Value {
        let mut text = BytesMut::new();
        let written = self.to_sql(&Type::JSON, &mut text);
        let text = written.map(|_| String::from_utf8_lossy(&text).into_owned());
        text.unwrap_or_else(|_| NOT_WRITTEN.to_owned()).into()
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "with-serde_json-1")]
    #[test]
    fn what_is_not_to_be_written_as_json_tells_nothing() {
        use super::{BTreeMap, ColumnValue, Json, NOT_WRITTEN};

        let keys = Json(BTreeMap::from([(vec!["secret"], 1)]));
        assert_eq!(keys.to_value(), NOT_WRITTEN.into());
        assert_eq!(Json(["a"]).to_value(), r#"["a"]"#.into());
    }
}
