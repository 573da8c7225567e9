//! The least of the protocol that tells which server answers: start-up, and the parameters it reports.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What the server at `address` reports as `server_version`, or `None` if it wants a password first.
pub(crate) fn server_version(
    address: (&str, u16),
    user: &str,
    dbname: &str,
) -> io::Result<Option<String>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut body = PROTOCOL_3_0.to_vec();
    for text in ["user", user, "database", dbname] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), body.as_slice()].concat())?;
    loop {
        let (tag, body) = read_message(&mut stream)?;
        match tag {
            b'R' if body != AUTHENTICATION_OK => return Ok(None),
            b'S' => {
                let text = String::from_utf8_lossy(&body);
                let mut fields = text.split('\0');
                if fields.next() == Some("server_version") {
                    stream.write_all(b"X\0\0\0\x04")?;
                    return Ok(fields.next().map(str::to_owned));
                }
            }
            b'E' => {
                return Err(io::Error::other(String::from_utf8_lossy(&body).replace('\0', " ")));
            }
            b'Z' => return Err(io::Error::other("the server reports no server_version")),
            _ => {}
        }
    }
}

fn read_message(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 5];
    stream.read_exact(&mut header)?;
    let [tag, length @ ..] = header;
    let length = u32::from_be_bytes(length).saturating_sub(4);
    if length > LONGEST_MESSAGE {
        return Err(io::Error::other("this is no PostgreSQL server"));
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body)?;
    Ok((tag, body))
}

const PROTOCOL_3_0: [u8; 4] = [0, 3, 0, 0];
const AUTHENTICATION_OK: [u8; 4] = [0; 4];
/// Nothing that a server says before it is ready is near that long.
const LONGEST_MESSAGE: u32 = 64 * 1024;
