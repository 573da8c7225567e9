//! `WireForm`: what a type of ours has to say to be read and written in binary.

use bytes::BytesMut;

use crate::error::Error;
use crate::wire::Reader;

/// The binary form of one of our types. [`wire_form`] makes `FromSql` and `ToSql` of it.
pub(crate) trait WireForm: Sized {
    /// PostgreSQL's name of the type.
    const NAME: &'static str;

    /// Reads the value; what it leaves unread is an error.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Error>;

    /// Appends the value.
    fn write(&self, out: &mut BytesMut) -> Result<(), Error>;
}

/// Reads one value from its whole body.
pub(crate) fn read_whole<T: WireForm>(raw: &[u8]) -> Result<T, Error> {
    let mut reader = Reader::new(T::NAME, raw);
    let value = T::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// A text that is no value of `T`. It is not repeated: it may be a secret.
#[cold]
pub(crate) fn invalid_text<T: WireForm>() -> Error {
    Error::conversion(format!("invalid text for a value of type {}", T::NAME))
}

/// A number that is no value of `T`.
#[cold]
pub(crate) fn out_of_range<T: WireForm>() -> Error {
    Error::conversion(format!("out of range for type {}", T::NAME))
}

/// Implements `FromSql` and `ToSql` for the named types of PostgreSQL.
macro_rules! wire_form {
    ($type:ty: $($accepted:ident),+) => {
        impl<'a> postgres_types::FromSql<'a> for $type {
            fn from_sql(
                _: &postgres_types::Type,
                raw: &'a [u8],
            ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
                Ok($crate::types::wire_form::read_whole(raw)?)
            }

            postgres_types::accepts!($($accepted),+);
        }

        impl postgres_types::ToSql for $type {
            fn to_sql(
                &self,
                _: &postgres_types::Type,
                out: &mut bytes::BytesMut,
            ) -> Result<postgres_types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
                $crate::types::wire_form::WireForm::write(self, out)?;
                Ok(postgres_types::IsNull::No)
            }

            postgres_types::accepts!($($accepted),+);
            postgres_types::to_sql_checked!();
        }
    };
}

pub(crate) use wire_form;
