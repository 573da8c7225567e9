//! `Places`: where the values of the rows of a result stand, in two bytes for each where that is enough.

use crate::error::Error;
use crate::message::{DataRow, Offset};

/// A place in a row of at most 64 KiB, in native bytes.
type Near = [u8; 2];

/// Where the values of each row stand in its body.
///
/// Most results have short rows only; the first one that is long makes the places of all of them wide.
#[derive(Clone, Debug)]
pub(crate) enum Places {
    Near(Vec<Near>),
    Wide(Vec<Offset>),
}

impl Places {
    pub(crate) const NONE: Self = Self::Near(Vec::new());

    /// Adds those of a row, after checking that it holds exactly `columns` values.
    pub(crate) fn push(&mut self, body: &[u8], columns: usize) -> Result<(), Error> {
        let row = DataRow::new(body);
        match self {
            Self::Near(places) if u16::try_from(body.len()).is_ok() => {
                places.reserve(columns.min(body.len()));
                row.each_place(columns, |place| places.push(narrowed(place)))
            }
            Self::Near(places) => {
                let mut wide: Vec<_> = places.iter().map(|near| widened(*near)).collect();
                row.find_values(columns, &mut wide)?;
                *self = Self::Wide(wide);
                Ok(())
            }
            Self::Wide(places) => row.find_values(columns, places),
        }
    }

    /// Those of the row with the number `index`, counted from 0.
    pub(crate) fn of_row(&self, index: usize, columns: usize) -> Option<RowPlaces<'_>> {
        let (start, end) = (index * columns, (index + 1) * columns);
        match self {
            Self::Near(places) => places.get(start..end).map(RowPlaces::Near),
            Self::Wide(places) => places.get(start..end).map(RowPlaces::Wide),
        }
    }
}

fn narrowed(place: u32) -> Near {
    u16::try_from(place).unwrap_or(u16::MAX).to_ne_bytes()
}

fn widened(near: Near) -> Offset {
    u32::from(u16::from_ne_bytes(near)).to_ne_bytes()
}

/// Where the values of one row stand in its body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RowPlaces<'r> {
    Near(&'r [Near]),
    Wide(&'r [Offset]),
}

impl RowPlaces<'_> {
    #[inline]
    pub(crate) fn get(self, position: usize) -> Option<Offset> {
        match self {
            Self::Near(places) => places.get(position).map(|near| widened(*near)),
            Self::Wide(places) => places.get(position).copied(),
        }
    }

    /// Writes all of them to a place that has room for as many.
    pub(crate) fn write(self, out: &mut [Offset]) {
        match self {
            Self::Near(places) => {
                out.iter_mut().zip(places).for_each(|(offset, near)| *offset = widened(*near));
            }
            Self::Wide(places) => {
                out.iter_mut().zip(places).for_each(|(offset, place)| *offset = *place);
            }
        }
    }
}

impl<'r> From<&'r [Offset]> for RowPlaces<'r> {
    fn from(places: &'r [Offset]) -> Self {
        Self::Wide(places)
    }
}

impl<'r> From<&'r Vec<Offset>> for RowPlaces<'r> {
    fn from(places: &'r Vec<Offset>) -> Self {
        Self::Wide(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of one value of so many bytes, and a NULL.
    fn row(bytes: usize) -> Vec<u8> {
        let length = u32::try_from(bytes).unwrap().to_be_bytes();
        [b"\0\x02", &length[..], &vec![7; bytes], b"\xff\xff\xff\xff"].concat()
    }

    #[test]
    fn places_are_the_same_before_and_after_a_long_row() {
        let mut places = Places::NONE;
        // The second value of a row of 65,535 bytes stands at the last place that two bytes can tell but four.
        let lengths = [0, 3, 65_525, 65_526, 70_000, 5];
        for (added, bytes) in lengths.into_iter().enumerate() {
            places.push(&row(bytes), 2).unwrap();
            for (index, bytes) in lengths[..=added].iter().enumerate() {
                let of_row = places.of_row(index, 2).unwrap();
                let at = |position| of_row.get(position).map(|at| u32::from_ne_bytes(at) as usize);
                assert_eq!((at(0), at(1), at(2)), (Some(2), Some(6 + bytes), None));
                let mut written = [Offset::default(); 2];
                of_row.write(&mut written);
                assert_eq!(written[1], u32::try_from(6 + bytes).unwrap().to_ne_bytes());
            }
            assert_eq!(matches!(places, Places::Near(_)), bytes <= 65_525 && added < 3);
        }
        assert!(places.of_row(lengths.len(), 2).is_none());
    }
}
