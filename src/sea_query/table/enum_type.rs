//! `EnumType`: an enum of Rust for an enum of PostgreSQL.

use sea_query::TypeRef;
use sea_query::extension::postgres::{TypeCreateStatement, TypeDropStatement};

/// An enum of Rust whose values are those of an enum type of PostgreSQL.
///
/// The derive of the same name implements it, and [`ColumnValue`](crate::sea_query::ColumnValue), `ToSql`, `FromSql`
/// and what SeaQuery asks of a value: then it is the type of a column, a parameter and a field of a row alike.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use aiopg::sea_query::{BuildStatement, EnumType};
///
/// #[derive(Clone, Copy, Debug, PartialEq, EnumType)]
/// #[aiopg(rename_all = "snake_case")]
/// enum Mood {
///     Happy,
///     VerySad,
///     #[aiopg(rename = "so-so")]
///     Middling,
/// }
///
/// let create = Mood::create_type().build_statement();
/// assert_eq!(create.sql(), r#"CREATE TYPE "mood" AS ENUM ('happy', 'very_sad', 'so-so')"#);
/// assert_eq!(Mood::from_label("very_sad"), Some(Mood::VerySad));
/// # }
/// ```
///
/// # Source
///
/// [Enumerated types](https://www.postgresql.org/docs/18/datatype-enum.html)
pub trait EnumType: Copy + Sized + 'static {
    /// The type's schema, if it is to be named.
    const SCHEMA: Option<&'static str>;
    /// The type's name.
    const NAME: &'static str;
    /// Its labels, in their order.
    const LABELS: &'static [&'static str];

    /// Returns the label of this value.
    fn label(self) -> &'static str;

    /// Returns the value that has this label.
    fn from_label(label: &str) -> Option<Self>;

    /// Returns the type's name with its schema.
    fn type_ref() -> TypeRef {
        match Self::SCHEMA {
            Some(schema) => (schema, Self::NAME).into(),
            None => Self::NAME.into(),
        }
    }

    /// Returns the statement that creates the type.
    fn create_type() -> TypeCreateStatement {
        let mut create = TypeCreateStatement::new();
        create.as_enum(Self::type_ref()).values(Self::LABELS.iter().copied());
        create
    }

    /// Returns the statement that drops the type.
    fn drop_type() -> TypeDropStatement {
        let mut drop = TypeDropStatement::new();
        drop.name(Self::type_ref());
        drop
    }
}
