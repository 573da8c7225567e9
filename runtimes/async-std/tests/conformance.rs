//! The conformance suite on async-std.

use aiopg_async_std::AsyncStd;
use aiopg_runtime::conformance::{Loopback, run_all};

#[test]
fn async_std_keeps_the_contract() {
    let loopback = Loopback::start().unwrap();
    async_std::task::block_on(run_all(AsyncStd::new(), loopback.peers()));
}

#[test]
fn async_std_keeps_the_contract_under_an_executor_of_futures() {
    let loopback = Loopback::start().unwrap();
    futures::executor::block_on(run_all(AsyncStd::new(), loopback.peers()));
}
