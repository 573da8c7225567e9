//! Keys and labels: what the columns of a table are called in results.

use aiopg::sea_query::{SeaQuery, Table};
use aiopg::{Connection, Error, FromRow, Runtime};
use aiopg_tests::{on_every_runtime, session};
use sea_query::{Expr, ExprTrait, Query};

#[derive(Debug, PartialEq, FromRow, Table)]
#[table(name = "sa_tbl5")]
struct Named {
    #[column(name = "ID", primary_key, serial)]
    id: i32,
    #[column(name = "Name", default = "first")]
    name: String,
}

async fn open<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut c = session::open(rt).await;
    c.execute_built(&Named::create_table().temporary().take()).await?;
    assert_eq!(c.query_built_scalar::<i32>(&Named::insert()).await?, 1);
    Ok(c)
}

async fn a_column_is_found_by_its_key<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await?;
    let row = c.query_built_one(&Named::select()).await?;
    assert_eq!((row.try_get::<i32>("id")?, row.try_get::<&str>("name")?), (1, "first"));
    assert!(row.try_get::<i32>("ID").is_err());
    let insert = Named::insert().value("name", "second");
    let row = c.query_built_one(&insert).await?;
    assert_eq!(row.columns().iter().map(aiopg::Column::name).collect::<Vec<_>>(), ["id"]);
    let update = Named::update().value("name", "third").and_where(Expr::col("ID").eq(2));
    let row: Vec<Named> = c.query_built_as(&update.returning_all()).await?;
    assert_eq!(row, [Named { id: 2, name: "third".to_owned() }]);
    Ok(())
}

async fn a_label_of_ones_own_wins<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await?;
    let columns = Named::columns();
    let select = Query::select()
        .expr_as(Expr::col(columns.name), "label_name")
        .exprs(Named::table().by_key())
        .from(Named::table())
        .take();
    let row = c.query_built_one(&select).await?;
    assert_eq!(row.try_get::<&str>("label_name")?, "first");
    assert_eq!(row.try_get::<i32>("id")?, 1);
    assert_eq!(row.try_get::<&str>("name")?, "first");
    Ok(())
}

async fn key_position_and_column_give_the_same<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await?;
    let columns = Named::columns();
    let row = c.query_built_one(&Named::select()).await?;
    let values = [row.try_get::<&str>("name")?, row.try_get(1)?, row.try_get(columns.name)?];
    assert_eq!(values, ["first"; 3]);
    let raw = c.query_one("select * from sa_tbl5", ()).await?;
    assert_eq!((raw.try_get::<i32>(columns.id)?, raw.try_get::<&str>(columns.name)?), (1, "first"));
    Ok(())
}

async fn labels_hold_the_table_and_keys_count_for_nothing<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await?;
    let row = c.query_built_one(&Named::select_labelled()).await?;
    let names: Vec<_> = row.columns().iter().map(aiopg::Column::name).collect();
    assert_eq!(names, ["sa_tbl5_ID", "sa_tbl5_Name"]);
    assert_eq!(row.try_get::<&str>("sa_tbl5_Name")?, "first");
    assert!(row.try_get::<&str>("name").is_err() && row.try_get::<&str>("Name").is_err());
    assert_eq!(row.try_get::<&str>(Named::columns().name)?, "first");
    assert_eq!(Named::columns().name.label(), "sa_tbl5_Name");
    Ok(())
}

#[derive(Debug, PartialEq, FromRow, Table)]
struct Pet {
    name: String,
    owner: Option<i32>,
}

#[derive(Debug, PartialEq, FromRow, Table)]
struct Person {
    id: i32,
    name: String,
}

#[derive(Debug, PartialEq, FromRow)]
struct PetWithOwner {
    #[aiopg(flatten, prefix = "pet_")]
    pet: Pet,
    #[aiopg(flatten, prefix = "person_")]
    person: Option<Person>,
}

async fn labels_keep_joined_tables_apart<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    for create in &mut [Pet::create_table(), Person::create_table()] {
        c.execute_built(create.temporary()).await?;
    }
    let ada = Person { id: 1, name: "Ada".to_owned() };
    let (rex, stray) = (("Rex", Some(1)), ("Stray", None));
    let pet = |(name, owner): (&str, _)| Pet { name: name.to_owned(), owner };
    c.execute_built(&Person::insert().row(&ada)).await?;
    c.execute_built(&Pet::insert().row(&pet(rex)).row(&pet(stray))).await?;
    let join = Query::select()
        .exprs(Pet::table().by_label())
        .exprs(Person::table().by_label())
        .from(Pet::table())
        .left_join(Person::table(), Expr::col(Person::columns().id).equals(Pet::columns().owner))
        .order_by(Pet::columns().name.qualified(), sea_query::Order::Asc)
        .take();
    let pets: Vec<PetWithOwner> = c.query_built_as(&join).await?;
    assert_eq!(
        pets,
        [
            PetWithOwner { pet: pet(rex), person: Some(ada) },
            PetWithOwner { pet: pet(stray), person: None },
        ]
    );
    let rows = c.query_built(&join).await?;
    let row = rows.row(0).unwrap();
    assert_eq!(row.try_get::<&str>(Person::columns().name)?, "Ada");
    assert_eq!(row.try_get::<&str>(Pet::columns().name)?, "Rex");
    Ok(())
}

/// Its parent's column is called as a label of its own `id` would be.
#[derive(Debug, PartialEq, FromRow, Table)]
struct Category {
    #[column(primary_key)]
    id: i32,
    category_id: Option<i32>,
}

async fn a_foreign_key_is_not_taken_for_a_label<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    c.execute_built(&Category::create_table().temporary().take()).await?;
    c.execute_built(&Category::insert().row(&Category { id: 2, category_id: Some(1) })).await?;
    let columns = Category::columns();
    let row = c.query_built_one(&Category::select()).await?;
    assert_eq!(row.try_get::<i32>(columns.id)?, 2);
    assert_eq!(row.try_get::<i32>(columns.category_id)?, 1);
    let joined = "select c.id, p.category_id from category c, (select 1 as category_id) p";
    let row = c.query_one(joined, ()).await?;
    let text = row.try_get::<i32>(columns.id).unwrap_err().to_string();
    assert!(text.contains("use its position"), "{text}");
    Ok(())
}

on_every_runtime!(
    a_foreign_key_is_not_taken_for_a_label,
    a_column_is_found_by_its_key,
    a_label_of_ones_own_wins,
    key_position_and_column_give_the_same,
    labels_hold_the_table_and_keys_count_for_nothing,
    labels_keep_joined_tables_apart,
);
