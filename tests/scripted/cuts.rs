//! Every dialogue with the stream cut, or reset, after every byte that the server sends or reads.

use aiopg::{Config, Connection, Error, Kind, Runtime};
use aiopg_tests::duplex::{Direction, Duplex};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::Peer;
use futures::future::join;

use crate::cases::Case;
use crate::converse::assert_closed;

/// Has a dialogue; returns how it went and how many bytes passed to the server and back.
async fn converse<R: Runtime>(
    runtime: R,
    (case, config): (Case, Config),
    (there, back): (Direction, Direction),
) -> (Result<(), Error>, usize, usize) {
    let (near, far) = Duplex::pair_with(there, back);
    let tap = far.tap();
    let client = async {
        let mut connection = Connection::connect_stream(runtime, near, config).await?;
        let acted = case.act(&mut connection).await;
        if let Err(error) = &acted {
            assert_later_calls_are_refused(&mut connection, error).await;
        }
        acted
    };
    // How the server fares does not matter here: its end of the stream is cut, too.
    let (_, acted) = join(case.dialogue().play(Peer::new(far)), client).await;
    (acted, tap.received().len(), tap.sent().len())
}

async fn assert_later_calls_are_refused<R: Runtime>(connection: &mut Connection<R>, cause: &Error) {
    assert!(connection.is_closed(), "{cause:?}");
    let later = [
        connection.query("later", ()).await.map(drop),
        connection.execute("later", (1_i64,)).await.map(drop),
        connection.prepare("later").await.map(drop),
        connection.batch_execute("later").await,
        connection.stream("later", ()).await.map(drop),
    ];
    for later in later {
        let later = later.unwrap_err();
        assert_closed(&later);
        let told = std::error::Error::source(&later).unwrap().to_string();
        assert!(cause.kind() == Kind::Closed || told == cause.to_string(), "{told}: {cause}");
    }
    connection.close().await.unwrap();
}

/// Cuts each dialogue after each byte, in the direction and in the way that `rules` makes of the number.
async fn cut_everywhere<R: Runtime>(
    runtime: R,
    from_server: bool,
    rules: impl Fn(usize) -> (Direction, Direction),
) {
    for case in Case::ALL {
        let config = case.config();
        let uncut = (Direction::default(), Direction::default());
        let (acted, there, back) = converse(runtime.clone(), (case, config.clone()), uncut).await;
        acted.unwrap();
        let (mut failed, count) = (0, if from_server { back } else { there });
        for bytes in 0..count {
            let (acted, ..) = converse(runtime.clone(), (case, config.clone()), rules(bytes)).await;
            if let Err(error) = acted {
                let kind = error.kind();
                assert!(matches!(kind, Kind::Io | Kind::Closed), "{case:?}, {bytes}: {error:?}");
                failed += 1;
            }
        }
        // The client says good-bye last, and of a stream that it drops it reads no more.
        assert!(failed * 2 > count, "{case:?}: only {failed} of {count} cuts were noticed");
    }
}

async fn a_stream_cut_after_every_byte_of_the_server_is_an_error_at_once<R: Runtime>(runtime: R) {
    let rules = |bytes| (Direction::default(), Direction::default().cut_after(bytes));
    cut_everywhere(runtime, true, rules).await;
}

async fn a_stream_reset_after_every_byte_of_the_server_is_an_error_at_once<R: Runtime>(runtime: R) {
    let rules = |bytes| (Direction::default(), Direction::default().reset_after(bytes));
    cut_everywhere(runtime, true, rules).await;
}

async fn a_stream_cut_after_every_byte_of_the_client_is_an_error_at_once<R: Runtime>(runtime: R) {
    let rules = |bytes| (Direction::default().cut_after(bytes), Direction::default());
    cut_everywhere(runtime, false, rules).await;
}

async fn a_stream_reset_after_every_byte_of_the_client_is_an_error_at_once<R: Runtime>(runtime: R) {
    let rules = |bytes| (Direction::default().reset_after(bytes), Direction::default());
    cut_everywhere(runtime, false, rules).await;
}

on_every_runtime!(
    a_stream_cut_after_every_byte_of_the_server_is_an_error_at_once,
    a_stream_reset_after_every_byte_of_the_server_is_an_error_at_once,
    a_stream_cut_after_every_byte_of_the_client_is_an_error_at_once,
    a_stream_reset_after_every_byte_of_the_client_is_an_error_at_once,
);
