//! `Form`: how the values of one type become text and come from it.

use std::fmt::Display;
use std::str::FromStr;

use bytes::BytesMut;
use postgres_types::{FromSql, ToSql, Type};

use crate::error::Error;
use crate::types::bits::Bits;
use crate::types::date::Date;
use crate::types::identifier::{Cid, PgLsn, Tid, Xid, Xid8};
use crate::types::interval::Interval;
use crate::types::network::{Cidr, Inet};
use crate::types::numeric::Numeric;
use crate::types::text::plain;
use crate::types::time::Time;
use crate::types::time_tz::TimeTz;
use crate::types::timestamp::Timestamp;
use crate::types::timestamptz::Timestamptz;

/// The two ways. Both append.
pub(crate) struct Form {
    pub(crate) text: fn(&Type, &[u8], &mut String) -> Result<(), Error>,
    pub(crate) binary: fn(&Type, &str, &mut BytesMut) -> Result<(), Error>,
}

macro_rules! plain {
    ($text:ident, $binary:ident) => {
        Form {
            text: |_, raw, text| plain::$text(raw, text),
            binary: |_, text, out| plain::$binary(text, out),
        }
    };
}

impl Form {
    /// The form of a type that is built in and holds no other.
    ///
    /// Not that of `money`, whose text depends on a locale, nor of what is known by a name in text and by its OID
    /// in binary.
    pub(crate) fn of(r#type: &Type) -> Result<Self, Error> {
        Ok(match *r#type {
            Type::BOOL => plain!(bool, bool_binary),
            Type::INT2 => via::<i16>(),
            Type::INT4 => via::<i32>(),
            Type::INT8 => via::<i64>(),
            Type::OID => via::<u32>(),
            Type::FLOAT4 => plain!(float4, float4_binary),
            Type::FLOAT8 => plain!(float8, float8_binary),
            Type::NUMERIC => via::<Numeric>(),
            Type::TEXT
            | Type::VARCHAR
            | Type::BPCHAR
            | Type::NAME
            | Type::UNKNOWN
            | Type::JSON
            | Type::XML => Self {
                text: |_, raw, text| plain::text(raw, text),
                binary: |_, text, out| {
                    plain::text_binary(text, out);
                    Ok(())
                },
            },
            Type::JSONB => Self {
                text: |_, raw, text| plain::jsonb(raw, text),
                binary: |_, text, out| {
                    plain::jsonb_binary(text, out);
                    Ok(())
                },
            },
            Type::CHAR => plain!(char, char_binary),
            Type::BYTEA => Self {
                text: |_, raw, text| {
                    plain::bytea(raw, text);
                    Ok(())
                },
                binary: |_, text, out| plain::bytea_binary(text, out),
            },
            Type::UUID => plain!(uuid, uuid_binary),
            Type::DATE => via::<Date>(),
            Type::TIME => via::<Time>(),
            Type::TIMETZ => via::<TimeTz>(),
            Type::TIMESTAMP => via::<Timestamp>(),
            Type::TIMESTAMPTZ => via::<Timestamptz>(),
            Type::INTERVAL => via::<Interval>(),
            Type::INET => via::<Inet>(),
            Type::CIDR => via::<Cidr>(),
            Type::MACADDR => plain!(macaddr, macaddr_binary),
            Type::MACADDR8 => plain!(macaddr8, macaddr8_binary),
            Type::BIT | Type::VARBIT => via::<Bits>(),
            Type::PG_LSN => via::<PgLsn>(),
            Type::TID => via::<Tid>(),
            Type::XID => via::<Xid>(),
            Type::CID => via::<Cid>(),
            Type::XID8 => via::<Xid8>(),
            _ => return Err(unknown(r#type)),
        })
    }
}

#[cold]
fn unknown(r#type: &Type) -> Error {
    Error::conversion(format!("values of type {type} cannot be sent or read as text"))
}

/// By a type of Rust whose text is PostgreSQL's.
fn via<T>() -> Form
where
    T: for<'a> FromSql<'a> + ToSql + Display + FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    Form {
        text: |r#type, raw, text| {
            let value = T::from_sql(r#type, raw)
                .map_err(|cause| plain::malformed(r#type).with_source(cause))?;
            text.push_str(&value.to_string());
            Ok(())
        },
        binary: |r#type, text, out| {
            let value: T =
                text.parse().map_err(|cause| plain::invalid(r#type.name()).with_source(cause))?;
            let written = value.to_sql(r#type, out);
            written.map_err(|cause| plain::invalid(r#type.name()).with_source(cause)).map(drop)
        },
    }
}
