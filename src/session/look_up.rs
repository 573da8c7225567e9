//! Asks the server for types that are not built in: all that are missing in one query.

use std::collections::HashMap;

use aiopg_runtime::Runtime;
use postgres_types::{Oid, Type};

use crate::config::StatementMode;
use crate::error::{Error, Kind};
use crate::message::TransactionStatus;
use crate::session::catalog::{Description, Form};
use crate::session::connection::Connection;
use crate::session::owned_row::OwnedRow;
use crate::session::row::Row;
use crate::session::rows::Rows;
use crate::session::statement::Statement;

/// Each type with everything below it, whatever the version: the column `rngmultitypid` is there since 14.
const TYPES: &str = "\
with recursive ranges as materialized ( \
  select r.rngtypid, r.rngsubtype, \
    (pg_catalog.to_jsonb(r) operator(pg_catalog.->>) 'rngmultitypid')::pg_catalog.oid as rngmultitypid \
  from pg_catalog.pg_range r \
), found (oid) as ( \
  select pg_catalog.unnest($1::pg_catalog.oid[]) \
  union \
  select inside.oid from found \
  join pg_catalog.pg_type t on t.oid = found.oid \
  cross join lateral ( \
    select t.typbasetype as oid where t.typtype = 'd' \
    union all select e.oid from pg_catalog.pg_type e where e.oid = t.typelem and e.typarray = t.oid \
    union all select r.rngsubtype from ranges r where t.oid in (r.rngtypid, r.rngmultitypid) \
    union all select a.atttypid from pg_catalog.pg_attribute a \
      where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped \
  ) inside \
) \
select t.oid, t.typname::pg_catalog.text, n.nspname::pg_catalog.text, t.typtype, \
  t.typsend::pg_catalog.oid = 0, \
  (select e.oid from pg_catalog.pg_type e where e.oid = t.typelem and e.typarray = t.oid), \
  t.typbasetype, \
  (select r.rngsubtype from ranges r where t.oid in (r.rngtypid, r.rngmultitypid)), \
  array(select a.attname::pg_catalog.text from pg_catalog.pg_attribute a \
    where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped \
    order by a.attnum), \
  array(select a.atttypid from pg_catalog.pg_attribute a \
    where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped \
    order by a.attnum), \
  array(select e.enumlabel::pg_catalog.text from pg_catalog.pg_enum e where e.enumtypid = t.oid \
    order by e.enumsortorder) \
from found \
join pg_catalog.pg_type t on t.oid = found.oid \
join pg_catalog.pg_namespace n on n.oid = t.typnamespace";

/// The class of errors that say that the catalog is not there for us, or not as we know it.
const NOT_FOR_US: &str = "42";

impl<R: Runtime> Connection<R> {
    /// Forgets what is known of types that are not built in, on this connection and on all of its pool, and the
    /// statements that were prepared.
    ///
    /// There is a need to only after a composite type was changed by `ALTER TYPE`, or an enum has new labels that a
    /// derived type is to know, while programs that use it are running. A type that was dropped and made anew is
    /// noticed.
    ///
    /// # Messages
    ///
    /// None; the types are looked up again with the statement that uses them next.
    pub fn forget_types(&mut self) {
        self.catalog.forget_all();
        self.statements.forget_all();
    }

    /// Completes the types of a statement, between requests. What cannot be found out stays unknown.
    pub(crate) async fn look_up_types_of(&mut self, statement: &Statement) {
        if statement.has_unknown() && self.look_up(statement.oids()).await {
            statement.resolve(&self.catalog);
        }
    }

    /// Completes the types of rows that were fetched by a statement's first use.
    pub(crate) async fn look_up_types_of_rows(&mut self, rows: &mut Rows) {
        if rows.has_unknown() {
            let oids = rows.columns().iter().map(|column| column.r#type().oid()).collect();
            self.look_up(oids).await;
            rows.resolve(&self.catalog);
        }
    }

    /// Completes the types of a row that was fetched by a statement's first use.
    pub(crate) async fn look_up_types_of_row(&mut self, row: &mut OwnedRow) {
        if row.has_unknown() {
            let oids = row.columns().iter().map(|column| column.r#type().oid()).collect();
            self.look_up(oids).await;
            row.resolve(&self.catalog);
        }
    }

    /// Looks types up that are not known, and tells whether there is no use in trying again.
    async fn look_up(&mut self, mut oids: Vec<Oid>) -> bool {
        oids.retain(|oid| self.catalog.find(*oid).is_none());
        oids.sort_unstable();
        oids.dedup();
        // Where no statement can be parsed, values come as text anyway.
        if oids.is_empty() || !self.catalog.is_open() || self.mode == StatementMode::Simple {
            return true;
        }
        if self.transaction_status() == TransactionStatus::InError {
            return false;
        }
        // It comes seldom: so it takes no room in the futures that may have to wait for it.
        match Box::pin(self.describe_types(oids)).await {
            Ok(described) => self.catalog.learn(described),
            Err(error) => {
                let state = error.sqlstate();
                if error.kind() == Kind::Conversion
                    || state.is_some_and(|state| state.class() == NOT_FOR_US)
                {
                    self.catalog.close();
                } else {
                    // It may do better next time.
                    return false;
                }
            }
        }
        true
    }

    async fn describe_types(&mut self, oids: Vec<Oid>) -> Result<HashMap<Oid, Description>, Error> {
        // The types of its parameters are given and those of its columns built in, so it is one round trip and
        // leads to no other. The statement has no name: it works behind a pooler.
        let name = self.statements.unnamed();
        let mut rows =
            self.parse_and_run(name, TYPES, &[Type::OID_ARRAY], &[], &(oids,), None).await?;
        rows.collect().await?.iter().map(description).collect()
    }
}

fn description(row: Row<'_>) -> Result<(Oid, Description), Error> {
    let inside = row.try_get::<Option<Oid>>(5)?;
    let subtype = row.try_get::<Option<Oid>>(7)?;
    let kind = u8::try_from(row.try_get::<i8>(3)?).unwrap_or_default();
    let form = match (kind, inside, subtype) {
        (b'b', Some(member), _) => Form::Array(member),
        (b'd', _, _) => Form::Domain(row.try_get(6)?),
        (b'e', _, _) => Form::Enum(row.try_get(10)?),
        (b'r', _, Some(subtype)) => Form::Range(subtype),
        (b'm', _, Some(subtype)) => Form::Multirange(subtype),
        (b'p', _, _) => Form::Pseudo,
        (b'c', _, _) => {
            let (names, types) = (row.try_get::<Vec<String>>(8)?, row.try_get::<Vec<Oid>>(9)?);
            Form::Composite(names.into_iter().zip(types).collect())
        }
        _ => Form::Simple,
    };
    let (name, schema, is_text) = (row.try_get(1)?, row.try_get(2)?, row.try_get(4)?);
    Ok((row.try_get(0)?, Description { name, schema, form, is_text }))
}
