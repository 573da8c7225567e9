//! `PlanCache`: the plan for the rows of a stream, made once and kept beside it.

use std::any::Any;
use std::fmt;
use std::ptr::fn_addr_eq;

use crate::error::Error;
use crate::session::column::Column;
use crate::session::from_row::FromRow;
use crate::session::row::Row;

/// Keeps the plan of the type that was last asked for.
///
/// The type itself cannot be the key: it may borrow from a row, and so is another one for each. Its plan borrows
/// nothing, and the function that has made it tells apart types whose plans look alike.
#[derive(Default)]
pub(crate) struct PlanCache {
    plan: Option<AnyPlan>,
    /// What has made it.
    by: Option<Maker>,
}

type AnyPlan = Box<dyn Any + Send + Sync>;

type Maker = fn(&[Column]) -> Result<AnyPlan, Error>;

impl PlanCache {
    /// Whether the plan for `T` is the one that is kept. It is asked for each row, so it only compares two addresses.
    #[inline]
    pub(crate) fn is_for<'r, T: FromRow<'r>>(&self) -> bool {
        // Two types may share a function only if it does the same for both.
        self.by.is_some_and(|by| fn_addr_eq(by, any_plan::<T> as Maker))
    }

    /// Makes the plan for `T`.
    #[cold]
    pub(crate) fn make<'r, T: FromRow<'r>>(&mut self, columns: &[Column]) -> Result<(), Error> {
        let by: Maker = any_plan::<T>;
        let plan = by(columns)?;
        *self = Self { plan: Some(plan), by: Some(by) };
        Ok(())
    }

    /// Converts a row by the plan, which was made for `T`.
    #[inline(never)]
    pub(crate) fn decode<'r, T: FromRow<'r>>(&self, row: Row<'r>) -> Result<T, Error> {
        match self.plan.as_ref().and_then(|plan| plan.downcast_ref()) {
            Some(plan) => T::from_row(plan, row),
            None => row.decode(),
        }
    }
}

/// Never inlined, so that wherever it is named it has the same address.
#[inline(never)]
fn any_plan<'r, T: FromRow<'r>>(columns: &[Column]) -> Result<AnyPlan, Error> {
    Ok(Box::new(T::plan(columns)?))
}

impl fmt::Debug for PlanCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PlanCache").field(&self.plan.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use postgres_types::Type;

    use super::*;
    use crate::message::Format;
    use crate::session::column::tests::column;
    use crate::session::row::tests::with_row;

    /// Finds one column by name; all have plans of the same type.
    #[derive(Debug)]
    struct Read<const NAME: char>(usize);

    impl<const NAME: char> FromRow<'_> for Read<NAME> {
        type Plan = usize;

        fn plan(columns: &[Column]) -> Result<usize, Error> {
            crate::session::from_row::checked_column::<i32>(columns, NAME.to_string())
        }

        fn from_row(plan: &usize, _: Row<'_>) -> Result<Self, Error> {
            Ok(Self(*plan))
        }
    }

    #[test]
    fn a_plan_is_kept_for_the_type_that_it_was_made_for() {
        let columns = ["a", "b"].map(|name| column(name, Type::INT4, Format::Binary));
        let mut cache = PlanCache::default();
        assert!(!cache.is_for::<Read<'a'>>());
        cache.make::<Read<'a'>>(&columns).unwrap();
        assert!(cache.is_for::<Read<'a'>>() && !cache.is_for::<Read<'b'>>());
        assert!(!cache.is_for::<(i32, i32)>());
        cache.make::<Read<'b'>>(&columns).unwrap();
        assert!(cache.is_for::<Read<'b'>>() && !cache.is_for::<Read<'a'>>());
        with_row(Format::Binary, |row| {
            assert_eq!(cache.decode::<Read<'b'>>(row).unwrap().0, 1);
            let text = cache.decode::<(i32,)>(row).unwrap_err().to_string();
            assert!(text.contains("3 columns, the tuple 1"), "{text}: its own plan is made");
        });
        assert!(cache.make::<Read<'c'>>(&columns).is_err());
        assert!(cache.is_for::<Read<'b'>>(), "what was there is kept");
    }
}
