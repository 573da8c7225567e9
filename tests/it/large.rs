//! Large values and large results: more than any buffer holds, in both directions.

use aiopg::{Error, Kind, Runtime};
use aiopg_tests::relay::{Leg, Plan};
use aiopg_tests::{Server, on_every_runtime, session};

const MIB: usize = 1 << 20;

/// Bytes that tell where they stand.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)).to_le_bytes()[0]).collect()
}

async fn a_text_of_a_mebibyte_goes_there_and_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let text = "äöü€".repeat(MIB / 9);
    let back: String = connection.query_scalar("select $1::text", (&text,)).await?;
    assert!(back == text);
    let row = connection.query_one("select $1::text, $1, 'end'", (&text,)).await?;
    assert!(row.get::<&str>(0) == text && row.get::<&str>(1) == text);
    assert_eq!(row.get::<&str>(2), "end");
    let rows = connection.simple_query(&format!("select '{text}'")).await?;
    assert!(rows[0].row(0).unwrap().get::<&str>(0) == text);
    Ok(())
}

async fn twenty_mebibytes_go_there_and_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let bytes = pattern(20 * MIB);
    let mut rows = connection.stream("select $1::bytea", (&bytes,)).await?;
    assert!(rows.next().await?.unwrap().get::<&[u8]>(0) == bytes);
    assert!(rows.next().await?.is_none());
    drop(rows);
    let length: i32 = connection.query_scalar("select length($1::bytea)", (&bytes,)).await?;
    assert_eq!(usize::try_from(length).unwrap(), bytes.len());
    assert_eq!(connection.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

async fn a_result_larger_than_all_buffers_is_complete<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select n, repeat(chr(65 + n % 26), n % 5000) from generate_series(1, $1) n";
    let rows = connection.query(sql, (4_000,)).await?;
    assert_eq!(rows.len(), 4_000);
    for (number, (n, text)) in (1..).zip(rows.decode::<(i32, &str)>()?) {
        assert_eq!((n, text.len()), (number, usize::try_from(number).unwrap() % 5000));
    }
    Ok(())
}

/// Small writes, a slow reader, and replies in the middle of the request: neither side waits for ever.
async fn bytes_that_trickle_are_put_together<R: Runtime>(rt: R) -> Result<(), Error> {
    let slow = || Leg::default().chunk(1);
    let plan = Plan::default().from_client(slow()).from_server(slow());
    let (_relay, config) = session::relayed(Server::shared(), plan);
    let mut connection = session::open_with(rt, &config).await;
    for round in 0..20_i32 {
        let rows = connection.query("select $1::int4, 'text ' || $1", (round,)).await?;
        assert_eq!(rows.decode::<(i32, &str)>()?, [(round, &*format!("text {round}"))]);
    }
    let error = connection.query("select 1 / 0", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Server);
    Ok(())
}

async fn a_message_beyond_the_limit_ends_the_session<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().message_limit_bytes(MIB);
    let mut connection = session::open_with(rt, &config).await;
    let sql = "select repeat('x', $1)";
    let length = i32::try_from(MIB / 2).unwrap();
    assert_eq!(connection.query_scalar::<String>(sql, (length,)).await?.len(), MIB / 2);
    let error = connection.query(sql, (length * 2,)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
    assert!(connection.is_closed());
    assert_eq!(connection.query("select 1", ()).await.unwrap_err().kind(), Kind::Closed);
    Ok(())
}

/// Notices fill the way back while a long request is still on its way there: both must be served.
async fn a_server_that_talks_while_it_is_written_to_blocks_nobody<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    // Each statement answers with 8 KiB before the next is read... by a server that reads it all first, so the
    // text is the long part here.
    let statement = format!("do $$ begin raise notice '{}'; end $$;", "n".repeat(8000));
    connection.batch_execute(&statement.repeat(500)).await?;
    assert!(connection.notices().len() > 1);
    assert_eq!(connection.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

on_every_runtime!(
    a_text_of_a_mebibyte_goes_there_and_back,
    twenty_mebibytes_go_there_and_back,
    a_result_larger_than_all_buffers_is_complete,
    bytes_that_trickle_are_put_together,
    a_message_beyond_the_limit_ends_the_session,
    a_server_that_talks_while_it_is_written_to_blocks_nobody,
);
