//! Cursors, transactions, notifications and large objects, against real servers and on every runtime.
