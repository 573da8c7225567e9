//! `Exchange`: a request and its reply.

use std::future::poll_fn;

use aiopg_runtime::Runtime;

use crate::connection::{Cancellable, Withdrawn};
use crate::error::Error;
use crate::flow::{Message, Protocol, Request};
use crate::message::{Encode, Sync};
use crate::session::connection::Connection;
use crate::wire::Parts;

impl<R: Runtime> Connection<R> {
    /// Makes a request, after reading off what is owed to futures that were dropped.
    pub(crate) async fn request(
        &mut self,
        protocol: Protocol,
        cancellable: Cancellable,
        write: impl FnOnce(&mut Parts) -> Result<(), Error>,
    ) -> Result<Exchange<'_, R>, Error> {
        self.request_as(Request::new(protocol), cancellable, write).await
    }

    /// Makes a request of a certain shape, after reading off what is owed to futures that were dropped.
    pub(crate) async fn request_as(
        &mut self,
        request: Request,
        cancellable: Cancellable,
        write: impl FnOnce(&mut Parts) -> Result<(), Error>,
    ) -> Result<Exchange<'_, R>, Error> {
        self.write_request(request, cancellable, write).await?;
        Ok(Exchange::new(self))
    }

    /// The same, where the [`Exchange`] is made by the caller, who may do something else if this fails. It is to be
    /// made before anything is awaited.
    pub(crate) async fn write_request(
        &mut self,
        request: Request,
        cancellable: Cancellable,
        write: impl FnOnce(&mut Parts) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // Most often there is nothing to wait for, and then no future is needed to find that out.
        if self.channel.is_quiet() {
            self.take_note();
        } else {
            self.settle_in_time().await?;
        }
        if let Some(late) = self.channel.overdue() {
            // An earlier part of the same operation has taken all its time.
            return Err(late.unsent());
        }
        if request.protocol == Protocol::Simple || request.ready.get() > 1 {
            // A BEGIN that is refused would not keep a query behind it from being run.
            self.open_now().await?;
        }
        let request = self.riders.carried_by(request)?;
        let (statements, riders) = (&mut self.statements, &self.riders);
        self.channel.request(request, cancellable, |out| {
            riders.write(out)?;
            if request.protocol == Protocol::Extended {
                statements.write_closes(out)?;
            }
            write(out)
        })
    }

    /// Sends the openers that wait, by themselves.
    pub(crate) async fn open_now(&mut self) -> Result<(), Error> {
        self.settle().await?;
        if !self.riders.any_openers() {
            return Ok(());
        }
        let request = self.riders.carried_by(Request::new(Protocol::Extended))?;
        let riders = &self.riders;
        self.channel.request(request, Cancellable::Yes, |out| {
            riders.write(out)?;
            Sync.encode(out)
        })?;
        let mut exchange = Exchange::new(self);
        let refused = exchange.finish().await?;
        exchange.connection.take_note();
        refused.map_or(Ok(()), Err)
    }
}

/// A request that is being answered. Dropped before the answer is complete, it is given up.
pub(crate) struct Exchange<'c, R: Runtime> {
    pub(crate) connection: &'c mut Connection<R>,
    /// The number of the statement that it makes.
    pub(crate) parses: Option<u64>,
    /// How the server broke the protocol, where the session could not be ended at once: a part of it was lent.
    pub(crate) violation: Option<Error>,
}

impl<'c, R: Runtime> Exchange<'c, R> {
    /// Of the request that was written last.
    pub(crate) fn new(connection: &'c mut Connection<R>) -> Self {
        Self { connection, parses: None, violation: None }
    }

    pub(crate) async fn message(&mut self) -> Result<Message, Error> {
        poll_fn(|cx| self.connection.channel.poll_message(cx)).await
    }
}

impl<R: Runtime> Drop for Exchange<'_, R> {
    fn drop(&mut self) {
        if let Some(error) = self.violation.take() {
            self.connection.channel.end(error);
        }
        let withdrawn = self.connection.channel.abandon();
        if let (Withdrawn::Yes, Some(number)) = (withdrawn, self.parses) {
            self.connection.statements.never_made(number);
        }
    }
}
