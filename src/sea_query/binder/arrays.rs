//! Arrays, element by element, into arrays of whatever takes the elements.

use bytes::{BufMut, BytesMut};
use postgres_types::{IsNull, Kind, Type};
use sea_query::{ArrayType, Value};

use crate::error::Error;
use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::Misfit;
use crate::types::put_behind_length;

/// Writes an element.
pub(crate) type WriteValue = fn(&Value, &Type, &mut BytesMut) -> Result<IsNull, Error>;

/// An array; one whose elements are arrays has as many dimensions more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Array<'v> {
    pub(crate) elements: &'v [Value],
    pub(crate) kind: &'v ArrayType,
    pub(crate) write: WriteValue,
}

/// The most dimensions that an array of the server has.
const MOST_DIMENSIONS: usize = 6;

impl Family for Array<'_> {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        let Kind::Array(member) = r#type.kind() else {
            return Err(Misfit::Kind(
                "an array is written in arrays only: cast it in the statement",
            ));
        };
        let (mut lengths, mut depth) = ([0_usize; MOST_DIMENSIONS], 0_usize);
        let mut elements = self.elements;
        for length in &mut lengths {
            *length = elements.len();
            depth += 1;
            let Some(Value::Array(_, Some(next))) = elements.first() else { break };
            elements = next;
        }
        let lengths = lengths.get(..depth).unwrap_or_default();
        let lengths = if lengths.contains(&0) { &[] } else { lengths };
        out.put_i32(i32::try_from(lengths.len()).unwrap_or_default());
        let flags = out.len();
        out.put_i32(0);
        out.put_u32(member.oid());
        for length in lengths {
            out.put_i32(i32::try_from(*length).map_err(|_| Misfit::value("it is too long"))?);
            out.put_i32(1);
        }
        let mut elements = Elements { member, write: self.write, position: 0, nulls: false };
        elements.put(self.elements, lengths, out)?;
        if elements.nulls
            && let Some(flag) = out.get_mut(flags + 3)
        {
            *flag = 1;
        }
        Ok(())
    }

    fn own_type(&self) -> Type {
        match self.kind {
            ArrayType::Bool => Type::BOOL_ARRAY,
            ArrayType::TinyInt | ArrayType::TinyUnsigned | ArrayType::SmallInt => Type::INT2_ARRAY,
            ArrayType::SmallUnsigned | ArrayType::Int => Type::INT4_ARRAY,
            ArrayType::BigUnsigned if any_beyond_int8(self.elements) => Type::NUMERIC_ARRAY,
            ArrayType::Unsigned | ArrayType::BigInt | ArrayType::BigUnsigned => Type::INT8_ARRAY,
            ArrayType::Float => Type::FLOAT4_ARRAY,
            ArrayType::Double => Type::FLOAT8_ARRAY,
            ArrayType::Bytes => Type::BYTEA_ARRAY,
            #[cfg(feature = "with-serde_json-1")]
            ArrayType::Json => Type::JSON_ARRAY,
            #[cfg(feature = "with-chrono-0_4")]
            ArrayType::ChronoDate => Type::DATE_ARRAY,
            #[cfg(feature = "with-chrono-0_4")]
            ArrayType::ChronoTime => Type::TIME_ARRAY,
            #[cfg(feature = "with-chrono-0_4")]
            ArrayType::ChronoDateTime => Type::TIMESTAMP_ARRAY,
            #[cfg(feature = "with-chrono-0_4")]
            ArrayType::ChronoDateTimeUtc
            | ArrayType::ChronoDateTimeLocal
            | ArrayType::ChronoDateTimeWithTimeZone => Type::TIMESTAMPTZ_ARRAY,
            #[cfg(feature = "with-time-0_3")]
            ArrayType::TimeDate => Type::DATE_ARRAY,
            #[cfg(feature = "with-time-0_3")]
            ArrayType::TimeTime => Type::TIME_ARRAY,
            #[cfg(feature = "with-time-0_3")]
            ArrayType::TimeDateTime => Type::TIMESTAMP_ARRAY,
            #[cfg(feature = "with-time-0_3")]
            ArrayType::TimeDateTimeWithTimeZone => Type::TIMESTAMPTZ_ARRAY,
            #[cfg(feature = "with-jiff-0_2")]
            ArrayType::JiffDate => Type::DATE_ARRAY,
            #[cfg(feature = "with-jiff-0_2")]
            ArrayType::JiffTime => Type::TIME_ARRAY,
            #[cfg(feature = "with-jiff-0_2")]
            ArrayType::JiffDateTime => Type::TIMESTAMP_ARRAY,
            #[cfg(feature = "with-jiff-0_2")]
            ArrayType::JiffTimestamp => Type::TIMESTAMPTZ_ARRAY,
            #[cfg(feature = "with-uuid-1")]
            ArrayType::Uuid => Type::UUID_ARRAY,
            #[cfg(feature = "with-rust_decimal-1")]
            ArrayType::Decimal => Type::NUMERIC_ARRAY,
            #[cfg(feature = "with-bigdecimal-0_4")]
            ArrayType::BigDecimal => Type::NUMERIC_ARRAY,
            #[cfg(feature = "with-ipnetwork-0_21")]
            ArrayType::IpNetwork => Type::INET_ARRAY,
            #[cfg(feature = "with-mac_address-1")]
            ArrayType::MacAddress => Type::MACADDR_ARRAY,
            #[cfg(feature = "with-sea-query-postgres-types-0_1")]
            ArrayType::Range => range_array(self.elements),
            // Text, characters, labels.
            _ => Type::TEXT_ARRAY,
        }
    }
}

#[cfg(feature = "with-sea-query-postgres-types-0_1")]
fn range_array(elements: &[Value]) -> Type {
    use sea_query_postgres_types::range::RangeType;

    let range = elements.iter().find_map(|element| {
        if let Value::Range(range) = element { range.as_deref() } else { None }
    });
    match range {
        Some(RangeType::Int4Range(..)) => Type::INT4_RANGE_ARRAY,
        Some(RangeType::Int8Range(..)) => Type::INT8_RANGE_ARRAY,
        Some(RangeType::NumRange(..)) | None => Type::NUM_RANGE_ARRAY,
    }
}

fn any_beyond_int8(elements: &[Value]) -> bool {
    elements.iter().any(|element| {
        if let Value::BigUnsigned(Some(number)) = element {
            return i64::try_from(*number).is_err();
        }
        inner(element).is_ok_and(any_beyond_int8)
    })
}

/// The elements of an element, which must be an array where others are.
fn inner(element: &Value) -> Result<&[Value], Misfit> {
    if let Value::Array(_, Some(inner)) = element { Ok(inner) } else { Err(uneven()) }
}

/// Writes elements, and remembers what was there.
struct Elements<'t> {
    member: &'t Type,
    write: WriteValue,
    /// How many there were.
    position: usize,
    nulls: bool,
}

impl Elements<'_> {
    /// Writes the elements, which are arrays if there are several lengths.
    fn put(
        &mut self,
        elements: &[Value],
        lengths: &[usize],
        out: &mut BytesMut,
    ) -> Result<(), Misfit> {
        match lengths {
            [length, ..] if *length != elements.len() => Err(uneven()),
            [] if elements.is_empty() => Ok(()),
            [] => elements.iter().try_for_each(|element| self.put(inner(element)?, &[], out)),
            [_] => elements.iter().try_for_each(|element| self.put_element(element, out)),
            [_, rest @ ..] => {
                elements.iter().try_for_each(|element| self.put(inner(element)?, rest, out))
            }
        }
    }

    fn put_element(&mut self, element: &Value, out: &mut BytesMut) -> Result<(), Misfit> {
        self.position += 1;
        put_behind_length(out, |out| {
            let written = (self.write)(element, self.member, out);
            let is_null = written.map_err(|error| {
                let position = self.position;
                Misfit::Told(error.with_text(|text| format!("element {position}: {text}")))
            })?;
            self.nulls |= matches!(is_null, IsNull::Yes);
            Ok(is_null)
        })
    }
}

#[cold]
fn uneven() -> Misfit {
    Misfit::value("the arrays in it must be of one length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sea_query::binder::integers::Integer;

    fn write_int(value: &Value, r#type: &Type, out: &mut BytesMut) -> Result<IsNull, Error> {
        let Value::Int(int) = value else { return Err(Error::conversion("no int")) };
        let Some(int) = int else { return Ok(IsNull::Yes) };
        let written = Integer::from(*int).write(r#type, out);
        written.map(|()| IsNull::No).map_err(|misfit| misfit.into_error(value, r#type))
    }

    fn array(elements: Vec<Value>) -> Value {
        Value::Array(ArrayType::Int, Some(Box::new(elements)))
    }

    fn written(value: &Value, r#type: &Type) -> Result<Vec<u8>, String> {
        let Value::Array(kind, Some(elements)) = value else { panic!("an array is given") };
        let mut out = BytesMut::new();
        let family = Array { elements, kind, write: write_int };
        match family.write(r#type, &mut out) {
            Ok(()) => Ok(out.to_vec()),
            Err(misfit) => Err(misfit.into_error(value, r#type).to_string()),
        }
    }

    #[test]
    fn an_array_is_written_as_array_writes_it() {
        use postgres_types::ToSql;

        use crate::types::Array;

        let expected = |array: Array<Option<i32>>| {
            let mut out = BytesMut::new();
            array.to_sql(&Type::INT4_ARRAY, &mut out).unwrap();
            out.to_vec()
        };
        let ints = |ints: &[Option<i32>]| array(ints.iter().map(|int| Value::Int(*int)).collect());
        for flat in [&[][..], &[Some(1)], &[None], &[Some(1), None, Some(-3)]] {
            let written = written(&ints(flat), &Type::INT4_ARRAY).unwrap();
            assert_eq!(written, expected(Array::from(flat.to_vec())));
        }
        let rows = vec![vec![Some(1), None], vec![Some(3), Some(4)], vec![None, None]];
        let nested = array(rows.iter().map(|row| ints(row)).collect());
        let written_rows = written(&nested, &Type::INT4_ARRAY).unwrap();
        assert_eq!(written_rows, expected(Array::from_rows(rows).unwrap()));
        let empty = array(vec![ints(&[]), ints(&[])]);
        assert_eq!(written(&empty, &Type::INT4_ARRAY).unwrap(), expected(Array::default()));
    }

    #[test]
    fn arrays_in_arrays_are_of_one_length() {
        let one = array(vec![1.into()]);
        let two = array(vec![1.into(), 2.into()]);
        let none = array(vec![]);
        let null = Value::Array(ArrayType::Int, None);
        for uneven in [
            vec![one.clone(), two.clone()],
            vec![one.clone(), none.clone()],
            vec![none, one.clone()],
            vec![one.clone(), null],
            vec![one.clone(), 1.into()],
        ] {
            let error = written(&array(uneven), &Type::INT4_ARRAY).unwrap_err();
            assert!(error.ends_with("the arrays in it must be of one length"), "{error}");
        }
        let deep = (0..6).fold(one, |inner, _| array(vec![inner]));
        assert!(written(&deep, &Type::INT4_ARRAY).is_err());
        assert!(written(&two, &Type::INT4).is_err());
    }

    #[test]
    fn an_element_that_does_not_fit_is_told_by_its_place() {
        let error = written(&array(vec![1.into(), 70_000.into()]), &Type::INT2_ARRAY).unwrap_err();
        let expected =
            "element 2: a value of kind Int does not fit in type int2: it is beyond 32767";
        assert_eq!(error, expected);
    }
}
