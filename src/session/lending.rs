//! What a lender asks of a session: is it alive, is it at rest, can it be put in order.

use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use aiopg_runtime::Runtime;

use crate::connection::Switch;
use crate::error::Error;
use crate::message::TransactionStatus;
use crate::session::connection::Connection;

/// Ends all listening.
const UNLISTEN: &str = "unlisten *";

impl<R: Runtime> Connection<R> {
    /// Whether the session can be lent as it is: nothing is owed, unsent or under way, no transaction is open, and
    /// nothing waits to go out with the next request but `reset`, or what ends listening.
    pub(crate) fn is_at_rest(&mut self, reset: Option<&str>) -> bool {
        self.take_note();
        self.channel.is_settled()
            && self.transaction_status() == TransactionStatus::Idle
            && !self.riders.any_openers()
            && !self.riders.is_barred()
            && !self.riders.any_queries_but(&[UNLISTEN, reset.unwrap_or(UNLISTEN)])
    }

    /// Whether a transaction was left open that nothing on its way ends.
    pub(crate) fn is_left_in_transaction(&mut self) -> bool {
        self.take_note();
        self.channel.is_settled()
            && self.transaction_status() != TransactionStatus::Idle
            && !self.riders.ends_transaction(self.channel.machine())
    }

    /// Whether the session lives, as far as can be told without waiting. What has arrived is taken.
    pub(crate) fn is_alive(&mut self) -> bool {
        // Nobody waits: the next operation registers its own waker.
        let mut cx = Context::from_waker(Waker::noop());
        self.poll_lost(&mut cx).is_pending()
    }

    /// Whether the server has become one of another kind than was asked for.
    pub(crate) fn is_out_of_place(&self) -> bool {
        self.channel.is_out_of_place()
    }

    /// Ready when a session at rest has ended.
    pub(crate) fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.channel.poll_lost(cx)
    }

    /// Ends the transaction that is open, if it is, and sends what waits for the next request.
    pub(crate) async fn roll_back(&mut self) -> Result<(), Error> {
        self.settle().await?;
        self.riders.withdraw_all();
        self.riders.lift_bar();
        if self.transaction_status() != TransactionStatus::Idle || self.riders.any_queries() {
            self.riders.ride(Cow::Borrowed("rollback"));
            self.batch_execute("").await?;
        }
        if self.is_at_rest(None) {
            return Ok(());
        }
        Err(Error::usage("the session is still in a transaction"))
    }

    /// Has `sql` go out with the next request. If it fails, the session ends.
    pub(crate) fn reset_soon(&mut self, sql: Cow<'static, str>) {
        if sql.eq_ignore_ascii_case("discard all") {
            // What goes out with it must not count on what it makes the server forget.
            self.statements.forget_all();
            self.channel.machine_mut().forget_notifications();
        }
        self.riders.ride(sql);
    }

    /// Has the session stop listening with the next request, if it listens, and forgets what nobody has received.
    pub(crate) fn stop_listening_soon(&mut self) {
        let unheard = !self.channel.machine().reports().notifications().is_empty();
        if std::mem::take(&mut self.listens) || unheard {
            self.channel.machine_mut().forget_notifications();
            self.riders.ride(Cow::Borrowed(UNLISTEN));
        }
    }

    /// Lets `switch` end the session; with none, the session is its owner's alone.
    pub(crate) fn obey(&mut self, switch: Option<Arc<Switch>>) {
        self.channel.obey(switch);
    }
}
