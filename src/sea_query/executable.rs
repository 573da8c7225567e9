//! `Executable`: what `execute` takes, raw SQL or a statement of SeaQuery.

use crate::error::Error;
use crate::sea_query::build_statement::BuildStatement;
use crate::sea_query::execution::Execution;
use crate::session::{Call, Statement, ToStatement};
use crate::types::Params;

/// What [`EngineConnection::execute`](crate::sea_query::EngineConnection::execute) takes: a text, a prepared
/// [`Statement`], a [`Call`], or a statement of SeaQuery.
///
/// | what | parameters |
/// |---|---|
/// | a text, a `Statement`, a `Call` | for `$1`, `$2`, or for `:name`: see [`Params`](trait@crate::Params) |
/// | INSERT of SeaQuery | by number: one row for the columns that it declares; by name: for these columns, or for those that are named |
/// | UPDATE of SeaQuery | by name: what is set |
/// | everything else of SeaQuery | none but `()`: their values stand in them |
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be executed",
    note = "use a text, a prepared `Statement`, a `Call`, or a statement of SeaQuery"
)]
pub trait Executable: Send + Sync {
    /// Puts the statement and its parameters together.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if the statement has no place for the parameters.
    fn execution<'e>(&'e self, params: &'e dyn Params) -> Result<Execution<'e>, Error>;
}

impl<S: BuildStatement + Send + Sync> Executable for S {
    fn execution<'e>(&'e self, params: &'e dyn Params) -> Result<Execution<'e>, Error> {
        self.build_with(params)
    }
}

macro_rules! raw {
    ($([$($generics:tt)*] $statement:ty;)*) => {$(
        impl<$($generics)*> Executable for $statement {
            fn execution<'e>(&'e self, params: &'e dyn Params) -> Result<Execution<'e>, Error> {
                Ok(Execution::raw(self, params))
            }
        }
    )*};
}

raw! {
    [] &str;
    [] String;
    [] &String;
    [] Statement;
    [] &Statement;
    [S: ToStatement + Send] Call<S>;
    [S: ToStatement + Send] &Call<S>;
}
