//! A primary and a standby that streams from it, to be routed between, and to fail over.

use std::io;
use std::sync::OnceLock;

use aiopg::{Config, Runtime};

use crate::server::{Options, Server};
use crate::session::{config_of, open_with, wait_until};

/// Two servers. Both begin as copies of one template, so the standby needs no backup of the primary: it asks it
/// for everything that was written since.
#[derive(Debug)]
pub struct Cluster {
    primary: Server,
    standby: Server,
}

impl Cluster {
    /// The cluster that all tests of this process share, of the version that the shared server has. Nobody may
    /// promote its standby, or stop a server.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();

        SHARED.get_or_init(|| Self::start(None).unwrap_or_else(|error| no_cluster(&error)))
    }

    /// The same for the oldest version: its servers do not report whether they are standbys.
    pub fn shared_oldest() -> &'static Self {
        static OLDEST: OnceLock<Cluster> = OnceLock::new();

        if Self::shared().version() == OLDEST_MAJOR {
            return Self::shared();
        }
        OLDEST.get_or_init(|| {
            Self::start(Some(OLDEST_MAJOR)).unwrap_or_else(|error| no_cluster(&error))
        })
    }

    /// Starts a cluster of the caller's own, of a major version or of that which the shared server has.
    ///
    /// # Errors
    ///
    /// Those of [`Server::start`].
    pub fn start(major: Option<u32>) -> io::Result<Self> {
        // What the standby has not asked for yet must stay.
        let options = Options::default().setting("wal_keep_size", "64MB");
        let options = major.into_iter().fold(options, Options::major);
        let primary = Server::start(&options)?;
        let source = format!("host={} port={} user=postgres", primary.host(), primary.port());
        let options = Options::default()
            .major(primary.version())
            .setting("primary_conninfo", &source)
            .file("standby.signal", "");
        Ok(Self { standby: Server::start(&options)?, primary })
    }

    /// The server that takes writes.
    pub fn primary(&self) -> &Server {
        &self.primary
    }

    /// The server in hot standby.
    pub fn standby(&self) -> &Server {
        &self.standby
    }

    /// The major version.
    pub fn version(&self) -> u32 {
        self.primary.version()
    }

    /// Waits until the primary streams to the standby.
    pub async fn wait_until_streaming<R: Runtime>(&self, runtime: R) {
        let mut observer = open_with(runtime, &config_of(&self.primary)).await;
        let question = "select exists (select from pg_stat_replication where state = 'streaming')";
        wait_until(&mut observer, question, ()).await;
    }

    /// Makes the standby a primary; the old one should be stopped before.
    ///
    /// # Panics
    ///
    /// When that takes longer than a minute.
    pub async fn promote<R: Runtime>(&self, runtime: R) {
        let mut session = open_with(runtime, &config_of(&self.standby)).await;
        wait_until(&mut session, "select pg_promote()", ()).await;
    }
}

/// The superuser's configuration for these servers, in this order.
///
/// # Panics
///
/// When there are none.
pub fn config_of_all(servers: &[&Server]) -> Config {
    let list = |part: &dyn Fn(&Server) -> String| -> String {
        servers.iter().map(|server| part(server)).collect::<Vec<_>>().join(",")
    };
    let hosts = list(&|server| server.host().to_owned());
    let ports = list(&|server| server.port().to_string());
    let dbname = servers[0].dbname();
    let text = format!("host={hosts} port={ports} user=postgres dbname={dbname} sslmode=disable");
    text.parse().expect("a connection string")
}

/// The oldest version that is tested against.
const OLDEST_MAJOR: u32 = 13;

fn no_cluster(error: &io::Error) -> ! {
    panic!("no primary and standby to test with: {error}")
}

#[cfg(test)]
mod tests {
    use aiopg_smol::Smol;
    use futures::executor::block_on;

    use super::*;
    use crate::session::ask;

    #[test]
    fn what_is_written_to_the_primary_arrives_at_the_standby_and_stays_after_a_promotion() {
        for major in [None, Some(OLDEST_MAJOR)] {
            let cluster = Cluster::start(major).unwrap();
            block_on(async {
                let runtime = Smol::global();
                cluster.wait_until_streaming(runtime.clone()).await;
                let mut primary = open_with(runtime.clone(), &config_of(cluster.primary())).await;
                primary.batch_execute("create table written (n int)").await.unwrap();
                let mut standby = open_with(runtime.clone(), &config_of(cluster.standby())).await;
                wait_until(&mut standby, "select to_regclass('written') is not null", ()).await;
                let refused = standby.batch_execute("insert into written values (1)").await;
                assert_eq!(refused.unwrap_err().sqlstate().unwrap().code(), "25006");
                cluster.primary().kill();
                cluster.promote(runtime).await;
                standby.batch_execute("insert into written values (1)").await.unwrap();
                assert_eq!(ask(&mut standby, "select count(*) from written").await, "1");
            });
        }
    }
}
