//! `Column`: what the server says about one column of a result.

use std::error::Error as StdError;

use postgres_types::{FromSql, Oid, Type};

use crate::error::Error;
use crate::message::{Format, RowDescription};
use crate::session::catalog::Catalog;
use crate::types::{
    self, has_extremes, holds_arrays, is_extreme, is_sound, is_unknown, is_versioned, plain,
};

/// Why a value could not be read.
pub(crate) type ReadError = Box<dyn StdError + Sync + Send>;

type ReadResult<T> = Result<T, ReadError>;

/// A column of a result.
///
/// # Source
///
/// [RowDescription](https://www.postgresql.org/docs/18/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-ROWDESCRIPTION)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    name: Box<str>,
    r#type: Type,
    type_size: i16,
    type_modifier: i32,
    table_oid: Oid,
    attribute_number: i16,
    format: Format,
    care: Care,
    /// Nothing is known of the type but its OID.
    unknown: bool,
}

/// What reading the values of a column takes beside its type, found once and not for each value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Care {
    /// The type without domains and enums, if it has some.
    plain: Option<Type>,
    holds_arrays: bool,
    values: Careful,
}

/// Which values take care: all others the traits read by themselves, as values of the column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Careful {
    None,
    Extremes,
    All,
}

impl Care {
    fn of(r#type: &Type, format: Format) -> Self {
        let (plain, holds_arrays) = (plain(r#type), holds_arrays(r#type));
        let is_text = format == Format::Text;
        let values = if is_text || plain.is_some() || holds_arrays || is_versioned(r#type) {
            Careful::All
        } else if has_extremes(r#type) {
            Careful::Extremes
        } else {
            Careful::None
        };
        Self { plain, holds_arrays, values }
    }
}

impl Column {
    /// Returns the column's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the column's type; for a domain, its base type.
    pub fn r#type(&self) -> &Type {
        &self.r#type
    }

    /// Returns the size of the type in bytes; negative for a type of variable size.
    pub fn type_size(&self) -> i16 {
        self.type_size
    }

    /// Returns the type modifier, whose meaning depends on the type; -1 where there is none.
    pub fn type_modifier(&self) -> i32 {
        self.type_modifier
    }

    /// Returns the OID of the table that the column comes from, if it comes straight from one.
    pub fn table_oid(&self) -> Option<Oid> {
        (self.table_oid != 0).then_some(self.table_oid)
    }

    /// Returns the column's attribute number in that table, if it comes straight from one.
    pub fn attribute_number(&self) -> Option<i16> {
        (self.attribute_number != 0).then_some(self.attribute_number)
    }

    /// Returns the format of the column's values.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The same column with its values in another format.
    pub(crate) fn in_format(&self, format: Format) -> Self {
        Self { format, care: Care::of(&self.r#type, format), ..self.clone() }
    }

    /// The columns with `prefix` taken off their names. The others keep their place, but no name finds them: an empty
    /// one does not exist in SQL.
    pub(crate) fn under_prefix(columns: &[Self], prefix: &str) -> Vec<Self> {
        let bare = |column: &Self| {
            let name = column.name.strip_prefix(prefix).unwrap_or_default().into();
            Self { name, ..column.clone() }
        };
        columns.iter().map(bare).collect()
    }

    /// Whether the type is still to be looked up.
    pub(crate) fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// The same column with what the catalog knows of its type.
    pub(crate) fn resolved(&self, catalog: &Catalog, of: Described) -> Self {
        let known = catalog.find_or_unknown(self.r#type.oid());
        let unknown = is_unknown(&known.r#type);
        let format = match of {
            Described::Statement if known.is_text => Format::Text,
            // What has come is in the format that was asked for.
            Described::Statement | Described::Result => self.format,
        };
        let care = Care::of(&known.r#type, format);
        Self { r#type: known.r#type, format, care, unknown, ..self.clone() }
    }

    /// The type by which a value is read: what comes as text is read as text, whatever it is.
    #[inline]
    pub(crate) fn read_as(&self) -> &Type {
        match self.format {
            Format::Binary => &self.r#type,
            Format::Text => &Type::TEXT,
        }
    }

    /// The type by which `T` reads the column's values: domains are read as their base type, enums as text.
    pub(crate) fn read_by<'a, T: FromSql<'a>>(&self) -> Option<&Type> {
        let first = self.read_as();
        if types::accepts::<T>(first) {
            return Some(first);
        }
        let plain = self.care.plain.as_ref()?;
        (self.format == Format::Binary && types::accepts::<T>(plain)).then_some(plain)
    }

    /// Reads a value as `T`, which was found to read the column.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "called for each value, it takes as long as what it does"
    )]
    pub(crate) fn read<'a, T: FromSql<'a>>(&self, value: Option<&'a [u8]>) -> ReadResult<T> {
        if self.care.values == Careful::None {
            return T::from_sql_nullable(&self.r#type, value);
        }
        self.read_with_care(value)
    }

    #[inline(never)]
    fn read_with_care<'a, T: FromSql<'a>>(&self, value: Option<&'a [u8]>) -> ReadResult<T> {
        match value {
            Some(raw) if self.care.values == Careful::Extremes && !is_extreme(raw) => {
                T::from_sql_nullable(&self.r#type, value)
            }
            _ => self.read_with_all_care(value),
        }
    }

    #[inline(never)]
    fn read_with_all_care<'a, T: FromSql<'a>>(&self, value: Option<&'a [u8]>) -> ReadResult<T> {
        let r#type = match self.care.plain {
            Some(_) => self.read_by::<T>().unwrap_or_else(|| self.read_as()),
            None => self.read_as(),
        };
        if self.care.holds_arrays
            && let Some(value) = value
        {
            is_sound(r#type, value)?;
        }
        types::read(r#type, value)
    }
}

/// The columns of a description. That of a statement cannot know yet in which formats the values will come: in
/// those that will be asked for.
pub(crate) fn columns(
    description: RowDescription<'_>,
    catalog: &Catalog,
    of: Described,
) -> Box<[Column]> {
    let column = |column: crate::message::ColumnDescription<'_>| {
        let known = catalog.find_or_unknown(column.type_oid);
        let format = match of {
            Described::Statement if known.is_text => Format::Text,
            Described::Statement => Format::Binary,
            Described::Result => column.format,
        };
        Column {
            name: column.name.into(),
            care: Care::of(&known.r#type, format),
            unknown: is_unknown(&known.r#type),
            r#type: known.r#type,
            type_size: column.type_size,
            type_modifier: column.type_modifier,
            table_oid: column.table_oid,
            attribute_number: column.attribute_number,
            format,
        }
    };
    description.columns.into_iter().map(column).collect()
}

/// What a RowDescription is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Described {
    /// A statement, before it is run.
    Statement,
    /// A result that follows.
    Result,
}

/// What names a column: its position, counted from 0, or its name.
pub trait ColumnIndex {
    /// Returns the position of the column that this names.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there is no such column, or more than one of that name.
    fn position(&self, columns: &[Column]) -> Result<usize, Error>;
}

impl ColumnIndex for usize {
    fn position(&self, columns: &[Column]) -> Result<usize, Error> {
        if *self < columns.len() {
            return Ok(*self);
        }
        let text = format!("there is no column {self}: the result has {} columns", columns.len());
        Err(Error::conversion(text))
    }
}

impl ColumnIndex for str {
    fn position(&self, columns: &[Column]) -> Result<usize, Error> {
        let mut found = columns.iter().enumerate().filter(|(_, column)| *column.name == *self);
        match (found.next(), found.next()) {
            (Some((position, _)), None) => Ok(position),
            (None, _) => {
                Err(Error::conversion(format!("there is no column \"{self}\"{}", among(columns))))
            }
            (Some(_), Some(_)) => {
                let text = format!(
                    "there is more than one column \"{self}\": use its position, or \"as\" in SQL"
                );
                Err(Error::conversion(text))
            }
        }
    }
}

/// The columns that there are, for an error about one that is not.
pub(crate) fn among(columns: &[Column]) -> String {
    let names = columns.iter().map(Column::name).filter(|name| !name.is_empty());
    let names: Vec<_> = names.take(20).collect();
    match names.as_slice() {
        [] => ": there are no columns that could be it".to_owned(),
        names => format!(" among \"{}\"", names.join("\", \"")),
    }
}

impl<T: ColumnIndex + ?Sized> ColumnIndex for &T {
    fn position(&self, columns: &[Column]) -> Result<usize, Error> {
        (**self).position(columns)
    }
}

impl ColumnIndex for String {
    fn position(&self, columns: &[Column]) -> Result<usize, Error> {
        self.as_str().position(columns)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn column(name: &str, r#type: Type, format: Format) -> Column {
        let care = Care::of(&r#type, format);
        Column {
            name: name.into(),
            r#type,
            care,
            unknown: false,
            type_size: -1,
            type_modifier: -1,
            table_oid: 0,
            attribute_number: 0,
            format,
        }
    }

    /// The same column, straight from a table.
    #[cfg(feature = "sea-query")]
    pub(crate) fn column_of(column: Column, table_oid: Oid) -> Column {
        Column { table_oid, ..column }
    }

    #[test]
    fn a_column_is_found_by_position_or_by_its_only_name() {
        let columns =
            ["id", "name", "name"].map(|name| column(name, Type::INT4, Format::Binary)).to_vec();
        assert_eq!(2.position(&columns).unwrap(), 2);
        assert_eq!("id".position(&columns).unwrap(), 0);
        let text = |index: &dyn ColumnIndex| index.position(&columns).unwrap_err().to_string();
        assert_eq!(text(&3_usize), "there is no column 3: the result has 3 columns");
        assert_eq!(text(&"ID"), "there is no column \"ID\" among \"id\", \"name\", \"name\"");
        assert!(text(&"name").starts_with("there is more than one column \"name\""));
        assert!(
            "id".position(&[]).unwrap_err().to_string().ends_with("no columns that could be it")
        );
    }

    #[test]
    fn a_prefix_hides_the_other_columns_and_moves_none() {
        let columns =
            ["id", "owner_id", "owner_"].map(|name| column(name, Type::INT4, Format::Binary));
        let columns = Column::under_prefix(&columns, "owner_");
        assert_eq!("id".position(&columns).unwrap(), 1);
        let text = "owner_id".position(&columns).unwrap_err().to_string();
        assert_eq!(text, "there is no column \"owner_id\" among \"id\"");
    }
}
