//! Settings of a TCP socket.

use std::time::Duration;

/// Settings of a TCP socket, applied when it is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpOptions {
    /// Send small segments at once (`TCP_NODELAY`). Default: on.
    pub nodelay: bool,
    /// Probe an idle peer. Default: `None`, no probes.
    pub keepalive: Option<Keepalive>,
    /// How long sent data may stay unacknowledged before the connection is given up
    /// (`TCP_USER_TIMEOUT`, Linux only, in whole milliseconds). Default: `None`, the system's.
    pub user_timeout: Option<Duration>,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self { nodelay: true, keepalive: None, user_timeout: None }
    }
}

/// When and how often an idle peer is probed. `None` is the system's default; seconds are the unit on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keepalive {
    /// Idle time before the first probe.
    pub idle: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
    /// Probes without an answer before the connection is given up.
    pub count: Option<u32>,
}
