//! `callproc` and `call_procedure`: functions and procedures by name.

use crate::error::Error;
use crate::session::client::Client;
use crate::session::cursor::client_cursor::Cursor;
use crate::session::cursor::routine::{Routine, RoutineCall, Verb};
use crate::session::source::{Called, Source};
use crate::types::Params;

impl<C: Client> Cursor<C> {
    /// Calls a function, whose result is fetched as that of a query.
    ///
    /// The arguments are in the order of the function's, or by name; those that have defaults can be left out.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::named;
    ///
    /// let mut cursor = connection.cursor();
    /// cursor.callproc("lower", ("WIEN",)).await?;
    /// cursor.callproc(("pg_catalog", "make_interval"), named! { days: 3_i32 }).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`Connection::query`](crate::Connection::query), with `select * from function($1, ...)`.
    ///
    /// # Cancel safety
    ///
    /// As [`execute`](Self::execute).
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute); with SQLSTATE 42883 if there is no such function for these arguments.
    ///
    /// # Source
    ///
    /// [Calling functions](https://www.postgresql.org/docs/18/sql-syntax-calling-funcs.html)
    pub async fn callproc(
        &mut self,
        function: impl Into<Routine>,
        params: impl Params,
    ) -> Result<&mut Self, Error> {
        let call = RoutineCall::new(Verb::Select, &function.into(), &params)?;
        self.call_routine(&call).await
    }

    /// Calls a procedure. If it has output parameters, they are the only row to fetch.
    ///
    /// The server asks for an argument for each output parameter, too, whose value does not matter: NULL will do.
    /// A procedure that ends transactions can only be called outside of one.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut cursor = connection.cursor();
    /// cursor.call_procedure("transfer", (1, 2, 100_i64)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`Connection::query`](crate::Connection::query), with `call procedure($1, ...)`.
    ///
    /// # Cancel safety
    ///
    /// As [`execute`](Self::execute).
    ///
    /// # Errors
    ///
    /// As [`callproc`](Self::callproc).
    ///
    /// # Source
    ///
    /// [CALL](https://www.postgresql.org/docs/18/sql-call.html)
    pub async fn call_procedure(
        &mut self,
        procedure: impl Into<Routine>,
        params: impl Params,
    ) -> Result<&mut Self, Error> {
        let call = RoutineCall::new(Verb::Call, &procedure.into(), &params)?;
        self.call_routine(&call).await
    }

    async fn call_routine(&mut self, call: &RoutineCall<'_>) -> Result<&mut Self, Error> {
        let called = Called { source: Source::Text(&call.sql), options: call.options };
        self.run(called, &call.params).await
    }
}
