//! Who listens, who is connected to whom, and which names are known.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::task::Waker;

use crate::faults::FaultPlan;
use crate::pipe::Pipe;

/// Where a listener can be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Address {
    /// A TCP address.
    Tcp(SocketAddr),
    /// The path of a Unix-domain socket.
    Unix(PathBuf),
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Self {
        Self::Unix(path.to_owned())
    }
}

impl From<PathBuf> for Address {
    fn from(path: PathBuf) -> Self {
        Self::Unix(path)
    }
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Has connected.
    Client,
    /// Has accepted.
    Server,
}

/// One end of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) connection: u64,
    pub(crate) side: Side,
}

impl End {
    /// The end on the other side.
    pub(crate) fn peer(self) -> Self {
        let side = match self.side {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        };
        Self { side, ..self }
    }
}

/// Both directions of an established connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) to_server: Pipe,
    pub(crate) to_client: Pipe,
    pub(crate) plan: FaultPlan,
    /// Nothing passes any more, and nobody is told.
    pub(crate) black_hole: bool,
    /// How many of the two ends still exist.
    pub(crate) ends: u8,
}

impl Connection {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let (to_server, to_client) = (Pipe::default(), Pipe::default());
        Self { to_server, to_client, plan, black_hole: false, ends: 2 }
    }

    /// The direction that `side` reads from.
    pub(crate) fn incoming(&mut self, side: Side) -> &mut Pipe {
        match side {
            Side::Client => &mut self.to_client,
            Side::Server => &mut self.to_server,
        }
    }

    /// The direction that `side` writes to.
    pub(crate) fn outgoing(&mut self, side: Side) -> &mut Pipe {
        match side {
            Side::Client => &mut self.to_server,
            Side::Server => &mut self.to_client,
        }
    }
}

/// Connections that wait to be accepted.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    pub(crate) backlog: VecDeque<u64>,
    pub(crate) acceptor: Option<Waker>,
}

/// The state of a connect that its caller still waits for.
#[derive(Debug)]
pub(crate) enum Connecting {
    /// On its way.
    Asked { address: Address, plan: FaultPlan, waker: Option<Waker> },
    /// The connection of the same number exists.
    Established,
    /// Nobody listens there, or the plan says so.
    Failed(io::ErrorKind),
}

/// The plans for the connects to one address.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    pub(crate) next: VecDeque<FaultPlan>,
    pub(crate) every: FaultPlan,
}

/// What is known of a name.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    Known(Vec<IpAddr>),
    /// The lookup is never answered.
    Silent,
}

/// First port given to a listener that asks for any.
const FIRST_FREE_PORT: u16 = 49152;

/// Everything but time.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) listeners: BTreeMap<Address, Listener>,
    pub(crate) plans: BTreeMap<Address, Plans>,
    pub(crate) connecting: BTreeMap<u64, Connecting>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) names: BTreeMap<String, Name>,
    connects: u64,
    next_port: u16,
}

impl Network {
    pub(crate) fn new() -> Self {
        let localhost = Name::Known(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        Self {
            listeners: BTreeMap::new(),
            plans: BTreeMap::new(),
            connecting: BTreeMap::new(),
            connections: BTreeMap::new(),
            names: BTreeMap::from([("localhost".to_owned(), localhost)]),
            connects: 0,
            next_port: FIRST_FREE_PORT,
        }
    }

    /// Begins to listen; `None` if somebody does already. Port 0 becomes a free one.
    pub(crate) fn listen(&mut self, mut address: Address) -> Option<Address> {
        if let Address::Tcp(tcp) = &mut address
            && tcp.port() == 0
        {
            tcp.set_port(self.next_port);
            self.next_port += 1;
        }
        if self.listeners.contains_key(&address) {
            return None;
        }
        self.listeners.insert(address.clone(), Listener::default());
        Some(address)
    }

    /// Numbers the next connection and takes the plan that is meant for it.
    pub(crate) fn next_connect(&mut self, address: &Address) -> (u64, FaultPlan) {
        self.connects += 1;
        let plan = self
            .plans
            .get_mut(address)
            .map(|plans| plans.next.pop_front().unwrap_or_else(|| plans.every.clone()))
            .unwrap_or_default();
        (self.connects, plan)
    }
}
