//! What connects, reads, writes, closings and cuts do to the network.

use std::io::{self, IoSlice};
use std::task::{Poll, Waker};

use crate::faults::{Answer, Cut, Direction};
use crate::network::{Address, Connecting, Connection, End, Side};
use crate::pipe::Ending;
use crate::trace::Kind;
use crate::world::{Event, World};

/// Keeps `waker` in `slot`, and returns the one it replaces.
fn replace(slot: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    match slot {
        Some(old) if old.will_wake(waker) => None,
        Some(_) | None => slot.replace(waker.clone()),
    }
}

/// Connects and listeners.
impl World {
    /// Sends a connect on its way and returns its number.
    pub(crate) fn start_connect(&mut self, address: Address) -> u64 {
        let (id, plan) = self.network.next_connect(&address);
        if plan.answer != Answer::Silence {
            let answered = self.after_latency();
            self.agenda.insert(answered, Event::Connect(id));
        }
        self.record(Kind::Connect, id, 0);
        self.network.connecting.insert(id, Connecting::Asked { address, plan, waker: None });
        id
    }

    /// The connect reaches its address. Nothing happens if its caller has gone.
    pub(crate) fn answer_connect(&mut self, id: u64) {
        let Some(state) = self.network.connecting.get_mut(&id) else { return };
        let Connecting::Asked { address, plan, waker } =
            std::mem::replace(state, Connecting::Failed(io::ErrorKind::ConnectionRefused))
        else {
            return;
        };
        let listener = self.network.listeners.get_mut(&address);
        let Some(listener) = listener.filter(|_| plan.answer == Answer::Listener) else {
            if plan.answer == Answer::Listener && matches!(address, Address::Unix(_)) {
                *state = Connecting::Failed(io::ErrorKind::NotFound);
            }
            self.wake(waker);
            self.record(Kind::Refuse, id, 0);
            return;
        };
        listener.backlog.push_back(id);
        let acceptor = listener.acceptor.take();
        self.network.connections.insert(id, Connection::new(plan));
        *state = Connecting::Established;
        self.wake(waker);
        self.wake(acceptor);
        self.record(Kind::Establish, id, 0);
        self.cut_at_limit(End { connection: id, side: Side::Client }, Direction::Sent);
        self.cut_at_limit(End { connection: id, side: Side::Client }, Direction::Received);
    }

    pub(crate) fn poll_connect(&mut self, id: u64, waker: &Waker) -> Poll<io::Result<End>> {
        if self.is_spurious(waker, id) {
            return Poll::Pending;
        }
        match self.network.connecting.get_mut(&id) {
            Some(Connecting::Asked { waker: slot, .. }) => {
                let old = replace(slot, waker);
                self.discard(old);
                Poll::Pending
            }
            Some(Connecting::Established) => {
                self.network.connecting.remove(&id);
                Poll::Ready(Ok(End { connection: id, side: Side::Client }))
            }
            Some(&mut Connecting::Failed(kind)) => {
                self.network.connecting.remove(&id);
                Poll::Ready(Err(kind.into()))
            }
            None => gone(),
        }
    }

    /// The caller of a connect has gone: if it was answered, its end of the connection goes too.
    pub(crate) fn cancel_connect(&mut self, id: u64) {
        match self.network.connecting.remove(&id) {
            Some(Connecting::Asked { waker, .. }) => {
                self.record(Kind::Drop, id, 0);
                self.discard(waker);
            }
            Some(Connecting::Established) => {
                self.drop_end(End { connection: id, side: Side::Client });
            }
            Some(Connecting::Failed(_)) | None => {}
        }
    }

    pub(crate) fn poll_accept(&mut self, address: &Address, waker: &Waker) -> Poll<End> {
        if self.is_spurious(waker, 0) {
            return Poll::Pending;
        }
        let Some(listener) = self.network.listeners.get_mut(address) else { return Poll::Pending };
        if let Some(id) = listener.backlog.pop_front() {
            self.record(Kind::Accept, id, 0);
            return Poll::Ready(End { connection: id, side: Side::Server });
        }
        let old = replace(&mut listener.acceptor, waker);
        self.discard(old);
        Poll::Pending
    }

    /// Stops to listen. Connections that nobody accepted are reset, as an operating system does.
    pub(crate) fn close_listener(&mut self, address: &Address) {
        let Some(listener) = self.network.listeners.remove(address) else { return };
        self.discard(listener.acceptor);
        for connection in listener.backlog {
            self.reset_end(End { connection, side: Side::Server });
        }
    }
}

/// Reading and writing.
impl World {
    pub(crate) fn poll_read(
        &mut self,
        end: End,
        buffer: &mut [u8],
        waker: &Waker,
    ) -> Poll<io::Result<usize>> {
        let id = end.connection;
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.is_spurious(waker, id) {
            return Poll::Pending;
        }
        let Some(connection) = self.network.connections.get_mut(&id) else { return gone() };
        let allowed = allowance(connection, end.side, Direction::Received);
        let pipe = connection.incoming(end.side);
        let available = pipe.available(self.now);
        if available == 0 {
            if let Some((_, ending)) = pipe.ending.filter(|&(arrives, _)| arrives <= self.now) {
                return self.report(id, ending);
            }
            let old = replace(&mut pipe.reader, waker);
            self.discard(old);
            return Poll::Pending;
        }
        let mut count = available.min(buffer.len()).min(allowed);
        if self.chances.happens(self.faults.short_reads) {
            count = 1 + self.chances.below(count);
        }
        if let Some(part) = buffer.get_mut(..count) {
            pipe.take(part);
        }
        pipe.unread -= count;
        pipe.read += count as u64;
        let writer = pipe.writer.take();
        self.wake(writer);
        self.record(Kind::Read, id, count);
        self.cut_at_limit(end, Direction::Received);
        Poll::Ready(Ok(count))
    }

    pub(crate) fn poll_write(
        &mut self,
        end: End,
        buffers: &[IoSlice<'_>],
        waker: &Waker,
    ) -> Poll<io::Result<usize>> {
        let id = end.connection;
        let wanted = buffers.iter().map(|buffer| buffer.len()).sum::<usize>();
        if wanted == 0 {
            return Poll::Ready(Ok(0));
        }
        if self.is_spurious(waker, id) {
            return Poll::Pending;
        }
        let arrival = self.after_latency();
        let Some(connection) = self.network.connections.get_mut(&id) else { return gone() };
        let allowed = allowance(connection, end.side, Direction::Sent);
        let black_hole = connection.black_hole;
        let pipe = connection.outgoing(end.side);
        if pipe.abandoned.is_some_and(|at| at <= self.now) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if pipe.shut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let abandoned = pipe.abandoned.is_some();
        let room = if abandoned { wanted } else { self.faults.window.saturating_sub(pipe.unread) };
        if room == 0 {
            let old = replace(&mut pipe.writer, waker);
            self.discard(old);
            self.record(Kind::Full, id, 0);
            return Poll::Pending;
        }
        let mut count = wanted.min(room).min(allowed);
        if self.chances.happens(self.faults.short_writes) {
            count = 1 + self.chances.below(count);
        }
        pipe.written += count as u64;
        pipe.unread += count;
        if black_hole || abandoned {
            self.record(Kind::Swallow, id, count);
        } else {
            let arrives = pipe.arrival(arrival);
            pipe.push(arrives, first_bytes(buffers, count));
            self.agenda.insert(arrives, Event::Readable(end.peer()));
            self.record(Kind::Write, id, count);
        }
        self.cut_at_limit(end, Direction::Sent);
        Poll::Ready(Ok(count))
    }

    fn report(&mut self, id: u64, ending: Ending) -> Poll<io::Result<usize>> {
        match ending {
            Ending::EndOfFile => {
                self.record(Kind::EndOfFile, id, 0);
                Poll::Ready(Ok(0))
            }
            Ending::Reset => {
                self.record(Kind::Reset, id, 0);
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
        }
    }
}

/// An end whose connection is forgotten; cannot happen while the end exists.
fn gone<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

/// The first `count` bytes of all the buffers.
fn first_bytes(buffers: &[IoSlice<'_>], count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count);
    for buffer in buffers {
        let missing = (count - bytes.len()).min(buffer.len());
        bytes.extend_from_slice(buffer.get(..missing).unwrap_or_default());
    }
    bytes
}

/// How many bytes `side` may move before the plan cuts the connection. Plans are the client's.
fn allowance(connection: &Connection, side: Side, direction: Direction) -> usize {
    let moved = match direction {
        Direction::Sent => connection.to_server.written,
        Direction::Received => connection.to_client.read,
    };
    match connection.plan.limit(direction) {
        Some((limit, _)) if side == Side::Client && moved < limit => {
            usize::try_from(limit - moved).unwrap_or(usize::MAX)
        }
        _ => usize::MAX,
    }
}

/// Endings.
impl World {
    /// Says that `end` writes no more: end of file follows its bytes.
    pub(crate) fn shut(&mut self, end: End) {
        self.finish(end, Ending::EndOfFile, Kind::Close);
    }

    fn finish(&mut self, end: End, ending: Ending, kind: Kind) {
        let arrival = self.after_latency();
        let Some(connection) = self.network.connections.get_mut(&end.connection) else { return };
        let black_hole = connection.black_hole;
        let pipe = connection.outgoing(end.side);
        if pipe.shut && ending == Ending::EndOfFile {
            return;
        }
        pipe.shut = true;
        if !black_hole && pipe.ending.is_none_or(|(_, old)| old == Ending::EndOfFile) {
            let arrives = pipe.arrival(arrival);
            pipe.ending = Some((arrives, ending));
            self.agenda.insert(arrives, Event::Readable(end.peer()));
        }
        self.record(kind, end.connection, 0);
    }

    /// The stream of `end` is gone: its peer reads what was written, then end of file; what the peer writes
    /// fails from the moment it can know.
    pub(crate) fn drop_end(&mut self, end: End) {
        self.finish(end, Ending::EndOfFile, Kind::Drop);
        self.abandon(end);
    }

    /// The stream of `end` is gone with a reset: its peer reads what was written, then the error.
    pub(crate) fn reset_end(&mut self, end: End) {
        self.finish(end, Ending::Reset, Kind::Reset);
        self.abandon(end);
    }

    fn abandon(&mut self, end: End) {
        let known = self.after_latency();
        let Some(connection) = self.network.connections.get_mut(&end.connection) else { return };
        let black_hole = connection.black_hole;
        connection.ends -= 1;
        let unused = connection.ends == 0;
        let outgoing = connection.outgoing(end.side);
        // A reset tells the peer at once. End of file does not: its next writes may still go nowhere.
        let known = match outgoing.ending {
            Some((arrives, Ending::Reset)) => arrives,
            Some((arrives, Ending::EndOfFile)) => arrives.max(known),
            None => known,
        };
        let writer = outgoing.writer.take();
        let pipe = connection.incoming(end.side);
        pipe.lose_everything();
        let reader = pipe.reader.take();
        if !black_hole && pipe.abandoned.is_none() {
            pipe.abandoned = Some(known);
            self.agenda.insert(known, Event::Writable(end.peer()));
        }
        self.discard(writer);
        self.discard(reader);
        if unused {
            self.forget_connection(end.connection);
        }
    }

    fn forget_connection(&mut self, id: u64) {
        let Some(connection) = self.network.connections.remove(&id) else { return };
        for pipe in [connection.to_server, connection.to_client] {
            self.discard(pipe.reader);
            self.discard(pipe.writer);
        }
    }

    /// Cuts the connection if its plan says so for the bytes moved so far. `end` is the one that moved them.
    fn cut_at_limit(&mut self, end: End, direction: Direction) {
        let Some(connection) = self.network.connections.get_mut(&end.connection) else { return };
        let moved = match direction {
            Direction::Sent => connection.to_server.written,
            Direction::Received => connection.to_client.read,
        };
        match connection.plan.limit(direction) {
            Some((limit, cut)) if end.side == Side::Client && moved == limit => {
                self.cut(end.connection, direction, cut);
            }
            _ => {}
        }
    }

    /// Cuts a connection: bytes of `direction` that are on their way still arrive, those of the other are
    /// lost.
    fn cut(&mut self, id: u64, direction: Direction, cut: Cut) {
        let now = self.now;
        let Some(connection) = self.network.connections.get_mut(&id) else { return };
        connection.plan.use_up();
        connection.to_client.lose_what_is_on_its_way(now);
        if direction == Direction::Received {
            connection.to_client.lose_everything();
            connection.to_server.lose_what_is_on_its_way(now);
        }
        connection.black_hole = true;
        let mut wakes = Vec::new();
        for (pipe, side) in
            [(&mut connection.to_server, Side::Server), (&mut connection.to_client, Side::Client)]
        {
            pipe.ending = pipe.ending.filter(|&(arrives, _)| arrives <= now);
            if cut == Cut::Reset {
                let arrives = pipe.arrival(now);
                pipe.ending = Some((arrives, Ending::Reset));
                pipe.abandoned = Some(now);
                self.agenda.insert(arrives, Event::Readable(End { connection: id, side }));
                wakes.extend(pipe.writer.take());
            }
        }
        for waker in wakes {
            self.wake(Some(waker));
        }
        let kind = if cut == Cut::Reset { Kind::Reset } else { Kind::BlackHole };
        self.record(kind, id, 0);
    }
}
