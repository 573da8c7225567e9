//! RowDescription and DataRow.

use postgres_types::Oid;

use crate::error::Error;
use crate::message::codec::Decode;
use crate::message::format::Format;
use crate::wire::Reader;

/// One column of a RowDescription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnDescription<'a> {
    pub(crate) name: &'a str,
    pub(crate) table_oid: Oid,
    pub(crate) attribute_number: i16,
    pub(crate) type_oid: Oid,
    pub(crate) type_size: i16,
    pub(crate) type_modifier: i32,
    pub(crate) format: Format,
}

/// RowDescription: the columns of the rows that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowDescription<'a> {
    pub(crate) columns: Vec<ColumnDescription<'a>>,
}

impl<'a> Decode<'a> for RowDescription<'a> {
    const TAG: u8 = b'T';
    const NAME: &'static str = "RowDescription";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let count = reader.read_count()?;
        let columns = (0..count).map(|_| column(reader)).collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }
}

fn column<'a>(reader: &mut Reader<'a>) -> Result<ColumnDescription<'a>, Error> {
    Ok(ColumnDescription {
        name: reader.read_str()?,
        table_oid: reader.read_u32()?,
        attribute_number: reader.read_i16()?,
        type_oid: reader.read_u32()?,
        type_size: reader.read_i16()?,
        type_modifier: reader.read_i32()?,
        format: Format::from_code(RowDescription::NAME, reader.read_i16()?)?,
    })
}

/// Where a value's length stands in the body of its row: a number in native bytes, so that the offsets of a row can
/// share an allocation with its body.
pub(crate) type Offset = [u8; 4];

/// DataRow: the values of one row, each behind its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DataRow<'a> {
    body: &'a [u8],
}

impl<'a> DataRow<'a> {
    pub(crate) const TAG: u8 = b'D';
    const NAME: &'static str = "DataRow";

    #[inline]
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { body }
    }

    pub(crate) fn body(self) -> &'a [u8] {
        self.body
    }

    /// Appends where each value's length field stands in the body, after checking that the body holds exactly
    /// `columns` values.
    pub(crate) fn find_values(
        self,
        columns: usize,
        offsets: &mut Vec<Offset>,
    ) -> Result<(), Error> {
        let (known, most) = (offsets.len(), self.body.len() / size_of::<i32>());
        offsets.resize(known.saturating_add(columns.min(most)), Offset::default());
        self.note_values(columns, offsets.get_mut(known..).unwrap_or_default())
    }

    /// Notes in `offsets` where each value's length field stands, after the same check.
    #[inline]
    pub(crate) fn note_values(self, columns: usize, offsets: &mut [Offset]) -> Result<(), Error> {
        let mut free = offsets.iter_mut();
        self.each_place(columns, |place| {
            // Where there is none, the row is too short for its values.
            if let Some(offset) = free.next() {
                *offset = place.to_ne_bytes();
            }
        })
    }

    /// Tells where each value's length field stands in the body, and checks meanwhile that the body holds exactly
    /// `columns` values.
    #[inline]
    pub(crate) fn each_place(self, columns: usize, mut note: impl FnMut(u32)) -> Result<(), Error> {
        let reader = Reader::new(Self::NAME, self.body);
        let fits = u32::try_from(self.body.len()).is_ok();
        let Some((count, mut rest)) = self.body.split_first_chunk::<2>().filter(|_| fits) else {
            return Err(reader.invalid("it is too short, or too long"));
        };
        if usize::from(u16::from_be_bytes(*count)) != columns {
            return Err(reader.invalid("it has another number of values than its description"));
        }
        // It fits, so no place in it is beyond what a number of 4 bytes can tell.
        let mut place = 2_u32;
        for _ in 0..columns {
            let Some((length, after)) = rest.split_first_chunk::<4>() else {
                return Err(reader.invalid("it is too short"));
            };
            note(place);
            place = place.wrapping_add(4);
            rest = after;
            if let Ok(length) = u32::try_from(i32::from_be_bytes(*length)) {
                place = place.wrapping_add(length);
                rest = usize::try_from(length)
                    .ok()
                    .and_then(|length| after.get(length..))
                    .ok_or_else(|| reader.invalid("it is too short"))?;
            } else if *length != NULL {
                return Err(reader.invalid("a negative length"));
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(reader.invalid("it has surplus bytes")) }
    }

    /// The values from the first to the last; `None` if they are not as many as `columns`.
    #[inline]
    pub(crate) fn values_in_order(self, columns: usize) -> Option<ValuesInOrder<'a>> {
        let (count, rest) = self.body.split_first_chunk::<2>()?;
        (usize::from(u16::from_be_bytes(*count)) == columns).then_some(ValuesInOrder { rest })
    }

    /// The value whose length field stands at `offset`; `None` is NULL.
    #[inline]
    pub(crate) fn value_at(self, offset: Offset) -> Option<&'a [u8]> {
        let rest = self.body.get(usize::try_from(u32::from_ne_bytes(offset)).ok()?..)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        rest.get(..usize::try_from(i32::from_be_bytes(*length)).ok()?)
    }
}

/// The length of NULL.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// There is no such value, or the row is not one. What is wrong with it, [`DataRow::find_values`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misshapen;

/// Goes through a row's values in their order, without noting where they stand.
#[derive(Clone, Debug)]
pub(crate) struct ValuesInOrder<'a> {
    rest: &'a [u8],
}

impl<'a> ValuesInOrder<'a> {
    /// The next value; `None` is NULL.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "called for each value, it takes as long as what it does"
    )]
    pub(crate) fn next_value(&mut self) -> Result<Option<&'a [u8]>, Misshapen> {
        let (length, rest) = self.rest.split_first_chunk::<4>().ok_or(Misshapen)?;
        if let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) {
            let (value, rest) = rest.split_at_checked(length).ok_or(Misshapen)?;
            self.rest = rest;
            Ok(Some(value))
        } else {
            self.rest = rest;
            if *length == NULL { Ok(None) } else { Err(Misshapen) }
        }
    }

    /// Whether the last value was the end of the row.
    #[inline]
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::message::codec::Encode;
    use crate::message::codec::tests::check;
    use crate::wire::Writer;

    impl Encode for RowDescription<'_> {
        const IDENTIFIER: u8 = b'T';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            writer.write_count(self.columns.len(), "columns")?;
            for column in &self.columns {
                writer.write_cstr(column.name.as_bytes(), "name")?;
                writer.write_u32(column.table_oid);
                writer.write_i16(column.attribute_number);
                writer.write_u32(column.type_oid);
                writer.write_i16(column.type_size);
                writer.write_i32(column.type_modifier);
                writer.write_i16(column.format.code());
            }
            Ok(())
        }
    }

    #[test]
    fn row_description_round_trips() {
        check(&RowDescription { columns: vec![] }, b"T\0\0\0\x06\0\0");
        let column = ColumnDescription {
            name: "id",
            table_oid: 16_385,
            attribute_number: 1,
            type_oid: 23,
            type_size: 4,
            type_modifier: -1,
            format: Format::Binary,
        };
        let vector =
            b"T\0\0\0\x1b\0\x01id\0\0\0\x40\x01\0\x01\0\0\0\x17\0\x04\xff\xff\xff\xff\0\x01";
        check(&RowDescription { columns: vec![column] }, vector);
    }

    const ROW: &[u8] = b"\0\x03\0\0\0\x04\0\0\0\x2a\xff\xff\xff\xff\0\0\0\0";

    #[test]
    fn the_values_of_a_data_row_are_found() {
        let mut offsets = Vec::new();
        let row = DataRow::new(ROW);
        row.find_values(3, &mut offsets).unwrap();
        assert_eq!(offsets, [2_u32, 10, 14].map(u32::to_ne_bytes));
        assert_eq!(row.value_at(offsets[0]), Some(&b"\0\0\0\x2a"[..]));
        assert_eq!(row.value_at(offsets[1]), None);
        assert_eq!(row.value_at(offsets[2]), Some(&b""[..]));
    }

    #[test]
    fn the_values_of_a_data_row_come_in_order() {
        let mut values = DataRow::new(ROW).values_in_order(3).unwrap();
        assert_eq!(values.next_value(), Ok(Some(&b"\0\0\0\x2a"[..])));
        assert_eq!(values.next_value(), Ok(None));
        assert!(!values.is_at_end());
        assert_eq!(values.next_value(), Ok(Some(&b""[..])));
        assert!(values.is_at_end());
        assert_eq!(values.next_value(), Err(Misshapen));
        assert!(DataRow::new(ROW).values_in_order(2).is_none());
        assert!(DataRow::new(b"\0").values_in_order(0).is_none());
        for broken in [&b"\0\x01\xff\xff\xff\xfe"[..], b"\0\x01\0\0\0\x02a", b"\0\x01\0\0"] {
            let mut values = DataRow::new(broken).values_in_order(1).unwrap();
            assert_eq!(values.next_value(), Err(Misshapen));
        }
    }

    #[test]
    fn a_data_row_of_another_shape_is_refused() {
        let refused = |body: &[u8], columns| {
            let error = DataRow::new(body).find_values(columns, &mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), Kind::Protocol);
        };
        refused(ROW, 2);
        refused(ROW, 4);
        refused(b"\0\x01\xff\xff\xff\xfe", 1);
        refused(b"\0\x01\x7f\xff\xff\xff", 1);
        refused(&[ROW, b"x"].concat(), 3);
        (0..ROW.len()).for_each(|length| refused(&ROW[..length], 3));
    }

    #[test]
    fn an_offset_beyond_the_body_has_no_value() {
        assert_eq!(DataRow::new(ROW).value_at(1000_u32.to_ne_bytes()), None);
        assert_eq!(DataRow::new(ROW).value_at(u32::MAX.to_ne_bytes()), None);
    }
}
