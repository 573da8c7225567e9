//! The table that has many rows, and how a row of it is decoded by hand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::wire::Values;

pub(crate) const ROWS: u32 = 1_000_000;

/// A row is some 65 bytes on the wire, of which 10 are text. Every other note is NULL.
pub(crate) const TABLE: &str = "create unlogged table reading (id int4, kind int2, active bool,
        score float4, name text, at timestamptz, note int4);
    insert into reading select n, n % 100, n % 3 = 0, n / 7.0, 'row ' || lpad(n::text, 6, '0'),
        '2025-01-01 UTC'::timestamptz + n * interval '1.5 seconds', nullif(n % 2, 0) * n
        from generate_series(1, 1000000) n;
    vacuum analyze reading";

pub(crate) const SQL: &str = "select id, kind, active, score, name, at, note from reading limit $1";

/// A row that borrows its text.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'b> {
    id: i32,
    kind: i16,
    active: bool,
    score: f32,
    name: &'b str,
    at: SystemTime,
    note: Option<i32>,
}

/// A row that owns it.
#[expect(dead_code, reason = "it is decoded for what that costs")]
pub(crate) struct OwnedReading {
    pub(crate) id: i32,
    kind: i16,
    active: bool,
    score: f32,
    name: String,
    at: SystemTime,
    note: Option<i32>,
}

impl<'b> Reading<'b> {
    /// The body of a DataRow in binary; `None` if it is anything else.
    pub(crate) fn decode(body: &'b [u8]) -> Option<Self> {
        let mut values = Values::new(body);
        let reading = Self {
            id: i32::from_be_bytes(fixed(values.next()?)?),
            kind: i16::from_be_bytes(fixed(values.next()?)?),
            active: fixed::<1>(values.next()?)? != [0],
            score: f32::from_be_bytes(fixed(values.next()?)?),
            name: str::from_utf8(values.next()??).ok()?,
            at: timestamp(i64::from_be_bytes(fixed(values.next()?)?))?,
            note: match values.next()? {
                None => None,
                value => Some(i32::from_be_bytes(fixed(value)?)),
            },
        };
        values.next().is_none().then_some(reading)
    }

    pub(crate) fn to_owned(self) -> OwnedReading {
        let Self { id, kind, active, score, name, at, note } = self;
        OwnedReading { id, kind, active, score, name: name.to_owned(), at, note }
    }
}

fn fixed<const N: usize>(value: Option<&[u8]>) -> Option<[u8; N]> {
    value?.try_into().ok()
}

/// Microseconds since 2000.
fn timestamp(micros: i64) -> Option<SystemTime> {
    const YEAR_2000: Duration = Duration::from_secs(946_684_800);
    let epoch = UNIX_EPOCH.checked_add(YEAR_2000)?;
    let span = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { epoch.checked_sub(span) } else { epoch.checked_add(span) }
}
