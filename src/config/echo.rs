//! `Echo`: what is told of each statement before it is sent.

/// What is told of each statement before it is sent; see [`Config::echo`](crate::Config::echo).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Echo {
    /// Nothing.
    #[default]
    Off,
    /// Its text. What stands in the text itself is shown; the values of its parameters are not.
    Statements,
    /// Its text, and the values of its parameters as `Debug` prints them, up to 4 KiB. Secrets among them are shown.
    StatementsAndParameters,
}
