//! Takes the text of a statement apart, as far as the driver must.

mod token;
mod ends;

pub(crate) use crate::session::lexer::ends::{cancellable, is_copy, is_one_of};
pub(crate) use crate::session::lexer::token::{Backslash, Token, TokenKind, tokens};
