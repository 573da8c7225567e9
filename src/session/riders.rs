//! `Riders`: statements that wait for the next request, to go out with it in the same write.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use crate::error::Error;
use crate::flow::{Machine, Request};
use crate::message::{
    Close, Encode, Execute, Format, Object, Parse, Query, Sync, TransactionStatus, Value,
    write_bind,
};
use crate::wire::Parts;

/// The most portals that are closed with one request, so that it does not grow with what was dropped before.
const MOST_CLOSES: usize = 64;

/// What goes out with the next request: queries in front of it, and openers at its start.
///
/// Mostly there is nothing, and there never was: that is told by one word. Else it dereferences to what there is.
#[derive(Debug, Default)]
pub(crate) struct Riders(Option<Box<Load>>);

impl Riders {
    /// Takes note of the replies that have been read.
    #[inline]
    pub(crate) fn settle(&mut self, machine: &mut Machine) {
        if let Some(load) = &mut self.0 {
            load.settle(machine);
        }
    }

    /// Whether the next request may be made and carries nothing. If so it is taken for made: what the last one opened
    /// can no longer be opened again.
    #[inline]
    pub(crate) fn carries_nothing(&mut self) -> bool {
        self.0.as_mut().is_none_or(|load| load.carries_nothing())
    }

    /// What the next request carries, if one may be made.
    pub(crate) fn carried_by(&mut self, request: Request) -> Result<Request, Error> {
        match &mut self.0 {
            Some(load) => load.carried_by(request),
            None => Ok(request),
        }
    }

    /// Takes the query that goes out first, to be sent by itself.
    pub(crate) fn take_query(&mut self) -> Option<Cow<'static, str>> {
        self.0.as_mut()?.take_query()
    }
}

impl Deref for Riders {
    type Target = Load;

    fn deref(&self) -> &Load {
        static NOTHING: Load = Load::NOTHING;
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Riders {
    fn deref_mut(&mut self) -> &mut Load {
        self.0.get_or_insert_with(|| Box::new(Load::NOTHING))
    }
}

/// What rides, or has ridden with the last request.
///
/// It is kept until the replies have been read, so that nothing is lost when a request is withdrawn.
#[derive(Debug)]
pub(crate) struct Load {
    /// Portals to be closed, in front of all else. It is no error if one is gone.
    portals: Vec<Box<str>>,
    /// How many of them the last request carries.
    closing: usize,
    /// Each is a request of its own. They bring the session into order: if one fails, the session ends.
    queries: Vec<Cow<'static, str>>,
    /// These share the fate of the request: if one fails, neither the next nor the request is run, and it is tried
    /// again with the request that follows.
    openers: Vec<Opener>,
    /// One of them was refused, so that what was to follow was not run.
    refused: bool,
    /// The openers of the last request.
    opened: Vec<Opener>,
    /// Why no request is made for now.
    barred: Option<Error>,
}

/// A statement that opens a transaction or a savepoint, or sets a parameter for its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opener {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) params: Vec<String>,
    /// It was given up when it was under way: if it is done, this undoes it.
    pub(crate) undo: Option<Cow<'static, str>>,
}

/// What became of an opener that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// It had not been sent, and never will be.
    Unsent,
    /// It is under way: if it is done, it will be undone.
    UnderWay,
    /// It is done.
    Done,
}

const NO_PARAMS: &Vec<String> = &Vec::new();

/// Whether a query undoes what was done since a savepoint.
fn undoes_savepoint(sql: &str) -> bool {
    sql.starts_with("rollback to savepoint ")
}

/// Whether a query is a part of a transaction: refused, it makes that fail, and whoever holds it learns so.
pub(crate) fn is_within_transaction(sql: &str) -> bool {
    undoes_savepoint(sql) || sql.starts_with(LOWRITE)
}

/// How bytes begin that are written to a large object when nobody waits for that.
pub(crate) const LOWRITE: &str = "select pg_catalog.lowrite(";

/// What an echo may tell of a query: up to the first literal, which may be a value.
pub(crate) fn shown(sql: &str) -> &str {
    sql.split_once('\'').map_or(sql, |(shown, _)| shown)
}

impl Load {
    const NOTHING: Self = Self {
        portals: Vec::new(),
        closing: 0,
        queries: Vec::new(),
        openers: Vec::new(),
        refused: false,
        opened: Vec::new(),
        barred: None,
    };

    /// Adds a query, unless it is the last one already: what it brings into order is in order then.
    pub(crate) fn ride(&mut self, sql: Cow<'static, str>) {
        if self.queries.last() != Some(&sql) {
            self.queries.push(sql);
        }
    }

    /// Has a portal closed, a cursor among them, unless that waits already.
    pub(crate) fn close_portal(&mut self, name: &str) {
        if !self.portals.iter().skip(self.closing).any(|portal| **portal == *name) {
            self.portals.push(name.into());
        }
    }

    /// Adds an opener.
    pub(crate) fn open(&mut self, opener: Opener) {
        self.openers.push(opener);
    }

    /// What goes out with the next request, in its order, for an echo.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &Vec<String>)> {
        let queries = self.queries.iter().map(|sql| (shown(sql), NO_PARAMS));
        queries.chain(self.openers.iter().map(|opener| (&*opener.sql, &opener.params)))
    }

    /// Tells once that an opener was refused since the last time that one was done.
    pub(crate) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// Has every request refused with `error`, until that is lifted: what it would be a part of has been undone, and
    /// whoever makes it may not know.
    #[cfg_attr(
        not(feature = "sea-query"),
        expect(dead_code, reason = "nothing else undoes from within")
    )]
    pub(crate) fn bar(&mut self, error: Error) {
        self.barred = Some(error);
    }

    /// Allows requests again.
    pub(crate) fn lift_bar(&mut self) {
        self.barred = None;
    }

    /// Fails with the error with which requests are refused for now.
    pub(crate) fn check_bar(&self) -> Result<(), Error> {
        self.barred.clone().map_or(Ok(()), Err)
    }

    /// Whether requests are refused for now.
    pub(crate) fn is_barred(&self) -> bool {
        self.barred.is_some()
    }

    /// Whether openers wait.
    pub(crate) fn any_openers(&self) -> bool {
        !self.openers.is_empty()
    }

    /// Whether openers or queries wait.
    pub(crate) fn any_waiting(&self) -> bool {
        self.any_openers() || self.any_queries()
    }

    /// Whether queries wait.
    pub(crate) fn any_queries(&self) -> bool {
        !self.queries.is_empty()
    }

    /// Whether a query waits that ends the transaction that is open, so that what follows is run outside of it.
    pub(crate) fn ends_transaction(&self, machine: &Machine) -> bool {
        let closed = u32::from(self.closing > 0);
        let done = machine.asides().riders_done.saturating_sub(closed);
        let waiting = self.queries.iter().skip(usize::try_from(done).unwrap_or(usize::MAX));
        waiting.into_iter().any(|query| query == "rollback")
    }

    /// Whether a query waits that undoes a savepoint, and with it what has failed since.
    pub(crate) fn heals(&self) -> bool {
        self.queries.iter().any(|query| undoes_savepoint(query))
    }

    /// Whether this opener has not been done yet.
    #[cfg(feature = "sea-query")]
    pub(crate) fn is_waiting(&self, sql: &str, machine: &Machine) -> bool {
        let done = usize::try_from(machine.asides().openers_done).unwrap_or(usize::MAX);
        self.openers.iter().skip(done).any(|opener| opener.sql == sql)
    }

    /// Whether an opener was refused since the last time that one was done.
    #[cfg(feature = "sea-query")]
    pub(crate) fn any_refused(&self) -> bool {
        self.refused
    }

    fn take_query(&mut self) -> Option<Cow<'static, str>> {
        (!self.queries.is_empty()).then(|| self.queries.remove(0))
    }

    /// Whether queries wait other than these.
    pub(crate) fn any_queries_but(&self, queries: &[&str]) -> bool {
        self.queries.iter().any(|query| !queries.contains(&&**query))
    }

    /// Takes back every opener that has not been sent.
    pub(crate) fn withdraw_all(&mut self) {
        self.openers.clear();
    }

    /// Takes back this opener and those behind it, and tells whether it was still waiting. If it was not, all that
    /// wait stand behind it.
    pub(crate) fn withdraw(&mut self, sql: &str) -> bool {
        let place = self.openers.iter().position(|opener| opener.sql == sql);
        self.openers.truncate(place.unwrap_or(0));
        place.is_some()
    }

    /// Gives up this opener and those behind it; `undo` undoes it, if need be.
    pub(crate) fn give_up(
        &mut self,
        sql: &str,
        undo: Cow<'static, str>,
        machine: &Machine,
    ) -> GivenUp {
        if !machine.awaits_openers() {
            return if self.withdraw(sql) { GivenUp::Unsent } else { GivenUp::Done };
        }
        let place = self.openers.iter().position(|opener| opener.sql == sql);
        self.openers.truncate(place.map_or(0, |place| place + 1));
        match self.openers.last_mut() {
            Some(opener) if place.is_some() => {
                opener.undo = Some(undo);
                GivenUp::UnderWay
            }
            _ => GivenUp::Done,
        }
    }

    fn settle(&mut self, machine: &mut Machine) {
        if machine.asides().is_of_riders() || !self.openers.is_empty() {
            self.settle_replies(machine);
        }
        let outside = machine.reports().transaction_status() == TransactionStatus::Idle;
        if outside && !self.queries.is_empty() && machine.is_free() {
            // A statement has ended the transaction, and with it its savepoints.
            self.queries.retain(|query| !undoes_savepoint(query));
        }
    }

    fn settle_replies(&mut self, machine: &mut Machine) {
        let count = |done| usize::try_from(done).unwrap_or(usize::MAX);
        let mut done = count(machine.asides_mut().take_riders_done());
        if done > 0 && self.closing > 0 {
            self.portals.drain(..self.closing.min(self.portals.len()));
            self.closing = 0;
            done -= 1;
        }
        self.queries.drain(..done.min(self.queries.len()));
        let done = count(machine.asides_mut().take_openers_done()).min(self.openers.len());
        self.refused = (self.refused && done == 0) || machine.asides_mut().take_opener_refused();
        let opened: Vec<_> = self.openers.drain(..done).collect();
        for undo in opened.iter().filter_map(|opener| opener.undo.clone()) {
            self.ride(undo);
        }
        self.opened.extend(opened);
        if !machine.awaits_openers() {
            self.openers.retain(|opener| opener.undo.is_none());
        }
    }

    /// Whether nothing waits, nor has been sent.
    fn is_empty(&self) -> bool {
        self.portals.is_empty() && self.queries.is_empty() && self.openers.is_empty()
    }

    fn carries_nothing(&mut self) -> bool {
        let nothing = self.is_empty() && !self.is_barred();
        if nothing {
            self.opened.clear();
            self.closing = 0;
        }
        nothing
    }

    fn carried_by(&mut self, request: Request) -> Result<Request, Error> {
        if self.carries_nothing() {
            return Ok(request);
        }
        self.check_bar()?;
        self.opened.clear();
        self.closing = self.portals.len().min(MOST_CLOSES);
        let count = |waiting| u32::try_from(waiting).unwrap_or(u32::MAX);
        let riders = count(self.queries.len() + usize::from(self.closing > 0));
        Ok(Request { riders, openers: count(self.openers.len()), ..request })
    }

    /// Writes what closes portals, the queries, and with a request of the extended protocol the openers.
    pub(crate) fn write(&self, out: &mut Parts) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        for name in self.portals.iter().take(self.closing) {
            Close { object: Object::Portal, name }.encode(out)?;
        }
        if self.closing > 0 {
            Sync.encode(out)?;
        }
        self.queries.iter().try_for_each(|sql| Query { sql }.encode(out))?;
        self.openers.iter().try_for_each(|opener| opener.write(out))
    }

    /// Has what the last request opened undone, and opened anew by the next one. Tells whether the last request
    /// opened a transaction, so that nothing else is undone.
    pub(crate) fn open_again(&mut self) -> bool {
        if !self.opened.first().is_some_and(|opener| opener.sql.starts_with("begin")) {
            return false;
        }
        self.ride(Cow::Borrowed("rollback"));
        let later = std::mem::take(&mut self.openers);
        self.openers = std::mem::take(&mut self.opened);
        self.openers.extend(later);
        true
    }
}

impl Opener {
    /// Writes it without a Sync of its own. All of its parameters are text.
    fn write(&self, out: &mut Parts) -> Result<(), Error> {
        Parse { statement: "", sql: &self.sql, types: &[] }.encode(out)?;
        let formats: &[Format] = if self.params.is_empty() { &[] } else { &[Format::Text] };
        write_bind(out, "", self.params.len(), formats, &[], |index, out| {
            if let Some(text) = self.params.get(index) {
                out.extend_from_slice(text.as_bytes());
            }
            Ok::<_, Error>(Value::Written)
        })?;
        Execute::WHOLE.encode(out)
    }
}
