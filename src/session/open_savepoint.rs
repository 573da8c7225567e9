//! `OpenSavepoint`: a savepoint that is open in a session, whoever holds that session.

use std::borrow::Cow;

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::message::TransactionStatus;
use crate::observe::Operation;
use crate::session::connection::Connection;
use crate::session::riders::{GivenUp, Opener};
use crate::session::stage::Stage;

/// A savepoint that is open. Whoever holds it has it end before those that it stands in.
#[derive(Debug)]
pub(crate) struct OpenSavepoint {
    /// How many transactions and savepoints it stands in.
    pub(crate) depth: u32,
    stage: Stage,
}

impl OpenSavepoint {
    /// Opens a savepoint within a transaction: SAVEPOINT rides with the next request.
    pub(crate) async fn open<R: Runtime>(
        connection: &mut Connection<R>,
        depth: u32,
    ) -> Result<Self, Error> {
        connection.settle().await?;
        connection.riders.check_bar()?;
        let heals = connection.riders.heals();
        if connection.transaction_status() == TransactionStatus::InError && !heals {
            let text = "the transaction has failed: it takes no savepoint, only its end";
            let failure = connection.channel.machine().asides().failure();
            return Err(Error::rolled_back(text, failure).unsent());
        }
        let sql = Cow::Owned(savepoint(depth));
        connection.riders.open(Opener { sql, params: Vec::new(), undo: None });
        Ok(Self { depth, stage: Stage::Open })
    }

    /// Keeps what was done since.
    pub(crate) async fn release<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
    ) -> Result<(), Error> {
        if self.withdraw(connection).await? {
            let refused = connection.riders.take_refused();
            let text = "the savepoint was refused, and with it what was to follow: nothing was run";
            return if refused { Err(Error::rolled_back(text, None)) } else { Ok(()) };
        }
        let failure = connection.channel.machine().asides().failure();
        // What rides with the next request may heal it.
        let heals = connection.riders.heals();
        if failure.is_some() && !heals {
            // The server would only say that the transaction has failed. What is dropped is rolled back.
            let text = "the savepoint cannot be kept, since a statement in it had failed";
            return Err(Error::rolled_back(text, failure));
        }
        let sql = format!("release savepoint {}", name(self.depth));
        self.end(connection, Operation::ReleaseSavepoint, &sql).await
    }

    /// Undoes what was done since.
    pub(crate) async fn roll_back<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
    ) -> Result<(), Error> {
        if self.withdraw(connection).await? {
            return Ok(());
        }
        let sql = roll_back_to(self.depth);
        self.end(connection, Operation::RollbackToSavepoint, &sql).await
    }

    async fn end<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        operation: Operation,
        sql: &str,
    ) -> Result<(), Error> {
        self.stage = Stage::ending(connection);
        let ended = connection.end_observed(operation, sql).await;
        self.stage = if ended.is_ok() { Stage::Ended } else { Stage::Open };
        ended
    }

    /// Takes the savepoint back if it was not sent yet, and tells whether it was so.
    async fn withdraw<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
    ) -> Result<bool, Error> {
        connection.settle().await?;
        let withdrawn = connection.riders.withdraw(&savepoint(self.depth));
        if withdrawn {
            self.stage = Stage::Ended;
        }
        Ok(withdrawn)
    }

    /// Undoes the savepoint if nobody has ended it: what has not been sent is taken back, the rest is rolled back
    /// before the session's next statement, and told.
    pub(crate) fn give_up<R: Runtime>(&mut self, connection: &mut Connection<R>) {
        // What was to end the savepoint and was refused has ended nothing: the transaction has failed.
        let refused = connection.channel.machine().is_free()
            && connection.transaction_status() == TransactionStatus::InError;
        let ended = self.stage == Stage::Ended || (self.stage.is_sent(connection) && !refused);
        self.stage = Stage::Ended;
        if ended || connection.is_closed() {
            return;
        }
        connection.take_note();
        let undo: Cow<'_, str> = Cow::Owned(roll_back_to(self.depth));
        let machine = connection.channel.machine();
        match connection.riders.give_up(&savepoint(self.depth), undo.clone(), machine) {
            GivenUp::Unsent => return,
            // A statement has ended the transaction, and with it the savepoint.
            GivenUp::Done if connection.is_surely_outside() => return,
            GivenUp::UnderWay => {}
            GivenUp::Done => connection.roll_back_soon(undo),
        }
        connection.tell_dropped(self.depth);
    }
}

fn name(depth: u32) -> String {
    format!("aiopg_{depth}")
}

fn savepoint(depth: u32) -> String {
    format!("savepoint {}", name(depth))
}

fn roll_back_to(depth: u32) -> String {
    let name = name(depth);
    format!("rollback to savepoint {name}; release savepoint {name}")
}
