//! The verbs on a pool itself: each borrows a session, runs, and gives it back.

use std::future::Future;

use aiopg_runtime::Runtime;
use postgres_types::{FromSql, ToSql, Type};

use crate::error::Error;
use crate::pool::guard::PooledConnection;
use crate::pool::handle::Pool;
use crate::session::{
    Connection, Cursor, FromRow, Listener, OwnedRow, Rows, ToStatement, Transaction,
    TransactionOptions,
};
use crate::types::Params;

/// Statements that need no more than one session for one call. Each borrows a session as [`get`](Self::get) does, and
/// gives it back. What is prepared stays with the session that ran it.
impl<R: Runtime> Pool<R> {
    /// Opens a [`Listener`] with the configuration of the pool. Its session is its own: it is none of the pool's, does not
    /// count for its size, and outlives it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(pool: &aiopg::Pool) -> Result<(), aiopg::Error> {
    /// let mut listener = pool.listener().await?;
    /// listener.listen("orders").await?;
    /// pool.notify("orders", "42").await?;
    /// println!("{:?}", listener.recv().await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Listener::connect`].
    pub async fn listener(&self) -> Result<Listener<R>, Error> {
        let core = &self.handle.core;
        Listener::connect_on(core.runtime.clone(), core.config.clone()).await
    }

    /// As [`Connection::query`](crate::Connection::query), on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::query`](crate::Connection::query).
    #[track_caller]
    pub fn query(
        &self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<Rows, Error>> + Send {
        let session = self.get();
        async move { session.await?.query(statement, params).await }
    }

    /// As [`Connection::query_as`](crate::Connection::query_as), on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::query_as`](crate::Connection::query_as).
    #[track_caller]
    pub fn query_as<T: for<'r> FromRow<'r> + Send>(
        &self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<Vec<T>, Error>> + Send {
        let session = self.get();
        async move { session.await?.query_as(statement, params).await }
    }

    /// As [`Connection::query_one`](crate::Connection::query_one), on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::query_one`](crate::Connection::query_one).
    #[track_caller]
    pub fn query_one(
        &self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<OwnedRow, Error>> + Send {
        let session = self.get();
        async move { session.await?.query_one(statement, params).await }
    }

    /// As [`Connection::query_opt`](crate::Connection::query_opt), on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::query_opt`](crate::Connection::query_opt).
    #[track_caller]
    pub fn query_opt(
        &self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<Option<OwnedRow>, Error>> + Send {
        let session = self.get();
        async move { session.await?.query_opt(statement, params).await }
    }

    /// As [`Connection::query_scalar`](crate::Connection::query_scalar), on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::query_scalar`](crate::Connection::query_scalar).
    #[track_caller]
    pub fn query_scalar<T: for<'r> FromSql<'r> + Send>(
        &self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        let session = self.get();
        async move { session.await?.query_scalar(statement, params).await }
    }

    /// As [`Connection::query_typed`](crate::Connection::query_typed), on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::query_typed`](crate::Connection::query_typed).
    #[track_caller]
    pub fn query_typed(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> impl Future<Output = Result<Rows, Error>> + Send {
        let session = self.get();
        async move { session.await?.query_typed(sql, params).await }
    }

    /// As [`Connection::execute`](crate::Connection::execute), on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::execute`](crate::Connection::execute).
    #[track_caller]
    pub fn execute(
        &self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<u64, Error>> + Send {
        let session = self.get();
        async move { session.await?.execute(statement, params).await }
    }

    /// As [`Connection::batch_execute`](crate::Connection::batch_execute), on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::batch_execute`](crate::Connection::batch_execute).
    #[track_caller]
    pub fn batch_execute(&self, sql: &str) -> impl Future<Output = Result<(), Error>> + Send {
        let session = self.get();
        async move { session.await?.batch_execute(sql).await }
    }

    /// As [`Connection::simple_query`](crate::Connection::simple_query), on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::simple_query`](crate::Connection::simple_query).
    #[track_caller]
    pub fn simple_query(&self, sql: &str) -> impl Future<Output = Result<Vec<Rows>, Error>> + Send {
        let session = self.get();
        async move { session.await?.simple_query(sql).await }
    }
}

/// What takes more than one call.
impl<R: Runtime> Pool<R> {
    /// Runs `body` with a session that is borrowed for it: for a copy, a cursor, a stream of rows.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(pool: &aiopg::Pool) -> Result<(), aiopg::Error> {
    /// use aiopg::Error;
    ///
    /// let sum: i64 = pool
    ///     .scope(async |session| {
    ///         let mut rows = session.stream("select generate_series(1, 1000000)", ()).await?;
    ///         let mut sum = 0;
    ///         while let Some(row) = rows.next().await? {
    ///             sum += i64::from(row.get::<i32>(0));
    ///         }
    ///         Ok::<_, Error>(sum)
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropped, the session goes back as it does when a [`PooledConnection`] is dropped.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and what `body` returns.
    #[track_caller]
    pub fn scope<T, E, F>(&self, body: F) -> impl Future<Output = Result<T, E>>
    where
        E: From<Error>,
        F: AsyncFnOnce(&mut Connection<R>) -> Result<T, E>,
    {
        let session = self.get();
        async move { body(&mut *session.await?).await }
    }

    /// As [`Connection::notify`], on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::notify`].
    #[track_caller]
    pub fn notify(
        &self,
        channel: &str,
        payload: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let session = self.get();
        async move { session.await?.notify(channel, payload).await }
    }
}

/// Cursors and transactions.
impl<R: Runtime> Pool<R> {
    /// Returns a cursor that owns a session, which goes back when the cursor is dropped.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(pool: &aiopg::Pool) -> Result<(), aiopg::Error> {
    /// let mut cursor = pool.cursor().await?;
    /// cursor.execute("select name from city", ()).await?;
    /// let cities = cursor.detach()?;
    /// drop(cursor);
    /// println!("{:?} cities", cities.rowcount());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[track_caller]
    pub fn cursor(
        &self,
    ) -> impl Future<Output = Result<Cursor<PooledConnection<R>>, Error>> + Send {
        let session = self.get();
        async move { Ok(Cursor::new(session.await?)) }
    }

    /// Begins a transaction on a session that is borrowed for it and goes back at its end.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(pool: &aiopg::Pool) -> Result<(), aiopg::Error> {
    /// use aiopg::Client;
    ///
    /// let mut transaction = pool.begin().await?;
    /// transaction.execute("update account set cents = cents - $1 where id = $2", (100, 1)).await?;
    /// transaction.execute("update account set cents = cents + $1 where id = $2", (100, 2)).await?;
    /// transaction.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`Connection::begin`](crate::Connection::begin): none.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[track_caller]
    pub fn begin(
        &self,
    ) -> impl Future<Output = Result<Transaction<PooledConnection<R>>, Error>> + Send {
        let session = self.get();
        async move { Transaction::begin_on(session.await?, &TransactionOptions::new()).await }
    }

    /// As [`begin`](Self::begin), with modes of its own.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[track_caller]
    pub fn begin_with(
        &self,
        options: &TransactionOptions,
    ) -> impl Future<Output = Result<Transaction<PooledConnection<R>>, Error>> + Send {
        let session = self.get();
        async move { Transaction::begin_on(session.await?, options).await }
    }

    /// As [`Connection::transaction`], on a session that is borrowed for it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(pool: &aiopg::Pool) -> Result<(), aiopg::Error> {
    /// use aiopg::{Client, Error};
    ///
    /// pool.transaction(async |transaction| {
    ///     transaction.execute("delete from cart where id = 1", ()).await?;
    ///     transaction.execute("delete from cart_item where cart = 1", ()).await
    /// })
    /// .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::transaction`].
    #[track_caller]
    pub fn transaction<T, E, F>(&self, body: F) -> impl Future<Output = Result<T, E>>
    where
        E: From<Error>,
        F: AsyncFnOnce(&mut Transaction<&mut Connection<R>>) -> Result<T, E>,
    {
        let session = self.get();
        async move { session.await?.transaction(body).await }
    }

    /// As [`Connection::transaction_with`], on a session that is borrowed for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Connection::transaction_with`].
    #[track_caller]
    pub fn transaction_with<T, E, F>(
        &self,
        options: &TransactionOptions,
        body: F,
    ) -> impl Future<Output = Result<T, E>>
    where
        E: From<Error>,
        F: AsyncFnMut(&mut Transaction<&mut Connection<R>>) -> Result<T, E>,
    {
        let session = self.get();
        async move { session.await?.transaction_with(options, body).await }
    }
}
