//! What the codecs of values share: their errors, and values behind their length.

use std::error::Error as StdError;
use std::num::TryFromIntError;

use bytes::{BufMut, BytesMut};
use postgres_types::IsNull;

/// The error that `ToSql` and `FromSql` ask for.
pub(crate) type CodecError = Box<dyn StdError + Sync + Send>;

/// Writes what `value` writes behind its length. NULL has the length -1 and no bytes.
pub(crate) fn put_value(
    out: &mut BytesMut,
    value: impl FnOnce(&mut BytesMut) -> Result<IsNull, CodecError>,
) -> Result<(), CodecError> {
    put_behind_length(out, value)
}

/// As [`put_value`], whatever the error is.
pub(crate) fn put_behind_length<E: From<TryFromIntError>>(
    out: &mut BytesMut,
    value: impl FnOnce(&mut BytesMut) -> Result<IsNull, E>,
) -> Result<(), E> {
    let start = out.len();
    out.put_i32(-1);
    let behind = out.len();
    if let IsNull::Yes = value(out)? {
        out.truncate(behind);
        return Ok(());
    }
    let length = i32::try_from(out.len().saturating_sub(behind))?;
    if let Some(place) = out.get_mut(start..behind) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// Writes how many there are.
pub(crate) fn put_count(out: &mut BytesMut, count: usize) -> Result<(), CodecError> {
    out.put_i32(i32::try_from(count)?);
    Ok(())
}

/// Writes an OID into bytes that have been written already; bytes that are not there are left alone.
pub(crate) fn put_oid_at(bytes: &mut [u8], at: usize, oid: u32) {
    if let Some(place) = bytes.get_mut(at..at.saturating_add(4)) {
        place.copy_from_slice(&oid.to_be_bytes());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt;

    use postgres_types::{FromSql, ToSql, Type};

    use super::*;

    /// Writes `value` as `r#type`.
    pub(crate) fn written<T: ToSql>(value: &T, r#type: &Type) -> Vec<u8> {
        let mut out = BytesMut::new();
        let is_null = value.to_sql_checked(r#type, &mut out).unwrap();
        assert!(matches!(is_null, IsNull::No));
        out.to_vec()
    }

    /// There and back, and no cut or changed byte of it panics.
    pub(crate) fn check<T>(value: &T, r#type: &Type, bytes: &[u8])
    where
        T: ToSql + for<'a> FromSql<'a> + PartialEq + fmt::Debug,
    {
        assert_eq!(written(value, r#type), bytes);
        assert_eq!(&T::from_sql(r#type, bytes).unwrap(), value);
        disturb::<T>(r#type, bytes);
    }

    /// Reads `bytes` cut at every length, with surplus, and with every byte replaced by extremes.
    pub(crate) fn disturb<T: for<'a> FromSql<'a>>(r#type: &Type, bytes: &[u8]) {
        for end in 0..bytes.len() {
            assert!(T::from_sql(r#type, &bytes[..end]).is_err(), "{end} of {bytes:?}");
        }
        let surplus = [bytes, b"\0"].concat();
        assert!(T::from_sql(r#type, &surplus).is_err(), "{surplus:?}");
        for at in 0..bytes.len() {
            for extreme in [0, 1, 0x7f, 0x80, 0xff, bytes[at].wrapping_add(1)] {
                let mut changed = bytes.to_vec();
                changed[at] = extreme;
                drop(T::from_sql(r#type, &changed));
            }
        }
        noise(|noise| drop(T::from_sql(r#type, noise)));
    }

    /// Byte strings that are the same in every run.
    pub(crate) fn noise(mut take: impl FnMut(&[u8])) {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..2000_usize {
            let bytes: Vec<u8> = (0..round % 70)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    // Small numbers, so that lengths and counts are often right.
                    let byte = state.to_be_bytes()[3];
                    if byte.is_multiple_of(4) { byte } else { (byte >> 2) & 7 & (byte >> 5) }
                })
                .collect();
            take(&bytes);
        }
    }

    #[test]
    fn a_null_leaves_only_its_length() {
        let mut out = BytesMut::new();
        put_value(&mut out, |out| {
            out.put_u8(1);
            Ok(IsNull::Yes)
        })
        .unwrap();
        put_value(&mut out, |out| {
            out.put_u8(2);
            Ok(IsNull::No)
        })
        .unwrap();
        assert_eq!(&out[..], b"\xff\xff\xff\xff\0\0\0\x01\x02");
    }
}
