//! `Columns`: a row as serde sees it.

use std::collections::HashSet;

use serde::Deserializer;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::session::column::Column;
use crate::session::de::error::DeError;
use crate::session::de::value::Value;
use crate::session::row::Row;

/// The names that more than one column has.
pub(crate) fn repeated(columns: &[Column]) -> Vec<&str> {
    let mut seen = HashSet::new();
    columns.iter().map(Column::name).filter(|name| !seen.insert(*name)).collect()
}

/// A row as serde sees it.
pub(crate) struct Columns<'r, 'n> {
    row: Row<'r>,
    /// The names that more than one column has.
    repeated: &'n [&'n str],
    /// The column that is next.
    next: usize,
}

impl<'r, 'n> Columns<'r, 'n> {
    pub(crate) fn new(row: Row<'r>, repeated: &'n [&'n str]) -> Self {
        Self { row, repeated, next: 0 }
    }

    fn column(&self) -> Option<&'r Column> {
        self.row.columns().get(self.next)
    }

    /// The value of the only column.
    fn only(&self) -> Result<Value<'r>, DeError> {
        match self.row.columns() {
            [column] => Ok(Value::of(column, self.row.bytes(0))),
            columns => {
                let text = format!("it has {} columns, but one is expected", columns.len());
                Err(DeError::new(text))
            }
        }
    }

    fn take<S: DeserializeSeed<'r>>(&mut self, seed: S) -> Result<Option<S::Value>, DeError> {
        let Some(column) = self.column() else { return Ok(None) };
        let position = self.next;
        self.next += 1;
        let value = seed.deserialize(Value::of(column, self.row.bytes(position)));
        value.map(Some).map_err(|error| error.at(position))
    }

    /// Refuses names of which one column would win over another.
    fn check_names(&self, wanted: impl Fn(&str) -> bool) -> Result<(), DeError> {
        match self.repeated.iter().find(|name| wanted(name)) {
            Some(name) => Err(DeError::new(format!(
                "there is more than one column \"{name}\": use a tuple, or \"as\" in SQL"
            ))),
            None => Ok(()),
        }
    }

    /// Gives all columns to what takes them in order.
    fn in_order<V: Visitor<'r>>(mut self, visitor: V) -> Result<V::Value, DeError> {
        let value = visitor.visit_seq(&mut self)?;
        let (taken, count) = (self.next, self.row.len());
        if taken < count {
            let text = format!("it has {count} columns, but {taken} are expected");
            return Err(DeError::new(text));
        }
        Ok(value)
    }
}

macro_rules! only_value {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {$(
        fn $method<V: Visitor<'r>>(
            self,
            $($argument: $type,)*
            visitor: V,
        ) -> Result<V::Value, DeError> {
            self.only()?.$method($($argument,)* visitor).map_err(|error| error.at(0))
        }
    )*};
}

impl<'r> Deserializer<'r> for Columns<'r, '_> {
    type Error = DeError;

    only_value! {
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_identifier();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
    }

    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.check_names(|_| true)?;
        visitor.visit_map(self)
    }

    fn deserialize_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.check_names(|name| fields.contains(&name))?;
        visitor.visit_map(self)
    }

    fn deserialize_seq<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.in_order(visitor)
    }

    fn deserialize_tuple<V: Visitor<'r>>(self, _: usize, visitor: V) -> Result<V::Value, DeError> {
        self.in_order(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.in_order(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.row.values().all(|(_, value)| value.is_none()) {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.row.is_empty() {
            return visitor.visit_unit();
        }
        self.only()?.deserialize_unit(visitor).map_err(|error| error.at(0))
    }

    fn deserialize_unit_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_unit()
    }
}

impl<'r> SeqAccess<'r> for &mut Columns<'r, '_> {
    type Error = DeError;

    fn next_element_seed<S: DeserializeSeed<'r>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DeError> {
        self.take(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.row.len().saturating_sub(self.next))
    }
}

impl<'r> MapAccess<'r> for Columns<'r, '_> {
    type Error = DeError;

    fn next_key_seed<S: DeserializeSeed<'r>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DeError> {
        let Some(column) = self.column() else { return Ok(None) };
        seed.deserialize(BorrowedStrDeserializer::new(column.name())).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'r>>(&mut self, seed: S) -> Result<S::Value, DeError> {
        self.take(seed)?.ok_or_else(|| DeError::new("there is no further column"))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.row.len().saturating_sub(self.next))
    }
}
