//! `Peer`: everything that is measured, behind one call.

use std::hint::black_box;

use aiopg::rt::Tokio;
use aiopg::{AnyRuntime, Config, Connection, Runtime, Statement};
use tokio_postgres::NoTls;

use crate::address::Address;
use crate::floor::{Floor, FloorTokio};
use crate::{DBNAME, Failure, USER};

/// The statement: one row by its primary key.
pub(crate) const SQL: &str = "select id, name from city where id = $1";

/// What is measured, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Floor,
    FloorTokio,
    Aiopg,
    AiopgOn,
    TokioPostgres,
}

impl Name {
    pub(crate) const ALL: [Self; 5] =
        [Self::Floor, Self::FloorTokio, Self::Aiopg, Self::AiopgOn, Self::TokioPostgres];

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::FloorTokio => "floor-tokio",
            Self::Aiopg => "aiopg",
            Self::AiopgOn => "aiopg-connect_on",
            Self::TokioPostgres => "tokio-postgres",
        }
    }
}

/// A session with the statement prepared.
pub(crate) enum Peer {
    Floor(Floor),
    FloorTokio(FloorTokio),
    Aiopg(Aiopg<AnyRuntime>),
    AiopgOn(Aiopg<Tokio>),
    TokioPostgres(TokioPostgres),
}

impl Peer {
    pub(crate) async fn connect(name: Name, address: &Address) -> Result<Self, Failure> {
        let (host, port) = address.host_and_port();
        let config = Config::new().host(host).port(port).user(USER).dbname(DBNAME);
        Ok(match name {
            Name::Floor => Self::Floor(Floor::connect(address, SQL)?),
            Name::FloorTokio => Self::FloorTokio(FloorTokio::connect(address, SQL)?),
            Name::Aiopg => {
                let connection = Connection::connect(Tokio::current(), config).await?;
                Self::Aiopg(Aiopg::prepare(connection).await?)
            }
            Name::AiopgOn => {
                let connection = Connection::connect_on(Tokio::current(), config).await?;
                Self::AiopgOn(Aiopg::prepare(connection).await?)
            }
            Name::TokioPostgres => Self::TokioPostgres(TokioPostgres::connect(address).await?),
        })
    }

    /// Runs the statement once for each id, one after the other.
    pub(crate) async fn batch(&mut self, ids: &[i32]) -> Result<(), Failure> {
        match self {
            Self::Floor(floor) => {
                for id in ids {
                    one_row(floor.query(*id)?)?;
                }
            }
            Self::FloorTokio(floor) => {
                for id in ids {
                    one_row(floor.query(*id).await?)?;
                }
            }
            Self::Aiopg(aiopg) => aiopg.batch(ids).await?,
            Self::AiopgOn(aiopg) => aiopg.batch(ids).await?,
            Self::TokioPostgres(client) => client.batch(ids).await?,
        }
        Ok(())
    }
}

fn one_row(rows: u32) -> Result<(), Failure> {
    if rows == 1 { Ok(()) } else { Err("one row was expected".into()) }
}

pub(crate) struct Aiopg<R: Runtime> {
    connection: Connection<R>,
    statement: Statement,
}

impl<R: Runtime> Aiopg<R> {
    async fn prepare(mut connection: Connection<R>) -> Result<Self, Failure> {
        let statement = connection.prepare(SQL).await?;
        Ok(Self { connection, statement })
    }

    async fn batch(&mut self, ids: &[i32]) -> Result<(), Failure> {
        for id in ids {
            let row = self.connection.query_one(&self.statement, (id,)).await?;
            black_box((row.get::<i32>(0), row.get::<&str>(1)));
        }
        Ok(())
    }
}

pub(crate) struct TokioPostgres {
    client: tokio_postgres::Client,
    statement: tokio_postgres::Statement,
}

impl TokioPostgres {
    async fn connect(address: &Address) -> Result<Self, Failure> {
        let (host, port) = address.host_and_port();
        let mut config = tokio_postgres::Config::new();
        config.host(host).port(port).user(USER).dbname(DBNAME);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        let statement = client.prepare(SQL).await?;
        Ok(Self { client, statement })
    }

    async fn batch(&self, ids: &[i32]) -> Result<(), Failure> {
        for id in ids {
            let row = self.client.query_one(&self.statement, &[id]).await?;
            black_box((row.get::<_, i32>(0), row.get::<_, &str>(1)));
        }
        Ok(())
    }
}
