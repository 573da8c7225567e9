//! Types by their OID.

use postgres_types::{Kind, Oid, Type};

/// The type with this OID. One that is not built in gets a name that says so: its values can still be read
/// and written by types that accept it.
pub(crate) fn type_of(oid: Oid) -> Type {
    Type::from_oid(oid).unwrap_or_else(|| {
        Type::new(format!("oid {oid}"), oid, Kind::Simple, "pg_catalog".to_owned())
    })
}

/// Whether nothing is known of the type but its OID.
pub(crate) fn is_unknown(r#type: &Type) -> bool {
    *r#type.kind() == Kind::Simple
        && r#type.name().strip_prefix("oid ").is_some_and(|oid| oid == r#type.oid().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_type_is_told_by_its_name() {
        assert!(is_unknown(&type_of(70_000)));
        assert!(!is_unknown(&type_of(23)));
        let named = Type::new("oid 5".into(), 70_000, Kind::Simple, "public".into());
        assert!(!is_unknown(&named));
    }
}
