//! `Family`: values that are written by one rule.

use bytes::{BufMut, BytesMut};
use postgres_types::{IsNull, Type};

use crate::sea_query::binder::misfit::Misfit;

/// A value that knows the types in which it is written.
pub(crate) trait Family {
    /// Writes the value in this type, if it fits. Nothing is written for a misfit of kind.
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit>;

    /// The type of a literal with this value, where nothing else tells it.
    fn own_type(&self) -> Type;
}

/// Writes what is inside another value: behind its length, which is -1 for NULL.
pub(crate) fn put_inner(
    out: &mut BytesMut,
    value: impl FnOnce(&mut BytesMut) -> Result<IsNull, Misfit>,
) -> Result<(), Misfit> {
    let start = out.len();
    out.put_i32(-1);
    let behind = out.len();
    if let IsNull::Yes = value(out)? {
        out.truncate(behind);
        return Ok(());
    }
    let length = i32::try_from(out.len().saturating_sub(behind));
    let length = length.map_err(|_| Misfit::value("a part of it is too long"))?;
    if let Some(place) = out.get_mut(start..behind) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
