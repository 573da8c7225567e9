//! Rows that are not what was described, or that are announced too long: no way of reading them takes one.

use aiopg::{Call, Config, Connection, Error, Fetch, Item, Kind, Runtime, StatementMode};
use aiopg_tests::counting::Counting;
use aiopg_tests::duplex::Duplex;
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::backend::{
    authentication_ok, backend_key_data, binary_copy, binary_copy_out_response, bind_complete,
    command_complete, copy_data, copy_out_response, data_row, header, message,
    parameter_description, parse_complete, ready_for_query, row_description,
};
use aiopg_tests::script::{Frontend, Peer};
use futures::StreamExt;

use crate::converse::{assert_closed, config, converse};

/// The ways in which a row is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Query,
    QueryOpt,
    QueryAs,
    Scalar,
    /// Of a statement that has been run before, so that its reply may come whole.
    KnownQuery,
    KnownOpt,
    KnownScalar,
    Lent,
    Owned,
    Decoded,
    Portal,
    Unnamed,
    SimpleMode,
    SimpleQuery,
    Pipeline,
    SecondOfPipeline,
}

impl Way {
    const ALL: [Self; 16] = [
        Self::Query,
        Self::QueryOpt,
        Self::QueryAs,
        Self::Scalar,
        Self::KnownQuery,
        Self::KnownOpt,
        Self::KnownScalar,
        Self::Lent,
        Self::Owned,
        Self::Decoded,
        Self::Portal,
        Self::Unnamed,
        Self::SimpleMode,
        Self::SimpleQuery,
        Self::Pipeline,
        Self::SecondOfPipeline,
    ];

    async fn read<R: Runtime>(self, connection: &mut Connection<R>) -> Result<(), Error> {
        match self {
            Self::Query => connection.query("a", ()).await.map(drop),
            Self::QueryOpt => connection.query_opt("a", ()).await.map(drop),
            Self::QueryAs => connection.query_as::<(i64,)>("a", ()).await.map(drop),
            Self::Scalar => connection.query_scalar::<i64>("a", ()).await.map(drop),
            Self::KnownQuery => {
                connection.query("a", ()).await?;
                connection.query("a", ()).await.map(drop)
            }
            Self::KnownOpt => {
                connection.query("a", ()).await?;
                connection.query_opt("a", ()).await.map(drop)
            }
            Self::KnownScalar => {
                connection.query("a", ()).await?;
                connection.query_scalar::<i64>("a", ()).await.map(drop)
            }
            Self::Lent => {
                let mut rows = connection.stream("a", ()).await?;
                while rows.next().await?.is_some() {}
                Ok(())
            }
            Self::Owned => {
                let mut rows = connection.stream("a", ()).await?.owned();
                while let Some(row) = rows.next().await {
                    drop(row?);
                }
                Ok(())
            }
            Self::Decoded => {
                let mut rows = connection.stream("a", ()).await?;
                while rows.next_as::<(i64,)>().await?.is_some() {}
                Ok(())
            }
            Self::Portal => {
                let call = Call::new("a").fetch(Fetch::bytes(1000));
                let mut rows = connection.stream(call, ()).await?;
                while rows.next().await?.is_some() {}
                Ok(())
            }
            Self::Unnamed => {
                let call = Call::new("a").statement_mode(StatementMode::Unnamed);
                connection.query(call, ()).await.map(drop)
            }
            Self::SimpleMode => {
                let call = Call::new("a").statement_mode(StatementMode::Simple);
                connection.query(call, ()).await.map(drop)
            }
            Self::SimpleQuery => connection.simple_query("a").await.map(drop),
            Self::Pipeline | Self::SecondOfPipeline => {
                let items = (Item::query("a", ()), Item::query("b", ()));
                let (first, second) = connection.pipeline(items).await;
                // What came whole may have been undone all the same, and says so.
                if self == Self::Pipeline { first.map(drop) } else { second.map(drop) }
            }
        }
    }

    /// What the server says, one reply for each request, before it sends `rows`.
    fn replies(self, rows: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
        let columns = |format| row_description(&["n"], format);
        let described = vec![parse_complete(), parameter_description(&[]), columns(0)];
        let bound = [described.clone(), vec![bind_complete()]].concat();
        match self {
            Self::Query
            | Self::QueryOpt
            | Self::QueryAs
            | Self::Scalar
            | Self::Unnamed
            | Self::Pipeline => vec![[&bound, rows].concat()],
            Self::SecondOfPipeline => {
                vec![[&bound[..], &[command_complete("SELECT 0")], &bound, rows].concat()]
            }
            Self::KnownQuery | Self::KnownOpt | Self::KnownScalar => {
                let end = [command_complete("SELECT 1"), ready_for_query(b'I')];
                vec![[&bound[..], &end].concat(), [&[bind_complete()], rows, &end].concat()]
            }
            Self::Lent | Self::Owned | Self::Decoded | Self::Portal => vec![
                [&described[..], &[ready_for_query(b'I')]].concat(),
                [&[bind_complete()], rows].concat(),
            ],
            Self::SimpleMode | Self::SimpleQuery => vec![[&[columns(0)], rows].concat()],
        }
    }
}

async fn welcome(peer: &mut Peer<Duplex>) -> std::io::Result<()> {
    peer.read_first().await?;
    peer.send(&[authentication_ok(), backend_key_data(7, b"abcd"), ready_for_query(b'I')]).await
}

/// Reads to the end of a request, or of what a portal is asked for.
async fn skip_request(peer: &mut Peer<Duplex>) -> std::io::Result<()> {
    loop {
        match peer.read().await? {
            Some(Frontend::Sync | Frontend::Query(_) | Frontend::Flush) => return Ok(()),
            Some(_) => {}
            None => return Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Runs `read` while the server says this, and tells its error, and how many bytes were read. The session must have
/// ended with it.
async fn refused<R: Runtime>(
    runtime: &R,
    config: Config,
    replies: &[Vec<Vec<u8>>],
    read: impl AsyncFn(&mut Connection<R>) -> Result<(), Error>,
) -> (Error, u64) {
    let counting = Counting::new(());
    let (error, _) = converse(
        async |mut peer| {
            welcome(&mut peer).await?;
            for reply in replies {
                skip_request(&mut peer).await?;
                peer.send(reply).await?;
            }
            // Stays, so that a client that waits for more hangs.
            peer.drain().await
        },
        async |stream| {
            let stream = counting.stream(stream);
            let connecting = Connection::connect_stream(runtime.clone(), stream, config);
            let mut connection = connecting.await.unwrap();
            let error = read(&mut connection).await.expect_err(&format!("{replies:?}"));
            assert!(connection.is_closed(), "{replies:?}");
            assert_closed(&read(&mut connection).await.unwrap_err());
            error
        },
    )
    .await;
    (error, counting.counts().bytes_read)
}

async fn rows_that_are_not_as_described_are_refused_by_every_verb<R: Runtime>(runtime: R) {
    let value: Option<&[u8]> = Some(b"7");
    let rows = [
        data_row(&[]),
        data_row(&[value, value]),
        data_row(&[None, None]),
        message(b'D', b"\0\x01\xff\xff\xff\xfe"),
        message(b'D', b"\0\x01\x80\0\0\0"),
        message(b'D', b"\0\x01\0\0\0\x02x"),
        message(b'D', b"\0\x01\x7f\xff\xff\xff"),
        message(b'D', b"\0\x01\0\0\0"),
        message(b'D', b"\0\x01"),
        message(b'D', b"\0"),
        message(b'D', b"\0\x01\0\0\0\x01xy"),
        message(b'D', b"\xff\xff\xff\xff\xff\xff"),
    ];
    for way in Way::ALL {
        for row in &rows {
            let replies = way.replies(std::slice::from_ref(row));
            let read = async |c: &mut Connection<R>| way.read(c).await;
            let (error, _) = refused(&runtime, config(), &replies, read).await;
            assert_eq!(error.kind(), Kind::Protocol, "{way:?}, {row:?}: {error:?}");
        }
    }
}

/// A row may be good, and the next one not.
async fn a_later_row_that_is_not_as_described_is_refused<R: Runtime>(runtime: R) {
    let good = data_row(&[Some(b"\0\0\0\0\0\0\0\x07")]);
    for way in [Way::Query, Way::Lent, Way::Owned, Way::Decoded, Way::Portal, Way::Pipeline] {
        for bad in
            [data_row(&[]), data_row(&[None, None]), message(b'D', b"\0\x01\xff\xff\xff\xfe")]
        {
            let replies = way.replies(&[good.clone(), good.clone(), bad.clone()]);
            let read = async |c: &mut Connection<R>| way.read(c).await;
            let (error, _) = refused(&runtime, config(), &replies, read).await;
            assert_eq!(error.kind(), Kind::Protocol, "{way:?}, {bad:?}: {error:?}");
        }
    }
}

/// Nothing but its header is sent: whoever waited for more would wait for ever.
async fn a_row_that_is_announced_too_long_is_refused_unread<R: Runtime>(runtime: R) {
    const GIB: i32 = 1 << 30;

    let lengths = [(i32::MAX, None), (GIB + 5, None), (2000, Some(1995)), (GIB, Some(1 << 20))];
    for (length, limit) in lengths {
        let config = || match limit {
            Some(limit) => config().message_limit_bytes(limit),
            None => config(),
        };
        let announced = usize::try_from(length).unwrap() - 4;
        for way in Way::ALL {
            let replies = way.replies(&[header(b'D', length)]);
            let read = async |c: &mut Connection<R>| way.read(c).await;
            let (error, bytes) = refused(&runtime, config(), &replies, read).await;
            assert_eq!(error.kind(), Kind::Protocol, "{way:?}, {length}");
            let text = error.to_string();
            assert!(text.contains(&announced.to_string()), "{way:?}: {text}");
            assert!(bytes < 1000, "{way:?} has read {bytes}");
        }
        let copy = [copy_out_response(), header(b'd', length)];
        let read = async |c: &mut Connection<R>| c.copy_out_raw("a").await?.chunk().await.map(drop);
        let (error, _) = refused(&runtime, config(), &[copy.to_vec()], read).await;
        assert_eq!(error.kind(), Kind::Protocol, "{length}");
    }
}

/// As long as the limit allows, and no longer.
async fn a_row_of_just_the_limit_is_read<R: Runtime>(runtime: R) {
    for length in [1995_usize, 1996] {
        let value = vec![b'x'; length - 6];
        let row = data_row(&[Some(&value)]);
        let end = [command_complete("SELECT 1"), ready_for_query(b'I')];
        let reply = [vec![row_description(&["n"], 0), row], end.to_vec()].concat();
        let (read, _) = converse(
            async |mut peer| {
                welcome(&mut peer).await?;
                peer.skip_request().await?;
                peer.send(&reply).await?;
                peer.drain().await
            },
            async |stream| {
                let config = config().message_limit_bytes(1995);
                let connecting = Connection::connect_stream(runtime.clone(), stream, config);
                connecting.await.unwrap().simple_query("a").await.map(|results| results[0].len())
            },
        )
        .await;
        assert_eq!(read.ok(), (length == 1995).then_some(1));
    }
}

/// Rows of COPY have no messages of their own, and counts and lengths all the same.
async fn copied_rows_that_are_not_as_described_are_refused<R: Runtime>(runtime: R) {
    let columns = row_description(&["n"], 0);
    let described =
        vec![parse_complete(), parameter_description(&[]), columns, ready_for_query(b'I')];
    let whole = binary_copy(&[1]);
    let start = &whole[..whole.len() - 2];
    for row in [
        &b"\0\0"[..],
        b"\0\x02\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\x01\xff\xff\xff\xfe",
        b"\0\x01\x80\0\0\0",
        b"\x7f\xff",
        b"\xff\xfe",
    ] {
        // Behind a row that is good, and in pieces, too.
        let data = [start, row].concat();
        for piece in [1, 7, data.len()] {
            let pieces = data.chunks(piece).map(copy_data);
            let copy = [binary_copy_out_response()].into_iter().chain(pieces).collect();
            let read = async |c: &mut Connection<R>| {
                let mut rows = c.copy_out("t", &["n"]).rows().await?;
                while rows.next().await?.is_some() {}
                Ok(())
            };
            let replies = [described.clone(), copy];
            let (error, _) = refused(&runtime, config(), &replies, read).await;
            assert_eq!(error.kind(), Kind::Protocol, "{row:?}: {error:?}");
        }
    }
}

on_every_runtime!(
    rows_that_are_not_as_described_are_refused_by_every_verb,
    a_later_row_that_is_not_as_described_is_refused,
    a_row_that_is_announced_too_long_is_refused_unread,
    a_row_of_just_the_limit_is_read,
    copied_rows_that_are_not_as_described_are_refused,
);
