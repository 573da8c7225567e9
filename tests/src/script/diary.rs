//! What has happened at the tiny server, and which of its sessions run a statement.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What has happened at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session was opened.
    Opened(i32),
    /// A statement was run: its text and its parameter.
    Executed(String, Option<i64>),
    /// The data of a copy is complete: so many bytes.
    Copied(usize),
    /// A session was told good-bye.
    Terminated(i32),
    /// A cancel request was read.
    CancelRead(i32),
    /// The connection of a cancel request was closed.
    CancelClosed(i32),
    /// A statement was ended by a cancel request.
    Cancelled(String),
    /// The connection of a client ended in the middle of a message, or was lost.
    Lost,
}

/// The diary, and who runs what. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diary(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    events: Vec<Event>,
    sessions: BTreeMap<i32, Backend>,
    last: i32,
}

#[derive(Debug, Default)]
struct Backend {
    key: Vec<u8>,
    running: bool,
    cancelled: bool,
    waker: Option<Waker>,
}

impl Diary {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, event: Event) {
        self.pages().events.push(event);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.pages().events.clone()
    }

    /// Opens a session; returns its process ID.
    pub(crate) fn open(&self, key: &[u8]) -> i32 {
        let mut pages = self.pages();
        pages.last += 1;
        let process_id = pages.last;
        pages.sessions.insert(process_id, Backend { key: key.to_vec(), ..Backend::default() });
        pages.events.push(Event::Opened(process_id));
        process_id
    }

    pub(crate) fn close(&self, process_id: i32) {
        self.pages().sessions.remove(&process_id);
    }

    /// A statement begins or ends. A signal counts only in between, as it does for a real backend.
    pub(crate) fn run(&self, process_id: i32, running: bool) {
        if let Some(backend) = self.pages().sessions.get_mut(&process_id) {
            backend.running = running;
            backend.cancelled = false;
        }
    }

    /// Signals a session, if the key is right and it runs a statement.
    pub(crate) fn cancel(&self, process_id: i32, key: &[u8]) {
        let mut pages = self.pages();
        let Some(backend) = pages.sessions.get_mut(&process_id) else { return };
        assert_eq!(backend.key, key, "the key of a cancel request");
        backend.cancelled = backend.running;
        if let Some(waker) = backend.waker.take() {
            waker.wake();
        }
    }

    pub(crate) fn is_cancelled(&self, process_id: i32) -> bool {
        self.pages().sessions.get(&process_id).is_some_and(|backend| backend.cancelled)
    }

    /// Waits until a session is cancelled.
    pub(crate) async fn cancelled(&self, process_id: i32) {
        poll_fn(|cx| self.poll_cancelled(process_id, cx)).await;
    }

    fn poll_cancelled(&self, process_id: i32, cx: &Context<'_>) -> Poll<()> {
        let mut pages = self.pages();
        let Some(backend) = pages.sessions.get_mut(&process_id) else { return Poll::Ready(()) };
        if backend.cancelled {
            return Poll::Ready(());
        }
        backend.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
