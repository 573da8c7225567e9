//! `Pipeline`: several items, as a tuple, an array or a `Vec`.

use std::fmt;

use crate::error::Error;
use crate::session::pipeline::item::{Demand, Item, Kept};
use crate::session::source::ToStatement;
use crate::types::Params;

/// Several items that are sent together: a tuple of up to 16 of any kinds, an array or a `Vec` of one kind.
pub trait Pipeline: Send {
    /// A `Result` for each item, in the same shape.
    type Results;

    #[doc(hidden)]
    fn demands(&self) -> Demands<'_>;

    #[doc(hidden)]
    fn results(self, replies: Replies) -> Self::Results;
}

/// What the items ask for; opaque.
pub struct Demands<'i>(pub(crate) Vec<Demand<'i>>);

impl fmt::Debug for Demands<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demands").field("len", &self.0.len()).finish()
    }
}

/// What the items got; opaque.
#[derive(Debug)]
pub struct Replies(pub(crate) std::vec::IntoIter<Result<Kept, Error>>);

impl Replies {
    fn take(&mut self) -> Result<Kept, Error> {
        self.0.next().unwrap_or_else(|| Err(Error::usage("there is no such item")))
    }
}

impl<S, P, T> Pipeline for Vec<Item<S, P, T>>
where
    S: ToStatement + Send,
    P: Params,
{
    type Results = Vec<Result<T, Error>>;

    fn demands(&self) -> Demands<'_> {
        Demands(self.iter().map(Item::demand).collect())
    }

    fn results(self, mut replies: Replies) -> Self::Results {
        self.iter().map(|item| item.finish(replies.take())).collect()
    }
}

impl<S, P, T, const N: usize> Pipeline for [Item<S, P, T>; N]
where
    S: ToStatement + Send,
    P: Params,
{
    type Results = [Result<T, Error>; N];

    fn demands(&self) -> Demands<'_> {
        Demands(self.iter().map(Item::demand).collect())
    }

    fn results(self, mut replies: Replies) -> Self::Results {
        self.map(|item| item.finish(replies.take()))
    }
}

/// All results or the first error.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use aiopg::{AllResults, Item};
///
/// let (renamed, count) = connection
///     .pipeline((
///         Item::execute("update city set name = $2 where id = $1", (1, "Wien")),
///         Item::query_scalar::<i64>("select count(*) from city", ()),
///     ))
///     .await
///     .all()?;
/// # let _: (u64, i64) = (renamed, count);
/// # Ok(()) }
/// ```
pub trait AllResults {
    /// The values in the same shape.
    type Values;

    /// Returns all values, or the error that caused the others.
    ///
    /// # Errors
    ///
    /// The error of the item that failed by itself first, whose number [`Error::item`] tells.
    fn all(self) -> Result<Self::Values, Error>;
}

impl<T, const N: usize> AllResults for [Result<T, Error>; N] {
    type Values = Vec<T>;

    fn all(self) -> Result<Vec<T>, Error> {
        Vec::from(self).all()
    }
}

impl<T> AllResults for Vec<Result<T, Error>> {
    type Values = Vec<T>;

    fn all(self) -> Result<Vec<T>, Error> {
        let errors: Vec<_> = self.iter().map(|result| result.as_ref().err()).collect();
        cause(&errors).map_or_else(|| self.into_iter().collect(), Err)
    }
}

/// The first error that is not the consequence of another, else the first.
fn cause(errors: &[Option<&Error>]) -> Option<Error> {
    let errors = || errors.iter().flatten().copied();
    errors().find(|error| !error.is_consequence()).or_else(|| errors().next()).cloned()
}

macro_rules! tuples {
    ($($($item:ident $statement:ident $params:ident $value:ident),+;)*) => {$(
        impl<$($statement, $params, $value),+> Pipeline for ($(Item<$statement, $params, $value>,)+)
        where
            $($statement: ToStatement + Send, $params: Params,)+
        {
            type Results = ($(Result<$value, Error>,)+);

            fn demands(&self) -> Demands<'_> {
                let ($($item,)+) = self;
                Demands(vec![$($item.demand()),+])
            }

            fn results(self, mut replies: Replies) -> Self::Results {
                let ($($item,)+) = self;
                ($($item.finish(replies.take()),)+)
            }
        }

        impl<$($value),+> AllResults for ($(Result<$value, Error>,)+) {
            type Values = ($($value,)+);

            fn all(self) -> Result<Self::Values, Error> {
                let ($($item,)+) = self;
                match cause(&[$($item.as_ref().err()),+]) {
                    Some(error) => Err(error),
                    None => Ok(($($item?,)+)),
                }
            }
        }
    )*};
}

tuples! {
    a S1 P1 T1;
    a S1 P1 T1, b S2 P2 T2;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6, g S7 P7 T7;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6, g S7 P7 T7, h S8 P8 T8;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6, g S7 P7 T7, h S8 P8 T8, i S9 P9 T9;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6, g S7 P7 T7, h S8 P8 T8, i S9 P9 T9, j S10 P10 T10;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6, g S7 P7 T7, h S8 P8 T8, i S9 P9 T9, j S10 P10 T10, k S11 P11 T11;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6, g S7 P7 T7, h S8 P8 T8, i S9 P9 T9, j S10 P10 T10, k S11 P11 T11, l S12 P12 T12;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6, g S7 P7 T7, h S8 P8 T8, i S9 P9 T9, j S10 P10 T10, k S11 P11 T11, l S12 P12 T12, m S13 P13 T13;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6, g S7 P7 T7, h S8 P8 T8, i S9 P9 T9, j S10 P10 T10, k S11 P11 T11, l S12 P12 T12, m S13 P13 T13, n S14 P14 T14;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6, g S7 P7 T7, h S8 P8 T8, i S9 P9 T9, j S10 P10 T10, k S11 P11 T11, l S12 P12 T12, m S13 P13 T13, n S14 P14 T14, o S15 P15 T15;
    a S1 P1 T1, b S2 P2 T2, c S3 P3 T3, d S4 P4 T4, e S5 P5 T5, f S6 P6 T6, g S7 P7 T7, h S8 P8 T8, i S9 P9 T9, j S10 P10 T10, k S11 P11 T11, l S12 P12 T12, m S13 P13 T13, n S14 P14 T14, o S15 P15 T15, p S16 P16 T16;
}
