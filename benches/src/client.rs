//! The drivers' sessions, and the role that every one of them is opened as.

use aiopg::rt::Tokio;
use aiopg::{Config, Connection, Runtime, Statement};
use tokio_postgres::NoTls;

use crate::Failure;
use crate::address::Address;

/// The role that every peer connects as; it needs no password.
pub(crate) const USER: &str = "postgres";
pub(crate) const DBNAME: &str = "postgres";

/// A session whose runtime is erased.
pub(crate) async fn aiopg(address: &Address) -> Result<Connection, Failure> {
    Ok(Connection::connect(Tokio::current(), config(address)).await?)
}

/// A session whose runtime is a type.
pub(crate) async fn aiopg_on(address: &Address) -> Result<Connection<Tokio>, Failure> {
    Ok(Connection::connect_on(Tokio::current(), config(address)).await?)
}

/// The same for a pool to open.
pub(crate) fn config(address: &Address) -> Config {
    let (host, port) = address.host_and_port();
    Config::new().host(host).port(port).user(USER).dbname(DBNAME)
}

pub(crate) async fn tokio_postgres(address: &Address) -> Result<tokio_postgres::Client, Failure> {
    let (client, connection) = tokio_postgres_config(address).connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The same for a pool to open.
pub(crate) fn tokio_postgres_config(address: &Address) -> tokio_postgres::Config {
    let (host, port) = address.host_and_port();
    let mut config = tokio_postgres::Config::new();
    config.host(host).port(port).user(USER).dbname(DBNAME);
    config
}

/// A session of aiopg's and its statement.
pub(crate) struct Aiopg<R: Runtime> {
    pub(crate) connection: Connection<R>,
    pub(crate) statement: Statement,
}

impl<R: Runtime> Aiopg<R> {
    pub(crate) async fn prepare(mut connection: Connection<R>, sql: &str) -> Result<Self, Failure> {
        let statement = connection.prepare(sql).await?;
        Ok(Self { connection, statement })
    }
}

/// A session of tokio-postgres and its statement.
pub(crate) struct TokioPostgres {
    pub(crate) client: tokio_postgres::Client,
    pub(crate) statement: tokio_postgres::Statement,
}

impl TokioPostgres {
    pub(crate) async fn prepare(address: &Address, sql: &str) -> Result<Self, Failure> {
        let client = tokio_postgres(address).await?;
        let statement = client.prepare(sql).await?;
        Ok(Self { client, statement })
    }
}
