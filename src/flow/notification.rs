//! `Notification`, and the queue of those that nobody has received yet.

use std::collections::VecDeque;
use std::fmt;

use crate::message::NotificationResponse;

/// Notifications that are kept: more than the input buffer can hold at once, so that none is dropped while somebody
/// receives. 64 KiB of the shortest ones are 5,461.
const MAX_NOTIFICATIONS: usize = 8_192;

/// Bytes of notifications that are kept: some 500 of the longest, so that a session that listens and never receives
/// costs little more than its buffers.
const MAX_NOTIFICATION_BYTES: usize = 4 << 20;

/// What NOTIFY sends to everybody who listens on a channel.
///
/// # Source
///
/// [NOTIFY](https://www.postgresql.org/docs/18/sql-notify.html)
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Notification {
    channel: Box<str>,
    payload: Box<str>,
    process_id: i32,
}

impl Notification {
    /// Returns the name of the channel.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Returns the payload; empty if none was given.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// Returns the process ID of the backend that has notified. It may be the session's own.
    pub fn process_id(&self) -> i32 {
        self.process_id
    }

    /// About how many bytes it holds.
    fn size(&self) -> usize {
        size_of::<Self>() + self.channel.len() + self.payload.len()
    }
}

impl fmt::Debug for Notification {
    /// Leaves the payload out: it is data of the program.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("channel", &self.channel)
            .field("process_id", &self.process_id)
            .finish_non_exhaustive()
    }
}

/// What comes next out of the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    Notification(Notification),
    /// So many were dropped here.
    Lagged(u64),
}

/// Notifications that have arrived and were not received: bounded, the oldest are dropped and counted.
#[derive(Debug, Default)]
pub(crate) struct NotificationQueue {
    notifications: VecDeque<Notification>,
    bytes: usize,
    /// How many were dropped in front of those that are kept.
    lagged: u64,
}

impl NotificationQueue {
    /// Adds one, and tells whether that made the queue drop others where it had not before.
    pub(crate) fn push(&mut self, notification: &NotificationResponse<'_>) -> bool {
        let notification = Notification {
            channel: notification.channel.into(),
            payload: notification.payload.into(),
            process_id: notification.process_id,
        };
        self.bytes += notification.size();
        self.notifications.push_back(notification);
        let kept_up = self.lagged == 0;
        while self.notifications.len() > MAX_NOTIFICATIONS || self.bytes > MAX_NOTIFICATION_BYTES {
            if self.pop_notification().is_none() {
                break;
            }
            self.lagged = self.lagged.saturating_add(1);
        }
        kept_up && self.lagged > 0
    }

    /// Takes the oldest, or first how many were dropped before it.
    pub(crate) fn pop(&mut self) -> Option<Queued> {
        if self.lagged > 0 {
            return Some(Queued::Lagged(std::mem::take(&mut self.lagged)));
        }
        self.pop_notification().map(Queued::Notification)
    }

    fn pop_notification(&mut self) -> Option<Notification> {
        let notification = self.notifications.pop_front()?;
        self.bytes = self.bytes.saturating_sub(notification.size());
        if self.notifications.is_empty() {
            // After a burst its memory is given back.
            self.notifications = VecDeque::new();
        }
        Some(notification)
    }

    pub(crate) fn len(&self) -> usize {
        self.notifications.len()
    }

    /// Whether there is nothing to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.notifications.is_empty() && self.lagged == 0
    }

    /// Forgets everything, also what was dropped.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &mut NotificationQueue, payload: &str) -> bool {
        queue.push(&NotificationResponse { process_id: 7, channel: "c", payload })
    }

    fn pop(queue: &mut NotificationQueue) -> String {
        match queue.pop() {
            Some(Queued::Notification(notification)) => notification.payload().to_owned(),
            Some(Queued::Lagged(count)) => format!("lagged {count}"),
            None => "nothing".to_owned(),
        }
    }

    #[test]
    fn the_oldest_are_dropped_and_counted_once_in_their_place() {
        let mut queue = NotificationQueue::default();
        let first_lags = (0..MAX_NOTIFICATIONS + 3).filter(|n| push(&mut queue, &n.to_string()));
        assert_eq!(first_lags.count(), 1, "it is told once");
        assert_eq!(queue.len(), MAX_NOTIFICATIONS);
        assert_eq!(pop(&mut queue), "lagged 3");
        assert_eq!(pop(&mut queue), "3");
        push(&mut queue, "last");
        assert_eq!((0..MAX_NOTIFICATIONS).map(|_| pop(&mut queue)).last().unwrap(), "last");
        assert_eq!(pop(&mut queue), "nothing");
        assert!(queue.is_empty() && queue.bytes == 0 && queue.notifications.capacity() == 0);
    }

    #[test]
    fn long_ones_are_bounded_by_their_bytes() {
        let mut queue = NotificationQueue::default();
        let payload = "x".repeat(7_999);
        (0..2_000).for_each(|_| {
            push(&mut queue, &payload);
        });
        assert!(queue.bytes <= MAX_NOTIFICATION_BYTES);
        let kept = queue.len();
        assert!((500..600).contains(&kept), "{kept}");
        assert_eq!(pop(&mut queue), format!("lagged {}", 2_000 - kept));
        push(&mut queue, &"x".repeat(MAX_NOTIFICATION_BYTES));
        assert_eq!((queue.len(), queue.bytes), (0, 0));
        assert_eq!(pop(&mut queue), format!("lagged {}", kept + 1));
    }

    #[test]
    fn a_burst_that_lagged_again_is_told_again() {
        let mut queue = NotificationQueue::default();
        (0..=MAX_NOTIFICATIONS).for_each(|_| {
            push(&mut queue, "a");
        });
        assert_eq!(pop(&mut queue), "lagged 1");
        assert!(push(&mut queue, "b"), "the queue was full still");
        queue.clear();
        assert_eq!(pop(&mut queue), "nothing");
    }

    #[test]
    fn debug_does_not_print_the_payload() {
        let mut queue = NotificationQueue::default();
        push(&mut queue, "secret");
        assert!(!format!("{queue:?} {:?}", queue.pop()).contains("secret"));
    }
}
