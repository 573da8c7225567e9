//! Text forms of builtin types: from the binary value to text and back.

mod plain;
mod form;
mod nested;
mod value;

pub(crate) use crate::types::text::value::{binary_of, has_text_form, text_of};
