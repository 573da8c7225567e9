//! Pools for tests, and what several tests ask of one.

use std::sync::{Arc, Mutex};

use aiopg::{Config, Connection, Event, Pool, PoolOptions, PoolStats, PooledConnection, Runtime};
use aiopg_tests::cancel::yield_now;
use aiopg_tests::session;

/// Options with these sizes.
pub(crate) fn sized<R: Runtime>(min_size: usize, max_size: usize) -> PoolOptions<R> {
    PoolOptions::default().min_size(min_size).max_size(max_size)
}

/// A pool on the shared server that is ready.
pub(crate) async fn open<R: Runtime>(rt: R, options: PoolOptions<R>) -> Pool<R> {
    open_with(rt, options, session::config()).await
}

/// A pool with this configuration that is ready.
pub(crate) async fn open_with<R: Runtime>(
    rt: R,
    options: PoolOptions<R>,
    config: Config,
) -> Pool<R> {
    let opened = options.connect_on(rt, config).await;
    opened.unwrap_or_else(|error| panic!("no pool: {error}"))
}

/// Borrows.
#[track_caller]
pub(crate) fn get<R: Runtime>(pool: &Pool<R>) -> impl Future<Output = PooledConnection<R>> + Send {
    let getting = pool.get();
    async { getting.await.unwrap_or_else(|error| panic!("no session: {error}")) }
}

/// `size`, `idle`, `in_use`.
pub(crate) fn counts<R: Runtime>(pool: &Pool<R>) -> (usize, usize, usize) {
    let stats = pool.stats();
    (stats.size, stats.idle, stats.in_use)
}

/// Waits until the pool looks like this; the watchdog ends a test that waits in vain.
pub(crate) async fn wait_for<R: Runtime>(pool: &Pool<R>, look: impl Fn(&PoolStats) -> bool) {
    while !look(&pool.stats()) {
        yield_now().await;
    }
}

/// The number of the server's process.
pub(crate) fn process_of<R: Runtime>(session: &Connection<R>) -> i32 {
    session.process_id().unwrap()
}

/// Whether the runtime runs what is spawned.
pub(crate) fn has_background<R: Runtime>(rt: &R) -> bool {
    rt.spawn(async {})
}

/// What happened although no call failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    /// The shared server's configuration, with events kept here instead of failing the test.
    pub(crate) fn config(&self) -> Config {
        self.hear(session::config())
    }

    pub(crate) fn hear(&self, config: Config) -> Config {
        let events = Arc::clone(&self.0);
        config.on_event(move |event| events.lock().unwrap().push(event.clone()))
    }

    pub(crate) fn count(&self, kind: impl Fn(&Event) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|event| kind(event)).count()
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        let events = self.0.lock().unwrap();
        events.iter().filter(|event| event.is_warning()).map(ToString::to_string).collect()
    }
}
