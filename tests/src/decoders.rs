//! Every type that reads values, as one list: for tests that feed them bytes that no server sends.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use aiopg::postgres_types::{Field, Format, FromSqlOwned, IsNull, Kind, ToSql, Type};
use aiopg::types::{
    Array, Bits, Cid, Cidr, Circle, Date, Hstore, Inet, Interval, Line, LineSegment, MacAddr,
    MacAddr8, Money, Multirange, Numeric, Path, PgLsn, PgSnapshot, Point, Polygon, Range, Record,
    Rectangle, Tid, Time, TimeTz, Timestamp, Timestamptz, TsQuery, TsVector, Void, Xid, Xid8,
};
use bytes::BytesMut;

/// One type of ours, and what must hold of whatever it reads.
#[derive(Clone, Debug)]
pub struct Decoder {
    name: &'static str,
    r#type: Type,
    check: fn(&Type, &[u8]) -> Result<Read, String>,
}

/// What became of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// They are a value.
    Value,
    /// They are none.
    Refused,
}

impl Decoder {
    /// Its name in the list of seeds: that of PostgreSQL.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Reads `raw`: nothing may panic, and a value that was read must be written again as itself.
    ///
    /// # Errors
    ///
    /// What does not hold, with the bytes.
    pub fn check(&self, raw: &[u8]) -> Result<Read, String> {
        let checked = catch_unwind(AssertUnwindSafe(|| (self.check)(&self.r#type, raw)));
        let checked = checked.unwrap_or_else(|_| Err("it panics".to_owned()));
        checked.map_err(|fault| format!("{} {}: {fault}", self.name, hex(raw)))
    }
}

/// Every decoder of `aiopg::types`.
pub fn decoders() -> Vec<Decoder> {
    let mut decoders = scalars();
    decoders.extend(containers());
    decoders.extend([
        binary::<Rectangle>("box", Type::BOX),
        text::<Cidr>("cidr", Type::CIDR),
        binary::<Circle>("circle", Type::CIRCLE),
        text::<Inet>("inet", Type::INET),
        binary::<Line>("line", Type::LINE),
        binary::<LineSegment>("lseg", Type::LSEG),
        binary::<MacAddr>("macaddr", Type::MACADDR),
        binary::<MacAddr8>("macaddr8", Type::MACADDR8),
        binary::<Path>("path", Type::PATH),
        binary::<Point>("point", Type::POINT),
        binary::<Polygon>("polygon", Type::POLYGON),
        binary::<TsQuery>("tsquery", Type::TSQUERY),
        binary::<TsVector>("tsvector", Type::TS_VECTOR),
    ]);
    decoders
}

fn scalars() -> Vec<Decoder> {
    vec![
        text::<Bits>("varbit", Type::VARBIT),
        text::<Cid>("cid", Type::CID),
        text::<Date>("date", Type::DATE),
        text::<Interval>("interval", Type::INTERVAL),
        binary::<Money>("money", Type::MONEY),
        text::<Numeric>("numeric", Type::NUMERIC),
        text::<PgLsn>("pg_lsn", Type::PG_LSN),
        text::<PgSnapshot>("pg_snapshot", Type::PG_SNAPSHOT),
        text::<Tid>("tid", Type::TID),
        text::<Time>("time", Type::TIME),
        text::<TimeTz>("timetz", Type::TIMETZ),
        text::<Timestamp>("timestamp", Type::TIMESTAMP),
        text::<Timestamptz>("timestamptz", Type::TIMESTAMPTZ),
        binary::<Void>("void", Type::VOID),
        text::<Xid>("xid", Type::XID),
        text::<Xid8>("xid8", Type::XID8),
    ]
}

fn containers() -> Vec<Decoder> {
    let fields = [("a", Type::INT4), ("b", Type::TEXT)];
    let fields = fields.map(|(name, r#type)| Field::new(name.to_owned(), r#type)).to_vec();
    vec![
        binary::<Hstore>("hstore", extension("hstore", Kind::Simple)),
        binary::<Array<Option<i32>>>("int4[]", Type::INT4_ARRAY),
        binary::<Multirange<i32>>("int4multirange", Type::INT4MULTI_RANGE),
        binary::<Range<i32>>("int4range", Type::INT4_RANGE),
        binary::<Range<Numeric>>("numrange", Type::NUM_RANGE),
        binary::<Record<(i32, Option<String>)>>("record", extension("r", Kind::Composite(fields))),
        binary::<Array<Option<Timestamptz>>>("timestamptz[]", Type::TIMESTAMPTZ_ARRAY),
    ]
}

/// A type that is not built in.
fn extension(name: &str, kind: Kind) -> Type {
    Type::new(name.to_owned(), 70_000, kind, "public".to_owned())
}

/// A type that reads and writes its text, too.
pub fn text<T>(name: &'static str, r#type: Type) -> Decoder
where
    T: FromSqlOwned + ToSql + PartialEq + Debug + Display + FromStr<Err: Debug>,
{
    let check = |r#type: &Type, raw: &[u8]| {
        let Some(value) = there_and_back::<T>(r#type, raw)? else { return Ok(Read::Refused) };
        let text = value.to_string();
        let again = text.parse::<T>().map_err(|error| format!("its text {text}: {error:?}"))?;
        if again != value || again.to_string() != text {
            return Err(format!("its text {text} is read as {again:?}"));
        }
        // Another text need be no value, but what is read from it is one in binary, too.
        if let Ok(other) = disturbed(&text, raw).parse::<T>() {
            let written = write(&other, r#type)?;
            if there_and_back::<T>(r#type, &written)?.is_none_or(|again| again != other) {
                return Err(format!("{other:?}, from a text, is written as {}", hex(&written)));
            }
        }
        Ok(Read::Value)
    };
    Decoder { name, r#type, check }
}

/// `text` with one character more, less or other; the same one for the same `raw`.
fn disturbed(text: &str, raw: &[u8]) -> String {
    const CHARACTERS: [char; 16] =
        ['0', '1', '9', '-', '+', ':', '.', ' ', 'e', 'B', 'y', '/', ',', '(', '\u{e9}', '\0'];
    let mut mutator =
        Mutator::new(raw.iter().fold(7, |sum, byte| sum * 31 % 0xffff_fffb + u64::from(*byte)));
    let mut characters: Vec<char> = text.chars().collect();
    let (at, new) = (mutator.below(characters.len() + 1), CHARACTERS[mutator.below(16)]);
    match (mutator.below(3), characters.get_mut(at)) {
        (0, Some(character)) => *character = new,
        (1, Some(_)) => drop(characters.remove(at)),
        _ => characters.insert(at, new),
    }
    characters.into_iter().collect()
}

/// A type without a text.
pub fn binary<T>(name: &'static str, r#type: Type) -> Decoder
where
    T: FromSqlOwned + ToSql + Debug,
{
    let check = |r#type: &Type, raw: &[u8]| {
        there_and_back::<T>(r#type, raw).map(|value| value.map_or(Read::Refused, |_| Read::Value))
    };
    Decoder { name, r#type, check }
}

fn there_and_back<T>(r#type: &Type, raw: &[u8]) -> Result<Option<T>, String>
where
    T: FromSqlOwned + ToSql + Debug,
{
    let Ok(value) = T::from_sql(r#type, raw) else { return Ok(None) };
    let written = write(&value, r#type)?;
    // What the server takes only as text, such as a `tsquery` without words, is not written in the form that is read.
    if matches!(value.encode_format(r#type), Format::Text) {
        return Ok(Some(value));
    }
    let again = T::from_sql(r#type, &written);
    let again = again.map_err(|error| format!("what it writes, {}: {error}", hex(&written)))?;
    // NaN does not equal itself; it looks like itself.
    if format!("{again:?}") != format!("{value:?}") || write(&again, r#type)? != written {
        return Err(format!("it becomes {}", hex(&written)));
    }
    Ok(Some(value))
}

fn write<T: ToSql>(value: &T, r#type: &Type) -> Result<Vec<u8>, String> {
    let mut out = BytesMut::new();
    match value.to_sql(r#type, &mut out) {
        Ok(IsNull::No) => Ok(out.to_vec()),
        Ok(IsNull::Yes) => Err("it is written as NULL".to_owned()),
        Err(error) => Err(format!("it is not written: {error}")),
    }
}

/// The valid values that mutations start from, by the name of the decoder.
///
/// Each line of `tests/seeds/values.txt` is a name and the bytes in hexadecimal.
pub fn seeds() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let mut seeds = BTreeMap::<_, Vec<_>>::new();
    let lines = include_str!("../seeds/values.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let (name, digits) = line.split_once(' ').unwrap_or((line, ""));
        let bytes =
            unhex(digits).unwrap_or_else(|| panic!("a seed that is not hexadecimal: {line}"));
        seeds.entry(name).or_default().push(bytes);
    }
    seeds
}

/// `bytes` as in the list of seeds.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Makes bodies by mutation; the same ones from the same seed.
#[derive(Clone, Debug)]
pub struct Mutator(u64);

/// Numbers at which something begins or ends.
const EDGES: [u64; 14] = [
    0,
    1,
    u64::MAX,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff,
    0x8000,
    9_999,
    10_000,
    86_400_000_000,
    57_600,
];

impl Mutator {
    /// Starts a sequence.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound).expect("a bound");
        usize::try_from((mixed ^ (mixed >> 31)) % bound).expect("less than the bound")
    }

    /// `count` bytes, whatever they are.
    pub fn noise(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    /// `body`, changed in one to four places.
    pub fn mutate(&mut self, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(body.len() + 1);
            match self.below(7) {
                0 => body.truncate(at),
                1 => body.insert(at, self.byte()),
                2 => self.put_edge(&mut body, at),
                3 => {
                    let piece = body[at..].to_vec();
                    body.extend(piece.iter().take(64));
                }
                4 if at < body.len() => {
                    body.remove(at);
                }
                5 if at < body.len() => body[at] ^= 1 << self.below(8),
                _ if at < body.len() => body[at] = self.byte(),
                _ => {}
            }
        }
        body
    }

    fn put_edge(&mut self, body: &mut [u8], at: usize) {
        let width = [1, 2, 4, 8][self.below(4)];
        // Where a field is likely to begin.
        let at = at - at % width.min(2);
        let nearby = u64::try_from(self.below(3)).expect("a small number");
        let edge = EDGES[self.below(EDGES.len())].wrapping_add(nearby).wrapping_sub(1);
        let bytes = &edge.to_be_bytes()[8 - width..];
        body.iter_mut().skip(at).zip(bytes).for_each(|(byte, edge)| *byte = *edge);
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }
}
