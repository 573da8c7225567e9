//! Arrays and ranges as text, taken apart into the texts of their parts.

use std::fmt;
use std::ops::Bound;

use crate::types::array::Dimension;
use crate::types::plain::MOST_DIMENSIONS;
use crate::types::range::Range;

/// The text of an element or of a bound.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Item(pub(crate) String);

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The dimensions and the elements of an array as the server prints it.
pub(crate) fn array(text: &str) -> Option<(Vec<Dimension>, Vec<Option<Item>>)> {
    let mut array = Elements { rest: text, items: Vec::new(), lengths: Vec::new(), depth: None };
    let bounds = array.bounds()?;
    if array.rest == "{}" && bounds.is_empty() {
        return Some((Vec::new(), Vec::new()));
    }
    array.level(0)?;
    if !array.rest.is_empty() || !(bounds.is_empty() || bounds.len() == array.lengths.len()) {
        return None;
    }
    let mut dimensions = Vec::new();
    for (index, length) in array.lengths.iter().enumerate() {
        let length = (*length)?;
        let (lower_bound, upper) =
            bounds.get(index).copied().unwrap_or((1, i64::try_from(length).ok()?));
        let announced = upper - i64::from(lower_bound) + 1;
        if i64::try_from(length).ok()? != announced {
            return None;
        }
        dimensions.push(Dimension { length, lower_bound });
    }
    Some((dimensions, array.items))
}

/// An array that is being read.
struct Elements<'t> {
    rest: &'t str,
    items: Vec<Option<Item>>,
    /// How many parts a pair of braces has, by depth, as soon as one is closed.
    lengths: Vec<Option<usize>>,
    /// How deep the elements are.
    depth: Option<usize>,
}

impl<'t> Elements<'t> {
    fn eat(&mut self, token: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    /// Takes what comes in front of `end`, and that.
    fn until(&mut self, end: char) -> Option<&'t str> {
        let (taken, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(taken)
    }

    /// `[1:2][0:4]=`, where it is there.
    fn bounds(&mut self) -> Option<Vec<(i32, i64)>> {
        let mut bounds = Vec::new();
        while self.eat('[').is_some() {
            let lower = self.until(':')?.parse().ok()?;
            bounds.push((lower, self.until(']')?.parse::<i32>().ok()?.into()));
        }
        if !bounds.is_empty() {
            self.eat('=')?;
        }
        Some(bounds)
    }

    /// What is between a pair of braces.
    fn level(&mut self, depth: usize) -> Option<()> {
        if depth == MOST_DIMENSIONS {
            return None;
        }
        self.eat('{')?;
        if self.lengths.len() == depth {
            self.lengths.push(None);
        }
        let mut count = 0_usize;
        loop {
            if self.rest.starts_with('{') {
                self.level(depth + 1)?;
            } else {
                self.element(depth)?;
            }
            count += 1;
            if self.eat('}').is_some() {
                break;
            }
            self.eat(',')?;
        }
        let length = self.lengths.get_mut(depth)?;
        (*length.get_or_insert(count) == count).then_some(())
    }

    fn element(&mut self, depth: usize) -> Option<()> {
        if *self.depth.get_or_insert(depth) != depth {
            return None;
        }
        let item = if let Some(quoted) = self.rest.strip_prefix('"') {
            let (item, rest) = unquote(quoted)?;
            self.rest = rest;
            Some(Item(item))
        } else {
            let end = self.rest.find([',', '}', '{', '"', '\\'])?;
            let (item, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest;
            if item.is_empty() {
                return None;
            }
            (!item.eq_ignore_ascii_case("null")).then(|| Item(item.to_owned()))
        };
        self.items.push(item);
        Some(())
    }
}

/// What is in front of the closing quote, and what is behind it. A backslash quotes what follows; a doubled quote is
/// one that belongs to the text, as ranges have it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let (mut item, mut chars) = (String::new(), text.chars());
    loop {
        match chars.next()? {
            '\\' => item.push(chars.next()?),
            '"' => match chars.as_str().strip_prefix('"') {
                Some(rest) => {
                    item.push('"');
                    chars = rest.chars();
                }
                None => return Some((item, chars.as_str())),
            },
            c => item.push(c),
        }
    }
}

/// A range as the server prints it.
pub(crate) fn range(text: &str) -> Option<Range<Item>> {
    let (range, rest) = leading_range(text)?;
    rest.is_empty().then_some(range)
}

/// The ranges of a multirange as the server prints it.
pub(crate) fn multirange(text: &str) -> Option<Vec<Range<Item>>> {
    let mut rest = text.strip_prefix('{')?;
    let mut ranges = Vec::new();
    if rest != "}" {
        loop {
            let (range, behind) = leading_range(rest)?;
            ranges.push(range);
            let next = behind.strip_prefix(',');
            rest = next.unwrap_or(behind);
            if next.is_none() {
                break;
            }
        }
    }
    (rest == "}").then_some(ranges)
}

fn leading_range(text: &str) -> Option<(Range<Item>, &str)> {
    if let Some(rest) = text.strip_prefix("empty") {
        return Some((Range::empty(), rest));
    }
    let (includes_lower, rest) = one_of(text, '[', '(')?;
    let (lower, rest) = bound(rest)?;
    let (upper, rest) = bound(rest.strip_prefix(',')?)?;
    let (includes_upper, rest) = one_of(rest, ']', ')')?;
    let side = |item: Option<Item>, includes| match item {
        None => Bound::Unbounded,
        Some(item) if includes => Bound::Included(item),
        Some(item) => Bound::Excluded(item),
    };
    Some((Range::new(side(lower, includes_lower), side(upper, includes_upper)), rest))
}

/// Whether the text begins with the first or the second, and what is behind it.
fn one_of(text: &str, first: char, second: char) -> Option<(bool, &str)> {
    let with_first = text.strip_prefix(first).map(|rest| (true, rest));
    with_first.or_else(|| text.strip_prefix(second).map(|rest| (false, rest)))
}

/// A bound, if there is one, and what is behind it.
fn bound(text: &str) -> Option<(Option<Item>, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (item, rest) = unquote(quoted)?;
        return Some((Some(Item(item)), rest));
    }
    let end = text.find([',', ')', ']', '(', '[', '"', '\\'])?;
    let (item, rest) = text.split_at_checked(end)?;
    Some(((!item.is_empty()).then(|| Item(item.to_owned())), rest))
}
