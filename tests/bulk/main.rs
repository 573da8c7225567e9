//! Many statements and many rows at once, against real servers and on every runtime.
