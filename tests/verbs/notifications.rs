//! LISTEN and NOTIFY: who hears what and when, and how it ends.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use aiopg::{Client, Connection, Error, Event, Kind, Notification, Runtime};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::relay::{Plan, Relay};
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Server, on_every_runtime};
use futures::future::{Either, join, select};
use futures::{StreamExt, TryStreamExt};

/// A name for a channel that no other test uses: the server's channels belong to the whole database.
pub(crate) fn channel() -> String {
    format!("Channel \"{}\"", Server::shared().fresh_schema())
}

async fn pair<R: Runtime>(rt: &R) -> (Connection<R>, Connection<R>) {
    (session::open(rt.clone()).await, session::open(rt.clone()).await)
}

fn told(notification: &Notification) -> (&str, &str) {
    (notification.channel(), notification.payload())
}

/// Checks that nothing more comes: what was sent before a notification of our own has arrived before it.
async fn assert_nothing_more<R: Runtime>(connection: &mut Connection<R>) {
    let last = channel();
    connection.listen(&last).await.unwrap();
    connection.notify(&last, "last").await.unwrap();
    let next = connection.notifications().recv().await.unwrap();
    assert_eq!(told(&next), (&*last, "last"));
    connection.unlisten(&last).await.unwrap();
}

async fn a_notification_of_another_session_is_received<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut listening, mut notifying) = pair(&rt).await;
    let name = channel();
    listening.listen(&name).await?;
    assert!(listening.notifications().is_empty());
    assert_eq!(listening.notifications().try_recv()?, None);
    notifying.notify(&name, "hello").await?;
    let notification = listening.notifications().recv().await?;
    assert_eq!(told(&notification), (&*name, "hello"));
    assert_eq!(Some(notification.process_id()), notifying.process_id());
    assert_nothing_more(&mut listening).await;
    Ok(())
}

/// Nobody asks the session anything: it is woken by the notification alone.
async fn a_waiting_session_is_woken_with_no_query_running<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut listening, mut notifying) = pair(&rt).await;
    let name = channel();
    listening.listen(&name).await?;
    for number in 0..20 {
        let payload = number.to_string();
        let mut notifications = listening.notifications();
        let mut waiting = pin!(notifications.recv());
        assert!(PollLimit::new(waiting.as_mut(), 1).await.is_none(), "nothing was sent yet");
        let (received, notified) = join(waiting, notifying.notify(&name, &payload)).await;
        notified?;
        assert_eq!(received?.payload(), payload);
    }
    Ok(())
}

async fn notifications_come_between_and_during_statements<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut listening, mut notifying) = pair(&rt).await;
    let name = channel();
    listening.listen(&name).await?;
    notifying.notify(&name, "between").await?;
    assert_eq!(ask(&mut listening, "select 1").await, "1");
    let process_id = listening.process_id().unwrap();
    let sleeping = listening.batch_execute("select pg_sleep(0.2)");
    let during = async {
        session::wait_until_held_up(&mut notifying, process_id, "select pg_sleep").await;
        notifying.notify(&name, "during").await
    };
    let (slept, notified) = join(sleeping, during).await;
    slept?;
    notified?;
    for expected in ["between", "during"] {
        assert_eq!(listening.notifications().recv().await?.payload(), expected);
    }
    assert_nothing_more(&mut listening).await;
    Ok(())
}

async fn a_session_hears_itself_and_equal_ones_of_a_transaction_once<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let name = channel();
    connection.listen(&name).await?;
    connection.batch_execute("begin").await?;
    for payload in ["a", "b", "a", ""] {
        Client::notify(&mut connection, &name, payload).await?;
    }
    assert_eq!(connection.notifications().try_recv()?, None, "nothing comes before COMMIT");
    connection.batch_execute("commit").await?;
    let mut payloads = Vec::new();
    for _ in 0..3 {
        let notification = connection.notifications().recv().await?;
        assert_eq!(Some(notification.process_id()), connection.process_id());
        payloads.push(notification.payload().to_owned());
    }
    assert_eq!(payloads, ["a", "b", ""]);
    connection.batch_execute("begin").await?;
    connection.notify(&name, "never").await?;
    connection.batch_execute("rollback").await?;
    assert_nothing_more(&mut connection).await;
    Ok(())
}

async fn an_sql_error_does_not_end_the_notifications<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut listening, mut notifying) = pair(&rt).await;
    let name = channel();
    listening.listen(&name).await?;
    notifying.notify(&name, "before").await?;
    assert!(listening.execute("select 1 / 0", ()).await.is_err());
    assert!(listening.batch_execute("no such statement").await.is_err());
    assert_eq!(listening.notifications().recv().await?.payload(), "before");
    notifying.notify(&name, "after").await?;
    assert_eq!(listening.notifications().recv().await?.payload(), "after");
    let mut notifications = listening.notifications();
    let waiting = PollLimit::new(notifications.recv(), 1);
    assert!(waiting.await.is_none(), "the next one has to be waited for");
    Ok(())
}

async fn unlisten_ends_what_was_asked_for_and_nothing_else<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let [first, second] = [channel(), channel()];
    connection.listen(&first).await?;
    connection.listen(&first).await?;
    connection.listen(&second).await?;
    connection.notify(&first, "1").await?;
    connection.unlisten(&first).await?;
    connection.notify(&first, "2").await?;
    connection.notify(&second, "3").await?;
    assert_eq!(connection.notifications().recv().await?.payload(), "1", "it had arrived");
    assert_eq!(connection.notifications().recv().await?.payload(), "3");
    connection.unlisten_all().await?;
    connection.notify(&second, "4").await?;
    assert_nothing_more(&mut connection).await;
    Ok(())
}

async fn names_and_payloads_that_the_server_would_not_take_as_they_are_are_refused<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("begin").await?;
    let longest = "x".repeat(63);
    for name in ["", "a\0b", &format!("{longest}x")] {
        for refused in [
            connection.listen(name).await,
            connection.unlisten(name).await,
            connection.notify(name, "").await,
        ] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{error}");
        }
    }
    for payload in ["x".repeat(8_000), "a\0b".to_owned()] {
        let error = connection.notify(&longest, &payload).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{error}");
    }
    // Nothing of that was sent: the transaction is not aborted, and the longest ones pass.
    connection.listen(&longest).await?;
    connection.notify(&longest, &"y".repeat(7_999)).await?;
    connection.batch_execute("commit").await?;
    let notification = connection.notifications().recv().await?;
    assert_eq!((notification.channel(), notification.payload().len()), (&*longest, 7_999));
    Ok(())
}

async fn a_recv_that_is_dropped_loses_nothing<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut listening, mut notifying) = pair(&rt).await;
    let name = channel();
    listening.listen(&name).await?;
    let sending = async {
        for number in 0..100 {
            notifying.notify(&name, &number.to_string()).await.unwrap();
        }
    };
    let receiving = async {
        let mut received = Vec::new();
        for polls in (0..3).cycle() {
            if received.len() == 100 {
                break;
            }
            let mut notifications = listening.notifications();
            if let Some(next) = PollLimit::new(notifications.recv(), polls).await {
                received.push(next.unwrap().payload().to_owned());
            }
        }
        received
    };
    let (received, ()) = join(receiving, sending).await;
    assert_eq!(received, (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_nothing_more(&mut listening).await;
    Ok(())
}

/// The reply to a statement that was dropped is read off by `recv`, and is no notification.
async fn notifications_are_received_after_a_statement_was_dropped<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut listening, mut notifying) = pair(&rt).await;
    let name = channel();
    listening.listen(&name).await?;
    let statements = [("select pg_sleep(600)", 1), ("select generate_series(1, 100000)", 3)];
    for (sql, most_polls) in statements {
        for polls in 1..=most_polls {
            drop(PollLimit::new(listening.execute(sql, ()), polls).await);
            notifying.notify(&name, sql).await?;
            assert_eq!(listening.notifications().recv().await?.payload(), sql);
        }
    }
    assert_eq!(ask(&mut listening, "select 1").await, "1");
    assert_nothing_more(&mut listening).await;
    Ok(())
}

/// What is asked of notifications that have ended: the same answer each time.
async fn assert_ended<R: Runtime>(connection: &mut Connection<R>, cause: &str) {
    for _ in 0..3 {
        for error in [
            connection.notifications().recv().await.unwrap_err(),
            connection.notifications().try_recv().unwrap_err(),
        ] {
            assert_eq!(error.kind(), Kind::Closed, "{error}");
            let source = error.source().unwrap().to_string();
            assert!(source.contains(cause), "{source}");
        }
    }
    let streamed: Vec<_> = connection.notifications().collect().await;
    assert_eq!(streamed.len(), 1, "the stream tells the reason once, and ends");
    assert_eq!(streamed[0].as_ref().unwrap_err().kind(), Kind::Closed);
}

async fn after_the_end_comes_what_had_arrived_and_then_the_reason<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut listening, mut notifying) = pair(&rt).await;
    let name = channel();
    for end in ["close", "terminate"] {
        let mut connection = session::open(rt.clone()).await;
        connection.listen(&name).await?;
        notifying.notify(&name, "1").await?;
        notifying.notify(&name, "2").await?;
        connection.notify(&name, "3").await?;
        let process_id = connection.process_id().unwrap();
        let cause = if end == "close" {
            connection.close().await?;
            "closed by its owner"
        } else {
            listening.execute("select pg_terminate_backend($1)", (process_id,)).await?;
            "57P01"
        };
        session::wait_until_gone(&mut listening, process_id).await;
        for expected in ["1", "2", "3"] {
            assert_eq!(connection.notifications().recv().await?.payload(), expected);
        }
        assert_ended(&mut connection, cause).await;
    }
    Ok(())
}

/// The server's words arrive although nothing is asked.
async fn a_waiting_session_learns_that_it_was_terminated<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut listening, mut observer) = pair(&rt).await;
    listening.listen(&channel()).await?;
    let process_id = listening.process_id().unwrap();
    {
        let mut notifications = listening.notifications();
        let mut waiting = pin!(notifications.recv());
        assert!(PollLimit::new(waiting.as_mut(), 1).await.is_none());
        let terminated = observer.execute("select pg_terminate_backend($1)", (process_id,));
        let (received, done) = join(waiting, terminated).await;
        done?;
        assert_eq!(received.unwrap_err().kind(), Kind::Closed);
    }
    assert_ended(&mut listening, "57P01").await;
    Ok(())
}

async fn a_waiting_session_learns_that_its_link_is_cut_or_reset<R: Runtime>(rt: R) {
    for cut in [true, false] {
        let (relay, config) = session::relayed(Server::shared(), Plan::default());
        let mut listening = session::open_with(rt.clone(), &config).await;
        listening.listen(&channel()).await.unwrap();
        {
            let mut notifications = listening.notifications();
            let mut waiting = pin!(notifications.recv());
            assert!(PollLimit::new(waiting.as_mut(), 1).await.is_none());
            let end = if cut { Relay::close_all } else { Relay::reset_all };
            end(&relay);
            assert_eq!(waiting.await.unwrap_err().kind(), Kind::Closed);
        }
        let cause = if cut { "closed the connection" } else { "could not read" };
        assert_ended(&mut listening, cause).await;
    }
}

async fn a_session_that_never_receives_keeps_the_newest_and_says_how_many_it_lost<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&events);
    let config = session::config().on_event(move |event| hook.lock().unwrap().push(event.clone()));
    let mut connection = session::open_with(rt, &config).await;
    let name = channel();
    connection.listen(&name).await?;
    let many = "select pg_notify($1, n::text) from generate_series(1, 10000) n";
    connection.execute(many, (&name,)).await?;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    assert_eq!(connection.notifications().len(), 8_192);
    let lagged = 10_000 - 8_192;
    let error = connection.notifications().recv().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Lagged(lagged), "{error}");
    for expected in lagged + 1..=10_000 {
        let notification = connection.notifications().try_recv()?.unwrap();
        assert_eq!(notification.payload(), expected.to_string());
    }
    assert_nothing_more(&mut connection).await;
    let events = std::mem::take(&mut *events.lock().unwrap());
    assert!(matches!(*events, [Event::NotificationsLagged { .. }]), "{events:?}");
    Ok(())
}

/// Whoever receives is not overrun, however much comes at once: the rest waits in the socket.
async fn a_session_that_receives_loses_none_of_a_flood<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut listening, mut notifying) = pair(&rt).await;
    let name = channel();
    listening.listen(&name).await?;
    let many = "select pg_notify($1, n::text) from generate_series(1, 50000) n";
    let receiving = async {
        let notifications = listening.notifications();
        notifications
            .take(50_000)
            .try_fold(0, async |last, next| {
                assert_eq!(next.payload(), (last + 1).to_string());
                Ok(last + 1)
            })
            .await
    };
    let (received, sent) = join(receiving, notifying.execute(many, (&name,))).await;
    sent?;
    assert_eq!(received?, 50_000);
    Ok(())
}

/// The shape of a program: notifications or something else, whichever comes first.
async fn recv_stands_in_a_select_with_other_work<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut listening, mut notifying) = pair(&rt).await;
    let name = channel();
    listening.listen(&name).await?;
    let mut received = 0;
    while received < 10 {
        let mut notifications = listening.notifications();
        let receiving = pin!(notifications.recv());
        let working = pin!(work(&mut notifying, &name));
        match select(receiving, working).await {
            Either::Left((next, _)) => received += next.map(|_| 1)?,
            Either::Right((done, _)) => done?,
        }
    }
    assert_eq!(ask(&mut listening, "select 1").await, "1");
    assert_eq!(ask(&mut notifying, "select 2").await, "2");
    Ok(())
}

fn work<R: Runtime>(
    connection: &mut Connection<R>,
    name: &str,
) -> impl Future<Output = Result<(), Error>> {
    connection.notify(name, "work")
}

on_every_runtime!(
    a_notification_of_another_session_is_received,
    a_waiting_session_is_woken_with_no_query_running,
    notifications_come_between_and_during_statements,
    a_session_hears_itself_and_equal_ones_of_a_transaction_once,
    an_sql_error_does_not_end_the_notifications,
    unlisten_ends_what_was_asked_for_and_nothing_else,
    names_and_payloads_that_the_server_would_not_take_as_they_are_are_refused,
    a_recv_that_is_dropped_loses_nothing,
    notifications_are_received_after_a_statement_was_dropped,
    after_the_end_comes_what_had_arrived_and_then_the_reason,
    a_waiting_session_learns_that_it_was_terminated,
    a_waiting_session_learns_that_its_link_is_cut_or_reset,
    a_session_that_never_receives_keeps_the_newest_and_says_how_many_it_lost,
    a_session_that_receives_loses_none_of_a_flood,
    recv_stands_in_a_select_with_other_work,
);
