//! `Nesting`: the transactions that are open in a session, one within the other, and what ends with which.

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::observe::Operation;
use crate::session::{
    Connection, Identity, OpenSavepoint, OpenTransaction, TransactionOptions, ended_within,
};

/// The transactions that are open in a session, the outermost first.
///
/// Whoever opened one knows its place and ends it. It may find that it is undone already, since one within it was
/// rolled back: then nothing runs in it any more, and nothing outside of it either until it has ended.
#[derive(Debug, Default)]
pub(crate) struct Nesting {
    levels: Vec<Level>,
    /// The level that is undone already, with all within it.
    undone: Option<usize>,
    /// The session that they are open in.
    session: Option<Identity>,
}

#[derive(Debug)]
enum Level {
    Root(OpenTransaction),
    Savepoint(OpenSavepoint),
    /// A part of the level outside of it, which is all that the server knows of.
    Inner,
}

/// Where a transaction stands, as whoever opened it knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// How many transactions it stands in.
    pub(crate) level: usize,
    session: Identity,
    /// Another session, which was barred since it was reached from here.
    strayed: Option<Identity>,
}

impl Place {
    /// Fails if the session is another: its handle was moved.
    fn must_be_in<R: Runtime>(self, connection: &Connection<R>) -> Result<(), Error> {
        if self.session == connection.identity { Ok(()) } else { Err(moved()) }
    }
}

impl Nesting {
    /// Whether a transaction is open, and takes statements.
    pub(crate) fn is_active<R: Runtime>(&self, connection: &Connection<R>) -> bool {
        self.is_open_to(connection, self.levels.len().saturating_sub(1))
    }

    /// Whether the transaction at this place is open, and takes statements.
    pub(crate) fn is_active_at<R: Runtime>(
        &self,
        connection: &Connection<R>,
        place: Place,
    ) -> bool {
        place.must_be_in(connection).is_ok() && self.is_open_to(connection, place.level)
    }

    fn is_open_to<R: Runtime>(&self, connection: &Connection<R>, level: usize) -> bool {
        level < self.levels.len()
            && self.undone.is_none_or(|undone| level < undone)
            && self.must_be_here(connection).is_ok()
            && self.root().is_some_and(|root| !root.is_gone(connection))
    }

    /// Fails if transactions are open, and the session is not the one that they are open in.
    pub(crate) fn must_be_here<R: Runtime>(&self, connection: &Connection<R>) -> Result<(), Error> {
        let here = self.levels.is_empty() || self.session == Some(connection.identity);
        if here { Ok(()) } else { Err(moved()) }
    }

    /// Fails if a transaction is open, whoever has opened it.
    pub(crate) async fn must_be_outside<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
    ) -> Result<(), Error> {
        self.settle(connection).await?;
        if self.levels.is_empty() && connection.is_outside() {
            return Ok(());
        }
        let text = "a prepared transaction cannot be ended within another: end that one first";
        Err(Error::usage(text).unsent())
    }

    /// Begins a transaction: the root, or one within another, of which the server learns nothing. Returns its place.
    pub(crate) async fn begin<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        options: &TransactionOptions,
    ) -> Result<Place, Error> {
        self.settle(connection).await?;
        if self.levels.is_empty() {
            return self.begin_root(connection, options).await;
        }
        self.must_take(connection)?;
        if *options != TransactionOptions::new() {
            let text =
                "a transaction within another takes no options: they are those of the outermost";
            return Err(Error::usage(text).unsent());
        }
        Ok(self.push(connection, Level::Inner))
    }

    /// Begins a transaction that must be the root. Returns its place.
    pub(crate) async fn begin_root<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        options: &TransactionOptions,
    ) -> Result<Place, Error> {
        self.settle(connection).await?;
        if !self.levels.is_empty() {
            let text = "a two-phase transaction cannot begin within another: end that one first";
            return Err(Error::usage(text).unsent());
        }
        let root = OpenTransaction::begin(connection, options).await?;
        self.session = Some(connection.identity);
        Ok(self.push(connection, Level::Root(root)))
    }

    /// Begins a transaction that can be undone alone: a savepoint, or the root if there is none. Returns its place.
    pub(crate) async fn begin_nested<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
    ) -> Result<Place, Error> {
        self.settle(connection).await?;
        if self.levels.is_empty() {
            return self.begin_root(connection, &TransactionOptions::new()).await;
        }
        self.must_take(connection)?;
        let real = self.levels.iter().filter(|level| !matches!(level, Level::Inner)).count();
        let depth = u32::try_from(real).unwrap_or(u32::MAX);
        let savepoint = OpenSavepoint::open(connection, depth).await?;
        Ok(self.push(connection, Level::Savepoint(savepoint)))
    }

    /// Reads off what is owed, and forgets a root that has ended, whose handle was leaked.
    async fn settle<R: Runtime>(&mut self, connection: &mut Connection<R>) -> Result<(), Error> {
        connection.settle().await?;
        let here = self.undone.is_none() && self.must_be_here(connection).is_ok();
        if here && self.root().is_some_and(|root| root.has_ended(connection)) {
            self.levels.clear();
        }
        Ok(())
    }

    fn root(&self) -> Option<&OpenTransaction> {
        match self.levels.first() {
            Some(Level::Root(root)) => Some(root),
            Some(Level::Savepoint(_) | Level::Inner) | None => None,
        }
    }

    /// Fails if the transaction that is open takes none within it.
    fn must_take<R: Runtime>(&self, connection: &Connection<R>) -> Result<(), Error> {
        self.must_be_active()?;
        self.must_be_here(connection)?;
        let gone = self.root().is_some_and(|root| root.is_gone(connection));
        if gone { Err(ended_within()) } else { Ok(()) }
    }

    /// Whoever goes on at this place has nothing within it any more. One that reaches another session, since its
    /// handle was moved, may do nothing there.
    pub(crate) fn enter<R: Runtime>(&mut self, connection: &mut Connection<R>, place: &mut Place) {
        if place.must_be_in(connection).is_ok() {
            self.forget_within(connection, place.level);
        } else if !connection.riders.is_barred() {
            connection.riders.bar(moved());
            place.strayed = Some(connection.identity);
        }
    }

    fn push<R: Runtime>(&mut self, connection: &Connection<R>, level: Level) -> Place {
        let place = Place { level: self.levels.len(), session: connection.identity, strayed: None };
        self.levels.push(level);
        place
    }

    fn must_be_active(&self) -> Result<(), Error> {
        if self.undone.is_some() { Err(undone()) } else { Ok(()) }
    }

    /// Keeps what was done in the transaction at this place: for good, if it is the root.
    pub(crate) async fn commit<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        place: Place,
    ) -> Result<(), Error> {
        match self.at(connection, place)? {
            Level::Root(root) => root.end(connection, Operation::Commit, "commit").await,
            Level::Savepoint(savepoint) => savepoint.release(connection).await,
            Level::Inner => {
                connection.settle().await?;
                let lasts = self.root().map_or(Ok(()), |root| root.must_last(connection));
                // Nothing of it is left to be undone apart from what it is a part of.
                self.levels.truncate(place.level);
                lasts
            }
        }
    }

    /// Undoes what was done in the transaction at this place. A part of another is undone with all of that.
    pub(crate) async fn roll_back<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        place: Place,
    ) -> Result<(), Error> {
        self.find(connection, place)?;
        if self.undone.is_some() {
            return Ok(());
        }
        match self.real_mut(place.level).map(|(_, real)| real) {
            Some(Level::Root(root)) => root.end(connection, Operation::Rollback, "rollback").await,
            Some(Level::Savepoint(savepoint)) => savepoint.roll_back(connection).await,
            Some(Level::Inner) | None => Ok(()),
        }
    }

    /// Ends the transaction at this place without a word of whether it is to be kept: undone, if it is more than a
    /// part of another.
    pub(crate) async fn close<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        place: Place,
    ) -> Result<(), Error> {
        if let Level::Inner = self.find(connection, place)? {
            self.levels.truncate(place.level);
            return Ok(());
        }
        self.roll_back(connection, place).await
    }

    /// Prepares the transaction at this place, the root, under the identifier `xid`. Then it is not of this session.
    pub(crate) async fn prepare<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        place: Place,
        xid: &str,
    ) -> Result<(), Error> {
        match self.at(connection, place)? {
            Level::Root(root) => root.prepare(connection, xid).await?,
            Level::Savepoint(_) | Level::Inner => return Err(moved()),
        }
        self.levels.truncate(place.level);
        Ok(())
    }

    /// Forgets the transaction at this place. If nobody has ended it, it is undone: at once, as far as that takes no
    /// waiting, and in any case before the next statement.
    pub(crate) fn leave<R: Runtime>(&mut self, connection: &mut Connection<R>, place: Place) {
        if place.must_be_in(connection).is_err() {
            self.leave_moved(connection, place);
            return;
        }
        let level = place.level;
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

    /// The session is elsewhere, and with it what is to be undone: whoever has it ends that.
    fn leave_moved<R: Runtime>(&mut self, connection: &mut Connection<R>, place: Place) {
        if place.strayed == Some(connection.identity) {
            connection.riders.lift_bar();
        }
        if self.session == Some(place.session) {
            self.levels.truncate(place.level);
            self.undone = self.undone.filter(|undone| *undone < place.level);
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

    /// The transaction at this place, unless it is undone.
    fn at<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        place: Place,
    ) -> Result<&mut Level, Error> {
        self.find(connection, place)?;
        self.must_be_active()?;
        self.levels.get_mut(place.level).ok_or_else(moved)
    }

    /// The transaction at this place, with nothing within it any more.
    fn find<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        place: Place,
    ) -> Result<&Level, Error> {
        place.must_be_in(connection)?;
        self.forget_within(connection, place.level);
        self.levels.get(place.level).ok_or_else(moved)
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

/// Its handle was made to stand for another session.
#[cold]
fn moved() -> Error {
    Error::usage("the transaction is not one of this session").unsent()
}
