//! `Session`: a floor's connection, with a statement prepared, and the walk over what it is answered.

use std::io;

use crate::Failure;
use crate::address::Address;
use crate::client::{DBNAME, USER};
use crate::floor::line::Line;
use crate::player::expect;
use crate::wire;

/// More than this is never read at once; a longer message makes the space grow.
const SPACE: usize = 64 << 10;

const HEADER: usize = 5;

/// What came is between `start` and `end`.
pub(crate) struct Session<L> {
    line: L,
    space: Vec<u8>,
    start: usize,
    end: usize,
}

/// How many of what is counted have come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Came {
    /// DataRow and CopyData.
    pub(crate) rows: usize,
    /// CommandComplete.
    pub(crate) commands: usize,
}

impl<L: Line> Session<L> {
    /// Opens a session as a role that needs no password, and prepares the statement.
    pub(crate) async fn open(address: &Address, sql: &str) -> Result<Self, Failure> {
        let line = L::connect(address)?;
        let mut session = Self { line, space: vec![0; SPACE], start: 0, end: 0 };
        for request in [wire::startup(USER, DBNAME), wire::parse(sql)] {
            session.send(&request).await?;
            session.pass_over(1).await?;
        }
        Ok(session)
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.line.send(bytes).await
    }

    /// Looks at no more than the headers of the messages, until ReadyForQuery has come so many times.
    pub(crate) async fn pass_over(&mut self, mut readies: usize) -> io::Result<Came> {
        let mut came = Came::default();
        while readies > 0 {
            let (tag, length) = self.header().await?;
            self.skip(length).await?;
            match tag {
                b'D' | b'd' => came.rows += 1,
                b'C' => came.commands += 1,
                b'Z' => readies -= 1,
                b'E' => return Err(io::Error::other("the server has reported an error")),
                _ => {}
            }
        }
        Ok(came)
    }

    /// Does what `request` asks for, which returns no rows.
    pub(crate) async fn run(&mut self, request: &[u8], commands: usize) -> Result<(), Failure> {
        self.send(request).await?;
        expect(self.pass_over(1).await?.commands, commands)
    }

    /// The next message: its tag and its body, whole.
    pub(crate) async fn message(&mut self) -> io::Result<(u8, &[u8])> {
        let (tag, length) = self.header().await?;
        while self.end - self.start < length {
            self.read().await?;
        }
        let body = self.start + HEADER..self.start + length;
        self.start += length;
        Ok((tag, self.space.get(body).unwrap_or_default()))
    }

    /// The tag of the next message, and how long all of it is.
    async fn header(&mut self) -> io::Result<(u8, usize)> {
        loop {
            if let Some([tag, length @ ..]) =
                self.space.get(self.start..self.end).and_then(<[u8]>::first_chunk::<HEADER>)
            {
                let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                return Ok((*tag, length.saturating_add(1)));
            }
            self.read().await?;
        }
    }

    async fn skip(&mut self, mut length: usize) -> io::Result<()> {
        while self.end - self.start < length {
            length -= self.end - self.start;
            self.start = self.end;
            self.read().await?;
        }
        self.start += length;
        Ok(())
    }

    /// Reads once, behind what is there.
    async fn read(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.space.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.space.len() {
            self.space.resize(self.end * 2, 0);
        }
        let spare = self.space.get_mut(self.end..).unwrap_or_default();
        match self.line.receive(spare).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.end += count;
                Ok(())
            }
        }
    }
}
