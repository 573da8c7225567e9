//! A TCP relay on loopback that cuts, delays, splits, stalls and resets on command.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

mod plan;
mod link;
mod state;
mod pump;

use crate::relay::link::{Link, Side};
use crate::relay::plan::Fate;
use crate::relay::pump::Pump;
use crate::relay::state::{Gate, Shared};

pub use crate::relay::plan::{Leg, Plan};
pub use crate::relay::state::Traffic;

/// Stands between clients and a server, and passes bytes on as its [`Plan`] says.
///
/// Tests need no timers: [`wait_until`](Self::wait_until) tells when bytes have passed.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1 and connects each client to `target`.
    ///
    /// # Errors
    ///
    /// When there is no port left.
    pub fn start(target: SocketAddr, plan: Plan) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        shared.state().listening = true;
        let entrance = Entrance { address, target, plan, shared: Arc::clone(&shared) };
        let thread = thread::Builder::new().name("relay".to_owned());
        let listener = Some(thread.spawn(move || entrance.run(listener))?);
        Ok(Self { address, shared, listener })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has passed so far.
    pub fn traffic(&self) -> Traffic {
        self.shared.state().traffic.clone()
    }

    /// Blocks until `condition` holds for what has passed.
    ///
    /// # Panics
    ///
    /// When it does not come true within ten seconds.
    pub fn wait_until(&self, condition: impl Fn(&Traffic) -> bool) {
        let limit = Instant::now() + Duration::from_secs(10);
        let mut state = self.shared.state();
        while !condition(&state.traffic) {
            let left = limit.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain: {:?}", state.traffic);
            state = self.shared.wait(state, Some(left));
        }
    }

    /// Stops passing bytes on; connections stay open, and new ones are accepted.
    pub fn stall(&self) {
        self.shared.change(|state| state.stalled = true);
    }

    /// Passes bytes on again, also those that a plan holds back.
    pub fn resume(&self) {
        self.shared.change(|state| {
            state.stalled = false;
            state.resumed += 1;
        });
    }

    /// Resets every open connection, on both sides; returns when that is done.
    pub fn reset_all(&self) {
        self.shared.change(|state| state.end_all(Fate::Reset));
        self.shared.wait_until(|state| state.traffic.open == 0);
    }

    /// Sends end of file to both sides of every open connection, after what has passed already.
    pub fn close_all(&self) {
        self.shared.change(|state| state.end_all(Fate::Cut));
    }

    /// Refuses new connections, as a machine does on which no server runs; open ones go on.
    pub fn refuse(&self) {
        self.shared.change(|state| state.gate = Gate::Refusing);
        self.wake_listener();
        self.shared.wait_until(|state| !state.listening);
    }

    /// Accepts connections again, at the same address.
    pub fn accept(&self) {
        self.shared.change(|state| state.gate = Gate::Open);
        self.shared.wait_until(|state| state.listening);
    }

    /// A thread that waits for a connection is woken by a connection.
    fn wake_listener(&self) {
        let _ = TcpStream::connect(self.address);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.change(|state| state.gate = Gate::Gone);
        self.wake_listener();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        self.reset_all();
    }
}

/// The thread that accepts.
#[derive(Debug)]
struct Entrance {
    address: SocketAddr,
    target: SocketAddr,
    plan: Plan,
    shared: Arc<Shared>,
}

impl Entrance {
    fn run(&self, mut listener: TcpListener) {
        loop {
            let accepted = listener.accept();
            let gate = self.shared.state().gate;
            if gate == Gate::Gone {
                return;
            }
            if gate == Gate::Refusing {
                drop(listener);
                let Ok(reserved) = reserve(self.address) else { return };
                self.shared.change(|state| state.listening = false);
                self.shared.wait_until(|state| state.gate != Gate::Refusing);
                if self.shared.state().gate == Gate::Gone || reserved.listen(BACKLOG).is_err() {
                    return;
                }
                listener = reserved.into();
                self.shared.change(|state| state.listening = true);
            } else if let Ok((client, _)) = accepted {
                // A target that is gone shows as a connection that ends at once.
                let _ = self.join(client);
            }
        }
    }

    fn join(&self, client: TcpStream) -> io::Result<()> {
        let link = Arc::new(Link::new(client, TcpStream::connect(self.target)?)?);
        let number = self.shared.change(|state| state.enter(&link));
        // Made before the first runs, so that no handle to the sockets outlives the threads.
        let pumps = [
            Pump::new(Arc::clone(&link), Side::Client, self.plan.from_client.clone()),
            Pump::new(link, Side::Server, self.plan.from_server.clone()),
        ];
        for pump in pumps {
            let shared = Arc::clone(&self.shared);
            thread::spawn(move || {
                pump.run(&shared);
                shared.change(|state| state.leave(number));
            });
        }
        Ok(())
    }
}

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;

/// A socket that has an address and does not listen, so that connections there are refused, and nobody else is given the
/// port. A child process holds the listener that was there until it has begun its program: so it is tried again.
fn reserve(address: SocketAddr) -> io::Result<Socket> {
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        match socket.bind(&address.into()) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < limit => {
                thread::yield_now();
            }
            bound => return bound.map(|()| socket),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// Sends back what it reads.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        address
    }

    fn start(plan: Plan) -> (Relay, TcpStream) {
        let relay = Relay::start(echo(), plan).unwrap();
        let client = TcpStream::connect(relay.address()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (relay, client)
    }

    fn echoed(client: &mut TcpStream, bytes: &[u8]) {
        client.write_all(bytes).unwrap();
        let mut back = vec![0; bytes.len()];
        client.read_exact(&mut back).unwrap();
        assert_eq!(back, bytes);
    }

    #[test]
    fn bytes_pass_and_are_recorded() {
        let (relay, mut client) = start(Plan::default());
        echoed(&mut client, b"hello");
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0, "end of file passes, too");
        relay.wait_until(|traffic| traffic.open == 0);
        let traffic = relay.traffic();
        assert_eq!((traffic.connections, traffic.from_client.len()), (1, 5));
        assert_eq!(traffic.from_server, b"hello");
    }

    #[test]
    fn cut_is_end_of_file_after_its_byte() {
        let (_relay, mut client) = start(Plan::default().from_server(Leg::default().cut_after(3)));
        client.write_all(b"hello").unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hel");
    }

    #[test]
    fn cut_after_nothing_ends_a_new_connection() {
        let (_relay, mut client) = start(Plan::default().from_server(Leg::default().cut_after(0)));
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    }

    #[test]
    fn reset_arrives_after_its_byte() {
        let (relay, mut client) = start(Plan::default().from_client(Leg::default().reset_after(2)));
        client.write_all(b"hello").unwrap();
        let error = io::copy(&mut client, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(relay.traffic().from_client, b"he");
    }

    #[test]
    fn reset_all_reaches_open_connections() {
        let (relay, mut client) = start(Plan::default());
        echoed(&mut client, b"x");
        relay.reset_all();
        assert_eq!(client.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn close_all_is_end_of_file() {
        let (relay, mut client) = start(Plan::default());
        echoed(&mut client, b"x");
        relay.close_all();
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    }

    #[test]
    fn stall_holds_bytes_back_until_resumed() {
        let (relay, mut client) = start(Plan::default());
        echoed(&mut client, b"x");
        relay.stall();
        client.write_all(b"y").unwrap();
        assert_eq!(relay.traffic().from_client, b"x");
        relay.resume();
        relay.wait_until(|traffic| traffic.from_server == b"xy");
    }

    #[test]
    fn planned_stall_ends_with_resume() {
        let (relay, mut client) = start(Plan::default().from_server(Leg::default().stall_after(2)));
        client.write_all(b"hello").unwrap();
        relay.wait_until(|traffic| traffic.from_server == b"he");
        relay.resume();
        relay.wait_until(|traffic| traffic.from_server == b"hello");
    }

    #[test]
    fn chunks_are_delayed_one_by_one() {
        let pause = Duration::from_millis(5);
        let (_relay, mut client) =
            start(Plan::default().from_server(Leg::default().chunk(1).delay(pause)));
        let start = Instant::now();
        echoed(&mut client, b"abcd");
        assert!(start.elapsed() >= 4 * pause);
    }

    #[test]
    fn refused_connections_come_back_after_accept() {
        let (relay, mut client) = start(Plan::default());
        echoed(&mut client, b"x");
        relay.refuse();
        let error = TcpStream::connect(relay.address()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        echoed(&mut client, b"y");
        relay.accept();
        echoed(&mut TcpStream::connect(relay.address()).unwrap(), b"z");
    }

    #[test]
    fn drop_ends_a_refusing_relay() {
        let (relay, _client) = start(Plan::default());
        relay.refuse();
        drop(relay);
    }

    #[test]
    fn drop_ends_a_stalled_connection() {
        let (relay, mut client) = start(Plan::default());
        echoed(&mut client, b"x");
        relay.stall();
        client.write_all(b"y").unwrap();
        drop(relay);
        assert!(client.read(&mut [0; 1]).is_err());
    }
}
