//! Why a check failed.

use std::fmt;
use std::io;

use crate::timeout::Elapsed;

/// What a check returns.
pub(super) type Outcome<T = ()> = Result<T, Failure>;

/// Why a check failed.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(format!("unexpected I/O error: {error} ({:?})", error.kind()))
    }
}

impl From<Elapsed> for Failure {
    fn from(_: Elapsed) -> Self {
        Self("a time limit elapsed".to_owned())
    }
}

/// Fails the check unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::conformance::failure::Failure::new(format!($($reason)+)));
        }
    };
}

pub(super) use ensure;
