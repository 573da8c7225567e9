//! Cursors: a result that is read step by step, here or on the server.

mod scroll;
mod result_set;
mod routine;
mod client_cursor;
mod read;
mod callproc;
mod direction;
mod server_cursor;
mod portions;
mod declare;

pub use crate::session::cursor::client_cursor::Cursor;
pub use crate::session::cursor::declare::Declare;
pub use crate::session::cursor::direction::Direction;
pub use crate::session::cursor::portions::ServerRows;
pub use crate::session::cursor::result_set::ResultSet;
pub use crate::session::cursor::routine::Routine;
pub use crate::session::cursor::scroll::Scroll;
pub use crate::session::cursor::server_cursor::ServerCursor;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Connection, Transaction};

    fn is_shareable<T: Send + Sync + Unpin>() {}

    fn is_send<T: Send>(_: T) {}

    #[test]
    fn cursors_and_their_futures_can_be_sent() {
        is_shareable::<Cursor<Transaction<Connection>>>();
        is_shareable::<ResultSet>();
        is_shareable::<Declare<Connection>>();
        is_shareable::<ServerCursor<Transaction<Connection>>>();
        is_shareable::<ServerRows<'static, Connection>>();
        let _ = |cursor: &'static mut Cursor<Connection>| {
            is_send(async {
                cursor.execute("select $1", (1,)).await?.fetch_one()?;
                cursor.execute_many("select $1", vec![(1,)]).await?;
                cursor.callproc("f", (1,)).await?;
                cursor.begin().await?.cursor().execute("select 1", ()).await.map(drop)
            });
        };
        let _ = |declare: Declare<Connection>| {
            is_send(async {
                let mut cursor = declare.open("select $1", (1,)).await?;
                cursor.stream().next().await?;
                cursor.fetch(Direction::Next).await?;
                cursor.close().await
            });
        };
    }
}
