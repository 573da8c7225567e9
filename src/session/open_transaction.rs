//! `OpenTransaction`: a transaction that is open in a session, whoever holds that session.

use std::borrow::Cow;
use std::pin::pin;

use aiopg_runtime::Runtime;

use crate::error::{Error, ServerError};
use crate::message::TransactionStatus;
use crate::observe::{Counted, Operation};
use crate::session::connection::Connection;
use crate::session::riders::GivenUp;
use crate::session::stage::Stage;
use crate::session::transaction_options::TransactionOptions;

/// A transaction that is open. Whoever holds it ends it, or gives it up.
#[derive(Debug)]
pub(crate) struct OpenTransaction {
    begin: Cow<'static, str>,
    stage: Stage,
}

impl OpenTransaction {
    /// Begins a transaction: BEGIN, and what sets parameters, ride with the next request.
    pub(crate) async fn begin<R: Runtime>(
        connection: &mut Connection<R>,
        options: &TransactionOptions,
    ) -> Result<Self, Error> {
        connection.settle().await?;
        connection.riders.check_bar()?;
        if !connection.is_outside() || connection.riders.any_openers() {
            let text =
                "a transaction is open already: end it, or open a savepoint by `begin` on it";
            return Err(Error::usage(text).unsent());
        }
        connection.riders.take_refused();
        let mut begin = None;
        for opener in options.openers() {
            begin.get_or_insert_with(|| opener.sql.clone());
            connection.riders.open(opener);
        }
        let begin = begin.unwrap_or_default();
        Ok(Self { begin, stage: Stage::Open })
    }

    /// Ends the transaction by `sql`, one of the words that do so, or PREPARE TRANSACTION.
    pub(crate) async fn end<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        operation: Operation,
        sql: &str,
    ) -> Result<(), Error> {
        let settled = connection.settle().await;
        let keeps = !sql.starts_with("rollback");
        if settled.is_ok() && connection.riders.withdraw(&self.begin) {
            self.stage = Stage::Ended;
            let refused = connection.riders.take_refused() && keeps;
            return if refused { Err(never_begun()) } else { Ok(()) };
        }
        let idle = connection.transaction_status() == TransactionStatus::Idle;
        if settled.is_ok() && (idle || (keeps && connection.is_outside())) {
            self.stage = Stage::Ended;
            return if keeps { Err(ended_within()) } else { Ok(()) };
        }
        let mut observation = connection.observe(operation, sql, &());
        self.stage = Stage::ending(connection);
        let failure = connection.channel.machine().asides().failure().cloned();
        let ended = match settled {
            Ok(()) => observation.during(pin!(connection.end_transaction(sql))).await,
            Err(error) => Err(error),
        };
        let over =
            connection.transaction_status() == TransactionStatus::Idle || connection.is_closed();
        // What was cancelled before it was run has ended nothing: given up, it is rolled back.
        self.stage = if over { Stage::Ended } else { Stage::Open };
        let ended = match ended {
            Ok(tag) if keeps && tag.as_str() == "ROLLBACK" => Err(rolled_back(failure.as_ref())),
            Ok(_) => Ok(()),
            Err(error) if keeps => Err(error.or_outcome_unknown()),
            Err(error) => Err(error),
        };
        observation.finish(ended.as_ref().map(|()| Counted::Nothing));
        ended
    }

    /// Undoes the transaction if nobody has ended it: what has not been sent is taken back, the rest is rolled back
    /// before the session's next statement, and told.
    pub(crate) fn give_up<R: Runtime>(&mut self, connection: &mut Connection<R>) {
        // Whatever the answer is that is still to come: if there is one already, the status tells what it was.
        let ends = self.stage.is_sent(connection) && !connection.channel.machine().is_free();
        if ends {
            connection.channel.must_end_transaction();
        }
        let ended = ends || self.stage == Stage::Ended;
        self.stage = Stage::Ended;
        if !ended && self.undo(connection) {
            connection.tell_dropped(0);
        }
    }

    /// Has the transaction rolled back, and tells whether there was anything to undo.
    fn undo<R: Runtime>(&self, connection: &mut Connection<R>) -> bool {
        connection.take_note();
        if connection.is_closed() {
            return false;
        }
        let undo = Cow::Borrowed("rollback");
        let machine = connection.channel.machine();
        match connection.riders.give_up(&self.begin, undo.clone(), machine) {
            GivenUp::Unsent => false,
            GivenUp::UnderWay => true,
            GivenUp::Done if connection.is_surely_outside() => false,
            GivenUp::Done => {
                connection.roll_back_soon(undo);
                true
            }
        }
    }
}

#[cfg(feature = "sea-query")]
impl OpenTransaction {
    /// Whether it was begun, and is not open any more: a statement in it has ended it, or whoever held it.
    pub(crate) fn is_gone<R: Runtime>(&self, connection: &Connection<R>) -> bool {
        let machine = connection.channel.machine();
        self.stage == Stage::Ended
            || (machine.is_free()
                && !connection.riders.is_waiting(&self.begin, machine)
                && connection.is_outside())
    }

    /// Whether whoever held it has ended it. Nothing may be owed.
    pub(crate) fn has_ended<R: Runtime>(&self, connection: &Connection<R>) -> bool {
        match self.stage {
            Stage::Open => false,
            Stage::Ending { .. } => self.is_gone(connection),
            Stage::Ended => true,
        }
    }

    /// Fails if what was done in it up to now cannot last, since it is gone, has failed or was refused. Nothing may be
    /// owed.
    pub(crate) fn must_last<R: Runtime>(&self, connection: &Connection<R>) -> Result<(), Error> {
        if self.is_gone(connection) {
            return Err(ended_within());
        }
        if connection.riders.any_refused()
            && connection.riders.is_waiting(&self.begin, connection.channel.machine())
        {
            return Err(never_begun());
        }
        let failed = connection.transaction_status() == TransactionStatus::InError;
        if failed && !connection.riders.heals() {
            let text = "the transaction cannot be kept, since a statement in it had failed";
            let failure = connection.channel.machine().asides().failure();
            return Err(Error::rolled_back(text, failure));
        }
        Ok(())
    }
}

/// A statement such as `rollback` has ended the transaction.
pub(crate) fn ended_within() -> Error {
    Error::usage("the transaction is gone: a statement in it has ended it").unsent()
}

/// BEGIN was refused, and with it the statement that it went out with.
fn never_begun() -> Error {
    let text = "the transaction never began, since the server refused BEGIN: nothing in it was run";
    Error::rolled_back(text, None)
}

/// The server answered COMMIT by ROLLBACK.
fn rolled_back(failure: Option<&ServerError>) -> Error {
    let text = "the transaction was rolled back, since a statement in it had failed";
    Error::rolled_back(text, failure)
}
