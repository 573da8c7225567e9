//! `TsQuery`: what is looked for in a document.

use std::fmt;

use bytes::{BufMut, BytesMut};
use postgres_types::{Format, FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use crate::error::Error;
use crate::types::codec::{CodecError, put_count};
use crate::types::tsvector::{Weight, quote};
use crate::wire::Reader;

/// A text search query, `tsquery`: put together from lexemes by its methods.
///
/// # Examples
///
/// ```
/// use aiopg::types::TsQuery;
///
/// let query = TsQuery::lexeme("fat").and(TsQuery::lexeme("cat").or(TsQuery::prefix("ra")).not());
/// assert_eq!(query.to_string(), "'fat' & !( 'cat' | 'ra':* )");
/// ```
///
/// # Source
///
/// [tsquery](https://www.postgresql.org/docs/18/datatype-textsearch.html#DATATYPE-TSQUERY)
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TsQuery {
    /// As the server keeps them: an operator stands before its operands, of which the right one comes first. A list
    /// needs no recursion, however deep the query.
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Item {
    Lexeme { text: String, weights: u8, prefix: bool },
    Operator(Operator),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operator {
    Not,
    And,
    Or,
    /// The right operand follows the left one at this distance.
    Phrase(u16),
}

impl Operator {
    fn operands(self) -> usize {
        if self == Self::Not { 1 } else { 2 }
    }

    /// How strongly it binds.
    fn priority(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Phrase(_) => 3,
            Self::Not => 4,
        }
    }
}

impl TsQuery {
    /// Looks for a lexeme, which is taken as it is.
    pub fn lexeme(text: impl Into<String>) -> Self {
        Self { items: vec![Item::Lexeme { text: text.into(), weights: 0, prefix: false }] }
    }

    /// Looks for lexemes that begin with `text`.
    pub fn prefix(text: impl Into<String>) -> Self {
        Self { items: vec![Item::Lexeme { text: text.into(), weights: 0, prefix: true }] }
    }

    /// Counts only lexemes of these weights, in every part of the query made so far.
    #[must_use]
    pub fn weights(mut self, only: &[Weight]) -> Self {
        let bits = only.iter().fold(0, |bits, weight| bits | weight_bit(*weight));
        for item in &mut self.items {
            if let Item::Lexeme { weights, .. } = item {
                *weights = bits;
            }
        }
        self
    }

    /// Looks for both.
    #[must_use]
    pub fn and(self, right: Self) -> Self {
        self.joined(Operator::And, right)
    }

    /// Looks for one or the other.
    #[must_use]
    pub fn or(self, right: Self) -> Self {
        self.joined(Operator::Or, right)
    }

    /// Looks for `right` standing `distance` places behind this.
    #[must_use]
    pub fn followed_by(self, distance: u16, right: Self) -> Self {
        self.joined(Operator::Phrase(distance), right)
    }

    /// Looks for documents that do not match.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it stands beside `and` and `or`")]
    pub fn not(mut self) -> Self {
        if !self.is_empty() {
            self.items.insert(0, Item::Operator(Operator::Not));
        }
        self
    }

    /// Tells whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What is empty has no place beside an operator.
    fn joined(self, operator: Operator, right: Self) -> Self {
        if self.is_empty() || right.is_empty() {
            return if self.is_empty() { right } else { self };
        }
        let mut items = vec![Item::Operator(operator)];
        items.extend(right.items);
        items.extend(self.items);
        Self { items }
    }
}

fn weight_bit(weight: Weight) -> u8 {
    match weight {
        Weight::D => 1,
        Weight::C => 2,
        Weight::B => 4,
        Weight::A => 8,
    }
}

impl fmt::Display for TsQuery {
    /// Writes the query as the server does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // From the end, each operator finds its operands complete: the right one on top.
        let mut parts: Vec<(String, u8)> = Vec::new();
        for item in self.items.iter().rev() {
            let part = match item {
                Item::Lexeme { text, weights, prefix } => {
                    (lexeme_text(text, *weights, *prefix), u8::MAX)
                }
                Item::Operator(operator) => {
                    let right = if *operator == Operator::Not { None } else { parts.pop() };
                    let Some(left) = parts.pop() else { return Err(fmt::Error) };
                    (joined_text(*operator, left, right), operator.priority())
                }
            };
            parts.push(part);
        }
        parts.pop().map_or(Ok(()), |(text, _)| f.write_str(&text))
    }
}

fn joined_text(operator: Operator, left: (String, u8), right: Option<(String, u8)>) -> String {
    let braced = |(text, priority): (String, u8), needed: bool| {
        if needed && priority < u8::MAX { format!("( {text} )") } else { text }
    };
    let priority = operator.priority();
    let left_needs = left.1 < priority;
    let Some(right) = right else { return format!("!{}", braced(left, left_needs)) };
    // `a <-> (b <-> c)` is not `(a <-> b) <-> c`: a phrase is not associative.
    let is_phrase = matches!(operator, Operator::Phrase(_));
    let right_needs = right.1 < priority || (is_phrase && right.1 == priority);
    let (left, right) = (braced(left, left_needs), braced(right, right_needs));
    match operator {
        Operator::And => format!("{left} & {right}"),
        Operator::Or => format!("{left} | {right}"),
        Operator::Phrase(1) => format!("{left} <-> {right}"),
        Operator::Phrase(distance) => format!("{left} <{distance}> {right}"),
        Operator::Not => format!("!{left}"),
    }
}

fn lexeme_text(text: &str, weights: u8, prefix: bool) -> String {
    struct Quoted<'a>(&'a str);
    impl fmt::Display for Quoted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            quote(self.0, f)
        }
    }
    let mut written = Quoted(text).to_string();
    written.push_str(if prefix || weights != 0 { ":" } else { "" });
    written.push_str(if prefix { "*" } else { "" });
    for (letter, bit) in [("A", 8), ("B", 4), ("C", 2), ("D", 1)] {
        written.push_str(if weights & bit != 0 { letter } else { "" });
    }
    written
}

// The kinds of items and operators on the wire.
const VALUE: u8 = 1;
const OPERATOR: u8 = 2;
const NOT: u8 = 1;
const AND: u8 = 2;
const OR: u8 = 3;
const PHRASE: u8 = 4;

fn read_item(reader: &mut Reader<'_>) -> Result<Item, Error> {
    match reader.read_u8()? {
        VALUE => {
            let weights = reader.read_u8()?;
            let prefix = reader.read_u8()? != 0;
            if weights > 0x0f {
                return Err(reader.invalid("it has unrecognized weights"));
            }
            Ok(Item::Lexeme { text: reader.read_str()?.to_owned(), weights, prefix })
        }
        OPERATOR => match reader.read_u8()? {
            NOT => Ok(Item::Operator(Operator::Not)),
            AND => Ok(Item::Operator(Operator::And)),
            OR => Ok(Item::Operator(Operator::Or)),
            PHRASE => Ok(Item::Operator(Operator::Phrase(reader.read_u16()?))),
            _ => Err(reader.invalid("it has an unrecognized operator")),
        },
        _ => Err(reader.invalid("it has an unrecognized item")),
    }
}

impl<'a> FromSql<'a> for TsQuery {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new("tsquery", raw);
        let count = reader.read_u32()?;
        let mut items = Vec::new();
        // How many operands are still due.
        let mut due = usize::from(count > 0);
        for _ in 0..count {
            let item = read_item(&mut reader)?;
            due = due.checked_sub(1).ok_or_else(|| reader.invalid("it has surplus operands"))?;
            if let Item::Operator(operator) = &item {
                due += operator.operands();
            }
            items.push(item);
        }
        if due > 0 {
            return Err(reader.invalid("an operand is missing").into());
        }
        reader.finish()?;
        Ok(Self { items })
    }

    accepts!(TSQUERY);
}

impl ToSql for TsQuery {
    /// The server reads an empty query from text only.
    fn encode_format(&self, _: &Type) -> Format {
        if self.is_empty() { Format::Text } else { Format::Binary }
    }

    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, CodecError> {
        if self.is_empty() {
            return Ok(IsNull::No);
        }
        put_count(out, self.items.len())?;
        for item in &self.items {
            match item {
                Item::Lexeme { text, weights, prefix } => {
                    if text.contains('\0') {
                        return Err("a lexeme cannot hold a NUL byte".into());
                    }
                    out.put_slice(&[VALUE, *weights, u8::from(*prefix)]);
                    out.put_slice(text.as_bytes());
                    out.put_u8(0);
                }
                Item::Operator(Operator::Not) => out.put_slice(&[OPERATOR, NOT]),
                Item::Operator(Operator::And) => out.put_slice(&[OPERATOR, AND]),
                Item::Operator(Operator::Or) => out.put_slice(&[OPERATOR, OR]),
                Item::Operator(Operator::Phrase(distance)) => {
                    out.put_slice(&[OPERATOR, PHRASE]);
                    out.put_u16(*distance);
                }
            }
        }
        Ok(IsNull::No)
    }

    accepts!(TSQUERY);

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::codec::tests::check;

    fn word(text: &str) -> TsQuery {
        TsQuery::lexeme(text)
    }

    #[test]
    fn queries_round_trip() {
        let query = word("a").and(TsQuery::prefix("b").weights(&[Weight::A, Weight::D]).not());
        let bytes = b"\0\0\0\x04\x02\x02\x02\x01\x01\x09\x01b\0\x01\0\0a\0";
        check(&query, &Type::TSQUERY, bytes);
        let phrase = b"\0\0\0\x03\x02\x04\0\x02\x01\0\0b\0\x01\0\0a\0";
        check(&word("a").followed_by(2, word("b")), &Type::TSQUERY, phrase);
        let empty = TsQuery::from_sql(&Type::TSQUERY, b"\0\0\0\0").unwrap();
        assert!(empty.is_empty() && matches!(empty.encode_format(&Type::TSQUERY), Format::Text));
        assert_eq!(query.to_string(), "'a' & !'b':*AD");
    }

    #[test]
    fn text_has_parentheses_where_they_are_needed() {
        let either = || word("a").or(word("b"));
        assert_eq!(either().and(word("c")).to_string(), "( 'a' | 'b' ) & 'c'");
        assert_eq!(either().or(word("c")).to_string(), "'a' | 'b' | 'c'");
        assert_eq!(either().not().to_string(), "!( 'a' | 'b' )");
        let phrase = word("a").followed_by(1, word("b").followed_by(3, word("c")));
        assert_eq!(phrase.to_string(), "'a' <-> ( 'b' <3> 'c' )");
        assert_eq!(word("o'\\").to_string(), r"'o''\\'");
        assert_eq!(TsQuery::default().and(word("a")).not().to_string(), "!'a'");
        assert_eq!(TsQuery::default().not().to_string(), "");
    }

    #[test]
    fn a_query_of_any_depth_needs_no_stack() {
        let deep: Vec<u8> =
            [&b"\0\x01\x86\xa1"[..], &b"\x02\x01".repeat(100_000), b"\x01\0\0a\0"].concat();
        let query = TsQuery::from_sql(&Type::TSQUERY, &deep).unwrap();
        assert_eq!(query.clone(), query);
        assert!(TsQuery::from_sql(&Type::TSQUERY, b"\0\0\0\x01\x02\x01").is_err());
        assert!(TsQuery::from_sql(&Type::TSQUERY, b"\0\0\0\x02\x01\0\0a\0\x01\0\0a\0").is_err());
    }
}
