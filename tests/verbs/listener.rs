//! A listener loses its session in every way there is, finds another, and says so.

use std::pin::pin;
use std::time::Duration;

use aiopg::{Config, Error, Gap, Heard, Kind, Listener, Runtime, SqlState};
use aiopg_tests::cancel::{PollLimit, yield_now};
use aiopg_tests::relay::Plan;
use aiopg_tests::session;
use aiopg_tests::{Options, Server, on_every_runtime};
use futures::StreamExt;
use futures::future::join;

use crate::notifications::channel;

/// Pauses so short that a test can wait for many of them.
const FIRST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(20);

async fn listener_with<R: Runtime>(rt: &R, config: &Config) -> Listener<R> {
    let connecting = Listener::connect_on(rt.clone(), config);
    connecting.await.unwrap().backoff(FIRST, LONGEST).heartbeat(None)
}

fn payload(heard: Result<Heard, Error>) -> String {
    match heard.unwrap() {
        Heard::Notification(notification) => notification.payload().to_owned(),
        other => format!("{other:?}"),
    }
}

fn gap(heard: Result<Heard, Error>) -> Gap {
    match heard.unwrap() {
        Heard::Reconnected(gap) => gap,
        other => unreachable!("there should have been a gap: {other:?}"),
    }
}

async fn a_listener_hears_what_it_listens_on<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut notifying = session::open(rt.clone()).await;
    let mut listener = listener_with(&rt, &session::config()).await;
    let [first, second] = [channel(), channel()];
    listener.listen(&first).await?;
    listener.listen(&second).await?;
    listener.listen(&second).await?;
    assert_eq!(listener.channels().len(), 2);
    notifying.notify(&first, "1").await?;
    notifying.notify(&second, "2").await?;
    assert_eq!(payload(listener.recv().await), "1");
    assert_eq!(payload(listener.recv().await), "2");
    listener.unlisten(&first).await?;
    notifying.notify(&first, "3").await?;
    notifying.notify(&second, "4").await?;
    assert_eq!(payload(listener.recv().await), "4");
    assert_eq!(listener.listen("").await.unwrap_err().kind(), Kind::Usage);
    assert_eq!(listener.channels().collect::<Vec<_>>(), [second]);
    listener.close().await
}

async fn a_terminated_listener_reconnects_and_tells_of_the_gap<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut notifying = session::open(rt.clone()).await;
    let mut listener = listener_with(&rt, &session::config()).await;
    let name = channel();
    listener.listen(&name).await?;
    for round in ["first", "second", "third"] {
        let process_id = listener.process_id().unwrap();
        notifying.notify(&name, round).await?;
        assert_eq!(payload(listener.recv().await), round);
        notifying.execute("select pg_terminate_backend($1)", (process_id,)).await?;
        session::wait_until_gone(&mut notifying, process_id).await;
        notifying.notify(&name, "nobody hears this").await?;
        let gap = gap(listener.recv().await);
        assert!(gap.reason().to_string().contains("57P01"), "{gap:?}");
        assert!(gap.attempts() >= 1);
        assert!(listener.is_connected() && listener.process_id() != Some(process_id));
        // It listens before it says so: what is sent now is heard.
        notifying.notify(&name, "after").await?;
        assert_eq!(payload(listener.recv().await), "after");
    }
    Ok(())
}

async fn what_had_arrived_is_heard_before_the_gap<R: Runtime>(rt: R) -> Result<(), Error> {
    let (relay, config) = session::relayed(Server::shared(), Plan::default());
    let mut notifying = session::open(rt.clone()).await;
    let mut listener = listener_with(&rt, &config).await;
    let [name, marker] = [channel(), channel()];
    listener.listen(&name).await?;
    notifying.notify(&name, "1").await?;
    notifying.notify(&name, "2").await?;
    // The server sends them before it answers this.
    listener.listen(&marker).await?;
    relay.close_all();
    assert_eq!(payload(listener.recv().await), "1");
    assert_eq!(payload(listener.recv().await), "2");
    assert_eq!(gap(listener.recv().await).reason().kind(), Kind::Io);
    notifying.notify(&marker, "3").await?;
    assert_eq!(payload(listener.recv().await), "3");
    Ok(())
}

async fn a_listener_waits_for_a_server_that_is_down<R: Runtime>(rt: R) -> Result<(), Error> {
    let server = Server::start(&Options::default()).unwrap();
    let config = session::config_of(&server);
    let mut listener = listener_with(&rt, &config).await;
    listener.listen("news").await?;
    server.stop();
    let attempts = async {
        // The third attempt has been made in vain.
        let mut receiving = pin!(listener.recv());
        assert!(PollLimit::new(receiving.as_mut(), 12).await.is_none(), "the server is down");
        server.restart();
        receiving.await
    };
    let gap = gap(attempts.await);
    assert!(gap.attempts() > 1, "{gap:?}");
    let mut notifying = session::open_with(rt, &config).await;
    notifying.notify("news", "up").await?;
    assert_eq!(payload(listener.recv().await), "up");
    Ok(())
}

/// No byte comes and none is refused: only the heartbeat finds that out.
async fn a_half_open_link_is_found_by_the_heartbeat<R: Runtime>(rt: R) -> Result<(), Error> {
    let (relay, config) = session::relayed(Server::shared(), Plan::default());
    let mut notifying = session::open(rt.clone()).await;
    let mut listener = listener_with(&rt, &config).await.heartbeat(Duration::from_millis(100));
    let name = channel();
    listener.listen(&name).await?;
    relay.stall();
    let resumed = async {
        while relay.traffic().connections < 2 {
            yield_now().await;
        }
        relay.resume();
    };
    let (heard, ()) = join(listener.recv(), resumed).await;
    let gap = gap(heard);
    assert_eq!(gap.reason().kind(), Kind::Timeout, "{gap:?}");
    notifying.notify(&name, "alive").await?;
    assert_eq!(payload(listener.recv().await), "alive");
    Ok(())
}

/// The query of a heartbeat.
const EMPTY: &[u8] = b"Q\0\0\0\x05\0";

async fn heartbeats_leave_a_healthy_session_alone<R: Runtime>(rt: R) -> Result<(), Error> {
    let (relay, config) = session::relayed(Server::shared(), Plan::default());
    let mut notifying = session::open(rt.clone()).await;
    let mut listener = listener_with(&rt, &config).await.heartbeat(Duration::from_millis(200));
    let name = channel();
    listener.listen(&name).await?;
    let notified = async {
        let beats = || {
            let sent = relay.traffic().from_client;
            sent.windows(EMPTY.len()).filter(|window| *window == EMPTY).count()
        };
        while beats() < 3 {
            yield_now().await;
        }
        notifying.notify(&name, "still there").await
    };
    let (heard, done) = join(listener.recv(), notified).await;
    done?;
    assert_eq!(payload(heard), "still there", "no gap came before it");
    Ok(())
}

/// Each `recv` is dropped long before a connection could be made.
async fn a_recv_that_is_dropped_again_and_again_still_reconnects<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut listener = listener_with(&rt, &session::config()).await;
    let name = channel();
    listener.listen(&name).await?;
    for polls in 1..4 {
        let process_id = listener.process_id().unwrap();
        observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
        session::wait_until_gone(&mut observer, process_id).await;
        let heard = loop {
            if let Some(heard) = PollLimit::new(listener.recv(), polls).await {
                break heard;
            }
            yield_now().await;
        };
        gap(heard);
        observer.notify(&name, "back").await?;
        assert_eq!(payload(listener.recv().await), "back");
    }
    Ok(())
}

async fn channels_that_change_while_there_is_no_session_are_those_of_the_next<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut listener = listener_with(&rt, &session::config()).await;
    let [first, second, third] = [channel(), channel(), channel()];
    listener.listen(&first).await?;
    let process_id = listener.process_id().unwrap();
    observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    session::wait_until_gone(&mut observer, process_id).await;
    // The loss is noticed by this call, which succeeds: from now on there is a session, or a gap is told.
    listener.listen(&second).await?;
    assert!(!listener.is_connected());
    listener.listen(&third).await?;
    listener.unlisten(&first).await?;
    gap(listener.recv().await);
    for name in [&first, &second, &third] {
        observer.notify(name, name).await?;
    }
    assert_eq!(payload(listener.recv().await), second);
    assert_eq!(payload(listener.recv().await), third);
    Ok(())
}

async fn a_listen_that_is_dropped_leaves_the_listener_in_step<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut notifying = session::open(rt.clone()).await;
    let mut listener = listener_with(&rt, &session::config()).await;
    let [first, second] = [channel(), channel()];
    listener.listen(&first).await?;
    for polls in 0..3 {
        drop(PollLimit::new(listener.listen(&second), polls).await);
        drop(PollLimit::new(listener.unlisten(&first), polls).await);
        let kept: Vec<_> = listener.channels().map(str::to_owned).collect();
        drop(PollLimit::new(listener.recv(), 1).await);
        // Whichever took effect, the listener knows it: it hears its channels, and is in step with the server.
        listener.listen(&channel()).await?;
        for name in &kept {
            notifying.notify(name, name).await?;
            assert_eq!(payload(listener.recv().await), *name);
        }
        listener.listen(&first).await?;
        listener.unlisten(&second).await?;
    }
    Ok(())
}

/// What time does not heal is told, and the listener can still be used when it is healed by somebody.
async fn a_database_that_is_gone_is_an_error_until_it_is_back<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let name = Server::shared().fresh_schema();
    observer.batch_execute(&format!("create database {name}")).await?;
    let mut listener = listener_with(&rt, &session::config().dbname(&name)).await;
    listener.listen("news").await?;
    observer.batch_execute(&format!("drop database {name} with (force)")).await?;
    for _ in 0..3 {
        let error = listener.recv().await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::INVALID_CATALOG_NAME), "{error}");
    }
    observer.batch_execute(&format!("create database {name}")).await?;
    let gap = gap(listener.recv().await);
    assert!(gap.attempts() >= 4, "{gap:?}");
    drop(listener);
    observer.batch_execute(&format!("drop database {name} with (force)")).await?;
    Ok(())
}

async fn a_listener_is_a_stream_without_an_end<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut notifying = session::open(rt.clone()).await;
    let mut listener = listener_with(&rt, &session::config()).await;
    let name = channel();
    listener.listen(&name).await?;
    let process_id = listener.process_id().unwrap();
    let mut heard = pin!(listener.into_stream());
    notifying.notify(&name, "1").await?;
    assert_eq!(payload(heard.next().await.unwrap()), "1");
    notifying.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    gap(heard.next().await.unwrap());
    notifying.notify(&name, "2").await?;
    assert_eq!(payload(heard.next().await.unwrap()), "2");
    Ok(())
}

on_every_runtime!(
    a_listener_hears_what_it_listens_on,
    a_terminated_listener_reconnects_and_tells_of_the_gap,
    what_had_arrived_is_heard_before_the_gap,
    a_listener_waits_for_a_server_that_is_down,
    a_half_open_link_is_found_by_the_heartbeat,
    heartbeats_leave_a_healthy_session_alone,
    a_recv_that_is_dropped_again_and_again_still_reconnects,
    channels_that_change_while_there_is_no_session_are_those_of_the_next,
    a_listen_that_is_dropped_leaves_the_listener_in_step,
    a_database_that_is_gone_is_an_error_until_it_is_back,
    a_listener_is_a_stream_without_an_end,
);
