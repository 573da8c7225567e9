//! What is made of a stream of rows: all of them, one, a single value, or only their number.

use std::future::poll_fn;
use std::task::{Poll, ready};

use aiopg_runtime::Runtime;
use postgres_types::FromSql;

use crate::error::{Error, Kind};
use crate::flow::Message;
use crate::session::column::Column;
use crate::session::owned_row::OwnedRow;
use crate::session::row::accepts;
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
        let collecting = poll_fn(|cx| {
            while let Some(message) = ready!(self.poll_message(cx))? {
                let first = if rows.is_empty() { self.take_body(message) } else { None };
                let added = match first {
                    Some((bodies, start)) => rows.adopt_first(bodies, start),
                    None => rows.push(self.body(message)),
                };
                added.map_err(|error| self.violated(error))?;
            }
            Poll::Ready(Ok::<_, Error>(()))
        });
        collecting.await?;
        rows.set_tag(self.command_tag());
        Ok(rows)
    }

    /// Passes over all rows and returns how many the statement touched.
    pub(crate) async fn skip(&mut self) -> Result<u64, Error> {
        let skipping = poll_fn(|cx| {
            while ready!(self.poll_message(cx))?.is_some() {}
            Poll::Ready(Ok::<_, Error>(()))
        });
        skipping.await?;
        Ok(self.command_tag().rows())
    }

    /// The only row; `None` if there is none.
    pub(crate) async fn row(&mut self) -> Result<Option<OwnedRow>, Error> {
        let columns = self.statement().shared_columns();
        self.single(|rows, message| rows.own(message, &columns).numbered(None)).await
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
            let row = rows.lend(message).numbered(None);
            checked.clone().and_then(|()| row.checked::<T>(0))
        };
        let value = self.single(read).await?;
        Ok(value.transpose()?.map(Scalar::Value))
    }

    /// What `read` makes of the only row, whose values have been found; `None` if there is no row.
    async fn single<T>(
        &mut self,
        mut read: impl FnMut(&mut Self, Message) -> T,
    ) -> Result<Option<T>, Error> {
        let (mut value, mut count) = (None, 0_u64);
        let reading = poll_fn(|cx| {
            while let Some(message) = ready!(self.poll_message(cx))? {
                count += 1;
                if count == 1 {
                    self.find_values(message)?;
                    value = Some(read(self, message));
                }
            }
            Poll::Ready(Ok::<_, Error>(()))
        });
        reading.await?;
        if count > 1 {
            let text = format!("one row was expected, but there are {count}");
            return Err(Error::new(Kind::RowCount, text).with_statement(self.statement().sql()));
        }
        Ok(value)
    }
}
