//! `PoolOptions`: how many sessions a pool keeps, for how long, and what is done to each.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aiopg_runtime::{AnyRuntime, Runtime};
use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::pool::slot::{IdleOrder, Limits};
use crate::session::Connection;

/// What becomes of a session that a hook has looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is lent, or kept.
    Keep,
    /// It is closed, and another takes its place.
    Close,
}

/// How a pool finds out that an idle session has died, before it is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Liveness {
    /// Not at all: whoever is lent it finds out.
    Trust,
    /// By looking, without waiting, whether something has arrived, when the server was not heard of for so long.
    /// Nothing is sent. A connection that was cut off in silence looks alive.
    Peek(Duration),
    /// By an empty query, when the server was not heard of for so long: one round trip.
    Query(Duration),
}

impl Liveness {
    /// After how much silence the session is checked.
    pub(crate) fn silence(self) -> Option<Duration> {
        match self {
            Self::Trust => None,
            Self::Peek(silence) | Self::Query(silence) => Some(silence),
        }
    }
}

/// What is done to the state of a session between two borrowers.
///
/// What is sent goes out with the first request of the next borrower, and costs no round trip. If it fails, the
/// session ends.
///
/// Whatever the choice, a session that is busy is never lent, nor one with an open transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reset {
    /// Nothing. A session that comes back in a transaction is closed.
    None,
    /// An open transaction is rolled back, and listening ends; settings, temporary tables and the like stay.
    #[default]
    Rollback,
    /// As `Rollback`, and `DISCARD ALL`.
    ///
    /// It makes the server forget prepared statements, so that each borrower prepares his own.
    DiscardAll,
    /// As `Rollback`, and this text, which must not open a transaction.
    Sql(Cow<'static, str>),
}

impl Reset {
    /// What is sent between two borrowers.
    pub(crate) fn sql(&self) -> Option<&Cow<'static, str>> {
        const DISCARD_ALL: &Cow<'static, str> = &Cow::Borrowed("discard all");

        match self {
            Self::None | Self::Rollback => None,
            Self::DiscardAll => Some(DISCARD_ALL),
            Self::Sql(sql) => Some(sql),
        }
    }
}

/// What a caller gets while no session can be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenDown {
    /// It waits, up to `acquire_timeout`: one session at a time is tried again, after growing pauses. An error that
    /// cannot pass by itself, such as a wrong password, is returned at once.
    #[default]
    Wait,
    /// The error, at once.
    Fail,
}

type Checked<'c, T> = BoxFuture<'c, Result<T, Error>>;
pub(crate) type Hook<R, T> =
    Arc<dyn for<'c> Fn(&'c mut Connection<R>) -> Checked<'c, T> + Send + Sync>;

/// How many sessions a pool keeps, for how long, and what is done to each.
///
/// | option | default | |
/// |---|---|---|
/// | [`name`](Self::name) | `main` | of its figures |
/// | [`min_size`](Self::min_size) | 1 | sessions |
/// | [`max_size`](Self::max_size) | 10 | sessions; 0 is as many as are wanted |
/// | [`max_connecting`](Self::max_connecting) | 4 | sessions that are opened at the same time |
/// | [`connect_timeout`](Self::connect_timeout) | 30 s | `None` is never |
/// | [`acquire_timeout`](Self::acquire_timeout) | 60 s | `None` is never |
/// | [`idle_timeout`](Self::idle_timeout) | 10 min | `None` is never |
/// | [`max_lifetime`](Self::max_lifetime) | 30 min, less up to a tenth | `None` is never |
/// | [`recycle`](Self::recycle) | never | |
/// | [`return_timeout`](Self::return_timeout) | 5 s | |
/// | [`keepalive`](Self::keepalive) | never | |
/// | [`leak_after`](Self::leak_after) | never | |
/// | [`liveness`](Self::liveness) | a look, after 1 s | |
/// | [`idle_order`](Self::idle_order) | first in, first out | |
/// | [`reset`](Self::reset) | rollback | |
/// | [`when_down`](Self::when_down) | wait | |
///
/// # Examples
///
/// ```no_run
/// # async fn example(runtime: impl aiopg::Runtime) -> Result<(), aiopg::Error> {
/// use std::time::Duration;
///
/// use aiopg::PoolOptions;
///
/// let pool = PoolOptions::new()
///     .max_size(20)
///     .acquire_timeout(Duration::from_secs(3))
///     .on_connect(|session| Box::pin(session.batch_execute("set statement_timeout = '5s'")))
///     .connect(runtime, "postgresql://ada@localhost/shop")
///     .await?;
/// # Ok(()) }
/// ```
pub struct PoolOptions<R: Runtime = AnyRuntime> {
    /// What figures go by.
    pub(crate) name: Cow<'static, str>,
    pub(crate) min_size: usize,
    pub(crate) max_size: usize,
    pub(crate) max_connecting: usize,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) acquire_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) recycle: Option<Duration>,
    pub(crate) return_timeout: Duration,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) leak_after: Option<Duration>,
    pub(crate) liveness: Liveness,
    pub(crate) idle_order: IdleOrder,
    pub(crate) reset: Reset,
    pub(crate) when_down: WhenDown,
    pub(crate) on_connect: Option<Hook<R, ()>>,
    pub(crate) before_acquire: Option<Hook<R, Verdict>>,
    pub(crate) after_release: Option<Hook<R, Verdict>>,
}

impl PoolOptions {
    /// Returns the defaults. Code that is generic over the runtime uses [`PoolOptions::default`].
    pub fn new() -> Self {
        Self::default()
    }
}

impl<R: Runtime> Default for PoolOptions<R> {
    fn default() -> Self {
        Self {
            name: Cow::Borrowed("main"),
            min_size: 1,
            max_size: 10,
            max_connecting: 4,
            connect_timeout: Some(Duration::from_secs(30)),
            acquire_timeout: Some(Duration::from_secs(60)),
            idle_timeout: Some(Duration::from_secs(10 * 60)),
            max_lifetime: Some(Duration::from_secs(30 * 60)),
            recycle: None,
            return_timeout: Duration::from_secs(5),
            keepalive: None,
            leak_after: None,
            liveness: Liveness::Peek(Duration::from_secs(1)),
            idle_order: IdleOrder::default(),
            reset: Reset::default(),
            when_down: WhenDown::default(),
            on_connect: None,
            before_acquire: None,
            after_release: None,
        }
    }
}

/// How many, and for how long.
impl<R: Runtime> PoolOptions<R> {
    /// Sets the name under which the figures of the pool are published (feature `metrics`): the number of sessions by
    /// state, of callers that wait, and totals of what [`PoolStats`](crate::PoolStats) counts. Needs a background.
    #[must_use]
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets how many sessions are kept open at least. They are opened in the background, where there is one; else
    /// when they are wanted.
    #[must_use]
    pub fn min_size(mut self, min_size: usize) -> Self {
        self.min_size = min_size;
        self
    }

    /// Sets how many sessions are open at most, those that are being opened counted in. 0 is as many as are wanted.
    #[must_use]
    pub fn max_size(mut self, max_size: usize) -> Self {
        self.max_size = max_size;
        self
    }

    /// Sets how many sessions are opened at the same time, at least one: a rush of callers is mostly served by
    /// sessions that come back before new ones are open.
    #[must_use]
    pub fn max_connecting(mut self, max_connecting: usize) -> Self {
        self.max_connecting = max_connecting.max(1);
        self
    }

    /// Limits the time in which a session is opened, over all hosts and with `on_connect`.
    #[must_use]
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = limit.into();
        self
    }

    /// Limits the time in which a caller is lent a session, whatever it waits for.
    #[must_use]
    pub fn acquire_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.acquire_timeout = limit.into();
        self
    }

    /// Closes sessions that nobody has borrowed for so long, down to `min_size`.
    #[must_use]
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = limit.into();
        self
    }

    /// Closes sessions that have been open for so long, less up to a tenth by chance, so that they do not all end at
    /// once. One that is lent is closed when it comes back.
    #[must_use]
    pub fn max_lifetime(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.max_lifetime = limit.into();
        self
    }

    /// Replaces a session that has been idle for so long when it is asked for. Idleness counts from its return.
    #[must_use]
    pub fn recycle(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.recycle = age.into();
        self
    }

    /// Limits the time in which a session that comes back busy or in a transaction is put in order; else it is closed.
    #[must_use]
    pub fn return_timeout(mut self, limit: Duration) -> Self {
        self.return_timeout = limit;
        self
    }

    /// Sends an empty query on sessions that were not heard of for so long, so that nothing on the way takes them for
    /// dead. Needs a background.
    #[must_use]
    pub fn keepalive(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.keepalive = interval.into();
        self
    }

    /// Reports a session that was not given back for so long, and where it was borrowed. Needs a background.
    #[must_use]
    pub fn leak_after(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.leak_after = limit.into();
        self
    }
}

/// What is done to a session.
impl<R: Runtime> PoolOptions<R> {
    /// Sets how dead sessions are found before they are lent.
    #[must_use]
    pub fn liveness(mut self, liveness: Liveness) -> Self {
        self.liveness = liveness;
        self
    }

    /// Sets in which order idle sessions are lent.
    #[must_use]
    pub fn idle_order(mut self, order: IdleOrder) -> Self {
        self.idle_order = order;
        self
    }

    /// Sets what is done to the state of a session between two borrowers.
    #[must_use]
    pub fn reset(mut self, reset: Reset) -> Self {
        self.reset = reset;
        self
    }

    /// Sets what a caller gets while no session can be opened.
    #[must_use]
    pub fn when_down(mut self, when_down: WhenDown) -> Self {
        self.when_down = when_down;
        self
    }

    /// Sets what is done once to each new session, before it is lent. If it fails, or leaves a transaction open, the
    /// session is closed, and the error is that of connecting.
    #[must_use]
    pub fn on_connect<F>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut Connection<R>) -> BoxFuture<'c, Result<(), Error>>,
        F: Send + Sync + 'static,
    {
        self.on_connect = Some(Arc::new(hook));
        self
    }

    /// Sets what is done to a session each time before it is lent. If it fails, or leaves a transaction open, the
    /// session is closed, and whoever asked for one gets the error.
    #[must_use]
    pub fn before_acquire<F>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut Connection<R>) -> BoxFuture<'c, Result<Verdict, Error>>,
        F: Send + Sync + 'static,
    {
        self.before_acquire = Some(Arc::new(hook));
        self
    }

    /// Sets what is done to a session each time it has come back, in the background. If it fails, or leaves a
    /// transaction open, or there is no background, the session is closed.
    #[must_use]
    pub fn after_release<F>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut Connection<R>) -> BoxFuture<'c, Result<Verdict, Error>>,
        F: Send + Sync + 'static,
    {
        self.after_release = Some(Arc::new(hook));
        self
    }

    pub(crate) fn limits(&self) -> Result<Limits, Error> {
        let max = if self.max_size == 0 { usize::MAX } else { self.max_size };
        check_size(self.min_size, max)?;
        Ok(Limits {
            min: self.min_size,
            max,
            connecting: self.max_connecting,
            order: self.idle_order,
            recycle: self.recycle,
            idle_timeout: self.idle_timeout,
            silence: self.liveness.silence(),
        })
    }
}

pub(crate) fn check_size(min: usize, max: usize) -> Result<(), Error> {
    if min > max {
        let text = format!("\"min_size\" is {min}, but \"max_size\" is {max}: it must not be less");
        return Err(Error::config(text).unsent());
    }
    Ok(())
}

impl<R: Runtime> Clone for PoolOptions<R> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            reset: self.reset.clone(),
            on_connect: self.on_connect.clone(),
            before_acquire: self.before_acquire.clone(),
            after_release: self.after_release.clone(),
            ..*self
        }
    }
}

impl<R: Runtime> fmt::Debug for PoolOptions<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolOptions")
            .field("min_size", &self.min_size)
            .field("max_size", &self.max_size)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_lifetime", &self.max_lifetime)
            .field("reset", &self.reset)
            .finish_non_exhaustive()
    }
}
