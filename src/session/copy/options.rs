//! `Options`: the options of COPY, written as SQL with every text quoted.

use postgres_protocol::escape::{escape_identifier, escape_literal};

/// How the data of a copy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyFormat {
    Text,
    Csv,
    Binary,
}

/// What happens to a row whose values the server cannot read.
///
/// # Source
///
/// [COPY](https://www.postgresql.org/docs/18/sql-copy.html), `ON_ERROR`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnError {
    /// The copy fails.
    Stop,
    /// The row is passed over.
    Ignore,
}

/// What the server tells about rows that it passes over.
///
/// # Source
///
/// [COPY](https://www.postgresql.org/docs/18/sql-copy.html), `LOG_VERBOSITY`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogVerbosity {
    /// Nothing. Since PostgreSQL 18.
    Silent,
    /// How many there were, at the end.
    Default,
    /// Line, column and value of each.
    Verbose,
}

/// The options, in the order in which they were set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) format: Option<CopyFormat>,
    set: Vec<(&'static str, String)>,
}

impl Options {
    /// Sets an option to a key word, or to a value that is SQL already.
    pub(crate) fn set(&mut self, name: &'static str, sql: impl Into<String>) {
        self.set.retain(|(known, _)| *known != name);
        self.set.push((name, sql.into()));
    }

    /// Sets an option to a text.
    pub(crate) fn set_text(&mut self, name: &'static str, text: &str) {
        self.set(name, escape_literal(text).trim_start());
    }

    /// Sets an option to columns; none stands for all.
    pub(crate) fn set_columns(&mut self, name: &'static str, columns: &[&str]) {
        if columns.is_empty() {
            self.set(name, "*");
        } else {
            self.set(name, in_parentheses(columns));
        }
    }

    /// The first option that goes with text and CSV alone: the driver's own binary rows have no use for it.
    pub(crate) fn not_for_rows(&self) -> Option<&'static str> {
        match self.format {
            Some(CopyFormat::Text) => return Some("text"),
            Some(CopyFormat::Csv) => return Some("csv"),
            Some(CopyFormat::Binary) | None => {}
        }
        let name = self.set.iter().map(|(name, _)| *name);
        name.into_iter().find(|name| !matches!(*name, "freeze" | "log_verbosity"))
    }

    /// Appends the options in parentheses, if there are any.
    pub(crate) fn write(&self, sql: &mut String) {
        let format = self.format.map(|format| match format {
            CopyFormat::Text => "format text",
            CopyFormat::Csv => "format csv",
            CopyFormat::Binary => "format binary",
        });
        let set = self.set.iter().map(|(name, value)| format!("{name} {value}"));
        let all: Vec<_> = format.map(str::to_owned).into_iter().chain(set).collect();
        if !all.is_empty() {
            sql.push_str(" (");
            sql.push_str(&all.join(", "));
            sql.push(')');
        }
    }
}

/// Names as SQL: in double quotes and parentheses.
pub(crate) fn in_parentheses<S: AsRef<str>>(names: &[S]) -> String {
    format!("({})", quoted_list(names))
}

/// Names as SQL: in double quotes.
pub(crate) fn quoted_list<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| escape_identifier(name.as_ref())).collect();
    quoted.join(", ")
}

/// The options that copies in and out share, as methods of the type with the field `options`.
macro_rules! shared_options {
    () => {
        /// Chooses the text format, which is the default where bytes are copied.
        pub fn text(mut self) -> Self {
            self.options.format = Some($crate::session::copy::options::CopyFormat::Text);
            self
        }

        /// Chooses the CSV format.
        pub fn csv(mut self) -> Self {
            self.options.format = Some($crate::session::copy::options::CopyFormat::Csv);
            self
        }

        /// Chooses the binary format, which is that of rows in any case.
        pub fn binary(mut self) -> Self {
            self.options.format = Some($crate::session::copy::options::CopyFormat::Binary);
            self
        }

        /// Sets what stands between two values: a tab by default, in CSV a comma.
        pub fn delimiter(mut self, delimiter: char) -> Self {
            self.options.set_text("delimiter", delimiter.encode_utf8(&mut [0; 4]));
            self
        }

        /// Sets the text that stands for NULL: `\N` by default, in CSV nothing at all.
        pub fn null(mut self, null: &str) -> Self {
            self.options.set_text("null", null);
            self
        }

        /// Sets what a value stands in if it must, in CSV: a double quote by default.
        pub fn quote(mut self, quote: char) -> Self {
            self.options.set_text("quote", quote.encode_utf8(&mut [0; 4]));
            self
        }

        /// Sets what stands before a quote within a value, in CSV: the quote itself by default.
        pub fn escape(mut self, escape: char) -> Self {
            self.options.set_text("escape", escape.encode_utf8(&mut [0; 4]));
            self
        }

        /// Sets the encoding of the data, such as `LATIN1`: UTF-8 by default, whatever the database holds.
        pub fn encoding(mut self, encoding: &str) -> Self {
            self.options.set_text("encoding", encoding);
            self
        }
    };
}

pub(crate) use shared_options;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(options: &Options) -> String {
        let mut sql = String::new();
        options.write(&mut sql);
        sql
    }

    #[test]
    fn every_text_is_quoted() {
        let mut options = Options { format: Some(CopyFormat::Csv), ..Options::default() };
        options.set_text("delimiter", "'");
        options.set_text("escape", "\\");
        options.set_text("null", "a', quote 'b\n\\'");
        options.set_columns("force_null", &["a", "b\")"]);
        assert_eq!(
            written(&options),
            r" (format csv, delimiter '''', escape E'\\', ".to_owned()
                + "null E'a'', quote ''b\n\\\\''', "
                + r#"force_null ("a", "b"")"))"#
        );
    }

    #[test]
    fn an_option_is_set_once_and_none_writes_nothing() {
        let mut options = Options::default();
        assert_eq!(written(&options), "");
        options.set("header", "true");
        options.set("header", "match");
        options.set_columns("force_quote", &[]);
        assert_eq!(written(&options), " (header match, force_quote *)");
        assert_eq!(options.not_for_rows(), Some("header"));
    }
}
