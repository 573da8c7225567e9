//! The verbs of `SeaQuery` on a pool.

use std::future::Future;

use aiopg_runtime::Runtime;
use postgres_types::FromSql;

use crate::error::Error;
use crate::pool::Pool;
use crate::sea_query::build_statement::BuildStatement;
use crate::session::{FromRow, OwnedRow, Rows};

/// The verbs of [`SeaQuery`](crate::sea_query::SeaQuery): each takes a session for one statement.
impl<R: Runtime> Pool<R> {
    /// As [`query`](Self::query), for a statement of SeaQuery.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    pub fn query_built(
        &self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<Rows, Error>> + Send {
        let built = statement.build_statement();
        async move { self.query(&built, &built).await }
    }

    /// As [`query_as`](Self::query_as), for a statement of SeaQuery.
    ///
    /// # Errors
    ///
    /// As [`query_as`](Self::query_as).
    pub fn query_built_as<T: for<'r> FromRow<'r> + Send>(
        &self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<Vec<T>, Error>> + Send {
        let built = statement.build_statement();
        async move { self.query_as(&built, &built).await }
    }

    /// As [`query_one`](Self::query_one), for a statement of SeaQuery.
    ///
    /// # Errors
    ///
    /// As [`query_one`](Self::query_one).
    pub fn query_built_one(
        &self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<OwnedRow, Error>> + Send {
        let built = statement.build_statement();
        async move { self.query_one(&built, &built).await }
    }

    /// As [`query_opt`](Self::query_opt), for a statement of SeaQuery.
    ///
    /// # Errors
    ///
    /// As [`query_opt`](Self::query_opt).
    pub fn query_built_opt(
        &self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<Option<OwnedRow>, Error>> + Send {
        let built = statement.build_statement();
        async move { self.query_opt(&built, &built).await }
    }

    /// As [`query_scalar`](Self::query_scalar), for a statement of SeaQuery.
    ///
    /// # Errors
    ///
    /// As [`query_scalar`](Self::query_scalar).
    pub fn query_built_scalar<T: for<'r> FromSql<'r> + Send>(
        &self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        let built = statement.build_statement();
        async move { self.query_scalar(&built, &built).await }
    }

    /// As [`execute`](Self::execute), for a statement of SeaQuery.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    pub fn execute_built(
        &self,
        statement: &impl BuildStatement,
    ) -> impl Future<Output = Result<u64, Error>> + Send {
        let built = statement.build_statement();
        async move { self.execute(&built, &built).await }
    }
}
