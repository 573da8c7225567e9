//! `Table`: values and their texts, each sent, compared by the server, and read again.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use aiopg::postgres_types::{FromSqlOwned, ToSql};
use aiopg::{Connection, Error, Runtime};
use aiopg_tests::session;

/// A session whose settings decide about no text: as the types of `aiopg::types` write it.
pub(crate) async fn open<R: Runtime>(rt: R) -> Connection<R> {
    let mut connection = session::open(rt).await;
    let settings = "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; \
                    set bytea_output = 'hex'; set lc_monetary = 'C'; set extra_float_digits = 1";
    connection.batch_execute(settings).await.unwrap();
    connection
}

/// Checks that `value` comes back from the server as it was sent, that it is written there as `text`, and that
/// `text` is read there as `value`.
pub(crate) async fn check<R: Runtime, T>(
    connection: &mut Connection<R>,
    r#type: &str,
    value: T,
    text: &str,
) -> Result<(), Error>
where
    T: ToSql + FromSqlOwned + PartialEq + Debug + Send + Sync,
{
    let sql = format!("select $1::{type}, $1::{type}::text, $2::text::{type}");
    let row = connection.query_one(&sql, (&value, text)).await;
    let row = row.unwrap_or_else(|error| panic!("{type} {text}: {error} {:?}", error.server()));
    assert_eq!(row.try_get::<T>(0)?, value, "{type}: there and back");
    assert_eq!(row.try_get::<&str>(1)?, text, "{type}: the server's text");
    assert_eq!(row.try_get::<T>(2)?, value, "{type}: read by the server");
    Ok(())
}

/// As [`check`], of a type that writes and reads its text itself.
pub(crate) async fn check_text<R: Runtime, T>(
    connection: &mut Connection<R>,
    r#type: &str,
    text: &str,
) -> Result<(), Error>
where
    T: ToSql + FromSqlOwned + PartialEq + Debug + Display + FromStr<Err = Error> + Send + Sync,
{
    let value = text.parse::<T>().unwrap_or_else(|error| panic!("{type} {text}: {error}"));
    assert_eq!(value.to_string(), text);
    check(connection, r#type, value, text).await
}
