//! Values of every type, parameters, and rows as structs, against real servers and on every runtime.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the line where it fails"
)]

mod containers;
mod catalog;
mod records;
mod named;
mod quoting;
mod mogrify;
mod text_forms;
mod rows;
mod derive;
mod derive_params;
mod table;
mod scalars;
mod times;
mod texts;
mod decoders;
mod serde;
