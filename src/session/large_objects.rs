//! `LargeObjects`: makes, opens and removes large objects within a transaction.

use std::fmt;

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::error::Error;
use crate::session::client::Client;
use crate::session::connection::Connection;
use crate::session::large_object::LargeObject;
use crate::session::savepoint::Savepoint;
use crate::session::transaction::Transaction;

/// Makes, opens and removes large objects: values of up to 4 TB that are read and written in pieces.
///
/// They live outside of tables, under a number that a column of type `oid` can hold, and are there until somebody
/// unlinks them. For values that fit into memory a column of type `bytea` is simpler.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), Box<dyn std::error::Error>> {
/// use aiopg::LargeObjectMode;
/// use futures_util::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
///
/// let mut transaction = connection.begin().await?;
/// let mut objects = transaction.large_objects();
/// let oid = objects.create().await?;
/// let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
/// object.write_all(b"hello, world").await?;
/// object.truncate(5).await?;
/// object.seek(std::io::SeekFrom::Start(1)).await?;
/// let mut text = String::new();
/// object.read_to_string(&mut text).await?;
/// assert_eq!(text, "ello");
/// object.close().await?;
/// transaction.commit().await?;
/// # Ok(()) }
/// ```
///
/// # Source
///
/// [Large objects](https://www.postgresql.org/docs/18/largeobjects.html)
pub struct LargeObjects<'t, R: Runtime = AnyRuntime> {
    connection: &'t mut Connection<R>,
}

/// What a large object is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LargeObjectMode {
    /// Reading, as the object was when the transaction's snapshot was taken.
    Read,
    /// Writing, and reading what all transactions before have written.
    ReadWrite,
}

impl<C: Client> Transaction<C> {
    /// Returns what makes, opens and removes large objects in this transaction.
    pub fn large_objects(&mut self) -> LargeObjects<'_, C::Runtime> {
        LargeObjects { connection: self.connection() }
    }
}

impl<R: Runtime> Savepoint<'_, R> {
    /// Returns what makes, opens and removes large objects until the savepoint ends.
    pub fn large_objects(&mut self) -> LargeObjects<'_, R> {
        LargeObjects { connection: self.connection() }
    }
}

impl<R: Runtime> LargeObjects<'_, R> {
    /// Makes an empty large object, and returns the number that the server has chosen for it.
    ///
    /// # Examples
    ///
    /// See [`LargeObjects`].
    ///
    /// # Messages
    ///
    /// As [`Connection::query`].
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::query`].
    ///
    /// # Errors
    ///
    /// As [`Connection::query`].
    ///
    /// # Source
    ///
    /// [Creating](https://www.postgresql.org/docs/18/lo-interfaces.html#LO-CREATE)
    pub async fn create(&mut self) -> Result<u32, Error> {
        self.connection.query_scalar("select pg_catalog.lo_create(0)", ()).await
    }

    /// Makes an empty large object with this number.
    ///
    /// # Errors
    ///
    /// As [`Connection::query`]: with SQLSTATE 42710 or 23505 if there is one already.
    ///
    /// # Source
    ///
    /// [Creating](https://www.postgresql.org/docs/18/lo-interfaces.html#LO-CREATE)
    pub async fn create_as(&mut self, oid: u32) -> Result<(), Error> {
        let sql = "select pg_catalog.lo_create($1)";
        self.connection.query_scalar::<u32>(sql, (oid,)).await.map(drop)
    }

    /// Opens a large object, at its start.
    ///
    /// # Examples
    ///
    /// See [`LargeObjects`].
    ///
    /// # Messages
    ///
    /// As [`Connection::query`].
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::query`]: what was opened is closed when the transaction ends.
    ///
    /// # Errors
    ///
    /// As [`Connection::query`]: with SQLSTATE 42704 if there is no such object.
    ///
    /// # Source
    ///
    /// [Opening](https://www.postgresql.org/docs/18/lo-interfaces.html#LO-OPEN)
    pub async fn open(
        &mut self,
        oid: u32,
        mode: LargeObjectMode,
    ) -> Result<LargeObject<'_, R>, Error> {
        let flags = match mode {
            LargeObjectMode::Read => INV_READ,
            LargeObjectMode::ReadWrite => INV_READ | INV_WRITE,
        };
        let sql = "select pg_catalog.lo_open($1, $2)";
        let descriptor = self.connection.query_scalar(sql, (oid, flags)).await?;
        Ok(LargeObject::new(self.connection, descriptor))
    }

    /// Removes a large object.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection, oid: u32) -> Result<(), aiopg::Error> {
    /// let mut transaction = connection.begin().await?;
    /// transaction.large_objects().unlink(oid).await?;
    /// transaction.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`Connection::query`].
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::query`].
    ///
    /// # Errors
    ///
    /// As [`Connection::query`]: with SQLSTATE 42704 if there is no such object.
    ///
    /// # Source
    ///
    /// [Removing](https://www.postgresql.org/docs/18/lo-interfaces.html#LO-UNLINK)
    pub async fn unlink(&mut self, oid: u32) -> Result<(), Error> {
        let sql = "select pg_catalog.lo_unlink($1)";
        self.connection.query_scalar::<i32>(sql, (oid,)).await.map(drop)
    }
}

/// The server's names for what an object is opened for.
const INV_WRITE: i32 = 0x20000;
const INV_READ: i32 = 0x40000;

impl<R: Runtime> fmt::Debug for LargeObjects<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LargeObjects(..)")
    }
}
