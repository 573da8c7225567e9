//! Figures for the `metrics` crate: what a pool is doing and has done.

use std::borrow::Cow;

use aiopg_runtime::Runtime;
use metrics::{counter, gauge};

use crate::pool::core::Core;
use crate::pool::stats::{CloseReason, PoolStats};

impl<R: Runtime> Core<R> {
    /// Publishes the figures of the pool under its name.
    pub(crate) fn publish(&self) {
        publish(self.options.name.clone(), &self.with(|state| state.slots.stats()));
    }
}

fn publish(pool: Cow<'static, str>, stats: &PoolStats) {
    let sessions = [
        ("idle", stats.idle),
        ("in_use", stats.in_use),
        ("connecting", stats.connecting),
        ("returning", stats.returning),
    ];
    for (state, count) in sessions {
        gauge!("aiopg_pool_sessions", "pool" => pool.clone(), "state" => state).set(figure(count));
    }
    gauge!("aiopg_pool_waiting", "pool" => pool.clone()).set(figure(stats.waiting));
    let totals = [
        ("aiopg_pool_acquired_total", stats.acquired),
        ("aiopg_pool_timeouts_total", stats.timeouts),
        ("aiopg_pool_connects_total", stats.connects),
        ("aiopg_pool_connect_failures_total", stats.connect_failures),
    ];
    for (name, total) in totals {
        counter!(name, "pool" => pool.clone()).absolute(total);
    }
    for reason in CloseReason::ALL {
        let (total, reason) = (stats.closes(reason), reason.as_str());
        counter!("aiopg_pool_closes_total", "pool" => pool.clone(), "reason" => reason)
            .absolute(total);
    }
    let waited = u64::try_from(stats.waited.as_millis()).unwrap_or(u64::MAX);
    counter!("aiopg_pool_waited_milliseconds_total", "pool" => pool).absolute(waited);
}

/// A gauge holds a float, which counts exactly as far as any pool goes.
fn figure(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder,
        SharedString, Unit, with_local_recorder,
    };

    use super::*;

    /// Keeps what is published.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<String>>>);

    struct Figure(String, Kept);

    impl Figure {
        fn keep(&self, value: &impl ToString) {
            self.1.0.lock().unwrap().push(format!("{} {}", self.0, value.to_string()));
        }
    }

    impl CounterFn for Figure {
        fn increment(&self, _: u64) {}
        fn absolute(&self, value: u64) {
            self.keep(&value);
        }
    }

    impl GaugeFn for Figure {
        fn increment(&self, _: f64) {}
        fn decrement(&self, _: f64) {}
        fn set(&self, value: f64) {
            self.keep(&value);
        }
    }

    impl Kept {
        fn figure(&self, key: &Key) -> Arc<Figure> {
            let labels: Vec<_> = key.labels().map(metrics::Label::value).collect();
            Arc::new(Figure(format!("{} {}", key.name(), labels.join(" ")), self.clone()))
        }
    }

    impl Recorder for Kept {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.figure(key))
        }
        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(self.figure(key))
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn every_figure_has_the_name_of_its_pool() {
        let mut stats = PoolStats { in_use: 3, acquired: 7, ..PoolStats::default() };
        stats.closed(CloseReason::Lost);
        let kept = Kept::default();
        with_local_recorder(&kept, || publish(Cow::Borrowed("shop"), &stats));
        let lines = kept.0.lock().unwrap();
        for line in [
            "aiopg_pool_sessions shop in_use 3",
            "aiopg_pool_acquired_total shop 7",
            "aiopg_pool_closes_total shop lost 1",
            "aiopg_pool_closes_total shop hook 0",
        ] {
            assert!(lines.iter().any(|kept| kept == line), "{line}: {lines:?}");
        }
    }
}
