//! What the kernel is asked to tell of a Unix-domain socket. A binary of its own: it looks at all of its process.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test stops at the line where it fails")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;

use aiopg_runtime::Runtime;
use aiopg_tokio::Tokio;
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use tokio::runtime::Builder;

/// `EPOLLOUT`.
const WRITING: u32 = 0x4;

/// How many descriptors are watched for writing. Whatever watches may have several descriptors itself.
fn watched_for_writing() -> usize {
    let files = fs::read_dir("/proc/self/fdinfo").unwrap().map_while(Result::ok);
    let texts: Vec<_> = files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect();
    let watched: BTreeSet<_> =
        texts.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("tfd")).collect();
    assert!(!watched.is_empty(), "nothing is watched at all");
    let events = watched.iter().map(|line| {
        let events = line.split_once("events:").unwrap().1.split_whitespace().next();
        u32::from_str_radix(events.unwrap(), 16).unwrap()
    });
    events.filter(|events| *events & WRITING > 0).count()
}

#[test]
fn a_unix_socket_is_watched_for_writing_only_while_it_is_full() {
    let path = std::env::temp_dir().join(format!("aiopg-tokio-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    let tokio = Builder::new_current_thread().enable_all().build().unwrap();
    tokio.block_on(async {
        // The runtime may have some of its own.
        let others = watched_for_writing();
        let mut stream = Tokio::current().connect_unix(&path).await.unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        fs::remove_file(&path).unwrap();
        for _ in 0..3 {
            assert_eq!(watched_for_writing(), others);
            let (bytes, mut written) = (vec![7; 100_000], 0);
            while let Some(count) = stream.write(&bytes).now_or_never() {
                written += count.unwrap();
            }
            assert_eq!(watched_for_writing(), others + 1);
            assert!(stream.write(&bytes).now_or_never().is_none());
            assert_eq!(watched_for_writing(), others + 1, "one watch is enough");
            peer.read_exact(&mut vec![0; written]).unwrap();
            stream.write_all(b"last").await.unwrap();
            assert_eq!(watched_for_writing(), others);
            peer.read_exact(&mut [0; 4]).unwrap();
            peer.write_all(b"answer").unwrap();
            stream.read_exact(&mut [0; 6]).await.unwrap();
            assert!(stream.read(&mut [0]).now_or_never().is_none());
        }
        // Closed while it is full, it leaves nothing behind.
        while stream.write(&[7; 10_000]).now_or_never().is_some() {}
        drop(stream);
        assert_eq!(watched_for_writing(), others);
    });
}
