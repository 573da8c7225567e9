//! Options reach the socket.

#![expect(clippy::disallowed_types, reason = "it is the socket under test")]

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use aiopg_runtime::{Keepalive, TcpOptions, socket};
use socket2::SockRef;

fn connected() -> std::io::Result<(TcpListener, TcpStream)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    Ok((listener, stream))
}

#[test]
fn the_default_sends_small_segments_at_once_and_probes_nobody() {
    let (_listener, stream) = connected().unwrap();
    socket::apply(&TcpOptions::default(), &stream).unwrap();
    assert!(SockRef::from(&stream).tcp_nodelay().unwrap());
    assert!(!SockRef::from(&stream).keepalive().unwrap());
}

#[test]
fn nodelay_can_be_switched_off() {
    let (_listener, stream) = connected().unwrap();
    let mut options = TcpOptions::default();
    options.nodelay = false;
    socket::apply(&options, &stream).unwrap();
    assert!(!SockRef::from(&stream).tcp_nodelay().unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn short_durations_are_rounded_up_and_never_become_zero() {
    let (_listener, stream) = connected().unwrap();
    let mut keepalive = Keepalive::default();
    keepalive.idle = Some(Duration::from_millis(1500));
    keepalive.interval = Some(Duration::from_nanos(1));
    keepalive.count = Some(4);
    let mut options = TcpOptions::default();
    options.keepalive = Some(keepalive);
    options.user_timeout = Some(Duration::from_micros(1));
    socket::apply(&options, &stream).unwrap();
    let socket = SockRef::from(&stream);
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(2));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(1));
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_millis(1)));
}

#[test]
fn durations_without_end_are_no_error_of_ours() {
    let (_listener, stream) = connected().unwrap();
    let mut options = TcpOptions::default();
    options.user_timeout = Some(Duration::MAX);
    // The system may refuse so much; we must not overflow.
    drop(socket::apply(&options, &stream));
}
