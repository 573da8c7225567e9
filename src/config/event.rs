//! `Event`: what a program should learn of its sessions although no call failed.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::message::TransactionStatus;

/// What happened to a session although no call of the program failed: a warning, or a word of information.
///
/// [`Config::on_event`](crate::Config::on_event) sets the hook that is told. `Display` prints one line, unless a statement
/// in it has more.
///
/// # Examples
///
/// ```
/// use aiopg::Config;
///
/// let config = Config::new().on_event(|event| {
///     if event.is_warning() {
///         eprintln!("warning: {event}");
///     }
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connection was dropped that was not closed. A warning if it was in a transaction, which the server rolls
    /// back, or if the reply to a statement was still to come.
    ///
    /// Why: a value that went out of scope, a task that was aborted. What to do: end the transaction, and call
    /// [`close`](crate::Connection::close).
    #[non_exhaustive]
    ConnectionDropped {
        /// The session's backend.
        process_id: Option<i32>,
        /// What its transaction was doing, as the last reply said.
        transaction_status: TransactionStatus,
        /// Whether the reply to a statement was still to come.
        statement_running: bool,
    },
    /// A transaction or savepoint was dropped that was neither committed nor rolled back; it is rolled back. A
    /// warning.
    ///
    /// Why: an error that was passed on with `?`, a future that was dropped. What to do: nothing if that was meant;
    /// else call `commit`.
    #[non_exhaustive]
    TransactionDropped {
        /// The session's backend.
        process_id: Option<i32>,
        /// 0 for the transaction itself, 1 for a savepoint in it, and so on.
        depth: u32,
    },
    /// Notifications came faster than they were received, and the oldest were dropped. A warning, once until
    /// somebody receives again.
    ///
    /// Why: a session listens and nobody calls `recv`. What to do: receive, or stop listening.
    #[non_exhaustive]
    NotificationsLagged {
        /// The session's backend.
        process_id: Option<i32>,
    },
    /// A session of a pool has not been given back for longer than
    /// [`leak_after`](crate::PoolOptions::leak_after). A warning.
    ///
    /// Why: it is kept where it is not needed, or something that is done with it hangs. What to do: look at the place
    /// in the program that is named.
    #[non_exhaustive]
    SessionHeld {
        /// Where it was borrowed.
        site: &'static Location<'static>,
        /// For how long it has been held.
        held: Duration,
    },
    /// A session of which a [`SessionHeld`](Self::SessionHeld) has warned was given back after all.
    #[non_exhaustive]
    SessionReturned {
        /// Where it was borrowed.
        site: &'static Location<'static>,
        /// For how long it was held.
        held: Duration,
    },
    /// A session came back to its pool in a transaction, which is rolled back. A warning.
    ///
    /// Why: an error that was passed on with `?` between `begin` and `commit`. What to do: use
    /// a transaction that rolls itself back.
    #[non_exhaustive]
    ReturnedInTransaction {
        /// The session's backend.
        process_id: Option<i32>,
        /// Where it was borrowed.
        site: Option<&'static Location<'static>>,
    },
    /// A session that came back to its pool could not be put in order, and was closed.
    #[non_exhaustive]
    ReturnedUnclean {
        /// The session's backend.
        process_id: Option<i32>,
        /// The error, on one line.
        reason: String,
    },
    /// A pool could not open a session; it tries again.
    #[non_exhaustive]
    ConnectFailed {
        /// The error, on one line.
        reason: String,
    },
    /// A statement is about to be sent: only if [`Config::echo`](crate::Config::echo) asks for it.
    #[non_exhaustive]
    StatementEcho {
        /// The process ID of its backend.
        process_id: Option<i32>,
        /// The text.
        sql: Box<str>,
        /// The values of the parameters, if [`Echo::StatementsAndParameters`](crate::Echo::StatementsAndParameters) asks for
        /// them.
        parameters: Option<Box<str>>,
    },
    /// A statement took at least as long as [`Config::slow_statement`](crate::Config::slow_statement) says. A warning.
    #[non_exhaustive]
    SlowStatement {
        /// The process ID of its backend.
        process_id: Option<i32>,
        /// The text. The values of its parameters are never told.
        sql: Box<str>,
        /// How long it took.
        elapsed: Duration,
        /// How many rows it returned or touched; `None` if it failed, was given up, or nobody has counted.
        rows: Option<u64>,
    },
}

impl Event {
    /// Tells whether this is a warning: something that a correct program avoids. The rest is information.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::ConnectionDropped { transaction_status, statement_running, .. } => {
                *transaction_status != TransactionStatus::Idle || *statement_running
            }
            Self::TransactionDropped { .. }
            | Self::NotificationsLagged { .. }
            | Self::SessionHeld { .. }
            | Self::SlowStatement { .. }
            | Self::ReturnedInTransaction { .. } => true,
            Self::SessionReturned { .. }
            | Self::StatementEcho { .. }
            | Self::ReturnedUnclean { .. }
            | Self::ConnectFailed { .. } => false,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionDropped { process_id, transaction_status, statement_running } => {
                write!(f, "{} was dropped and not closed", Session(*process_id))?;
                match transaction_status {
                    _ if *statement_running => f.write_str(", while a statement was running"),
                    TransactionStatus::Idle => Ok(()),
                    TransactionStatus::InTransaction => f.write_str(", in a transaction"),
                    TransactionStatus::InError => f.write_str(", in a failed transaction"),
                }
            }
            Self::TransactionDropped { process_id, depth } => {
                let what = if *depth == 0 { "a transaction" } else { "a savepoint" };
                let session = Session(*process_id);
                write!(f, "{what} of {session} was neither committed nor rolled back")
            }
            Self::NotificationsLagged { process_id } => {
                write!(f, "{} drops notifications that nobody receives", Session(*process_id))
            }
            Self::SessionHeld { site, held } => {
                write!(f, "the session that was borrowed at {site} is held for {held:?} already")
            }
            Self::SessionReturned { site, held } => {
                write!(f, "the session that was borrowed at {site} came back after {held:?}")
            }
            Self::ReturnedInTransaction { process_id, site } => {
                write!(f, "{} came back to its pool in a transaction", Session(*process_id))?;
                site.map_or(Ok(()), |site| write!(f, "; it was borrowed at {site}"))
            }
            Self::ReturnedUnclean { process_id, reason } => {
                let session = Session(*process_id);
                write!(f, "{session} came back to its pool and could not be put in order: {reason}")
            }
            Self::ConnectFailed { reason } => {
                write!(f, "a pool could not open a session: {reason}")
            }
            Self::StatementEcho { process_id, sql, parameters } => {
                write!(f, "{} runs: {sql}", Session(*process_id))?;
                let parameters = parameters.as_deref();
                parameters.map_or(Ok(()), |parameters| write!(f, "; parameters: {parameters}"))
            }
            Self::SlowStatement { process_id, sql, elapsed, .. } => {
                write!(f, "a statement of {} took {elapsed:?}: {sql}", Session(*process_id))
            }
        }
    }
}

struct Session(Option<i32>);

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session")?;
        self.0.map_or(Ok(()), |process_id| write!(f, " of process {process_id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_idle_may_be_dropped_without_a_warning() {
        let dropped = |transaction_status, statement_running| {
            let process_id = Some(7);
            let event =
                Event::ConnectionDropped { process_id, transaction_status, statement_running };
            (event.is_warning(), event.to_string())
        };
        let text = "the session of process 7 was dropped and not closed";
        assert_eq!(dropped(TransactionStatus::Idle, false), (false, text.to_owned()));
        let running = format!("{text}, while a statement was running");
        assert_eq!(dropped(TransactionStatus::Idle, true), (true, running));
        let open = format!("{text}, in a transaction");
        assert_eq!(dropped(TransactionStatus::InTransaction, false), (true, open));
        assert!(dropped(TransactionStatus::InError, false).0);
    }

    #[test]
    fn what_was_not_ended_is_told_by_its_name() {
        let dropped = |depth| Event::TransactionDropped { process_id: None, depth }.to_string();
        assert_eq!(
            dropped(0),
            "a transaction of the session was neither committed nor rolled back"
        );
        assert!(dropped(2).starts_with("a savepoint of"));
    }
}
