//! Large objects: made, written, read, sought in, cut, removed, and what becomes of them when something fails.

use std::io::SeekFrom;

use aiopg::{Connection, Error, Kind, LargeObject, LargeObjectMode, Runtime, SqlState};
use aiopg_tests::cancel::{PollLimit, yield_now};
use aiopg_tests::counting::Counting;
use aiopg_tests::session::{self, ask};
use aiopg_tests::{on_every_runtime, warnings};
use futures::io::{Cursor, copy};
use futures::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

type Failure = Box<dyn std::error::Error>;

/// Bytes that differ from place to place, more than two chunks of them.
fn plenty() -> Vec<u8> {
    (0..600_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

async fn rest<R: Runtime>(object: &mut LargeObject<'_, R>) -> Vec<u8> {
    let mut bytes = Vec::new();
    object.read_to_end(&mut bytes).await.unwrap();
    bytes
}

async fn stored<R: Runtime>(connection: &mut Connection<R>, oid: u32) -> Vec<u8> {
    connection.query_scalar("select lo_get($1)", (oid,)).await.unwrap()
}

async fn unlink<R: Runtime>(connection: &mut Connection<R>, oid: u32) -> Result<(), Error> {
    let mut transaction = connection.begin().await?;
    transaction.large_objects().unlink(oid).await?;
    transaction.commit().await
}

fn cause(error: &std::io::Error) -> &Error {
    error.get_ref().unwrap().downcast_ref().unwrap()
}

async fn what_is_written_is_read<R: Runtime>(rt: R) -> Result<(), Failure> {
    let mut connection = session::open(rt).await;
    let bytes = plenty();
    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let oid = objects.create().await?;
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    assert_eq!(object.position(), 0);
    object.write_all(&bytes).await?;
    assert_eq!(object.position(), 600_000);
    assert_eq!(object.seek(SeekFrom::Start(0)).await?, 0);
    assert!(rest(&mut object).await == bytes, "read back in the same transaction");
    object.close().await?;
    transaction.commit().await?;
    assert!(stored(&mut connection, oid).await == bytes, "and after it");

    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let mut object = objects.open(oid, LargeObjectMode::Read).await?;
    let mut copied = Cursor::new(Vec::new());
    assert_eq!(copy(&mut object, &mut copied).await?, 600_000);
    assert!(copied.into_inner() == bytes);
    drop(object);
    transaction.rollback().await?;
    unlink(&mut connection, oid).await?;
    Ok(())
}

async fn reads_writes_and_seeks_may_be_mixed<R: Runtime>(rt: R) -> Result<(), Failure> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let oid = objects.create().await?;
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    // The same in memory, to compare.
    let mut model = Cursor::new(plenty());
    object.write_all(model.get_ref()).await?;
    object.seek(SeekFrom::Start(0)).await?;
    let mut state = 7_u64;
    for _ in 0..60 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let what = state >> 60;
        // Something below 50,000.
        let amount = usize::try_from((state >> 32) % 50_000)?;
        let (distance, offset) = (u64::try_from(amount)?, i64::try_from(amount)?);
        match what {
            0..=4 => {
                let mut got = vec![0; amount];
                let mut expected = got.clone();
                let count = AsyncReadExt::read(&mut model, &mut expected).await?;
                object.read_exact(&mut got[..count]).await?;
                assert!(got == expected);
            }
            5..=9 => {
                let bytes = vec![state.to_be_bytes()[2]; amount];
                object.write_all(&bytes).await?;
                model.write_all(&bytes).await?;
            }
            10 | 11 => {
                let to = SeekFrom::Start(distance * 10);
                assert_eq!(object.seek(to).await?, model.seek(to).await?);
            }
            12 | 13 => {
                let to = SeekFrom::End(-offset);
                assert_eq!(object.seek(to).await?, model.seek(to).await?);
            }
            _ => {
                let to = SeekFrom::Current(500 - offset % 1_000);
                let (ours, theirs) = (object.seek(to).await, model.seek(to).await);
                assert_eq!(ours.is_ok(), theirs.is_ok(), "before the start");
            }
        }
        assert_eq!(object.position(), model.position());
    }
    object.close().await?;
    transaction.commit().await?;
    assert!(stored(&mut connection, oid).await == model.into_inner());
    unlink(&mut connection, oid).await?;
    Ok(())
}

async fn an_object_is_cut_and_filled_up<R: Runtime>(rt: R) -> Result<(), Failure> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let oid = objects.create().await?;
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    object.write_all(b"hello, world").await?;
    object.seek(SeekFrom::Start(1)).await?;
    let mut two = [0; 2];
    object.read_exact(&mut two).await?;
    object.truncate(5).await?;
    assert_eq!((two, object.position()), (*b"el", 3));
    assert_eq!(rest(&mut object).await, b"lo", "what was read ahead is forgotten");
    object.truncate(7).await?;
    assert_eq!(rest(&mut object).await, b"\0\0");
    assert_eq!(object.truncate(u64::MAX).await.unwrap_err().kind(), Kind::Usage);
    drop(object);
    transaction.commit().await?;
    assert_eq!(stored(&mut connection, oid).await, b"hello\0\0");
    unlink(&mut connection, oid).await?;
    Ok(())
}

/// Positions have 64 bits: a byte beyond 4 GiB is written and found, and what lies before is a hole.
async fn a_position_beyond_32_bits_is_reached<R: Runtime>(rt: R) -> Result<(), Failure> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let oid = objects.create().await?;
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    let far = (1 << 32) + 5;
    assert_eq!(object.seek(SeekFrom::Start(far)).await?, far);
    object.write_all(b"far").await?;
    assert_eq!(object.seek(SeekFrom::End(0)).await?, far + 3);
    assert_eq!(object.seek(SeekFrom::Current(-3)).await?, far);
    assert_eq!(rest(&mut object).await, b"far");
    assert!(object.seek(SeekFrom::Start(u64::MAX)).await.is_err());
    object.close().await?;
    transaction.rollback().await?;
    Ok(())
}

/// Each call is dropped again and again, and made again: the bytes are the same.
async fn dropped_reads_and_writes_lose_no_byte_and_repeat_none<R: Runtime>(
    rt: R,
) -> Result<(), Failure> {
    let mut connection = session::open(rt).await;
    let bytes = plenty();
    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let oid = objects.create().await?;
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    let mut written = 0;
    while written < bytes.len() {
        let end = bytes.len().min(written + 40_000);
        let writing = object.write(&bytes[written..end]);
        written += PollLimit::new(writing, 1).await.transpose()?.unwrap_or(0);
        drop(PollLimit::new(object.flush(), 1).await);
        yield_now().await;
    }
    while PollLimit::new(object.seek(SeekFrom::Start(0)), 1).await.is_none() {
        yield_now().await;
    }
    let (mut read, mut buffer) = (Vec::new(), vec![0; 30_000]);
    while read.len() < bytes.len() {
        if let Some(count) = PollLimit::new(object.read(&mut buffer), 1).await.transpose()? {
            read.extend_from_slice(&buffer[..count]);
        }
        yield_now().await;
    }
    assert!(read == bytes);
    object.close().await?;
    transaction.commit().await?;
    assert!(stored(&mut connection, oid).await == bytes);
    unlink(&mut connection, oid).await?;
    Ok(())
}

/// Nobody has flushed or closed: COMMIT takes the bytes along.
async fn what_was_not_flushed_is_written_all_the_same<R: Runtime>(rt: R) -> Result<(), Failure> {
    let mut connection = session::open(rt).await;
    for flushing_polls in 0..3 {
        let mut transaction = connection.begin().await?;
        let mut objects = transaction.large_objects();
        let oid = objects.create().await?;
        let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
        object.write_all(b"it\\'s ").await?;
        object.flush().await?;
        object.write_all(b"not lost\0\xff").await?;
        drop(PollLimit::new(object.flush(), flushing_polls).await);
        drop(object);
        transaction.commit().await?;
        assert_eq!(stored(&mut connection, oid).await, b"it\\'s not lost\0\xff");
        unlink(&mut connection, oid).await?;
    }
    Ok(())
}

async fn a_rollback_undoes_it<R: Runtime>(rt: R) -> Result<(), Failure> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let oid = objects.create().await?;
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    object.write_all(b"never").await?;
    drop(object);
    drop(transaction);
    assert_eq!(warnings::take().len(), 1);
    let count = format!("select count(*) from pg_largeobject_metadata where oid = {oid}");
    assert_eq!(ask(&mut connection, &count).await, "0");
    Ok(())
}

async fn a_savepoint_undoes_what_was_written_since<R: Runtime>(rt: R) -> Result<(), Failure> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let oid = transaction.large_objects().create().await?;
    let mut objects = transaction.large_objects();
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    object.write_all(b"kept").await?;
    object.close().await?;
    let mut savepoint = transaction.begin().await?;
    let mut objects = savepoint.large_objects();
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    object.write_all(b"gone").await?;
    drop(object);
    savepoint.rollback().await?;
    transaction.commit().await?;
    assert_eq!(stored(&mut connection, oid).await, b"kept");
    unlink(&mut connection, oid).await?;
    Ok(())
}

async fn errors_are_the_servers_and_the_session_goes_on<R: Runtime>(rt: R) -> Result<(), Failure> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let error = objects.open(1, LargeObjectMode::Read).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_OBJECT), "{error}");
    transaction.rollback().await?;

    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let oid = objects.create().await?;
    let mut object = objects.open(oid, LargeObjectMode::Read).await?;
    object.write_all(b"x").await?;
    let error = object.flush().await.unwrap_err();
    let refused = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
    assert_eq!(cause(&error).sqlstate(), Some(refused), "{error}");
    let error = object.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(SqlState::IN_FAILED_SQL_TRANSACTION));
    drop(object);
    assert_eq!(transaction.commit().await.unwrap_err().kind(), Kind::RolledBack);

    // Bytes that nobody flushed, into an object that is opened for reading: COMMIT must not succeed.
    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let oid = objects.create().await?;
    let mut object = objects.open(oid, LargeObjectMode::Read).await?;
    object.write_all(b"x").await?;
    drop(object);
    assert!(transaction.commit().await.is_err());
    Ok(())
}

async fn small_pieces_cost_no_round_trip_each<R: Runtime>(rt: R) -> Result<(), Failure> {
    let counting = Counting::new(rt);
    let mut connection = session::open_with(counting.clone(), &session::config()).await;
    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let oid = objects.create().await?;
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    let before = counting.counts().writes;
    for _ in 0..1_000 {
        object.write_all(b"four").await?;
    }
    assert_eq!(counting.counts().writes, before, "they fit into the buffer");
    object.seek(SeekFrom::Start(0)).await?;
    assert_eq!(counting.counts().writes, before + 2, "one to write, one to seek");
    let mut four = [0; 4];
    for _ in 0..1_000 {
        object.read_exact(&mut four).await?;
    }
    assert_eq!(counting.counts().writes, before + 3, "4,000 bytes are read at once");
    object.close().await?;
    transaction.rollback().await?;
    Ok(())
}

async fn a_lost_session_is_an_error_and_no_end_of_the_object<R: Runtime>(
    rt: R,
) -> Result<(), Failure> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    let process_id = connection.process_id().unwrap();
    let mut transaction = connection.begin().await?;
    let mut objects = transaction.large_objects();
    let oid = objects.create().await?;
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    session::wait_until_gone(&mut observer, process_id).await;
    let error = object.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(cause(&error).sqlstate(), Some(SqlState::ADMIN_SHUTDOWN), "{error}");
    Ok(())
}

on_every_runtime!(
    what_is_written_is_read,
    reads_writes_and_seeks_may_be_mixed,
    an_object_is_cut_and_filled_up,
    a_position_beyond_32_bits_is_reached,
    dropped_reads_and_writes_lose_no_byte_and_repeat_none,
    what_was_not_flushed_is_written_all_the_same,
    a_rollback_undoes_it,
    a_savepoint_undoes_what_was_written_since,
    errors_are_the_servers_and_the_session_goes_on,
    small_pieces_cost_no_round_trip_each,
    a_lost_session_is_an_error_and_no_end_of_the_object,
);
