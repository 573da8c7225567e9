//! Every runtime reaches the shared server over both kinds of socket.

use std::io;
use std::net::{IpAddr, SocketAddr};

use aiopg_runtime::{ByteStream, Runtime, TcpOptions};
use aiopg_tests::{Server, on_every_runtime};
use futures::{AsyncReadExt, AsyncWriteExt};

async fn server_answers_over_tcp<R: Runtime>(runtime: R) -> io::Result<()> {
    let server = Server::shared();
    let address = SocketAddr::new(server.host().parse::<IpAddr>().unwrap(), server.port());
    let stream = runtime.connect_tcp(address, &TcpOptions::default()).await?;
    asks_for_tls_and_is_refused(stream).await
}

async fn server_answers_over_its_unix_socket<R: Runtime>(runtime: R) -> io::Result<()> {
    let server = Server::shared();
    let Some(dir) = server.socket_dir() else { return Ok(()) };
    let path = dir.join(format!(".s.PGSQL.{}", server.port()));
    asks_for_tls_and_is_refused(runtime.connect_unix(&path).await?).await
}

/// The shortest dialogue there is: `SSLRequest`, answered by one byte.
async fn asks_for_tls_and_is_refused(mut stream: impl ByteStream) -> io::Result<()> {
    stream.write_all(b"\0\0\0\x08\x04\xd2\x16\x2f").await?;
    let mut answer = [0; 1];
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"N");
    Ok(())
}

on_every_runtime!(server_answers_over_tcp, server_answers_over_its_unix_socket);
