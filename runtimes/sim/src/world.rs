//! The whole state of a simulation, behind one lock.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

use crate::clock::{Agenda, Key, Time};
use crate::faults::Faults;
use crate::network::{End, Network};
use crate::random::SplitMix64;
use crate::trace::{Entry, Kind, Trace};

/// A spawned task.
pub(crate) type BoxTask = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the agenda holds.
#[derive(Debug)]
pub(crate) enum Event {
    /// A timer of the code under test goes off.
    Timer(Waker),
    /// A delay of the simulation itself ends.
    Delay(Waker),
    /// Something arrives for the end to read.
    Readable(End),
    /// The end learns something about what it has written.
    Writable(End),
    /// The connect of this number is answered.
    Connect(u64),
}

/// A task that is not finished.
pub(crate) struct Task {
    /// Absent while it is polled, and always for the future of `block_on`.
    pub(crate) future: Option<BoxTask>,
    /// Since when it waits to be polled.
    pub(crate) woken: Option<Time>,
    pub(crate) waker: Waker,
}

/// The whole state of a simulation.
pub(crate) struct World {
    pub(crate) faults: Faults,
    pub(crate) now: Time,
    pub(crate) agenda: Agenda<Event>,
    pub(crate) network: Network,
    pub(crate) tasks: BTreeMap<u64, Task>,
    /// The tasks that were woken and wait to be polled.
    pub(crate) ready: Vec<u64>,
    /// The task that is being polled, 0 for none.
    pub(crate) current: u64,
    spawned: u64,
    /// The simulation is gone: nothing will be polled again.
    closed: bool,
    /// Draws the next task.
    pub(crate) picks: SplitMix64,
    /// Draws faults and latencies.
    pub(crate) chances: SplitMix64,
    /// Draws what the code under test asks for.
    pub(crate) draws: SplitMix64,
    pub(crate) trace: Trace,
    pub(crate) polls: u64,
    pub(crate) timers_fired: u64,
    pub(crate) longest_wake_up: Duration,
    wakes: Vec<Waker>,
    discarded: Vec<Waker>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            faults: Faults::default(),
            now: Time::ZERO,
            agenda: Agenda::new(),
            network: Network::new(),
            tasks: BTreeMap::new(),
            ready: Vec::new(),
            current: 0,
            spawned: 0,
            closed: false,
            picks: SplitMix64::new(seed, 1),
            chances: SplitMix64::new(seed, 2),
            draws: SplitMix64::new(seed, 3),
            trace: Trace::default(),
            polls: 0,
            timers_fired: 0,
            longest_wake_up: Duration::ZERO,
            wakes: Vec::new(),
            discarded: Vec::new(),
        }
    }

    pub(crate) fn record(&mut self, kind: Kind, subject: u64, bytes: usize) {
        self.trace.record(Entry { time: self.now, task: self.current, kind, subject, bytes });
    }

    /// Wakes `waker` as soon as the lock is free: what it calls may need the lock.
    pub(crate) fn wake(&mut self, waker: Option<Waker>) {
        self.wakes.extend(waker);
    }

    /// Drops `waker` as soon as the lock is free: it may be the last owner of a task.
    pub(crate) fn discard(&mut self, waker: Option<Waker>) {
        self.discarded.extend(waker);
    }

    /// A time from the range of the latency from now.
    pub(crate) fn after_latency(&mut self) -> Time {
        self.now + self.chances.duration(&self.faults.latency)
    }

    /// Whether this poll is to answer `Pending` for no reason. If so, the task is woken at once.
    pub(crate) fn is_spurious(&mut self, waker: &Waker, subject: u64) -> bool {
        let spurious = self.chances.happens(self.faults.spurious_pending);
        if spurious {
            self.wake(Some(waker.clone()));
            self.record(Kind::Spurious, subject, 0);
        }
        spurious
    }

    /// Makes a woken task ready, once.
    fn make_ready(&mut self, id: u64) {
        if let Some(task) = self.tasks.get_mut(&id)
            && task.woken.is_none()
        {
            task.woken = Some(self.now);
            self.ready.push(id);
        }
    }

    /// Forgets a task; whoever called drops what is left of it.
    pub(crate) fn forget_task(&mut self, id: u64) -> Option<Task> {
        self.ready.retain(|&ready| ready != id);
        self.tasks.remove(&id)
    }

    /// Sets a timer, or sets it again, unless `deadline` has passed.
    pub(crate) fn poll_timer(
        &mut self,
        deadline: Time,
        key: &mut Option<Key>,
        event: fn(Waker) -> Event,
        waker: &Waker,
    ) -> bool {
        let done = deadline <= self.now;
        if done {
            self.cancel_timer(key.take());
            return true;
        }
        let entry = key.and_then(|key| self.agenda.find(key));
        if let Some(entry) = entry {
            if let Event::Timer(old) | Event::Delay(old) = entry
                && !old.will_wake(waker)
            {
                let old = std::mem::replace(old, waker.clone());
                self.discard(Some(old));
            }
        } else {
            *key = Some(self.agenda.insert(deadline, event(waker.clone())));
        }
        false
    }

    /// Moves a timer that is set; one that is not stays so until it is polled.
    pub(crate) fn move_timer(&mut self, deadline: Time, key: &mut Option<Key>) {
        let event = key.take().and_then(|key| self.agenda.remove(key));
        *key = event.map(|event| self.agenda.insert(deadline, event));
    }

    pub(crate) fn cancel_timer(&mut self, key: Option<Key>) {
        if let Some(Event::Timer(old) | Event::Delay(old)) = key.and_then(|k| self.agenda.remove(k))
        {
            self.discard(Some(old));
        }
    }
}

/// The one lock. Whatever runs under it calls no foreign code but `Waker::clone`.
pub(crate) struct Shared(Mutex<World>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(World::new(seed))))
    }

    /// Runs `work` under the lock, then wakes and drops the wakers that it left behind.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut world);
        let wakes = std::mem::take(&mut world.wakes);
        let discarded = std::mem::take(&mut world.discarded);
        drop(world);
        drop(discarded);
        for waker in wakes {
            waker.wake();
        }
        result
    }

    /// Adds a task and makes it ready. `None` stands for the future of `block_on`, which is kept elsewhere.
    /// Gives the task back if the simulation is gone.
    pub(crate) fn add_task(
        self: &Arc<Self>,
        future: Option<BoxTask>,
    ) -> Result<u64, Option<BoxTask>> {
        self.with(|world| {
            if world.closed {
                return Err(future);
            }
            world.spawned += 1;
            let id = world.spawned;
            let waker = Waker::from(Arc::new(TaskWaker { shared: Arc::downgrade(self), task: id }));
            world.tasks.insert(id, Task { future, woken: None, waker });
            world.make_ready(id);
            world.record(Kind::Spawn, id, 0);
            Ok(id)
        })
    }

    /// Takes out every task, for good. They are dropped by the caller, since they may need the lock.
    pub(crate) fn close(&self) -> BTreeMap<u64, Task> {
        self.with(|world| {
            world.closed = true;
            world.ready.clear();
            std::mem::take(&mut world.tasks)
        })
    }
}

/// Makes its task ready.
struct TaskWaker {
    /// Weak, since the agenda of the simulation holds wakers.
    shared: Weak<Shared>,
    task: u64,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.with(|world| world.make_ready(self.task));
        }
    }
}
