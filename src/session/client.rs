//! `Client`: the verbs, wherever a session can be reached.

use std::future::Future;

use aiopg_runtime::Runtime;
use postgres_types::{FromSql, ToSql, Type};

use crate::error::Error;
use crate::session::connection::Connection;
use crate::session::copy::{CopyIn, CopyInWriter, CopyOut, CopyOutReader, TableName};
use crate::session::from_row::FromRow;
use crate::session::owned_row::OwnedRow;
use crate::session::pipeline::Pipeline;
use crate::session::row_stream::RowStream;
use crate::session::rows::Rows;
use crate::session::source::ToStatement;
use crate::session::statement::Statement;
use crate::types::Params;

/// Whatever statements can be run on.
///
/// A function that takes `&mut impl Client` works on a [`Connection`] and on everything that borrows or lends one.
/// The methods are those of [`Connection`], where they are described.
///
/// # Examples
///
/// ```
/// use aiopg::{Client, Error};
///
/// async fn rename(client: &mut impl Client, id: i32, name: &str) -> Result<bool, Error> {
///     let sql = "update city set name = $2 where id = $1";
///     Ok(client.execute(sql, (id, name)).await? == 1)
/// }
/// ```
pub trait Client: Send {
    /// The runtime of the session.
    type Runtime: Runtime;

    /// Returns the session itself.
    fn connection(&mut self) -> &mut Connection<Self::Runtime>;

    /// As [`Connection::query`].
    fn query(
        &mut self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<Rows, Error>> + Send {
        self.connection().query(statement, params)
    }

    /// As [`Connection::query_as`].
    fn query_as<T: for<'r> FromRow<'r> + Send>(
        &mut self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<Vec<T>, Error>> + Send {
        self.connection().query_as(statement, params)
    }

    /// As [`Connection::query_one`].
    fn query_one(
        &mut self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<OwnedRow, Error>> + Send {
        self.connection().query_one(statement, params)
    }

    /// As [`Connection::query_opt`].
    fn query_opt(
        &mut self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<Option<OwnedRow>, Error>> + Send {
        self.connection().query_opt(statement, params)
    }

    /// As [`Connection::query_scalar`].
    fn query_scalar<T: for<'r> FromSql<'r> + Send>(
        &mut self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        self.connection().query_scalar(statement, params)
    }

    /// As [`Connection::query_typed`].
    fn query_typed(
        &mut self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> impl Future<Output = Result<Rows, Error>> + Send {
        self.connection().query_typed(sql, params)
    }

    /// As [`Connection::execute`].
    fn execute(
        &mut self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<u64, Error>> + Send {
        self.connection().execute(statement, params)
    }

    /// As [`Connection::stream`].
    fn stream(
        &mut self,
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> impl Future<Output = Result<RowStream<'_, Self::Runtime>, Error>> + Send {
        self.connection().stream(statement, params)
    }

    /// As [`Connection::prepare`].
    fn prepare(&mut self, sql: &str) -> impl Future<Output = Result<Statement, Error>> + Send {
        self.connection().prepare(sql)
    }

    /// See [`Connection::pipeline`].
    fn pipeline<P: Pipeline>(&mut self, items: P) -> impl Future<Output = P::Results> + Send {
        self.connection().pipeline(items)
    }

    /// See [`Connection::pipeline_each`].
    fn pipeline_each<P: Pipeline>(&mut self, items: P) -> impl Future<Output = P::Results> + Send {
        self.connection().pipeline_each(items)
    }

    /// See [`Connection::execute_many`].
    fn execute_many<I>(
        &mut self,
        statement: impl ToStatement + Send,
        sets: I,
    ) -> impl Future<Output = Result<u64, Error>> + Send
    where
        I: IntoIterator<Item: Params, IntoIter: Send> + Send,
    {
        self.connection().execute_many(statement, sets)
    }

    /// As [`Connection::batch_execute`].
    fn batch_execute(&mut self, sql: &str) -> impl Future<Output = Result<(), Error>> + Send {
        self.connection().batch_execute(sql)
    }

    /// As [`Connection::notify`].
    fn notify(
        &mut self,
        channel: &str,
        payload: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        self.connection().notify(channel, payload)
    }

    /// As [`Connection::simple_query`].
    fn simple_query(&mut self, sql: &str) -> impl Future<Output = Result<Vec<Rows>, Error>> + Send {
        self.connection().simple_query(sql)
    }

    /// As [`Connection::copy_in`].
    fn copy_in(
        &mut self,
        table: impl Into<TableName>,
        columns: &[&str],
    ) -> CopyIn<'_, Self::Runtime> {
        self.connection().copy_in(table, columns)
    }

    /// As [`Connection::copy_in_raw`].
    fn copy_in_raw(
        &mut self,
        sql: &str,
    ) -> impl Future<Output = Result<CopyInWriter<'_, Self::Runtime>, Error>> + Send {
        self.connection().copy_in_raw(sql)
    }

    /// As [`Connection::copy_out`].
    fn copy_out(
        &mut self,
        table: impl Into<TableName>,
        columns: &[&str],
    ) -> CopyOut<'_, Self::Runtime> {
        self.connection().copy_out(table, columns)
    }

    /// As [`Connection::copy_out_query`].
    fn copy_out_query(&mut self, sql: &str) -> CopyOut<'_, Self::Runtime> {
        self.connection().copy_out_query(sql)
    }

    /// As [`Connection::copy_out_raw`].
    fn copy_out_raw(
        &mut self,
        sql: &str,
    ) -> impl Future<Output = Result<CopyOutReader<'_, Self::Runtime>, Error>> + Send {
        self.connection().copy_out_raw(sql)
    }
}

impl<R: Runtime> Client for Connection<R> {
    type Runtime = R;

    fn connection(&mut self) -> &mut Self {
        self
    }
}

impl<C: Client + ?Sized> Client for &mut C {
    type Runtime = C::Runtime;

    fn connection(&mut self) -> &mut Connection<Self::Runtime> {
        (**self).connection()
    }
}
