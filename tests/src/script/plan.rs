//! The few statements that the tiny server knows.

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    Empty,
    /// Rows of one `int8`: the first value, and how many.
    Rows(i64, u64),
    /// One row: the parameter.
    Echo,
    /// No rows: the command tag.
    Done(String),
    /// Begins (`T`) or ends (`I`) a transaction.
    Status(u8, &'static str),
    /// Fails when it is run.
    Fails,
    /// Fails when it is parsed.
    Rejected,
    CopyIn,
    CopyOut,
}

impl Plan {
    pub(crate) fn of(sql: &str) -> Self {
        let words: Vec<_> = sql.split_whitespace().filter(|word| !word.starts_with('_')).collect();
        let number =
            |index: usize| words.get(index).and_then(|word| word.parse().ok()).unwrap_or(0);
        match *words.as_slice() {
            [] => Self::Empty,
            ["select", "$1::int8"] => Self::Echo,
            ["answer", _] => Self::Rows(number(1), 1),
            ["rows", count, "from", _] => Self::Rows(number(3), count.parse().unwrap_or(0)),
            ["touch", count] => Self::Done(format!("UPDATE {count}")),
            ["fail", ..] | ["begin", "deferrable"] => Self::Fails,
            ["begin", ..] => Self::Status(b'T', "BEGIN"),
            ["commit", ..] => Self::Status(b'I', "COMMIT"),
            ["savepoint", _] => Self::Done("SAVEPOINT".to_owned()),
            ["release", "savepoint", _] => Self::Done("RELEASE".to_owned()),
            ["rollback", "to", "savepoint", _] => Self::Status(b'T', "ROLLBACK"),
            ["rollback", ..] => Self::Status(b'I', "ROLLBACK"),
            ["prepare", "transaction", ..] => Self::Status(b'I', "PREPARE TRANSACTION"),
            ["copy", _, "from", ..] | ["copy", _, _, "from", ..] => Self::CopyIn,
            ["copy", _, "to", ..] | ["copy", _, _, "to", ..] => Self::CopyOut,
            // What is described before rows are copied.
            ["select", _, "from", _] => Self::Rows(0, 0),
            _ => Self::Rejected,
        }
    }

    /// Whether it has a parameter.
    pub(crate) fn has_param(&self) -> bool {
        *self == Self::Echo
    }

    pub(crate) fn has_rows(&self) -> bool {
        matches!(self, Self::Rows(..) | Self::Echo)
    }
}

/// Whether a statement waits until it is cancelled: `_slow` stands anywhere in its text.
pub(crate) fn is_slow(sql: &str) -> bool {
    sql.contains("_slow")
}

/// Whether a copy fails at its first piece of data: `_broken` stands anywhere in its text.
pub(crate) fn is_broken(sql: &str) -> bool {
    sql.contains("_broken")
}

/// Whether a copy is in binary format, of one column.
pub(crate) fn is_binary(sql: &str) -> bool {
    sql.contains("binary")
}

/// Whether a statement takes its time: `_tardy` stands anywhere in its text.
pub(crate) fn is_tardy(sql: &str) -> bool {
    sql.contains("_tardy")
}

/// Whether a statement must not be run outside a transaction: `_within` stands anywhere in its text.
pub(crate) fn is_within(sql: &str) -> bool {
    sql.contains("_within")
}
