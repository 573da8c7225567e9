//! `Event`: what a program should learn of its sessions although no call failed.

use std::fmt;
use std::sync::Arc;

use crate::message::TransactionStatus;

/// What happened to a session although no call of the program failed: a warning, or a word of information.
///
/// [`Config::on_event`](crate::Config::on_event) sets the hook that is told. `Display` prints one line.
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
}

impl Event {
    /// Tells whether this is a warning: something that a correct program avoids. The rest is information.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::ConnectionDropped { transaction_status, statement_running, .. } => {
                *transaction_status != TransactionStatus::Idle || *statement_running
            }
            Self::TransactionDropped { .. } | Self::NotificationsLagged { .. } => true,
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

type EventHook = Arc<dyn Fn(&Event) + Send + Sync>;

/// Where events go: to the hook, if one was set.
#[derive(Clone, Default)]
pub(crate) struct Events(Option<EventHook>);

impl Events {
    pub(crate) fn new(hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Tells the hook.
    pub(crate) fn tell(&self, event: &Event) {
        if let Some(hook) = &self.0 {
            hook(event);
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events(..)")
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
