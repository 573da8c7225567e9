//! `Progress`: how far a copy has come, told on the way.

use std::fmt;

use sync_wrapper::SyncWrapper;

/// How far a copy has come.
///
/// The server's own count is in the view `pg_stat_progress_copy`, for other sessions to look at.
///
/// # Source
///
/// [COPY progress reporting](https://www.postgresql.org/docs/18/progress-reporting.html#COPY-PROGRESS-REPORTING)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Progress {
    /// How many rows were copied; `None` where only bytes are known.
    pub rows: Option<u64>,
    /// How many bytes of data were copied.
    pub bytes: u64,
}

/// How many bytes are copied between two calls: a chunk, so that the calls cost nothing that counts.
const STEP_BYTES: u64 = 64 << 10;

/// Whoever is told.
type OnProgress<'c> = Box<dyn FnMut(Progress) + Send + 'c>;

/// Counts, and tells whoever wants to know.
#[derive(Default)]
pub(crate) struct Meter<'c> {
    pub(crate) progress: Progress,
    told: Progress,
    on_progress: Option<SyncWrapper<OnProgress<'c>>>,
}

impl<'c> Meter<'c> {
    pub(crate) fn set(&mut self, on_progress: impl FnMut(Progress) + Send + 'c) {
        self.on_progress = Some(SyncWrapper::new(Box::new(on_progress)));
    }

    pub(crate) fn add_bytes(&mut self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.progress.bytes = self.progress.bytes.saturating_add(count);
    }

    pub(crate) fn add_row(&mut self) {
        let rows = self.progress.rows.get_or_insert(0);
        *rows = rows.saturating_add(1);
    }

    /// Tells the progress, if there is a step of it.
    pub(crate) fn step(&mut self) {
        if self.progress.bytes - self.told.bytes >= STEP_BYTES {
            self.tell();
        }
    }

    /// Tells the progress, if there is any.
    pub(crate) fn tell(&mut self) {
        if self.progress != self.told
            && let Some(on_progress) = &mut self.on_progress
        {
            self.told = self.progress;
            on_progress.get_mut()(self.progress);
        }
    }
}

impl fmt::Debug for Meter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.progress.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_once_per_step_and_at_the_end() {
        let mut told = Vec::new();
        let mut meter = Meter::default();
        meter.set(|progress| told.push((progress.rows, progress.bytes)));
        for _ in 0..5 {
            meter.add_row();
            meter.add_bytes(30_000);
            meter.step();
        }
        meter.tell();
        meter.tell();
        drop(meter);
        assert_eq!(told, [(Some(3), 90_000), (Some(5), 150_000)]);
    }
}
