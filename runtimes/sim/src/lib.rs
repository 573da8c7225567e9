//! A deterministic runtime for testing [`aiopg`](https://docs.rs/aiopg), or any driver written against
//! [`aiopg_runtime`]: one thread, a virtual clock, a network in memory, and faults drawn from a seed.
//!
//! A test that fails under some seed fails under that seed always. Hours of timeouts pass in no time, and a
//! program that waits for something that cannot happen fails at once instead of hanging.
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use aiopg_runtime::{Runtime, TcpOptions};
//! use aiopg_sim::Sim;
//! use futures_util::{AsyncReadExt, AsyncWriteExt};
//!
//! for seed in 0..100 {
//!     let sim = Sim::new(seed);
//!     let runtime = sim.runtime();
//!     let address = SocketAddr::from(([10, 0, 0, 1], 5432));
//!     let listener = sim.listen_tcp(address);
//!     sim.spawn(async move {
//!         let mut client = listener.accept().await;
//!         let mut hello = [0; 5];
//!         client.read_exact(&mut hello).await.unwrap();
//!         client.write_all(b"welcome").await.unwrap();
//!     });
//!     let reply = sim.block_on(async {
//!         let mut server = runtime.connect_tcp(address, &TcpOptions::default()).await?;
//!         server.write_all(b"hello").await?;
//!         let mut reply = String::new();
//!         server.read_to_string(&mut reply).await?;
//!         std::io::Result::Ok(reply)
//!     });
//!     assert_eq!(reply.unwrap(), "welcome");
//! }
//! ```
//!
//! # What is simulated
//!
//! - **Tasks.** Of all tasks that are ready, chance picks the next. Each poll costs a microsecond of virtual
//!   time; when none is ready the clock jumps to the next timer or delivery.
//! - **Streams.** Bytes take their time, in order. A writer waits while the window is full. Reads and writes
//!   are cut short, and polls answer `Pending` for no reason. [`Faults`] says how often.
//! - **Connections.** A [`FaultPlan`] refuses or ignores a connect, and resets or silences a connection after
//!   any number of bytes in either direction.
//! - **Names.** [`Sim::name`] is the whole directory.
//!
//! # Finding lost wake-ups
//!
//! A wake-up that gets lost shows itself in one of three ways, and a test should watch for all of them:
//!
//! 1. Nothing else can wake the task: [`Sim::block_on`] panics with *simulation stalled* and the log.
//! 2. A timeout wakes it in the end, so that it merely looks slow. Assert that no timer had to go off:
//!    compare [`Sim::timers_fired`] before and after.
//! 3. Some other event wakes it later. Assert an upper bound on the virtual time that the operation takes,
//!    by [`Sim::elapsed`] before and after. The bound follows from the latency: with one of at most 2 ms, a
//!    round trip over an idle network takes at most 4 ms plus a microsecond for each poll; short reads and
//!    writes add polls, not latency. So *three round trips* are *less than 13 ms*, whereas a task that is
//!    woken by a housekeeping timer takes seconds. With [`Faults::none`] it is polls alone.
//!
//! Spurious wake-ups can hide a lost one, as chance does in reality: run over many seeds, and once more
//! without faults.
//!
//! # What keeps it repeatable
//!
//! Only what the code under test does: it must ask its runtime for time and numbers, start no thread, and
//! never depend on the order of a `HashMap`. [`Sim::trace`] compares two runs of a seed.

mod random;
mod trace;
mod faults;
mod clock;
mod pipe;
mod network;
mod world;
mod traffic;
mod schedule;
mod sleep;
mod stream;
mod blocking;
mod runtime;
mod sim;

pub use crate::faults::{
    FaultPlan, Faults, HIGHEST_PERCENT, LATENCY, SHORT_READ_PERCENT, SHORT_WRITE_PERCENT,
    SPURIOUS_PENDING_PERCENT, WINDOW,
};
pub use crate::network::Address;
pub use crate::runtime::SimRuntime;
pub use crate::sim::{POLL_LIMIT, Sim, TIME_LIMIT};
pub use crate::sleep::SimSleep;
pub use crate::stream::{SimListener, SimStream};
