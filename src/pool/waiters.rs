//! `Waiters`: those who wait for a session, first come first served.

use std::collections::VecDeque;
use std::panic::Location;
use std::time::Instant;

/// Where in the program something was called.
pub(crate) type Site = &'static Location<'static>;

/// The place of a waiter in the queue: a lower one is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// The queue, and what was granted to those who have left it but do not know yet.
///
/// `G` is what is granted, `W` is what wakes a waiter.
#[derive(Debug)]
pub(crate) struct Waiters<G, W> {
    queue: VecDeque<Waiter<W>>,
    /// As many as sessions at most, and errors; so it is searched from the front.
    granted: Vec<(Ticket, G)>,
    next: u64,
}

/// Somebody who waits. In one line of the processor's cache: much else is touched between coming and going.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Waiter<W> {
    pub(crate) ticket: Ticket,
    pub(crate) since: Instant,
    pub(crate) site: Site,
    pub(crate) waker: W,
    /// It carries on the work that makes a session, since its polls may be all that moves it.
    working: bool,
}

impl<G, W: Clone> Waiters<G, W> {
    pub(crate) fn new() -> Self {
        Self { queue: VecDeque::new(), granted: Vec::new(), next: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Joins the end of the queue.
    pub(crate) fn enter(&mut self, now: Instant, site: Site, waker: W) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.queue.push_back(Waiter { ticket, since: now, site, waker, working: false });
        ticket
    }

    /// Takes the first out of the queue, for whom something is to be granted.
    pub(crate) fn serve(&mut self) -> Option<Waiter<W>> {
        self.queue.pop_front()
    }

    /// Since when those wait who have waited since after `instant`, at the longest. It need not be the first: who is
    /// given a dead session begins again.
    pub(crate) fn eldest_since(&self, instant: Option<Instant>) -> Option<Instant> {
        let since = self.queue.iter().map(|waiter| waiter.since);
        since.filter(|since| instant.is_none_or(|instant| *since > instant)).min()
    }

    /// Keeps what was granted until it is collected.
    pub(crate) fn grant(&mut self, ticket: Ticket, granted: G) {
        self.granted.push((ticket, granted));
    }

    /// Takes what was granted, if anything.
    pub(crate) fn collect(&mut self, ticket: Ticket) -> Option<G> {
        let place = self.granted.iter().position(|(owner, _)| *owner == ticket)?;
        Some(self.granted.swap_remove(place).1)
    }

    /// What wakes this waiter, as long as nothing was granted.
    pub(crate) fn waker(&mut self, ticket: Ticket) -> Option<&mut W> {
        self.find(ticket).map(|waiter| &mut waiter.waker)
    }

    /// Notes whether this waiter carries on the work that makes a session.
    pub(crate) fn set_working(&mut self, ticket: Ticket, working: bool) {
        if let Some(waiter) = self.find(ticket) {
            waiter.working = working;
        }
    }

    /// Gives the place in the queue up. Returns what was granted but never collected, or the waker that is not needed
    /// any more, to be dropped outside any lock: it may hold a task, and that may hold anything.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> (Option<G>, Option<W>) {
        match self.queue.binary_search_by_key(&ticket, |waiter| waiter.ticket) {
            Ok(place) => (None, self.queue.remove(place).map(|waiter| waiter.waker)),
            Err(_) => (self.collect(ticket), None),
        }
    }

    /// Chooses a waiter who has no work yet, and returns what wakes it.
    pub(crate) fn employ(&mut self) -> Option<W> {
        let waiter = self.queue.iter_mut().find(|waiter| !waiter.working)?;
        waiter.working = true;
        Some(waiter.waker.clone())
    }

    /// What wakes each of them.
    pub(crate) fn wakers(&self) -> impl Iterator<Item = W> {
        self.queue.iter().map(|waiter| waiter.waker.clone())
    }

    fn find(&mut self, ticket: Ticket) -> Option<&mut Waiter<W>> {
        let place = self.queue.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()?;
        self.queue.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::slots_tests::start;

    fn queue(count: u32) -> (Waiters<&'static str, u32>, Vec<Ticket>) {
        let now = start();
        let mut waiters = Waiters::new();
        let tickets = (0..count).map(|waker| waiters.enter(now, Location::caller(), waker));
        let tickets = tickets.collect();
        (waiters, tickets)
    }

    #[test]
    fn the_first_is_served_first() {
        let (mut waiters, tickets) = queue(3);
        for ticket in tickets {
            assert_eq!(waiters.serve().unwrap().ticket, ticket);
        }
        assert!(waiters.serve().is_none());
    }

    #[test]
    fn whoever_leaves_is_passed_over() {
        let (mut waiters, tickets) = queue(3);
        assert_eq!(waiters.leave(tickets[1]), (None, Some(1)));
        assert_eq!(waiters.serve().unwrap().ticket, tickets[0]);
        assert_eq!(waiters.serve().unwrap().ticket, tickets[2]);
    }

    #[test]
    fn what_was_granted_comes_back_from_whoever_leaves() {
        let (mut waiters, tickets) = queue(2);
        let first = waiters.serve().unwrap().ticket;
        waiters.grant(first, "session");
        assert_eq!(waiters.collect(tickets[1]), None);
        assert_eq!(waiters.leave(first), (Some("session"), None));
        assert_eq!(waiters.leave(first), (None, None));
    }

    #[test]
    fn work_goes_to_one_who_has_none() {
        let (mut waiters, tickets) = queue(2);
        assert_eq!(waiters.employ(), Some(0));
        assert_eq!(waiters.employ(), Some(1));
        assert_eq!(waiters.employ(), None);
        waiters.set_working(tickets[0], false);
        assert_eq!(waiters.employ(), Some(0));
    }
}
