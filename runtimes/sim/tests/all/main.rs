//! The simulation is a runtime, is strict, and is repeatable.

#[cfg(test)]
mod support;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod network;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod wakeups;
