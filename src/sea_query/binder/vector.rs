//! Vectors of the extension `vector`.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use postgres_types::{Kind, Type};

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::{CAST, Misfit};

/// The elements of a vector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vector<'v>(pub(crate) &'v [f32]);

impl Family for Vector<'_> {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        if *r#type == Type::UNKNOWN {
            return write_text(self.0, out);
        }
        if r#type.name() != "vector" || *r#type.kind() != Kind::Simple {
            return Err(Misfit::Kind(CAST));
        }
        let dimensions = u16::try_from(self.0.len());
        out.put_u16(dimensions.map_err(|_| Misfit::value("it has too many dimensions"))?);
        out.put_u16(0);
        self.0.iter().for_each(|element| out.put_f32(*element));
        Ok(())
    }

    /// The extension's type has no number that is known, so a literal is left without one.
    fn own_type(&self) -> Type {
        Type::UNKNOWN
    }
}

fn write_text(elements: &[f32], out: &mut BytesMut) -> Result<(), Misfit> {
    out.put_u8(b'[');
    for (index, element) in elements.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}{element}").map_err(|_| Misfit::value("it cannot be written"))?;
    }
    out.put_u8(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_its_dimensions_and_its_elements() {
        let r#type = Type::new("vector".into(), 70_000, Kind::Simple, "public".into());
        let mut out = BytesMut::new();
        Vector(&[1.0, -0.5]).write(&r#type, &mut out).unwrap();
        assert_eq!(&out[..], b"\0\x02\0\0\x3f\x80\0\0\xbf\0\0\0");
        let misfit = Vector(&vec![0.0; 65_536]).write(&r#type, &mut out);
        assert!(matches!(misfit, Err(Misfit::Value(_))));
        assert!(Vector(&[1.0]).write(&Type::FLOAT4_ARRAY, &mut out).is_err());
        out.clear();
        Vector(&[1.0, -0.5]).write(&Type::UNKNOWN, &mut out).unwrap();
        assert_eq!(&out[..], b"[1,-0.5]");
    }
}
