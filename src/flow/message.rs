//! `Message`: where a message that has arrived stands.

use crate::message::CopyData;

/// Where the body of a message stands in the input, until the next read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) tag: u8,
    pub(in crate::flow) start: usize,
    pub(in crate::flow) end: usize,
}

impl Message {
    pub(crate) fn is_copy_data(self) -> bool {
        self.tag == CopyData::TAG
    }
}
