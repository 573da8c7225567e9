//! The few messages that the floors write, as plain bytes.

/// StartupMessage of protocol 3.0, which has no tag.
pub(crate) fn startup(user: &str, dbname: &str) -> Vec<u8> {
    let body = [b"\0\x03\0\0user\0", user.as_bytes(), b"\0database\0", dbname.as_bytes(), b"\0\0"]
        .concat();
    [&length(body.len() + 4)[..], &body].concat()
}

/// Parse, for the statement called `s`, and Sync.
pub(crate) fn parse(sql: &str) -> Vec<u8> {
    [message(b'P', &[b"s\0", sql.as_bytes(), b"\0\0\0"]), sync()].concat()
}

/// Query.
pub(crate) fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"])
}

/// Sync.
pub(crate) fn sync() -> Vec<u8> {
    message(b'S', &[])
}

/// CopyData.
pub(crate) fn copy_data(data: &[u8]) -> Vec<u8> {
    message(b'd', &[data])
}

/// CopyDone.
pub(crate) fn copy_done() -> Vec<u8> {
    message(b'c', &[])
}

/// Bind and Execute, built once, for the statement `s`; parameters and results in binary.
#[derive(Clone)]
pub(crate) struct Run {
    bytes: Vec<u8>,
    /// Where each value stands.
    places: Vec<usize>,
}

impl Run {
    /// The messages with these values.
    pub(crate) fn new(values: &[&[u8]]) -> Self {
        let mut body = b"\0s\0\0\x01\0\x01".to_vec();
        body.extend(u16::try_from(values.len()).unwrap_or(u16::MAX).to_be_bytes());
        let mut places = Vec::new();
        for value in values {
            body.extend(length(value.len()));
            // Behind the header.
            places.push(body.len() + 5);
            body.extend_from_slice(value);
        }
        body.extend_from_slice(b"\0\x01\0\x01");
        let bytes = [message(b'B', &[&body]), message(b'E', &[b"\0\0\0\0\0"])].concat();
        Self { bytes, places }
    }

    /// The same with a Sync behind.
    pub(crate) fn with_sync(mut self) -> Self {
        self.bytes.extend(sync());
        self
    }

    /// The messages with this value in the place of the first, which is as long.
    pub(crate) fn with(&mut self, value: &[u8]) -> &[u8] {
        let place = self.places.first().map_or(0, |place| *place);
        if let Some(place) = self.bytes.get_mut(place..place + value.len()) {
            place.copy_from_slice(value);
        }
        &self.bytes
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Adds a Bind for the statement `s`; parameters and results in binary.
pub(crate) fn bind(out: &mut Vec<u8>, values: &[impl AsRef<[u8]>]) {
    let start = out.len();
    out.extend_from_slice(b"B\0\0\0\0\0s\0\0\x01\0\x01");
    out.extend_from_slice(&u16::try_from(values.len()).unwrap_or(u16::MAX).to_be_bytes());
    for value in values.iter().map(AsRef::as_ref) {
        out.extend_from_slice(&length(value.len()));
        out.extend_from_slice(value);
    }
    out.extend_from_slice(b"\0\x01\0\x01");
    let total = length(out.len() - start - 1);
    if let Some(place) = out.get_mut(start + 1..start + 5) {
        place.copy_from_slice(&total);
    }
}

/// Adds Execute and Sync.
pub(crate) fn execute_and_sync(out: &mut Vec<u8>) {
    out.extend_from_slice(b"E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04");
}

/// The values of a DataRow, one after the other; `None` in it is NULL.
pub(crate) struct Values<'b>(&'b [u8]);

impl<'b> Values<'b> {
    pub(crate) fn new(body: &'b [u8]) -> Self {
        Self(body.get(2..).unwrap_or_default())
    }
}

impl<'b> Iterator for Values<'b> {
    type Item = Option<&'b [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.0 = rest;
            return Some(None);
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(value))
    }
}

/// A message: its tag, its length, its body.
fn message(tag: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut bytes = vec![tag];
    bytes.extend(length(body.len() + 4));
    bytes.extend(body);
    bytes
}

fn length(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_stands_in_its_place() {
        let mut run = Run::new(&[&[0; 4], b"text"]).with_sync();
        let at = run.with(&[1, 2, 3, 4]).windows(4).position(|bytes| bytes == [1, 2, 3, 4]);
        assert_eq!(at, Some(run.places[0]));
        assert_eq!(run.bytes()[run.places[0] - 4..run.places[0]], [0, 0, 0, 4]);
        assert_eq!(run.bytes()[run.places[1]..][..4], *b"text");
        assert!(run.bytes().ends_with(&sync()));
    }

    #[test]
    fn what_is_bound_each_time_is_what_was_built_once() {
        let values = [&b"one"[..], b"", b"three"];
        let mut bytes = Vec::new();
        bind(&mut bytes, &values);
        execute_and_sync(&mut bytes);
        assert_eq!(bytes, Run::new(&values).with_sync().bytes());
    }

    #[test]
    fn the_values_of_a_row_come_in_turn() {
        let body = b"\0\x03\0\0\0\x01a\xff\xff\xff\xff\0\0\0\0";
        let values: Vec<_> = Values::new(body).collect();
        assert_eq!(values, [Some(&b"a"[..]), None, Some(b"")]);
    }
}
