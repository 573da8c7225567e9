//! `Value`: one value as serde sees it.

use std::error::Error as StdError;
use std::vec;

use postgres_types::{FromSql, Kind, Type};
use serde::Deserializer;
use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{IntoDeserializer, Visitor};

use crate::error::Error;
use crate::session::column::Column;
use crate::session::de::error::DeError;
use crate::types::{
    Array, Bits, Cidr, Date, Fields, FromRecord, Inet, Interval, MacAddr, MacAddr8, Numeric, PgLsn,
    Tid, Time, TimeTz, Timestamp, Timestamptz, Xid8, accepts, plain, read, read_record,
};

/// One value as serde sees it: that of a column, of an array, or of a record.
#[derive(Clone, Debug)]
pub(crate) struct Value<'r> {
    r#type: Type,
    raw: Option<&'r [u8]>,
    /// How many arrays and records it stands in.
    depth: u8,
}

/// How deep arrays and records may stand in one another: each level takes room on the stack, and the server says
/// how many there are. JSON has the same limit.
const MOST_DEPTH: u8 = 128;

impl<'r> Value<'r> {
    pub(crate) fn of(column: &Column, raw: Option<&'r [u8]>) -> Self {
        Self { r#type: column.read_as().clone(), raw, depth: 0 }
    }

    fn read<T: FromSql<'r>>(&self) -> Result<T, DeError> {
        Ok(read(&self.r#type, self.raw)?)
    }

    fn text<T: FromSql<'r> + ToString>(&self) -> Result<String, DeError> {
        self.read::<T>().map(|value| value.to_string())
    }

    fn is(&self, types: &[Type]) -> bool {
        types.contains(&self.r#type)
    }

    /// The JSON in the value, if it is of such a type and not NULL.
    fn json(&self) -> Result<Option<&'r [u8]>, DeError> {
        match (&self.r#type, self.raw) {
            (&Type::JSON, raw) => Ok(raw),
            (&Type::JSONB, Some([1, raw @ ..])) => Ok(Some(raw)),
            (&Type::JSONB, Some(_)) => Err(DeError::new("it is jsonb of an unknown version")),
            _ => Ok(None),
        }
    }

    /// The value as the server writes it, in ISO 8601 where serde's types know nothing else.
    fn printed(&self) -> Result<Option<String>, DeError> {
        Ok(Some(match self.r#type {
            Type::UUID => uuid(self.raw.unwrap_or_default())?,
            Type::NUMERIC => self.text::<Numeric>()?,
            Type::DATE => self.text::<Date>()?,
            Type::TIME => self.text::<Time>()?,
            Type::TIMETZ => self.text::<TimeTz>()?,
            Type::TIMESTAMP => iso(&self.text::<Timestamp>()?),
            Type::TIMESTAMPTZ => iso(&self.text::<Timestamptz>()?),
            Type::INTERVAL => self.text::<Interval>()?,
            Type::BIT | Type::VARBIT => self.text::<Bits>()?,
            Type::INET => self.text::<Inet>()?,
            Type::CIDR => self.text::<Cidr>()?,
            Type::MACADDR => self.text::<MacAddr>()?,
            Type::MACADDR8 => self.text::<MacAddr8>()?,
            Type::PG_LSN => self.text::<PgLsn>()?,
            Type::XID8 => self.text::<Xid8>()?,
            Type::TID => self.text::<Tid>()?,
            _ => return Ok(None),
        }))
    }

    /// What is no scalar, and what is one by another name.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a new kind has no form yet")]
    fn visit_other<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.r#type.kind() {
            Kind::Array(_) => {
                let array = self.read::<Array<Self>>()?;
                let lengths: Vec<_> = array.dimensions().iter().map(|one| one.length).collect();
                let elements = self.within(array.into_elements())?;
                Nested { lengths, elements }.deserialize_any(visitor)
            }
            Kind::Composite(fields) => {
                let names = fields.iter().map(postgres_types::Field::name);
                visitor.visit_map(MapDeserializer::new(names.zip(self.members()?)))
            }
            _ if self.r#type == Type::RECORD => {
                visitor.visit_seq(SeqDeserializer::new(self.members()?.into_iter()))
            }
            _ if accepts::<&str>(&self.r#type) => visitor.visit_borrowed_str(self.read()?),
            _ => match plain(&self.r#type) {
                Some(plain) => Value { r#type: plain, ..self }.deserialize_any(visitor),
                None => Err(DeError::new(format!("there is no form for type {}", self.r#type))),
            },
        }
    }

    /// The fields of a record.
    fn members(&self) -> Result<Vec<Self>, DeError> {
        let members: Members<'r> = read_record(&self.r#type, self.raw.unwrap_or_default())?;
        self.within(members.0)
    }

    /// The values that stand in this one, one level deeper.
    fn within(&self, values: Vec<Self>) -> Result<Vec<Self>, DeError> {
        if self.depth == MOST_DEPTH {
            return Err(DeError::new("arrays and records stand too deep in one another"));
        }
        let depth = self.depth + 1;
        Ok(values.into_iter().map(|value| Self { depth, ..value }).collect())
    }

    /// The value as an integer, if it is a `numeric`.
    fn whole(&self) -> Result<Option<i128>, DeError> {
        if self.raw.is_none() || self.r#type != Type::NUMERIC {
            return Ok(None);
        }
        let text = self.text::<Numeric>()?;
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let whole = whole.parse().ok().filter(|_| fraction.bytes().all(|digit| digit == b'0'));
        whole.map(Some).ok_or_else(|| DeError::new("the number is no integer, or too large"))
    }
}

/// `date time` as ISO 8601 has it; what it cannot write is left alone.
fn iso(text: &str) -> String {
    if text.ends_with(" BC") {
        return text.to_owned();
    }
    let text = text.replacen(' ', "T", 1);
    if text.ends_with("+00") { text + ":00" } else { text }
}

fn uuid(raw: &[u8]) -> Result<String, DeError> {
    let raw = <[u8; 16]>::try_from(raw).map_err(|_| DeError::new("a uuid has 16 bytes"))?;
    let digits = format!("{:032x}", u128::from_be_bytes(raw));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part).unwrap_or(""));
    Ok(parts.join("-"))
}

impl<'r> FromSql<'r> for Value<'r> {
    fn from_sql(r#type: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self { r#type: r#type.clone(), raw: Some(raw), depth: 0 })
    }

    fn from_sql_null(r#type: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self { r#type: r#type.clone(), raw: None, depth: 0 })
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The fields of a record.
struct Members<'r>(Vec<Value<'r>>);

impl<'r> FromRecord<'r> for Members<'r> {
    fn accepts_fields(_: &[postgres_types::Field]) -> bool {
        true
    }

    fn from_record(record: &mut Fields<'r, '_>) -> Result<Self, Error> {
        (0..record.len()).map(|position| record.field(position)).collect::<Result<_, _>>().map(Self)
    }
}

/// The elements of an array that are below some of its subscripts.
struct Nested<'r> {
    /// How many there are of each dimension that is left.
    lengths: Vec<usize>,
    elements: Vec<Value<'r>>,
}

impl<'r> Deserializer<'r> for Nested<'r> {
    type Error = DeError;

    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        let Some((first, rest)) = self.lengths.split_first().filter(|(_, rest)| !rest.is_empty())
        else {
            return visitor.visit_seq(SeqDeserializer::new(self.elements.into_iter()));
        };
        let size = self.elements.len().checked_div(*first).unwrap_or(0).max(1);
        let parts: vec::IntoIter<Nested<'r>> = self
            .elements
            .chunks(size)
            .map(|part| Nested { lengths: rest.to_vec(), elements: part.to_vec() })
            .collect::<Vec<_>>()
            .into_iter();
        visitor.visit_seq(SeqDeserializer::new(parts))
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'r>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'r> IntoDeserializer<'r, DeError> for Nested<'r> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'r> IntoDeserializer<'r, DeError> for Value<'r> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
            match self.whole()? {
                // Those of 64 bits are what visitors know.
                Some(whole) => match (i64::try_from(whole), u64::try_from(whole)) {
                    (Ok(whole), _) => visitor.visit_i64(whole),
                    (_, Ok(whole)) => visitor.visit_u64(whole),
                    _ => visitor.visit_i128(whole),
                },
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'r> Deserializer<'r> for Value<'r> {
    type Error = DeError;

    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.raw.is_none() {
            return visitor.visit_none();
        }
        if let Some(json) = self.json()? {
            let mut json = serde_json::Deserializer::from_slice(json);
            let value = json.deserialize_any(visitor)?;
            json.end()?;
            return Ok(value);
        }
        match self.r#type {
            Type::BOOL => visitor.visit_bool(self.read()?),
            Type::CHAR => visitor.visit_i8(self.read()?),
            Type::INT2 => visitor.visit_i16(self.read()?),
            Type::INT4 => visitor.visit_i32(self.read()?),
            Type::INT8 => visitor.visit_i64(self.read()?),
            Type::OID => visitor.visit_u32(self.read()?),
            Type::FLOAT4 => visitor.visit_f32(self.read()?),
            Type::FLOAT8 => visitor.visit_f64(self.read()?),
            Type::BYTEA => visitor.visit_borrowed_bytes(self.read()?),
            Type::VOID => visitor.visit_unit(),
            _ => match self.printed()? {
                Some(text) => visitor.visit_string(text),
                None => self.visit_other(visitor),
            },
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_f32<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.raw.is_some() && self.is(&[Type::INT4, Type::INT8, Type::OID, Type::FLOAT8]) {
            return Err(DeError::new("a `f32` cannot hold every value of it"));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_f64<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.raw.is_some() && self.is(&[Type::INT8]) {
            return Err(DeError::new("a `f64` cannot hold every value of it"));
        }
        self.deserialize_any(visitor)
    }

    /// Nobody wants it, whatever it is.
    fn deserialize_ignored_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.raw.is_none() || self.json()?.is_some_and(|json| json.trim_ascii() == b"null") {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'r>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        if let Some(json) = self.json()? {
            let mut json = serde_json::Deserializer::from_slice(json);
            let value = json.deserialize_enum(name, variants, visitor)?;
            json.end()?;
            return Ok(value);
        }
        if self.raw.is_none() || !accepts::<&str>(&self.r#type) {
            // Nothing but text names a variant; this says so.
            return self.deserialize_any(visitor);
        }
        let text: BorrowedStrDeserializer<'r, DeError> = BorrowedStrDeserializer::new(self.read()?);
        text.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'r>>
        bool char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn taken<T: for<'r> Deserialize<'r>>(r#type: &Type, raw: &[u8]) -> Result<T, DeError> {
        T::deserialize(Value { r#type: r#type.clone(), raw: Some(raw), depth: 0 })
    }

    #[test]
    fn hostile_bytes_are_errors() {
        let types = [
            Type::BOOL,
            Type::INT4,
            Type::FLOAT8,
            Type::TEXT,
            Type::JSON,
            Type::JSONB,
            Type::UUID,
            Type::NUMERIC,
            Type::TIMESTAMPTZ,
            Type::INTERVAL,
            Type::VARBIT,
            Type::INET,
            Type::INT4_ARRAY,
            Type::TEXT_ARRAY,
            Type::RECORD,
            Type::RECORD_ARRAY,
        ];
        for r#type in &types {
            for length in 0..48_usize {
                for seed in 0..64_usize {
                    // Small numbers, so that lengths and counts are often believed.
                    let byte =
                        |at: usize| u8::try_from((at * 7 + seed * at * at) % 11 / 6).unwrap();
                    let bytes: Vec<_> = (0..length).map(byte).collect();
                    let _ = taken::<serde_json::Value>(r#type, &bytes);
                    let _ = taken::<Vec<Vec<i32>>>(r#type, &bytes);
                    let _ = taken::<i64>(r#type, &bytes);
                }
            }
            assert!(taken::<serde_json::Value>(r#type, &[0xff; 3]).is_err(), "{type}");
        }
        assert!(taken::<i32>(&Type::JSONB, b"\x027").is_err(), "an unknown version");
        assert_eq!(taken::<i32>(&Type::JSONB, b"\x017").unwrap(), 7);
        assert!(taken::<i32>(&Type::JSON, b"7 8").is_err(), "more than one document");
    }

    #[test]
    fn records_cannot_stand_in_one_another_without_end() {
        let wrapped = |levels: usize| {
            (0..levels).fold(b"\0\0\0\0".to_vec(), |inner, _| {
                let length = u32::try_from(inner.len()).unwrap().to_be_bytes();
                [&b"\0\0\0\x01\0\0\x08\xc9"[..], &length, &inner].concat()
            })
        };
        assert!(taken::<serde_json::Value>(&Type::RECORD, &wrapped(100)).is_ok());
        let error = taken::<serde_json::Value>(&Type::RECORD, &wrapped(10_000)).unwrap_err();
        assert!(error.to_string().contains("too deep"), "{error}");
    }

    #[test]
    fn arrays_of_several_dimensions_are_sequences_of_sequences() {
        let element = |number: u8| [0, 0, 0, 4, 0, 0, 0, number];
        let head = b"\0\0\0\x02\0\0\0\0\0\0\0\x17\0\0\0\x03\0\0\0\x01\0\0\0\x02\0\0\0\x01";
        let raw = [&head[..], &[1, 2, 3, 4, 5, 6].map(element).concat()].concat();
        let rows: Vec<Vec<i32>> = taken(&Type::INT4_ARRAY, &raw).unwrap();
        assert_eq!(rows, [[1, 2], [3, 4], [5, 6]]);
        assert!(taken::<Vec<i32>>(&Type::INT4_ARRAY, &raw).is_err());
    }

    #[test]
    fn a_whole_number_may_be_larger_than_64_bits() {
        // 10^20 as one digit of weight 5.
        let raw = b"\0\x01\0\x05\0\0\0\0\0\x01";
        assert_eq!(taken::<i128>(&Type::NUMERIC, raw).unwrap(), 100_000_000_000_000_000_000);
        assert!(taken::<i64>(&Type::NUMERIC, raw).is_err());
        assert_eq!(taken::<String>(&Type::NUMERIC, raw).unwrap(), "100000000000000000000");
    }
}
