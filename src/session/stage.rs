//! `Stage`: how far a transaction or a savepoint is from its end, and what undoes one that nobody ends.

use std::borrow::Cow;

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::message::TransactionStatus;
use crate::session::connection::Connection;
use crate::session::riders::{is_within_transaction, shown};

/// How far a transaction or a savepoint is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// What ends it is under way.
    Ending {
        /// How many requests were made before.
        requests: u64,
    },
    Ended,
}

impl Stage {
    /// What ends it is the next request.
    pub(crate) fn ending<R: Runtime>(connection: &Connection<R>) -> Self {
        Self::Ending { requests: connection.channel.machine().requests() }
    }

    /// Whether what ends it was sent, whatever the answer is. It is asked when whoever waited for that has given up.
    pub(crate) fn is_sent<R: Runtime>(self, connection: &Connection<R>) -> bool {
        let made = connection.channel.machine().requests();
        matches!(self, Self::Ending { requests } if made > requests)
    }
}

impl<R: Runtime> Connection<R> {
    /// Whether what is sent next is run outside of a transaction. Nothing may be owed.
    pub(crate) fn is_outside(&self) -> bool {
        self.transaction_status() == TransactionStatus::Idle
            || self.riders.ends_transaction(self.channel.machine())
    }

    /// Whether no transaction is open, and nothing is under way that could change that.
    pub(crate) fn is_surely_outside(&self) -> bool {
        self.channel.machine().is_free() && self.transaction_status() == TransactionStatus::Idle
    }

    /// Sends `sql`, as far as that takes no waiting; else with the next request.
    pub(crate) fn roll_back_soon(&mut self, sql: Cow<'static, str>) {
        // A cancel request that is under way could hit it.
        let free = self.channel.is_settled() && !self.riders.any_queries();
        let sent = free && self.send_order(&sql).is_ok();
        if !sent {
            self.riders.ride(sql);
        }
    }

    /// Sends what brings the session into order by itself. Only where all is settled.
    pub(crate) fn send_order(&mut self, sql: &str) -> Result<(), Error> {
        if self.observer().echoes() {
            self.echo(shown(sql), &());
        }
        if is_within_transaction(sql) {
            self.channel.send_unattended(sql)
        } else {
            self.channel.send_order(sql)
        }
    }
}
