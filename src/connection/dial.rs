//! Dials the addresses of one host: a slow one does not hold up the next (RFC 8305).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use aiopg_runtime::{Runtime, TcpOptions};
use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;

use crate::connection::target::Address;
use crate::connection::transport::Transport;
use crate::error::{Error, Kind};

/// How long an address may take before the next is tried beside it (RFC 8305, section 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// An address that answered, or why it did not, and when its time is up.
pub(crate) struct Dialed<R: Runtime> {
    pub(crate) address: Address,
    pub(crate) deadline: Option<Instant>,
    pub(crate) transport: Result<Transport<R>, Error>,
    /// What [`Dialer::held`] was when it was dialed.
    held: Duration,
}

/// The addresses of one host that are dialed and are still to be.
pub(crate) struct Dialer<'d, R: Runtime> {
    runtime: &'d R,
    options: &'d TcpOptions,
    limit: Option<Duration>,
    waiting: VecDeque<Address>,
    dialing: FuturesUnordered<BoxFuture<'d, Dialed<R>>>,
    /// When the last address was handed out: the others stand by since then.
    handed_out: Option<Instant>,
    /// How long addresses had to stand by, all in all. That is not held against them.
    held: Duration,
}

impl<'d, R: Runtime> Dialer<'d, R> {
    /// `limit` is the time for each address.
    pub(crate) fn new(
        runtime: &'d R,
        options: &'d TcpOptions,
        limit: Option<Duration>,
        addresses: Vec<Address>,
    ) -> Self {
        let dialing = FuturesUnordered::new();
        let waiting = interleave(addresses);
        let (handed_out, held) = (None, Duration::ZERO);
        Self { runtime, options, limit, waiting, dialing, handed_out, held }
    }

    /// The next address that has answered or failed, or `None` when all have. Whoever asks again has no use for
    /// the last one.
    pub(crate) async fn next(&mut self) -> Option<Dialed<R>> {
        if let Some(since) = self.handed_out.take() {
            self.held += self.runtime.now().saturating_duration_since(since);
        }
        let mut dialed = self.first().await?;
        let held = self.held.saturating_sub(dialed.held);
        dialed.deadline = dialed.deadline.and_then(|deadline| deadline.checked_add(held));
        self.handed_out = Some(self.runtime.now());
        Some(dialed)
    }

    /// Dials one address now, since the last has failed, and another whenever that takes long.
    async fn first(&mut self) -> Option<Dialed<R>> {
        self.dial_next();
        while !self.waiting.is_empty() {
            let due = self.runtime.now() + ATTEMPT_DELAY;
            let delay: Pin<Box<R::Sleep>> = Box::pin(self.runtime.sleep_until(due));
            match select(self.dialing.next(), delay).await {
                Either::Left((dialed, _)) => return dialed,
                Either::Right(((), _)) => self.dial_next(),
            }
        }
        self.dialing.next().await
    }

    fn dial_next(&mut self) {
        let Some(address) = self.waiting.pop_front() else { return };
        let deadline = self.limit.and_then(|limit| self.runtime.now().checked_add(limit));
        let (runtime, options) = (self.runtime, self.options);
        let (limit, held) = (self.limit.unwrap_or_default(), self.held);
        self.dialing.push(Box::pin(async move {
            let dialed = runtime.timeout_at(deadline, address.dial(runtime, options)).await;
            let transport = dialed.unwrap_or_else(|_| Err(timed_out(limit)));
            Dialed { address, deadline, transport, held }
        }));
    }
}

/// `connect_timeout` has passed.
pub(crate) fn timed_out(limit: Duration) -> Error {
    Error::new(Kind::Timeout, format!("no session within connect_timeout, {limit:?}")).unsent()
}

/// Puts addresses of the two families in turn, so that a family that does not work costs one delay.
fn interleave(addresses: Vec<Address>) -> VecDeque<Address> {
    let is_v6 = |address: &Address| matches!(address, Address::Tcp(SocketAddr::V6(_)));
    let first = addresses.first().is_some_and(is_v6);
    let (mut one, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| is_v6(address) == first);
    let mut turns = VecDeque::with_capacity(one.len() + other.len());
    while !one.is_empty() || !other.is_empty() {
        turns.extend(one.pop_front());
        turns.extend(other.pop_front());
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns_and_keep_their_order() {
        let address = |text: &str| Address::Tcp(text.parse().unwrap());
        let order = |texts: &[&str]| -> Vec<String> {
            let addresses = texts.iter().map(|text| address(text)).collect();
            interleave(addresses).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            order(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]),
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]
        );
        assert_eq!(order(&["1.1.1.1:1", "[::1]:1"]), ["1.1.1.1:1", "[::1]:1"]);
        assert_eq!(order(&[]), Vec::<String>::new());
    }
}
