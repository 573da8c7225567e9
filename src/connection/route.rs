//! `target_session_attrs`: whether an open session is of the kind that was asked for.

use std::future::poll_fn;

use aiopg_runtime::Runtime;

use crate::config::TargetSessionAttrs;
use crate::connection::canceller::Cancellable;
use crate::connection::channel::Channel;
use crate::error::{Error, Kind};
use crate::flow::{Protocol, Request};
use crate::message::{Backend, DataRow, Encode, Query};

/// Checks a session. `Err` with [`Kind::TargetSessionAttrs`] says why it is the wrong one.
///
/// The server reports what is asked for, from version 14 on; before, it costs a query.
pub(crate) async fn check<R: Runtime>(
    channel: &mut Channel<R>,
    attrs: TargetSessionAttrs,
) -> Result<(), Error> {
    let refused = match attrs {
        TargetSessionAttrs::Any => None,
        TargetSessionAttrs::ReadWrite => {
            is_read_only(channel).await?.then_some("the session is read-only")
        }
        TargetSessionAttrs::ReadOnly => {
            (!is_read_only(channel).await?).then_some("the session is not read-only")
        }
        TargetSessionAttrs::Primary => {
            is_standby(channel).await?.then_some("the server is in hot standby mode")
        }
        TargetSessionAttrs::Standby | TargetSessionAttrs::PreferStandby => {
            (!is_standby(channel).await?).then_some("the server is not in hot standby mode")
        }
    };
    refused.map_or(Ok(()), |text| Err(Error::new(Kind::TargetSessionAttrs, text).unsent()))
}

async fn is_read_only<R: Runtime>(channel: &mut Channel<R>) -> Result<bool, Error> {
    let reports = channel.machine().reports();
    let read_only = reports.parameter("default_transaction_read_only").map(is_on);
    match (read_only, reports.parameter("in_hot_standby").map(is_on)) {
        (Some(read_only), Some(standby)) => Ok(read_only || standby),
        _ => Ok(is_on(&ask(channel, "show transaction_read_only").await?)),
    }
}

async fn is_standby<R: Runtime>(channel: &mut Channel<R>) -> Result<bool, Error> {
    match channel.machine().reports().parameter("in_hot_standby").map(is_on) {
        Some(standby) => Ok(standby),
        None => Ok(is_on(&ask(channel, "select pg_catalog.pg_is_in_recovery()").await?)),
    }
}

fn is_on(value: &str) -> bool {
    matches!(value, "on" | "t")
}

/// Runs a statement of one row and one column, in text. As in libpq, a server that fails to answer is the wrong
/// one.
async fn ask<R: Runtime>(channel: &mut Channel<R>, sql: &str) -> Result<String, Error> {
    let answer = answer(channel, sql).await;
    answer.map_err(|error| {
        if error.kind() != Kind::Server {
            return error;
        }
        let text = format!("\"{sql}\" failed");
        Error::new(Kind::TargetSessionAttrs, text).with_source(error).unsent()
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what else comes does not matter here")]
async fn answer<R: Runtime>(channel: &mut Channel<R>, sql: &str) -> Result<String, Error> {
    channel.request(Request::new(Protocol::Simple), Cancellable::Yes, |out| {
        Query { sql }.encode(out)
    })?;
    let (mut answer, mut failure) = (String::new(), None);
    while channel.machine().is_owed() {
        let message = poll_fn(|cx| channel.poll_message(cx)).await?;
        match channel.machine().decode(message)? {
            Backend::DataRow(row) => answer = text(row)?,
            Backend::ErrorResponse(error) => failure = Some(Error::from_server(error.0)),
            _ => {}
        }
    }
    failure.map_or(Ok(answer), Err)
}

fn text(row: DataRow<'_>) -> Result<String, Error> {
    let mut offsets = Vec::new();
    row.find_values(1, &mut offsets)?;
    let value = offsets.first().and_then(|offset| row.value_at(*offset)).unwrap_or_default();
    Ok(String::from_utf8_lossy(value).into_owned())
}
