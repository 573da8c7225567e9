//! Bytes: the manual's message data types, read and written with every length checked.

mod reader;
mod writer;
mod parts;
mod frame;

pub(crate) use crate::wire::frame::{HEADER_LENGTH, Header};
pub(crate) use crate::wire::parts::{Begun, Parts};
pub(crate) use crate::wire::reader::Reader;
pub(crate) use crate::wire::writer::{Length, Writer, message_length};
