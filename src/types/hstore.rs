//! `Hstore`: text by text.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::{Deref, DerefMut};

use bytes::{BufMut, BytesMut};
use postgres_types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::error::Error;
use crate::types::codec::{CodecError, put_count, put_value};
use crate::wire::Reader;

/// A value of the extension `hstore`: keys in order, each with a text or NULL.
///
/// `HashMap<String, Option<String>>` reads and writes the same type.
///
/// # Examples
///
/// ```
/// use aiopg::types::Hstore;
///
/// let store: Hstore = [("a", Some("1")), ("b", None)].into_iter().collect();
/// assert_eq!(store.get("a"), Some(&Some("1".to_owned())));
/// assert_eq!(store.to_string(), r#""a"=>"1", "b"=>NULL"#);
/// ```
///
/// # Source
///
/// [hstore](https://www.postgresql.org/docs/18/hstore.html)
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it is there to be taken apart")]
pub struct Hstore(pub BTreeMap<String, Option<String>>);

impl Deref for Hstore {
    type Target = BTreeMap<String, Option<String>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Hstore {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl From<BTreeMap<String, Option<String>>> for Hstore {
    fn from(map: BTreeMap<String, Option<String>>) -> Self {
        Self(map)
    }
}

impl From<HashMap<String, Option<String>>> for Hstore {
    fn from(map: HashMap<String, Option<String>>) -> Self {
        Self(map.into_iter().collect())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, Option<V>)> for Hstore {
    fn from_iter<I: IntoIterator<Item = (K, Option<V>)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.map(Into::into))).collect())
    }
}

impl IntoIterator for Hstore {
    type Item = (String, Option<String>);
    type IntoIter = std::collections::btree_map::IntoIter<String, Option<String>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Hstore {
    /// Writes the pairs as the server does, but in the order of their keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (key, value)) in self.0.iter().enumerate() {
            f.write_str(if position > 0 { ", " } else { "" })?;
            quote(key, f)?;
            f.write_str("=>")?;
            match value {
                Some(value) => quote(value, f)?,
                None => f.write_str("NULL")?,
            }
        }
        Ok(())
    }
}

fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        f.write_str(if matches!(c, '"' | '\\') { "\\" } else { "" })?;
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}

impl<'a> FromSql<'a> for Hstore {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new("hstore", raw);
        let count = reader.read_u32()?;
        let mut map = BTreeMap::new();
        for _ in 0..count {
            let Some(key) = reader.read_value()? else {
                return Err(reader.invalid("a key is NULL").into());
            };
            let value = reader.read_value()?;
            map.insert(text(&reader, key)?, value.map(|value| text(&reader, value)).transpose()?);
        }
        reader.finish()?;
        Ok(Self(map))
    }

    fn accepts(r#type: &Type) -> bool {
        r#type.name() == "hstore"
    }
}

fn text(reader: &Reader<'_>, bytes: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| reader.invalid("a text is not UTF-8"))?;
    Ok(text.to_owned())
}

impl ToSql for Hstore {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, CodecError> {
        put_count(out, self.0.len())?;
        for (key, value) in &self.0 {
            for part in [Some(key), value.as_ref()] {
                put_value(out, |out| {
                    let Some(part) = part else { return Ok(IsNull::Yes) };
                    out.put_slice(part.as_bytes());
                    Ok(IsNull::No)
                })?;
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(r#type: &Type) -> bool {
        r#type.name() == "hstore"
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use postgres_types::Kind;

    use super::*;
    use crate::types::codec::tests::check;

    #[test]
    fn pairs_round_trip() {
        let hstore = Type::new("hstore".into(), 70_000, Kind::Simple, "public".into());
        let store: Hstore =
            [("a", Some("NULL")), ("b", None), ("", Some(""))].into_iter().collect();
        let bytes =
            b"\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\x01a\0\0\0\x04NULL\0\0\0\x01b\xff\xff\xff\xff";
        check(&store, &hstore, bytes);
        check(&Hstore::default(), &hstore, b"\0\0\0\0");
        assert_eq!(store.to_string(), r#"""=>"", "a"=>"NULL", "b"=>NULL"#);
        assert!(!<Hstore as FromSql<'_>>::accepts(&Type::TEXT));
    }
}
