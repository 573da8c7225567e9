//! What the threads of a relay share.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::relay::link::{Link, Side};
use crate::relay::plan::Fate;

/// What a relay has seen.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Traffic {
    /// Connections that were accepted.
    pub connections: usize,
    /// Connections that are open.
    pub open: usize,
    /// Every byte that was passed on to the server, of all connections.
    pub from_client: Vec<u8>,
    /// Every byte that was passed on to a client, of all connections.
    pub from_server: Vec<u8>,
}

/// A relay's state, and the news that it changed.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) traffic: Traffic,
    pub(crate) stalled: bool,
    /// Counts the calls of `resume`: a stall that a plan ordered ends with the next one.
    pub(crate) resumed: usize,
    /// What the thread that accepts is told to do, and whether it listens.
    pub(crate) gate: Gate,
    pub(crate) listening: bool,
    /// The open connections, each with the number of its threads.
    links: BTreeMap<usize, (Arc<Link>, usize)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gate {
    #[default]
    Open,
    Refusing,
    Gone,
}

impl State {
    /// Enters a connection with two threads, and returns its number.
    pub(crate) fn enter(&mut self, link: &Arc<Link>) -> usize {
        let number = self.traffic.connections;
        self.traffic.connections += 1;
        self.traffic.open += 1;
        self.links.insert(number, (Arc::clone(link), 2));
        number
    }

    /// One of the threads of a connection has ended; the last one takes the connection with it.
    pub(crate) fn leave(&mut self, number: usize) {
        let Some((_, threads)) = self.links.get_mut(&number) else { return };
        *threads -= 1;
        if *threads == 0 {
            self.links.remove(&number);
            self.traffic.open -= 1;
        }
    }

    pub(crate) fn end_all(&self, fate: Fate) {
        self.links.values().for_each(|(link, _)| link.end(fate));
    }
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.notify_all();
        result
    }

    pub(crate) fn record(&self, side: Side, bytes: &[u8]) {
        self.change(|state| match side {
            Side::Client => state.traffic.from_client.extend_from_slice(bytes),
            Side::Server => state.traffic.from_server.extend_from_slice(bytes),
        });
    }

    pub(crate) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        limit: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        match limit {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    pub(crate) fn wait_until(&self, condition: impl Fn(&State) -> bool) {
        let mut state = self.state();
        while !condition(&state) {
            state = self.wait(state, None);
        }
    }
}
