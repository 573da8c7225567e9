//! `DecodedStream`: the rows of a statement as values of one type, as they arrive.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aiopg_runtime::{AnyRuntime, Runtime};
use futures_core::Stream;

use crate::error::Error;
use crate::message::CommandTag;
use crate::session::column::Column;
use crate::session::from_row::FromRow;
use crate::session::row_stream::RowStream;

/// A [`Stream`] of rows as values of the type `T`. The columns are checked once.
///
/// A row whose value does not fit is an error, and the next item is the row after it.
pub struct DecodedStream<'c, T, R: Runtime = AnyRuntime> {
    rows: RowStream<'c, R>,
    /// It makes values of the type and holds none.
    r#type: PhantomData<fn() -> T>,
}

impl<'c, R: Runtime> RowStream<'c, R> {
    /// Makes a [`Stream`] of values of the type `T`, which own what they hold; for those that borrow there is
    /// [`next_as`](Self::next_as).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use futures_util::TryStreamExt;
    ///
    /// let rows = connection.stream("select id, name from city", ()).await?;
    /// let mut cities = rows.decode::<(i32, String)>()?;
    /// while let Some((id, name)) = cities.try_next().await? {
    ///     println!("{id}: {name}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if the columns do not fit `T`.
    pub fn decode<T: for<'r> FromRow<'r>>(mut self) -> Result<DecodedStream<'c, T, R>, Error> {
        self.prepare_plan::<T>()?;
        Ok(DecodedStream { rows: self, r#type: PhantomData })
    }
}

impl<T, R: Runtime> DecodedStream<'_, T, R> {
    /// Returns the columns.
    pub fn columns(&self) -> &[Column] {
        self.rows.columns()
    }

    /// Returns what the server said when the statement was complete; empty before the end of the stream.
    pub fn command_tag(&self) -> CommandTag {
        self.rows.command_tag()
    }
}

impl<T: for<'r> FromRow<'r>, R: Runtime> Stream for DecodedStream<'_, T, R> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let rows = &mut self.get_mut().rows;
        let value = match ready!(rows.poll_row(cx)) {
            Ok(None) => Ok(None),
            Ok(Some(message)) => rows.decode_message(message),
            Err(error) => Err(error),
        };
        Poll::Ready(value.transpose())
    }
}

impl<T, R: Runtime> fmt::Debug for DecodedStream<'_, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}
