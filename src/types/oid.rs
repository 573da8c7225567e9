//! Types by their OID.

use postgres_types::{Kind, Oid, Type};

/// The type with this OID. One that is not built in gets a name that says so: its values can still be read
/// and written by types that accept it.
pub(crate) fn type_of(oid: Oid) -> Type {
    Type::from_oid(oid).unwrap_or_else(|| {
        Type::new(format!("oid {oid}"), oid, Kind::Simple, "pg_catalog".to_owned())
    })
}
