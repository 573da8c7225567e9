//! What the machine of slots decides, with instants and chance of the test's own.

use std::panic::Location;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind};
use crate::pool::slot::{AfterFailure, Demand, Granted, IdleOrder, Lease, Limits, Put, SlotId};
use crate::pool::slots::Slots;
use crate::pool::stats::{CloseReason, PoolStats};
use crate::pool::waiters::Ticket;

/// Some instant: nothing here looks at a clock again.
#[expect(clippy::disallowed_methods, reason = "any instant will do, and there is no other source")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

/// Sessions and wakers are numbers here.
type Machine = Slots<u32, u32>;

pub(crate) struct Test {
    pub(crate) slots: Machine,
    pub(crate) now: Instant,
    next: u32,
}

pub(crate) fn limits(min: usize, max: usize) -> Limits {
    let (recycle, idle_timeout, silence) = (None, None, None);
    Limits { min, max, connecting: 4, order: IdleOrder::Fifo, recycle, idle_timeout, silence }
}

impl Test {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { slots: Slots::new(limits), now: start(), next: 0 }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn open(&mut self, slot: SlotId) -> Put<u32, u32> {
        self.next += 1;
        self.slots.opened(slot, self.next, self.now, None)
    }

    pub(crate) fn reserve(&mut self) -> Option<SlotId> {
        self.slots.reserve(Demand::Minimum, self.now)
    }

    pub(crate) fn take(&mut self) -> Option<Lease<u32>> {
        self.slots.take(self.now, Location::caller()).lease
    }

    fn wait(&mut self, waker: u32) -> Ticket {
        let (taken, ticket) =
            self.slots.take_or_wait((self.now, self.now), Location::caller(), || waker);
        assert!(taken.lease.is_none(), "there was one");
        ticket.unwrap()
    }

    #[expect(clippy::needless_pass_by_value, reason = "a session is given away")]
    pub(crate) fn put(&mut self, lease: Lease<u32>) -> Put<u32, u32> {
        let Lease { slot, connection, .. } = lease;
        self.slots.put(slot, connection, self.now)
    }

    fn collect(&mut self, ticket: Ticket) -> Option<u32> {
        match self.slots.collect(ticket)? {
            Granted::Session(lease) => Some(lease.connection),
            Granted::Failed(error) => panic!("{error:?}"),
        }
    }

    /// A pool in which that many sessions are idle.
    pub(crate) fn filled(limits: Limits) -> Self {
        let mut test = Self::new(limits);
        while let Some(slot) = test.reserve() {
            assert!(test.open(slot).wake.is_none());
        }
        test
    }

    /// `size`, `idle`, `in_use`, `connecting`, `returning`, `waiting`.
    pub(crate) fn counts(&self) -> [usize; 6] {
        let stats = self.slots.stats();
        let PoolStats { size, idle, in_use, connecting, returning, waiting, .. } = stats;
        [size, idle, in_use, connecting, returning, waiting]
    }
}

fn refused() -> Error {
    Error::new(Kind::Io, "refused")
}

#[test]
fn as_many_are_opened_as_there_should_be_at_least_and_few_at_a_time() {
    let mut test = Test::new(limits(6, 10));
    let first: Vec<_> = std::iter::from_fn(|| test.reserve()).collect();
    assert_eq!((first.len(), test.counts()), (4, [4, 0, 0, 4, 0, 0]));
    for slot in first {
        test.open(slot);
    }
    let second: Vec<_> = std::iter::from_fn(|| test.reserve()).collect();
    assert_eq!((second.len(), test.counts()), (2, [6, 4, 0, 2, 0, 0]));
    assert!(!test.slots.is_ready());
    for slot in second {
        test.open(slot);
    }
    assert!(test.slots.is_ready());
}

#[test]
fn the_one_that_came_back_first_is_lent_first() {
    let mut test = Test::filled(limits(3, 3));
    let leases = [test.take().unwrap(), test.take().unwrap(), test.take().unwrap()];
    let [one, two, three] = leases;
    let order = [two.connection, three.connection, one.connection];
    for lease in [two, three, one] {
        test.put(lease);
    }
    assert_eq!([(); 3].map(|()| test.take().unwrap().connection), order);
}

#[test]
fn the_one_that_came_back_last_is_lent_first_if_that_is_wanted() {
    let mut test = Test::filled(Limits { order: IdleOrder::Lifo, ..limits(3, 3) });
    let (one, two) = (test.take().unwrap(), test.take().unwrap());
    let last = two.connection;
    test.put(one);
    test.put(two);
    assert_eq!(test.take().unwrap().connection, last);
}

#[test]
fn waiters_are_served_in_their_order_and_nobody_passes_them() {
    let mut test = Test::filled(limits(1, 1));
    let lease = test.take().unwrap();
    let (first, second) = (test.wait(1), test.wait(2));
    assert_eq!(test.reserve(), None, "there may be but one");
    assert_eq!(test.put(lease).wake, Some(1));
    assert!(test.take().is_none(), "it was granted already");
    assert_eq!((test.collect(second), test.collect(first)), (None, Some(1)));
    assert_eq!(test.counts(), [1, 0, 1, 0, 0, 1]);
}

#[test]
fn what_is_handed_over_is_held_by_the_next_borrower_from_then_on() {
    let mut test = Test::filled(limits(1, 1));
    for comes_from_apart in [false, true] {
        let lease = test.take().unwrap();
        let slot = lease.slot;
        test.pass(9);
        assert_eq!(test.slots.leaks(test.now, Duration::from_secs(5)).len(), 1);
        let before = test.slots.holder(slot, test.now).unwrap();
        let ticket = test.wait(1);
        test.pass(1);
        if comes_from_apart {
            test.slots.set_apart(slot);
        }
        assert_eq!(test.put(lease).wake, Some(1));
        assert!(!test.slots.was_reported(slot));
        let after = test.slots.longest_holder(test.now).unwrap();
        assert!(after.held.is_zero() && !std::ptr::eq(before.site, after.site));
        assert_eq!(test.counts(), [1, 0, 1, 0, 0, 0]);
        let Some(Granted::Session(lease)) = test.slots.collect(ticket) else { panic!("none") };
        test.put(lease);
        assert_eq!(test.counts(), [1, 1, 0, 0, 0, 0]);
    }
}

#[test]
fn nobody_waits_while_a_session_is_idle() {
    let mut test = Test::filled(limits(1, 1));
    let lease = test.take().unwrap();
    assert!(test.take().is_none());
    // It comes back before whoever has found nothing begins to wait.
    assert!(test.put(lease).wake.is_none());
    let now = (test.now, test.now);
    let (taken, ticket) = test.slots.take_or_wait(now, Location::caller(), || 1);
    assert_eq!((taken.lease.unwrap().connection, ticket), (1, None));
    assert_eq!(test.counts(), [1, 0, 1, 0, 0, 0]);
}

#[test]
fn whoever_leaves_passes_on_what_was_granted() {
    let mut test = Test::filled(limits(1, 1));
    let lease = test.take().unwrap();
    let (first, second, third) = (test.wait(1), test.wait(2), test.wait(3));
    assert_eq!(test.put(lease).wake, Some(1));
    assert!(test.slots.leave(second, test.now).0.wake.is_none());
    assert_eq!(test.slots.leave(first, test.now).0.wake, Some(3));
    assert_eq!(test.collect(third), Some(1));
}

#[test]
fn a_session_that_is_gone_makes_room_for_whoever_waits() {
    let mut test = Test::filled(limits(1, 1));
    let lease = test.take().unwrap();
    let ticket = test.wait(1);
    test.slots.end(lease.slot, CloseReason::Lost);
    let slot = test.reserve().unwrap();
    assert_eq!(test.open(slot).wake, Some(1));
    assert_eq!(test.collect(ticket), Some(2));
    assert_eq!(test.slots.stats().closes(CloseReason::Lost), 1);
}

#[test]
fn no_more_are_opened_than_there_are_waiters() {
    let mut test = Test::new(limits(0, 10));
    assert_eq!(test.reserve(), None);
    test.wait(1);
    test.wait(2);
    assert!(test.reserve().is_some() && test.reserve().is_some());
    assert_eq!(test.reserve(), None);
}

#[test]
fn a_session_that_comes_back_serves_a_waiter_whose_own_is_being_opened() {
    let mut test = Test::new(limits(0, 10));
    let first = test.wait(1);
    let slot = test.reserve().unwrap();
    test.open(slot);
    let Some(Granted::Session(lease)) = test.slots.collect(first) else { panic!("no session") };
    let second = test.wait(2);
    let slot = test.reserve().unwrap();
    assert_eq!(test.put(lease).wake, Some(2));
    assert_eq!(test.collect(second), Some(1));
    assert!(test.open(slot).wake.is_none());
    assert_eq!(test.counts(), [2, 1, 1, 0, 0, 0]);
}

#[test]
fn while_the_server_is_down_one_at_a_time_tries_again() {
    let mut test = Test::new(limits(0, 10));
    for waker in 0..5 {
        test.wait(waker);
    }
    let slots: Vec<_> = std::iter::from_fn(|| test.reserve()).collect();
    assert_eq!(slots.len(), 4);
    let at = (test.now, 7);
    for slot in &slots[..3] {
        assert_eq!(test.slots.failed(*slot, refused(), true, at), AfterFailure::GiveUp(None));
    }
    assert_eq!(test.slots.failed(slots[3], refused(), true, at), AfterFailure::Retry);
    assert!(test.slots.retry_at().unwrap() > test.now);
    assert_eq!((test.reserve(), test.counts()), (None, [1, 0, 0, 1, 0, 5]));
    assert_eq!(test.open(slots[3]).wake, Some(0));
    assert_eq!(test.slots.retry_at(), None);
    assert!(test.reserve().is_some(), "it is back");
}

#[test]
fn an_error_that_stays_is_told_to_the_first_who_waits() {
    let mut test = Test::new(limits(0, 10));
    let (first, _second) = (test.wait(1), test.wait(2));
    let slot = test.reserve().unwrap();
    let error = Error::new(Kind::Authentication, "no");
    let after = test.slots.failed(slot, error, false, (test.now, 0));
    assert_eq!(after, AfterFailure::GiveUp(Some(1)));
    assert!(matches!(test.slots.collect(first), Some(Granted::Failed(_))));
    assert!(test.reserve().is_some(), "the second has an attempt of its own");
}

#[test]
fn an_error_that_stays_is_not_repeated_without_a_pause() {
    let mut test = Test::new(limits(1, 10));
    let slot = test.reserve().unwrap();
    let error = Error::new(Kind::Authentication, "no");
    let after = test.slots.failed(slot, error, false, (test.now, 0));
    assert_eq!(after, AfterFailure::Retry);
    assert!(test.slots.retry_at().unwrap() > test.now);
    test.wait(1);
    assert_eq!(test.slots.retry_at(), Some(test.now), "somebody wants to know");
}

#[test]
fn what_was_worn_out_is_not_lent() {
    let recycle = Some(Duration::from_secs(10));
    let mut test = Test::filled(Limits { recycle, ..limits(2, 2) });
    test.pass(9);
    let lease = test.take().unwrap();
    test.put(lease);
    test.pass(1);
    let taken = test.slots.take(test.now, Location::caller());
    assert_eq!((taken.lease.unwrap().connection, taken.expired), (1, vec![2]));
    assert_eq!(test.slots.stats().closes(CloseReason::Recycled), 1);
}

#[test]
fn idleness_counts_from_the_return() {
    let recycle = Some(Duration::from_secs(10));
    let mut test = Test::filled(Limits { recycle, ..limits(1, 1) });
    let lease = test.take().unwrap();
    test.pass(3600);
    test.put(lease);
    test.pass(9);
    assert_eq!(test.take().unwrap().connection, 1);
}

#[test]
fn a_session_ends_when_it_has_lived_long_enough() {
    let mut test = Test::new(limits(1, 1));
    let slot = test.reserve().unwrap();
    let expires = test.now.checked_add(Duration::from_secs(60));
    test.slots.opened(slot, 1, test.now, expires);
    let lease = test.take().unwrap();
    test.pass(60);
    assert_eq!(test.put(lease).refused, Some(1));
    assert_eq!(test.counts(), [0; 6]);
    assert_eq!(test.slots.stats().closes(CloseReason::Lifetime), 1);
}

#[test]
fn those_that_nobody_needs_are_closed_down_to_the_least() {
    let idle_timeout = Some(Duration::from_secs(10));
    let mut test = Test::filled(Limits { idle_timeout, ..limits(5, 5) });
    assert!(test.slots.resize(2, 5).is_empty());
    test.pass(10);
    assert_eq!(test.slots.expire(test.now), [1, 2, 3]);
    assert_eq!(test.counts(), [2, 2, 0, 0, 0, 0]);
}

#[test]
fn clearing_spares_nothing_that_is_open() {
    let mut test = Test::filled(limits(3, 3));
    let lease = test.take().unwrap();
    assert_eq!(test.slots.clear(), [2, 3]);
    assert_eq!(test.put(lease).refused, Some(1));
    let slot = test.reserve().unwrap();
    assert!(test.open(slot).refused.is_none());
    assert_eq!(test.slots.stats().closes(CloseReason::Cleared), 3);
}

#[test]
fn a_smaller_pool_closes_what_is_too_much() {
    let mut test = Test::filled(limits(4, 4));
    let (one, two) = (test.take().unwrap(), test.take().unwrap());
    assert_eq!(test.slots.resize(1, 1), [3, 4]);
    assert_eq!(test.put(one).refused, Some(1));
    assert_eq!(test.put(two).refused, None);
    assert_eq!(test.counts(), [1, 1, 0, 0, 0, 0]);
}

#[test]
fn a_closed_pool_keeps_nothing_and_wakes_everybody() {
    let mut test = Test::filled(limits(2, 2));
    let (one, two) = (test.take().unwrap(), test.take().unwrap());
    test.put(two);
    let three = test.take().unwrap();
    let ticket = test.wait(7);
    assert_eq!(test.slots.close(), (vec![], vec![7]));
    assert_eq!(test.put(one).refused, Some(1));
    assert!(test.slots.leave(ticket, test.now).0.wake.is_none());
    assert_eq!(test.put(three).refused, Some(2));
    assert!(test.slots.is_empty() && test.reserve().is_none());
}

#[test]
fn a_session_that_is_looked_at_keeps_its_place_and_its_age() {
    let mut test = Test::filled(limits(3, 3));
    test.pass(1);
    let (slot, connection) = test.slots.take_unwatched().unwrap();
    assert_eq!((connection, test.counts()), (1, [3, 2, 0, 0, 1, 0]));
    test.pass(5);
    assert!(test.slots.put(slot, connection, test.now).wake.is_none());
    assert_eq!(test.slots.take_unwatched().unwrap().1, 2);
    let lease = test.take().unwrap();
    assert_eq!((lease.connection, lease.silent_for), (1, Duration::from_secs(6)));
}

#[test]
fn silence_counts_from_what_was_heard_last() {
    let mut test = Test::filled(limits(2, 2));
    test.pass(30);
    let (slot, connection) = test.slots.take_silent(test.now, Duration::from_secs(30)).unwrap();
    test.slots.put(slot, connection, test.now);
    assert!(test.slots.take_silent(test.now, Duration::from_secs(30)).is_some());
    assert!(test.slots.take_silent(test.now, Duration::from_secs(30)).is_none());
    assert_eq!(test.take().unwrap().silent_for, Duration::ZERO);
}

#[test]
fn after_one_was_found_dead_all_are_suspects() {
    let mut test = Test::filled(limits(2, 2));
    test.pass(100);
    test.slots.suspect_idle(test.now.checked_sub(Duration::from_secs(200)));
    assert!(test.take().unwrap().silent_for >= Duration::from_secs(100));
}

#[test]
fn who_holds_a_session_for_long_is_reported_once() {
    let mut test = Test::filled(limits(2, 2));
    let lease = test.take().unwrap();
    test.pass(10);
    let other = test.take().unwrap();
    assert_eq!(test.slots.longest_holder(test.now).unwrap().held, Duration::from_secs(10));
    let limit = Duration::from_secs(10);
    assert_eq!(test.slots.leaks(test.now, limit).len(), 1);
    assert!(test.slots.leaks(test.now, limit).is_empty());
    assert!(test.slots.was_reported(lease.slot) && !test.slots.was_reported(other.slot));
}

/// Every step of a long random walk keeps the counts, the limits and the order.
#[test]
fn no_walk_loses_a_slot_or_a_turn() {
    for seed in 0..200 {
        walk(seed);
    }
}

fn walk(seed: u64) {
    let mut random = chance_of(seed);
    let mut test = Test::new(limits(2, 5));
    let (mut dials, mut leases, mut apart) = (Vec::new(), Vec::new(), Vec::new());
    let mut waiters = std::collections::VecDeque::new();
    for step in 0..400 {
        let mut woken = None;
        match random(9) {
            0 | 1 => match test.take() {
                Some(lease) => leases.push(lease),
                None => waiters.push_back(test.wait(step)),
            },
            2 => dials.extend(test.reserve()),
            3 if !dials.is_empty() => {
                let slot = dials.swap_remove(random(dials.len()));
                woken = test.open(slot).wake;
            }
            4 if !dials.is_empty() => {
                let slot = dials.swap_remove(random(dials.len()));
                let (now, chance) = (test.now, u64::from(step));
                if test.slots.failed(slot, refused(), true, (now, chance)) == AfterFailure::Retry {
                    dials.push(slot);
                }
            }
            5 if !leases.is_empty() => {
                let lease = leases.swap_remove(random(leases.len()));
                woken = test.put(lease).wake;
            }
            6 if !leases.is_empty() => {
                let lease = leases.swap_remove(random(leases.len()));
                test.slots.set_apart(lease.slot);
                apart.push(lease);
            }
            7 if !apart.is_empty() => {
                let lease = apart.swap_remove(random(apart.len()));
                if random(2) == 0 {
                    test.slots.end(lease.slot, CloseReason::Unclean);
                } else {
                    woken = test.put(lease).wake;
                }
            }
            8 if !waiters.is_empty() => {
                let ticket = waiters.remove(random(waiters.len())).unwrap();
                assert!(test.slots.leave(ticket, test.now).0.wake.is_none());
            }
            _ => test.pass(1),
        }
        if woken.is_some() {
            let first = waiters.pop_front().unwrap();
            match test.slots.collect(first) {
                Some(Granted::Session(lease)) => leases.push(lease),
                other => panic!("the first was not served: {other:?}"),
            }
        }
        let [size, idle, in_use, connecting, returning, waiting] = test.counts();
        assert!(size <= 5, "{seed}/{step}");
        assert_eq!(
            (connecting, in_use, returning, waiting),
            (dials.len(), leases.len(), apart.len(), waiters.len()),
            "{seed}/{step}"
        );
        assert_eq!(size, idle + in_use + connecting + returning, "{seed}/{step}");
        assert!(idle == 0 || waiting == 0, "{seed}/{step}: idle, and somebody waits");
    }
}

/// Numbers below a bound, always the same for a seed.
fn chance_of(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    }
}
