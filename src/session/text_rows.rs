//! `Rows::to_binary`: a result in text format as one in binary, whose values are read as their types.

use std::error::Error as StdError;
use std::sync::Arc;

use bytes::BytesMut;

use crate::error::Error;
use crate::message::{DataRow, Format, Offset};
use crate::session::column::Column;
use crate::session::row::Row;
use crate::session::rows::Rows;
use crate::types::{binary_of, has_text_form};
use crate::wire::{Length, Writer};

type Failure = Box<dyn StdError + Sync + Send>;

impl Rows {
    /// Returns the rows with their values in binary format, so that those of
    /// [`simple_query`](crate::Connection::simple_query) are read as the types of their columns.
    ///
    /// Columns of types whose text is not known here stay texts, such as `money` and those of extensions. The texts
    /// of dates and intervals must be those of `DateStyle` `ISO` and `IntervalStyle` `postgres`, the defaults.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let results = connection.simple_query("select 1 as id, array[true, null] as answers").await?;
    /// let rows = results[0].to_binary()?;
    /// let typed: Vec<(i32, Vec<Option<bool>>)> = rows.decode()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if a text is not one of its type, as it may be after `DateStyle`
    /// was changed.
    pub fn to_binary(&self) -> Result<Self, Error> {
        let columns: Arc<[_]> = self.columns().iter().map(binary).collect();
        let mut rows = Self::new(Arc::clone(&columns));
        rows.set_tag(self.command_tag());
        let mut body = BytesMut::new();
        for row in self {
            body.clear();
            write_body(row, &columns, &mut body).map_err(|error| row.located(error))?;
            rows.push(&body)?;
        }
        Ok(rows)
    }
}

/// Turns the rows of a stream into binary format, one after the other.
#[derive(Debug)]
pub(crate) struct Texts {
    columns: Arc<[Column]>,
    offsets: Vec<Offset>,
    body: BytesMut,
}

impl Texts {
    /// `columns` are those that the server describes.
    pub(crate) fn new(columns: Arc<[Column]>) -> Self {
        Self { columns, offsets: Vec::new(), body: BytesMut::new() }
    }

    /// Takes a row; an error of [`Kind::Protocol`](crate::Kind::Protocol) says that it is none.
    pub(crate) fn take(&mut self, body: &[u8], columns: &[Column]) -> Result<(), Error> {
        self.offsets.clear();
        self.body.clear();
        DataRow::new(body).find_values(self.columns.len(), &mut self.offsets)?;
        write_body(Row::new(&self.columns, body, &self.offsets), columns, &mut self.body)
    }

    /// The body of the row that was taken last.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

/// The column as it is when its values are in binary format, as far as their text is known here.
pub(crate) fn binary(column: &Column) -> Column {
    if has_text_form(column.r#type()) { column.in_format(Format::Binary) } else { column.clone() }
}

/// Writes what DataRow holds.
fn write_body(row: Row<'_>, columns: &[Column], out: &mut BytesMut) -> Result<(), Error> {
    let mut writer = Writer::new(out);
    writer.write_count(columns.len(), "columns")?;
    for ((from, value), to) in row.values().zip(columns) {
        let Some(value) = value else {
            writer.write_i32(-1);
            continue;
        };
        writer.sized(Length::OfWhatFollows, |writer| {
            if from.format() == to.format() {
                writer.buffer().extend_from_slice(value);
                return Ok(());
            }
            let unreadable = |cause: Failure| {
                let text =
                    format!("column \"{}\" of type {} cannot be read", to.name(), to.r#type());
                Error::conversion(text).with_source(cause)
            };
            let text = str::from_utf8(value).map_err(|cause| unreadable(cause.into()))?;
            binary_of(to.r#type(), text, writer.buffer()).map_err(|cause| unreadable(cause.into()))
        })?;
    }
    Ok(())
}
