//! `Family`: values that are written by one rule.

use bytes::BytesMut;
use postgres_types::Type;

use crate::sea_query::binder::misfit::Misfit;

/// A value that knows the types in which it is written.
pub(crate) trait Family {
    /// Writes the value in this type, if it fits. Nothing is written for a misfit of kind.
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit>;

    /// The type of a literal with this value, where nothing else tells it.
    fn own_type(&self) -> Type;
}
