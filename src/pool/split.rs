//! `SplitPool`: two pools over one configuration, one for reading and one for writing.

use std::time::Duration;

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::config::{Config, TargetSessionAttrs};
use crate::error::Error;
use crate::pool::handle::Pool;
use crate::pool::options::PoolOptions;

/// Two pools over one configuration with several hosts: [`write`](Self::write) has its sessions on the primary,
/// [`read`](Self::read) on a standby, or on the primary while there is no standby.
///
/// After a fail-over, sessions of the pool for writing are opened on the server that was promoted.
///
/// # Examples
///
/// ```no_run
/// # async fn example(runtime: impl aiopg::Runtime) -> Result<(), aiopg::Error> {
/// use aiopg::PoolOptions;
///
/// let pool = PoolOptions::new().open_split(runtime, "postgresql://ada@db1,db2,db3/shop")?;
/// pool.write().execute("insert into city (name) values ($1)", ("Wien",)).await?;
/// let count: i64 = pool.read().query_scalar("select count(*) from city", ()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SplitPool<R: Runtime = AnyRuntime> {
    read: Pool<R>,
    write: Pool<R>,
}

impl<R: Runtime> SplitPool<R> {
    /// Returns the pool for reading.
    pub fn read(&self) -> &Pool<R> {
        &self.read
    }

    /// Returns the pool for writing.
    pub fn write(&self) -> &Pool<R> {
        &self.write
    }

    /// Closes both pools; see [`Pool::close`].
    pub fn close(&self) {
        self.read.close();
        self.write.close();
    }

    /// Closes both pools, and waits; see [`Pool::shutdown`].
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::shutdown`].
    ///
    /// # Errors
    ///
    /// As [`Pool::shutdown`].
    pub async fn shutdown(&self, limit: impl Into<Option<Duration>>) -> Result<(), Error> {
        let limit = limit.into();
        let (read, write) =
            futures_util::future::join(self.read.shutdown(limit), self.write.shutdown(limit)).await;
        read.and(write)
    }
}

impl PoolOptions {
    /// Makes two pools, each with these options: one for reading and one for writing.
    ///
    /// # Errors
    ///
    /// As [`PoolOptions::open`].
    pub fn open_split<C>(self, runtime: impl Runtime, config: C) -> Result<SplitPool, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        self.open_split_on(runtime.erase(), config)
    }
}

impl<R: Runtime> PoolOptions<R> {
    /// As [`open_split`](PoolOptions::open_split), and keeps the type of the runtime.
    ///
    /// # Errors
    ///
    /// As [`PoolOptions::open`].
    pub fn open_split_on<C>(self, runtime: R, config: C) -> Result<SplitPool<R>, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        let config = config.try_into().map_err(Into::into)?;
        let of = |attrs| config.clone().target_session_attrs(attrs);
        let read = of(TargetSessionAttrs::PreferStandby);
        let write = of(TargetSessionAttrs::ReadWrite);
        Ok(SplitPool {
            read: self.clone().open_on(runtime.clone(), read)?,
            write: self.open_on(runtime, write)?,
        })
    }
}
