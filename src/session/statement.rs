//! `Statement`: a prepared statement, closed on the server when its last clone is gone.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use postgres_types::{Oid, Type};

use crate::connection::Cancellable;
use crate::message::{Format, bind_head};
use crate::session::catalog::Catalog;
use crate::session::column::{self, Column};
use crate::session::lexer::{cancellable, is_copy};
use crate::types::is_unknown;

/// A statement that the server has prepared.
///
/// It belongs to the connection that prepared it. When the last clone is dropped, the server is told with the
/// connection's next request, at no cost of its own.
#[derive(Clone)]
pub struct Statement(Arc<Inner>);

struct Inner {
    name: Name,
    sql: Box<str>,
    described: Described,
    /// The same with the types that had to be looked up.
    resolved: OnceLock<Box<Described>>,
    /// There are types to be looked up.
    has_unknown: bool,
    cancellable: Cancellable,
    is_copy: bool,
}

/// What the server says about a statement.
struct Described {
    params: Box<[Type]>,
    columns: Arc<[Column]>,
    /// What its Bind begins with, if it has a name, and the values of its columns come in binary format.
    bind_head: Option<Box<[u8]>>,
}

impl Described {
    fn new(name: &Name, params: Box<[Type]>, columns: Arc<[Column]>) -> Self {
        let is_plain =
            !name.text.is_empty() && columns.iter().all(|column| column.format() == Format::Binary);
        let bind_head = if is_plain { bind_head(&name.text, params.len()) } else { None };
        Self { params, columns, bind_head }
    }
}

impl Statement {
    pub(crate) fn new(name: Name, sql: &str, params: Box<[Type]>, columns: Arc<[Column]>) -> Self {
        let (cancellable, is_copy) = (cancellable(sql), is_copy(sql));
        let has_unknown = params.iter().any(is_unknown) || columns.iter().any(Column::is_unknown);
        let (described, resolved) = (Described::new(&name, params, columns), OnceLock::new());
        Self(Arc::new(Inner {
            name,
            sql: sql.into(),
            described,
            resolved,
            has_unknown,
            cancellable,
            is_copy,
        }))
    }

    /// Whether types are still to be looked up.
    pub(crate) fn has_unknown(&self) -> bool {
        self.0.has_unknown && self.0.resolved.get().is_none()
    }

    /// Takes the types that have been looked up; those that were not found stay as they are.
    pub(crate) fn resolve(&self, catalog: &Catalog) {
        let described = &self.0.described;
        let params =
            described.params.iter().map(|param| catalog.find_or_unknown(param.oid()).r#type);
        let of = column::Described::Statement;
        let columns = described.columns.iter().map(|column| column.resolved(catalog, of));
        let resolved = Described::new(&self.0.name, params.collect(), columns.collect());
        // Whoever was first has found the same.
        drop(self.0.resolved.set(Box::new(resolved)));
    }

    fn described(&self) -> &Described {
        self.0.resolved.get().map_or(&self.0.described, |resolved| &**resolved)
    }

    /// The OIDs of all its types that are not built in.
    pub(crate) fn oids(&self) -> Vec<Oid> {
        let described = self.described();
        let columns = described.columns.iter().map(|column| column.r#type().oid());
        let oids = described.params.iter().map(Type::oid).chain(columns);
        oids.filter(|oid| Type::from_oid(*oid).is_none()).collect()
    }

    /// Returns the text that was prepared.
    pub fn sql(&self) -> &str {
        &self.0.sql
    }

    /// Returns the types of the parameters.
    pub fn params(&self) -> &[Type] {
        &self.described().params
    }

    /// Returns the columns of the result; there are none if the statement returns no rows.
    pub fn columns(&self) -> &[Column] {
        &self.described().columns
    }

    /// What its Bind begins with, if it has a name, no type is to be looked up, and the values of its columns come in
    /// binary format.
    pub(crate) fn bind_head(&self) -> Option<&[u8]> {
        if self.has_unknown() { None } else { self.described().bind_head.as_deref() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name.text
    }

    pub(crate) fn shared_columns(&self) -> Arc<[Column]> {
        Arc::clone(&self.described().columns)
    }

    pub(crate) fn cancellable(&self) -> Cancellable {
        self.0.cancellable
    }

    /// Whether it is COPY, which speaks a protocol of its own.
    pub(crate) fn is_copy(&self) -> bool {
        self.0.is_copy
    }

    /// Whether it was prepared on the connection that this list belongs to.
    pub(crate) fn belongs_to(&self, closes: &Arc<Closes>) -> bool {
        Arc::ptr_eq(&self.0.name.closes, closes)
    }
}

impl fmt::Debug for Statement {
    /// Leaves the text out: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("name", &self.name())
            .field("params", &self.params())
            .field("columns", &self.columns())
            .finish_non_exhaustive()
    }
}

/// The name of a statement on the server. Dropped, it is noted for Close; so is one whose Parse was abandoned,
/// when nobody knows whether the server has it: closing what is not there is no error.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) number: Option<u64>,
    closes: Arc<Closes>,
}

impl Name {
    /// The unnamed statement, which the next Parse replaces.
    pub(crate) fn unnamed(closes: &Arc<Closes>) -> Self {
        Self { text: String::new(), number: None, closes: Arc::clone(closes) }
    }

    /// Notes that the server has no statement of this name.
    pub(crate) fn forget(&mut self) {
        self.text.clear();
    }

    pub(crate) fn new(number: u64, closes: &Arc<Closes>) -> Self {
        Self { text: closes.text_of(number), number: Some(number), closes: Arc::clone(closes) }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.closes.add(std::mem::take(&mut self.text));
        }
    }
}

/// The names of statements that the server may forget.
#[derive(Debug)]
pub(crate) struct Closes {
    /// What the names of this session begin with.
    prefix: String,
    /// Whether there may be any: asked before every statement, so it takes no lock.
    any: AtomicBool,
    names: Mutex<Vec<String>>,
}

impl Closes {
    /// The number of the session's process goes into the names. A pooler draws one for each of its clients: so where
    /// it lends one server session to several, none runs a statement of another that happens to have the same number.
    pub(crate) fn new(process_id: Option<i32>) -> Self {
        let prefix = process_id.map_or_else(|| "aiopg_".to_owned(), |id| format!("aiopg_{id:x}_"));
        Self { prefix, any: AtomicBool::default(), names: Mutex::default() }
    }

    fn text_of(&self, number: u64) -> String {
        format!("{}{number}", self.prefix)
    }

    fn add(&self, name: String) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        self.any.store(true, Ordering::Release);
    }

    /// Takes the name with this number back, if it was the last to be noted: the server never had it.
    pub(crate) fn never_made(&self, number: u64) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.pop_if(|last| *last == self.text_of(number));
    }

    /// Whether there is a name.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Moves names to `taken` until that holds `most`.
    pub(crate) fn take(&self, most: usize, taken: &mut Vec<String>) {
        if !self.any() {
            return;
        }
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        // A backlog is worked off faster than it can grow.
        let most = most.max(names.len() / 2);
        let count = most.saturating_sub(taken.len()).min(names.len());
        taken.extend(names.drain(..count));
        self.any.store(!names.is_empty(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_clone_notes_the_name_for_close() {
        let closes = Arc::new(Closes::new(None));
        let statement = Statement::new(Name::new(7, &closes), "select 1", [].into(), [].into());
        let clone = statement.clone();
        let mut taken = Vec::new();
        drop(statement);
        closes.take(10, &mut taken);
        assert!(taken.is_empty());
        drop(clone);
        closes.take(10, &mut taken);
        assert_eq!(taken, ["aiopg_7"]);
    }

    #[test]
    fn names_are_taken_in_order_up_to_the_most() {
        let closes = Arc::new(Closes::new(None));
        (1..=5).for_each(|number| drop(Name::new(number, &closes)));
        let mut taken = Vec::new();
        closes.take(3, &mut taken);
        assert_eq!(taken, ["aiopg_1", "aiopg_2", "aiopg_3"]);
        closes.take(3, &mut taken);
        assert_eq!(taken.len(), 3);
        taken.clear();
        closes.take(3, &mut taken);
        assert_eq!(taken, ["aiopg_4", "aiopg_5"]);
    }

    #[test]
    fn a_statement_knows_its_connection() {
        let (closes, other) = (Arc::new(Closes::new(None)), Arc::new(Closes::new(None)));
        let statement = Statement::new(Name::new(1, &closes), "", [].into(), [].into());
        assert!(statement.belongs_to(&closes));
        assert!(!statement.belongs_to(&other));
    }

    #[test]
    fn debug_leaves_the_text_out() {
        let closes = Arc::new(Closes::new(None));
        let statement = Statement::new(Name::new(1, &closes), "secret", [].into(), [].into());
        assert!(!format!("{statement:?}").contains("secret"));
    }
}
