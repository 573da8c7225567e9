//! `Portions`: how much a stream that fetches its rows in portions asks for next.

use std::num::NonZeroU32;

use crate::session::bind::Until;
use crate::session::fetch::{Ahead, Fetch, Portion};

/// How many rows are asked for as long as nobody knows how long they are.
const FIRST: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// The most rows of a portion, so that a few short rows in front do not make it boundless.
const MOST: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) struct Portions {
    fetch: Fetch,
    /// Execute messages that were sent and are not answered.
    asked: u32,
    rows: u64,
    bytes: u64,
}

impl Portions {
    /// The first portion has been asked for.
    pub(crate) fn new(fetch: Fetch) -> Self {
        Self { fetch, asked: 1, rows: 0, bytes: 0 }
    }

    /// Counts a row.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.rows += 1;
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// How many rows have come.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// A portion has ended, and there are more: what to ask for.
    ///
    /// Nothing is asked for ahead before the first portion has ended: only then is it known that the statement returns
    /// rows, of which one may ask for more than there are.
    pub(crate) fn suspended(&mut self) -> impl Iterator<Item = Until> + use<> {
        self.asked -= self.asked.min(1);
        let wanted = match self.fetch.ahead {
            Ahead::WhenTaken => 1,
            Ahead::Earlier => 2,
        };
        let (next, missing) = (self.next(), wanted - self.asked.min(wanted));
        self.asked += missing;
        (0..missing).map(move |_| Until::Rows(next))
    }

    /// The last portion has ended.
    pub(crate) fn completed(&mut self) {
        self.asked -= self.asked.min(1);
    }

    /// Whether an answer belongs to a portion that was asked for ahead, behind the last one.
    pub(crate) fn is_surplus(&mut self) -> bool {
        let surplus = self.asked > 0;
        self.asked -= self.asked.min(1);
        surplus
    }

    fn next(&self) -> NonZeroU32 {
        match self.fetch.portion {
            Portion::Rows(rows) => rows,
            Portion::Bytes(budget) => {
                let budget = u64::try_from(budget).unwrap_or(u64::MAX);
                let each = self.bytes.checked_div(self.rows).unwrap_or(budget).max(1);
                let rows = (budget / each).clamp(1, MOST);
                u32::try_from(rows).ok().and_then(NonZeroU32::new).unwrap_or(FIRST)
            }
        }
    }
}

impl Until {
    /// What is asked for first.
    pub(crate) fn of(fetch: Option<Fetch>) -> Self {
        match fetch.map(|fetch| fetch.portion) {
            None => Self::End,
            Some(Portion::Rows(rows)) => Self::Rows(rows),
            Some(Portion::Bytes(_)) => Self::Rows(FIRST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(portions: &mut Portions) -> Vec<Until> {
        portions.suspended().collect()
    }

    fn rows(rows: u32) -> Until {
        Until::Rows(NonZeroU32::new(rows).unwrap())
    }

    #[test]
    fn one_portion_is_asked_for_at_a_time_or_two() {
        let ten = Fetch::rows(NonZeroU32::new(10).unwrap());
        let mut portions = Portions::new(ten);
        assert_eq!(asked(&mut portions), [rows(10)]);
        assert_eq!(asked(&mut portions), [rows(10)]);
        portions.completed();
        assert!(!portions.is_surplus());
        let mut portions = Portions::new(ten.prefetch());
        assert_eq!(asked(&mut portions), [rows(10), rows(10)]);
        assert_eq!(asked(&mut portions), [rows(10)]);
        portions.completed();
        assert!(portions.is_surplus());
        assert!(!portions.is_surplus());
    }

    #[test]
    fn a_portion_follows_the_length_of_the_rows() {
        let mut portions = Portions::new(Fetch::bytes(10_000));
        assert_eq!(Until::of(Some(Fetch::bytes(10_000))), rows(100));
        (0..100).for_each(|_| portions.add(50));
        assert_eq!(asked(&mut portions), [rows(200)]);
        (0..100).for_each(|_| portions.add(199_950));
        assert_eq!(asked(&mut portions), [rows(1)]);
    }
}
