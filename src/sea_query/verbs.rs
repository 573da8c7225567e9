//! `SeaQuery`: the verbs for statements that SeaQuery builds, wherever a session can be reached.

use std::future::Future;

use postgres_types::FromSql;

use crate::error::Error;
use crate::sea_query::build_statement::BuildStatement;
use crate::session::{Client, FromRow, OwnedRow, RowStream, Rows};

/// The verbs for statements that SeaQuery builds.
///
/// They do what those of [`Client`] do that are called the same, and take the values from the statement. A
/// [`Pool`](crate::Pool) has the same, of its own, but for [`stream_built`](Self::stream_built).
///
/// # Examples
///
/// ```no_run
/// use aiopg::sea_query::SeaQuery;
/// use aiopg::{Client, Error};
/// use sea_query::{Expr, ExprTrait, Query};
///
/// async fn rename(client: &mut impl Client, id: i32, name: &str) -> Result<bool, Error> {
///     let update = Query::update().table("city").value("name", name).and_where(Expr::col("id").eq(id)).take();
///     Ok(client.execute_built(&update).await? == 1)
/// }
/// ```
pub trait SeaQuery: Client {
    /// As [`Client::query`].
    fn query_built(
        &mut self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<Rows, Error>> + Send {
        let built = statement.build_statement();
        async move { self.connection().query(&built, &built).await }
    }

    /// As [`Client::query_as`].
    fn query_built_as<T: for<'r> FromRow<'r> + Send>(
        &mut self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<Vec<T>, Error>> + Send {
        let built = statement.build_statement();
        async move { self.connection().query_as(&built, &built).await }
    }

    /// As [`Client::query_one`].
    fn query_built_one(
        &mut self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<OwnedRow, Error>> + Send {
        let built = statement.build_statement();
        async move { self.connection().query_one(&built, &built).await }
    }

    /// As [`Client::query_opt`].
    fn query_built_opt(
        &mut self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<Option<OwnedRow>, Error>> + Send {
        let built = statement.build_statement();
        async move { self.connection().query_opt(&built, &built).await }
    }

    /// As [`Client::query_scalar`].
    fn query_built_scalar<T: for<'r> FromSql<'r> + Send>(
        &mut self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        let built = statement.build_statement();
        async move { self.connection().query_scalar(&built, &built).await }
    }

    /// As [`Client::execute`].
    fn execute_built(
        &mut self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<u64, Error>> + Send {
        let built = statement.build_statement();
        async move { self.connection().execute(&built, &built).await }
    }

    /// As [`Client::stream`].
    fn stream_built(
        &mut self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<RowStream<'_, Self::Runtime>, Error>> + Send {
        let built = statement.build_statement();
        async move { self.connection().stream(&built, &built).await }
    }
}

impl<C: Client + ?Sized> SeaQuery for C {}
