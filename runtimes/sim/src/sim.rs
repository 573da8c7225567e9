//! `Sim`: one simulated world, its settings, and the loop that runs it.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::clock::instant;
use crate::faults::{FaultPlan, Faults};
use crate::network::{Address, Name};
use crate::runtime::SimRuntime;
use crate::schedule::{Halt, Limits, Turn};
use crate::stream::SimListener;
use crate::world::{Shared, World};

/// How much virtual time may pass unless [`Sim::with_time_limit`] says otherwise: far longer than any
/// timeout, so whoever gets there waits in a circle.
pub const TIME_LIMIT: Duration = Duration::from_secs(3600);
/// How many polls there may be unless [`Sim::with_poll_limit`] says otherwise: some seconds of real time.
pub const POLL_LIMIT: u64 = 20_000_000;
/// How many lines of the log a panic shows.
const SHOWN_LINES: usize = 60;

/// A simulated world: one thread, a virtual clock, a network in memory, and chance from a seed.
///
/// The same program under the same seed does the same: [`trace`](Self::trace) is then the same, too.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use aiopg_runtime::Runtime;
/// use aiopg_sim::Sim;
///
/// let sim = Sim::new(42);
/// let runtime = sim.runtime();
/// sim.block_on(async {
///     runtime.sleep_until(runtime.now() + Duration::from_secs(3000)).await;
/// });
/// // Whoever runs the test has not waited at all.
/// assert!(sim.elapsed() >= Duration::from_secs(3000));
/// ```
#[derive(Debug)]
pub struct Sim {
    shared: Arc<Shared>,
    seed: u64,
    limits: Limits,
    running: AtomicBool,
}

/// Settings.
impl Sim {
    /// A world in which `seed` decides whatever is left to chance, with [`Faults::default`].
    pub fn new(seed: u64) -> Self {
        Self {
            shared: Shared::new(seed),
            seed,
            limits: Limits { time: TIME_LIMIT, polls: POLL_LIMIT },
            running: AtomicBool::new(false),
        }
    }

    /// Sets what goes wrong by chance.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        self.shared.with(|world| world.faults = faults);
        self
    }

    /// Sets how much virtual time may pass in total before [`block_on`](Self::block_on) panics. Default:
    /// [`TIME_LIMIT`].
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.limits.time = limit;
        self
    }

    /// Sets how many polls there may be in total before [`block_on`](Self::block_on) panics. Default:
    /// [`POLL_LIMIT`].
    #[must_use]
    pub fn with_poll_limit(mut self, limit: u64) -> Self {
        self.limits.polls = limit;
        self
    }

    /// The seed of this world.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The handle that the code under test takes as its runtime.
    pub fn runtime(&self) -> SimRuntime {
        SimRuntime::new(Arc::clone(&self.shared))
    }
}

/// The network.
impl Sim {
    /// Listens on a TCP address. Port 0 becomes a free one. Drop the listener to be refused.
    ///
    /// # Panics
    ///
    /// If somebody listens there already.
    pub fn listen_tcp(&self, address: SocketAddr) -> SimListener {
        SimListener::new(Arc::clone(&self.shared), address.into())
    }

    /// Listens on a Unix-domain socket. Where nobody listens, a connect finds no such file.
    ///
    /// # Panics
    ///
    /// If somebody listens there already.
    pub fn listen_unix(&self, path: impl AsRef<Path>) -> SimListener {
        SimListener::new(Arc::clone(&self.shared), path.as_ref().into())
    }

    /// Gives a name its addresses, in the order in which they are to be tried. An empty list takes the name
    /// away. `localhost` is known from the start, as 127.0.0.1.
    pub fn name(&self, name: &str, addresses: impl IntoIterator<Item = impl Into<IpAddr>>) {
        let addresses = addresses.into_iter().map(Into::into).collect();
        self.shared
            .with(|world| world.network.names.insert(name.to_owned(), Name::Known(addresses)));
    }

    /// Leaves every lookup of a name without an answer.
    pub fn silence_name(&self, name: &str) {
        self.shared.with(|world| world.network.names.insert(name.to_owned(), Name::Silent));
    }

    /// Plans the next connect to `address`. Several plans are used up in the order in which they were made.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use aiopg_sim::{FaultPlan, Sim};
    ///
    /// let sim = Sim::new(1);
    /// let address = SocketAddr::from(([10, 0, 0, 1], 5432));
    /// sim.on_connect(address, FaultPlan::new().hang());
    /// sim.on_connect(address, FaultPlan::new().reset_after_sent(8));
    /// ```
    pub fn on_connect(&self, address: impl Into<Address>, plan: FaultPlan) {
        let address = address.into();
        self.shared.with(|world| {
            world.network.plans.entry(address).or_default().next.push_back(plan);
        });
    }

    /// Plans every connect to `address` for which [`on_connect`](Self::on_connect) has left no plan.
    pub fn on_every_connect(&self, address: impl Into<Address>, plan: FaultPlan) {
        let address = address.into();
        self.shared.with(|world| world.network.plans.entry(address).or_default().every = plan);
    }
}

/// What happened.
impl Sim {
    /// The time of the virtual clock.
    pub fn now(&self) -> Instant {
        instant(self.elapsed())
    }

    /// How much virtual time has passed since the start.
    pub fn elapsed(&self) -> Duration {
        self.shared.with(|world| world.now)
    }

    /// A hash of everything that has happened: which task did what, with how many bytes, and when.
    pub fn trace(&self) -> u64 {
        self.shared.with(|world| world.trace.hash())
    }

    /// The last events, one per line, oldest first: time, task, event, `#` and the number of what it is
    /// about, bytes.
    pub fn log(&self) -> Vec<String> {
        self.shared.with(|world| world.trace.lines())
    }

    /// How many polls there were.
    pub fn polls(&self) -> u64 {
        self.shared.with(|world| world.polls)
    }

    /// How many timers of the code under test went off while a task waited for them. A program that only
    /// proceeds because a timeout wakes it has lost a wake-up.
    pub fn timers_fired(&self) -> u64 {
        self.shared.with(|world| world.timers_fired)
    }

    /// The longest virtual time from a task's wake-up to its poll: about a microsecond for each task that
    /// was ready at the same time.
    pub fn longest_wake_up(&self) -> Duration {
        self.shared.with(|world| world.longest_wake_up)
    }

    /// How many tasks are not finished, without the future of [`block_on`](Self::block_on).
    pub fn open_tasks(&self) -> usize {
        let main = usize::from(self.running.load(Ordering::Relaxed));
        self.shared.with(|world| world.tasks.len().saturating_sub(main))
    }

    /// How many connections have at least one end, plus how many connects wait for their answer.
    pub fn open_connections(&self) -> usize {
        self.shared.with(|world| world.open_connections())
    }
}

/// Running.
impl Sim {
    /// Spawns a task, such as a scripted server. It runs whenever [`block_on`](Self::block_on) does. If it
    /// panics, so does `block_on`.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.shared.add_task(Some(Box::pin(task))));
    }

    /// Runs the world until `future` is ready. What else there is stays as it is, for the next call.
    ///
    /// # Panics
    ///
    /// With the seed and the end of the log
    /// - if the future waits and nothing can ever happen again: a deadlock or a lost wake-up;
    /// - if the time limit or the poll limit is reached.
    ///
    /// Also with the panic of a spawned task, and if it is called from within itself.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let nested = self.running.swap(true, Ordering::Relaxed);
        assert!(!nested, "`block_on` was called from within `block_on`");
        let main = self.shared.add_task(None).unwrap_or_default();
        let _leave = Leave { sim: self, main };
        let mut future = pin!(future);
        loop {
            let turn = self.next_turn().unwrap_or_else(|halt| self.give_up(halt));
            let mut context = Context::from_waker(&turn.waker);
            if turn.task == main {
                let poll = future.as_mut().poll(&mut context);
                self.shared.with(|world| world.end_turn(main, None));
                if let Poll::Ready(output) = poll {
                    return output;
                }
            } else {
                self.run_task(turn);
            }
        }
    }

    fn next_turn(&self) -> Result<Turn, Halt> {
        loop {
            self.shared.with(|world| world.check(self.limits))?;
            self.shared.with(World::fire_due);
            if let Some(turn) = self.shared.with(World::pick) {
                return Ok(turn);
            }
            self.shared.with(|world| world.jump(self.limits))?;
        }
    }

    fn run_task(&self, turn: Turn) {
        let Turn { task, waker, future } = turn;
        let Some(mut future) = future else { return };
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.shared.with(|world| world.end_turn(task, Some(future)));
        } else {
            // Dropped while it is still the current task, and outside the lock.
            drop(future);
            self.shared.with(|world| {
                world.finish_task(task);
                world.end_turn(task, None);
            });
        }
    }

    #[expect(clippy::panic, reason = "this is how a test learns that it failed")]
    fn give_up(&self, halt: Halt) -> ! {
        let (elapsed, tasks, lines) = (self.elapsed(), self.open_tasks(), self.log());
        let mut tail = String::new();
        for line in lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES)) {
            // Writing to a string does not fail.
            let _ = writeln!(tail, "{line}");
        }
        panic!("{halt} (seed {}, {elapsed:?}, {tasks} other tasks); log:\n{tail}", self.seed);
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // Outside the lock, which the drop of a task may need.
        drop(self.shared.close());
    }
}

/// Ends a `block_on`, also when it unwinds.
struct Leave<'a> {
    sim: &'a Sim,
    main: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let left = self.sim.shared.with(|world| {
            let panicked = std::mem::take(&mut world.current);
            [world.forget_task(self.main), world.forget_task(panicked)]
        });
        drop(left);
        self.sim.running.store(false, Ordering::Relaxed);
    }
}
