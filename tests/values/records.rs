//! Records inside values, as tuples and as structs that derive it.

use aiopg::types::Record;
use aiopg::{Error, FromRecord, Runtime};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{open, open_in_schema};

#[derive(Debug, PartialEq, FromRecord)]
struct City {
    name: String,
    id: Option<i32>,
}

#[derive(Debug, PartialEq, FromRecord)]
struct Pair<T>(i32, T);

async fn anonymous_records_are_tuples_and_structs<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    let sql = "select array_agg(row(n, n::text) order by n) from generate_series(1, 2) n";
    let expected = [(1, "1".to_owned()), (2, "2".to_owned())];
    let read: Vec<Record<(i32, String)>> = c.query_scalar(sql, ()).await?;
    assert_eq!(read, expected.map(Record));
    let read: Vec<Pair<String>> = c.query_scalar(sql, ()).await?;
    assert_eq!(read, [Pair(1, "1".to_owned()), Pair(2, "2".to_owned())]);
    let read: Record<(i32, Option<String>)> = c.query_scalar("select (1, null::text)", ()).await?;
    assert_eq!(read, Record((1, None)));
    let city: City = c.query_scalar("select row('Wien', 1)", ()).await?;
    assert_eq!(city, City { name: "Wien".to_owned(), id: Some(1) });
    let nested: Record<(i32, City)> =
        c.query_scalar("select row(1, row('Wien', null::int4))", ()).await?;
    assert_eq!(nested.0.1.id, None);
    for wrong in [
        "row('Wien')",
        "row('Wien', 1, 2)",
        "row(1, 1)",
        "row('Wien', 1::int8)",
        "row(null::text, 1)",
    ] {
        assert!(c.query_scalar::<City>(&format!("select {wrong}"), ()).await.is_err(), "{wrong}");
    }
    Ok(())
}

async fn composites_are_structs_by_the_names_of_their_fields<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut c, _) = open_in_schema(rt).await;
    let made = "create domain number as int4; create table city (id number, note text, name text); \
                insert into city values (1, 'x', 'Wien'), (null, 'y', 'Graz')";
    c.batch_execute(made).await?;
    let cities: Vec<City> =
        c.query_scalar("select array_agg(c order by name desc) from city c", ()).await?;
    let city = |name: &str, id| City { name: name.to_owned(), id };
    assert_eq!(cities, [city("Wien", Some(1)), city("Graz", None)]);
    // There is no field of that name.
    c.batch_execute("alter table city rename name to title").await?;
    c.forget_types();
    assert!(c.query_scalar::<City>("select c from city c limit 1", ()).await.is_err());
    Ok(())
}

on_every_runtime!(
    anonymous_records_are_tuples_and_structs,
    composites_are_structs_by_the_names_of_their_fields,
);
