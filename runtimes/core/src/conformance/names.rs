//! Checks of name resolution.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::conformance::failure::{Outcome, ensure};
use crate::conformance::peers::Peers;
use crate::runtime::Runtime;

pub(super) async fn a_known_name_resolves_with_its_port<R: Runtime>(
    runtime: R,
    peers: Peers,
) -> Outcome {
    let addresses = runtime.resolve(&peers.known_host, 5432).await?;
    ensure!(!addresses.is_empty(), "it succeeded with no address");
    ensure!(addresses.iter().all(|address| address.port() == 5432), "another port: {addresses:?}");
    Ok(())
}

pub(super) async fn an_address_resolves_to_itself<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    let literals: [(&str, IpAddr); 2] =
        [("127.0.0.1", Ipv4Addr::LOCALHOST.into()), ("::1", Ipv6Addr::LOCALHOST.into())];
    for (text, address) in literals {
        let addresses = runtime.resolve(text, 5432).await?;
        ensure!(addresses == [SocketAddr::new(address, 5432)], "{text} became {addresses:?}");
    }
    Ok(())
}

pub(super) async fn an_unknown_name_is_an_error<R: Runtime>(runtime: R, peers: Peers) -> Outcome {
    let outcome = runtime.resolve(&peers.unknown_host, 5432).await;
    ensure!(outcome.is_err(), "{} became {outcome:?}", peers.unknown_host);
    Ok(())
}
