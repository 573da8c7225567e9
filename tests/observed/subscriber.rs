//! A subscriber for the whole program that keeps what the tests look at: spans and events, by the thread they began on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread::{self, ThreadId};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// What a span or an event was told of, by the names of its fields.
pub(crate) type Fields = BTreeMap<&'static str, String>;

/// A span.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name: &'static str,
    pub(crate) parent: Option<u64>,
    pub(crate) fields: Fields,
    pub(crate) id: u64,
    pub(crate) is_closed: bool,
    thread: ThreadId,
    handles: usize,
}

impl Span {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// An event, and the span that it happened in.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) target: &'static str,
    pub(crate) level: Level,
    pub(crate) fields: Fields,
    pub(crate) span: Option<u64>,
    thread: ThreadId,
}

#[derive(Default)]
struct Kept {
    spans: Vec<Span>,
    events: Vec<Heard>,
}

static KEPT: Mutex<Kept> = Mutex::new(Kept { spans: Vec::new(), events: Vec::new() });

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

struct Keeping;

/// Sets the subscriber, if no other test has.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Keeping).unwrap());
}

/// The spans that this test has begun on its own thread, in their order.
pub(crate) fn spans() -> Vec<Span> {
    let here = thread::current().id();
    kept().spans.iter().filter(|span| span.thread == here).cloned().collect()
}

/// The spans of one session, on whatever thread they began.
pub(crate) fn spans_of(process_id: i32) -> Vec<Span> {
    let number = process_id.to_string();
    let is_of = |span: &&Span| span.field("aiopg.process_id") == Some(&number);
    kept().spans.iter().filter(is_of).cloned().collect()
}

/// What happened on the test's own thread with this target.
pub(crate) fn events(target: &str) -> Vec<Heard> {
    let here = thread::current().id();
    let is_ours = |event: &&Heard| event.thread == here && event.target == target;
    kept().events.iter().filter(is_ours).cloned().collect()
}

/// All that was told on this thread, as one text.
pub(crate) fn everything() -> String {
    let here = thread::current().id();
    let kept = kept();
    let spans = kept.spans.iter().filter(|span| span.thread == here);
    let events = kept.events.iter().filter(|event| event.thread == here);
    format!("{:?} {:?}", spans.collect::<Vec<_>>(), events.collect::<Vec<_>>())
}

/// Checks that no span is entered whenever `operation` waits.
pub(crate) async fn never_entered_while_waiting<T>(operation: impl Future<Output = T>) -> T {
    let mut operation = pin!(operation);
    poll_fn(|cx| {
        let polled = operation.as_mut().poll(cx);
        ENTERED.with_borrow(|entered| assert!(entered.is_empty(), "{entered:?}"));
        polled
    })
    .await
}

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn change(id: &Id, change: impl FnOnce(&mut Span)) {
    let number = id.into_u64();
    change(kept().spans.iter_mut().find(|span| span.id == number).unwrap());
}

impl Subscriber for Keeping {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("aiopg")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        attributes.record(&mut Told(&mut fields));
        let mut kept = kept();
        let id = u64::try_from(kept.spans.len()).unwrap() + 1;
        kept.spans.push(Span {
            name: attributes.metadata().name(),
            parent: ENTERED.with_borrow(|entered| entered.last().copied()),
            fields,
            id,
            is_closed: false,
            thread: thread::current().id(),
            handles: 1,
        });
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        change(id, |span| values.record(&mut Told(&mut span.fields)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Told(&mut fields));
        let (target, level) = (event.metadata().target(), *event.metadata().level());
        let span = ENTERED.with_borrow(|entered| entered.last().copied());
        kept().events.push(Heard { target, level, fields, span, thread: thread::current().id() });
    }

    fn enter(&self, id: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
    }

    fn exit(&self, id: &Id) {
        let left = ENTERED.with_borrow_mut(Vec::pop);
        assert_eq!(
            left,
            Some(id.into_u64()),
            "spans are left in the order in which they are entered"
        );
    }

    fn clone_span(&self, id: &Id) -> Id {
        change(id, |span| span.handles += 1);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut last = false;
        change(&id, |span| {
            span.handles -= 1;
            last = span.handles == 0;
            span.is_closed = last;
        });
        last
    }
}

struct Told<'f>(&'f mut Fields);

impl Visit for Told<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}
