//! What is made of a stream of rows: all of them, one, a single value, or only their number.

use std::future::poll_fn;
use std::task::{Poll, ready};

use aiopg_runtime::Runtime;
use postgres_types::FromSql;

use crate::error::{Error, Kind};
use crate::flow::Message;
use crate::message::{DataRow, Offset};
use crate::session::column::Column;
use crate::session::owned_row::OwnedRow;
use crate::session::row::{Row, accepts};
use crate::session::row_stream::RowStream;
use crate::session::rows::Rows;

/// A single value.
pub(crate) enum Scalar<T> {
    Value(T),
    /// It can be read when its type has been looked up.
    Unread(OwnedRow),
}

impl<T: for<'r> FromSql<'r>> Scalar<T> {
    /// Reads the only value of a row.
    pub(crate) fn read(row: &OwnedRow) -> Result<T, Error> {
        only(row.columns())?;
        row.try_get(0)
    }

    /// Reads the only value of a row by its body. That the value cannot be read is no fault of the protocol.
    pub(crate) fn of(columns: &[Column], body: &[u8]) -> Result<Result<T, Error>, Error> {
        let mut places = [Offset::default()];
        DataRow::new(body).note_values(columns.len(), &mut places)?;
        let row = Row::new(columns, body, &places[..]);
        Ok(only(columns).and_then(accepts::<T>).and_then(|()| row.checked(0)))
    }
}

fn only(columns: &[Column]) -> Result<&Column, Error> {
    match columns {
        [column] => Ok(column),
        columns => {
            let text = format!("one column was expected, but there are {}", columns.len());
            Err(Error::conversion(text))
        }
    }
}

impl<R: Runtime> RowStream<'_, R> {
    /// All rows.
    pub(crate) async fn collect(&mut self) -> Result<Rows, Error> {
        let mut rows = Rows::new(self.statement().shared_columns());
        let adding = self.read(|stream, message| {
            let first = if rows.is_empty() { stream.take_body(message) } else { None };
            let added = match first {
                Some((bodies, start)) => rows.adopt_first(bodies, start),
                None => rows.push(stream.body(message)),
            };
            added.map_err(|error| stream.violated(error))
        });
        adding.await?;
        rows.set_tag(self.command_tag());
        Ok(rows)
    }

    /// Passes over all rows and returns how many the statement touched.
    pub(crate) async fn skip(&mut self) -> Result<u64, Error> {
        self.read(|_, _| Ok(())).await?;
        Ok(self.command_tag().rows())
    }

    /// The only row; `None` if there is none.
    pub(crate) fn row(&mut self) -> impl Future<Output = Result<Option<OwnedRow>, Error>> {
        self.single(|rows, message| Ok(rows.own(message)?.numbered(None)))
    }

    /// The value in the only column of the only row; `None` if there is no row.
    pub(crate) async fn scalar<T: for<'r> FromSql<'r>>(
        &mut self,
    ) -> Result<Option<Scalar<T>>, Error> {
        if self.statement().has_unknown() {
            return Ok(self.row().await?.map(Scalar::Unread));
        }
        let checked = only(self.columns()).and_then(accepts::<T>);
        let read = |rows: &mut Self, message| {
            rows.find_values(message)?;
            let row = rows.lend(message).numbered(None);
            // That the value cannot be read is no reason not to read the reply.
            Ok(checked.clone().and_then(|()| row.checked::<T>(0)))
        };
        let value = self.single(read).await?;
        Ok(value.transpose()?.map(Scalar::Value))
    }

    /// What `read` makes of the only row; `None` if there is no row.
    #[expect(clippy::manual_async_fn, reason = "the arguments of one are kept twice")]
    fn single<T>(
        &mut self,
        mut read: impl FnMut(&mut Self, Message) -> Result<T, Error>,
    ) -> impl Future<Output = Result<Option<T>, Error>> {
        async move {
            let (mut value, mut count) = (None, 0_u64);
            let reading = self.read(|rows, message| {
                count += 1;
                if count == 1 {
                    value = Some(read(rows, message)?);
                }
                Ok(())
            });
            reading.await?;
            if count > 1 {
                let text = format!("one row was expected, but there are {count}");
                let error = Error::new(Kind::RowCount, text);
                return Err(error.with_statement(self.statement().sql()));
            }
            Ok(value)
        }
    }

    /// Reads the reply to its end, and has `each` look at its rows.
    fn read(
        &mut self,
        mut each: impl FnMut(&mut Self, Message) -> Result<(), Error>,
    ) -> impl Future<Output = Result<(), Error>> {
        poll_fn(move |cx| {
            while let Some(message) = ready!(self.poll_message(cx))? {
                each(self, message)?;
            }
            Poll::Ready(Ok(()))
        })
    }
}
