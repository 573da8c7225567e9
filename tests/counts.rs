//! Allocations per call, counted on the thread that makes the call.
//!
//! A binary of its own: using the counting crate replaces the allocator of the whole program.

use std::hint::black_box;

use allocation_counter::measure;

#[test]
fn allocations_of_this_thread_are_counted() {
    let cost = measure(|| {
        black_box(Vec::<u8>::with_capacity(100));
        black_box(Box::new(1_u64));
    });
    assert_eq!((cost.count_total, cost.bytes_total, cost.count_current), (2, 108, 0));
}

#[test]
fn allocations_of_other_threads_are_not() {
    let (go, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let other = std::thread::spawn(move || {
        wait.recv().unwrap();
        black_box(vec![0_u8; 1000]);
    });
    let cost = measure(|| go.send(()).unwrap());
    other.join().unwrap();
    assert!(cost.bytes_total < 1000, "{cost:?}");
}
