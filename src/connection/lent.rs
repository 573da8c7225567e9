//! A session that is lent: it can be ended from outside, and looked at while it is idle.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aiopg_runtime::Runtime;

use crate::config::TargetSessionAttrs;
use crate::connection::channel::Channel;
use crate::connection::switch::Switch;
use crate::error::Error;
use crate::flow::Machine;

impl<R: Runtime> Channel<R> {
    /// Lets `switch` end the session, and nothing else from now on.
    pub(crate) fn obey(&mut self, switch: Option<Arc<Switch>>) {
        self.switch = switch;
    }

    /// Ready when a session of which nothing is awaited has ended. What comes unasked is taken.
    pub(crate) fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if let Some(cause) = self.ended() {
            return Poll::Ready(Error::closed(Some(cause)));
        }
        let error = match ready!(self.poll_transport(cx, Machine::next_message)) {
            Ok(_) => Error::unexpected("a reply"),
            Err(error) => error,
        };
        Poll::Ready(self.end(error))
    }

    /// Whether the server has become one of another kind than was asked for, as far as it reports that: a standby
    /// that was promoted.
    pub(crate) fn is_out_of_place(&self) -> bool {
        let standby = match self.wanted {
            TargetSessionAttrs::Any | TargetSessionAttrs::PreferStandby => return false,
            TargetSessionAttrs::ReadWrite | TargetSessionAttrs::Primary => "off",
            TargetSessionAttrs::ReadOnly | TargetSessionAttrs::Standby => "on",
        };
        let reported = self.machine().reports().parameter("in_hot_standby");
        // A primary can be read-only too.
        let read_only = self.wanted == TargetSessionAttrs::ReadOnly
            && self.machine().reports().parameter("default_transaction_read_only") == Some("on");
        reported.is_some_and(|reported| reported != standby) && !read_only
    }
}
