//! `Bound`: the values of a built statement, as its parameters.

use std::error::Error as StdError;
use std::fmt;

use bytes::BytesMut;
use postgres_types::{IsNull, ToSql, Type};
use sea_query::{Value, Values};

use crate::sea_query::binder;
use crate::types::{OwnType, Params};

/// The values of a built statement, in the order of `$1`, `$2` and so on.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    values: Vec<BoundValue>,
}

/// A value that is written in the type that the server expects, if it fits.
#[derive(Clone)]
pub(crate) struct BoundValue(pub(crate) Value);

impl From<Values> for Bound {
    fn from(values: Values) -> Self {
        Self { values: values.0.into_iter().map(BoundValue).collect() }
    }
}

impl Params for Bound {
    fn count(&self) -> usize {
        self.values.len()
    }

    fn at(&self, index: usize) -> Option<&dyn ToSql> {
        self.values.get(index).map(|value| value as &dyn ToSql)
    }
}

impl ToSql for BoundValue {
    fn to_sql(
        &self,
        r#type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let error = match binder::write(&self.0, r#type, out) {
            Err(error) => error,
            Ok(is_null) => return Ok(is_null),
        };
        if *r#type == OwnType::question() {
            return Err(Box::new(OwnType(binder::own_type(&self.0)?)));
        }
        Err(error.into())
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        r#type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(r#type, out)
    }
}

/// Never the value itself.
impl fmt::Debug for BoundValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoundValue")
    }
}
