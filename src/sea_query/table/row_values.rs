//! `RowValues`: values by column, for a row that is inserted or updated.

use std::fmt;

use sea_query::{DynIden, Expr, IntoIden};

/// Values by column.
///
/// Structs have it by `#[derive(Table)]`, arrays and vectors of names with expressions as they are.
///
/// # Examples
///
/// ```
/// # use aiopg::sea_query::TableDef;
/// # let city = TableDef::new("city");
/// city.insert().row(&[("name", "Wien".into()), ("inhabitants", 2_000_000.into())]);
/// ```
pub trait RowValues {
    /// Returns the columns with their values as they stand in a statement.
    fn row_values(&self) -> Vec<(DynIden, Expr)>;
}

impl<C: IntoIden + Clone> RowValues for [(C, Expr)] {
    fn row_values(&self) -> Vec<(DynIden, Expr)> {
        self.iter().map(|(column, value)| (column.clone().into_iden(), value.clone())).collect()
    }
}

impl<C: IntoIden + Clone, const N: usize> RowValues for [(C, Expr); N] {
    fn row_values(&self) -> Vec<(DynIden, Expr)> {
        self.as_slice().row_values()
    }
}

impl<C: IntoIden + Clone> RowValues for Vec<(C, Expr)> {
    fn row_values(&self) -> Vec<(DynIden, Expr)> {
        self.as_slice().row_values()
    }
}

impl<V: RowValues + ?Sized> RowValues for &V {
    fn row_values(&self) -> Vec<(DynIden, Expr)> {
        (**self).row_values()
    }
}

/// The values of one row; the last that is given for a column counts.
#[derive(Clone, Default)]
pub(crate) struct Given(Vec<(DynIden, Expr)>);

impl Given {
    pub(crate) fn set(&mut self, column: DynIden, value: Expr) {
        match self.0.iter_mut().find(|(known, _)| *known == column) {
            Some((_, known)) => *known = value,
            None => self.0.push((column, value)),
        }
    }

    pub(crate) fn remove(&mut self, column: &DynIden) {
        self.0.retain(|(known, _)| known != column);
    }

    pub(crate) fn find(&self, column: &DynIden) -> Option<&Expr> {
        self.0.iter().find(|(known, _)| known == column).map(|(_, value)| value)
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (DynIden, Expr)> {
        self.0.into_iter()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(DynIden, Expr)> {
        self.0.iter()
    }
}

/// Never the values.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(column, _)| column.inner())).finish()
    }
}
