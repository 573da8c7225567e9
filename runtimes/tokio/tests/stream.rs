//! How a tokio stream looks to aiopg.

use std::io::IoSlice;

use aiopg_runtime::{Runtime, TcpOptions, conformance::Loopback};
use aiopg_tokio::{Io, Tokio};
use futures::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_vectored_write_is_one_write() {
    let loopback = Loopback::start().unwrap();
    let echo = loopback.peers().echo;
    let mut stream = Tokio::current().connect_tcp(echo, &TcpOptions::default()).await.unwrap();
    let written = stream.write_vectored(&[IoSlice::new(b"head"), IoSlice::new(b"body")]).await;
    assert_eq!(written.unwrap(), 8);
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"headbody");
}

#[tokio::test]
async fn the_wrapped_stream_comes_back() {
    let (near, mut far) = tokio::io::duplex(16);
    let mut near = Io::new(near);
    near.write_all(b"one").await.unwrap();
    let mut near = near.into_inner();
    tokio::io::AsyncWriteExt::write_all(&mut near, b"two").await.unwrap();
    drop(near);
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut far, &mut text).await.unwrap();
    assert_eq!(text, "onetwo");
}
