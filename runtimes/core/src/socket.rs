//! Applies `TcpOptions` to a socket: one place for every adapter (feature `socket`).

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::options::{Keepalive, TcpOptions};

/// Applies `options` to a connected TCP socket.
///
/// What the platform does not have is passed over, as libpq does it: `TCP_USER_TIMEOUT` exists on Linux
/// only, the interval and the count of probes not on OpenBSD. Durations are rounded up to the unit of the
/// option, so that a short one never becomes zero, which means something else to the system.
///
/// # Errors
///
/// Whatever the operating system reports.
///
/// # Examples
///
/// ```
/// use std::net::{TcpListener, TcpStream};
///
/// use aiopg_runtime::{socket, TcpOptions};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind(("127.0.0.1", 0))?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// socket::apply(&TcpOptions::default(), &stream)?;
/// assert!(stream.nodelay()?);
/// # Ok(())
/// # }
/// ```
#[cfg(unix)]
pub fn apply(options: &TcpOptions, socket: &impl std::os::fd::AsFd) -> io::Result<()> {
    apply_to(options, &SockRef::from(socket))
}

/// Applies `options` to a connected TCP socket.
///
/// What the platform does not have is passed over, as libpq does it. Durations are rounded up to the unit of
/// the option, so that a short one never becomes zero, which means something else to the system.
///
/// # Errors
///
/// Whatever the operating system reports.
#[cfg(windows)]
pub fn apply(options: &TcpOptions, socket: &impl std::os::windows::io::AsSocket) -> io::Result<()> {
    apply_to(options, &SockRef::from(socket))
}

fn apply_to(options: &TcpOptions, socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(options.nodelay)?;
    if let Some(keepalive) = &options.keepalive {
        socket.set_tcp_keepalive(&probes(keepalive))?;
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(timeout) = options.user_timeout {
        socket.set_tcp_user_timeout(Some(round_up(timeout, Duration::from_millis(1))))?;
    }
    Ok(())
}

fn probes(keepalive: &Keepalive) -> TcpKeepalive {
    let second = Duration::from_secs(1);
    let mut probes = TcpKeepalive::new();
    if let Some(idle) = keepalive.idle {
        probes = probes.with_time(round_up(idle, second));
    }
    #[cfg(any(
        windows,
        target_os = "linux",
        target_os = "android",
        target_os = "macos",
        target_os = "ios",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "dragonfly",
        target_os = "illumos",
    ))]
    {
        if let Some(interval) = keepalive.interval {
            probes = probes.with_interval(round_up(interval, second));
        }
        if let Some(count) = keepalive.count {
            probes = probes.with_retries(count);
        }
    }
    probes
}

/// The least multiple of `unit` that is not below `duration`; the longest duration instead of overflow.
fn round_up(duration: Duration, unit: Duration) -> Duration {
    let rest = duration.as_nanos() % unit.as_nanos().max(1);
    match u64::try_from(rest) {
        Ok(0) | Err(_) => duration,
        Ok(rest) => duration.saturating_sub(Duration::from_nanos(rest)).saturating_add(unit),
    }
}
