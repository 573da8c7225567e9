//! `PlanCache`: the plan for the rows of a stream, made once and kept beside it.

use std::any::Any;
use std::fmt;
use std::ptr::fn_addr_eq;

use crate::error::Error;
use crate::session::column::Column;
use crate::session::from_row::FromRow;

/// Keeps the plan of the type that was last asked for.
///
/// The type itself cannot be the key: it may borrow from a row, and so is another one for each. Its plan borrows
/// nothing, and the function that has made it tells apart types whose plans look alike.
#[derive(Default)]
pub(crate) struct PlanCache(Option<Box<dyn Any + Send + Sync>>);

struct Made<P> {
    plan: P,
    by: Maker<P>,
}

type Maker<P> = fn(&[Column]) -> Result<P, Error>;

impl PlanCache {
    /// Makes the plan for `T`, unless it is the one that is kept.
    pub(crate) fn prepare<'r, T: FromRow<'r>>(&mut self, columns: &[Column]) -> Result<(), Error> {
        if self.find::<T>().is_none() {
            let by: Maker<T::Plan> = T::plan;
            self.0 = Some(Box::new(Made { plan: T::plan(columns)?, by }));
        }
        Ok(())
    }

    /// The plan for `T`, if it is the one that is kept.
    pub(crate) fn find<'r, T: FromRow<'r>>(&self) -> Option<&T::Plan> {
        let made = self.0.as_ref()?.downcast_ref::<Made<T::Plan>>()?;
        // Two types may share a function only if it does the same for both.
        fn_addr_eq(made.by, T::plan as Maker<T::Plan>).then_some(&made.plan)
    }
}

impl fmt::Debug for PlanCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PlanCache").field(&self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use postgres_types::Type;

    use super::*;
    use crate::message::Format;
    use crate::session::column::tests::column;
    use crate::session::row::Row;

    /// Reads one column by name; both have plans of the same type.
    struct Read<const NAME: char>;

    impl<const NAME: char> FromRow<'_> for Read<NAME> {
        type Plan = usize;

        fn plan(columns: &[Column]) -> Result<usize, Error> {
            crate::session::from_row::checked_column::<i32>(columns, NAME.to_string())
        }

        fn from_row(_: &usize, _: Row<'_>) -> Result<Self, Error> {
            Ok(Self)
        }
    }

    #[test]
    fn a_plan_is_kept_for_the_type_that_it_was_made_for() {
        let columns = ["a", "b"].map(|name| column(name, Type::INT4, Format::Binary));
        let mut cache = PlanCache::default();
        assert!(cache.find::<Read<'a'>>().is_none());
        cache.prepare::<Read<'a'>>(&columns).unwrap();
        assert_eq!(cache.find::<Read<'a'>>(), Some(&0));
        assert_eq!(cache.find::<Read<'b'>>(), None);
        assert!(cache.find::<(i32, i32)>().is_none());
        cache.prepare::<Read<'b'>>(&columns).unwrap();
        assert_eq!(cache.find::<Read<'b'>>(), Some(&1));
        assert!(cache.prepare::<Read<'c'>>(&columns).is_err());
        assert_eq!(cache.find::<Read<'b'>>(), Some(&1), "what was there is kept");
    }
}
