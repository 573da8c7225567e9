//! `Pool`: the handle, and the life of a pool.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::config::Config;
use crate::error::{Error, Kind};
use crate::observe::{Counted, Observation, Operation};
use crate::pool::core::{Core, pool_closed};
use crate::pool::guard::PooledConnection;
use crate::pool::options::{PoolOptions, check_size};
use crate::pool::slot::is_passing;
use crate::pool::stats::PoolStats;

/// A pool of sessions, lent one by one to whoever needs one.
///
/// Cloning it is cheap, and all clones are the same pool. When the last is dropped the pool is closed.
///
/// Whoever comes first is served first. Borrowing and giving back cost no round trip, and while sessions are in use
/// no system call either. A session that comes back in order goes straight to the next; one with a statement that
/// still runs, or an open transaction, is put in order in the background before anybody else gets it. Whatever needs
/// no waiting works without a background, too: whoever waits for a session carries on the work of opening one.
///
/// # Examples
///
/// ```no_run
/// # async fn example(runtime: impl aiopg::Runtime) -> Result<(), aiopg::Error> {
/// use aiopg::Pool;
///
/// let pool = Pool::connect(runtime, "postgresql://ada:secret@localhost/shop").await?;
///
/// let mut session = pool.get().await?;
/// session.execute("update city set name = $2 where id = $1", (1, "Wien")).await?;
/// drop(session);
///
/// let names: Vec<(String,)> = pool.query_as("select name from city", ()).await?;
/// pool.shutdown(None).await?;
/// # Ok(()) }
/// ```
///
/// # Cancel safety
///
/// Every future may be dropped at any point: no session and no place for one is lost, and the next in the queue is
/// served.
pub struct Pool<R: Runtime = AnyRuntime> {
    pub(crate) handle: Arc<Handle<R>>,
}

/// What the clones of a pool share, and sessions that are lent do not: the last one closes the pool.
pub(crate) struct Handle<R: Runtime> {
    pub(crate) core: Arc<Core<R>>,
}

impl<R: Runtime> Drop for Handle<R> {
    fn drop(&mut self) {
        self.core.close();
    }
}

impl Pool {
    /// Makes a pool with the default [`PoolOptions`], and opens as many sessions as it is to have at least.
    ///
    /// The type of the runtime is hidden; generic code uses [`connect_on`](Self::connect_on).
    ///
    /// # Examples
    ///
    /// See [`Pool`].
    ///
    /// # Messages
    ///
    /// As [`Connection::connect`](crate::Connection::connect), once.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened.
    ///
    /// # Errors
    ///
    /// As [`Connection::connect`](crate::Connection::connect): the first attempt must succeed.
    pub async fn connect<C>(runtime: impl Runtime, config: C) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        PoolOptions::new().connect(runtime, config).await
    }

    /// Makes a pool with the default [`PoolOptions`], which opens its sessions in the background, or when they are
    /// wanted.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(runtime: impl aiopg::Runtime) -> Result<(), aiopg::Error> {
    /// let pool = aiopg::Pool::new(runtime, "postgresql://ada:secret@localhost/shop")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the connection string is not valid.
    pub fn new<C>(runtime: impl Runtime, config: C) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        PoolOptions::new().open(runtime, config)
    }
}

impl<R: Runtime> Pool<R> {
    /// As [`connect`](Pool::connect), and keeps the type of the runtime.
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](Pool::connect).
    ///
    /// # Errors
    ///
    /// As [`connect`](Pool::connect).
    pub async fn connect_on<C>(runtime: R, config: C) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        PoolOptions::default().connect_on(runtime, config).await
    }

    /// As [`new`](Pool::new), and keeps the type of the runtime.
    ///
    /// # Errors
    ///
    /// As [`new`](Pool::new).
    pub fn on<C>(runtime: R, config: C) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        PoolOptions::default().open_on(runtime, config)
    }

    /// Borrows a session: an idle one at once, else the next that comes back or is opened. Whoever asked first is
    /// served first.
    ///
    /// # Examples
    ///
    /// See [`PooledConnection`].
    ///
    /// # Messages
    ///
    /// None on an idle session, unless the options ask for a query. A new one is opened where none is idle and there
    /// may be more.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the place in the queue is given up, and the next is served. A session that was being opened is opened
    /// all the same, if there is a background.
    ///
    /// # Errors
    ///
    /// [`Kind::Timeout`] when [`acquire_timeout`](PoolOptions::acquire_timeout) has passed: the text says where the
    /// sessions are, and the last error of connecting is the source. [`Kind::PoolClosed`] when the pool is closed, at
    /// once. The error of connecting, if it cannot pass by itself. The error of a hook.
    #[track_caller]
    pub fn get(&self) -> impl Future<Output = Result<PooledConnection<R>, Error>> + Send {
        let site = Location::caller();
        async move {
            let core = &self.handle.core;
            let mut observation = Observation::<R>::of_unknown(Operation::Acquire);
            let now = core.now();
            let acquired = match observation.scope(|| core.take_fresh(now, site)) {
                Some(session) => Ok(session),
                None => observation.during(pin!(core.acquire(now, site))).await,
            };
            if let Ok(session) = &acquired {
                observation.session(session.process_id());
            }
            observation.finish(acquired.as_ref().map(|_| Counted::Nothing));
            acquired
        }
    }

    /// Borrows a session if one is idle; never waits.
    ///
    /// Where [`before_acquire`](PoolOptions::before_acquire) is set, there is no such session: the hook would have to
    /// be waited for.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(pool: &aiopg::Pool) {
    /// if let Some(session) = pool.try_get() {
    ///     println!("{session:?}");
    /// }
    /// # }
    /// ```
    #[track_caller]
    pub fn try_get(&self) -> Option<PooledConnection<R>> {
        let core = &self.handle.core;
        if core.options.before_acquire.is_some() {
            return None;
        }
        let (now, site) = (core.now(), Location::caller());
        core.take_fresh(now, site).or_else(|| Some(core.take_idle(now, site)?.session))
    }

    /// Waits until as many sessions are open as there are to be at least.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(pool: &aiopg::Pool) -> Result<(), aiopg::Error> {
    /// use std::time::Duration;
    ///
    /// pool.wait_ready(Duration::from_secs(30)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropped, the background goes on.
    ///
    /// # Errors
    ///
    /// [`Kind::Timeout`] when `limit` has passed, with the last error of connecting as its source;
    /// [`Kind::PoolClosed`]; the error of connecting, if it cannot pass by itself.
    pub async fn wait_ready(&self, limit: impl Into<Option<Duration>>) -> Result<(), Error> {
        let (core, limit) = (&self.handle.core, limit.into());
        let deadline = limit.and_then(|limit| core.now().checked_add(limit));
        if let Ok(ready) = core.runtime.timeout_at(deadline, self.ready(is_passing)).await {
            return ready;
        }
        let limit = limit.unwrap_or_default();
        let text = format!("the pool was not ready within {limit:?}");
        let error = Error::new(Kind::Timeout, text).unsent();
        Err(match core.with(|state| state.slots.last_error().cloned()) {
            Some(cause) => error.with_source(cause),
            None => error,
        })
    }

    /// Waits for the least number of sessions, as long as the errors of connecting are such that it `may_pass`.
    pub(crate) async fn ready(&self, may_pass: impl Fn(&Error) -> bool) -> Result<(), Error> {
        let core = &self.handle.core;
        let mut attendance = core.attend();
        core.fill();
        poll_fn(|cx| {
            attendance.poll_work(cx);
            core.with(|state| {
                let slots = &state.slots;
                if slots.is_closed() {
                    return Poll::Ready(Err(pool_closed()));
                }
                if slots.is_ready() {
                    return Poll::Ready(Ok(()));
                }
                match slots.last_error() {
                    Some(error) if !may_pass(error) => Poll::Ready(Err(error.clone())),
                    _ => Poll::Pending,
                }
            })
        })
        .await
    }

    /// Sets how many sessions there are at least and at most; 0 at most is as many as are wanted.
    ///
    /// Idle sessions that are too many are closed at once, others when they come back.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if `max_size` is less than `min_size`.
    pub fn resize(&self, min_size: usize, max_size: usize) -> Result<(), Error> {
        let core = &self.handle.core;
        let max = if max_size == 0 { usize::MAX } else { max_size };
        check_size(min_size, max)?;
        let surplus = core.with(|state| state.slots.resize(min_size, max));
        drop(surplus);
        core.wake_watchers();
        core.fill();
        Ok(())
    }

    /// Lets no session live on that is open now: idle ones are closed at once, others when they come back.
    ///
    /// For a password that was changed, or a server that was replaced. New sessions are opened as they are wanted.
    pub fn clear(&self) {
        let core = &self.handle.core;
        let idle = core.with(|state| state.slots.clear());
        drop(idle);
        core.wake_watchers();
        core.fill();
    }

    /// Closes the pool: idle sessions at once, others when they come back. Whoever waits for one gets an error.
    ///
    /// It may be called again, and on any clone.
    pub fn close(&self) {
        self.handle.core.close();
    }

    /// Closes the pool and all its sessions, also those that are in use: what is done with them fails.
    ///
    /// A session that is lent, and that nobody awaits, is closed as soon as it is used again or dropped.
    pub fn terminate(&self) {
        self.handle.core.close();
        self.handle.core.terminate();
    }

    /// Waits until the pool is closed and all its sessions are, or [`terminate`](Self::terminate) was called.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing changes.
    pub async fn wait_closed(&self) {
        let core = &self.handle.core;
        let mut attendance = core.attend();
        poll_fn(|cx| {
            attendance.poll_work(cx);
            let done = core.with(|state| state.slots.is_closed() && state.slots.is_empty());
            if done || core.is_terminated() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Closes the pool, waits up to `limit` for the sessions that are lent, and then ends those that are left.
    ///
    /// # Examples
    ///
    /// See [`Pool`].
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the pool is closed, and sessions go when they come back.
    ///
    /// # Errors
    ///
    /// [`Kind::Timeout`] if sessions were still in use, and were ended.
    pub async fn shutdown(&self, limit: impl Into<Option<Duration>>) -> Result<(), Error> {
        let (core, limit) = (&self.handle.core, limit.into());
        self.close();
        let deadline = limit.and_then(|limit| core.now().checked_add(limit));
        if core.runtime.timeout_at(deadline, self.wait_closed()).await.is_ok() {
            return Ok(());
        }
        let left = self.stats().size;
        self.terminate();
        let limit = limit.unwrap_or_default();
        let text = format!("{left} sessions of the pool were not given back within {limit:?}");
        Err(Error::new(Kind::Timeout, text))
    }

    /// Tells whether the pool was closed.
    pub fn is_closed(&self) -> bool {
        self.handle.core.is_closed()
    }

    /// Returns what the pool is doing and has done.
    pub fn stats(&self) -> PoolStats {
        self.handle.core.with(|state| state.slots.stats())
    }

    /// Returns the runtime.
    pub fn runtime(&self) -> &R {
        &self.handle.core.runtime
    }
}

impl PoolOptions {
    /// Makes a pool, and opens as many sessions as it is to have at least; see [`Pool::connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened.
    ///
    /// # Errors
    ///
    /// As [`Pool::connect`], and [`Kind::Config`] if `max_size` is less than `min_size`.
    pub async fn connect<C>(self, runtime: impl Runtime, config: C) -> Result<Pool, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        self.connect_on(runtime.erase(), config).await
    }

    /// Makes a pool whose sessions are opened in the background, or when they are wanted; see [`Pool::new`].
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the connection string is not valid, or `max_size` is less than `min_size`.
    pub fn open<C>(self, runtime: impl Runtime, config: C) -> Result<Pool, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        self.open_on(runtime.erase(), config)
    }
}

impl<R: Runtime> PoolOptions<R> {
    /// As [`connect`](PoolOptions::connect), and keeps the type of the runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened.
    ///
    /// # Errors
    ///
    /// As [`connect`](PoolOptions::connect).
    pub async fn connect_on<C>(self, runtime: R, config: C) -> Result<Pool<R>, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        let pool = self.open_on(runtime, config)?;
        pool.ready(|_| false).await?;
        Ok(pool)
    }

    /// As [`open`](PoolOptions::open), and keeps the type of the runtime.
    ///
    /// # Errors
    ///
    /// As [`open`](PoolOptions::open).
    pub fn open_on<C>(self, runtime: R, config: C) -> Result<Pool<R>, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        let config = config.try_into().map_err(Into::into)?;
        let core = Core::new(runtime, config, self)?;
        core.start_upkeep();
        let pool = Pool { handle: Arc::new(Handle { core }) };
        pool.handle.core.fill();
        Ok(pool)
    }
}

impl<R: Runtime> Clone for Pool<R> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

impl<R: Runtime> fmt::Debug for Pool<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.core.fmt(f)
    }
}
