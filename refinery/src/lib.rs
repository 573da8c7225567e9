//! Runs [refinery](https://docs.rs/refinery) migrations on sessions of [aiopg], on any runtime.
//!
//! refinery finds the files, embeds them into the program, decides which are to be applied, and keeps their history in
//! a table. This crate lets it do so on whatever lends a session: a [`Connection`](aiopg::Connection), one that a pool
//! has lent, a borrowed [`Client`](aiopg::Client). It names no runtime, and brings none along.
//!
//! # Examples
//!
//! With the SQL files in a folder beside `Cargo.toml`, called `V1__cities.sql`, `V2__population.sql` and so on:
//!
//! ```no_run
//! use aiopg_refinery::RunOn;
//!
//! mod embedded {
//!     refinery::embed_migrations!("migrations");
//! }
//!
//! async fn migrate(connection: &mut aiopg::Connection) -> Result<(), aiopg_refinery::Error> {
//!     let report = embedded::migrations::runner().run_on(connection).await?;
//!     for migration in report.applied_migrations() {
//!         println!("applied {migration}");
//!     }
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! Everything else that refinery does asynchronously takes a [`Migrations`], which is a session in the form that
//! refinery asks for:
//!
//! ```no_run
//! use aiopg::Client;
//! use aiopg_refinery::refinery_core::{SchemaVersion, load_sql_migrations};
//! use aiopg_refinery::{Error, Migrations, Runner};
//!
//! async fn version(client: &mut impl Client) -> Result<Option<SchemaVersion>, Error> {
//!     // Read when the program runs, not when it is compiled.
//!     let runner = Runner::new(&load_sql_migrations("migrations")?);
//!     let last = runner.get_last_applied_migration_async(&mut Migrations::new(client)).await?;
//!     Ok(last.map(|migration| migration.version()))
//! }
//! ```
//!
//! # What is certain
//!
//! - A migration and its row in the history table are one transaction: both are there, or neither. With `set_grouped`
//!   all migrations of a run are one transaction.
//! - A migration is a text of any number of statements, as `psql` would read it, sent as it is.
//! - What fails is undone, what was applied before it stays, and the session can be used as before. So it is when the
//!   future is dropped.
//! - Several programs may migrate the same database at once: one applies a migration, the others wait for it and go on
//!   with what is left. See [`Migrations`].
//! - A statement that cannot run in a transaction, such as `create index concurrently`, fails with the error of the
//!   server, since refinery has no migrations without a transaction. A migration that ends its transaction itself is
//!   an error, too.
//!
//! # Errors
//!
//! They are refinery's. The [`source`](std::error::Error::source) of an error that came from the database is the
//! [`aiopg::Error`], with its SQLSTATE and everything else that the server said.
//!
//! # Versions
//!
//! This is for refinery 0.10, which needs Rust 1.92.

pub use refinery_core;
pub use refinery_core::{Error, Report, Runner};

mod history;
mod transact;
mod attempt;
mod migrations;
mod run_on;

pub use crate::migrations::Migrations;
pub use crate::run_on::RunOn;

/// The program in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
