//! `ServerError`: what the server said, field by field.

use std::fmt;

use crate::error::sqlstate::SqlState;

/// An error or a notice as the server reported it, under the manual's field names.
///
/// `Display` prints one line without [`detail`](Self::detail) and [`hint`](Self::hint): a detail can hold the
/// values of a row. `Debug` leaves them out for the same reason.
///
/// # Source
///
/// [Error and notice message fields](https://www.postgresql.org/docs/18/protocol-error-fields.html)
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError {
    pub(crate) severity: Box<str>,
    pub(crate) sqlstate: SqlState,
    pub(crate) message: Box<str>,
    pub(crate) fields: Box<[(u8, Box<str>)]>,
}

impl ServerError {
    /// Returns the severity in English: `ERROR`, `FATAL` or `PANIC`, and for notices `WARNING`, `NOTICE`,
    /// `DEBUG`, `INFO` or `LOG`.
    pub fn severity(&self) -> &str {
        &self.severity
    }

    /// Returns the SQLSTATE code.
    pub fn sqlstate(&self) -> SqlState {
        self.sqlstate
    }

    /// Returns the primary message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the detail, which may hold values of the row concerned.
    pub fn detail(&self) -> Option<&str> {
        self.field(b'D')
    }

    /// Returns advice on what to do about the problem.
    pub fn hint(&self) -> Option<&str> {
        self.field(b'H')
    }

    /// Returns where in the statement the error stands: a position in characters, counted from 1.
    pub fn position(&self) -> Option<u32> {
        self.field(b'P')?.parse().ok()
    }

    /// Returns where in [`internal_query`](Self::internal_query) the error stands, in characters from 1.
    pub fn internal_position(&self) -> Option<u32> {
        self.field(b'p')?.parse().ok()
    }

    /// Returns the statement that the server generated itself and that failed, such as one in a function.
    pub fn internal_query(&self) -> Option<&str> {
        self.field(b'q')
    }

    /// Returns the context (the field `Where`): a call stack of functions, the innermost first.
    pub fn context(&self) -> Option<&str> {
        self.field(b'W')
    }

    /// Returns the schema of the object concerned.
    pub fn schema(&self) -> Option<&str> {
        self.field(b's')
    }

    /// Returns the table concerned.
    pub fn table(&self) -> Option<&str> {
        self.field(b't')
    }

    /// Returns the column concerned.
    pub fn column(&self) -> Option<&str> {
        self.field(b'c')
    }

    /// Returns the data type concerned.
    pub fn datatype(&self) -> Option<&str> {
        self.field(b'd')
    }

    /// Returns the constraint concerned; an index counts as one.
    pub fn constraint(&self) -> Option<&str> {
        self.field(b'n')
    }

    /// Returns the source file of the server that reported the error.
    pub fn file(&self) -> Option<&str> {
        self.field(b'F')
    }

    /// Returns the line of that source file.
    pub fn line(&self) -> Option<u32> {
        self.field(b'L')?.parse().ok()
    }

    /// Returns the routine of the server that reported the error.
    pub fn routine(&self) -> Option<&str> {
        self.field(b'R')
    }

    /// Tells whether the server ended the session with this report.
    pub(crate) fn ends_session(&self) -> bool {
        matches!(&*self.severity, "FATAL" | "PANIC")
    }

    fn field(&self, tag: u8) -> Option<&str> {
        self.fields.iter().find(|(field, _)| *field == tag).map(|(_, text)| &**text)
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.severity, self.sqlstate, OneLine(&self.message))?;
        match self.constraint() {
            Some(name) if !self.message.contains(name) => {
                write!(f, " (constraint \"{}\")", OneLine(name))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerError")
            .field("severity", &self.severity)
            .field("sqlstate", &self.sqlstate)
            .field("message", &self.message)
            .field("constraint", &self.constraint())
            .finish_non_exhaustive()
    }
}

/// A text of the server on one line: control characters become spaces, so that it cannot forge log lines.
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.split(char::is_control).filter(|part| !part.is_empty()).enumerate().try_for_each(
            |(index, part)| {
                if index > 0 {
                    f.write_str(" ")?;
                }
                f.write_str(part)
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(fields: &[(u8, &str)]) -> ServerError {
        ServerError {
            severity: "ERROR".into(),
            sqlstate: SqlState::UNIQUE_VIOLATION,
            message: "duplicate key\nvalue".into(),
            fields: fields.iter().map(|(tag, text)| (*tag, Box::from(*text))).collect(),
        }
    }

    #[test]
    fn display_is_one_line_and_names_the_constraint() {
        let error = report(&[(b'n', "t_pkey"), (b'D', "Key (card)=(4111) exists.")]);
        assert_eq!(error.to_string(), "ERROR 23505: duplicate key value (constraint \"t_pkey\")");
    }

    #[test]
    fn debug_and_display_keep_the_detail_to_themselves() {
        let error = report(&[(b'D', "Key (card)=(4111) exists."), (b'H', "4111")]);
        assert!(!format!("{error:?} {error}").contains("4111"));
        assert_eq!(error.detail(), Some("Key (card)=(4111) exists."));
    }

    #[test]
    fn every_field_has_its_accessor() {
        let tags = b"DHPpqWstcdnFLR";
        let fields: Vec<_> = tags.iter().map(|tag| (*tag, "7")).collect();
        let error = report(&fields);
        let texts = [
            error.detail(),
            error.hint(),
            error.internal_query(),
            error.context(),
            error.schema(),
            error.table(),
            error.column(),
            error.datatype(),
            error.constraint(),
            error.file(),
            error.routine(),
        ];
        assert!(texts.iter().all(|text| *text == Some("7")));
        let numbers = [error.position(), error.internal_position(), error.line()];
        assert!(numbers.iter().all(|number| *number == Some(7)));
    }
}
