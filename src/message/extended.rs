//! Parse, Bind, Describe, Execute, Close, Flush, Sync and ParameterDescription.

use bytes::{BufMut, BytesMut};
use postgres_types::Oid;

use crate::error::Error;
use crate::message::codec::{Decode, Encode};
use crate::message::format::{Format, Object};
use crate::wire::{Begun, Parts, Reader, Writer, message_length};

/// Parse: makes a prepared statement; an empty name is the unnamed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parse<'a> {
    pub(crate) statement: &'a str,
    pub(crate) sql: &'a str,
    /// Types of the parameters, as far as they are laid down; 0 leaves one to the server.
    pub(crate) types: &'a [Oid],
}

impl Encode for Parse<'_> {
    const IDENTIFIER: u8 = b'P';

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.write_cstr(self.statement.as_bytes(), "the name of a statement")?;
        writer.write_cstr(self.sql.as_bytes(), "the statement")?;
        writer.write_count(self.types.len(), "parameters")?;
        self.types.iter().for_each(|oid| writer.write_u32(*oid));
        Ok(())
    }
}

/// Writes Bind: `statement` becomes the unnamed portal, with `count` parameters. `formats` are those of the parameters,
/// `results` those of its columns: one stands for all, and without any all are binary.
///
/// The statement's name is the driver's own. `value` writes a parameter, or tells that it is NULL. Where it fails,
/// nothing of the message remains.
pub(crate) fn write_bind<E: From<Error>>(
    out: &mut Parts,
    statement: &str,
    count: usize,
    formats: &[Format],
    results: &[Format],
    value: impl FnMut(usize, &mut BytesMut) -> Result<Value, E>,
) -> Result<(), E> {
    let begun = out.begin(b'B');
    let written = write_bind_body(out, &begun, statement, count, formats, results, value);
    out.end(&begun, written)
}

fn write_bind_body<E: From<Error>>(
    out: &mut Parts,
    begun: &Begun,
    statement: &str,
    count: usize,
    formats: &[Format],
    results: &[Format],
    value: impl FnMut(usize, &mut BytesMut) -> Result<Value, E>,
) -> Result<(), E> {
    let mut writer = Writer::new(out);
    writer.write_own_cstr("");
    writer.write_own_cstr(statement);
    write_formats(&mut writer, formats)?;
    writer.write_count(count, "parameters")?;
    write_values(out, begun, count, value)?;
    Ok(write_formats(&mut Writer::new(out), results)?)
}

#[inline]
fn write_values<E: From<Error>>(
    out: &mut Parts,
    begun: &Begun,
    count: usize,
    mut value: impl FnMut(usize, &mut BytesMut) -> Result<Value, E>,
) -> Result<(), E> {
    for index in 0..count {
        write_value(out, |out| value(index, out))?;
        out.value_written(begun)?;
    }
    Ok(())
}

/// What Bind begins with, up to its parameters, where they are all binary. Its length is to be filled in.
pub(crate) fn bind_head(statement: &str, count: usize) -> Option<Box<[u8]>> {
    let mut head = BytesMut::new();
    let mut writer = Writer::new(&mut head);
    writer.write_bytes(b"B\0\0\0\0");
    writer.write_own_cstr("");
    writer.write_own_cstr(statement);
    write_formats(&mut writer, &[]).ok()?;
    writer.write_count(count, "parameters").ok()?;
    Some(head.as_ref().into())
}

/// Writes Bind with so many parameters for a statement whose columns are all binary, too: what [`write_bind`] writes, in
/// fewer pieces.
pub(crate) fn write_bind_with_head<E: From<Error>>(
    out: &mut Parts,
    head: &[u8],
    count: usize,
    value: impl FnMut(usize, &mut BytesMut) -> Result<Value, E>,
) -> Result<(), E> {
    let begun = out.begin_with(head);
    let written = write_values(out, &begun, count, value);
    if written.is_ok() {
        out.extend_from_slice(&ALL_BINARY);
    }
    out.end(&begun, written)
}

/// One format for all, which is binary.
const ALL_BINARY: [u8; 4] = [0, 1, 0, 1];

fn write_formats(writer: &mut Writer<'_>, formats: &[Format]) -> Result<(), Error> {
    if formats.is_empty() {
        writer.write_bytes(&ALL_BINARY);
        return Ok(());
    }
    writer.write_count(formats.len(), "parameters")?;
    for format in formats {
        writer.write_i16(format.code());
    }
    Ok(())
}

/// Whether a parameter has been written or is NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Written,
    Null,
}

/// Writes a value behind its length. A NULL has the length -1 and no bytes, whatever the codec may have left.
#[inline]
pub(crate) fn write_value<E: From<Error>>(
    out: &mut BytesMut,
    value: impl FnOnce(&mut BytesMut) -> Result<Value, E>,
) -> Result<(), E> {
    out.put_i32(-1);
    let behind = out.len();
    if value(out)? == Value::Null {
        out.truncate(behind);
        return Ok(());
    }
    let length = message_length(out.len().saturating_sub(behind))?;
    if let Some(field) = out.get_mut(..behind).and_then(<[u8]>::last_chunk_mut) {
        *field = length.to_be_bytes();
    }
    Ok(())
}

/// Describe: asks for the description of a statement or a portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Describe<'a> {
    pub(crate) object: Object,
    pub(crate) name: &'a str,
}

impl Encode for Describe<'_> {
    const IDENTIFIER: u8 = b'D';

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.write_u8(self.object.code());
        writer.write_cstr(self.name.as_bytes(), "a name")
    }
}

/// Execute: runs a portal; an empty name is the unnamed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Execute {
    pub(crate) portal: &'static str,
    /// After so many rows it is suspended; 0 runs it to its end.
    pub(crate) most_rows: i32,
}

impl Execute {
    /// Runs the unnamed portal to its end.
    pub(crate) const WHOLE: Self = Self { portal: "", most_rows: 0 };

    /// [`WHOLE`](Self::WHOLE) and Sync as they are sent: nearly every statement ends so.
    pub(crate) const WHOLE_AND_SYNC: [u8; 15] = *b"E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04";
}

impl Encode for Execute {
    const IDENTIFIER: u8 = b'E';

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.write_own_cstr(self.portal);
        writer.write_i32(self.most_rows);
        Ok(())
    }
}

/// Close: forgets a statement or a portal; it is no error if there is none of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close<'a> {
    pub(crate) object: Object,
    pub(crate) name: &'a str,
}

impl Encode for Close<'_> {
    const IDENTIFIER: u8 = b'C';

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.write_u8(self.object.code());
        writer.write_cstr(self.name.as_bytes(), "a name")
    }
}

/// Sync: ends a request; after an error the server skips to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sync;

impl Encode for Sync {
    const IDENTIFIER: u8 = b'S';

    fn write(&self, _: &mut Writer<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// Flush: asks for what the server has to say so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flush;

impl Encode for Flush {
    const IDENTIFIER: u8 = b'H';

    fn write(&self, _: &mut Writer<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// ParameterDescription: the types of a statement's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParameterDescription {
    pub(crate) types: Vec<Oid>,
}

impl<'a> Decode<'a> for ParameterDescription {
    const TAG: u8 = b't';
    const NAME: &'static str = "ParameterDescription";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let count = reader.read_count()?;
        let types = (0..count).map(|_| reader.read_u32()).collect::<Result<_, _>>()?;
        Ok(Self { types })
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::error::Kind;
    use crate::message::codec::tests::check;

    impl Encode for ParameterDescription {
        const IDENTIFIER: u8 = b't';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            writer.write_count(self.types.len(), "types")?;
            self.types.iter().for_each(|oid| writer.write_u32(*oid));
            Ok(())
        }
    }

    #[test]
    fn parameter_description_round_trips() {
        check(&ParameterDescription { types: vec![] }, b"t\0\0\0\x06\0\0");
        check(
            &ParameterDescription { types: vec![23, 25] },
            b"t\0\0\0\x0e\0\x02\0\0\0\x17\0\0\0\x19",
        );
    }

    #[test]
    fn extended_messages_are_written_as_libpq_writes_them() {
        let encoded = |write: &dyn Fn(&mut BytesMut)| {
            let mut out = BytesMut::new();
            write(&mut out);
            out
        };
        let parse = Parse { statement: "s1", sql: "select $1", types: &[23] };
        let out = encoded(&|out| parse.encode(out).unwrap());
        assert_eq!(&out[..], b"P\0\0\0\x17s1\0select $1\0\0\x01\0\0\0\x17");
        let describe = Describe { object: Object::Statement, name: "s1" };
        let out = encoded(&|out| describe.encode(out).unwrap());
        assert_eq!(&out[..], b"D\0\0\0\x08Ss1\0");
        let close = Close { object: Object::Portal, name: "p" };
        assert_eq!(&encoded(&|out| close.encode(out).unwrap())[..], b"C\0\0\0\x07Pp\0");
        let execute = encoded(&|out| Execute::WHOLE.encode(out).unwrap());
        assert_eq!(&execute[..], b"E\0\0\0\x09\0\0\0\0\0");
        let sync = encoded(&|out| Sync.encode(out).unwrap());
        assert_eq!(&sync[..], b"S\0\0\0\x04");
        assert_eq!([execute, sync].concat(), Execute::WHOLE_AND_SYNC);
        assert_eq!(&encoded(&|out| Flush.encode(out).unwrap())[..], b"H\0\0\0\x04");
    }

    fn bind(formats: &[Format], values: &[Option<&[u8]>]) -> Result<Parts, Error> {
        let mut out = Parts::default();
        let count = values.len();
        write_bind(&mut out, "s1", count, formats, &[], |index, out| {
            // A codec may write before it finds that the value is NULL.
            out.put_slice(values[index].unwrap_or(b"junk"));
            Ok::<_, Error>(if values[index].is_some() { Value::Written } else { Value::Null })
        })?;
        Ok(out)
    }

    #[test]
    fn bind_writes_values_nulls_and_one_format_for_all() {
        let out = bind(&[], &[Some(b"ab"), None]).unwrap();
        let vector = b"B\0\0\0\x1c\0s1\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\x01\0\x01";
        assert_eq!(&out[..], vector);
    }

    #[test]
    fn bind_writes_a_format_each_where_they_differ() {
        let out = bind(&[Format::Binary, Format::Text], &[Some(b""), Some(b"t")]).unwrap();
        let vector = b"B\0\0\0\x1d\0s1\0\0\x02\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x01t\0\x01\0\x01";
        assert_eq!(&out[..], vector);
    }

    #[test]
    fn bind_takes_65535_parameters_and_refuses_one_more() {
        let values = vec![None; 65_536];
        let formats = vec![Format::Binary; 65_536];
        for formats in [&[][..], &formats] {
            assert!(bind(formats.get(1..).unwrap_or_default(), &values[1..]).is_ok());
            assert_eq!(bind(formats, &values).unwrap_err().kind(), Kind::Usage);
        }
    }

    #[test]
    fn bind_with_its_head_is_the_same() {
        let long = vec![7; 3 << 20];
        for values in [&[][..], &[Some(&b"ab"[..]), None], &[Some(&long[..]), Some(b"z")]] {
            let mut plain = bind(&[], values).unwrap();
            let mut out = Parts::default();
            let head = bind_head("s1", values.len()).unwrap();
            write_bind_with_head(&mut out, &head, values.len(), |index, out| {
                out.put_slice(values[index].unwrap_or(b"junk"));
                Ok::<_, Error>(if values[index].is_some() { Value::Written } else { Value::Null })
            })
            .unwrap();
            loop {
                assert!(out.first() == plain.first());
                if !(out.drop_first() & plain.drop_first()) {
                    break;
                }
            }
        }
        assert!(bind_head("s1", 65_535).is_some() && bind_head("s1", 65_536).is_none());
    }

    #[test]
    fn bind_with_its_head_leaves_nothing_where_a_value_fails() {
        let (mut out, head) = (Parts::default(), bind_head("s1", 2).unwrap());
        out.put_slice(b"before");
        let refused = write_bind_with_head(&mut out, &head, 2, |index, out| {
            out.put_slice(&vec![7; 2 << 20]);
            if index == 0 { Ok(Value::Written) } else { Err(Error::usage("no")) }
        });
        assert_eq!(refused.unwrap_err().kind(), Kind::Usage);
        assert_eq!((&out[..], out.total_bytes()), (&b"before"[..], 6));
    }
}
