//! Bytes, into `bytea` alone.

use bytes::{BufMut, BytesMut};
use postgres_types::Type;

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::{CAST, Misfit};

/// Any bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'v>(pub(crate) &'v [u8]);

impl Family for Bytes<'_> {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        if *r#type != Type::BYTEA {
            return Err(Misfit::Kind(CAST));
        }
        out.put_slice(self.0);
        Ok(())
    }

    fn own_type(&self) -> Type {
        Type::BYTEA
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_taken_for_nothing_else() {
        let mut out = BytesMut::new();
        Bytes(b"\0\xff").write(&Type::BYTEA, &mut out).unwrap();
        assert_eq!(&out[..], b"\0\xff");
        for r#type in [Type::TEXT, Type::UUID, Type::INT4, Type::VARBIT] {
            assert!(matches!(Bytes(&[0; 16]).write(&r#type, &mut out), Err(Misfit::Kind(_))));
        }
    }
}
