//! `#[derive(Params)]`: structs as parameters, by name and by position.

use std::time::Instant;

use aiopg::{Error, NamedParams, Params, Runtime};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session;

#[derive(Debug, Params)]
#[aiopg(rename_all = "camelCase")]
struct City<'a, T> {
    first_name: &'a str,
    #[aiopg(rename = "people")]
    population: T,
    #[aiopg(flatten, prefix = "at_")]
    place: Place,
    #[aiopg(flatten)]
    colour: Colour,
    #[aiopg(skip)]
    _seen: std::sync::OnceLock<Instant>,
    r#type: i16,
}

#[derive(Debug, Params)]
struct Place {
    x: f64,
    y: Option<f64>,
}

#[derive(Debug, Params)]
struct Colour {
    red: i32,
}

#[derive(Debug, Params)]
struct Range<T>(T, #[aiopg(skip)] (), T);

#[derive(Debug, Params)]
struct Nothing;

fn names(params: &impl NamedParams) -> Vec<String> {
    let mut names = Vec::new();
    params.for_each_name(&mut |name| names.push(name.to_owned()));
    names
}

#[test]
fn every_field_has_the_name_that_was_given() {
    let place = Place { x: 1.5, y: None };
    let colour = Colour { red: 255 };
    let seen = std::sync::OnceLock::new();
    let city =
        City { first_name: "Wien", population: 2_i64, place, colour, _seen: seen, r#type: 1 };
    assert_eq!(names(&city), ["firstName", "people", "at_x", "at_y", "red", "type"]);
    let shown = |name| city.value(name).map(|value| format!("{value:?}"));
    let values: Vec<_> = names(&city).iter().map(|name| shown(name).unwrap()).collect();
    assert_eq!(values, ["\"Wien\"", "2", "1.5", "None", "255", "1"]);
    for unknown in ["first_name", "place", "x", "at_red", "seen", "at_", ""] {
        assert!(city.value(unknown).is_none(), "{unknown}");
    }
    assert_eq!((city.count(), city.at(0).is_some(), city.named().is_some()), (0, false, true));
}

async fn tuple_structs_are_parameters_by_position<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let range = Range(3_i32, (), 5);
    assert_eq!(range.count(), 2);
    let sql = "select count(*) from generate_series($1::int4, $2::int4)";
    assert_eq!(connection.query_scalar::<i64>(sql, &range).await?, 3);
    assert_eq!(connection.query_scalar::<i32>("select 1", Nothing).await?, 1);
    Ok(())
}

async fn structs_are_parameters_by_name<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let (place, colour) = (Place { x: 1.5, y: Some(2.0) }, Colour { red: 255 });
    let seen = std::sync::OnceLock::new();
    let city =
        City { first_name: "Wien", population: 2_i64, place, colour, _seen: seen, r#type: 1 };
    let sql = "select :at_x::float8 + :at_y, :firstName || :type::int2::text,
        :people::int8 + :red::int4";
    let row = connection.query_one(sql, &city).await?;
    assert_eq!(row.decode::<(f64, &str, i64)>()?, (3.5, "Wien1", 257));
    Ok(())
}

on_every_runtime!(tuple_structs_are_parameters_by_position, structs_are_parameters_by_name);
