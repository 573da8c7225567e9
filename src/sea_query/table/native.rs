//! The types that SeaQuery has values of.

use sea_query::{ArrayType, ColumnType, Value};

use crate::sea_query::table::column_value::ColumnValue;

macro_rules! native {
    ($($(#[$feature:meta])* $type:ty: $variant:ident, $column:expr, $convert:expr;)*) => {$(
        $(#[$feature])*
        impl ColumnValue for $type {
            fn column_type() -> ColumnType {
                $column
            }

            fn array_type() -> ArrayType {
                ArrayType::$variant
            }

            fn null() -> Value {
                Value::$variant(None)
            }

            fn to_value(&self) -> Value {
                let convert: fn(&Self) -> _ = $convert;
                Value::$variant(Some(convert(self)))
            }
        }
    )*};
}

native! {
    bool: Bool, ColumnType::Boolean, |value| *value;
    i16: SmallInt, ColumnType::SmallInteger, |value| *value;
    i32: Int, ColumnType::Integer, |value| *value;
    i64: BigInt, ColumnType::BigInteger, |value| *value;
    f32: Float, ColumnType::Float, |value| *value;
    f64: Double, ColumnType::Double, |value| *value;
    str: String, ColumnType::Text, |value| value.to_owned();
    String: String, ColumnType::Text, Clone::clone;
    Box<str>: String, ColumnType::Text, |value| value.to_string();
    [u8]: Bytes, ColumnType::Blob, |value| value.to_vec();
    Vec<u8>: Bytes, ColumnType::Blob, Clone::clone;
    #[cfg(feature = "with-serde_json-1")]
    sea_query::value::prelude::Json: Json, ColumnType::JsonBinary, |value| Box::new(value.clone());
    #[cfg(feature = "with-uuid-1")]
    sea_query::value::prelude::Uuid: Uuid, ColumnType::Uuid, |value| *value;
    #[cfg(feature = "with-chrono-0_4")]
    sea_query::value::prelude::NaiveDate: ChronoDate, ColumnType::Date, |value| *value;
    #[cfg(feature = "with-chrono-0_4")]
    sea_query::value::prelude::NaiveTime: ChronoTime, ColumnType::Time, |value| *value;
    #[cfg(feature = "with-chrono-0_4")]
    sea_query::value::prelude::NaiveDateTime: ChronoDateTime, ColumnType::Timestamp, |value| *value;
    #[cfg(feature = "with-chrono-0_4")]
    sea_query::value::prelude::DateTime<sea_query::value::prelude::Utc>:
        ChronoDateTimeUtc, ColumnType::TimestampWithTimeZone, |value| *value;
    #[cfg(feature = "with-chrono-0_4")]
    sea_query::value::prelude::DateTime<sea_query::value::prelude::Local>:
        ChronoDateTimeLocal, ColumnType::TimestampWithTimeZone, |value| *value;
    #[cfg(feature = "with-chrono-0_4")]
    sea_query::value::prelude::DateTime<sea_query::value::prelude::FixedOffset>:
        ChronoDateTimeWithTimeZone, ColumnType::TimestampWithTimeZone, |value| *value;
    #[cfg(feature = "with-time-0_3")]
    sea_query::value::prelude::time::Date: TimeDate, ColumnType::Date, |value| *value;
    #[cfg(feature = "with-time-0_3")]
    sea_query::value::prelude::time::Time: TimeTime, ColumnType::Time, |value| *value;
    #[cfg(feature = "with-time-0_3")]
    sea_query::value::prelude::PrimitiveDateTime: TimeDateTime, ColumnType::Timestamp, |value| *value;
    #[cfg(feature = "with-time-0_3")]
    sea_query::value::prelude::OffsetDateTime:
        TimeDateTimeWithTimeZone, ColumnType::TimestampWithTimeZone, |value| *value;
    #[cfg(feature = "with-jiff-0_2")]
    sea_query::value::prelude::jiff::civil::Date: JiffDate, ColumnType::Date, |value| *value;
    #[cfg(feature = "with-jiff-0_2")]
    sea_query::value::prelude::jiff::civil::Time: JiffTime, ColumnType::Time, |value| *value;
    #[cfg(feature = "with-jiff-0_2")]
    sea_query::value::prelude::jiff::civil::DateTime:
        JiffDateTime, ColumnType::Timestamp, |value| Box::new(*value);
    #[cfg(feature = "with-jiff-0_2")]
    sea_query::value::prelude::jiff::Timestamp:
        JiffTimestamp, ColumnType::TimestampWithTimeZone, |value| Box::new(*value);
    #[cfg(feature = "with-rust_decimal-1")]
    sea_query::value::prelude::Decimal: Decimal, ColumnType::Decimal(None), |value| *value;
    #[cfg(feature = "with-bigdecimal-0_4")]
    sea_query::value::prelude::BigDecimal:
        BigDecimal, ColumnType::Decimal(None), |value| Box::new(value.clone());
    #[cfg(feature = "with-ipnetwork-0_21")]
    sea_query::value::prelude::IpNetwork: IpNetwork, ColumnType::Inet, |value| *value;
    #[cfg(feature = "with-mac_address-1")]
    sea_query::value::prelude::MacAddress: MacAddress, ColumnType::MacAddr, |value| *value;
}
