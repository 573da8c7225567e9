//! A statement by the simple protocol: parameters as literals, values as text, both turned around here.

use std::sync::Arc;

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::flow::Protocol;
use crate::message::{Backend, CommandTag, Encode, Query};
use crate::session::catalog::Catalog;
use crate::session::column::{Column, Described, columns};
use crate::session::connection::Connection;
use crate::session::exchange::Exchange;
use crate::session::lexer::{Backslash, Token, TokenKind, cancellable, tokens};
use crate::session::mogrify::mogrify;
use crate::session::row_stream::{RowStream, copy_out_refused};
use crate::session::statement::Statement;
use crate::session::text_rows::binary;
use crate::types::Params;

/// The reply up to its first row.
enum Begun {
    /// Rows are to come; their values come as text.
    Rows(Arc<[Column]>),
    /// There are no rows: this is all.
    Complete(CommandTag),
    Refused(Error),
}

impl<R: Runtime> Connection<R> {
    /// Runs one statement by one Query.
    pub(crate) async fn run_simply(
        &mut self,
        sql: &str,
        params: &dyn Params,
    ) -> Result<RowStream<'_, R>, Error> {
        if is_several(sql) {
            let text = "one statement was expected, but there are several: use `batch_execute`";
            return Err(Error::usage(text).unsent().with_statement(sql));
        }
        let text = mogrify(sql, params, self.backslash())?;
        let mut exchange = self
            .request(Protocol::Simple, cancellable(sql), |out| Query { sql: &text }.encode(out))
            .await
            .map_err(|error| error.or_statement(sql))?;
        let begun = exchange.begun().await.map_err(|error| error.or_statement(sql))?;
        let unnamed = exchange.connection.statements.unnamed();
        match begun {
            Begun::Rows(texts) => {
                let columns: Arc<[_]> = texts.iter().map(binary).collect();
                let statement = Statement::new(unnamed, sql, [].into(), columns);
                Ok(RowStream::of_texts(exchange, statement, texts))
            }
            Begun::Complete(tag) => {
                let statement = Statement::new(unnamed, sql, [].into(), [].into());
                Ok(RowStream::complete(exchange, statement, tag))
            }
            Begun::Refused(error) => {
                exchange.finish().await?;
                Err(error.with_statement(sql))
            }
        }
    }
}

impl<R: Runtime> Exchange<'_, R> {
    async fn begun(&mut self) -> Result<Begun, Error> {
        let message = self.message().await?;
        let channel = &mut self.connection.channel;
        let begun = match channel.machine().decode(message) {
            Ok(Backend::RowDescription(description)) => {
                Ok(Begun::Rows(columns(description, &Catalog::default(), Described::Result).into()))
            }
            Ok(Backend::CommandComplete(complete)) => Ok(Begun::Complete(complete.tag)),
            Ok(Backend::EmptyQueryResponse) => Ok(Begun::Complete(CommandTag::EMPTY)),
            Ok(Backend::ErrorResponse(error)) => Ok(Begun::Refused(channel.refusal(error.0))),
            Ok(Backend::CopyOutResponse(_)) => Ok(Begun::Refused(copy_out_refused())),
            Ok(other) => Err(Error::unexpected(other.name())),
            Err(error) => Err(error),
        };
        begun.map_err(|error| channel.end(error))
    }
}

/// Whether there is more than one statement, by either reading of a backslash.
fn is_several(sql: &str) -> bool {
    [Backslash::Plain, Backslash::Escapes]
        .into_iter()
        .any(|backslash| is_several_as(sql, backslash))
}

/// Whether there is more than one statement where a backslash is read like this. A function whose body is SQL without
/// quotes counts as several.
pub(crate) fn is_several_as(sql: &str, backslash: Backslash) -> bool {
    let mut behind = tokens(sql, backslash)
        .skip_while(|token| token.text != ";" || token.kind != TokenKind::Symbol);
    behind.any(is_said)
}

/// Whether there is no statement at all.
pub(crate) fn is_empty(sql: &str) -> bool {
    !tokens(sql, Backslash::Plain).any(is_said)
}

fn is_said(token: Token<'_>) -> bool {
    !matches!(token.kind, TokenKind::Space | TokenKind::Comment) && token.text != ";"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_statements_are_told_from_one() {
        for one in ["select 1", "select 1;", " select ';' ; -- ; x", "select $$;$$ /* ; */", ""] {
            assert!(!is_several(one), "{one}");
        }
        for several in ["select 1; select 2", ";select 1", "select '\\'; drop table t; --'"] {
            assert!(is_several(several), "{several}");
        }
    }
}
