//! Copies as exact dialogues: whole, byte by byte, among messages that nobody asked for, and cut after every byte.

use aiopg::{Connection, Error, Kind, Runtime};
use aiopg_tests::duplex::{Direction, Duplex};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::Frontend::{self, CopyData, CopyDone, CopyFail};
use aiopg_tests::script::backend::{
    INT8, binary_copy, binary_copy_in_response, binary_copy_out_response, command_complete,
    copy_data, copy_done, copy_in_response, copy_out_response, error_response, no_data,
    parameter_description, parse_complete, ready_for_query, row_description,
};
use aiopg_tests::script::{Dialogue, Peer};
use futures::future::join;

use crate::converse::{assert_closed, config};

/// One dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Bytes,
    Rows,
    RowsThatDoNotFit,
    Dropped,
    Aborted,
    Refused,
    NoCopy,
    TwoCopies,
    FailsAtTheEnd,
    Chunks,
    RowsOut,
    NoRowsOut,
    NoCopyOut,
}

impl Case {
    const ALL: [Self; 13] = [
        Self::Bytes,
        Self::Rows,
        Self::RowsThatDoNotFit,
        Self::Dropped,
        Self::Aborted,
        Self::Refused,
        Self::NoCopy,
        Self::TwoCopies,
        Self::FailsAtTheEnd,
        Self::Chunks,
        Self::RowsOut,
        Self::NoRowsOut,
        Self::NoCopyOut,
    ];

    /// The server's part. At the end a question is asked, so that whatever is left over shows.
    fn dialogue(self) -> Dialogue {
        let trust = Dialogue::trust();
        let done = |tag| [command_complete(tag), ready_for_query(b'I')];
        let failed = |code| [error_response(code, "no"), ready_for_query(b'I')];
        let binary_in = "copy \"t\" (\"n\") from stdin (format binary)";
        let binary_out = "copy \"t\" (\"n\") to stdout (format binary)";
        let dialogue = match self {
            Self::Bytes => {
                let trust = trust.expect(query("copy in")).send([copy_in_response()]);
                trust.expect([CopyData(b"1\n2\n".to_vec()), CopyDone]).send(done("COPY 2"))
            }
            Self::Rows => {
                let trust = described(trust).expect(query(binary_in));
                let data = CopyData(binary_copy(&[7, 8]));
                let trust = trust.send([binary_copy_in_response()]).expect([data, CopyDone]);
                trust.send(done("COPY 2"))
            }
            Self::RowsThatDoNotFit => {
                let trust = described(trust).expect(query(binary_in));
                let data = binary_copy(&[7])[..33].to_vec();
                let failure = CopyFail("a row of the client does not fit".to_owned());
                let trust = trust.send([binary_copy_in_response()]);
                trust.expect([CopyData(data), failure]).send(failed("57014"))
            }
            Self::Dropped => {
                let trust = trust.expect(query("copy in")).send([copy_in_response()]);
                let failure = CopyFail("the copy was given up".to_owned());
                trust.expect([CopyData(b"1\n".to_vec()), failure]).send(failed("57014"))
            }
            Self::Aborted => {
                let trust = trust.expect(query("copy in")).send([copy_in_response()]);
                trust.expect([CopyFail("why not".to_owned())]).send(failed("57014"))
            }
            Self::Refused => trust.expect(query("copy in")).send(failed("42P01")),
            Self::NoCopy => {
                let failure = CopyFail("this call sends no copy data".to_owned());
                let results = [command_complete("DO"), copy_in_response()];
                trust
                    .expect(query("do; copy in"))
                    .send(results)
                    .expect([failure])
                    .send(failed("57014"))
            }
            Self::TwoCopies => {
                let trust = trust.expect(query("copy in; copy in")).send([copy_in_response()]);
                let trust = trust.expect([CopyDone]);
                let trust = trust.send([command_complete("COPY 0"), copy_in_response()]);
                let failure = CopyFail("this call sends no copy data".to_owned());
                trust.expect([failure]).send(failed("57014"))
            }
            Self::FailsAtTheEnd => {
                let trust = trust.expect(query("copy in")).send([copy_in_response()]);
                trust.expect([CopyData(b"1\n".to_vec()), CopyDone]).send(failed("23505"))
            }
            Self::Chunks => {
                let data =
                    [copy_out_response(), copy_data(b"1\n2"), copy_data(b""), copy_data(b"\n")];
                let end = [copy_done(), command_complete("COPY 2"), ready_for_query(b'I')];
                trust.expect(query("copy out")).send([&data[..], &end].concat())
            }
            Self::RowsOut => {
                let data = binary_copy(&[7, 8]);
                let (first, second) = data.split_at(30);
                let copy = [binary_copy_out_response(), copy_data(first), copy_data(second)];
                let end = [copy_done(), command_complete("COPY 2"), ready_for_query(b'I')];
                described(trust).expect(query(binary_out)).send([&copy[..], &end].concat())
            }
            Self::NoRowsOut => {
                let copy = [binary_copy_out_response(), copy_data(&binary_copy(&[])), copy_done()];
                let end = [command_complete("COPY 0"), ready_for_query(b'I')];
                described(trust).expect(query(binary_out)).send([&copy[..], &end].concat())
            }
            Self::NoCopyOut => {
                let rows = [row_description(&[], 0), command_complete("SELECT 0")];
                let copy = [copy_out_response(), copy_data(b"1\n"), copy_done()];
                let end = [command_complete("COPY 1"), ready_for_query(b'I')];
                let said = [&rows[..], &copy, &end].concat();
                trust.expect(query("select; copy out")).send(said)
            }
        };
        dialogue.expect(query("b")).send(done("DO"))
    }

    /// The client's part. An error that belongs to the dialogue is checked; any other is returned.
    async fn act<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        match self {
            Self::Rows | Self::RowsThatDoNotFit => self.load(connection).await?,
            Self::Chunks | Self::RowsOut | Self::NoRowsOut | Self::NoCopyOut => {
                self.read(connection).await?;
            }
            _ => self.send(connection).await?,
        }
        connection.batch_execute("b").await
    }

    async fn load<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        if self == Self::Rows {
            let rows = [(7_i64,), (8,)];
            assert_eq!(connection.copy_in("t", &["n"]).rows(rows).await?, 2);
            return Ok(());
        }
        let mut copy = connection.copy_in("t", &["n"]).start_rows().await?;
        copy.write((7_i64,)).await?;
        // Should the connection be lost on the way, the value is still what is wrong here.
        refused(copy.write(("text",)).await, Kind::Conversion)
    }

    async fn send<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        let sql = match self {
            Self::NoCopy => "do; copy in",
            Self::TwoCopies => "copy in; copy in",
            _ => "copy in",
        };
        let started = connection.copy_in_raw(sql).await;
        match self {
            Self::Refused => return refused(started.map(drop), Kind::Server),
            Self::NoCopy => return refused(started.map(drop), Kind::Usage),
            _ => {}
        }
        let mut copy = started?;
        match self {
            Self::Aborted => return copy.abort("why not").await,
            Self::TwoCopies => return refused(copy.finish().await, Kind::Server),
            _ => copy.send("1\n").await?,
        }
        match self {
            Self::Dropped => drop(copy),
            Self::FailsAtTheEnd => return refused(copy.finish().await, Kind::Server),
            _ => {
                copy.send("2\n").await?;
                assert_eq!(copy.finish().await?, 2);
            }
        }
        Ok(())
    }

    async fn read<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        match self {
            Self::Chunks => {
                let mut copy = connection.copy_out_raw("copy out").await?;
                assert_eq!(copy.chunk().await?, Some(&b"1\n2"[..]));
                assert_eq!(copy.chunk().await?, Some(&b"\n"[..]));
                assert_eq!(copy.chunk().await?, None);
                assert_eq!(copy.command_tag().rows(), 2);
                Ok(())
            }
            Self::NoCopyOut => {
                refused(connection.copy_out_raw("select; copy out").await.map(drop), Kind::Usage)
            }
            _ => {
                let mut rows = connection.copy_out("t", &["n"]).rows().await?;
                let expected: &[i64] = if self == Self::RowsOut { &[7, 8] } else { &[] };
                for n in expected {
                    assert_eq!(rows.next().await?.unwrap().get::<i64>("n"), *n);
                }
                assert!(rows.next().await?.is_none());
                Ok(())
            }
        }
    }
}

fn query(sql: &str) -> [Frontend; 1] {
    [Frontend::Query(sql.to_owned())]
}

/// The columns are asked for.
fn described(dialogue: Dialogue) -> Dialogue {
    let sql = "select \"n\" from \"t\"".to_owned();
    let parse = Frontend::Parse { name: String::new(), sql, types: Vec::new() };
    let request = [parse, Frontend::Describe(String::new()), Frontend::Sync];
    let columns = row_description(&["n"], 0);
    let reply = [parse_complete(), parameter_description(&[]), columns, ready_for_query(b'I')];
    dialogue.expect(request).send(reply)
}

/// Passes an error on, unless it is the one that was to come.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: Kind) -> Result<(), Error> {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(error),
        Ok(value) => panic!("an error was to come, not {value:?}"),
    }
}

/// Has a dialogue; returns how it went and how many bytes passed to the server and back.
async fn converse<R: Runtime>(
    runtime: R,
    case: Case,
    (there, back): (Direction, Direction),
    noisy: bool,
) -> (Result<(), Error>, usize, usize) {
    let (near, far) = Duplex::pair_with(there, back);
    let tap = far.tap();
    let client = async {
        let mut connection = Connection::connect_stream(runtime, near, config()).await?;
        let acted = case.act(&mut connection).await;
        if acted.is_err() {
            assert!(connection.is_closed(), "{case:?}: {acted:?}");
            assert_closed(&connection.copy_in_raw("later").await.map(drop).unwrap_err());
        }
        acted
    };
    let (_, acted) = join(case.dialogue().play(Peer::new(far).noisy(noisy)), client).await;
    (acted, tap.received().len(), tap.sent().len())
}

async fn every_copy_goes_as_written<R: Runtime>(runtime: R) {
    let whole = Direction::default();
    for case in Case::ALL {
        for direction in [whole.clone(), whole.clone().chunk(1), whole.clone().capacity(1)] {
            for noisy in [false, true] {
                let directions = (direction.clone(), direction.clone());
                let (acted, ..) = converse(runtime.clone(), case, directions, noisy).await;
                acted.unwrap_or_else(|error| panic!("{case:?}: {error:?}"));
            }
        }
    }
}

/// Cuts each dialogue after each byte, in the direction and in the way that `rules` makes of the number.
async fn cut_everywhere<R: Runtime>(
    runtime: R,
    from_server: bool,
    rules: impl Fn(usize) -> (Direction, Direction),
) {
    for case in Case::ALL {
        let uncut = (Direction::default(), Direction::default());
        let (acted, there, back) = converse(runtime.clone(), case, uncut, false).await;
        acted.unwrap();
        let (mut failed, count) = (0, if from_server { back } else { there });
        for bytes in 0..count {
            let (acted, ..) = converse(runtime.clone(), case, rules(bytes), false).await;
            if let Err(error) = acted {
                let kind = error.kind();
                assert!(matches!(kind, Kind::Io | Kind::Closed), "{case:?}, {bytes}: {error:?}");
                failed += 1;
            }
        }
        assert!(failed * 2 > count, "{case:?}: only {failed} of {count} cuts were noticed");
    }
}

async fn a_copy_cut_after_every_byte_is_an_error_at_once<R: Runtime>(runtime: R) {
    let whole = Direction::default();
    cut_everywhere(runtime.clone(), true, |bytes| (whole.clone(), whole.clone().cut_after(bytes)))
        .await;
    cut_everywhere(runtime, false, |bytes| (whole.clone().cut_after(bytes), whole.clone())).await;
}

async fn a_copy_reset_after_every_byte_is_an_error_at_once<R: Runtime>(runtime: R) {
    let whole = Direction::default();
    cut_everywhere(runtime.clone(), true, |bytes| {
        (whole.clone(), whole.clone().reset_after(bytes))
    })
    .await;
    cut_everywhere(runtime, false, |bytes| (whole.clone().reset_after(bytes), whole.clone())).await;
}

/// A description that is none, and one of another number of columns than the copy then has.
async fn a_copy_that_is_not_as_described_is_given_up<R: Runtime>(runtime: R) {
    let columns = row_description(&["n", "m"], 0);
    for (columns, kind) in [(columns, Kind::Conversion), (no_data(), Kind::Conversion)] {
        let sql = "select \"n\" from \"t\"".to_owned();
        let parse = Frontend::Parse { name: String::new(), sql, types: Vec::new() };
        let reply =
            [parse_complete(), parameter_description(&[INT8]), columns, ready_for_query(b'I')];
        let dialogue = Dialogue::trust()
            .expect([parse, Frontend::Describe(String::new()), Frontend::Sync])
            .send(reply)
            .expect(query("copy \"t\" (\"n\") from stdin (format binary)"))
            .send([binary_copy_in_response()])
            .expect([CopyFail("the copy was given up".to_owned())])
            .send([error_response("57014", "no"), ready_for_query(b'I')])
            .expect(query("b"))
            .send([command_complete("DO"), ready_for_query(b'I')]);
        let (near, far) = Duplex::pair();
        let client = async {
            let mut connection =
                Connection::connect_stream(runtime.clone(), near, config()).await.unwrap();
            let error = connection.copy_in("t", &["n"]).rows([(1_i64,)]).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            connection.batch_execute("b").await.unwrap();
        };
        join(dialogue.play(Peer::new(far)), client).await.0.unwrap();
    }
}

on_every_runtime!(
    every_copy_goes_as_written,
    a_copy_cut_after_every_byte_is_an_error_at_once,
    a_copy_reset_after_every_byte_is_an_error_at_once,
    a_copy_that_is_not_as_described_is_given_up,
);
