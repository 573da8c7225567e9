//! Addresses: of hosts and networks into `inet` and `cidr`, of hardware into `macaddr`.

use bytes::BytesMut;
use postgres_types::Type;

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::{CAST, Misfit};

/// An address, and how many of its bits tell its network.
#[cfg(feature = "with-ipnetwork-0_21")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    pub(crate) address: std::net::IpAddr,
    pub(crate) prefix_bits: u8,
}

#[cfg(feature = "with-ipnetwork-0_21")]
impl Family for Network {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        use bytes::BufMut;
        use postgres_types::ToSql;

        use crate::types::{Cidr, Inet};

        let inet = || Inet::new(self.address, self.prefix_bits).map_err(Misfit::Told);
        let written = match *r#type {
            Type::INET => inet()?.to_sql(r#type, out),
            Type::CIDR => {
                let bits =
                    |_| Misfit::value("a network has no bits behind its prefix: inet takes it");
                Cidr::new(self.address, self.prefix_bits).map_err(bits)?.to_sql(r#type, out)
            }
            // Where the type is not known, the text is that of both.
            Type::UNKNOWN => {
                out.put_slice(inet()?.to_string().as_bytes());
                return Ok(());
            }
            _ => return Err(Misfit::Kind(CAST)),
        };
        written.map(drop).map_err(|_| Misfit::value("it cannot be written"))
    }

    /// A literal of `inet` would lose its bits in a column of `cidr`.
    fn own_type(&self) -> Type {
        Type::UNKNOWN
    }
}

/// The address of a piece of hardware.
#[cfg(feature = "with-mac_address-1")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mac(pub(crate) [u8; 6]);

#[cfg(feature = "with-mac_address-1")]
impl Family for Mac {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        match *r#type {
            Type::MACADDR => out.extend_from_slice(&self.0),
            Type::MACADDR8 => {
                return Err(Misfit::Kind("cast it in the statement, first to macaddr"));
            }
            _ => return Err(Misfit::Kind(CAST)),
        }
        Ok(())
    }

    fn own_type(&self) -> Type {
        Type::MACADDR
    }
}

#[cfg(all(feature = "with-ipnetwork-0_21", feature = "with-mac_address-1"))]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_no_bits_behind_its_prefix() {
        let network =
            |address: [u8; 4], prefix_bits| Network { address: address.into(), prefix_bits };
        let mut out = BytesMut::new();
        network([10, 0, 0, 1], 8).write(&Type::INET, &mut out).unwrap();
        assert_eq!(&out[..], b"\x02\x08\0\x04\x0a\0\0\x01");
        let misfit = network([10, 0, 0, 1], 8).write(&Type::CIDR, &mut out);
        assert!(matches!(misfit, Err(Misfit::Value(_))));
        out.clear();
        network([10, 0, 0, 0], 8).write(&Type::CIDR, &mut out).unwrap();
        assert_eq!(&out[..], b"\x02\x08\x01\x04\x0a\0\0\0");
        out.clear();
        network([10, 0, 0, 1], 8).write(&Type::UNKNOWN, &mut out).unwrap();
        assert_eq!(&out[..], b"10.0.0.1/8");
        assert!(network([10, 0, 0, 1], 33).write(&Type::INET, &mut out).is_err());
    }

    #[test]
    fn a_mac_address_has_six_bytes() {
        let mut out = BytesMut::new();
        Mac([1, 2, 3, 4, 5, 6]).write(&Type::MACADDR, &mut out).unwrap();
        assert_eq!(&out[..], [1, 2, 3, 4, 5, 6]);
        let misfit = Mac([0; 6]).write(&Type::MACADDR8, &mut out);
        assert!(matches!(misfit, Err(Misfit::Kind(_))));
    }
}
