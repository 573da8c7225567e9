//! `CopyInRows`: a copy into a table, fed with rows in binary.

use std::future::poll_fn;
use std::task::{Context, Poll};

use aiopg_runtime::{AnyRuntime, Runtime};
use bytes::{BufMut, BytesMut};
use postgres_types::{Format as ValueFormat, IsNull};

use crate::error::Error;
use crate::message::{Value, write_value};
use crate::session::column::Column;
use crate::session::copy::feed::Feed;
use crate::session::copy::tuples::{HEADER, TRAILER};
use crate::session::statement::Statement;
use crate::types::{self, NamedParams, Params};
use crate::wire::Writer;

/// A copy into a table that is fed with rows, one after the other.
///
/// Each row is checked against the types of the columns and written in binary, straight into the buffer that is
/// sent. Nothing counts before [`finish`](Self::finish): a writer that is dropped gives the copy up, and none of its
/// rows is in the table.
///
/// # Cancel safety
///
/// It can be dropped at any time, and the connection used again. See [`write`](Self::write) for a future that is
/// dropped.
#[derive(Debug)]
#[must_use = "without `finish` nothing is copied"]
pub struct CopyInRows<'c, R: Runtime = AnyRuntime> {
    feed: Feed<'c, R>,
    description: Statement,
    rows: u64,
}

impl<'c, R: Runtime> CopyInRows<'c, R> {
    pub(crate) fn new(feed: Feed<'c, R>, description: Statement) -> Result<Self, Error> {
        let mut this = Self { feed, description, rows: 0 };
        this.feed.meter.progress.rows = Some(0);
        this.feed.add(|out| {
            out.put_slice(HEADER);
            Ok(())
        })?;
        Ok(this)
    }

    /// Returns the columns, in the order in which a row has its values.
    pub fn columns(&self) -> &[Column] {
        self.description.columns()
    }

    /// Writes a row in any form of [`Params`]: as many values as there are columns, in their order; or by name, such
    /// as a struct with `#[derive(Params)]`, a value for each column and no others.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut copy = connection.copy_in("city", &["id", "name"]).start_rows().await?;
    /// for id in 1..=1_000_000 {
    ///     copy.write((id, format!("city {id}"))).await?;
    /// }
    /// assert_eq!(copy.finish().await?, 1_000_000);
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// CopyData once 64 KiB have come together; no answer is awaited.
    ///
    /// # Cancel safety
    ///
    /// A row is taken whole by the first poll; dropped after that, it is not to be written again.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if a value does not fit its column, which the text names
    /// together with the number of the row, counted from 1; [`Kind::Usage`](crate::Kind::Usage) if there are too few
    /// values or too many. [`Kind::Server`](crate::Kind::Server) if the server has ended the copy. In all cases the
    /// copy is over, and nothing of it counts.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn write(&mut self, row: impl Params) -> Result<(), Error> {
        if let Err(error) = self.add(&row) {
            self.give_up("a row of the client does not fit").await;
            return Err(self.feed.copying.end(error));
        }
        poll_fn(|cx| self.feed.poll_room(cx)).await
    }

    /// Says that the rows are complete, and returns how many the server has copied.
    ///
    /// # Examples
    ///
    /// See [`write`](Self::write).
    ///
    /// # Messages
    ///
    /// CopyData and CopyDone in one write; CommandComplete and ReadyForQuery are awaited: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the rows may or may not have been copied, as with any statement.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the server rejects a row, for a constraint that it violates.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn finish(mut self) -> Result<u64, Error> {
        self.feed.add(|out| {
            out.put_slice(TRAILER);
            Ok(())
        })?;
        poll_fn(|cx| self.feed.poll_finish(cx)).await
    }

    /// Gives the copy up, and waits until the session is free again.
    pub(crate) async fn give_up(&mut self, reason: &str) {
        poll_fn(|cx| self.feed.poll_fail(cx, reason)).await;
    }

    /// Ready when all rows are sent: for whoever waits for the next.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.feed.poll_sent(cx)
    }

    fn add(&mut self, row: &impl Params) -> Result<(), Error> {
        self.rows += 1;
        let (columns, number) = (self.description.columns(), self.rows);
        self.feed.add(|out| write_row(out, columns, row, number))?;
        self.feed.meter.add_row();
        Ok(())
    }
}

/// Writes a row as a tuple of the binary format.
fn write_row(
    out: &mut BytesMut,
    columns: &[Column],
    row: &impl Params,
    number: u64,
) -> Result<(), Error> {
    let named = row.named();
    let given = named.map_or_else(|| row.count(), count_names);
    if given != columns.len() {
        return Err(wrong_count(number, given, columns.len()));
    }
    Writer::new(out).write_count(given, "columns")?;
    for (index, column) in columns.iter().enumerate() {
        let value = match named {
            Some(named) => named.value(column.name()),
            None => row.at(index),
        };
        let value = value.ok_or_else(|| missing(number, column))?;
        write_value(out, |out| {
            if matches!(value.encode_format(column.r#type()), ValueFormat::Text) {
                let text = "it is written as text, which has no place among binary values";
                return Err(unwritable(number, column).with_source(text));
            }
            match types::write(value, column.r#type(), out) {
                Ok(IsNull::No) => Ok(Value::Written),
                Ok(IsNull::Yes) => Ok(Value::Null),
                Err(error) => Err(unwritable(number, column).with_source(error)),
            }
        })?;
    }
    Ok(())
}

fn count_names(named: &dyn NamedParams) -> usize {
    let mut count = 0;
    named.for_each_name(&mut |_| count += 1);
    count
}

#[cold]
fn wrong_count(number: u64, given: usize, columns: usize) -> Error {
    let values = if given == 1 { "value" } else { "values" };
    let are = if columns == 1 { "is 1 column" } else { &format!("are {columns} columns") };
    Error::usage(format!("row {number} has {given} {values}, but there {are}"))
}

#[cold]
fn missing(number: u64, column: &Column) -> Error {
    Error::usage(format!("row {number} has no value for column \"{}\"", column.name()))
}

#[cold]
fn unwritable(number: u64, column: &Column) -> Error {
    Error::conversion(format!(
        "row {number}: column \"{}\" of type {} cannot be written",
        column.name(),
        column.r#type()
    ))
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use postgres_types::Type;

    use super::*;
    use crate::error::Kind;
    use crate::message::Format;
    use crate::session::column::tests::column;

    fn columns() -> [Column; 2] {
        [column("id", Type::INT4, Format::Binary), column("name", Type::TEXT, Format::Binary)]
    }

    #[test]
    fn a_row_is_a_tuple() {
        let mut out = BytesMut::new();
        write_row(&mut out, &columns(), &(1, "ab"), 1).unwrap();
        write_row(&mut out, &columns(), &crate::named! { name: "", id: None::<i32> }, 2).unwrap();
        let expected = b"\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x02ab\0\x02\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(&out[..], expected);
    }

    #[test]
    fn what_does_not_fit_is_named_by_row_and_column() {
        let write = |row: &dyn Fn(&mut BytesMut) -> Result<(), Error>| {
            let error = row(&mut BytesMut::new()).unwrap_err();
            (error.kind(), error.to_string())
        };
        let columns = columns();
        let text = "row 7: column \"name\" of type text cannot be written".to_owned();
        let told = write(&|out| write_row(out, &columns, &(1, 2), 7));
        assert_eq!(told, (Kind::Conversion, text));
        let text = "row 7 has 1 value, but there are 2 columns".to_owned();
        assert_eq!(write(&|out| write_row(out, &columns, &(1,), 7)), (Kind::Usage, text));
        let text = "row 7 has no value for column \"name\"".to_owned();
        let row = crate::named! { id: 1_i32, nom: "a" };
        assert_eq!(write(&|out| write_row(out, &columns, &row, 7)), (Kind::Usage, text));
    }

    #[test]
    fn a_value_that_is_written_as_text_is_refused() {
        #[derive(Debug)]
        struct AsText;

        impl postgres_types::ToSql for AsText {
            fn to_sql(
                &self,
                _: &Type,
                _: &mut BytesMut,
            ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
                Ok(IsNull::No)
            }

            fn accepts(_: &Type) -> bool {
                true
            }

            fn encode_format(&self, _: &Type) -> ValueFormat {
                ValueFormat::Text
            }

            postgres_types::to_sql_checked!();
        }

        let error = write_row(&mut BytesMut::new(), &columns(), &(AsText, "a"), 1).unwrap_err();
        assert_eq!(error.kind(), Kind::Conversion);
        assert!(error.source().unwrap().to_string().contains("as text"));
    }
}
