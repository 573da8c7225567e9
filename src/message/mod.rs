//! One type per protocol message, named as in the manual.

mod format;
mod codec;
mod startup;
mod authentication;
mod simple;
mod extended;
mod row;
mod copy;
mod function;
mod report;
mod backend;

pub(crate) use crate::message::authentication::{
    Authentication, PasswordMessage, SaslInitialResponse, SaslResponse,
};
pub(crate) use crate::message::backend::Backend;
pub(crate) use crate::message::codec::{Decode, Encode};
#[cfg(test)]
pub(crate) use crate::message::copy::CopyInResponse;
pub(crate) use crate::message::copy::{CopyData, CopyDone, CopyFail, CopyLayout};
pub(crate) use crate::message::extended::{
    Close, Describe, Execute, Flush, Parse, Sync, Value, bind_head, write_bind,
    write_bind_with_head, write_value,
};
pub use crate::message::format::Format;
pub(crate) use crate::message::format::Object;
pub(crate) use crate::message::report::{
    ErrorResponse, NoticeResponse, NotificationResponse, ParameterStatus,
};
pub(crate) use crate::message::row::{
    ColumnDescription, DataRow, Misshapen, Offset, RowDescription, ValuesInOrder,
};
pub(crate) use crate::message::simple::{CommandComplete, Query, ReadyForQuery, Terminate};
pub use crate::message::simple::{CommandTag, TransactionStatus};
pub(crate) use crate::message::startup::{
    BackendKeyData, CancelRequest, NegotiateProtocolVersion, PROTOCOL_3_0, PROTOCOL_3_2,
    SSL_REQUEST, StartupMessage,
};
