//! `Nesting`: the transactions that are open in a session, one within the other, and what ends with which.

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::observe::Operation;
use crate::session::{Connection, OpenSavepoint, OpenTransaction, TransactionOptions};

/// The transactions that are open in a session, the outermost first.
///
/// Whoever opened one knows its level and ends it. It may find that it is undone already, since one within it was
/// rolled back: then nothing runs in it any more, and nothing outside of it either until it has ended.
#[derive(Debug, Default)]
pub(crate) struct Nesting {
    levels: Vec<Level>,
    /// The level that is undone already, with all within it.
    undone: Option<usize>,
}

#[derive(Debug)]
enum Level {
    Root(OpenTransaction),
    Savepoint(OpenSavepoint),
    /// A part of the level outside of it, which is all that the server knows of.
    Inner,
}

impl Nesting {
    /// Whether a transaction has not ended yet.
    pub(crate) fn is_open(&self) -> bool {
        !self.levels.is_empty()
    }

    /// Whether a transaction is open, and not undone.
    pub(crate) fn is_active(&self) -> bool {
        !self.levels.is_empty() && self.undone.is_none()
    }

    /// Whether the transaction at this level is open, and not undone.
    pub(crate) fn is_active_at(&self, level: usize) -> bool {
        level < self.levels.len() && self.undone.is_none_or(|undone| level < undone)
    }

    /// Begins a transaction: the root, or one within another, of which the server learns nothing. Returns its level.
    pub(crate) async fn begin<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        options: &TransactionOptions,
    ) -> Result<usize, Error> {
        if self.levels.is_empty() {
            return self.begin_root(connection, options).await;
        }
        self.must_be_active()?;
        if *options != TransactionOptions::new() {
            let text =
                "a transaction within another takes no options: they are those of the outermost";
            return Err(Error::usage(text).unsent());
        }
        Ok(self.push(Level::Inner))
    }

    /// Begins a transaction that must be the root. Returns its level.
    pub(crate) async fn begin_root<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        options: &TransactionOptions,
    ) -> Result<usize, Error> {
        if !self.levels.is_empty() {
            let text = "a two-phase transaction cannot begin within another: end that one first";
            return Err(Error::usage(text).unsent());
        }
        let root = OpenTransaction::begin(connection, options).await?;
        Ok(self.push(Level::Root(root)))
    }

    /// Begins a transaction that can be undone alone: a savepoint, or the root if there is none. Returns its level.
    pub(crate) async fn begin_nested<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
    ) -> Result<usize, Error> {
        if self.levels.is_empty() {
            return self.begin_root(connection, &TransactionOptions::new()).await;
        }
        self.must_be_active()?;
        let real = self.levels.iter().filter(|level| !matches!(level, Level::Inner)).count();
        let depth = u32::try_from(real).unwrap_or(u32::MAX);
        let savepoint = OpenSavepoint::open(connection, depth).await?;
        Ok(self.push(Level::Savepoint(savepoint)))
    }

    fn push(&mut self, level: Level) -> usize {
        self.levels.push(level);
        self.levels.len() - 1
    }

    fn must_be_active(&self) -> Result<(), Error> {
        if self.undone.is_some() { Err(undone()) } else { Ok(()) }
    }

    /// Keeps what was done in the transaction at this level: for good, if it is the root.
    pub(crate) async fn commit<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        level: usize,
    ) -> Result<(), Error> {
        match self.at(connection, level)? {
            Level::Root(root) => root.end(connection, Operation::Commit, "commit").await,
            Level::Savepoint(savepoint) => savepoint.release(connection).await,
            Level::Inner => {
                self.levels.truncate(level);
                Ok(())
            }
        }
    }

    /// Undoes what was done in the transaction at this level. A part of another is undone with all of that.
    pub(crate) async fn roll_back<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        level: usize,
    ) -> Result<(), Error> {
        if self.at(connection, level).is_err() {
            return Ok(());
        }
        match self.real_mut(level).map(|(_, real)| real) {
            Some(Level::Root(root)) => root.end(connection, Operation::Rollback, "rollback").await,
            Some(Level::Savepoint(savepoint)) => savepoint.roll_back(connection).await,
            Some(Level::Inner) | None => Ok(()),
        }
    }

    /// Ends the transaction at this level without a word of whether it is to be kept: undone, if it is more than a
    /// part of another.
    pub(crate) async fn close<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        level: usize,
    ) -> Result<(), Error> {
        match self.levels.get(level) {
            Some(Level::Inner) => {
                self.levels.truncate(level);
                Ok(())
            }
            _ => self.roll_back(connection, level).await,
        }
    }

    /// Prepares the transaction at this level, the root, under the identifier `xid`.
    pub(crate) async fn prepare<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        level: usize,
        xid: &str,
    ) -> Result<(), Error> {
        match self.at(connection, level)? {
            Level::Root(root) => root.prepare(connection, xid).await,
            Level::Savepoint(_) | Level::Inner => Err(gone()),
        }
    }

    /// Forgets the transaction at this level. If nobody has ended it, it is undone: at once, as far as that takes no
    /// waiting, and in any case before the next statement.
    pub(crate) fn leave<R: Runtime>(&mut self, connection: &mut Connection<R>, level: usize) {
        self.forget_within(connection, level);
        if self.levels.len() <= level {
            return;
        }
        if self.undone == Some(level) {
            self.undone = None;
            connection.riders.lift_bar();
        }
        match self.levels.pop() {
            Some(Level::Root(mut root)) => root.give_up(connection),
            Some(Level::Savepoint(mut savepoint)) => savepoint.give_up(connection),
            Some(Level::Inner) => self.undo_around(connection, level),
            None => {}
        }
    }

    /// One that was a part of another was rolled back, or left without its end: then all of that is undone.
    fn undo_around<R: Runtime>(&mut self, connection: &mut Connection<R>, level: usize) {
        if self.undone.is_some() {
            return;
        }
        let Some((real, open)) = self.real_mut(level) else { return };
        match open {
            Level::Root(root) => root.give_up(connection),
            Level::Savepoint(savepoint) => savepoint.give_up(connection),
            Level::Inner => {}
        }
        self.undone = Some(real);
        connection.riders.bar(undone());
    }

    /// The transaction at this level, unless it is undone.
    fn at<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        level: usize,
    ) -> Result<&mut Level, Error> {
        self.forget_within(connection, level);
        self.must_be_active()?;
        self.levels.get_mut(level).ok_or_else(gone)
    }

    /// Forgets what is open within this level: its handles were leaked, else they would have ended it.
    fn forget_within<R: Runtime>(&mut self, connection: &mut Connection<R>, level: usize) {
        self.levels.truncate(level.saturating_add(1));
        if self.undone.is_some_and(|undone| undone > level) {
            self.undone = None;
            connection.riders.lift_bar();
        }
    }

    /// The level that the server knows of, this one or the next outside of it.
    fn real_mut(&mut self, level: usize) -> Option<(usize, &mut Level)> {
        let levels = self.levels.iter_mut().enumerate().take(level.saturating_add(1));
        levels.rev().find(|(_, level)| !matches!(level, Level::Inner))
    }
}

/// A transaction within it was rolled back, and with it this one.
#[cold]
fn undone() -> Error {
    let text =
        "the transaction was rolled back by one within it: it takes nothing more but its end";
    Error::rolled_back(text, None).unsent()
}

/// Its handle was moved to another session.
#[cold]
fn gone() -> Error {
    Error::usage("the transaction is not one of this session").unsent()
}
