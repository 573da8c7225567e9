//! One session of the tiny server.

use std::collections::BTreeMap;
use std::io;

use futures_io::{AsyncRead, AsyncWrite};

use crate::cancel::yield_now;
use crate::script::backend::{
    INT8, binary_copy, binary_copy_in_response, binary_copy_out_response, bind_complete,
    close_complete, command_complete, copy_data, copy_done, copy_in_response, copy_out_response,
    data_row, empty_query_response, error_response, int8_row, no_data, parameter_description,
    parse_complete, portal_suspended, ready_for_query, row_description,
};
use crate::script::diary::{Diary, Event};
use crate::script::frontend::Frontend;
use crate::script::peer::Peer;
use crate::script::plan::{Plan, is_binary, is_broken, is_slow, is_tardy, is_within};

/// Replies are sent when so many bytes wait, as PostgreSQL does.
const SEND_AT: usize = 8 << 10;

/// How many polls a tardy statement takes.
const TARDY: u32 = 200;

pub(crate) struct Session<'s, S> {
    diary: &'s Diary,
    peer: Peer<S>,
    process_id: i32,
    statements: BTreeMap<String, String>,
    /// The unnamed portal: a text, its parameter, and how many rows were sent of it.
    portal: Option<(String, Option<i64>, u64)>,
    status: u8,
    /// The savepoints of the transaction, the innermost last.
    savepoints: Vec<String>,
    /// An error came: everything up to Sync is passed over.
    skipping: bool,
}

/// An error report: SQLSTATE and text.
type Refusal = (&'static str, String);

/// How the values of a row are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    Text,
    Binary,
}

impl<'s, S: AsyncRead + AsyncWrite + Unpin> Session<'s, S> {
    pub(crate) fn new(diary: &'s Diary, peer: Peer<S>, process_id: i32) -> Self {
        Self {
            diary,
            peer,
            process_id,
            statements: BTreeMap::new(),
            portal: None,
            status: b'I',
            savepoints: Vec::new(),
            skipping: false,
        }
    }

    /// Answers one message after the other.
    pub(crate) async fn run(mut self) -> io::Result<()> {
        while let Some(message) = self.peer.read().await? {
            match message {
                Frontend::Terminate => {
                    self.diary.note(Event::Terminated(self.process_id));
                    return Ok(());
                }
                Frontend::Sync => {
                    self.skipping = false;
                    self.ready().await?;
                }
                Frontend::Query(sql) => {
                    for sql in sql.split(';') {
                        self.diary.run(self.process_id, true);
                        let done = self.simple(sql).await?;
                        self.diary.run(self.process_id, false);
                        if let Err(refusal) = done {
                            self.refuse(&refusal);
                            break;
                        }
                    }
                    self.ready().await?;
                }
                _ if self.skipping => {}
                message => self.extended(message).await?,
            }
        }
        Ok(())
    }

    async fn extended(&mut self, message: Frontend) -> io::Result<()> {
        let done = match message {
            Frontend::Parse { name, sql, types } => self.parse(name, sql, &types),
            Frontend::Describe(name) => self.describe(&name),
            Frontend::Bind { name, values } => self.bind(&name, &values),
            Frontend::Close(name) => {
                self.statements.remove(&name);
                self.peer.push(&close_complete());
                Ok(())
            }
            Frontend::Execute => {
                self.diary.run(self.process_id, true);
                let done = self.execute().await?;
                self.diary.run(self.process_id, false);
                done
            }
            Frontend::ExecutePortal { portal, .. } if !portal.is_empty() => {
                Err(("34000", format!("portal \"{portal}\" does not exist")))
            }
            Frontend::ExecutePortal { most_rows, .. } => {
                self.diary.run(self.process_id, true);
                let done = self.execute_portion(most_rows).await?;
                self.diary.run(self.process_id, false);
                done
            }
            Frontend::Flush => {
                self.peer.flush().await?;
                Ok(())
            }
            // A client whose copy the server has ended meanwhile.
            Frontend::CopyData(_) | Frontend::CopyDone | Frontend::CopyFail(_) => Ok(()),
            message => panic!("{message:?} has no place within a session"),
        };
        if let Err(refusal) = done {
            self.refuse(&refusal);
            self.skipping = true;
        }
        Ok(())
    }

    fn refuse(&mut self, (code, text): &Refusal) {
        if self.status == b'T' {
            self.status = b'E';
        }
        self.peer.push(&error_response(code, text));
    }

    async fn ready(&mut self) -> io::Result<()> {
        self.peer.push(&ready_for_query(self.status));
        self.peer.flush().await
    }

    fn parse(&mut self, name: String, sql: String, types: &[u32]) -> Result<(), Refusal> {
        assert!(types.iter().all(|oid| *oid == INT8), "only int8 is known");
        if Plan::of(&sql) == Plan::Rejected {
            return Err(("42601", format!("syntax error in \"{sql}\"")));
        }
        let known = !name.is_empty() && self.statements.contains_key(&name);
        assert!(!known, "\"{name}\" is prepared a second time");
        self.statements.insert(name, sql);
        self.peer.push(&parse_complete());
        Ok(())
    }

    fn statement(&self, name: &str) -> Result<String, Refusal> {
        let unknown = || ("26000", format!("prepared statement \"{name}\" does not exist"));
        self.statements.get(name).cloned().ok_or_else(unknown)
    }

    fn describe(&mut self, name: &str) -> Result<(), Refusal> {
        let plan = Plan::of(&self.statement(name)?);
        let types: &[u32] = if plan.has_param() { &[INT8] } else { &[] };
        self.peer.push(&parameter_description(types));
        let rows = if plan.has_rows() { row_description(&["n"], 0) } else { no_data() };
        self.peer.push(&rows);
        Ok(())
    }

    fn bind(&mut self, name: &str, values: &[Option<Vec<u8>>]) -> Result<(), Refusal> {
        let sql = self.statement(name)?;
        assert_eq!(values.len(), usize::from(Plan::of(&sql).has_param()), "values for {sql}");
        let value = values.iter().flatten().next().map(|value| {
            i64::from_be_bytes(value.as_slice().try_into().expect("an int8 of eight bytes"))
        });
        self.portal = Some((sql, value, 0));
        self.peer.push(&bind_complete());
        Ok(())
    }

    async fn execute(&mut self) -> io::Result<Result<(), Refusal>> {
        let (sql, value, _) = self.portal.take().expect("Execute comes after Bind");
        let plan = Plan::of(&sql);
        if let Err(refusal) = self.begin(&sql, value, &plan).await? {
            return Ok(Err(refusal));
        }
        if plan == Plan::CopyIn {
            return self.copy_in(&sql).await;
        }
        self.reply(&plan, &sql, value, Values::Binary).await
    }

    /// Runs the portal for some rows. At its end it can be run again, and has none.
    async fn execute_portion(&mut self, most_rows: i32) -> io::Result<Result<(), Refusal>> {
        let (sql, value, sent) = self.portal.clone().expect("Execute comes after Bind");
        let (plan, most) = (Plan::of(&sql), u64::try_from(most_rows).expect("a number of rows"));
        if sent == 0
            && let Err(refusal) = self.begin(&sql, value, &plan).await?
        {
            return Ok(Err(refusal));
        }
        let Plan::Rows(first, count) = plan else {
            return self.reply(&plan, &sql, value, Values::Binary).await;
        };
        let portion = most.min(count - sent);
        let next = first + i64::try_from(sent).expect("a small number");
        self.portal = Some((sql.clone(), value, sent + portion));
        for value in (next..).take(usize::try_from(portion).expect("a small number")) {
            self.row(value, Values::Binary).await?;
            if let Err(refusal) = self.check_cancelled(&sql) {
                return Ok(Err(refusal));
            }
        }
        let end = format!("SELECT {portion}");
        let end = if portion == most { portal_suspended() } else { command_complete(&end) };
        self.peer.push(&end);
        Ok(Ok(()))
    }

    async fn simple(&mut self, sql: &str) -> io::Result<Result<(), Refusal>> {
        let plan = Plan::of(sql);
        if matches!(plan, Plan::Rejected | Plan::Echo) {
            return Ok(Err(("42601", format!("syntax error in \"{sql}\""))));
        }
        if let Err(refusal) = self.begin(sql, None, &plan).await? {
            return Ok(Err(refusal));
        }
        if plan.has_rows() {
            self.peer.push(&row_description(&["n"], 0));
        }
        if plan == Plan::CopyIn {
            return self.copy_in(sql).await;
        }
        self.reply(&plan, sql, None, Values::Text).await
    }

    /// Notes a statement, and waits as its text says.
    async fn begin(
        &mut self,
        sql: &str,
        value: Option<i64>,
        plan: &Plan,
    ) -> io::Result<Result<(), Refusal>> {
        assert!(!is_within(sql) || self.status != b'I', "{sql} is run outside its transaction");
        if self.status == b'E' && !matches!(plan, Plan::Status(_, "ROLLBACK" | "COMMIT")) {
            return Ok(Err(("25P02", "current transaction is aborted".to_owned())));
        }
        if let Err(refusal) = self.savepoint(sql) {
            return Ok(Err(refusal));
        }
        self.diary.note(Event::Executed(sql.to_owned(), value));
        if is_slow(sql) {
            self.peer.flush().await?;
            self.diary.cancelled(self.process_id).await;
        }
        if is_tardy(sql) {
            self.peer.flush().await?;
            for _ in 0..TARDY {
                yield_now().await;
            }
        }
        Ok(self.check_cancelled(sql))
    }

    /// Keeps the names of savepoints.
    fn savepoint(&mut self, sql: &str) -> Result<(), Refusal> {
        let words: Vec<_> = sql.split_whitespace().collect();
        let place = |name: &str| {
            let unknown = || ("3B001", format!("savepoint \"{name}\" does not exist"));
            self.savepoints.iter().rposition(|known| known == name).ok_or_else(unknown)
        };
        match *words.as_slice() {
            ["savepoint", name] => self.savepoints.push(name.to_owned()),
            ["release", "savepoint", name] => self.savepoints.truncate(place(name)?),
            ["rollback", "to", "savepoint", name] => self.savepoints.truncate(place(name)? + 1),
            ["begin" | "commit" | "rollback", ..] => self.savepoints.clear(),
            _ => {}
        }
        Ok(())
    }

    fn check_cancelled(&self, sql: &str) -> Result<(), Refusal> {
        if self.diary.is_cancelled(self.process_id) {
            self.diary.note(Event::Cancelled(sql.to_owned()));
            return Err(("57014", "canceling statement due to user request".to_owned()));
        }
        Ok(())
    }

    async fn reply(
        &mut self,
        plan: &Plan,
        sql: &str,
        value: Option<i64>,
        values: Values,
    ) -> io::Result<Result<(), Refusal>> {
        let complete = match plan {
            Plan::Empty => empty_query_response(),
            Plan::Fails => return Ok(Err(("22012", "division by zero".to_owned()))),
            Plan::Done(tag) => command_complete(tag),
            // What has failed can only be rolled back.
            Plan::Status(status, "COMMIT") if self.status == b'E' => {
                self.status = *status;
                command_complete("ROLLBACK")
            }
            Plan::Status(status, tag) => {
                self.status = *status;
                command_complete(tag)
            }
            Plan::Echo => {
                let value = value.map(i64::to_be_bytes);
                self.peer.push(&data_row(&[value.as_ref().map(<[u8; 8]>::as_slice)]));
                command_complete("SELECT 1")
            }
            Plan::Rows(first, count) => {
                for value in (*first..).take(usize::try_from(*count).unwrap_or(usize::MAX)) {
                    self.row(value, values).await?;
                    if let Err(refusal) = self.check_cancelled(sql) {
                        return Ok(Err(refusal));
                    }
                }
                command_complete(&format!("SELECT {count}"))
            }
            Plan::CopyOut => {
                let copy = if is_binary(sql) {
                    let data = binary_copy(&[1, 2]);
                    [binary_copy_out_response(), copy_data(&data[..30]), copy_data(&data[30..])]
                } else {
                    [copy_out_response(), copy_data(b"1\n"), copy_data(b"2\n")]
                };
                for message in copy.into_iter().chain([copy_done()]) {
                    self.peer.push(&message);
                }
                command_complete("COPY 2")
            }
            Plan::CopyIn | Plan::Rejected => unreachable!("dealt with before"),
        };
        self.peer.push(&complete);
        Ok(Ok(()))
    }

    async fn row(&mut self, value: i64, values: Values) -> io::Result<()> {
        match values {
            Values::Binary => self.peer.push(&int8_row(value)),
            Values::Text => self.peer.push(&data_row(&[Some(value.to_string().as_bytes())])),
        }
        if self.peer.pending() < SEND_AT {
            return Ok(());
        }
        self.peer.flush().await
    }

    /// Takes the data of a copy, or waits for the client to give up; Sync does not count meanwhile.
    async fn copy_in(&mut self, sql: &str) -> io::Result<Result<(), Refusal>> {
        let binary = is_binary(sql);
        self.peer.push(&if binary { binary_copy_in_response() } else { copy_in_response() });
        self.peer.flush().await?;
        let mut data = Vec::new();
        loop {
            match self.peer.read().await?.ok_or(io::ErrorKind::UnexpectedEof)? {
                Frontend::CopyData(_) if is_broken(sql) => {
                    return Ok(Err(("22P04", "extra data after last expected column".to_owned())));
                }
                Frontend::CopyData(piece) => data.extend(piece),
                Frontend::CopyDone => break,
                Frontend::CopyFail(text) => {
                    return Ok(Err(("57014", format!("COPY from stdin failed: {text}"))));
                }
                Frontend::Sync => {}
                message => panic!("{message:?} came instead of copy data"),
            }
        }
        self.diary.note(Event::Copied(data.len()));
        // A row in binary is a count, a length and an `int8`, between a header and a trailer.
        let rows = if binary {
            (data.len() - 21) / 14
        } else {
            data.split(|byte| *byte == b'\n').count() - 1
        };
        self.peer.push(&command_complete(&format!("COPY {rows}")));
        Ok(Ok(()))
    }
}
