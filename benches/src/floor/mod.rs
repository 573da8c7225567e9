//! The floors: what work costs when a driver does nothing but move its bytes.

mod line;
mod session;

pub(crate) use crate::floor::line::{Blocking, Line, OnTokio};
pub(crate) use crate::floor::session::Session;
