//! `TsVector`: the lexemes of a document, with their positions and weights.

use std::fmt;

use bytes::{BufMut, BytesMut};
use postgres_types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use crate::error::Error;
use crate::types::codec::{CodecError, put_count};
use crate::wire::Reader;

/// How much a word counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the server knows four")]
pub enum Weight {
    /// The lowest, and the one that is not shown.
    #[default]
    D,
    /// The third.
    C,
    /// The second.
    B,
    /// The highest.
    A,
}

impl Weight {
    fn from_bits(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::D,
            1 => Self::C,
            2 => Self::B,
            _ => Self::A,
        }
    }

    fn bits(self) -> u16 {
        match self {
            Self::D => 0,
            Self::C => 1,
            Self::B => 2,
            Self::A => 3,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::D => "",
            Self::C => "C",
            Self::B => "B",
            Self::A => "A",
        }
    }
}

/// Where a lexeme stands in its document, counted from 1 to 16383, and how much it counts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the server knows no more")]
pub struct Position {
    /// The place.
    pub place: u16,
    /// The weight.
    pub weight: Weight,
}

/// A lexeme of a [`TsVector`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the server knows no more")]
pub struct Lexeme {
    /// The normal form of the word.
    pub text: String,
    /// Where it stands; empty if that was stripped.
    pub positions: Vec<Position>,
}

/// The lexemes of a document, `tsvector`.
///
/// The server keeps them in order; it takes them in any.
///
/// # Examples
///
/// ```
/// use aiopg::types::{Lexeme, Position, TsVector, Weight};
///
/// let positions = vec![Position { place: 1, weight: Weight::A }];
/// let vector = TsVector::from(vec![Lexeme { text: "cat".to_owned(), positions }]);
/// assert_eq!(vector.to_string(), "'cat':1A");
/// ```
///
/// # Source
///
/// [tsvector](https://www.postgresql.org/docs/18/datatype-textsearch.html#DATATYPE-TSVECTOR)
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TsVector(Vec<Lexeme>);

impl TsVector {
    /// Returns the lexemes.
    pub fn lexemes(&self) -> &[Lexeme] {
        &self.0
    }

    /// Returns the lexemes.
    pub fn into_lexemes(self) -> Vec<Lexeme> {
        self.0
    }
}

impl From<Vec<Lexeme>> for TsVector {
    fn from(lexemes: Vec<Lexeme>) -> Self {
        Self(lexemes)
    }
}

impl FromIterator<Lexeme> for TsVector {
    fn from_iter<I: IntoIterator<Item = Lexeme>>(lexemes: I) -> Self {
        Self(lexemes.into_iter().collect())
    }
}

impl fmt::Display for TsVector {
    /// Writes the lexemes as the server does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, lexeme) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { " " } else { "" })?;
            quote(&lexeme.text, f)?;
            for (index, position) in lexeme.positions.iter().enumerate() {
                let separator = if index > 0 { "," } else { ":" };
                write!(f, "{separator}{}{}", position.place, position.weight.text())?;
            }
        }
        Ok(())
    }
}

/// Quotes a lexeme.
pub(crate) fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The greatest position; the two bits above it are the weight.
const MOST_PLACE: u16 = 0x3fff;

fn read_lexeme(reader: &mut Reader<'_>) -> Result<Lexeme, Error> {
    let text = reader.read_str()?.to_owned();
    let count = reader.read_count()?;
    let mut positions = Vec::new();
    for _ in 0..count {
        // A WordEntryPos: the place in 14 bits, the weight above it.
        let bits = reader.read_u16()?;
        let (place, weight) = (bits & MOST_PLACE, Weight::from_bits(bits >> 14));
        if place == 0 {
            return Err(reader.invalid("a position is 0"));
        }
        positions.push(Position { place, weight });
    }
    Ok(Lexeme { text, positions })
}

impl<'a> FromSql<'a> for TsVector {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new("tsvector", raw);
        let count = reader.read_u32()?;
        let mut lexemes = Vec::new();
        for _ in 0..count {
            lexemes.push(read_lexeme(&mut reader)?);
        }
        reader.finish()?;
        Ok(Self(lexemes))
    }

    accepts!(TS_VECTOR);
}

impl ToSql for TsVector {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, CodecError> {
        put_count(out, self.0.len())?;
        for lexeme in &self.0 {
            if lexeme.text.contains('\0') {
                return Err("a lexeme cannot hold a NUL byte".into());
            }
            out.put_slice(lexeme.text.as_bytes());
            out.put_u8(0);
            out.put_u16(u16::try_from(lexeme.positions.len())?);
            for position in &lexeme.positions {
                if !(1..=MOST_PLACE).contains(&position.place) {
                    return Err("the position of a lexeme must be from 1 to 16383".into());
                }
                out.put_u16(position.place | position.weight.bits() << 14);
            }
        }
        Ok(IsNull::No)
    }

    accepts!(TS_VECTOR);

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::codec::tests::check;

    fn lexeme(text: &str, positions: &[(u16, Weight)]) -> Lexeme {
        let position =
            |(place, weight): &(u16, Weight)| Position { place: *place, weight: *weight };
        Lexeme { text: text.to_owned(), positions: positions.iter().map(position).collect() }
    }

    #[test]
    fn lexemes_round_trip() {
        let vector = TsVector(vec![
            lexeme("a'b\\", &[]),
            lexeme("c", &[(1, Weight::A), (2, Weight::B), (3, Weight::C), (16383, Weight::D)]),
        ]);
        let bytes = b"\0\0\0\x02a'b\\\0\0\0c\0\0\x04\xc0\x01\x80\x02\x40\x03\x3f\xff";
        check(&vector, &Type::TS_VECTOR, bytes);
        check(&TsVector::default(), &Type::TS_VECTOR, b"\0\0\0\0");
        assert_eq!(vector.to_string(), r"'a''b\\' 'c':1A,2B,3C,16383");
    }

    #[test]
    fn what_the_server_could_not_mean_is_not_written() {
        let mut out = BytesMut::new();
        for wrong in [
            lexeme("a\0b", &[]),
            lexeme("a", &[(0, Weight::D)]),
            lexeme("a", &[(16384, Weight::D)]),
        ] {
            assert!(TsVector(vec![wrong]).to_sql(&Type::TS_VECTOR, &mut out).is_err());
        }
    }
}
