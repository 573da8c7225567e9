//! `Record` and `FromRecord`: rows inside a value, as tuples and structs.

use std::fmt;

use bytes::BytesMut;
use postgres_types::{Field, FromSql, IsNull, Kind, Oid, ToSql, Type, WrongType, to_sql_checked};

use crate::error::Error;
use crate::types::codec::{CodecError, put_count, put_value};
use crate::types::oid::type_of;
use crate::types::plain::{read, read_type, reads, write, writes};

use crate::wire::Reader;

/// A row inside a value: an anonymous record such as `row(1, 'x')`, or a value of a composite type.
///
/// It wraps a tuple of 1 to 16 fields, so that `Vec<Record<(i32, String)>>` reads `array_agg(row(id, name))`. A
/// struct that derives [`FromRecord`](crate::FromRecord) needs no wrapper. As a parameter a tuple of 1 to 12
/// is a value of a composite type; the server takes no anonymous records.
///
/// The server sends the type of each field with a record, and it is checked. A type that was made by
/// `CREATE TYPE` is known inside a composite type; inside an anonymous record only its number is, so cast an enum
/// or a domain there: `row(mood::text)`.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use aiopg::types::Record;
///
/// let sql = "select array_agg(row(id, name)) from city";
/// let cities: Vec<Record<(i32, String)>> = connection.query_scalar(sql, ()).await?;
/// for Record((id, name)) in cities {
///     println!("{id}: {name}");
/// }
/// # Ok(()) }
/// ```
///
/// # Source
///
/// [Composite types](https://www.postgresql.org/docs/18/rowtypes.html)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it is there to be taken apart")]
pub struct Record<T>(pub T);

/// A type that a record can be converted into: tuples of 1 to 16 fields, and structs that derive it.
#[diagnostic::on_unimplemented(
    message = "a record cannot be converted into `{Self}`",
    note = "use a tuple, or `#[derive(FromRecord)]` on a struct"
)]
pub trait FromRecord<'a>: Sized {
    /// Tells whether the fields of a composite type fit.
    fn accepts_fields(fields: &[Field]) -> bool;

    /// Reads the fields.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there are others than are wanted, or a value cannot be read.
    fn from_record(record: &mut Fields<'a, '_>) -> Result<Self, Error>;
}

/// The fields of a record, for [`FromRecord`].
pub struct Fields<'a, 't> {
    /// What is known of a composite type; an anonymous record has neither names nor types of its own.
    types: Option<&'t [Field]>,
    count: usize,
    all: Reader<'a>,
    rest: Reader<'a>,
    /// How many fields are before `rest`.
    next: usize,
}

impl<'a, 't> Fields<'a, 't> {
    fn new(types: Option<&'t [Field]>, raw: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new("record", raw);
        let count = usize::try_from(reader.read_i32()?)
            .map_err(|_| reader.invalid("it has a negative number of fields"))?;
        // From here on each field has a type and a length at least.
        if count > reader.remaining() / 8 {
            return Err(reader.invalid("it is too short for its fields"));
        }
        if let Some(types) = types.filter(|types| types.len() != count) {
            let text = format!(
                "the composite type was known to have {} fields, but its value has {count}: if the type was \
                 changed, forget what is known of types",
                types.len()
            );
            return Err(Error::conversion(text));
        }
        let fields = Self { types, count, all: reader.clone(), rest: reader, next: 0 };
        fields.check_end()?;
        Ok(fields)
    }

    /// Returns how many fields there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Tells whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Tells whether the fields have no names.
    pub fn is_anonymous(&self) -> bool {
        self.types.is_none()
    }

    /// Checks how many fields there are.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there are more or fewer.
    pub fn expect_len(&self, expected: usize) -> Result<(), Error> {
        if self.count == expected {
            return Ok(());
        }
        let text = format!("the record has {} fields, but {expected} are wanted", self.count);
        Err(Error::conversion(text))
    }

    /// Returns the position of the field with this name; `None` for an anonymous record, whose fields have none.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if the composite type has no such field.
    pub fn position(&self, name: &str) -> Result<Option<usize>, Error> {
        let Some(types) = self.types else { return Ok(None) };
        match types.iter().position(|field| field.name() == name) {
            Some(position) => Ok(Some(position)),
            None => Err(Error::conversion(format!("the composite type has no field \"{name}\""))),
        }
    }

    /// Reads the field at `position`, counted from 0. To read them in order is fastest.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there is no such field, or it cannot be read as `T`.
    pub fn field<T: FromSql<'a>>(&mut self, position: usize) -> Result<T, Error> {
        if position < self.next {
            (self.rest, self.next) = (self.all.clone(), 0);
        }
        while self.next < position {
            self.take()?;
        }
        let (oid, value) = self.take()?;
        let known = self.types.and_then(|types| types.get(position)).map(Field::type_);
        if let Some(known) = known.filter(|known| known.oid() != oid) {
            let text = format!(
                "field {position} of the record has the OID {oid}, but type {known} was expected: if the type was \
                 changed, forget what is known of types"
            );
            return Err(Error::conversion(text));
        }
        let read = match known {
            Some(known) => read_known::<T>(known, value),
            None => read_described::<T>(oid, value),
        };
        read.map_err(|error| {
            let text = format!(
                "field {position} of the record cannot be read as `{}`",
                std::any::type_name::<T>()
            );
            Error::conversion(text).with_source(error)
        })
    }

    fn take(&mut self) -> Result<(Oid, Option<&'a [u8]>), Error> {
        if self.next >= self.count {
            let text = format!("there is no field {}: the record has {}", self.next, self.count);
            return Err(Error::conversion(text));
        }
        let oid = self.rest.read_u32()?;
        let value = self.rest.read_value()?;
        self.next += 1;
        Ok((oid, value))
    }

    /// Nothing may be missing, and nothing follow.
    fn check_end(&self) -> Result<(), Error> {
        let mut reader = self.all.clone();
        for _ in 0..self.count {
            reader.read_u32()?;
            reader.read_value()?;
        }
        reader.finish()
    }
}

impl fmt::Debug for Fields<'_, '_> {
    /// Shows no value: a record can hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").field("len", &self.count).finish_non_exhaustive()
    }
}

fn read_known<'a, T: FromSql<'a>>(r#type: &Type, value: Option<&'a [u8]>) -> Result<T, CodecError> {
    let read_as =
        read_type::<T>(r#type).ok_or_else(|| Box::new(WrongType::new::<T>(r#type.clone())))?;
    read(&read_as, value)
}

/// Reads a value whose type is known by its number alone. One that is not built in can still be a composite type,
/// or an array of one: these describe themselves.
fn read_described<'a, T: FromSql<'a>>(oid: Oid, value: Option<&'a [u8]>) -> Result<T, CodecError> {
    let r#type = type_of(oid);
    let built_in = Type::from_oid(oid).is_some();
    if built_in || T::accepts(&r#type) {
        return read_known(&r#type, value);
    }
    for described in [Type::RECORD, Type::RECORD_ARRAY] {
        // What takes any type could misunderstand it.
        if reads::<T>(&described) && !reads::<T>(&Type::BOOL) {
            return read_known(&described, value);
        }
    }
    Err(Box::new(WrongType::new::<T>(r#type)))
}

/// Reads a struct or tuple from a value of `type`, a composite type or `record`; for derives.
///
/// # Errors
///
/// [`Kind::Conversion`](crate::Kind::Conversion) if the fields do not fit.
pub fn read_record<'a, T: FromRecord<'a>>(r#type: &Type, raw: &'a [u8]) -> Result<T, Error> {
    let types =
        if let Kind::Composite(fields) = r#type.kind() { Some(fields.as_slice()) } else { None };
    T::from_record(&mut Fields::new(types, raw)?)
}

/// Tells whether `T` can be read from `type`: `record`, or a composite type that fits; for derives.
pub fn accepts_record<'a, T: FromRecord<'a>>(r#type: &Type) -> bool {
    if let Kind::Composite(fields) = r#type.kind() {
        return T::accepts_fields(fields);
    }
    *r#type == Type::RECORD
}

/// Tells whether `T` reads a field of this type, a domain by its base type and an enum as text; for derives.
pub fn accepts_field<'a, T: FromSql<'a>>(field: &Field) -> bool {
    reads::<T>(field.type_())
}

impl<'a, T: FromRecord<'a>> FromSql<'a> for Record<T> {
    fn from_sql(r#type: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
        Ok(Self(read_record(r#type, raw)?))
    }

    fn accepts(r#type: &Type) -> bool {
        accepts_record::<T>(r#type)
    }
}

macro_rules! read_tuples {
    ($($count:literal: $($name:ident $index:tt),+;)*) => {$(
        impl<'a, $($name: FromSql<'a>),+> FromRecord<'a> for ($($name,)+) {
            fn accepts_fields(fields: &[Field]) -> bool {
                fields.len() == $count && $(fields.get($index).is_some_and(accepts_field::<$name>))&&+
            }

            fn from_record(record: &mut Fields<'a, '_>) -> Result<Self, Error> {
                record.expect_len($count)?;
                Ok(($(record.field::<$name>($index)?,)+))
            }
        }
    )*};
}

macro_rules! write_tuples {
    ($($count:literal: $($name:ident $index:tt),+;)*) => {$(
        impl<$($name: ToSql),+> ToSql for Record<($($name,)+)> {
            fn to_sql(&self, r#type: &Type, out: &mut BytesMut) -> Result<IsNull, CodecError> {
                write_record(r#type, &[$(&self.0.$index),+], out)
            }

            fn accepts(r#type: &Type) -> bool {
                let Kind::Composite(fields) = r#type.kind() else { return false };
                        fields.len() == $count
                            && $(fields.get($index).is_some_and(|field| writes::<$name>(field.type_())))&&+
            }

            to_sql_checked!();
        }
    )*};
}

read_tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
    13: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12;
    14: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13;
    15: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14;
    16: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15;
}

// The standard library shows no tuple of more, and `ToSql` demands that.
write_tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
}

fn write_record(
    r#type: &Type,
    values: &[&dyn ToSql],
    out: &mut BytesMut,
) -> Result<IsNull, CodecError> {
    let Kind::Composite(fields) = r#type.kind() else {
        return Err(format!("type {type} is no composite type").into());
    };
    if fields.len() != values.len() {
        return Err(format!("type {type} has not {} fields", values.len()).into());
    }
    put_count(out, fields.len())?;
    for (field, value) in fields.iter().zip(values) {
        out.extend_from_slice(&field.type_().oid().to_be_bytes());
        put_value(out, |out| write(*value, field.type_(), out))?;
    }
    Ok(IsNull::No)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::codec::tests::{disturb, written};
    use crate::types::plain::plain;

    /// `row(7, null, 'ab')`.
    const ROW: &[u8] = b"\0\0\0\x03\0\0\0\x17\0\0\0\x04\0\0\0\x07\0\0\0\x17\xff\xff\xff\xff\
                         \0\0\0\x19\0\0\0\x02ab";

    fn composite() -> Type {
        let positive =
            Type::new("positive".into(), 70_001, Kind::Domain(Type::INT4), "public".into());
        let mood = Type::new("mood".into(), 70_002, Kind::Enum(vec!["ok".into()]), "x".into());
        let fields = vec![Field::new("a".into(), positive), Field::new("b".into(), mood)];
        Type::new("pair".into(), 70_000, Kind::Composite(fields), "public".into())
    }

    type Wide = Record<(i64, Option<i32>, String)>;

    #[test]
    fn an_anonymous_record_is_checked_field_by_field() {
        type Row<'a> = Record<(i32, Option<i32>, &'a str)>;
        assert_eq!(Row::from_sql(&Type::RECORD, ROW).unwrap(), Record((7, None, "ab")));
        disturb::<Record<(i32, Option<i32>, String)>>(&Type::RECORD, ROW);
        let error = Record::<(i32, i32, i32)>::from_sql(&Type::RECORD, ROW).unwrap_err();
        assert_eq!(error.to_string(), "field 1 of the record cannot be read as `i32`");
        let error = Record::<(i64,)>::from_sql(&Type::RECORD, ROW).unwrap_err();
        assert_eq!(error.to_string(), "the record has 3 fields, but 1 are wanted");
        assert!(Wide::from_sql(&Type::RECORD, ROW).is_err());
    }

    #[test]
    fn fields_may_be_read_in_any_order() {
        let mut fields = Fields::new(None, ROW).unwrap();
        assert_eq!(fields.field::<&str>(2).unwrap(), "ab");
        assert_eq!(fields.field::<i32>(0).unwrap(), 7);
        assert_eq!(fields.field::<Option<i32>>(1).unwrap(), None);
        assert!(fields.field::<i32>(3).is_err());
        assert!(fields.field::<i64>(0).is_err());
    }

    #[test]
    fn composites_are_read_and_written_through_domains_and_enums() {
        let value = Record((7, "ok".to_owned()));
        let bytes = written(&value, &composite());
        let expected = b"\0\0\0\x02\0\x01\x11\x71\0\0\0\x04\0\0\0\x07\0\x01\x11\x72\0\0\0\x02ok";
        assert_eq!(bytes, expected);
        assert_eq!(Record::from_sql(&composite(), &bytes).unwrap(), value);
        assert!(!<Record<(i32,)> as FromSql<'_>>::accepts(&composite()));
        assert!(!<Record<(i64, &str)> as FromSql<'_>>::accepts(&composite()));
        // The type has changed since it was looked up.
        assert!(Record::<(i32, String)>::from_sql(&composite(), ROW).is_err());
    }

    type Inner = Record<(i32, Option<i32>, String)>;

    #[test]
    fn a_composite_inside_an_anonymous_record_describes_itself() {
        let mut bytes = b"\0\0\0\x01\0\x01\x11\x70\0\0\0\x22".to_vec();
        bytes.extend_from_slice(ROW);
        let Record((inner,)) = Record::<(Inner,)>::from_sql(&Type::RECORD, &bytes).unwrap();
        assert_eq!(inner.0.2, "ab");
        assert!(Record::<(String,)>::from_sql(&Type::RECORD, &bytes).is_err());
    }

    #[test]
    fn announced_counts_are_checked_first() {
        assert!(Fields::new(None, b"\x7f\xff\xff\xff").is_err());
        assert!(Fields::new(None, b"\xff\xff\xff\xff").is_err());
        assert!(Fields::new(None, b"\0\0\0\0").unwrap().is_empty());
    }

    #[test]
    fn arrays_of_records_are_read() {
        let member = plain(&Type::RECORD_ARRAY).unwrap();
        assert!(<Vec<Record<(i32,)>> as FromSql<'_>>::accepts(&member));
    }
}
