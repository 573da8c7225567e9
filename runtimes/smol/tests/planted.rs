//! The conformance suite finds what is planted: a working runtime with one fault at a time.

#![expect(clippy::unwrap_used, reason = "every function here is part of a test")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a fault changes one method and no other")]

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aiopg_runtime::conformance::{Loopback, checks, run_all};
use aiopg_runtime::{BoxStream, Runtime, Sleep, TcpOptions};
use aiopg_smol::{Smol, Timer};
use futures::future::{Either, select};
use futures::{AsyncRead, AsyncWrite, FutureExt};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    ClockGoesBack,
    ClockIsAhead,
    CloseOnlyFlushes,
    ConnectLeaks,
    LooksUpNoPort,
    RandomIsConstant,
    RefusalIsVague,
    ResetIsIgnored,
    SleepKeepsFirstWaker,
    SleepIsEarly,
    SleepPendsFirst,
    SpawnIsInline,
    SpawnLoses,
    SpawnRefuses,
    UnblockHidesPanic,
    VectoredWriteSwaps,
}

#[derive(Clone, Debug)]
struct Faulty(Smol, Fault);

/// Sockets that nobody will ever close.
static LEAKED: Mutex<Vec<std::net::TcpStream>> = Mutex::new(Vec::new());

impl Runtime for Faulty {
    type TcpStream = FaultyStream;
    type UnixStream = FaultyStream;
    type Sleep = FaultySleep;

    async fn connect_tcp(
        &self,
        address: SocketAddr,
        options: &TcpOptions,
    ) -> io::Result<FaultyStream> {
        let mut leak = Leak((self.1 == Fault::ConnectLeaks).then_some(address));
        if leak.0.is_some() {
            futures::pending!();
        }
        let outcome = self.0.connect_tcp(address, options).await;
        leak.0 = None;
        match outcome {
            Ok(stream) => Ok(FaultyStream(Box::new(stream), self.1)),
            Err(_) if self.1 == Fault::RefusalIsVague => Err(io::Error::other("no")),
            Err(error) => Err(error),
        }
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<FaultyStream> {
        Ok(FaultyStream(Box::new(self.0.connect_unix(path).await?), self.1))
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let port = if self.1 == Fault::LooksUpNoPort { 0 } else { port };
        self.0.resolve(host, port).await
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        match self.1 {
            Fault::SpawnIsInline => smol::block_on(task),
            Fault::SpawnLoses => drop(task),
            Fault::SpawnRefuses => return false,
            _ => return self.0.spawn(task),
        }
        true
    }

    async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        match AssertUnwindSafe(self.0.unblock(work)).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(_) if self.1 == Fault::UnblockHidesPanic => Err(io::Error::other("it failed")),
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }

    fn sleep_until(&self, deadline: Instant) -> FaultySleep {
        let early = Duration::from_millis(u64::from(self.1 == Fault::SleepIsEarly));
        let deadline = deadline.checked_sub(early).unwrap_or(deadline);
        FaultySleep { timer: self.0.sleep_until(deadline), fault: self.1, polls: 0 }
    }

    fn now(&self) -> Instant {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let ahead = match self.1 {
            Fault::ClockGoesBack => 50 * (CALLS.fetch_add(1, Ordering::Relaxed) % 2),
            Fault::ClockIsAhead => 50,
            _ => 0,
        };
        self.0.now() + Duration::from_millis(ahead)
    }

    fn random(&self) -> u64 {
        if self.1 == Fault::RandomIsConstant { 4 } else { self.0.random() }
    }
}

/// Opens a socket and forgets it, when a connect is dropped half-way.
struct Leak(Option<SocketAddr>);

impl Drop for Leak {
    fn drop(&mut self) {
        if let Some(stream) = self.0.and_then(|to| std::net::TcpStream::connect(to).ok()) {
            LEAKED.lock().unwrap().push(stream);
        }
    }
}

struct FaultySleep {
    timer: Timer,
    fault: Fault,
    polls: u32,
}

impl Future for FaultySleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.polls += 1;
        match self.fault {
            Fault::SleepPendsFirst if self.polls == 1 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Fault::SleepKeepsFirstWaker if self.polls > 1 => Poll::Pending,
            _ => self.timer.poll_unpin(cx),
        }
    }
}

impl Sleep for FaultySleep {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        if self.fault != Fault::ResetIsIgnored {
            Pin::new(&mut self.timer).reset(deadline);
        }
    }
}

struct FaultyStream(BoxStream, Fault);

impl AsyncRead for FaultyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.1 != Fault::VectoredWriteSwaps {
            return Pin::new(&mut self.0).poll_write_vectored(cx, slices);
        }
        let swapped: Vec<_> = slices.iter().rev().copied().collect();
        Pin::new(&mut self.0).poll_write_vectored(cx, &swapped)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.1 {
            Fault::CloseOnlyFlushes => Pin::new(&mut self.0).poll_flush(cx),
            _ => Pin::new(&mut self.0).poll_close(cx),
        }
    }
}

/// Whether the check fails. One that hangs for half a second counts as failing; it would pass in
/// milliseconds, and a machine that is slower than that only makes this test weaker.
fn fails(fault: Fault, name: &str) -> bool {
    let loopback = Loopback::start().unwrap();
    let check = checks().into_iter().find(|check| check.name() == name).unwrap();
    let runtime = Faulty(Smol::global(), fault);
    let run = pin!(AssertUnwindSafe(check.run(&runtime, loopback.peers())).catch_unwind());
    let patience = smol::Timer::after(Duration::from_millis(500));
    match smol::block_on(select(run, patience)) {
        Either::Left((Ok(()), _)) => false,
        Either::Left((Err(payload), _)) => {
            let text = payload.downcast_ref::<String>().unwrap();
            assert!(text.contains(name), "{text}");
            true
        }
        Either::Right(_) => true,
    }
}

#[test]
fn without_a_fault_every_check_passes() {
    let loopback = Loopback::start().unwrap();
    smol::block_on(run_all(Faulty(Smol::global(), Fault::None), loopback.peers()));
}

#[test]
fn every_planted_fault_is_found_by_its_check() {
    let planted = [
        (Fault::ClockGoesBack, "the_clock_never_goes_back"),
        (Fault::ClockIsAhead, "a_past_deadline_is_ready_at_the_first_poll"),
        (Fault::CloseOnlyFlushes, "closing_is_seen_by_the_peer_after_the_data"),
        (Fault::ConnectLeaks, "a_dropped_connect_closes_its_socket"),
        (Fault::LooksUpNoPort, "a_known_name_resolves_with_its_port"),
        (Fault::RandomIsConstant, "random_numbers_differ"),
        (Fault::RefusalIsVague, "a_refused_connection_says_so"),
        (Fault::ResetIsIgnored, "a_timer_can_be_set_earlier"),
        (Fault::ResetIsIgnored, "a_timer_can_be_set_later"),
        (Fault::ResetIsIgnored, "a_timer_can_be_set_after_it_completed"),
        (Fault::SleepKeepsFirstWaker, "a_timer_wakes_whoever_polled_it_last"),
        (Fault::SleepIsEarly, "a_timer_is_never_early"),
        (Fault::SleepPendsFirst, "a_past_deadline_is_ready_at_the_first_poll"),
        (Fault::SpawnIsInline, "a_spawned_task_does_not_run_inline"),
        (Fault::SpawnLoses, "a_spawned_task_runs"),
        (Fault::SpawnRefuses, "a_spawned_task_runs"),
        (Fault::UnblockHidesPanic, "unblock_passes_a_panic_on"),
        (Fault::VectoredWriteSwaps, "vectored_writes_keep_their_order"),
    ];
    for (fault, check) in planted {
        assert!(fails(fault, check), "{check} does not see {fault:?}");
    }
}
