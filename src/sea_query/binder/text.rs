//! Text, characters and labels of enums.

use bytes::{BufMut, BytesMut};
use postgres_types::{Kind, Type};
use sea_query::Enum;

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::{CAST, Misfit};

/// A string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'v>(pub(crate) &'v str);

/// One character.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Character(pub(crate) char);

/// A label of an enum that is named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label<'v>(pub(crate) &'v Enum);

impl Family for Text<'_> {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        match form(r#type)? {
            Form::Plain => {}
            Form::Versioned => out.put_u8(1),
            Form::Byte => return put_byte(self.0, out),
        }
        out.put_slice(self.0.as_bytes());
        Ok(())
    }

    fn own_type(&self) -> Type {
        Type::TEXT
    }
}

impl Family for Character {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        Text(self.0.encode_utf8(&mut [0; 4])).write(r#type, out)
    }

    fn own_type(&self) -> Type {
        Type::TEXT
    }
}

impl Family for Label<'_> {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        // With a schema it is written as `schema"."name`, between the quotes that SeaQuery adds.
        let name: &str = &self.0.type_name;
        let name = name.rsplit_once("\".\"").map_or(name, |(_, name)| name);
        let is_other =
            matches!(r#type.kind(), Kind::Enum(_)) && !name.is_empty() && name != r#type.name();
        if is_other {
            return Err(Misfit::value(format!("it is a label of the enum \"{name}\"")));
        }
        if matches!(*r#type, Type::JSON | Type::JSONB | Type::XML | Type::CHAR) {
            return Err(Misfit::Kind(CAST));
        }
        Text(&self.0.value).write(r#type, out)
    }

    fn own_type(&self) -> Type {
        Type::TEXT
    }
}

/// How a type holds text.
enum Form {
    Plain,
    /// Behind the number of the form, of which there is one.
    Versioned,
    /// A single byte.
    Byte,
}

fn form(r#type: &Type) -> Result<Form, Misfit> {
    Ok(match *r#type {
        Type::TEXT
        | Type::VARCHAR
        | Type::BPCHAR
        | Type::NAME
        | Type::UNKNOWN
        | Type::JSON
        | Type::XML
        | Type::REFCURSOR => Form::Plain,
        Type::JSONB | Type::JSONPATH => Form::Versioned,
        Type::CHAR => Form::Byte,
        _ => match (r#type.kind(), r#type.name()) {
            (Kind::Enum(_), _) | (Kind::Simple, "citext") => Form::Plain,
            (Kind::Simple, "ltree" | "lquery" | "ltxtquery") => Form::Versioned,
            _ => return Err(Misfit::Kind(FROM_TEXT)),
        },
    })
}

const FROM_TEXT: &str = "convert it before, or have the server read it: `.cast_as(\"text\")`, and then `.cast_as` the type";

/// What the server does with a text for `"char"`, but for what it would cut off.
fn put_byte(text: &str, out: &mut BytesMut) -> Result<(), Misfit> {
    match text.as_bytes() {
        [] => out.put_u8(0),
        [byte] => out.put_u8(*byte),
        _ => return Err(Misfit::value("a \"char\" is one ASCII character")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, kind: Kind) -> Type {
        Type::new(name.into(), 70_000, kind, "public".into())
    }

    fn written(family: &dyn Family, r#type: &Type) -> Option<Vec<u8>> {
        let mut out = BytesMut::new();
        family.write(r#type, &mut out).ok().map(|()| out.to_vec())
    }

    #[test]
    fn text_is_written_in_the_form_of_each_type() {
        for r#type in [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::JSON, Type::XML] {
            assert_eq!(written(&Text("é"), &r#type).unwrap(), "é".as_bytes());
            assert_eq!(written(&Character('é'), &r#type).unwrap(), "é".as_bytes());
        }
        assert_eq!(written(&Text("{}"), &Type::JSONB).unwrap(), b"\x01{}");
        assert_eq!(written(&Text("$.a"), &Type::JSONPATH).unwrap(), b"\x01$.a");
        assert_eq!(written(&Text("a.b"), &named("ltree", Kind::Simple)).unwrap(), b"\x01a.b");
        assert_eq!(written(&Text("a"), &named("citext", Kind::Simple)).unwrap(), b"a");
        assert_eq!(written(&Text("a"), &named("mood", Kind::Enum(vec![]))).unwrap(), b"a");
        for r#type in [Type::INT4, Type::DATE, Type::BYTEA, Type::UUID, Type::INTERVAL] {
            assert!(written(&Text("1"), &r#type).is_none(), "{type}");
        }
        assert!(written(&Text("1"), &named("hstore", Kind::Simple)).is_none());
        assert!(written(&Text("a"), &named("citext", Kind::Composite(vec![]))).is_none());
    }

    #[test]
    fn a_char_is_one_byte() {
        assert_eq!(written(&Character('a'), &Type::CHAR).unwrap(), b"a");
        assert_eq!(written(&Text(""), &Type::CHAR).unwrap(), b"\0");
        assert!(written(&Character('é'), &Type::CHAR).is_none());
        assert!(written(&Text("ab"), &Type::CHAR).is_none());
    }

    #[test]
    fn a_label_is_one_of_its_own_enum() {
        let mood = named("mood", Kind::Enum(vec![]));
        let label = |name: &str| Enum { type_name: name.to_owned().into(), value: "ok".into() };
        assert_eq!(written(&Label(&label("mood")), &mood).unwrap(), b"ok");
        assert_eq!(written(&Label(&label("geo\".\"mood")), &mood).unwrap(), b"ok");
        assert!(written(&Label(&label("mood\".\"size")), &mood).is_none());
        assert_eq!(written(&Label(&label("")), &mood).unwrap(), b"ok");
        assert_eq!(written(&Label(&label("mood")), &Type::TEXT).unwrap(), b"ok");
        assert!(written(&Label(&label("size")), &mood).is_none());
        assert!(written(&Label(&label("mood")), &Type::JSON).is_none());
        assert!(written(&Label(&label("mood")), &Type::INT4).is_none());
    }
}
