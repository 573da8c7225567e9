//! `Bits`: the values of `bit` and `varbit`.

use std::fmt::{self, Write};
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::wire_form::{WireForm, invalid_text, out_of_range, wire_form};
use crate::wire::Reader;

/// A `bit(n)` or `varbit`: a string of bits of any length.
///
/// The first bit is the highest of the first byte. The order is PostgreSQL's: bit by bit, a string before those
/// that begin with it.
///
/// # Examples
///
/// ```
/// use aiopg::types::Bits;
///
/// let bits: Bits = "101000001".parse()?;
/// assert_eq!((bits.len(), bits.as_bytes()), (9, &[0b1010_0000, 0b1000_0000][..]));
/// assert_eq!(bits.get(8), Some(true));
/// assert_eq!(bits.iter().collect::<Bits>().to_string(), "101000001");
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Bit string types](https://www.postgresql.org/docs/18/datatype-bit.html)
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bits {
    /// Bits behind the last are zero.
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    /// Makes a string of the first `len` bits of `bytes`; what follows them in the last byte does not count.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there are not exactly as many bytes as `len` bits need, or
    /// more bits than the server can count.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>, len: usize) -> Result<Self, Error> {
        let mut bytes = bytes.into();
        if bytes.len() != len.div_ceil(8) || i32::try_from(len).is_err() {
            return Err(out_of_range::<Self>());
        }
        if let (Some(last), 1..8) = (bytes.last_mut(), len % 8) {
            *last &= !(u8::MAX >> (len % 8));
        }
        Ok(Self { bytes, len })
    }

    /// Returns how many bits there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Tells whether there are no bits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the bit at `index`, counted from 0.
    pub fn get(&self, index: usize) -> Option<bool> {
        let byte = self.bytes.get(index / 8).filter(|_| index < self.len)?;
        Some(byte & (0x80 >> (index % 8)) != 0)
    }

    /// Returns all bits, the first first.
    pub fn iter(&self) -> impl Iterator<Item = bool> {
        (0..self.len).filter_map(|index| self.get(index))
    }

    /// Returns the bytes that hold the bits; the rest of the last one is zero.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bytes that hold the bits; the rest of the last one is zero.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut().filter(|_| bit) {
            *last |= 0x80 >> (self.len % 8);
        }
        self.len += 1;
    }
}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Self {
        let mut collected = Self::default();
        bits.into_iter().for_each(|bit| collected.push(bit));
        collected
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|bit| f.write_char(if bit { '1' } else { '0' }))
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bits({self})")
    }
}

impl FromStr for Bits {
    type Err = Error;

    /// Reads zeros and ones.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bit = |byte| match byte {
            b'0' => Ok(false),
            b'1' => Ok(true),
            _ => Err(invalid_text::<Self>()),
        };
        text.bytes().map(bit).collect()
    }
}

impl WireForm for Bits {
    const NAME: &'static str = "bit";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let len = usize::try_from(reader.read_i32()?).map_err(|_| out_of_range::<Self>())?;
        Self::from_bytes(reader.read_bytes(len.div_ceil(8))?, len)
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        out.put_i32(i32::try_from(self.len).map_err(|_| out_of_range::<Self>())?);
        out.put_slice(&self.bytes);
        Ok(())
    }
}

wire_form!(Bits: BIT, VARBIT);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::wire_form::read_whole;

    #[test]
    fn bits_have_the_text_that_postgresql_gives_them() {
        for (len, bytes, text) in [
            (0, &[][..], ""),
            (3, &[0], "000"),
            (8, &[0xaa], "10101010"),
            (9, &[0xff, 0x80], "111111111"),
        ] {
            let bits = Bits::from_bytes(bytes, len).unwrap();
            assert_eq!(bits.to_string(), text);
            assert_eq!(text.parse::<Bits>().unwrap(), bits);
            assert_eq!(bits.iter().collect::<Bits>(), bits);
            assert_eq!(bits.get(len), None);
        }
        assert!("012".parse::<Bits>().is_err());
    }

    #[test]
    fn bits_behind_the_last_do_not_count() {
        assert_eq!(Bits::from_bytes([0xff], 3).unwrap(), "111".parse().unwrap());
        assert_eq!(Bits::from_bytes([0xff, 0xff], 16).unwrap().as_bytes(), [0xff, 0xff]);
        assert!(Bits::from_bytes([0xff], 9).is_err());
        assert!(Bits::from_bytes([0xff], 0).is_err());
        assert!(Bits::from_bytes([], usize::MAX).is_err());
    }

    #[test]
    fn a_length_that_lies_is_refused() {
        assert!(read_whole::<Bits>(b"\x7f\xff\xff\xff\x01").is_err());
        assert!(read_whole::<Bits>(b"\xff\xff\xff\xff").is_err());
        assert!(read_whole::<Bits>(b"\0\0\0\x08\x01\x02").is_err());
    }

    #[test]
    fn the_order_is_that_of_the_texts() {
        let mut texts = ["1", "0", "", "10", "01", "100000000", "00000000", "000000001"];
        let mut bits = texts.map(|text| text.parse::<Bits>().unwrap());
        texts.sort_unstable();
        bits.sort_unstable();
        assert_eq!(bits.map(|bits| bits.to_string()), texts);
    }
}
