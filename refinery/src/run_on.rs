//! `RunOn`: migrations in as few words as possible.

use std::future::Future;

use aiopg::Client;
use refinery_core::{Error, Report, Runner};

use crate::migrations::Migrations;

/// Runs migrations on a session of aiopg: adds [`run_on`](Self::run_on) to refinery's [`Runner`].
pub trait RunOn {
    /// Applies those migrations that are still to be applied, and tells which these were.
    ///
    /// It is short for [`run_async`](Runner::run_async) on [`Migrations`], where it is described what is sent, what a
    /// dropped future leaves behind, and what can fail.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(pool: &aiopg::Pool) -> Result<(), Box<dyn std::error::Error>> {
    /// # mod embedded { refinery::embed_migrations!("migrations"); }
    /// use aiopg_refinery::RunOn;
    ///
    /// let mut session = pool.get().await?;
    /// embedded::migrations::runner().set_grouped(true).run_on(&mut session).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Migrations`].
    fn run_on(
        &self,
        client: &mut impl Client,
    ) -> impl Future<Output = Result<Report, Error>> + Send;
}

impl RunOn for Runner {
    async fn run_on(&self, client: &mut impl Client) -> Result<Report, Error> {
        self.run_async(&mut Migrations::new(client)).await
    }
}
