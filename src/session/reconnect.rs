//! `Reconnect`: an attempt to open a session after a pause, which goes on whoever polls it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aiopg_runtime::Runtime;
use sync_wrapper::SyncWrapper;

use crate::config::Config;
use crate::error::{Error, Kind};
use crate::session::connection::Connection;

/// How long one attempt may take, whatever the configuration says: a host that is silent must not end all attempts.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(60);

/// The pauses between attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// The pause after so many attempts: none before the first, and up to a quarter less by chance, so that clients
    /// that were cut off together do not come back together.
    pub(crate) fn pause(self, attempts: u32, random: u64) -> Duration {
        let Some(doublings) = attempts.checked_sub(1) else { return Duration::ZERO };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let pause = self.first.saturating_mul(factor).min(self.longest);
        let chance = u32::try_from(random % 1_000).unwrap_or(0);
        pause.saturating_sub((pause / 4_000).saturating_mul(chance))
    }
}

type Opening<R> = Pin<Box<dyn Future<Output = Result<Connection<R>, Error>> + Send>>;

/// An attempt that is under way. It owns all that it needs, so that a caller may come and go.
pub(crate) struct Reconnect<R: Runtime>(SyncWrapper<Opening<R>>);

impl<R: Runtime> Reconnect<R> {
    /// Waits for `pause`, connects, and runs `sql`.
    pub(crate) fn new(runtime: R, config: Config, pause: Duration, sql: String) -> Self {
        Self(SyncWrapper::new(Box::pin(async move {
            if !pause.is_zero() {
                runtime.sleep_until(runtime.now() + pause).await;
            }
            let opening = open(runtime.clone(), config, &sql);
            runtime.timeout(LONGEST_ATTEMPT, opening).await.unwrap_or_else(|_| {
                let text = format!("could not connect within {LONGEST_ATTEMPT:?}");
                Err(Error::new(Kind::Timeout, text))
            })
        })))
    }

    /// To be polled until it is ready, and not again.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Connection<R>, Error>> {
        self.0.get_mut().as_mut().poll(cx)
    }
}

async fn open<R: Runtime>(runtime: R, config: Config, sql: &str) -> Result<Connection<R>, Error> {
    let mut connection = Connection::connect_on(runtime, config).await?;
    connection.batch_execute(sql).await?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_vary_by_a_quarter() {
        let backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(30) };
        let pauses = [0, 1, 2, 3, 6, 7, 40, u32::MAX].map(|attempts| backoff.pause(attempts, 0));
        assert_eq!(pauses.map(|pause| pause.as_secs()), [0, 1, 2, 4, 30, 30, 30, 30]);
        let shortest = backoff.pause(1, 999);
        assert!(shortest > Duration::from_millis(750) && shortest < Duration::from_millis(751));
    }
}
