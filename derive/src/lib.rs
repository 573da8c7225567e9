//! Derives for aiopg; use them through its feature `derive`.

mod names;
mod attributes;
mod fields;
mod from_row;
mod from_record;
mod params;
mod column;
mod table;
mod enum_type;
#[cfg(test)]
mod expanded_tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Converts a row into a struct: implements the trait `FromRow`.
///
/// A struct with named fields takes the columns of the same names, and passes over others. A tuple struct takes them
/// by position, and there must be as many as fields. A field of the type `Option` takes NULL; any other makes an
/// error of it. A struct may have one lifetime, that of the row: then text and bytes can be borrowed. Columns are
/// found and their types checked once per result; reading a row allocates nothing by itself.
///
/// # Attributes of the struct
///
/// | `#[aiopg(...)]` | meaning |
/// |---|---|
/// | `rename_all = "camelCase"` | how columns are named after fields; also `lowercase`, `UPPERCASE`, `PascalCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE` |
/// | `by_position` | named fields take the columns by position too |
/// | `crate = "path"` | where aiopg is found, if not at `::aiopg` |
///
/// # Attributes of a field
///
/// | `#[aiopg(...)]` | meaning |
/// |---|---|
/// | `rename = "name"` | the name of its column |
/// | `position = 2` | the position of its column, counted from 0; in a struct that goes by position all fields have one or none |
/// | `default` | a column that is missing gives `Default`; NULL is an error still, unless the field is an `Option` |
/// | `skip` | `Default`, without a column |
/// | `flatten` | a type with `FromRow` that reads the same columns, as far as it wants them; an `Option` of it is `None` if all that it reads is NULL |
/// | `flatten, prefix = "owner_"` | the same for the columns whose names begin like this, and without that beginning |
/// | `json` | a column of the type `json` or `jsonb`, read by serde; needs the feature `with-serde_json-1` |
/// | `try_from = "i64"` | read as this type, then converted by `TryFrom` |
///
/// # Examples
///
/// ```
/// use aiopg::FromRow;
///
/// #[derive(FromRow)]
/// struct Pet<'r> {
///     id: i32,
///     #[aiopg(rename = "pet_name")]
///     name: &'r str,
///     /// None for a stray, where a left join finds nobody.
///     #[aiopg(flatten, prefix = "owner_")]
///     owner: Option<Person>,
/// }
///
/// #[derive(FromRow)]
/// struct Person {
///     name: String,
///     #[aiopg(default)]
///     phone: Option<String>,
/// }
///
/// const PETS: &str = "select pet.id, pet.name as pet_name, person.name as owner_name
///     from pet left join person on person.id = pet.owner_id";
///
/// fn pets(rows: &aiopg::Rows) -> Result<Vec<Pet<'_>>, aiopg::Error> {
///     rows.decode()
/// }
/// ```
///
/// A type that no column can be read as is refused where it stands:
///
/// ```compile_fail,E0277
/// #[derive(aiopg::FromRow)]
/// struct City {
///     name: std::time::Instant,
/// }
/// ```
///
/// So is what no row can lend:
///
/// ```compile_fail
/// #[derive(aiopg::FromRow)]
/// struct City {
///     name: &'static str,
/// }
/// ```
///
/// # Errors
///
/// Of the kind `Conversion`: with the column, its type, the field and the struct, and for a value the number of its
/// row, counted from 0.
#[proc_macro_derive(FromRow, attributes(aiopg))]
pub fn derive_from_row(input: TokenStream) -> TokenStream {
    expanded(from_row::expand(parse_macro_input!(input as DeriveInput)))
}

/// Converts a record into a struct: implements the traits `FromRecord` and `FromSql`.
///
/// So the struct is read from a column, an element of an array or a field: from values of a composite type by the
/// names of its fields, and from an anonymous record such as `row(1, 'x')` by position, which then must have as many
/// as the struct. A tuple struct goes by position in both. Types inside are checked in each value.
///
/// # Attributes
///
/// `#[aiopg(rename_all = "...", by_position, crate = "...")]` of the struct, and `rename` and `skip` of a field, as
/// for `FromRow`.
///
/// # Examples
///
/// ```
/// use aiopg::FromRecord;
///
/// #[derive(FromRecord)]
/// struct City {
///     id: i32,
///     name: String,
/// }
///
/// async fn cities(client: &mut impl aiopg::Client) -> Result<Vec<City>, aiopg::Error> {
///     client.query_scalar("select array_agg(row(id, name)) from city", ()).await
/// }
/// ```
#[proc_macro_derive(FromRecord, attributes(aiopg))]
pub fn derive_from_record(input: TokenStream) -> TokenStream {
    expanded(from_record::expand(parse_macro_input!(input as DeriveInput)))
}

/// Gives a struct as the parameters of a statement: implements the trait `Params`.
///
/// The named fields of a struct are parameters by name: `:name` in the statement, by the trait `NamedParams`. The
/// fields of a tuple struct are `$1`, `$2` and so on.
///
/// # Attributes of the struct
///
/// `#[aiopg(rename_all = "...", crate = "...")]`, as for `FromRow`; `by_position` is about rows alone.
///
/// # Attributes of a field
///
/// | `#[aiopg(...)]` | meaning |
/// |---|---|
/// | `rename = "name"` | the name of its parameter |
/// | `skip` | it is no parameter |
/// | `flatten` | a type with `NamedParams`, whose parameters are added |
/// | `flatten, prefix = "owner_"` | the same, with something in front of their names |
///
/// `default`, `position` and `try_from` are about rows alone. `json` is refused: a parameter is lent as it is, so that
/// the field needs the type `postgres_types::Json`.
///
/// # Examples
///
/// ```
/// use aiopg::Params;
///
/// #[derive(Params)]
/// struct City<'a> {
///     id: i32,
///     name: &'a str,
/// }
///
/// async fn add(client: &mut impl aiopg::Client, city: &City<'_>) -> Result<u64, aiopg::Error> {
///     client.execute("insert into city (id, name) values (:id, :name)", city).await
/// }
/// ```
///
/// A type that cannot be written is refused where it stands:
///
/// ```compile_fail,E0277
/// #[derive(aiopg::Params)]
/// struct City {
///     name: std::time::Instant,
/// }
/// ```
#[proc_macro_derive(Params, attributes(aiopg))]
pub fn derive_params(input: TokenStream) -> TokenStream {
    expanded(params::expand(parse_macro_input!(input as DeriveInput)))
}

/// Makes a struct the description of a table: implements the traits `Table` and `RowValues`.
///
/// Its fields are the columns. Their types say those of the columns, by the trait `ColumnValue`; an `Option` takes NULL.
/// The function `columns()` of the struct names them for statements of SeaQuery: `City::columns().name`. The struct can
/// have lifetimes, but no other parameters.
///
/// # Attributes of the struct
///
/// | attribute | meaning |
/// |---|---|
/// | `#[table(name = "city")]` | the table's name, if not that of the struct in snake case |
/// | `#[table(schema = "geo")]` | the schema that it is in |
/// | `#[aiopg(rename_all = "...", crate = "...")]` | as for `FromRow` |
///
/// # Attributes of a field
///
/// What stands in `#[aiopg(...)]` is about results, as `FromRow` reads them: `rename` is the column's key there. `skip`
/// makes the field no column, `json` makes it one of the type `jsonb`, written by serde: what it holds is `Debug` beside
/// `Serialize`. The others say nothing about a table; `flatten` is refused. No key is another column's name in the
/// database, since statements call a column by either.
///
/// | `#[column(...)]` | meaning |
/// |---|---|
/// | `name = "Name"` | the column's name in the database, if not its key |
/// | `primary_key`, `unique` | that it is the primary key, or part of it; that no value comes twice |
/// | `identity`, `serial` | that the server numbers the rows; `serial` cannot stand beside `type` |
/// | `type = "varchar(20)"` | the type in SQL |
/// | `with = function` | what makes a value for the column of a reference to the field; `#[aiopg(try_from = "...")]` is the way back |
/// | `default = 0` | a value that is inserted where none is given |
/// | `default_with = function` | a function that returns it, called for each row |
/// | `default_sql = "length('abc')"` | an expression that the server evaluates |
/// | `default_sequence = "city_seq"` | a sequence that it is taken from, maybe with a schema: `"geo.city_seq"` |
/// | `server_default = "now()"` | the default of the column in the database; inserts leave it to the server |
/// | `on_update = 0`, `on_update_with = function`, `on_update_sql = "now()"` | what an update sets where it sets nothing else |
///
/// # Examples
///
/// ```
/// use aiopg::FromRow;
/// use aiopg::sea_query::{BuildStatement, Table};
/// use sea_query::{Expr, ExprTrait};
///
/// #[derive(FromRow, Table)]
/// #[table(schema = "geo")]
/// struct City {
///     #[column(primary_key, identity)]
///     id: i32,
///     #[column(name = "Name")]
///     name: String,
///     #[column(default = 0)]
///     inhabitants: i64,
///     #[column(with = joined)]
///     #[aiopg(try_from = "String")]
///     tags: Tags,
/// }
///
/// struct Tags(Vec<String>);
///
/// fn joined(tags: &Tags) -> String {
///     tags.0.join(",")
/// }
///
/// impl From<String> for Tags {
///     fn from(text: String) -> Self {
///         Self(text.split(',').map(str::to_owned).collect())
///     }
/// }
///
/// let select = City::select().and_where(Expr::col(City::columns().name).eq("Wien")).take();
/// assert_eq!(
///     select.build_statement().sql(),
///     "SELECT \"geo\".\"city\".\"id\", \"geo\".\"city\".\"Name\" AS \"name\", \
///      \"geo\".\"city\".\"inhabitants\", \"geo\".\"city\".\"tags\" \
///      FROM \"geo\".\"city\" WHERE \"Name\" = $1",
/// );
/// ```
///
/// A type that no column holds is refused where it stands:
///
/// ```compile_fail,E0277
/// #[derive(aiopg::sea_query::Table)]
/// struct City {
///     name: std::time::Instant,
/// }
/// ```
///
/// So is a default of another type:
///
/// ```compile_fail,E0308
/// #[derive(aiopg::sea_query::Table)]
/// struct City {
///     #[column(default = 1.5)]
///     inhabitants: i64,
/// }
/// ```
#[proc_macro_derive(Table, attributes(aiopg, table, column))]
pub fn derive_table(input: TokenStream) -> TokenStream {
    expanded(table::expand(parse_macro_input!(input as DeriveInput)))
}

/// Makes an enum that of an enum type of PostgreSQL: implements the trait `EnumType`.
///
/// It is the type of a column, a value of SeaQuery, a parameter and a field of a row alike, and so is a `Vec` of it. Its
/// variants hold nothing, and it is `Copy` and `Debug`.
///
/// # Attributes
///
/// | `#[aiopg(...)]` | meaning |
/// |---|---|
/// | `name = "mood"` | of the enum: the type's name, if not that of the enum in snake case |
/// | `schema = "geo"` | of the enum: the schema that the type is in |
/// | `rename_all = "snake_case"` | of the enum: how labels are named after variants, as for `FromRow` |
/// | `crate = "path"` | of the enum: where aiopg is found, if not at `::aiopg` |
/// | `rename = "so-so"` | of a variant: its label |
///
/// # Examples
///
/// ```
/// use aiopg::sea_query::{EnumType, Table};
/// use aiopg::{Error, FromRow};
///
/// #[derive(Clone, Copy, Debug, EnumType)]
/// #[aiopg(rename_all = "lowercase")]
/// enum Mood {
///     Happy,
///     Sad,
/// }
///
/// #[derive(FromRow, Table)]
/// struct Person {
///     name: String,
///     mood: Option<Mood>,
/// }
///
/// async fn cheer_up(client: &mut impl aiopg::Client) -> Result<u64, Error> {
///     client.execute("update person set mood = $1", (Mood::Happy,)).await
/// }
/// ```
///
/// ```compile_fail
/// #[derive(Clone, Copy, Debug, aiopg::sea_query::EnumType)]
/// enum Mood {
///     Happy(i32),
/// }
/// ```
#[proc_macro_derive(EnumType, attributes(aiopg))]
pub fn derive_enum_type(input: TokenStream) -> TokenStream {
    expanded(enum_type::expand(parse_macro_input!(input as DeriveInput)))
}

/// What was made, or the error at the place that is at fault.
fn expanded(made: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    made.unwrap_or_else(|error| error.to_compile_error()).into()
}
