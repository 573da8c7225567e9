//! `sorted`: the family that a value of SeaQuery belongs to.

use sea_query::{OptionEnum, Value};

use crate::sea_query::binder::arrays::{Array, WriteValue};
use crate::sea_query::binder::booleans::Boolean;
use crate::sea_query::binder::bytes::Bytes;
use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::floats::{Double, Float};
use crate::sea_query::binder::integers::Integer;
#[cfg(feature = "with-serde_json-1")]
use crate::sea_query::binder::json::Document;
use crate::sea_query::binder::misfit::{Misfit, unsupported};
#[cfg(feature = "with-mac_address-1")]
use crate::sea_query::binder::network::Mac;
#[cfg(feature = "with-ipnetwork-0_21")]
use crate::sea_query::binder::network::Network;
#[cfg(feature = "with-rust_decimal-1")]
use crate::sea_query::binder::numeric::Decimal;
#[cfg(feature = "with-bigdecimal-0_4")]
use crate::sea_query::binder::numeric::of_big;
#[cfg(feature = "with-sea-query-postgres-types-0_1")]
use crate::sea_query::binder::ranges::Range;
use crate::sea_query::binder::text::{Character, Label, Text};
#[cfg(any(feature = "with-chrono-0_4", feature = "with-time-0_3", feature = "with-jiff-0_2"))]
use crate::sea_query::binder::times::Moment;
#[cfg(feature = "with-uuid-1")]
use crate::sea_query::binder::uuid::Uuid;
#[cfg(feature = "with-pgvector-0_4")]
use crate::sea_query::binder::vector::Vector;

/// A value of some family, `None` for NULL.
pub(crate) type Sorted<'f> = Result<Option<&'f dyn Family>, Misfit>;

/// Hands over the value as one of its family. `write` is for the elements of arrays.
pub(crate) fn sorted<T>(value: &Value, write: WriteValue, take: impl FnOnce(Sorted<'_>) -> T) -> T {
    if let Value::Array(kind, elements) = value {
        let array = elements.as_ref().map(|elements| Array { elements, kind, write });
        return hand(array, take);
    }
    // All of them but arrays.
    #[expect(clippy::wildcard_enum_match_arm, reason = "features of SeaQuery add variants")]
    match value {
        Value::Bool(value) => hand(value.map(Boolean), take),
        Value::TinyInt(value) => hand(value.map(Integer::from), take),
        Value::SmallInt(value) => hand(value.map(Integer::from), take),
        Value::Int(value) => hand(value.map(Integer::from), take),
        Value::BigInt(value) => hand(value.map(Integer::from), take),
        Value::TinyUnsigned(value) => hand(value.map(Integer::from), take),
        Value::SmallUnsigned(value) => hand(value.map(Integer::from), take),
        Value::Unsigned(value) => hand(value.map(Integer::from), take),
        Value::BigUnsigned(value) => hand(value.map(Integer::from), take),
        Value::Float(value) => hand(value.map(Float), take),
        Value::Double(value) => hand(value.map(Double), take),
        Value::String(value) => hand(value.as_deref().map(Text), take),
        Value::Char(value) => hand(value.map(Character), take),
        Value::Bytes(value) => hand(value.as_deref().map(Bytes), take),
        Value::Enum(OptionEnum::None(_)) => take(Ok(None)),
        Value::Enum(OptionEnum::Some(value)) => take(Ok(Some(&Label(value)))),
        _ => of_a_crate(value, take),
    }
}

/// A value of a type of another crate.
fn of_a_crate<T>(value: &Value, take: impl FnOnce(Sorted<'_>) -> T) -> T {
    match value {
        #[cfg(feature = "with-serde_json-1")]
        Value::Json(value) => hand(value.as_deref().map(Document), take),
        #[cfg(feature = "with-uuid-1")]
        Value::Uuid(value) => hand(value.as_ref().map(|uuid| Uuid(uuid.as_bytes())), take),
        #[cfg(feature = "with-rust_decimal-1")]
        Value::Decimal(value) => {
            let decimal = |unscaled, scale| Decimal { unscaled, scale };
            hand(value.map(|number| decimal(number.mantissa(), number.scale())), take)
        }
        #[cfg(feature = "with-bigdecimal-0_4")]
        Value::BigDecimal(value) => {
            let numeric = value.as_deref().map(|number| {
                let (unscaled, scale) = number.as_bigint_and_scale();
                of_big(unscaled, scale)
            });
            hand_made(numeric, take)
        }
        #[cfg(feature = "with-ipnetwork-0_21")]
        Value::IpNetwork(value) => {
            let network = |address, prefix_bits| Network { address, prefix_bits };
            hand(value.map(|given| network(given.ip(), given.prefix())), take)
        }
        #[cfg(feature = "with-mac_address-1")]
        Value::MacAddress(value) => hand(value.map(|address| Mac(address.bytes())), take),
        #[cfg(feature = "with-pgvector-0_4")]
        Value::Vector(value) => hand(value.as_ref().map(|vector| Vector(vector.as_slice())), take),
        #[cfg(feature = "with-sea-query-postgres-types-0_1")]
        Value::Range(value) => hand(value.as_deref().map(Range), take),
        _ => of_a_time(value, take),
    }
}

fn of_a_time<T>(value: &Value, take: impl FnOnce(Sorted<'_>) -> T) -> T {
    match value {
        #[cfg(feature = "with-chrono-0_4")]
        Value::ChronoDate(value) => hand_made(value.map(Moment::of_chrono_date), take),
        #[cfg(feature = "with-chrono-0_4")]
        Value::ChronoTime(value) => hand_made(value.map(Moment::of_chrono_time), take),
        #[cfg(feature = "with-chrono-0_4")]
        Value::ChronoDateTime(value) => hand_made(value.map(Moment::of_chrono_local), take),
        #[cfg(feature = "with-chrono-0_4")]
        Value::ChronoDateTimeUtc(value) => hand_made(value.as_ref().map(Moment::of_chrono), take),
        #[cfg(feature = "with-chrono-0_4")]
        Value::ChronoDateTimeLocal(value) => hand_made(value.as_ref().map(Moment::of_chrono), take),
        #[cfg(feature = "with-chrono-0_4")]
        Value::ChronoDateTimeWithTimeZone(value) => {
            hand_made(value.as_ref().map(Moment::of_chrono), take)
        }
        #[cfg(feature = "with-time-0_3")]
        Value::TimeDate(value) => hand_made(value.map(Moment::of_time_date), take),
        #[cfg(feature = "with-time-0_3")]
        Value::TimeTime(value) => hand_made(value.map(Moment::of_time_time), take),
        #[cfg(feature = "with-time-0_3")]
        Value::TimeDateTime(value) => hand_made(value.map(Moment::of_time_local), take),
        #[cfg(feature = "with-time-0_3")]
        Value::TimeDateTimeWithTimeZone(value) => hand_made(value.map(Moment::of_time), take),
        #[cfg(feature = "with-jiff-0_2")]
        Value::JiffDate(value) => hand_made(value.map(Moment::of_jiff_date), take),
        #[cfg(feature = "with-jiff-0_2")]
        Value::JiffTime(value) => hand_made(value.map(Moment::of_jiff_time), take),
        #[cfg(feature = "with-jiff-0_2")]
        Value::JiffDateTime(value) => {
            hand_made(value.as_deref().copied().map(Moment::of_jiff_local), take)
        }
        #[cfg(feature = "with-jiff-0_2")]
        Value::JiffTimestamp(value) => {
            hand_made(value.as_deref().copied().map(Moment::of_jiff), take)
        }
        _ if *value == value.as_null() => take(Ok(None)),
        _ => take(Err(Misfit::Told(unsupported(value)))),
    }
}

fn hand<F: Family, T>(family: Option<F>, take: impl FnOnce(Sorted<'_>) -> T) -> T {
    match family {
        Some(family) => take(Ok(Some(&family))),
        None => take(Ok(None)),
    }
}

#[cfg(any(
    feature = "with-bigdecimal-0_4",
    feature = "with-chrono-0_4",
    feature = "with-time-0_3",
    feature = "with-jiff-0_2"
))]
fn hand_made<F: Family, T>(
    family: Option<Result<F, Misfit>>,
    take: impl FnOnce(Sorted<'_>) -> T,
) -> T {
    match family {
        Some(Ok(family)) => take(Ok(Some(&family))),
        Some(Err(misfit)) => take(Err(misfit)),
        None => take(Ok(None)),
    }
}
