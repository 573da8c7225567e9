//! `OwnedRowStream`: the rows of a statement as they arrive, each of which owns its values.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aiopg_runtime::{AnyRuntime, Runtime};
use futures_core::Stream;

use crate::error::Error;
use crate::message::CommandTag;
use crate::session::column::Column;
use crate::session::owned_row::OwnedRow;
use crate::session::row_stream::RowStream;

/// A [`Stream`] of rows that own their values: each is one allocation, or none if it is short.
pub struct OwnedRowStream<'c, R: Runtime = AnyRuntime> {
    rows: RowStream<'c, R>,
}

impl<'c, R: Runtime> RowStream<'c, R> {
    /// Makes a [`Stream`] of rows that own their values.
    pub fn owned(self) -> OwnedRowStream<'c, R> {
        OwnedRowStream { rows: self }
    }
}

impl<R: Runtime> OwnedRowStream<'_, R> {
    /// Returns the columns.
    pub fn columns(&self) -> &[Column] {
        self.rows.columns()
    }

    /// Returns what the server said when the statement was complete; empty before the end of the stream.
    pub fn command_tag(&self) -> CommandTag {
        self.rows.command_tag()
    }
}

impl<R: Runtime> Stream for OwnedRowStream<'_, R> {
    type Item = Result<OwnedRow, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { rows } = self.get_mut();
        let row = ready!(rows.poll_row(cx)).transpose().map(|message| rows.own(message?));
        Poll::Ready(row)
    }
}

impl<R: Runtime> fmt::Debug for OwnedRowStream<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}
