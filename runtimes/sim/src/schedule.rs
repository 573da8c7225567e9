//! Who is polled next, and how time passes.

use std::fmt;
use std::task::Waker;
use std::time::Duration;

use crate::clock::Time;
use crate::network::Connecting;
use crate::trace::Kind;
use crate::world::{BoxTask, Event, World};

/// What a poll costs: enough that a task which wakes itself cannot stop time.
pub(crate) const POLL_COST: Duration = Duration::from_micros(1);

/// How far a simulation may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) time: Time,
    pub(crate) polls: u64,
}

/// A task that is about to be polled.
pub(crate) struct Turn {
    pub(crate) task: u64,
    pub(crate) waker: Waker,
    /// Absent for the future of `block_on`.
    pub(crate) future: Option<BoxTask>,
}

/// Why a simulation cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    Stalled,
    TimeLimit,
    PollLimit,
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stalled => "simulation stalled: the future waits and nothing can ever wake it",
            Self::TimeLimit => "simulation ran into its time limit",
            Self::PollLimit => {
                "simulation ran into its poll limit: does a task wake itself forever?"
            }
        })
    }
}

impl World {
    /// Lets everything happen that is due by now.
    pub(crate) fn fire_due(&mut self) {
        while let Some(event) = self.agenda.pop_due(self.now) {
            match event {
                Event::Timer(waker) => {
                    self.timers_fired += 1;
                    self.record(Kind::Timer, 0, 0);
                    self.wake(Some(waker));
                }
                Event::Delay(waker) => self.wake(Some(waker)),
                Event::Readable(end) => {
                    let connection = self.network.connections.get_mut(&end.connection);
                    let reader = connection.and_then(|c| c.incoming(end.side).reader.take());
                    self.wake(reader);
                }
                Event::Writable(end) => {
                    let connection = self.network.connections.get_mut(&end.connection);
                    let writer = connection.and_then(|c| c.outgoing(end.side).writer.take());
                    self.wake(writer);
                }
                Event::Connect(id) => self.answer_connect(id),
            }
        }
    }

    /// Fails once a limit is passed.
    pub(crate) fn check(&self, limits: Limits) -> Result<(), Halt> {
        if self.now > limits.time {
            return Err(Halt::TimeLimit);
        }
        if self.polls >= limits.polls {
            return Err(Halt::PollLimit);
        }
        Ok(())
    }

    /// Picks one of the ready tasks; `None` if there is none.
    pub(crate) fn pick(&mut self) -> Option<Turn> {
        if self.ready.is_empty() {
            return None;
        }
        let index = self.picks.below(self.ready.len());
        let id = self.ready.swap_remove(index);
        let task = self.tasks.get_mut(&id)?;
        let waited = task.woken.take().map(|since| self.now.saturating_sub(since));
        let turn = Turn { task: id, waker: task.waker.clone(), future: task.future.take() };
        self.longest_wake_up = self.longest_wake_up.max(waited.unwrap_or_default());
        self.polls += 1;
        self.current = id;
        self.record(Kind::Poll, 0, 0);
        Some(turn)
    }

    /// The task was polled: keeps what is left of it, and lets the time pass that this took.
    pub(crate) fn end_turn(&mut self, id: u64, rest: Option<BoxTask>) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.future = rest;
        }
        self.current = 0;
        self.now += POLL_COST;
    }

    /// The task is finished.
    pub(crate) fn finish_task(&mut self, id: u64) {
        self.record(Kind::Finish, 0, 0);
        // It has been polled to its end: only its waker is left, which may be dropped here.
        drop(self.forget_task(id));
    }

    /// Jumps to the next event.
    pub(crate) fn jump(&mut self, limits: Limits) -> Result<(), Halt> {
        let next = self.agenda.next_time().ok_or(Halt::Stalled)?;
        if next > limits.time {
            return Err(Halt::TimeLimit);
        }
        self.now = self.now.max(next);
        self.record(Kind::Jump, 0, 0);
        Ok(())
    }

    /// Connections with at least one end, and connects without an answer.
    pub(crate) fn open_connections(&self) -> usize {
        let asked = |state: &&Connecting| matches!(state, Connecting::Asked { .. });
        self.network.connections.len() + self.network.connecting.values().filter(asked).count()
    }
}
