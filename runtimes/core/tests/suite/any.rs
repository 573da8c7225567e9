//! A runtime behind `AnyRuntime` is the same runtime.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::Ordering;

use aiopg_runtime::{
    AnyRuntime, BoxSleep, BoxStream, Runtime, Sleep, SpawnQueue, Spawner, TcpOptions, Timeout,
};
use futures::executor::block_on;

use crate::fake::Fake;

#[test]
fn debug_names_the_runtime_that_is_hidden() {
    let text = format!("{:?}", Fake::default().erase());
    assert!(text.starts_with("AnyRuntime(") && text.ends_with("::Fake)"), "{text}");
}

#[test]
fn erasing_twice_hides_nothing_twice() {
    let once = Fake::default().erase();
    let twice = AnyRuntime::new(once.clone()).erase();
    assert_eq!(format!("{twice:?}"), format!("{once:?}"));
}

#[test]
fn every_call_reaches_the_runtime() {
    let fake = Fake::default();
    let any = fake.clone().erase();
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let tcp = block_on(any.connect_tcp(address, &TcpOptions::default())).err().unwrap();
    assert_eq!(tcp.kind(), io::ErrorKind::ConnectionRefused);
    let unix = block_on(any.connect_unix(Path::new("x"))).err().unwrap();
    assert_eq!(unix.kind(), io::ErrorKind::Unsupported);
    assert_eq!(block_on(any.resolve("here", 7)).unwrap(), [SocketAddr::from(([127, 0, 0, 9], 7))]);
    block_on(any.resolve("elsewhere", 7)).unwrap_err();
    assert!(!any.spawn(async {}));
    assert_eq!(block_on(any.unblock(|| "worked")).unwrap(), "worked");
    assert_eq!(any.random(), 4);
    fake.advance(3);
    assert_eq!(any.now(), fake.now());
}

#[test]
fn setting_an_erased_timer_again_makes_no_new_one() {
    let fake = Fake::default();
    let any = fake.clone().erase();
    let mut sleep = any.sleep_until(any.now());
    for _ in 0..5 {
        Pin::new(&mut sleep).reset(any.now());
    }
    assert_eq!(fake.timers_made(), 1);
    assert_eq!(fake.resets.load(Ordering::Relaxed), 5);
}

#[test]
fn a_panic_of_the_work_passes_through() {
    let any = Fake::default().erase();
    let work = any.unblock(|| resume_unwind(Box::new("on purpose")));
    let payload =
        catch_unwind(AssertUnwindSafe(|| block_on::<_>(work).map(|(): ()| ()))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
}

#[test]
fn handles_and_futures_can_go_where_they_are_needed() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn unpin<T: Unpin>() {}
    send::<AnyRuntime>();
    sync::<AnyRuntime>();
    send::<Spawner>();
    sync::<Spawner>();
    send::<SpawnQueue>();
    send::<BoxStream>();
    send::<BoxSleep>();
    unpin::<BoxSleep>();
    send::<Timeout<std::future::Ready<()>, AnyRuntime>>();
    unpin::<Timeout<std::future::Ready<()>, AnyRuntime>>();
}
