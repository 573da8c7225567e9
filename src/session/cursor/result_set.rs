//! `ResultSet`: a result that owns its rows, and where its reader stands in it.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::error::Error;
use crate::message::CommandTag;
use crate::session::column::Column;
use crate::session::cursor::scroll::Scroll;
use crate::session::owned_row::OwnedRow;
use crate::session::row::Row;
use crate::session::rows::{Iter, Rows};

/// A whole result, and where its reader stands in it.
///
/// It owns its rows: nothing is asked of the server any more, and any number of results may be open side by side.
/// [`Cursor::detach`](crate::Cursor::detach) gives it. As a [`Stream`] it gives the rows that are left.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use aiopg::{ResultSet, Scroll};
///
/// let mut cities = ResultSet::new(connection.query("select id, name from city", ()).await?);
/// let mut rivers = ResultSet::new(connection.query("select name from river", ()).await?);
/// cities.scroll(Scroll::Relative(10))?;
/// while let (Some(city), Some(river)) = (cities.fetch_one()?, rivers.fetch_one()?) {
///     println!("{}: {}", city.get::<&str>("name"), river.get::<&str>("name"));
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ResultSet {
    rows: Rows,
    /// The number of the next row.
    next: usize,
    arraysize: usize,
    /// How many rows were touched, where the tag does not tell.
    touched: Option<u64>,
    /// The stream has told that there is nothing to fetch.
    told: bool,
}

impl ResultSet {
    /// Stands before the first of these rows.
    pub fn new(rows: Rows) -> Self {
        Self { rows, next: 0, arraysize: 1, touched: None, told: false }
    }

    /// What is left of many statements: how many rows they touched.
    pub(crate) fn counted(touched: u64) -> Self {
        Self { touched: Some(touched), ..Self::new(Rows::new([].into())) }
    }

    /// Returns the next row, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if the statement returns no rows by its nature.
    pub fn fetch_one(&mut self) -> Result<Option<Row<'_>>, Error> {
        Ok(self.fetch_many(1)?.next())
    }

    /// Returns the next rows: so many, or [`arraysize`](Self::arraysize), or as many as there are left. They count as
    /// fetched, taken or not.
    ///
    /// # Errors
    ///
    /// As [`fetch_one`](Self::fetch_one).
    pub fn fetch_many(&mut self, count: impl Into<Option<usize>>) -> Result<Iter<'_>, Error> {
        if self.description().is_none() {
            return Err(nothing_to_fetch());
        }
        let count = count.into().unwrap_or(self.arraysize);
        let start = self.next;
        self.next = start.saturating_add(count).min(self.rows.len());
        Ok(self.rows.part(start, self.next))
    }

    /// Returns the rows that are left.
    ///
    /// # Errors
    ///
    /// As [`fetch_one`](Self::fetch_one).
    pub fn fetch_all(&mut self) -> Result<Iter<'_>, Error> {
        self.fetch_many(usize::MAX)
    }

    /// Goes elsewhere: the row there is the next one.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if there is no such row, or none at all; the position is as before.
    pub fn scroll(&mut self, scroll: Scroll) -> Result<(), Error> {
        if self.description().is_none() {
            return Err(nothing_to_fetch());
        }
        let rows = self.rows.len();
        let Some(next) = scroll.from(self.next).filter(|next| *next < rows) else {
            let text = format!("scroll destination out of bounds: the result has {rows} rows");
            return Err(Error::usage(text));
        };
        self.next = next;
        Ok(())
    }

    /// Returns the number of the next row, counted from 0.
    pub fn rownumber(&self) -> usize {
        self.next
    }

    /// Returns how many rows the statement returned or touched; `None` for one that counts none, such as CREATE TABLE.
    pub fn rowcount(&self) -> Option<u64> {
        let tag = self.rows.command_tag();
        let counts = tag.as_str().ends_with(|last: char| last.is_ascii_digit());
        self.touched.or_else(|| counts.then(|| tag.rows()))
    }

    /// Returns the columns: name, type, size, precision, scale, table. `None` if the statement returns no rows by its
    /// nature.
    pub fn description(&self) -> Option<&[Column]> {
        let columns = self.rows.columns();
        // Rows without columns exist: `select`.
        (!columns.is_empty() || !self.rows.is_empty()).then_some(columns)
    }

    /// Returns what the server said when the statement was complete, such as `SELECT 3`.
    pub fn status_message(&self) -> CommandTag {
        self.rows.command_tag()
    }

    /// Returns how many rows [`fetch_many`](Self::fetch_many) returns if it is not told. Default: 1.
    pub fn arraysize(&self) -> usize {
        self.arraysize
    }

    /// Sets how many rows [`fetch_many`](Self::fetch_many) returns if it is not told.
    pub fn set_arraysize(&mut self, rows: usize) {
        self.arraysize = rows;
    }

    /// Returns all rows, wherever the reader stands.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Returns all rows.
    pub fn into_rows(self) -> Rows {
        self.rows
    }
}

pub(crate) fn nothing_to_fetch() -> Error {
    Error::usage("there are no results to fetch: no statement was run, or it returns no rows")
}

impl Stream for ResultSet {
    type Item = Result<OwnedRow, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.description().is_none() {
            let told = std::mem::replace(&mut this.told, true);
            return Poll::Ready((!told).then(|| Err(nothing_to_fetch())));
        }
        let row = this.rows.owned_row(this.next);
        this.next += usize::from(row.is_some());
        Poll::Ready(row.map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use postgres_types::Type;

    use super::*;
    use crate::message::Format;
    use crate::session::column::tests::column;

    fn three() -> ResultSet {
        let mut rows = Rows::new([column("name", Type::TEXT, Format::Binary)].into());
        for name in [&b"a"[..], b"b", b"c"] {
            rows.push(&[&b"\0\x01\0\0\0\x01"[..], name].concat()).unwrap();
        }
        ResultSet::new(rows)
    }

    fn names(rows: Iter<'_>) -> Vec<String> {
        rows.map(|row| row.get::<String>(0)).collect()
    }

    #[test]
    fn rows_are_fetched_in_order_and_counted() {
        let mut result = three();
        assert_eq!(names(result.fetch_many(None).unwrap()), ["a"]);
        assert_eq!(result.rownumber(), 1);
        assert_eq!(names(result.fetch_many(0).unwrap()), [""; 0]);
        assert_eq!(names(result.fetch_many(5).unwrap()), ["b", "c"]);
        assert_eq!(result.fetch_all().unwrap().len(), 0);
        assert!(result.fetch_one().unwrap().is_none());
        assert_eq!((result.rownumber(), result.rowcount()), (3, None));
        result.set_arraysize(2);
        result.scroll(Scroll::Absolute(0)).unwrap();
        assert_eq!(result.fetch_many(None).unwrap().decode::<(&str,)>().unwrap(), [("a",), ("b",)]);
    }

    #[test]
    fn what_is_out_of_bounds_moves_nothing() {
        let mut result = three();
        result.scroll(Scroll::Relative(2)).unwrap();
        for scroll in [Scroll::Relative(1), Scroll::Relative(-3), Scroll::Absolute(3)] {
            assert!(result.scroll(scroll).is_err());
            assert_eq!(result.rownumber(), 2);
        }
        result.scroll(Scroll::Relative(-1)).unwrap();
        assert_eq!(result.fetch_one().unwrap().unwrap().get::<&str>(0), "b");
    }

    #[test]
    fn a_result_that_is_none_is_told_once_by_its_stream() {
        let mut result = ResultSet::new(Rows::new([].into()));
        assert!(result.fetch_one().is_err() && result.scroll(Scroll::Absolute(0)).is_err());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut next = || Pin::new(&mut result).poll_next(&mut cx);
        assert!(matches!(next(), Poll::Ready(Some(Err(_)))));
        assert!(matches!(next(), Poll::Ready(None)));
    }
}
