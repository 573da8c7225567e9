//! LISTEN and NOTIFY: one session waits for what others send, and learns when its connection is lost.
//!
//! It prints:
//!
//! ```text
//! received message 0
//! received message 1
//! received message 2
//! received finish
//! heard in the order in which it was sent
//! no more: the session is closed, because FATAL 57P01: terminating connection due to administrator command
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::error::Error as StdError;
use std::process::ExitCode;

use aiopg::rt::AnyRuntime;
use aiopg::{Client, Config, Connection, Error, Pool};

fn main() -> ExitCode {
    aiopg_examples::start(notify)
}

async fn notify(runtime: AnyRuntime, config: Config) -> Result<(), Error> {
    let mut listening = Connection::connect(runtime.clone(), &config).await?;
    let pool = Pool::connect(runtime, config).await?;
    // A channel belongs to the whole database; this name is ours alone.
    let channel = format!("example_{}", listening.process_id().unwrap_or_default());
    listening.listen(&channel).await?;

    // Both at once, on one task: whoever waits for a session drives it.
    let (received, sent) = futures::join!(receive(&mut listening), send(&pool, &channel));
    sent?;
    if received?.is_sorted() {
        println!("heard in the order in which it was sent");
    }

    // When the connection is lost, whoever listens is told, and why.
    let process_id = listening.process_id().unwrap_or_default();
    pool.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    if let Err(error) = listening.notifications().recv().await {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        println!("no more: {error}, because {cause}");
    }
    pool.shutdown(None).await
}

async fn send(pool: &Pool, channel: &str) -> Result<(), Error> {
    let mut session = pool.get().await?;
    for number in 0..3 {
        // Channel and text are sent as parameters: neither needs quoting.
        session.notify(channel, &format!("message {number}")).await?;
    }
    session.notify(channel, "finish").await
}

/// Receives until one says that it is the last, and returns those before it.
async fn receive(listening: &mut Connection) -> Result<Vec<String>, Error> {
    let mut messages = Vec::new();
    let mut notifications = listening.notifications();
    loop {
        let notification = notifications.recv().await?;
        println!("received {}", notification.payload());
        if notification.payload() == "finish" {
            return Ok(messages);
        }
        messages.push(notification.payload().to_owned());
    }
}
