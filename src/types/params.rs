//! `Params`: the values for `$1`, `$2` and so on.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use postgres_types::{BorrowToSql, ToSql};

use crate::types::named::{Named, NamedParams};

/// The parameters of a statement: in the order of their numbers, or by name.
///
/// | form | for |
/// |---|---|
/// | `()` | no parameters |
/// | `(a,)`, `(a, &b, c)`, to 16 | values of different types |
/// | `[a, b]`, `&[a, b]`, `Vec` | values of one type |
/// | `&[&dyn ToSql]`, [`params!`](crate::params) | borrowed values of different types, any number of them |
/// | [`named!`](crate::named), maps, structs | values for `:name`: see [`NamedParams`] |
///
/// # Examples
///
/// ```
/// use aiopg::{Params, params};
///
/// let name = String::from("Ada");
/// assert_eq!((1_i32, &name).count(), 2);
/// assert_eq!(params![1_i32, name, None::<i64>].count(), 3);
/// assert_eq!(vec![1_i64; 20].count(), 20);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the parameters of a statement",
    note = "use a tuple such as `(id,)`, a slice, `params![id, &name]`, or `()` where there are none",
    note = "one call takes one set of them: many sets are for `execute_many`"
)]
pub trait Params: Send + Sync {
    /// Returns how many parameters there are.
    fn count(&self) -> usize;

    /// Returns the parameter at `index`, counted from 0, so that `$1` has the index 0.
    fn at(&self, index: usize) -> Option<&dyn ToSql>;

    /// Returns the parameters by name, if they have names. Such have no numbers: they count as none.
    fn named(&self) -> Option<&dyn NamedParams> {
        None
    }

    /// Returns how an error calls the parameter at `index`, if not by its number.
    #[doc(hidden)]
    fn label(&self, index: usize) -> Option<&str> {
        let _ = index;
        None
    }

    /// Returns the column that the parameter at `index` is for, if that can be told.
    #[doc(hidden)]
    fn column(&self, index: usize) -> Option<String> {
        let _ = index;
        None
    }
}

impl Params for () {
    fn count(&self) -> usize {
        0
    }

    fn at(&self, _: usize) -> Option<&dyn ToSql> {
        None
    }
}

impl<P: Params + ?Sized> Params for &P {
    fn count(&self) -> usize {
        (**self).count()
    }

    fn at(&self, index: usize) -> Option<&dyn ToSql> {
        (**self).at(index)
    }

    fn named(&self) -> Option<&dyn NamedParams> {
        (**self).named()
    }

    fn label(&self, index: usize) -> Option<&str> {
        (**self).label(index)
    }

    fn column(&self, index: usize) -> Option<String> {
        (**self).column(index)
    }
}

macro_rules! with_names {
    ($($form:ty where [$($generics:tt)+];)*) => {$(
        impl<$($generics)+> Params for $form
        where
            Self: NamedParams,
        {
            fn count(&self) -> usize {
                0
            }

            fn at(&self, _: usize) -> Option<&dyn ToSql> {
                None
            }

            fn named(&self) -> Option<&dyn NamedParams> {
                Some(self)
            }
        }
    )*};
}

impl<T: BorrowToSql + Send + Sync> Params for [T] {
    fn count(&self) -> usize {
        self.len()
    }

    fn at(&self, index: usize) -> Option<&dyn ToSql> {
        self.get(index).map(BorrowToSql::borrow_to_sql)
    }
}

impl<T: BorrowToSql + Send + Sync, const N: usize> Params for [T; N] {
    fn count(&self) -> usize {
        N
    }

    fn at(&self, index: usize) -> Option<&dyn ToSql> {
        self.as_slice().at(index)
    }
}

impl<T: BorrowToSql + Send + Sync> Params for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn at(&self, index: usize) -> Option<&dyn ToSql> {
        self.as_slice().at(index)
    }
}

with_names! {
    Named<P> where [P: Send + Sync];
    BTreeMap<K, V> where [K: Send + Sync, V: Send + Sync];
    HashMap<K, V, S> where [K: Send + Sync, V: Send + Sync, S: BuildHasher + Send + Sync];
}

macro_rules! tuples {
    ($($count:literal: $($name:ident . $index:tt),+;)*) => {$(
        impl<$($name: ToSql + Send + Sync),+> Params for ($($name,)+) {
            fn count(&self) -> usize {
                $count
            }

            fn at(&self, index: usize) -> Option<&dyn ToSql> {
                match index {
                    $($index => Some(&self.$index),)+
                    _ => None,
                }
            }
        }
    )*};
}

tuples! {
    1: A.0;
    2: A.0, B.1;
    3: A.0, B.1, C.2;
    4: A.0, B.1, C.2, D.3;
    5: A.0, B.1, C.2, D.3, E.4;
    6: A.0, B.1, C.2, D.3, E.4, F.5;
    7: A.0, B.1, C.2, D.3, E.4, F.5, G.6;
    8: A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7;
    9: A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8;
    10: A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9;
    11: A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10;
    12: A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11;
    13: A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11, M.12;
    14: A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11, M.12, N.13;
    15: A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11, M.12, N.13, O.14;
    16: A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11, M.12, N.13, O.14, P.15;
}

/// Borrows values of different types as parameters.
///
/// A slice of plain references does not say which type its elements share; this does.
///
/// # Examples
///
/// ```
/// use aiopg::{Params, params};
///
/// let (id, name) = (7_i32, "Ada");
/// assert_eq!(params![id, name].count(), 2);
/// assert_eq!(params![].count(), 0);
/// ```
#[macro_export]
macro_rules! params {
    () => { () };
    ($($value:expr),+ $(,)?) => {
        [$(&$value as &(dyn $crate::postgres_types::ToSql + ::core::marker::Sync)),+]
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(params: &dyn Params) -> usize {
        (0..=params.count()).filter(|index| params.at(*index).is_some()).count()
    }

    #[test]
    fn every_form_has_as_many_values_as_it_counts() {
        let dynamic: &[&(dyn ToSql + Sync)] = &[&1_i32, &"two"];
        assert_eq!(written(&()), 0);
        assert_eq!(written(&(1_i32,)), 1);
        assert_eq!(written(&&(1_i32, "two", None::<i64>)), 3);
        assert_eq!(written(&dynamic), 2);
        assert_eq!(written(&[1_i64; 5]), 5);
        assert_eq!(written(&vec!["a", "b"]), 2);
        assert_eq!(written(&params![1_i32, "two"]), 2);
        assert_eq!(written(&crate::named! { a: 1_i32 }), 0);
        assert_eq!(written(&(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)), 16);
    }
}
