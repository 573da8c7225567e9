//! Truth values, into `bool` alone.

use bytes::{BufMut, BytesMut};
use postgres_types::Type;

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::Misfit;

/// A truth value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boolean(pub(crate) bool);

impl Family for Boolean {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        if *r#type != Type::BOOL {
            return Err(Misfit::kind_by(r#type));
        }
        out.put_u8(self.0.into());
        Ok(())
    }

    fn own_type(&self) -> Type {
        Type::BOOL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truth_value_is_no_number() {
        let mut out = BytesMut::new();
        Boolean(true).write(&Type::BOOL, &mut out).unwrap();
        assert_eq!(&out[..], [1]);
        for r#type in [Type::INT2, Type::INT4, Type::TEXT] {
            assert!(matches!(Boolean(true).write(&r#type, &mut out), Err(Misfit::Kind(_))));
        }
    }
}
