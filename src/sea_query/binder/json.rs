//! JSON, into `json` and `jsonb`.

use bytes::BytesMut;
use postgres_types::{ToSql, Type};
use sea_query::prelude::Json;

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::{CAST, Misfit};

/// A value of JSON.
#[derive(Debug)]
pub(crate) struct Document<'v>(pub(crate) &'v Json);

impl Family for Document<'_> {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        match *r#type {
            Type::JSON | Type::JSONB => match self.0.to_sql(r#type, out) {
                Ok(_) => Ok(()),
                Err(_) => Err(Misfit::value("it cannot be written as text")),
            },
            Type::TEXT | Type::VARCHAR | Type::BPCHAR => Err(Misfit::Kind(
                "call its `to_string`, or cast it in the statement, first to json",
            )),
            _ => Err(Misfit::Kind(CAST)),
        }
    }

    fn own_type(&self) -> Type {
        Type::JSON
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_text_and_in_jsonb_behind_its_version() {
        let json = Json::from("it's");
        let mut out = BytesMut::new();
        Document(&json).write(&Type::JSON, &mut out).unwrap();
        assert_eq!(&out[..], b"\"it's\"");
        out.clear();
        Document(&json).write(&Type::JSONB, &mut out).unwrap();
        assert_eq!(&out[..], b"\x01\"it's\"");
        assert!(matches!(Document(&json).write(&Type::TEXT, &mut out), Err(Misfit::Kind(_))));
    }
}
