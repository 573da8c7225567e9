//! `StatementCache`: text to prepared statement, the least recently used out first.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::BytesMut;
use lru::LruCache;

use crate::error::{Error, Kind};
use crate::message::{Close, Encode, Object};
use crate::session::statement::{Closes, Name, Statement};

/// The most Close messages that ride with one request, so that it does not grow with what was dropped before.
const MOST_CLOSES: usize = 64;

/// The prepared statements of one connection.
pub(crate) struct StatementCache {
    /// None where the capacity is zero.
    statements: Option<LruCache<Box<str>, Statement>>,
    closes: Arc<Closes>,
    /// Names whose Close is in the request that is being answered.
    closing: Vec<String>,
    prepared: u64,
}

impl StatementCache {
    /// `process_id` is that of the session.
    pub(crate) fn new(capacity: usize, process_id: Option<i32>) -> Self {
        Self {
            statements: NonZeroUsize::new(capacity).map(LruCache::new),
            closes: Arc::new(Closes::new(process_id)),
            closing: Vec::new(),
            prepared: 0,
        }
    }

    pub(crate) fn find(&mut self, sql: &str) -> Option<Statement> {
        let statements = self.statements.as_mut()?;
        // Mostly it is the same again, and to compare two texts takes less than to hash one.
        match statements.peek_mru() {
            Some((text, statement)) if **text == *sql => Some(statement.clone()),
            _ => statements.get(sql).cloned(),
        }
    }

    /// The statement for `sql`, if the server has it under a name: not only its description is kept here.
    pub(crate) fn find_named(&mut self, sql: &str) -> Option<Statement> {
        self.find(sql).filter(|statement| !statement.name().is_empty())
    }

    /// Keeps a statement. One that falls out is closed when nobody else holds it.
    pub(crate) fn keep(&mut self, statement: Statement) {
        if let Some(statements) = &mut self.statements {
            statements.push(statement.sql().into(), statement);
        }
    }

    pub(crate) fn forget(&mut self, sql: &str) {
        if let Some(statements) = &mut self.statements {
            statements.pop(sql);
        }
    }

    /// What a statement is told that failed. Its table may have been made anew since it was described, so that a
    /// parameter that does not fit may do so then: the next use asks again.
    pub(crate) fn misfit(&mut self, sql: &str, error: Error) -> Error {
        if error.kind() == Kind::Conversion {
            self.forget(sql);
        }
        error.or_statement(sql)
    }

    pub(crate) fn forget_all(&mut self) {
        if let Some(statements) = &mut self.statements {
            statements.clear();
        }
    }

    /// A name that no statement of this connection has had.
    pub(crate) fn next_name(&mut self) -> Name {
        self.prepared += 1;
        Name::new(self.prepared, &self.closes)
    }

    /// Notes that the request that would have made this statement was taken back.
    pub(crate) fn never_made(&self, number: u64) {
        self.closes.never_made(number);
    }

    pub(crate) fn unnamed(&self) -> Name {
        Name::unnamed(&self.closes)
    }

    pub(crate) fn owns(&self, statement: &Statement) -> bool {
        statement.belongs_to(&self.closes)
    }

    /// Writes Close for statements that are dropped. Those of a request that was not answered are written again,
    /// since it may have been withdrawn.
    pub(crate) fn write_closes(&mut self, out: &mut BytesMut) -> Result<(), Error> {
        self.closes.take(MOST_CLOSES, &mut self.closing);
        let object = Object::Statement;
        self.closing.iter().try_for_each(|name| Close { object, name }.encode(out))
    }

    /// Whether a statement waits to be closed.
    pub(crate) fn any_closes(&self) -> bool {
        !self.closing.is_empty() || self.closes.any()
    }

    /// Notes that the request was answered, and the Close messages with it.
    pub(crate) fn closes_done(&mut self, count: usize) {
        if count > 0 {
            self.closing.drain(..count.min(self.closing.len()));
        }
    }
}

impl fmt::Debug for StatementCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.statements.as_ref().map_or(0, LruCache::len);
        f.debug_struct("StatementCache").field("len", &len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare(cache: &mut StatementCache, sql: &str) {
        let statement = Statement::new(cache.next_name(), sql, [].into(), [].into());
        cache.keep(statement);
    }

    fn closes(cache: &mut StatementCache) -> String {
        let mut out = BytesMut::new();
        cache.write_closes(&mut out).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn the_least_recently_used_goes_and_is_closed() {
        let mut cache = StatementCache::new(2, None);
        prepare(&mut cache, "a");
        prepare(&mut cache, "b");
        assert!(cache.find("a").is_some());
        prepare(&mut cache, "c");
        assert!(cache.find("b").is_none());
        assert!(cache.find("a").is_some() && cache.find("c").is_some());
        assert_eq!(closes(&mut cache), "C\0\0\0\u{d}Saiopg_2\0");
    }

    #[test]
    fn a_close_is_repeated_until_it_is_answered() {
        let mut cache = StatementCache::new(0, None);
        prepare(&mut cache, "a");
        assert!(cache.find("a").is_none());
        let first = closes(&mut cache);
        assert!(first.contains("aiopg_1"));
        assert_eq!(closes(&mut cache), first);
        cache.closes_done(1);
        assert_eq!(closes(&mut cache), "");
    }

    #[test]
    fn a_forgotten_statement_is_prepared_under_another_name() {
        let mut cache = StatementCache::new(2, None);
        prepare(&mut cache, "a");
        cache.forget("a");
        assert!(cache.find("a").is_none());
        assert_eq!(cache.next_name().text, "aiopg_2");
        prepare(&mut cache, "b");
        prepare(&mut cache, "c");
        cache.forget_all();
        assert!(cache.find("b").is_none() && cache.find("c").is_none());
    }
}
