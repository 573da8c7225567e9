//! The way back: a session in order is idle at once, another is put in order in the background, or closed.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};

use aiopg_runtime::Runtime;
use futures_util::FutureExt;

use crate::config::Event;
use crate::error::{Error, Kind};
use crate::pool::core::{Core, Job};
use crate::pool::options::{Reset, Verdict};
use crate::pool::slot::SlotId;
use crate::pool::stats::CloseReason;
use crate::pool::waiters::Site;
use crate::session::Connection;

/// A session that is nobody's while it is looked at or put in order. Dropped, it is closed.
pub(crate) struct Held<R: Runtime> {
    core: Weak<Core<R>>,
    slot: SlotId,
    connection: Option<Box<Connection<R>>>,
    /// Why it is closed, if it is dropped.
    pub(crate) reason: CloseReason,
}

impl<R: Runtime> Held<R> {
    pub(crate) fn new(
        core: &Arc<Core<R>>,
        slot: SlotId,
        connection: impl Into<Option<Box<Connection<R>>>>,
    ) -> Self {
        let (core, connection) = (Arc::downgrade(core), connection.into());
        Self { core, slot, connection, reason: CloseReason::Unclean }
    }

    pub(crate) fn connection(&mut self) -> Option<&mut Connection<R>> {
        self.connection.as_deref_mut()
    }

    /// Gives the session to whoever borrows it.
    pub(crate) fn lend(mut self) -> Option<(SlotId, Box<Connection<R>>)> {
        Some((self.slot, self.connection.take()?))
    }

    /// Gives the session back.
    pub(crate) fn put(mut self) {
        if let (Some(core), Some(connection)) = (self.core.upgrade(), self.connection.take()) {
            core.put_or_fill(self.slot, connection);
        }
    }
}

impl<R: Runtime> Drop for Held<R> {
    fn drop(&mut self) {
        if let (Some(core), Some(connection)) = (self.core.upgrade(), self.connection.take()) {
            let lost = connection.is_closed() && self.reason == CloseReason::Unclean;
            let reason = if lost { CloseReason::Lost } else { self.reason };
            core.discard(self.slot, connection, reason);
            core.fill();
        }
    }
}

/// What is to be done with a session that does not come back in order.
enum Condition {
    /// It is busy, in a transaction, or a hook is to see it.
    Untidy,
    Gone(CloseReason),
}

impl<R: Runtime> Core<R> {
    /// Gives a session back that is in order, and sees to it that its place is not lost if it is refused.
    pub(crate) fn put_or_fill(self: &Arc<Self>, slot: SlotId, connection: Box<Connection<R>>) {
        if !self.put(slot, connection) {
            self.fill();
        }
    }

    /// Takes back a session that was lent. Nothing is awaited: what takes time is done in the background, and that
    /// work is returned.
    pub(crate) fn take_back(
        self: &Arc<Self>,
        slot: SlotId,
        mut connection: Box<Connection<R>>,
    ) -> Option<Job> {
        if self.options.leak_after.is_some() {
            self.tell_of_late_return(slot);
        }
        if self.options.after_release.is_none() && self.is_ready(&mut connection) {
            self.reset_soon(&mut connection);
            self.put_or_fill(slot, connection);
            return None;
        }
        self.straighten(slot, connection)
    }

    /// Whether a session can be lent again as it is.
    fn is_ready(&self, connection: &mut Connection<R>) -> bool {
        let reset = self.options.reset.sql();
        !connection.is_closed()
            && !connection.is_out_of_place()
            && connection.is_at_rest(reset.map(|sql| &**sql))
    }

    /// Has a session put in order that is not, or closes it.
    fn straighten(
        self: &Arc<Self>,
        slot: SlotId,
        mut connection: Box<Connection<R>>,
    ) -> Option<Job> {
        match self.condition(slot, &mut connection) {
            Condition::Gone(reason) => {
                self.discard(slot, connection, reason);
                self.fill();
                None
            }
            Condition::Untidy => {
                let mut held = Held::new(self, slot, connection);
                // Then a warning was given already.
                let left_open = held.connection().is_some_and(Connection::is_left_in_transaction);
                let site = if left_open { None } else { self.site_of(slot) };
                self.with(|state| state.slots.set_apart(slot));
                Some(self.start(restore(held, site)))
            }
        }
    }

    fn condition(&self, slot: SlotId, connection: &mut Connection<R>) -> Condition {
        if connection.is_closed() {
            return Condition::Gone(CloseReason::Lost);
        }
        if connection.is_out_of_place() {
            return Condition::Gone(CloseReason::Role);
        }
        let left_open = connection.is_left_in_transaction();
        if left_open {
            self.warn_of_transaction(self.site_of(slot), connection);
        }
        if self.is_closed() {
            Condition::Gone(CloseReason::PoolClosed)
        } else if left_open && self.options.reset == Reset::None {
            Condition::Gone(CloseReason::Unclean)
        } else {
            Condition::Untidy
        }
    }

    /// Has the next borrower's first request bring what is to be done between two borrowers.
    fn reset_soon(&self, connection: &mut Connection<R>) {
        if self.options.reset != Reset::None {
            connection.stop_listening_soon();
        }
        if let Some(sql) = self.options.reset.sql() {
            connection.reset_soon(sql.clone());
        }
    }

    fn tell_of_late_return(&self, slot: SlotId) {
        let now = self.now();
        let late = self.with(|state| {
            if state.slots.was_reported(slot) { state.slots.holder(slot, now) } else { None }
        });
        if let Some(holder) = late {
            self.tell(&Event::SessionReturned { site: holder.site, held: holder.held });
        }
    }

    /// Where a session was borrowed that is being given back.
    fn site_of(&self, slot: SlotId) -> Option<Site> {
        let now = self.now();
        self.with(|state| state.slots.holder(slot, now)).map(|holder| holder.site)
    }

    #[cold]
    fn warn_of_transaction(&self, site: Option<Site>, connection: &Connection<R>) {
        let process_id = connection.process_id();
        self.tell(&Event::ReturnedInTransaction { process_id, site });
    }
}

/// Puts a session in order and gives it back; one with which that fails is closed.
async fn restore<R: Runtime>(mut held: Held<R>, site: Option<Site>) {
    let Some(core) = held.core.upgrade() else { return };
    let limit = core.options.return_timeout;
    let tidying = AssertUnwindSafe(tidy(&core, &mut held, site)).catch_unwind();
    let tidied = match core.runtime.timeout(limit, tidying).await {
        Ok(Ok(tidied)) => tidied,
        Ok(Err(_)) => Err(Error::usage("the hook \"after_release\" panicked")),
        Err(_) => {
            let text = format!("it took longer than {limit:?}");
            Err(Error::new(Kind::Timeout, text))
        }
    };
    match tidied {
        Ok(Verdict::Keep) => held.put(),
        Ok(Verdict::Close) => held.reason = CloseReason::Hook,
        Err(error) => {
            let process_id = held.connection().and_then(|connection| connection.process_id());
            core.tell(&Event::ReturnedUnclean { process_id, reason: error.to_string() });
        }
    }
}

async fn tidy<R: Runtime>(
    core: &Core<R>,
    held: &mut Held<R>,
    site: Option<Site>,
) -> Result<Verdict, Error> {
    let Some(connection) = held.connection.as_deref_mut() else { return Ok(Verdict::Close) };
    connection.settle().await?;
    let left_open = connection.is_left_in_transaction();
    if left_open && site.is_some() {
        core.warn_of_transaction(site, connection);
    }
    if left_open && core.options.reset == Reset::None {
        return Err(Error::usage("a transaction was left open"));
    }
    connection.roll_back().await?;
    if let Some(hook) = &core.options.after_release {
        held.reason = CloseReason::Hook;
        if hook(connection).await? == Verdict::Close {
            return Ok(Verdict::Close);
        }
        is_in_order(connection, "after_release")?;
        held.reason = CloseReason::Unclean;
    }
    core.reset_soon(connection);
    Ok(Verdict::Keep)
}

/// Refuses a session that a hook has left busy or in a transaction.
pub(crate) fn is_in_order<R: Runtime>(
    connection: &mut Connection<R>,
    hook: &str,
) -> Result<(), Error> {
    if connection.is_at_rest(None) {
        return Ok(());
    }
    let text = format!("the hook \"{hook}\" left the session busy, closed or in a transaction");
    Err(Error::usage(text).unsent())
}
