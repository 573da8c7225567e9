//! `NamedParams`: the values for `:name`, from a list, a map or a struct.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};

use postgres_types::{BorrowToSql, ToSql};

/// The parameters of a statement by name.
///
/// Where a verb is given them, `:name` in its text stands for a parameter. A name begins with a letter or `_`, in
/// front of which stands a colon that is part of nothing else: `::` is a cast, `:=` an assignment, and in
/// literals, quoted identifiers and comments a colon is a colon. In `a[1:n]` the colon is followed by a name, so a
/// slice between names is written with a space: `a[1: n]`, or `a[:first : :last]` for two parameters. Letters are
/// compared exactly. Every name of the text must be given, and every one that is given must be used.
///
/// | form | for |
/// |---|---|
/// | [`named!`](crate::named) | borrowed values of different types |
/// | [`BTreeMap`], [`HashMap`] | names that are known when the program runs |
/// | [`Named`] | a list of pairs |
/// | a struct of your own | `#[derive(Params)]`, with the feature `derive` |
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use aiopg::named;
///
/// let sql = "update city set name = :name where id = :id and name <> :name";
/// connection.execute(sql, named! { id: 1_i32, name: "Wien" }).await?;
/// # Ok(()) }
/// ```
pub trait NamedParams: Send + Sync {
    /// Calls `visit` with every name, without its colon.
    fn for_each_name(&self, visit: &mut dyn FnMut(&str));

    /// Returns the value of this name, if there is one.
    fn value(&self, name: &str) -> Option<&dyn ToSql>;
}

impl<P: NamedParams + ?Sized> NamedParams for &P {
    fn for_each_name(&self, visit: &mut dyn FnMut(&str)) {
        (**self).for_each_name(visit);
    }

    fn value(&self, name: &str) -> Option<&dyn ToSql> {
        (**self).value(name)
    }
}

impl<K, V, S> NamedParams for HashMap<K, V, S>
where
    K: Borrow<str> + Eq + Hash + Send + Sync,
    V: BorrowToSql + Send + Sync,
    S: BuildHasher + Send + Sync,
{
    fn for_each_name(&self, visit: &mut dyn FnMut(&str)) {
        self.keys().map(Borrow::borrow).for_each(visit);
    }

    fn value(&self, name: &str) -> Option<&dyn ToSql> {
        self.get(name).map(BorrowToSql::borrow_to_sql)
    }
}

impl<K, V> NamedParams for BTreeMap<K, V>
where
    K: Borrow<str> + Ord + Send + Sync,
    V: BorrowToSql + Send + Sync,
{
    fn for_each_name(&self, visit: &mut dyn FnMut(&str)) {
        self.keys().map(Borrow::borrow).for_each(visit);
    }

    fn value(&self, name: &str) -> Option<&dyn ToSql> {
        self.get(name).map(BorrowToSql::borrow_to_sql)
    }
}

/// A list of names and values: what [`named!`](crate::named) makes.
///
/// # Examples
///
/// ```
/// use aiopg::{Named, NamedParams};
///
/// let pairs = ["low", "high"].into_iter().zip([1_i32, 9]);
/// let params = Named::new(pairs.collect::<Vec<_>>());
/// assert!(params.value("high").is_some() && params.value("middle").is_none());
/// ```
#[derive(Clone)]
pub struct Named<P> {
    pairs: P,
    /// The pairs in the order of their names, where there are many.
    sorted: Vec<usize>,
}

/// Up to here every pair is looked at, without anything being allocated.
const FEW: usize = 16;

impl<P: Pairs> Named<P> {
    /// Makes parameters of an array, a slice or a `Vec` of pairs.
    pub fn new(pairs: P) -> Self {
        let mut sorted = Vec::new();
        if pairs.count() > FEW {
            sorted.extend(0..pairs.count());
            sorted.sort_by_key(|index| pairs.name(*index));
        }
        Self { pairs, sorted }
    }
}

impl<P: Pairs> NamedParams for Named<P> {
    fn for_each_name(&self, visit: &mut dyn FnMut(&str)) {
        (0..self.pairs.count()).filter_map(|index| self.pairs.name(index)).for_each(visit);
    }

    fn value(&self, name: &str) -> Option<&dyn ToSql> {
        let index = if self.sorted.is_empty() {
            (0..self.pairs.count()).find(|index| self.pairs.name(*index) == Some(name))?
        } else {
            let found =
                self.sorted.binary_search_by_key(&Some(name), |index| self.pairs.name(*index));
            *self.sorted.get(found.ok()?)?
        };
        self.pairs.value(index)
    }
}

impl<P: Pairs> fmt::Debug for Named<P> {
    /// Leaves the values out: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = (0..self.pairs.count()).filter_map(|index| self.pairs.name(index));
        f.debug_list().entries(names).finish()
    }
}

/// Pairs of a name and a value: arrays, slices and vectors of them.
pub trait Pairs: Send + Sync {
    /// Returns how many there are.
    fn count(&self) -> usize;

    /// Returns the name of the pair at `index`.
    fn name(&self, index: usize) -> Option<&str>;

    /// Returns the value of the pair at `index`.
    fn value(&self, index: usize) -> Option<&dyn ToSql>;
}

macro_rules! pairs {
    ($($form:ty $(where $n:ident)?;)*) => {$(
        impl<K, V $(, const $n: usize)?> Pairs for $form
        where
            K: AsRef<str> + Send + Sync,
            V: BorrowToSql + Send + Sync,
        {
            fn count(&self) -> usize {
                self.len()
            }

            fn name(&self, index: usize) -> Option<&str> {
                self.get(index).map(|(name, _)| name.as_ref())
            }

            fn value(&self, index: usize) -> Option<&dyn ToSql> {
                self.get(index).map(|(_, value)| value.borrow_to_sql())
            }
        }
    )*};
}

pairs! {
    &[(K, V)];
    Vec<(K, V)>;
    [(K, V); N] where N;
}

/// Borrows values of different types as parameters with names.
///
/// A name that is no identifier of Rust stands between quotes.
///
/// # Examples
///
/// ```
/// use aiopg::{NamedParams, named};
///
/// let name = String::from("Wien");
/// let params = named! { id: 1_i32, name: name, "größe": 414.9_f64, type: "city" };
/// assert!(params.value("größe").is_some() && params.value("type").is_some());
/// ```
#[macro_export]
macro_rules! named {
    (@name $name:ident) => { $crate::__name(::core::stringify!($name)) };
    (@name $name:literal) => { $name };
    ($($name:tt : $value:expr),+ $(,)?) => {
        $crate::Named::new([$((
            $crate::named!(@name $name),
            &$value as &(dyn $crate::postgres_types::ToSql + ::core::marker::Sync),
        )),+])
    };
}

/// The name that an identifier of Rust stands for: `type` for `r#type`.
#[doc(hidden)]
pub fn __name(identifier: &'static str) -> &'static str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(params: &dyn NamedParams) -> Vec<String> {
        let mut names = Vec::new();
        params.for_each_name(&mut |name| names.push(name.to_owned()));
        names
    }

    #[test]
    fn every_form_has_a_value_for_each_of_its_names() {
        let list = [("a", 1_i32), ("b", 2)];
        let dynamic: Vec<(String, Box<dyn ToSql + Sync + Send>)> =
            vec![("a".to_owned(), Box::new(1_i32)), ("b".to_owned(), Box::new("two"))];
        let tree: BTreeMap<_, _> = list.iter().copied().collect();
        let hash: HashMap<String, i64> = [("a".to_owned(), 1), ("b".to_owned(), 2)].into();
        let forms: [&dyn NamedParams; 6] = [
            &named! { a: 1_i32, "b": "two" },
            &Named::new(&list[..]),
            &Named::new(dynamic),
            &Named::new([("a", 1), ("b", 2)]),
            &tree,
            &hash,
        ];
        for params in forms {
            let mut names = names(params);
            names.sort();
            assert_eq!(names, ["a", "b"]);
            assert!(names.iter().all(|name| params.value(name).is_some()));
            assert!(params.value("c").is_none() && params.value("").is_none());
        }
    }

    #[test]
    fn a_long_list_is_searched_by_name() {
        let list: Vec<_> = (0..1000).rev().map(|n| (format!("p{n}"), n)).collect();
        let params = Named::new(list);
        for n in 0..1000 {
            let value = params.value(&format!("p{n}")).unwrap();
            assert_eq!(format!("{value:?}"), n.to_string());
        }
        assert!(params.value("p1000").is_none());
    }

    #[test]
    fn raw_identifiers_lose_their_mark() {
        assert_eq!(
            names(&named! { r#type: 1_i32, match: 2_i32, "x y": 3_i32 }),
            ["type", "match", "x y"]
        );
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", named! { a: "secret" }), "[\"a\"]");
    }
}
