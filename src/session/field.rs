//! `Field`: what a derived `FromRow` asks for one field of its struct.

#![expect(
    clippy::missing_errors_doc,
    reason = "only derives call it, and they pass every error on"
)]

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;

use postgres_types::FromSql;

use crate::error::Error;
use crate::session::column::{Column, ColumnIndex};
use crate::session::from_row::{FromRow, checked_column};
use crate::session::row::Row;

/// A field of a struct, named in every error about it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    owner: &'static str,
    name: &'static str,
}

/// The plan of a struct inside a struct. Its type is hidden: that of the outer struct may be public where the inner
/// one is not.
pub struct Part(Box<dyn Any + Send + Sync>);

impl Part {
    fn new<P: Any + Send + Sync>(plan: P) -> Self {
        Self(Box::new(plan))
    }

    fn plan<'r, T: FromRow<'r>>(&self) -> Option<&T::Plan> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").finish_non_exhaustive()
    }
}

/// Where a field finds its column.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "only the derives make one")]
pub enum Place {
    /// The only column of this name.
    Name(&'static str),
    /// The column at this position, counted from 0.
    Position(usize),
}

impl Place {
    fn is_missing(self, columns: &[Column]) -> bool {
        match self {
            Self::Name(name) => !columns.iter().any(|column| column.name() == name),
            Self::Position(position) => position >= columns.len(),
        }
    }
}

impl ColumnIndex for Place {
    fn position(&self, columns: &[Column]) -> Result<usize, Error> {
        match self {
            Self::Name(name) => name.position(columns),
            Self::Position(position) => position.position(columns),
        }
    }
}

impl Field {
    /// The field `name` of the struct `owner`.
    pub const fn new(owner: &'static str, name: &'static str) -> Self {
        Self { owner, name }
    }

    /// Finds the column and checks its type.
    pub fn find<'r, T: FromSql<'r>>(
        &self,
        columns: &[Column],
        place: Place,
    ) -> Result<usize, Error> {
        checked_column::<T>(columns, place).map_err(|error| self.named(error))
    }

    /// Finds the column and checks its type, if it is there.
    pub fn find_or_default<'r, T: FromSql<'r>>(
        &self,
        columns: &[Column],
        place: Place,
    ) -> Result<Option<usize>, Error> {
        if place.is_missing(columns) {
            return Ok(None);
        }
        self.find::<T>(columns, place).map(Some)
    }

    /// Makes the plan of a struct inside the struct, which reads the same columns.
    pub fn plan<'r, T: FromRow<'r>>(&self, columns: &[Column]) -> Result<Part, Error> {
        T::plan(columns).map(Part::new).map_err(|error| self.named(error))
    }

    /// Makes the plan of a struct inside the struct, which reads the columns whose names begin with `prefix`.
    pub fn plan_with_prefix<'r, T: FromRow<'r>>(
        &self,
        columns: &[Column],
        prefix: &str,
    ) -> Result<Part, Error> {
        self.plan::<T>(&Column::under_prefix(columns, prefix)).map_err(|error| {
            error
                .with_text(|text| format!("{text}, among the columns with the prefix \"{prefix}\""))
        })
    }

    /// Reads a value whose type has been checked.
    pub fn value<'r, T: FromSql<'r>>(&self, row: Row<'r>, position: usize) -> Result<T, Error> {
        row.checked(position).map_err(|error| self.named(error))
    }

    /// Reads a struct inside the struct.
    pub fn part<'r, T: FromRow<'r>>(&self, part: &Part, row: Row<'r>) -> Result<T, Error> {
        let plan = part.plan::<T>().ok_or_else(|| Error::usage("the plan is that of another type"));
        plan.and_then(|plan| T::from_row(plan, row)).map_err(|error| self.named(error))
    }

    /// Converts a value that was read into that of the field.
    pub fn convert<S, T>(&self, row: Row<'_>, position: usize, value: S) -> Result<T, Error>
    where
        T: TryFrom<S, Error: Into<Box<dyn StdError + Send + Sync>>>,
    {
        T::try_from(value).map_err(|error| {
            let name = row.columns().get(position).map(Column::name).unwrap_or_default();
            let text = format!("column \"{name}\" has a value that does not fit");
            self.named(row.located(Error::conversion(text).with_source(error)))
        })
    }

    /// Tells whether a value is NULL.
    pub fn is_null(row: Row<'_>, position: usize) -> bool {
        row.bytes(position).is_none()
    }

    /// Tells whether all that a struct inside the struct reads is NULL.
    pub fn part_is_null<'r, T: FromRow<'r>>(part: &Part, row: Row<'r>) -> bool {
        part.plan::<T>().is_some_and(|plan| T::is_null(plan, row))
    }

    #[cold]
    fn named(&self, error: Error) -> Error {
        error.with_text(|text| format!("{text} (field \"{}\" of \"{}\")", self.name, self.owner))
    }
}

/// Checks that a result has columns for a struct that is read by position: all that it has fields for, and no more.
pub fn has_places(owner: &str, columns: &[Column], least: usize, most: usize) -> Result<(), Error> {
    let count = columns.len();
    if (least..=most).contains(&count) {
        return Ok(());
    }
    let wanted = if least == most { most.to_string() } else { format!("{least} to {most}") };
    Err(Error::conversion(format!("the result has {count} columns, \"{owner}\" {wanted}")))
}
