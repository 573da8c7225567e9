//! `TableName`: the name of a table, with or without its schema, quoted.

use std::fmt;

use postgres_protocol::escape::escape_identifier;

/// The name of a table, which is quoted for SQL: it means exactly what it says, capitals, spaces and dots included.
///
/// A text is the table alone, found by `search_path`. A pair is the schema and the table.
///
/// # Examples
///
/// ```
/// use aiopg::TableName;
///
/// assert_eq!(TableName::from("city").to_string(), r#""city""#);
/// assert_eq!(TableName::from(("geo", "City")).to_string(), r#""geo"."City""#);
/// // A dot is a part of the name: this is no schema.
/// assert_eq!(TableName::from("geo.city").to_string(), r#""geo.city""#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    quoted: String,
}

impl TableName {
    /// The name as SQL.
    pub(crate) fn as_sql(&self) -> &str {
        &self.quoted
    }
}

impl fmt::Display for TableName {
    /// Writes the name as SQL, in double quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.quoted)
    }
}

impl From<&str> for TableName {
    fn from(table: &str) -> Self {
        Self { quoted: escape_identifier(table) }
    }
}

impl From<&String> for TableName {
    fn from(table: &String) -> Self {
        Self::from(table.as_str())
    }
}

impl From<String> for TableName {
    fn from(table: String) -> Self {
        Self::from(table.as_str())
    }
}

impl From<(&str, &str)> for TableName {
    fn from((schema, table): (&str, &str)) -> Self {
        Self { quoted: format!("{}.{}", escape_identifier(schema), escape_identifier(table)) }
    }
}

impl From<&Self> for TableName {
    fn from(table: &Self) -> Self {
        table.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_a_name_are_doubled() {
        assert_eq!(TableName::from("a\"; drop table b").to_string(), "\"a\"\"; drop table b\"");
        assert_eq!(TableName::from(("s\"", "t")).as_sql(), "\"s\"\"\".\"t\"");
    }
}
