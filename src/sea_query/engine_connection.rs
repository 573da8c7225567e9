//! `EngineConnection`: a session that an engine lends, and what it executes.

use std::fmt;

use aiopg_runtime::{AnyRuntime, Runtime};
use postgres_types::FromSql;

use crate::error::Error;
use crate::pool::PooledConnection;
use crate::sea_query::executable::Executable;
use crate::sea_query::nesting::Nesting;
use crate::sea_query::result_set::ResultSet;
use crate::session::{Client, Connection, RowStream};
use crate::types::Params;

/// A session that an [`Engine`](crate::sea_query::Engine) lends: it goes back when this is dropped.
///
/// [`execute`](Self::execute), [`scalar`](Self::scalar) and [`stream`](Self::stream) are those of aiopg's `sa` layer:
/// they take raw SQL and SeaQuery's statements alike. It is a [`Client`], too, and so has all verbs that a connection
/// has; where both have a method of the same name, those here are meant.
///
/// A session that has gone back cannot be used by mistake, for somebody else may have it:
///
/// ```compile_fail,E0382
/// # async fn example(engine: &aiopg::sea_query::Engine) -> Result<(), aiopg::Error> {
/// let mut connection = engine.acquire().await?;
/// connection.close().await;
/// connection.execute("select 1", ()).await?;
/// # Ok(()) }
/// ```
pub struct EngineConnection<R: Runtime = AnyRuntime> {
    pub(crate) session: PooledConnection<R>,
    /// The transactions that are open.
    pub(crate) nesting: Nesting,
}

impl<R: Runtime> EngineConnection<R> {
    pub(crate) fn new(session: PooledConnection<R>) -> Self {
        Self { session, nesting: Nesting::default() }
    }

    /// The transactions that are open, and the session that they are open in.
    pub(crate) fn nested(&mut self) -> (&mut Nesting, &mut Connection<R>) {
        (&mut self.nesting, &mut self.session)
    }

    /// Runs a statement and returns its result. [`Executable`] says what it takes, and which parameters.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// use aiopg::named;
    /// use sea_query::{Expr, ExprTrait, Query};
    ///
    /// // Raw SQL, with parameters by number or by name.
    /// connection.execute("insert into city (id, name) values ($1, $2)", (1, "Wien")).await?;
    /// let sql = "update city set name = :name where id = :id";
    /// connection.execute(sql, named! { id: 1_i32, name: "Graz" }).await?;
    ///
    /// // Statements of SeaQuery, with their own values.
    /// let select = Query::select().columns(["id", "name"]).from("city").take();
    /// let cities: Vec<(i32, String)> = connection.execute(&select, ()).await?.fetch_all_as()?;
    ///
    /// // An INSERT with a row that the execution brings, an UPDATE with what it sets.
    /// let insert = Query::insert().into_table("city").columns(["id", "name"]).take();
    /// connection.execute(&insert, (2, "Linz")).await?;
    /// let update = Query::update().table("city").and_where(Expr::col("id").eq(2)).take();
    /// connection.execute(&update, named! { name: "Enns" }).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// One call takes one set of parameters; many are for [`execute_many`](Client::execute_many):
    ///
    /// ```compile_fail,E0277
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// let sql = "insert into city (id, name) values ($1, $2)";
    /// connection.execute(sql, [(1, "Wien"), (2, "Linz")]).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`Connection::query`].
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::query`].
    ///
    /// # Errors
    ///
    /// As [`Connection::query`], and [`Kind::Usage`](crate::Kind::Usage) if the statement has no place for the
    /// parameters; nothing is run then. [`Kind::Closed`](crate::Kind::Closed) if the session has ended.
    pub async fn execute(
        &mut self,
        statement: impl Executable,
        params: impl Params,
    ) -> Result<ResultSet, Error> {
        self.nesting.must_be_here(&self.session)?;
        let execution = statement.execution(&params)?;
        self.session.query(&execution, &execution).await.map(ResultSet::new)
    }

    /// Runs a statement and returns the value in the first column of its first row; see [`ResultSet::scalar`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// let name: Option<String> =
    ///     connection.scalar("select name from city where id = $1", (1,)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`Connection::query`].
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::query`].
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute) and [`ResultSet::scalar`].
    pub async fn scalar<T: for<'r> FromSql<'r>>(
        &mut self,
        statement: impl Executable,
        params: impl Params,
    ) -> Result<Option<T>, Error> {
        self.execute(statement, params).await?.scalar()
    }

    /// Runs a statement and returns its rows as they arrive.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// use sea_query::Query;
    ///
    /// let select = Query::select().columns(["id", "name"]).from("city").take();
    /// let mut cities = connection.stream(&select, ()).await?;
    /// while let Some((id, name)) = cities.next_as::<(i32, &str)>().await? {
    ///     println!("{id}: {name}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`Connection::stream`].
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::stream`].
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute); most errors of the server come with the first row.
    pub async fn stream(
        &mut self,
        statement: impl Executable,
        params: impl Params,
    ) -> Result<RowStream<'_, R>, Error> {
        self.nesting.must_be_here(&self.session)?;
        let execution = statement.execution(&params)?;
        self.session.stream(&execution, &execution).await
    }

    /// Returns the session itself.
    pub fn connection(&mut self) -> &mut Connection<R> {
        &mut self.session
    }

    /// Tells whether the session has ended: the server or [`Engine::terminate`](crate::sea_query::Engine::terminate)
    /// ended it, or the network failed. What is executed then is [`Kind::Closed`](crate::Kind::Closed).
    pub fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    /// Gives the session back, and waits until it is idle again or closed. A transaction that is open is rolled back.
    ///
    /// Dropping does the same, without waiting. Results of the session stay readable.
    ///
    /// # Messages
    ///
    /// As [`PooledConnection::release`].
    ///
    /// # Cancel safety
    ///
    /// As [`PooledConnection::release`].
    pub async fn close(self) {
        self.session.release().await;
    }
}

impl<R: Runtime> Client for EngineConnection<R> {
    type Runtime = R;

    fn connection(&mut self) -> &mut Connection<R> {
        &mut self.session
    }
}

impl<R: Runtime> fmt::Debug for EngineConnection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EngineConnection").field(&self.session).finish()
    }
}

#[cfg(test)]
mod tests {
    use sea_query::Query;

    use super::*;
    use crate::named;
    use crate::sea_query::{Engine, ResultRow};

    fn is_shareable<T: Send + Sync + Unpin>() {}

    fn is_send<T: Send>(_: T) {}

    #[test]
    fn engines_results_and_their_futures_can_be_sent() {
        is_shareable::<Engine>();
        is_shareable::<EngineConnection>();
        is_shareable::<ResultSet>();
        is_shareable::<ResultRow>();
        let _ = |engine: &'static Engine| {
            is_send(async {
                let mut connection = engine.acquire().await?;
                connection.execute(Query::select(), ()).await?.fetch_one()?;
                connection.execute(&Query::insert(), named! { id: 1_i32 }).await?;
                connection.scalar::<i32>("select $1", (1,)).await?;
                connection.stream(&Query::select(), ()).await?.next().await?;
                connection.close().await;
                Ok::<_, Error>(())
            });
        };
    }
}
