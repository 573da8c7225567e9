//! What a server sends, as bytes.

/// Any message.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).expect("a body of less than 2 GiB");
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// The head of a message that announces a length of its own choice, and no body.
pub fn header(tag: u8, length: i32) -> Vec<u8> {
    [&[tag], &length.to_be_bytes()[..]].concat()
}

/// The Authentication request with this number.
pub fn authentication(code: i32, data: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes()[..], data].concat())
}

/// The client is who it says.
pub fn authentication_ok() -> Vec<u8> {
    authentication(0, b"")
}

/// A choice of SASL mechanisms.
pub fn authentication_sasl(mechanisms: &[&str]) -> Vec<u8> {
    authentication(10, &[names(mechanisms), vec![0]].concat())
}

/// The key for cancel requests.
pub fn backend_key_data(process_id: i32, key: &[u8]) -> Vec<u8> {
    message(b'K', &[&process_id.to_be_bytes()[..], key].concat())
}

/// A parameter has this value now.
pub fn parameter_status(name: &str, value: &str) -> Vec<u8> {
    message(b'S', format!("{name}\0{value}\0").as_bytes())
}

/// A request is answered; the status is one of `I`, `T` and `E`.
pub fn ready_for_query(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

/// The newest minor version, and the options that are not known.
pub fn negotiate_protocol_version(version: i32, options: &[&str]) -> Vec<u8> {
    let count = i32::try_from(options.len()).expect("few options");
    message(b'v', &[&version.to_be_bytes()[..], &count.to_be_bytes(), &names(options)].concat())
}

/// Parse is done.
pub fn parse_complete() -> Vec<u8> {
    message(b'1', b"")
}

/// Bind is done.
pub fn bind_complete() -> Vec<u8> {
    message(b'2', b"")
}

/// There are more rows than were asked for.
pub fn portal_suspended() -> Vec<u8> {
    message(b's', b"")
}

/// Close is done.
pub fn close_complete() -> Vec<u8> {
    message(b'3', b"")
}

/// The statement returns no rows.
pub fn no_data() -> Vec<u8> {
    message(b'n', b"")
}

/// There was no statement in the text.
pub fn empty_query_response() -> Vec<u8> {
    message(b'I', b"")
}

/// The types of the parameters.
pub fn parameter_description(types: &[u32]) -> Vec<u8> {
    let mut body = count(types.len());
    body.extend(types.iter().flat_map(|oid| oid.to_be_bytes()));
    message(b't', &body)
}

/// Columns of type `int8`, in text format (0) or binary (1).
pub fn row_description(names: &[&str], format: i16) -> Vec<u8> {
    let mut body = count(names.len());
    for name in names {
        body.extend(name.bytes());
        // No table, no attribute number.
        body.extend([0; 7]);
        body.extend(INT8.to_be_bytes());
        body.extend(8_i16.to_be_bytes());
        body.extend((-1_i32).to_be_bytes());
        body.extend(format.to_be_bytes());
    }
    message(b'T', &body)
}

/// One row.
pub fn data_row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = count(values.len());
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("a short value"));
        body.extend(length.to_be_bytes());
        body.extend(value.unwrap_or_default());
    }
    message(b'D', &body)
}

/// One row of one binary `int8`.
pub fn int8_row(value: i64) -> Vec<u8> {
    data_row(&[Some(&value.to_be_bytes())])
}

/// The statement is done.
pub fn command_complete(tag: &str) -> Vec<u8> {
    message(b'C', format!("{tag}\0").as_bytes())
}

/// The statement failed.
pub fn error_response(code: &str, text: &str) -> Vec<u8> {
    message(b'E', &report("ERROR", code, text))
}

/// The session ends.
pub fn fatal_response(code: &str, text: &str) -> Vec<u8> {
    message(b'E', &report("FATAL", code, text))
}

/// A word of information.
pub fn notice_response(text: &str) -> Vec<u8> {
    message(b'N', &report("NOTICE", "00000", text))
}

/// Another session has notified a channel.
pub fn notification_response(process_id: i32, channel: &str, payload: &str) -> Vec<u8> {
    let texts = format!("{channel}\0{payload}\0");
    message(b'A', &[&process_id.to_be_bytes()[..], texts.as_bytes()].concat())
}

/// The server waits for the data of a copy, in text format.
pub fn copy_in_response() -> Vec<u8> {
    message(b'G', &[0, 0, 1, 0, 0])
}

/// The server is about to send the data of a copy, in text format.
pub fn copy_out_response() -> Vec<u8> {
    message(b'H', &[0, 0, 1, 0, 0])
}

/// The server waits for the data of a copy of one column, in binary format.
pub fn binary_copy_in_response() -> Vec<u8> {
    message(b'G', &[1, 0, 1, 0, 1])
}

/// The server is about to send the data of a copy of one column, in binary format.
pub fn binary_copy_out_response() -> Vec<u8> {
    message(b'H', &[1, 0, 1, 0, 1])
}

/// The data of a binary copy of one column, with these `int8` values.
pub fn binary_copy(values: &[i64]) -> Vec<u8> {
    let mut data = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for value in values {
        data.extend(b"\0\x01\0\0\0\x08");
        data.extend(value.to_be_bytes());
    }
    data.extend(b"\xff\xff");
    data
}

/// Data of a copy.
pub fn copy_data(data: &[u8]) -> Vec<u8> {
    message(b'd', data)
}

/// The copy is at its end.
pub fn copy_done() -> Vec<u8> {
    message(b'c', b"")
}

/// The OID of `int8`.
pub const INT8: u32 = 20;

fn report(severity: &str, code: &str, text: &str) -> Vec<u8> {
    format!("S{severity}\0V{severity}\0C{code}\0M{text}\0\0").into_bytes()
}

fn names(names: &[&str]) -> Vec<u8> {
    names.iter().flat_map(|name| name.bytes().chain([0])).collect()
}

fn count(length: usize) -> Vec<u8> {
    u16::try_from(length).expect("at most 65,535").to_be_bytes().to_vec()
}
