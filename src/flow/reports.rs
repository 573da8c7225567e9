//! `Reports`: what the server says unasked: parameters, notices, its transaction status.

use std::collections::VecDeque;
use std::fmt;

use crate::config::{Config, Event, Events, NoticeHook};
use crate::error::{Error, Kind, OneLine, ServerError};
use crate::flow::notification::NotificationQueue;
use crate::message::{NotificationResponse, ParameterStatus, TransactionStatus};

/// Notices that are kept; enough to see what led to an error.
const MAX_NOTICES: usize = 50;

/// Bytes of notices that are kept, so that fifty long ones do not add up.
const MAX_NOTICE_BYTES: usize = 256 << 10;

/// Bytes of run-time parameters that are kept; their values are words and paths.
const MAX_PARAMETER_BYTES: usize = 1 << 20;

/// Run-time parameters that are kept; a server reports some fifteen, and the limit bounds a hostile one.
const MAX_PARAMETERS: usize = 1_000;

/// Texts are read and written as UTF-8: in another encoding they would be silently corrupted.
pub(crate) fn is_utf8(status: &ParameterStatus<'_>) -> Result<(), Error> {
    if status.name != "client_encoding" || matches!(status.value, "UTF8" | "UNICODE") {
        return Ok(());
    }
    let text = format!(
        "the session's client_encoding was set to \"{}\": only UTF8 can be spoken",
        OneLine(status.value)
    );
    Err(Error::new(Kind::Protocol, text))
}

pub(crate) struct Reports {
    status: TransactionStatus,
    parameters: Vec<(Box<str>, Box<str>)>,
    notices: VecDeque<ServerError>,
    notice_bytes: usize,
    notifications: NotificationQueue,
    hook: Option<NoticeHook>,
    events: Events,
}

impl Reports {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            status: TransactionStatus::Idle,
            parameters: Vec::new(),
            notices: VecDeque::new(),
            notice_bytes: 0,
            notifications: NotificationQueue::default(),
            hook: config.notice_hook.clone(),
            events: config.events.clone(),
        }
    }

    /// Tells the program's hook.
    pub(crate) fn tell(&self, event: &Event) {
        self.events.tell(event);
    }

    pub(crate) fn set_transaction_status(&mut self, status: TransactionStatus) {
        self.status = status;
    }

    pub(crate) fn set_parameter(&mut self, status: &ParameterStatus<'_>) -> Result<(), Error> {
        let known = self.parameters.iter_mut().find(|(name, _)| **name == *status.name);
        match known {
            Some((_, value)) => *value = status.value.into(),
            None => self.parameters.push((status.name.into(), status.value.into())),
        }
        let bytes: usize =
            self.parameters.iter().map(|(name, value)| name.len() + value.len()).sum();
        if self.parameters.len() > MAX_PARAMETERS || bytes > MAX_PARAMETER_BYTES {
            let text = "the server reports more parameters, or longer ones, than can be kept";
            return Err(Error::new(Kind::Protocol, text));
        }
        Ok(())
    }

    pub(crate) fn add_notice(&mut self, notice: ServerError) {
        if let Some(hook) = &self.hook {
            hook(&notice);
        }
        self.notice_bytes += size(&notice);
        self.notices.push_back(notice);
        while self.notices.len() > MAX_NOTICES || self.notice_bytes > MAX_NOTICE_BYTES {
            let Some(oldest) = self.notices.pop_front() else { break };
            self.notice_bytes = self.notice_bytes.saturating_sub(size(&oldest));
        }
    }

    /// Keeps a notification until it is received, and tells whether that made others be dropped where it had not
    /// before.
    pub(crate) fn add_notification(&mut self, notification: &NotificationResponse<'_>) -> bool {
        self.notifications.push(notification)
    }

    pub(crate) fn notifications(&self) -> &NotificationQueue {
        &self.notifications
    }

    pub(crate) fn notifications_mut(&mut self) -> &mut NotificationQueue {
        &mut self.notifications
    }

    pub(crate) fn transaction_status(&self) -> TransactionStatus {
        self.status
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.parameters.iter().find(|(key, _)| **key == *name)?;
        Some(value)
    }

    pub(crate) fn notices(&self) -> impl ExactSizeIterator<Item = &ServerError> {
        self.notices.iter()
    }
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reports")
            .field("status", &self.status)
            .field("notices", &self.notices.len())
            .finish_non_exhaustive()
    }
}

/// About how many bytes a notice holds.
fn size(notice: &ServerError) -> usize {
    let fields: usize = notice.fields.iter().map(|(_, text)| text.len()).sum();
    size_of::<ServerError>() + notice.message.len() + fields
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::SqlState;

    fn notice(message: &str) -> ServerError {
        ServerError {
            severity: "NOTICE".into(),
            sqlstate: SqlState::SUCCESSFUL_COMPLETION,
            message: message.into(),
            fields: [].into(),
        }
    }

    #[test]
    fn the_last_fifty_notices_are_kept_and_the_hook_sees_all() {
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let config = Config::new().on_notice(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let mut reports = Reports::new(&config);
        (0..60).for_each(|number| reports.add_notice(notice(&number.to_string())));
        let kept: Vec<_> = reports.notices().map(ServerError::message).collect();
        assert_eq!((kept.len(), kept[0], kept[49]), (50, "10", "59"));
        assert_eq!(seen.load(Ordering::Relaxed), 60);
    }

    #[test]
    fn long_notices_push_out_more_than_one() {
        let mut reports = Reports::new(&Config::new());
        (0..10).for_each(|_| reports.add_notice(notice(&"x".repeat(100 << 10))));
        assert_eq!(reports.notices().len(), 2);
        reports.add_notice(notice(&"x".repeat(1 << 20)));
        assert_eq!(reports.notices().len(), 0);
        reports.add_notice(notice("short"));
        assert_eq!(reports.notices().len(), 1);
    }

    #[test]
    fn a_parameter_has_its_latest_value_and_their_number_is_bounded() {
        let mut reports = Reports::new(&Config::new());
        let set = |reports: &mut Reports, name: &str, value: &str| {
            reports.set_parameter(&ParameterStatus { name, value })
        };
        set(&mut reports, "TimeZone", "UTC").unwrap();
        set(&mut reports, "TimeZone", "Europe/Berlin").unwrap();
        assert_eq!(reports.parameter("TimeZone"), Some("Europe/Berlin"));
        assert_eq!(reports.parameter("timezone"), None);
        (1..MAX_PARAMETERS).for_each(|n| set(&mut reports, &n.to_string(), "").unwrap());
        assert!(set(&mut reports, "one more", "").is_err());

        let mut reports = Reports::new(&Config::new());
        let long = "x".repeat(600 << 10);
        set(&mut reports, "a", &long).unwrap();
        set(&mut reports, "a", "short").unwrap();
        set(&mut reports, "b", &long).unwrap();
        assert!(set(&mut reports, "c", &long).is_err());
    }
}
