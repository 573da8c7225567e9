//! Derives for aiopg; use them through its feature `derive`.
