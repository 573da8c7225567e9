//! `Engine`: a pool that lends sessions for SQL statements of every kind, as aiopg's engine does.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::config::Config;
use crate::error::Error;
use crate::pool::{Pool, PoolOptions};
use crate::sea_query::engine_connection::EngineConnection;

/// Makes an engine; see [`Engine::create`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(runtime: impl aiopg::Runtime) -> Result<(), aiopg::Error> {
/// use aiopg::PoolOptions;
/// use aiopg::sea_query::create_engine;
///
/// let engine = create_engine(runtime, "postgresql://ada:secret@localhost/shop", PoolOptions::new()).await?;
/// # Ok(()) }
/// ```
///
/// # Cancel safety
///
/// Dropping the future closes what was opened.
///
/// # Errors
///
/// As [`Engine::create`].
pub async fn create_engine<C>(
    runtime: impl Runtime,
    dsn: C,
    options: PoolOptions<AnyRuntime>,
) -> Result<Engine, Error>
where
    C: TryInto<Config, Error: Into<Error>>,
{
    Engine::create(runtime, dsn, options).await
}

/// A [`Pool`] whose sessions execute raw SQL and SeaQuery's statements, and answer with a
/// [`ResultSet`](crate::sea_query::ResultSet).
///
/// Cloning it is cheap, and all clones are the same engine. Nobody needs one to use SeaQuery: its statements run on any
/// [`Client`](crate::Client) and on any pool by [`SeaQuery`](crate::sea_query::SeaQuery). An engine adds what users of
/// aiopg's `sa` layer know.
///
/// # Examples
///
/// ```no_run
/// # async fn example(runtime: impl aiopg::Runtime) -> Result<(), aiopg::Error> {
/// use aiopg::sea_query::Engine;
/// use aiopg::{PoolOptions, named};
/// use sea_query::Query;
///
/// let engine = Engine::create(runtime, "postgresql://ada:secret@localhost/shop", PoolOptions::new()).await?;
///
/// let mut connection = engine.acquire().await?;
/// let insert = Query::insert().into_table("city").returning_col("id").take();
/// let id: Option<i32> = connection.scalar(&insert, named! { name: "Wien" }).await?;
/// for city in connection.execute("select id, name from city", ()).await? {
///     let (id, name): (i32, String) = city?.as_tuple()?;
///     println!("{id}: {name}");
/// }
/// connection.close().await;
///
/// engine.close();
/// engine.wait_closed().await;
/// # Ok(()) }
/// ```
pub struct Engine<R: Runtime = AnyRuntime> {
    pool: Pool<R>,
}

impl Engine {
    /// Makes an engine, and opens as many sessions as it is to have at least.
    ///
    /// The type of the runtime is hidden; generic code uses [`create_on`](Self::create_on).
    ///
    /// # Messages
    ///
    /// As [`Connection::connect`](crate::Connection::connect), once; none if there are to be no sessions at least.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened.
    ///
    /// # Errors
    ///
    /// As [`PoolOptions::connect`].
    pub async fn create<C>(
        runtime: impl Runtime,
        dsn: C,
        options: PoolOptions<AnyRuntime>,
    ) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        Self::create_on(runtime.erase(), dsn, options).await
    }
}

impl<R: Runtime> Engine<R> {
    /// As [`create`](Engine::create), and keeps the type of the runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened.
    ///
    /// # Errors
    ///
    /// As [`PoolOptions::connect`].
    pub async fn create_on<C>(runtime: R, dsn: C, options: PoolOptions<R>) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        options.connect_on(runtime, dsn).await.map(Self::from)
    }

    /// Borrows a session: an idle one at once, else the next that comes back or is opened. Whoever asked first is
    /// served first. It goes back when it is dropped, or by [`EngineConnection::close`].
    ///
    /// # Examples
    ///
    /// See [`Engine`].
    ///
    /// # Messages
    ///
    /// As [`Pool::get`].
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::get`].
    ///
    /// # Errors
    ///
    /// As [`Pool::get`].
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Result<EngineConnection<R>, Error>> + Send {
        let session = self.pool.get();
        async move { session.await.map(EngineConnection::new) }
    }

    /// Takes a session back; the same as [`EngineConnection::close`]. It returns to the engine that lent it.
    ///
    /// # Messages
    ///
    /// As [`PooledConnection::release`](crate::PooledConnection::release).
    ///
    /// # Cancel safety
    ///
    /// As [`PooledConnection::release`](crate::PooledConnection::release).
    pub async fn release(&self, connection: EngineConnection<R>) {
        connection.close().await;
    }

    /// Returns the pool that lends the sessions.
    pub fn pool(&self) -> &Pool<R> {
        &self.pool
    }

    /// Returns the name of the database system: `postgresql`.
    pub fn name(&self) -> &'static str {
        "postgresql"
    }

    /// Returns the name of the driver: `aiopg`.
    pub fn driver(&self) -> &'static str {
        "aiopg"
    }

    /// Returns the connection string, with stars in place of what is secret.
    pub fn dsn(&self) -> String {
        self.pool.handle.core.config.to_string()
    }

    /// Returns how long a statement may take, as it was configured by
    /// [`Config::query_timeout`](crate::Config::query_timeout) or [`Config::timeout`](crate::Config::timeout).
    pub fn timeout(&self) -> Option<Duration> {
        self.pool.handle.core.config.query_timeout
    }

    /// Returns how many sessions there are at least.
    pub fn minsize(&self) -> usize {
        self.pool.handle.core.with(|state| state.slots.limits().min)
    }

    /// Returns how many sessions there are at most; 0 is as many as are wanted.
    pub fn maxsize(&self) -> usize {
        match self.pool.handle.core.with(|state| state.slots.limits().max) {
            usize::MAX => 0,
            max => max,
        }
    }

    /// Returns how many sessions are open or being opened.
    pub fn size(&self) -> usize {
        self.pool.stats().size
    }

    /// Returns how many sessions are ready to be lent.
    pub fn freesize(&self) -> usize {
        self.pool.stats().idle
    }

    /// Tells whether the engine was closed.
    pub fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }

    /// Closes the engine: idle sessions at once, others when they come back. Whoever waits for one gets an error.
    pub fn close(&self) {
        self.pool.close();
    }

    /// Closes the engine and all its sessions, also those that are in use: what is done with them fails.
    pub fn terminate(&self) {
        self.pool.terminate();
    }

    /// Waits until the engine is closed and all its sessions are, or [`terminate`](Self::terminate) was called.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing changes.
    pub async fn wait_closed(&self) {
        self.pool.wait_closed().await;
    }
}

impl<R: Runtime> From<Pool<R>> for Engine<R> {
    /// Makes an engine of a pool, which can be used as before.
    fn from(pool: Pool<R>) -> Self {
        Self { pool }
    }
}

impl<R: Runtime> Clone for Engine<R> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone() }
    }
}

impl<R: Runtime> fmt::Debug for Engine<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("dsn", &self.dsn()).field("pool", &self.pool).finish()
    }
}
