//! COPY: many rows at once into a table or out of one, as rows or as bytes.

mod table_name;
mod options;
mod described;
mod progress;
mod reply;
mod copying;
mod feed;
mod copy_in_writer;
mod tuples;
mod copy_in_rows;
mod copy_in;
mod copy_out_reader;
mod copy_out_rows;
mod copy_out;

pub use crate::session::copy::copy_in::CopyIn;
pub use crate::session::copy::copy_in_rows::CopyInRows;
pub use crate::session::copy::copy_in_writer::CopyInWriter;
pub use crate::session::copy::copy_out::CopyOut;
pub use crate::session::copy::copy_out_reader::CopyOutReader;
pub use crate::session::copy::copy_out_rows::{CopyOutRowStream, CopyOutRows};
pub use crate::session::copy::options::{LogVerbosity, OnError};
pub use crate::session::copy::progress::Progress;
pub use crate::session::copy::table_name::TableName;
