//! A hostile or slow server within a copy: breaches end the session at once, and nothing piles up.

use std::future::poll_fn;
use std::pin::pin;

use aiopg::{Connection, Error, Kind, Runtime};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::duplex::Duplex;
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::backend::{
    authentication_ok, backend_key_data, binary_copy, binary_copy_out_response, command_complete,
    copy_data, copy_done, copy_in_response, copy_out_response, data_row, error_response,
    fatal_response, message, parameter_description, parse_complete, ready_for_query,
    row_description,
};
use aiopg_tests::script::{Frontend, Peer};

use crate::converse::{assert_closed, beside, config, converse};

async fn welcome(peer: &mut Peer<Duplex>) -> std::io::Result<()> {
    peer.read_first().await?;
    peer.send(&[authentication_ok(), backend_key_data(7, b"abcd"), ready_for_query(b'I')]).await
}

async fn copy_in<R: Runtime>(connection: &mut Connection<R>) -> Result<u64, Error> {
    let mut copy = connection.copy_in_raw("a").await?;
    loop {
        // Without an end, since what a server says after CopyDone would have its place.
        copy.send(vec![b'\n'; 1000]).await?;
        copy.flush().await?;
        aiopg_tests::cancel::yield_now().await;
    }
}

async fn copy_out<R: Runtime>(connection: &mut Connection<R>) -> Result<u64, Error> {
    let mut copy = connection.copy_out_raw("a").await?;
    while copy.chunk().await?.is_some() {}
    Ok(copy.command_tag().rows())
}

async fn rows_out<R: Runtime>(connection: &mut Connection<R>) -> Result<u64, Error> {
    let mut rows = connection.copy_out("t", &["n"]).rows().await?;
    while rows.next().await?.is_some() {}
    Ok(rows.command_tag().rows())
}

/// After these words to `copy` the session must have ended with an error of this kind.
async fn assert_ends<R: Runtime>(
    runtime: &R,
    copy: impl AsyncFn(&mut Connection<R>) -> Result<u64, Error>,
    said: &[Vec<Vec<u8>>],
    kind: Kind,
) {
    let ((), _) = converse(
        async |mut peer| {
            welcome(&mut peer).await?;
            for said in said {
                peer.skip_request().await?;
                peer.send(said).await?;
            }
            // Stays, so that a client that waits for more hangs.
            peer.drain().await
        },
        async |stream| {
            let connecting = Connection::connect_stream(runtime.clone(), stream, config());
            let mut connection = connecting.await.unwrap();
            let error = copy(&mut connection).await.expect_err(&format!("{said:?}"));
            assert_eq!(error.kind(), kind, "{said:?}: {error:?}");
            assert!(connection.is_closed(), "{said:?}");
            assert_closed(&copy(&mut connection).await.unwrap_err());
        },
    )
    .await;
}

async fn breaches_of_a_copy_in_end_the_session<R: Runtime>(runtime: R) {
    let both = message(b'W', &[0, 0, 0]);
    let ready = ready_for_query(b'I');
    for said in [
        vec![both.clone()],
        vec![ready.clone()],
        vec![copy_done()],
        vec![copy_data(b"1\n")],
        vec![data_row(&[None])],
        vec![parse_complete()],
        vec![message(b'G', &[2, 0, 0])],
        vec![message(b'G', &[0, 0, 1])],
        vec![copy_in_response(), both],
        vec![copy_in_response(), copy_in_response()],
        vec![copy_in_response(), copy_out_response()],
        vec![copy_in_response(), copy_done()],
        vec![copy_in_response(), copy_data(b"1\n")],
        vec![copy_in_response(), command_complete("COPY 1")],
        vec![copy_in_response(), ready.clone()],
        vec![copy_in_response(), error_response("22P04", "no"), copy_data(b"1\n")],
        vec![copy_in_response(), error_response("22P04", "no"), command_complete("COPY 1")],
        vec![copy_in_response(), error_response("22P04", "no"), copy_in_response()],
    ] {
        assert_ends(&runtime, copy_in, &[said], Kind::Protocol).await;
    }
    let fatal = vec![copy_in_response(), fatal_response("57P01", "shutting down")];
    assert_ends(&runtime, copy_in, &[fatal], Kind::Server).await;
}

async fn breaches_of_a_copy_out_end_the_session<R: Runtime>(runtime: R) {
    let both = message(b'W', &[0, 0, 0]);
    let (ready, done) = (ready_for_query(b'I'), copy_done());
    let data = copy_data(b"1\n");
    for said in [
        vec![both.clone()],
        vec![data.clone()],
        vec![done.clone()],
        vec![ready.clone()],
        vec![copy_out_response(), both],
        vec![copy_out_response(), copy_out_response()],
        vec![copy_out_response(), data.clone(), ready.clone()],
        vec![copy_out_response(), data.clone(), command_complete("COPY 1")],
        vec![copy_out_response(), done.clone(), done.clone()],
        vec![copy_out_response(), done.clone(), data.clone()],
        vec![copy_out_response(), done.clone(), ready],
        vec![copy_out_response(), error_response("22012", "no"), data.clone()],
        vec![copy_out_response(), data_row(&[None])],
        vec![copy_out_response(), message(b'c', b"x")],
    ] {
        assert_ends(&runtime, copy_out, &[said], Kind::Protocol).await;
    }
}

async fn data_that_is_no_binary_copy_ends_the_session<R: Runtime>(runtime: R) {
    let columns = row_description(&["n"], 0);
    let described =
        vec![parse_complete(), parameter_description(&[]), columns, ready_for_query(b'I')];
    let whole = binary_copy(&[1]);
    let header = &whole[..19];
    let end = [copy_done(), command_complete("COPY 1"), ready_for_query(b'I')];
    for data in [
        b"1\n".to_vec(),
        b"no signature, however long it is".to_vec(),
        whole[..whole.len() - 2].to_vec(),
        whole[..whole.len() - 3].to_vec(),
        [&whole[..], b"more"].concat(),
        [header, b"\0\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"].concat(),
        [header, b"\0\x01\xff\xff\xff\xfe\xff\xff"].concat(),
        [header, b"\0\x01\x7f\xff\xff\xff\xff\xff"].concat(),
        Vec::new(),
    ] {
        let copy = [&[binary_copy_out_response(), copy_data(&data)][..], &end].concat();
        assert_ends(&runtime, rows_out, &[described.clone(), copy], Kind::Protocol).await;
    }
}

/// The client stops at a chunk, however much it has to send.
async fn a_server_that_never_reads_holds_the_client_up<R: Runtime>(runtime: R) {
    let (near, far) = Duplex::pair();
    let server = async {
        let mut peer = Peer::new(far);
        welcome(&mut peer).await.unwrap();
        peer.skip_request().await.unwrap();
        peer.send(&[copy_in_response()]).await.unwrap();
        std::future::pending::<()>().await;
    };
    let client = async {
        let connecting = Connection::connect_stream(runtime, near, config());
        let mut connection = connecting.await.unwrap();
        let mut copy = connection.copy_in_raw("a").await.unwrap();
        let mut accepted = 0;
        loop {
            let mut sending = pin!(copy.send(vec![b'\n'; 10_000]));
            let often = poll_fn(|cx| {
                cx.waker().wake_by_ref();
                sending.as_mut().poll(cx)
            });
            if PollLimit::new(often, 3).await.is_none() {
                break;
            }
            accepted += 10_000;
            assert!(accepted <= 256 << 10, "the stream holds 64 KiB, and the client a chunk");
        }
        assert!(accepted >= 64 << 10, "{accepted}");
    };
    beside(server, client).await;
}

/// Notices fill the way back while data goes there: a client that only wrote would wait for ever.
async fn a_server_that_talks_before_it_reads_blocks_nobody<R: Runtime>(runtime: R) {
    use aiopg_tests::script::backend::notice_response;

    let (copied, served) = converse(
        async |mut peer| {
            welcome(&mut peer).await?;
            peer.skip_request().await?;
            peer.send(&[copy_in_response()]).await?;
            // Far more than the stream holds.
            for _ in 0..100 {
                peer.send(&[notice_response(&"n".repeat(10_000))]).await?;
            }
            let mut bytes = 0;
            loop {
                match peer.read().await?.unwrap() {
                    Frontend::CopyData(data) => bytes += data.len(),
                    Frontend::CopyDone => break,
                    message => panic!("{message:?}"),
                }
            }
            assert_eq!(bytes, 1_000_000);
            peer.send(&[command_complete("COPY 1000000"), ready_for_query(b'I')]).await?;
            peer.drain().await
        },
        async |stream| {
            let connecting = Connection::connect_stream(runtime.clone(), stream, config());
            let mut connection = connecting.await.unwrap();
            let mut copy = connection.copy_in_raw("a").await.unwrap();
            copy.send(vec![b'\n'; 1_000_000]).await.unwrap();
            copy.finish().await.unwrap()
        },
    )
    .await;
    served.unwrap();
    assert_eq!(copied, 1_000_000);
}

/// An error that comes while a chunk is on its way is told, and the session goes on behind what is left of it.
async fn an_error_in_the_middle_of_a_chunk_leaves_the_session_usable<R: Runtime>(runtime: R) {
    let ((), served) = converse(
        async |mut peer| {
            welcome(&mut peer).await?;
            peer.skip_request().await?;
            let failed = error_response("22P04", "no");
            peer.send(&[copy_in_response(), failed, ready_for_query(b'I')]).await?;
            loop {
                match peer.read().await?.unwrap() {
                    Frontend::CopyData(_) => {}
                    Frontend::Query(sql) => {
                        assert_eq!(sql, "b");
                        break;
                    }
                    message => panic!("{message:?}: the copy had ended"),
                }
            }
            peer.send(&[command_complete("DO"), ready_for_query(b'I')]).await?;
            peer.drain().await
        },
        async |stream| {
            let connecting = Connection::connect_stream(runtime.clone(), stream, config());
            let mut connection = connecting.await.unwrap();
            let mut copy = connection.copy_in_raw("a").await.unwrap();
            let error = copy.send(vec![b'\n'; 10_000_000]).await.unwrap_err();
            assert_eq!(error.sqlstate().unwrap().code(), "22P04");
            drop(copy);
            connection.batch_execute("b").await.unwrap();
        },
    )
    .await;
    served.unwrap();
}

on_every_runtime!(
    breaches_of_a_copy_in_end_the_session,
    breaches_of_a_copy_out_end_the_session,
    data_that_is_no_binary_copy_ends_the_session,
    a_server_that_never_reads_holds_the_client_up,
    a_server_that_talks_before_it_reads_blocks_nobody,
    an_error_in_the_middle_of_a_chunk_leaves_the_session_usable,
);
