//! The pool, against real servers and on every runtime.
