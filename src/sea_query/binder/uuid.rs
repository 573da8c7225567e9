//! `Uuid`, into `uuid` alone.

use bytes::{BufMut, BytesMut};
use postgres_types::Type;

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::{CAST, Misfit};

/// The bytes of a UUID.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uuid<'v>(pub(crate) &'v [u8; 16]);

impl Family for Uuid<'_> {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        if *r#type != Type::UUID {
            let advice = "call its `to_string`, or cast it in the statement, first to uuid";
            let is_text = matches!(*r#type, Type::TEXT | Type::VARCHAR | Type::BPCHAR);
            return Err(Misfit::Kind(if is_text { advice } else { CAST }));
        }
        out.put_slice(self.0);
        Ok(())
    }

    fn own_type(&self) -> Type {
        Type::UUID
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_no_text_and_no_bytes() {
        let mut out = BytesMut::new();
        Uuid(&[7; 16]).write(&Type::UUID, &mut out).unwrap();
        assert_eq!(&out[..], [7; 16]);
        for r#type in [Type::TEXT, Type::BYTEA] {
            assert!(matches!(Uuid(&[7; 16]).write(&r#type, &mut out), Err(Misfit::Kind(_))));
        }
    }
}
