//! Sockets in Linux's abstract namespace: their names begin with an at sign and are no files.

use aiopg::{Config, Connection, Error, Runtime};
use aiopg_tests::session::ask;
use aiopg_tests::{Options, Server, on_every_runtime};

/// The first version whose server listens on such sockets.
const SINCE: u32 = 14;

async fn an_abstract_socket_is_reached<R: Runtime>(rt: R) -> Result<(), Error> {
    if Server::shared().version() < SINCE {
        return Ok(());
    }
    let name = format!("@aiopg_{}_{:x}", std::process::id(), rt.random());
    let server =
        Server::start(&Options::default().setting("unix_socket_directories", &name)).unwrap();
    let config = Config::new().host(&name).port(server.port()).user("postgres").dbname("postgres");
    let mut connection = Connection::connect(rt, &config).await?;
    let address = ask(&mut connection, "select coalesce(inet_client_addr()::text, 'none')").await;
    assert_eq!(address, "none");
    connection.close().await
}

on_every_runtime!(an_abstract_socket_is_reached);
