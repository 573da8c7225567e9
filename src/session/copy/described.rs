//! What a copy of rows must know before it begins: which columns there are, and of which types.

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::session::connection::Connection;
use crate::session::copy::options::quoted_list;
use crate::session::copy::table_name::TableName;
use crate::session::source::TimeLimit;
use crate::session::statement::Statement;

impl<R: Runtime> Connection<R> {
    /// What the server makes of a query as of now: what was kept of an earlier answer may be outdated, and nothing
    /// would notice.
    pub(crate) async fn describe_now(&mut self, sql: &str) -> Result<Statement, Error> {
        self.limit(TimeLimit::AsConfigured);
        let name = self.statements.unnamed();
        self.describe(name, sql).await.map_err(|error| error.or_statement(sql))
    }

    /// The columns that a copy without a list of them has: all but those that are generated.
    pub(crate) async fn copied_columns(
        &mut self,
        table: &TableName,
        named: Vec<String>,
    ) -> Result<Vec<String>, Error> {
        if !named.is_empty() {
            return Ok(named);
        }
        let question = "select attname::text from pg_catalog.pg_attribute \
                        where attrelid = $1::text::regclass and attnum > 0 \
                        and not attisdropped and attgenerated = '' order by attnum";
        let found: Vec<(String,)> = self.query_as(question, (table.as_sql(),)).await?;
        Ok(found.into_iter().map(|(name,)| name).collect())
    }
}

/// A query that has the same columns as a copy of the table. It is described and never run: that takes no right to
/// read the table.
pub(crate) fn select(table: &TableName, columns: &[String]) -> String {
    format!("select {} from {table}", quoted_list(columns))
}

/// Rows are binary: what tells how text is written has no meaning for them.
pub(crate) fn for_text(option: &str) -> Error {
    Error::usage(format!(
        "rows are copied in binary, which leaves no place for the option \"{option}\""
    ))
    .unsent()
}
