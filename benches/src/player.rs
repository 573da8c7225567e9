//! `Player`: a peer that is ready to do the work of a workload.

use std::future::Future;
use std::pin::Pin;

use crate::Failure;

/// A session, with all that the work needs.
pub(crate) trait Player {
    /// Does the work once for each id. What comes back is checked for being there, not for being right.
    fn play(&mut self, ids: &[i32]) -> impl Future<Output = Result<(), Failure>>;

    /// What else there is to tell, when all rounds are over.
    fn remark(&mut self) -> Option<String> {
        None
    }
}

pub(crate) type Played<'p> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'p>>;

/// Any player.
pub(crate) trait AnyPlayer {
    fn play_any<'p>(&'p mut self, ids: &'p [i32]) -> Played<'p>;

    fn remark_any(&mut self) -> Option<String>;
}

impl<P: Player> AnyPlayer for P {
    fn play_any<'p>(&'p mut self, ids: &'p [i32]) -> Played<'p> {
        Box::pin(self.play(ids))
    }

    fn remark_any(&mut self) -> Option<String> {
        self.remark()
    }
}

/// That as much came as was to come.
pub(crate) fn expect<T: Copy + PartialEq + std::fmt::Display>(
    came: T,
    due: T,
) -> Result<(), Failure> {
    if came == due { Ok(()) } else { Err(format!("{came} came where {due} was due").into()) }
}
