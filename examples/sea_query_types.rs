//! Types of columns: JSON, an array, an enum, and a type of one's own that is stored as text.
//!
//! It prints:
//!
//! ```text
//! 1: null, [], Second, []
//! 2: {"data":123}, [], Second, []
//! 3: null, [1, 3, 4], Second, []
//! 4: null, [], First, []
//! 5: null, [], Second, ["1", "test", "4"]
//! stored as: s "1,test,4"
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::process::ExitCode;

use aiopg::rt::AnyRuntime;
use aiopg::sea_query::{ColumnValue, Engine, EnumType, Table};
use aiopg::{Config, Error, FromRow, PoolOptions};
use sea_query::{ArrayType, ColumnType, Expr, ExprTrait, Order, Value};

/// An enum of the server's, in a schema that goes with the session.
#[derive(Clone, Copy, Debug, PartialEq, EnumType)]
#[aiopg(name = "s_enum", schema = "pg_temp")]
enum Place {
    #[aiopg(rename = "f")]
    First,
    #[aiopg(rename = "s")]
    Second,
}

/// Words with commas between them.
#[derive(Debug, Default, PartialEq)]
struct Words(Vec<String>);

/// Says what it is stored as.
impl ColumnValue for Words {
    fn column_type() -> ColumnType {
        String::column_type()
    }

    fn array_type() -> ArrayType {
        String::array_type()
    }

    fn null() -> Value {
        String::null()
    }

    fn to_value(&self) -> Value {
        self.0.join(",").into()
    }
}

/// The way back, which `try_from` asks for.
impl From<String> for Words {
    fn from(text: String) -> Self {
        Self(text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }
}

#[derive(FromRow, Table)]
#[table(name = "tbl")]
struct Entry {
    #[column(primary_key, identity)]
    id: i32,
    #[column(type = "json")]
    json: Option<serde_json::Value>,
    #[column(default_with = Vec::new)]
    array_int: Vec<i32>,
    #[column(name = "enum", default = Place::Second)]
    place: Place,
    #[column(default_with = Words::default)]
    #[aiopg(try_from = "String")]
    custom_list: Words,
}

fn main() -> ExitCode {
    aiopg_examples::start(types)
}

async fn types(runtime: AnyRuntime, config: Config) -> Result<(), Error> {
    let engine = Engine::create(runtime, config, PoolOptions::new()).await?;
    let mut connection = engine.acquire().await?;
    connection.execute(Place::create_type(), ()).await?;
    connection.execute(Entry::create_table().temporary(), ()).await?;

    let words = Words(["1", "test", "4"].map(str::to_owned).into());
    for insert in [
        Entry::insert(),
        Entry::insert().value("json", serde_json::json!({"data": 123})),
        Entry::insert().value("array_int", vec![1, 3, 4]),
        Entry::insert().value("place", Place::First),
        Entry::insert().value("custom_list", words.to_expr()),
    ] {
        connection.execute(&insert, ()).await?;
    }

    let select = Entry::select().order_by("id", Order::Asc).take();
    let entries: Vec<Entry> = connection.execute(&select, ()).await?.fetch_all_as()?;
    for entry in entries {
        let json = entry.json.map_or_else(|| "null".to_owned(), |json| json.to_string());
        let Entry { id, array_int, place, custom_list, .. } = entry;
        println!("{id}: {json}, {array_int:?}, {place:?}, {:?}", custom_list.0);
    }

    let raw = Entry::select().and_where(Expr::col("id").eq(5)).take();
    if let Some(row) = connection.execute(&raw, ()).await?.first()? {
        let (label, text): (&str, &str) = (row.try_get("place")?, row.try_get("custom_list")?);
        println!("stored as: {label} {text:?}");
    }

    connection.close().await;
    engine.close();
    engine.wait_closed().await;
    Ok(())
}
