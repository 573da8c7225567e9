//! `OwnedRow`: a row that owns its values, with the methods of one that is lent.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use postgres_types::FromSql;

use crate::error::Error;
use crate::message::{DataRow, Offset};
use crate::session::catalog::Catalog;
use crate::session::column::{Column, ColumnIndex, Described};
use crate::session::row::{Row, value_or_panic};

/// How long a row may be that needs no memory of its own, with where its values stand: a few numbers and a short text.
/// It is what there is room for in an [`OwnedRow`] of 88 bytes, which moves with little more than one of 64.
const SHORT_BYTES: usize = 54;

/// A row that owns its values, in one allocation, or in none if it is short.
///
/// It has the methods of [`Row`].
#[derive(Clone)]
pub struct OwnedRow {
    columns: Arc<[Column]>,
    data: Data,
    number: Option<u64>,
}

/// A row's body, and behind it where its values stand: as many offsets as columns.
#[derive(Clone)]
enum Data {
    Short {
        bytes: [u8; SHORT_BYTES],
        length: u8,
    },
    /// They begin at `start`.
    Long {
        bytes: Vec<u8>,
        start: usize,
    },
}

impl Data {
    /// Copies a body. `note` notes where its values stand.
    fn copy<E>(
        body: &[u8],
        columns: usize,
        note: impl FnOnce(&mut [Offset]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let length = body.len().saturating_add(columns.saturating_mul(size_of::<Offset>()));
        if let (true, Ok(short)) = (length <= SHORT_BYTES, u8::try_from(length)) {
            let mut bytes = [0; SHORT_BYTES];
            if let Some((held, places)) =
                bytes.get_mut(..length).map(|all| all.split_at_mut(body.len()))
            {
                held.copy_from_slice(body);
                note(places.as_chunks_mut().0)?;
            }
            return Ok(Self::Short { bytes, length: short });
        }
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(body);
        bytes.resize(length, 0);
        note(bytes.get_mut(body.len()..).unwrap_or_default().as_chunks_mut().0)?;
        Ok(Self::Long { bytes, start: 0 })
    }

    fn all(&self) -> &[u8] {
        let all = match self {
            Self::Short { bytes, length } => bytes.get(..usize::from(*length)),
            Self::Long { bytes, start } => bytes.get(*start..),
        };
        all.unwrap_or_default()
    }
}

impl OwnedRow {
    /// Copies a row, so that it outlives what lent it; `columns` are its own.
    pub(crate) fn copy(row: Row<'_>, columns: Arc<[Column]>) -> Self {
        let (body, places, number) = row.parts();
        let copied = Data::copy(body, columns.len(), |offsets| {
            places.write(offsets);
            Ok::<_, Infallible>(())
        });
        let Ok(data) = copied;
        Self { columns, data, number }
    }

    /// Makes a row of its body, which is copied.
    pub(crate) fn new(body: &[u8], columns: Arc<[Column]>) -> Result<Self, Error> {
        let data = Data::copy(body, columns.len(), |offsets| {
            DataRow::new(body).note_values(columns.len(), offsets)
        });
        Ok(Self { data: data?, columns, number: None })
    }

    /// Makes a row of the memory that it came in, so that a large one is not copied. Its body stands at `start`.
    pub(crate) fn adopt(
        mut bytes: Vec<u8>,
        start: usize,
        columns: Arc<[Column]>,
    ) -> Result<Self, Error> {
        let (mut offsets, body) = (Vec::new(), bytes.get(start..).unwrap_or_default());
        DataRow::new(body).find_values(columns.len(), &mut offsets)?;
        bytes.extend_from_slice(offsets.as_flattened());
        Ok(Self { columns, data: Data::Long { bytes, start }, number: None })
    }

    pub(crate) fn numbered(self, number: Option<u64>) -> Self {
        Self { number, ..self }
    }

    /// Whether types of columns are still to be looked up.
    pub(crate) fn has_unknown(&self) -> bool {
        self.columns.iter().any(Column::is_unknown)
    }

    /// Takes the types that have been looked up.
    pub(crate) fn resolve(&mut self, catalog: &Catalog) {
        self.columns =
            self.columns.iter().map(|column| column.resolved(catalog, Described::Result)).collect();
    }

    /// Lends the row.
    pub fn row(&self) -> Row<'_> {
        let offsets = self.columns.len().saturating_mul(4);
        let data = self.data.all();
        let (body, offsets) = data.split_at(data.len().saturating_sub(offsets));
        Row::new(&self.columns, body, offsets.as_chunks::<4>().0).numbered(self.number)
    }

    /// Returns the columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns how many columns there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Tells whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Returns the value of a column.
    ///
    /// # Panics
    ///
    /// Where [`try_get`](Self::try_get) returns an error.
    #[track_caller]
    pub fn get<'r, T: FromSql<'r>>(&'r self, index: impl ColumnIndex) -> T {
        value_or_panic(self.try_get(index))
    }

    /// Returns the value of a column; see [`Row::try_get`].
    ///
    /// # Errors
    ///
    /// As [`Row::try_get`].
    pub fn try_get<'r, T: FromSql<'r>>(&'r self, index: impl ColumnIndex) -> Result<T, Error> {
        self.row().try_get(index)
    }

    /// Returns the bytes of a value as they came; `None` is NULL.
    ///
    /// # Errors
    ///
    /// As [`Row::raw`].
    pub fn raw(&self, index: impl ColumnIndex) -> Result<Option<&[u8]>, Error> {
        self.row().raw(index)
    }

    /// Returns every column with the bytes of its value as they came; `None` is NULL.
    pub fn values(&self) -> impl ExactSizeIterator<Item = (&Column, Option<&[u8]>)> {
        self.row().values()
    }
}

impl<'r> From<&'r OwnedRow> for Row<'r> {
    fn from(row: &'r OwnedRow) -> Self {
        row.row()
    }
}

impl fmt::Debug for OwnedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.row().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Format;
    use crate::session::row::tests::with_row;

    #[test]
    fn an_owned_row_has_the_same_values() {
        with_row(Format::Binary, |row| {
            let owned = OwnedRow::copy(row.numbered(Some(7)), row.columns().into());
            assert_eq!(owned.get::<i32>("id"), 42);
            assert_eq!(owned.get::<&str>("name"), "ab");
            assert!(owned.values().eq(row.values()));
            assert!(owned.try_get::<i32>("gone").unwrap_err().to_string().starts_with("row 7: "));
        });
    }

    #[test]
    fn a_short_row_fills_its_room() {
        assert_eq!(size_of::<Data>(), (SHORT_BYTES + 2).next_multiple_of(align_of::<Data>()));
        assert!((SHORT_BYTES + 2).is_multiple_of(align_of::<Data>()));
    }

    #[test]
    fn rows_of_every_length_have_their_values() {
        with_row(Format::Binary, |row| {
            let columns: Arc<[Column]> = row.columns().get(..1).unwrap().into();
            for length in 0..100_u8 {
                let value = vec![length; usize::from(length)];
                let body = [&[0, 1, 0, 0, 0, length][..], &value].concat();
                let owned = OwnedRow::new(&body, Arc::clone(&columns)).unwrap();
                assert_eq!(owned.raw(0).unwrap(), Some(&value[..]));
                let copied = OwnedRow::copy(owned.row(), Arc::clone(&columns));
                assert_eq!(copied.raw(0).unwrap(), Some(&value[..]));
                let adopted =
                    OwnedRow::adopt([b"xyz", &body[..]].concat(), 3, Arc::clone(&columns));
                assert_eq!(adopted.unwrap().raw(0).unwrap(), Some(&value[..]));
                let is_short = matches!(owned.data, Data::Short { .. });
                assert_eq!(is_short, body.len() + 4 <= SHORT_BYTES);
                for wrong in [&body[..body.len() - 1], &[&body[..], b"x"].concat()] {
                    assert!(OwnedRow::new(wrong, Arc::clone(&columns)).is_err());
                    assert!(OwnedRow::adopt(wrong.to_vec(), 0, Arc::clone(&columns)).is_err());
                }
            }
        });
    }

    /// The methods that `type_name` has in these files.
    fn methods(type_name: &str) -> Vec<String> {
        let files = [
            include_str!("row.rs"),
            include_str!("owned_row.rs"),
            include_str!("from_row.rs"),
            include_str!("de/mod.rs"),
        ];
        let heads = [format!("impl {type_name} {{"), format!("impl<'r> {type_name}<'r> {{")];
        let blocks = files.iter().flat_map(|file| file.split("\n}\n")).filter_map(|item| {
            let head = heads.iter().find_map(|head| item.find(head.as_str()))?;
            item.get(head..)
        });
        let mut names: Vec<_> = blocks
            .flat_map(|block| block.split("\n    pub fn ").skip(1))
            .filter_map(|method| method.split(['(', '<']).next().map(str::to_owned))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn lent_and_owned_rows_have_the_same_methods() {
        let lent = methods("Row");
        let owned: Vec<_> = methods("OwnedRow").into_iter().filter(|name| name != "row").collect();
        assert_eq!(lent, owned);
        for name in
            ["columns", "decode", "deserialize", "get", "raw", "try_get", "value_at", "values"]
        {
            assert!(lent.iter().any(|known| known == name), "{name} among {lent:?}");
        }
    }
}
