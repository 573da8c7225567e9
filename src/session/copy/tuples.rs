//! `Tuples`: PostgreSQL's binary format of COPY, taken apart into rows however the bytes arrive.

use std::ops::Range;

use crate::error::Error;
use crate::message::Offset;

/// What stands before the first row: the signature, no flags, and a header extension of no bytes.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// What stands in the place of a row behind the last.
pub(crate) const TRAILER: &[u8] = b"\xff\xff";

/// Flags that change the format; the others may be passed over.
const CRITICAL_FLAGS: u32 = 0xffff_0000;

/// What is kept of the buffer once it is empty; more is given back.
const KEPT_BYTES: usize = 256 << 10;

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Header,
    /// The header's extension, of which so many bytes are still to come.
    Extension(usize),
    Tuple,
    /// The trailer has come: there is nothing after it.
    End,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// More bytes are needed.
    Nothing,
    /// A row: where it stands in [`Tuples::bytes`], until the next is asked for.
    Tuple(Range<usize>),
}

/// The bytes that have arrived and are not yet read, and how far they are understood.
#[derive(Debug)]
pub(crate) struct Tuples {
    bytes: Vec<u8>,
    columns: usize,
    place: Place,
    /// Where the tuple begins that comes next.
    start: usize,
    /// How far that tuple is understood: where the next of its lengths stands.
    at: usize,
    /// Where the lengths of its values stand, counted from its start.
    offsets: Vec<Offset>,
    /// The tuple was returned.
    lent: bool,
    limit_bytes: usize,
}

impl Tuples {
    /// For rows of so many columns, none of which is longer than the limit.
    pub(crate) fn new(columns: usize, limit_bytes: usize) -> Self {
        Self {
            bytes: Vec::new(),
            columns,
            place: Place::Header,
            start: 0,
            at: 0,
            offsets: Vec::new(),
            lent: false,
            limit_bytes,
        }
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Where the lengths of the values stand in the tuple that was found.
    pub(crate) fn offsets(&self) -> &[Offset] {
        &self.offsets
    }

    /// Whether the trailer has come.
    pub(crate) fn is_at_end(&self) -> bool {
        self.place == Place::End
    }

    /// Adds bytes that have arrived.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.release();
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.at = self.at.saturating_sub(self.start);
            self.start = 0;
        }
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
        if self.bytes.len().saturating_add(bytes.len()) > self.limit_bytes.saturating_mul(2) {
            return Err(invalid("a row is longer than the limit"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds bytes in the memory that they came in, from `start` on; only where nothing is held.
    pub(crate) fn adopt(&mut self, bytes: Vec<u8>, start: usize) {
        self.bytes = bytes;
        (self.start, self.at) = (start, start);
        self.lent = false;
        self.offsets.clear();
    }

    /// Whether bytes are held that are not yet read: those that are added belong behind them.
    pub(crate) fn is_holding(&mut self) -> bool {
        self.release();
        self.start < self.bytes.len()
    }

    /// Finds the next row.
    pub(crate) fn next(&mut self) -> Result<Found, Error> {
        self.release();
        loop {
            match self.place {
                Place::Header => {
                    match self.bytes.get(self.start..self.start.saturating_add(HEADER.len())) {
                        Some(header) => {
                            self.place = Place::Extension(extension(header)?);
                            self.start += HEADER.len();
                        }
                        None => return Ok(Found::Nothing),
                    }
                }
                Place::Extension(length) => {
                    let skipped = length.min(self.bytes.len() - self.start);
                    self.start += skipped;
                    self.at = self.start;
                    self.place = Place::Extension(length - skipped);
                    if length > skipped {
                        return Ok(Found::Nothing);
                    }
                    self.place = Place::Tuple;
                }
                Place::Tuple => return self.tuple(),
                Place::End if self.start == self.bytes.len() => return Ok(Found::Nothing),
                Place::End => return Err(invalid("there is data behind the trailer")),
            }
        }
    }

    /// Goes past the row that was returned.
    fn release(&mut self) {
        if std::mem::take(&mut self.lent) {
            self.start = self.at;
            self.offsets.clear();
        }
    }

    fn tuple(&mut self) -> Result<Found, Error> {
        if self.at == self.start {
            let Some(count) = array::<2>(&self.bytes, self.at) else { return Ok(Found::Nothing) };
            self.at += count.len();
            if count == *TRAILER {
                self.start = self.at;
                self.place = Place::End;
                return self.next();
            }
            if usize::from(u16::from_be_bytes(count)) != self.columns {
                return Err(invalid("a row has another number of values than was described"));
            }
        }
        while self.offsets.len() < self.columns {
            let Some(length) = array::<4>(&self.bytes, self.at) else { return Ok(Found::Nothing) };
            let offset = u32::try_from(self.at - self.start);
            let offset = offset.map_err(|_| invalid("a row is too long"))?;
            self.offsets.push(offset.to_ne_bytes());
            self.at += length.len();
            let length = i32::from_be_bytes(length);
            if length != -1 {
                let length = usize::try_from(length).map_err(|_| invalid("a negative length"))?;
                self.at = self.at.saturating_add(length);
            }
        }
        if self.at > self.bytes.len() {
            return Ok(Found::Nothing);
        }
        self.lent = true;
        Ok(Found::Tuple(self.start..self.at))
    }
}

/// The length of the header's extension.
fn extension(header: &[u8]) -> Result<usize, Error> {
    let Some(rest) = header.strip_prefix(SIGNATURE) else {
        return Err(invalid("it does not begin with the signature"));
    };
    let flags = array::<4>(rest, 0).map_or(0, u32::from_be_bytes);
    if flags & CRITICAL_FLAGS != 0 {
        return Err(invalid("it has flags that are not known"));
    }
    let length = array::<4>(rest, 4).map_or(0, i32::from_be_bytes);
    usize::try_from(length).map_err(|_| invalid("the length of its header is negative"))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

#[cold]
fn invalid(what: &str) -> Error {
    Error::protocol("binary copy", what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::message::DataRow;

    const ROW: &[u8] = b"\0\x02\0\0\0\x01a\xff\xff\xff\xff";
    const OTHER: &[u8] = b"\0\x02\0\0\0\0\0\0\0\x02bc";

    /// The rows in `data`, which arrives in pieces of so many bytes.
    fn rows(data: &[u8], piece: usize) -> Result<Vec<Vec<Option<Vec<u8>>>>, Error> {
        let mut tuples = Tuples::new(2, 1000);
        let mut rows = Vec::new();
        for bytes in data.chunks(piece) {
            tuples.add(bytes)?;
            while let Found::Tuple(range) = tuples.next()? {
                let row = DataRow::new(tuples.bytes(range));
                let values =
                    tuples.offsets().iter().map(|at| row.value_at(*at).map(<[u8]>::to_vec));
                rows.push(values.collect());
            }
        }
        if tuples.is_at_end() { Ok(rows) } else { Err(invalid("it was cut short")) }
    }

    #[test]
    fn rows_are_found_however_they_arrive() {
        let data = [HEADER, ROW, OTHER, ROW, TRAILER].concat();
        let row = vec![Some(b"a".to_vec()), None];
        let other = vec![Some(b"".to_vec()), Some(b"bc".to_vec())];
        for piece in 1..=data.len() {
            assert_eq!(rows(&data, piece).unwrap(), [row.clone(), other.clone(), row.clone()]);
        }
        assert!(rows(&[HEADER, TRAILER].concat(), 1).unwrap().is_empty());
    }

    #[test]
    fn an_extension_of_the_header_is_passed_over() {
        let header = [SIGNATURE, b"\0\0\0\x01\0\0\0\x05hello"].concat();
        for piece in 1..40 {
            assert_eq!(rows(&[&header, ROW, TRAILER].concat(), piece).unwrap().len(), 1);
        }
    }

    #[test]
    fn what_is_no_binary_copy_is_refused() {
        let whole = [HEADER, ROW, OTHER, TRAILER].concat();
        for length in 0..whole.len() {
            assert_eq!(rows(&whole[..length], 7).unwrap_err().kind(), Kind::Protocol);
        }
        let refused = [
            [b"1\ttext\n".as_slice(), &[b'x'; 40]].concat(),
            [SIGNATURE, b"\0\x01\0\0\0\0\0\0", TRAILER].concat(),
            [SIGNATURE, b"\0\0\0\0\xff\xff\xff\xff", TRAILER].concat(),
            [HEADER, b"\0\x01\0\0\0\0", TRAILER].concat(),
            [HEADER, b"\0\x03\0\0\0\0", TRAILER].concat(),
            [HEADER, b"\0\x02\xff\xff\xff\xfe", TRAILER].concat(),
            [HEADER, b"\xff\xfe"].concat(),
            [HEADER, TRAILER, b"x"].concat(),
            // A value that never ends: only so much of it is kept.
            [HEADER, b"\0\x02\x7f\xff\xff\xff", &[0; 3000]].concat(),
        ];
        for data in refused {
            for piece in [1, 7, data.len()] {
                assert_eq!(rows(&data, piece).unwrap_err().kind(), Kind::Protocol, "{data:?}");
            }
        }
    }

    #[test]
    fn memory_that_bytes_came_in_is_taken_over() {
        let mut tuples = Tuples::new(2, 1000);
        assert!(!tuples.is_holding());
        tuples.adopt([b"headr", HEADER, ROW].concat(), 5);
        let Found::Tuple(range) = tuples.next().unwrap() else { panic!("there is a row") };
        assert_eq!(tuples.bytes(range), ROW);
        assert!(!tuples.is_holding());
        tuples.adopt([b"headr", OTHER, &ROW[..3]].concat(), 5);
        let Found::Tuple(range) = tuples.next().unwrap() else { panic!("there is a row") };
        assert_eq!(tuples.bytes(range), OTHER);
        assert!(tuples.is_holding());
        tuples.add(&ROW[3..]).unwrap();
        let Found::Tuple(range) = tuples.next().unwrap() else { panic!("there is a row") };
        assert_eq!(tuples.bytes(range), ROW);
    }

    #[test]
    fn memory_of_a_long_row_is_given_back() {
        let mut tuples = Tuples::new(1, 1 << 20);
        let value = vec![7; 900_000];
        tuples.add(&[HEADER, b"\0\x01\0\x0d\xbb\xa0", &value].concat()).unwrap();
        assert!(matches!(tuples.next().unwrap(), Found::Tuple(_)));
        assert_eq!(tuples.next().unwrap(), Found::Nothing);
        tuples.add(b"").unwrap();
        assert!(tuples.bytes.capacity() <= KEPT_BYTES);
    }
}
