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
