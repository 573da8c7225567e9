//! Many statements and many rows at once, against real servers and on every runtime.

#![expect(clippy::unwrap_used, reason = "a test stops at the line where it fails")]

mod portals;
