//! `PooledConnection`: a session that is lent by a pool.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::pool::core::Core;
use crate::pool::restore::Held;
use crate::pool::slot::SlotId;
use crate::pool::stats::CloseReason;
use crate::session::{Client, Connection};

/// A session that is lent by a [`Pool`](crate::Pool): it goes back when this is dropped.
///
/// It is a [`Connection`] in all respects. Dropping it waits for nothing and needs no runtime. A session that is in
/// order is idle again at once, or goes to whoever waits for one. If a statement is still running, or a transaction
/// is open, the session is first put in order in the background; where there is no background, or that takes too
/// long, it is closed.
///
/// # Examples
///
/// ```no_run
/// # async fn example(pool: &aiopg::Pool) -> Result<(), aiopg::Error> {
/// let mut session = pool.get().await?;
/// session.execute("update city set name = $2 where id = $1", (1, "Wien")).await?;
/// drop(session);
/// # Ok(()) }
/// ```
pub struct PooledConnection<R: Runtime = AnyRuntime> {
    core: Arc<Core<R>>,
    slot: SlotId,
    /// `None` once it has gone back.
    connection: Option<Box<Connection<R>>>,
}

impl<R: Runtime> PooledConnection<R> {
    pub(crate) fn new(core: &Arc<Core<R>>, slot: SlotId, connection: Box<Connection<R>>) -> Self {
        Self { core: Arc::clone(core), slot, connection: Some(connection) }
    }

    /// Has the session closed for `reason`, unless it is lent after all.
    pub(crate) fn hold(mut self, reason: CloseReason) -> Held<R> {
        let mut held = Held::new(&self.core, self.slot, self.connection.take());
        held.reason = reason;
        held
    }

    /// Closes the session.
    pub(crate) fn discard(mut self, reason: CloseReason) {
        if let Some(connection) = self.connection.take() {
            self.core.discard(self.slot, connection, reason);
            self.core.fill();
        }
    }

    /// Gives the session back, and waits until it is idle again or closed.
    ///
    /// Dropping does the same, without waiting.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(pool: &aiopg::Pool) -> Result<(), aiopg::Error> {
    /// let session = pool.get().await?;
    /// session.release().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None for a session that is in order. Else what is owed is read off, after a cancel request; ROLLBACK if a
    /// transaction is open; and what the options ask for.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the background goes on; where there is none, the session is closed.
    pub async fn release(mut self) {
        let Some(connection) = self.connection.take() else { return };
        let core = Arc::clone(&self.core);
        let mut attendance = core.attend();
        let Some(mut job) = core.take_back(self.slot, connection) else { return };
        std::future::poll_fn(|cx| {
            attendance.poll_work(cx);
            job.poll(cx)
        })
        .await;
    }

    /// Takes the session out of the pool for good; the pool may open another in its place.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(pool: &aiopg::Pool) -> Result<(), aiopg::Error> {
    /// let connection: aiopg::Connection = pool.get().await?.detach();
    /// # Ok(()) }
    /// ```
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "it is there until the guard is given back"
    )]
    pub fn detach(mut self) -> Connection<R> {
        let mut connection = self.connection.take().expect("a session that was not given back");
        connection.obey(None);
        self.core.release_slot(self.slot, CloseReason::Detached);
        self.core.fill();
        *connection
    }
}

impl<R: Runtime> Drop for PooledConnection<R> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.core.take_back(self.slot, connection);
        }
    }
}

impl<R: Runtime> Deref for PooledConnection<R> {
    type Target = Connection<R>;

    #[expect(clippy::expect_used, reason = "it is there until the guard is given back")]
    fn deref(&self) -> &Connection<R> {
        self.connection.as_ref().expect("a session that was not given back")
    }
}

impl<R: Runtime> DerefMut for PooledConnection<R> {
    #[expect(clippy::expect_used, reason = "it is there until the guard is given back")]
    fn deref_mut(&mut self) -> &mut Connection<R> {
        self.connection.as_mut().expect("a session that was not given back")
    }
}

impl<R: Runtime> Client for PooledConnection<R> {
    type Runtime = R;

    fn connection(&mut self) -> &mut Connection<R> {
        self
    }
}

impl<R: Runtime> fmt::Debug for PooledConnection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connection: &Connection<R> = self;
        f.debug_tuple("PooledConnection").field(connection).finish()
    }
}
