//! `Returned`: what an insert or an update gives back.

use postgres_protocol::escape::escape_identifier;
use sea_query::{DynIden, Expr, ReturningClause};

use crate::sea_query::col::clipped;
use crate::sea_query::table::column::TableColumn;
use crate::sea_query::table::definition::TableDef;

/// What a statement gives back.
#[derive(Clone, Debug)]
pub(crate) enum Returned {
    Nothing,
    PrimaryKey,
    All,
    Columns(Vec<DynIden>),
}

/// The clause `RETURNING`, in which every column has its key.
pub(crate) fn returning(table: &TableDef, returned: &Returned) -> Option<ReturningClause> {
    let exprs: Vec<_> = match returned {
        Returned::Nothing => Vec::new(),
        Returned::PrimaryKey => table.primary_key().map(keyed).collect(),
        Returned::All => table.columns().iter().map(keyed).collect(),
        Returned::Columns(columns) => {
            let named = |column: &DynIden| match table.find(column) {
                Some(known) => keyed(known),
                None => Expr::col(column.clone()),
            };
            columns.iter().map(named).collect()
        }
    };
    (!exprs.is_empty()).then_some(ReturningClause::Exprs(exprs))
}

fn keyed(column: &TableColumn) -> Expr {
    let (name, key) = (escape_identifier(column.name()), column.result_key());
    if column.name() == key {
        return Expr::cust(name);
    }
    Expr::cust(format!("{name} AS {}", escape_identifier(clipped(key))))
}
