//! Whether a statement was refused for what the session knew of it, so that it may be prepared anew.

use crate::error::{Error, ServerError, SqlState};
use crate::session::statement::Statement;

/// Whether a state that comes before a statement is run says that the server has forgotten it, or that it is no longer
/// what was described: it may come from types that are no longer what they were when they were looked up.
pub(crate) fn tells_staleness(state: SqlState, statement: &Statement) -> bool {
    let forgotten = [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::FEATURE_NOT_SUPPORTED];
    let suspects = [
        SqlState::INVALID_BINARY_REPRESENTATION,
        SqlState::DATATYPE_MISMATCH,
        SqlState::UNDEFINED_OBJECT,
        SqlState::INTERNAL_ERROR,
    ];
    forgotten.contains(&state) || (suspects.contains(&state) && !statement.oids().is_empty())
}

/// Whether the server has no binary form of a result, and says so when it finds the first row. The text of the error
/// is in the server's language; the names of the routines that raise it are not.
pub(crate) fn lacks_binary_form(error: &Error) -> bool {
    const ROUTINES: [&str; 4] =
        ["getTypeBinaryOutputInfo", "array_send", "get_range_io_data", "get_multirange_io_data"];
    let routine = error.server().and_then(ServerError::routine);
    error.sqlstate() == Some(SqlState::UNDEFINED_FUNCTION)
        && routine.is_some_and(|routine| ROUTINES.contains(&routine))
}
