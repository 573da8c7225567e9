//! Network addresses: `Inet`, `Cidr`, `MacAddr`, `MacAddr8`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use bytes::{BufMut, BytesMut};
use postgres_types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use crate::error::Error;
use crate::types::codec::CodecError;
use crate::wire::Reader;

/// A host's address, and how many of its bits tell its network: `inet`.
///
/// # Examples
///
/// ```
/// use aiopg::types::Inet;
///
/// let inet: Inet = "10.0.0.1/30".parse()?;
/// assert_eq!(inet.prefix_bits(), 30);
/// assert_eq!(inet.to_string(), "10.0.0.1/30");
/// # Ok::<_, aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Network address types](https://www.postgresql.org/docs/18/datatype-net-types.html)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inet {
    address: IpAddr,
    prefix_bits: u8,
}

/// A network: `cidr`. The bits behind its prefix are zero.
///
/// # Source
///
/// [Network address types](https://www.postgresql.org/docs/18/datatype-net-types.html)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    address: IpAddr,
    prefix_bits: u8,
}

/// A MAC address of 6 bytes: `macaddr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an address has no other part")]
pub struct MacAddr(pub [u8; 6]);

/// A MAC address of 8 bytes: `macaddr8`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an address has no other part")]
pub struct MacAddr8(pub [u8; 8]);

impl Inet {
    /// Makes an address with a network of `prefix_bits` bits.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if the address has fewer bits.
    pub fn new(address: IpAddr, prefix_bits: u8) -> Result<Self, Error> {
        check_prefix(address, prefix_bits)?;
        Ok(Self { address, prefix_bits })
    }

    /// Returns the address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// Returns how many bits tell the network.
    pub fn prefix_bits(self) -> u8 {
        self.prefix_bits
    }
}

impl Cidr {
    /// Makes the network that starts with the first `prefix_bits` bits of `address`.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if the address has fewer bits, or if one behind the prefix is set.
    pub fn new(address: IpAddr, prefix_bits: u8) -> Result<Self, Error> {
        check_prefix(address, prefix_bits)?;
        let behind = match address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        if behind.checked_shl(u32::from(prefix_bits)).unwrap_or(0) != 0 {
            return Err(Error::usage("a network has no bits behind its prefix").unsent());
        }
        Ok(Self { address, prefix_bits })
    }

    /// Returns the first address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// Returns how many bits the prefix has.
    pub fn prefix_bits(self) -> u8 {
        self.prefix_bits
    }

    /// Tells whether the network contains an address.
    pub fn contains(self, address: IpAddr) -> bool {
        let differing = match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => return false,
        };
        differing >= u32::from(self.prefix_bits)
    }
}

fn address_bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn check_prefix(address: IpAddr, prefix_bits: u8) -> Result<(), Error> {
    let most = address_bits(address);
    if prefix_bits <= most {
        return Ok(());
    }
    Err(Error::usage(format!("a prefix of this address has at most {most} bits")).unsent())
}

impl From<IpAddr> for Inet {
    fn from(address: IpAddr) -> Self {
        Self { address, prefix_bits: address_bits(address) }
    }
}

impl From<IpAddr> for Cidr {
    fn from(address: IpAddr) -> Self {
        Self { address, prefix_bits: address_bits(address) }
    }
}

impl From<Cidr> for Inet {
    fn from(network: Cidr) -> Self {
        Self { address: network.address, prefix_bits: network.prefix_bits }
    }
}

/// Takes `address/bits` apart; without bits all count.
fn parse(text: &str) -> Result<(IpAddr, u8), Error> {
    let wrong =
        || Error::usage("invalid network address: expected such as \"10.0.0.1/8\"").unsent();
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) if bits.bytes().all(|digit| digit.is_ascii_digit()) => {
            (address, Some(bits.parse().map_err(|_| wrong())?))
        }
        Some(_) => return Err(wrong()),
        None => (text, None),
    };
    let address = IpAddr::from_str(address).map_err(|_| wrong())?;
    Ok((address, bits.unwrap_or_else(|| address_bits(address))))
}

impl FromStr for Inet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (address, prefix_bits) = parse(text)?;
        Self::new(address, prefix_bits)
    }
}

impl FromStr for Cidr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (address, prefix_bits) = parse(text)?;
        Self::new(address, prefix_bits)
    }
}

impl fmt::Display for Inet {
    /// Writes the address as the server does: without its bits if all of them count.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display_address(self.address, f)?;
        if self.prefix_bits == address_bits(self.address) {
            return Ok(());
        }
        write!(f, "/{}", self.prefix_bits)
    }
}

impl fmt::Display for Cidr {
    /// Writes the network as the server does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display_address(self.address, f)?;
        write!(f, "/{}", self.prefix_bits)
    }
}

/// The server shows an IPv4 address that is embedded in an IPv6 address also without the prefix `ffff`.
fn display_address(address: IpAddr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let IpAddr::V6(v6) = address else { return write!(f, "{address}") };
    let bits = v6.to_bits();
    if bits >> 32 != 0 || bits >> 16 == 0 {
        return write!(f, "{v6}");
    }
    let [.., o12, o13, o14, o15] = v6.octets();
    write!(f, "::{}", Ipv4Addr::new(o12, o13, o14, o15))
}

/// Address families on the wire; they are the server's own, the same on every system.
const INET: u8 = 2;
const INET6: u8 = 3;

fn read_address(name: &'static str, raw: &[u8], is_cidr: u8) -> Result<(IpAddr, u8), Error> {
    let mut reader = Reader::new(name, raw);
    let family = reader.read_u8()?;
    let prefix_bits = reader.read_u8()?;
    if reader.read_u8()? != is_cidr {
        return Err(reader.invalid("it is not of its type"));
    }
    let length = reader.read_u8()?;
    let bytes = reader.read_bytes(usize::from(length))?;
    reader.finish()?;
    let address = match (family, bytes.first_chunk::<4>(), bytes.first_chunk::<16>()) {
        (INET, Some(bytes), _) if length == 4 => IpAddr::V4(Ipv4Addr::from(*bytes)),
        (INET6, _, Some(bytes)) if length == 16 => IpAddr::V6(Ipv6Addr::from(*bytes)),
        _ => return Err(reader.invalid("its family and length do not fit")),
    };
    if prefix_bits > address_bits(address) {
        return Err(reader.invalid("its prefix is too long"));
    }
    Ok((address, prefix_bits))
}

fn write_address(address: IpAddr, prefix_bits: u8, is_cidr: u8, out: &mut BytesMut) {
    match address {
        IpAddr::V4(address) => {
            out.put_slice(&[INET, prefix_bits, is_cidr, 4]);
            out.put_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.put_slice(&[INET6, prefix_bits, is_cidr, 16]);
            out.put_slice(&address.octets());
        }
    }
}

macro_rules! addresses {
    ($($name:ident $type:ident $text:literal $is_cidr:literal;)*) => {$(
        impl<'a> FromSql<'a> for $name {
            fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
                let (address, prefix_bits) = read_address($text, raw, $is_cidr)?;
                Ok(Self::new(address, prefix_bits)?)
            }

            accepts!($type);
        }

        impl ToSql for $name {
            fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, CodecError> {
                write_address(self.address, self.prefix_bits, $is_cidr, out);
                Ok(IsNull::No)
            }

            accepts!($type);

            to_sql_checked!();
        }
    )*};
}

addresses! {
    Inet INET "inet" 0;
    Cidr CIDR "cidr" 1;
}

macro_rules! mac_addresses {
    ($($name:ident $type:ident $text:literal $length:literal;)*) => {$(
        impl<'a> FromSql<'a> for $name {
            fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
                match raw.try_into() {
                    Ok(bytes) => Ok(Self(bytes)),
                    Err(_) => Err(Reader::new($text, raw).invalid("its length does not fit").into()),
                }
            }

            accepts!($type);
        }

        impl ToSql for $name {
            fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, CodecError> {
                out.put_slice(&self.0);
                Ok(IsNull::No)
            }

            accepts!($type);

            to_sql_checked!();
        }

        impl fmt::Display for $name {
            /// Writes the address as the server does.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (position, byte) in self.0.iter().enumerate() {
                    f.write_str(if position > 0 { ":" } else { "" })?;
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }

        impl From<[u8; $length]> for $name {
            fn from(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }
        }
    )*};
}

mac_addresses! {
    MacAddr MACADDR "macaddr" 6;
    MacAddr8 MACADDR8 "macaddr8" 8;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::codec::tests::check;

    #[test]
    fn addresses_round_trip() {
        let inet: Inet = "10.0.0.1/30".parse().unwrap();
        check(&inet, &Type::INET, b"\x02\x1e\0\x04\x0a\0\0\x01");
        let cidr: Cidr = "10.0.0.0/8".parse().unwrap();
        check(&cidr, &Type::CIDR, b"\x02\x08\x01\x04\x0a\0\0\0");
        let v6: Inet = "::1".parse().unwrap();
        check(&v6, &Type::INET, b"\x03\x80\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
        check(&MacAddr([8, 0, 43, 1, 2, 3]), &Type::MACADDR, b"\x08\0\x2b\x01\x02\x03");
        check(&MacAddr8([1, 2, 3, 4, 5, 6, 7, 8]), &Type::MACADDR8, &[1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn prefixes_are_checked() {
        for text in ["10.0.0.1/33", "::/129", "10.0.0.1/", "10.0.0.1/+8", "a", "10.0.0.1/8/8", ""] {
            assert!(text.parse::<Inet>().is_err(), "{text}");
        }
        for text in ["10.0.0.1/30", "0.0.0.1/0", "::1/127", "255.255.255.255/31"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
            assert!(text.parse::<Inet>().is_ok(), "{text}");
        }
        for text in ["0.0.0.0/0", "::/0", "10.0.0.1/32", "::1/128", "128.0.0.0/1"] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), text);
        }
        let network: Cidr = "10.0.0.0/8".parse().unwrap();
        assert!(network.contains("10.255.1.1".parse().unwrap()));
        assert!(!network.contains("11.0.0.0".parse().unwrap()));
        assert!(!network.contains("::".parse().unwrap()));
        assert!("::/0".parse::<Cidr>().unwrap().contains("ff::1".parse().unwrap()));
    }

    #[test]
    fn text_is_that_of_the_server() {
        for text in ["10.0.0.1", "::1.2.3.4", "::ffff:1.2.3.4", "::1", "::", "::1:0", "1::/16"] {
            let expected = if text == "::1:0" { "::0.1.0.0" } else { text };
            assert_eq!(text.parse::<Inet>().unwrap().to_string(), expected);
        }
        assert_eq!(MacAddr([8, 0, 43, 1, 2, 3]).to_string(), "08:00:2b:01:02:03");
    }
}
