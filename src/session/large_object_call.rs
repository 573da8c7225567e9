//! `Call`: one of the server's functions for large objects that is called, and its answer.

use std::borrow::Cow;
use std::fmt::Write;
use std::io::SeekFrom;
use std::task::{Context, Poll, ready};

use aiopg_runtime::Runtime;
use postgres_types::Type;

use crate::connection::Cancellable;
use crate::error::Error;
use crate::flow::{Message, Protocol, Request};
use crate::message::{Backend, Encode, Parse};
use crate::session::bind::{Until, write_run};
use crate::session::connection::Connection;
use crate::session::riders::LOWRITE;
use crate::session::source::TimeLimit;
use crate::types::Params;
use crate::wire::Reader;

/// What is asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// So many bytes at most.
    Read(i32),
    /// All that is buffered.
    Write,
    Seek(SeekFrom),
    Truncate(i64),
    Close,
}

impl Call {
    fn send<R: Runtime>(
        self,
        connection: &mut Connection<R>,
        descriptor: i32,
        output: &[u8],
    ) -> Result<(), Error> {
        match self {
            Self::Read(length) => {
                let sql = "select pg_catalog.loread($1, $2)";
                send(connection, sql, &[Type::INT4, Type::INT4], &(descriptor, length))
            }
            Self::Write => {
                let sql = "select pg_catalog.lowrite($1, $2)";
                send(connection, sql, &[Type::INT4, Type::BYTEA], &(descriptor, output))
            }
            Self::Seek(to) => {
                let sql = "select pg_catalog.lo_lseek64($1, $2, $3)";
                let (offset, whence) = match to {
                    SeekFrom::Start(position) => (i64::try_from(position).ok(), 0),
                    SeekFrom::Current(offset) => (Some(offset), 1),
                    SeekFrom::End(offset) => (Some(offset), 2),
                };
                let beyond = || Error::usage("the position is beyond 64 bits with a sign").unsent();
                let params = (descriptor, offset.ok_or_else(beyond)?, whence);
                send(connection, sql, &[Type::INT4, Type::INT8, Type::INT4], &params)
            }
            Self::Truncate(length) => {
                let sql = "select pg_catalog.lo_truncate64($1, $2)";
                send(connection, sql, &[Type::INT4, Type::INT8], &(descriptor, length))
            }
            Self::Close => {
                let sql = "select pg_catalog.lo_close($1)";
                send(connection, sql, &[Type::INT4], &(descriptor,))
            }
        }
    }
}

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct Calling {
    pub(crate) call: Call,
    value: Vec<u8>,
    error: Option<Error>,
}

impl Calling {
    /// Sends a call. Nothing may be owed.
    pub(crate) fn start<R: Runtime>(
        call: Call,
        connection: &mut Connection<R>,
        descriptor: i32,
        output: &[u8],
    ) -> Result<Self, Error> {
        call.send(connection, descriptor, output)?;
        Ok(Self { call, value: Vec::new(), error: None })
    }

    /// Ready with the value that the function returned, when all of the reply was read.
    pub(crate) fn poll_value<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Vec<u8>, Error>> {
        while connection.channel.machine().is_owed() {
            let polled = ready!(connection.channel.poll_message(cx));
            // If the session goes on, whoever comes next reads off the rest.
            let message = polled.inspect_err(|_| {
                connection.channel.abandon();
            })?;
            let taken = self.take(connection, message);
            taken.map_err(|error| connection.channel.end(error))?;
        }
        connection.take_note();
        let value = std::mem::take(&mut self.value);
        Poll::Ready(self.error.take().map_or(Ok(value), Err))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is refused by name")]
    fn take<R: Runtime>(
        &mut self,
        connection: &Connection<R>,
        message: Message,
    ) -> Result<(), Error> {
        let machine = connection.channel.machine();
        match machine.decode(message)? {
            Backend::DataRow(row) => {
                let mut reader = Reader::new("DataRow", row.body());
                if reader.read_count()? != 1 {
                    return Err(reader.invalid("it has more than one value"));
                }
                self.value = reader.read_value()?.unwrap_or_default().to_vec();
                reader.finish()
            }
            Backend::ErrorResponse(error) => {
                self.error.get_or_insert_with(|| connection.channel.refusal(error.0));
                Ok(())
            }
            Backend::ParseComplete
            | Backend::BindComplete
            | Backend::CommandComplete(_)
            | Backend::ReadyForQuery(_) => Ok(()),
            other => Err(Error::unexpected(other.name())),
        }
    }
}

/// The value that a function for positions returned.
pub(crate) fn position(value: &[u8]) -> Result<u64, Error> {
    let position = Reader::new("DataRow", value).read_i64()?;
    u64::try_from(position).map_err(|_| Error::protocol("DataRow", "a position is negative"))
}

/// Has bytes written in front of the next request.
pub(crate) fn write_later<R: Runtime>(
    connection: &mut Connection<R>,
    descriptor: i32,
    bytes: &[u8],
) {
    let mut sql = format!("{LOWRITE}{descriptor}, pg_catalog.decode('");
    // Writing to a text cannot fail.
    let written = bytes.iter().try_for_each(|byte| write!(sql, "{byte:02x}"));
    sql.push_str("', 'hex'))");
    if written.is_ok() {
        connection.riders.ride(Cow::Owned(sql));
    }
}

/// Runs a statement whose types are known, in one write. A call of its own is never cancelled: the bytes would be lost.
fn send<R: Runtime>(
    connection: &mut Connection<R>,
    sql: &str,
    types: &[Type],
    params: &dyn Params,
) -> Result<(), Error> {
    connection.limit(TimeLimit::AsConfigured);
    let request = connection.riders.carried_by(Request::new(Protocol::Extended))?;
    let oids: Vec<_> = types.iter().map(Type::oid).collect();
    let riders = &connection.riders;
    connection.channel.request(request, Cancellable::No, |out| {
        riders.write(out)?;
        Parse { statement: "", sql, types: &oids }.encode(out)?;
        write_run(out, "", types, &[], params, Until::End)
    })
}
