//! The history table: its rows as refinery wants them, and a look at whether it has changed.

use std::error::Error as StdError;
use std::num::ParseIntError;

use aiopg::postgres_types::{FromSql, Type};
use aiopg::{Client, Error};
use refinery_core::{Migration, SchemaVersion};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads the migrations that `query`, one of refinery's, finds in the history table.
pub(crate) async fn read(client: &mut impl Client, query: &str) -> Result<Vec<Migration>, Error> {
    let rows = client.query_typed(query, &[]).await?;
    let rows: Vec<(SchemaVersion, String, AppliedOn, Checksum)> = rows.decode()?;
    let applied = |(version, name, AppliedOn(applied_on), Checksum(checksum))| {
        Migration::applied(version, name, applied_on, checksum)
    };
    Ok(rows.into_iter().map(applied).collect())
}

/// What tells whether somebody has applied a migration: how many there are, and the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    rows: i64,
    last: Option<SchemaVersion>,
}

impl Extent {
    /// That of the migrations in a history that was read.
    pub(crate) fn of(applied: &[Migration]) -> Self {
        let rows = i64::try_from(applied.len()).unwrap_or(i64::MAX);
        Self { rows, last: applied.iter().map(Migration::version).max() }
    }

    /// That of the history table `table` as it is now.
    pub(crate) async fn look(client: &mut impl Client, table: &str) -> Result<Self, Error> {
        let sql = format!("select pg_catalog.count(*), pg_catalog.max(version) from {table}");
        let rows = client.query_typed(&sql, &[]).await?.decode::<(i64, Option<SchemaVersion>)>()?;
        // An aggregate always has a row.
        let (rows, last) = rows.into_iter().next().unwrap_or_default();
        Ok(Self { rows, last })
    }
}

/// When a migration was applied. The table has it as text, in the form of RFC 3339.
#[derive(Debug)]
struct AppliedOn(OffsetDateTime);

impl FromSql<'_> for AppliedOn {
    fn from_sql(ty: &Type, raw: &[u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        let text = <&str>::from_sql(ty, raw)?;
        OffsetDateTime::parse(text, &Rfc3339)
            .map(Self)
            .map_err(|error| format!("not a time in the form of RFC 3339: {error}").into())
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// The checksum of a migration: a `u64`, which no integer of the server holds, and so is text.
#[derive(Debug)]
struct Checksum(u64);

impl FromSql<'_> for Checksum {
    fn from_sql(ty: &Type, raw: &[u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        let text = <&str>::from_sql(ty, raw)?;
        text.parse()
            .map(Self)
            .map_err(|error: ParseIntError| format!("not a checksum: {error}").into())
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}
