//! Values that hold others, and shapes, addresses and lexemes: in binary there and back, and as the server's text.

use std::fmt::Display;
use std::ops::Bound;

use aiopg::postgres_types::{FromSql, ToSql};
use aiopg::types::{
    Array, Cidr, Circle, Date, Dimension, Hstore, Inet, Lexeme, Line, LineSegment, MacAddr,
    MacAddr8, Multirange, Numeric, Path, Point, Polygon, Position, Range, Rectangle, Timestamp,
    Timestamptz, TsQuery, TsVector, Weight,
};
use aiopg::{Connection, Error, Runtime};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{ask, open};

/// The server reads `text` as the value, sends it back as it got it, and writes it as `Display` does.
async fn check<R: Runtime, T>(connection: &mut Connection<R>, r#type: &str, text: &str, value: &T)
where
    T: ToSql + for<'r> FromSql<'r> + PartialEq + Display + Sync + Send + std::fmt::Debug,
{
    let literal = format!("select '{}'::{type}", text.replace('\'', "''"));
    let read = connection.query_scalar::<T>(&literal, ()).await;
    let read = read.unwrap_or_else(|error| panic!("{literal}: {error}"));
    assert_eq!(&read, value, "{literal}");
    let echo = format!("select $1::{type}, $1::{type}::text");
    let row = connection.query_one(&echo, (value,)).await.unwrap();
    assert_eq!(&row.get::<T>(0), value, "{literal}");
    assert_eq!(row.get::<&str>(1), value.to_string(), "{literal}");
}

fn point(x: f64, y: f64) -> Point {
    Point { x, y }
}

async fn shapes_are_what_the_server_means<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    let (a, b) = (point(1.5, -2.0), point(f64::INFINITY, 1e300));
    check(&mut c, "point", "(1.5,-2)", &a).await;
    check(&mut c, "point", "(inf,1e300)", &b).await;
    check(&mut c, "point", "(1e-5,123456789012345680)", &point(1e-5, 123_456_789_012_345_680.0))
        .await;
    check(&mut c, "line", "{1,-2,3.25}", &Line { a: 1.0, b: -2.0, c: 3.25 }).await;
    check(&mut c, "lseg", "[(1.5,-2),(inf,1e300)]", &LineSegment { start: a, end: b }).await;
    let rectangle = Rectangle { high: point(3.0, 4.0), low: point(1.0, 2.0) };
    check(&mut c, "box", "(1,4),(3,2)", &rectangle).await;
    check(&mut c, "path", "[(1.5,-2),(inf,1e300)]", &Path::Open(vec![a, b])).await;
    check(&mut c, "path", "((1.5,-2))", &Path::Closed(vec![a])).await;
    check(
        &mut c,
        "polygon",
        "((1.5,-2),(0,0),(1,1))",
        &Polygon(vec![a, point(0.0, 0.0), point(1.0, 1.0)]),
    )
    .await;
    check(&mut c, "circle", "<(1.5,-2),3>", &Circle { center: a, radius: 3.0 }).await;
    let nan: Point = c.query_scalar("select '(nan,0)'::point", ()).await?;
    assert!(nan.x.is_nan() && nan.to_string() == "(NaN,0)");
    let swapped = Rectangle { high: rectangle.low, low: rectangle.high };
    assert_eq!(c.query_scalar::<Rectangle>("select $1::box", (swapped,)).await?, rectangle);
    let boxes: Array<Rectangle> =
        c.query_scalar("select '{(1,2),(3,4);(1,1),(0,0)}'::box[]", ()).await?;
    assert_eq!(boxes.elements().len(), 2);
    // A line that is none.
    let flat = c.query("select $1::line", (Line::default(),)).await.unwrap_err();
    assert_eq!(flat.sqlstate().unwrap().code(), "22P03", "{flat}");
    Ok(())
}

async fn addresses_are_what_the_server_means<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    let texts = [
        "0.0.0.0/0",
        "10.0.0.1/30",
        "255.255.255.255/31",
        "10.0.0.1",
        "::/0",
        "::1",
        "::1.2.3.4",
        "::ffff:1.2.3.4",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "1:0:0:2::/64",
        "::1:0",
        "::2:0:0:0",
        "1:0:2:3:4:5:6:7",
    ];
    for text in texts {
        let inet: Inet = text.parse()?;
        let read: Inet = c.query_scalar("select $1::text::inet", (text,)).await?;
        assert_eq!(read, inet, "{text}");
        // The type's own output: a cast to text always shows the bits.
        let shown = ask(&mut c, &format!("select '{text}'::inet")).await;
        assert_eq!(inet.to_string(), shown);
        assert!(
            c.query_scalar::<bool>("select $1 = $2::text::inet", (inet, text)).await?,
            "{text}"
        );
    }
    for text in ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.1/32", "::/0", "ff00::/8", "::1/128"] {
        check(&mut c, "cidr", text, &text.parse::<Cidr>()?).await;
    }
    check(&mut c, "macaddr", "08:00:2b:01:02:03", &MacAddr([8, 0, 43, 1, 2, 3])).await;
    check(&mut c, "macaddr8", "08:00:2b:01:02:03:04:05", &MacAddr8([8, 0, 43, 1, 2, 3, 4, 5]))
        .await;
    Ok(())
}

async fn ranges_of_every_type_are_read_and_written<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    check(&mut c, "int4range", "[1,3)", &Range::from(1..3)).await;
    check(&mut c, "int4range", "empty", &Range::<i32>::empty()).await;
    check(&mut c, "int4range", "(,)", &Range::<i32>::from(..)).await;
    check(&mut c, "int8range", "[-9223372036854775808,)", &Range::from(i64::MIN..)).await;
    check(&mut c, "int8range", "(,9223372036854775807)", &Range::from(..i64::MAX)).await;
    let numeric = |text: &str| text.parse::<Numeric>().unwrap();
    let range = Range::new(Bound::Excluded(numeric("-1.50")), Bound::Included(numeric("1e30")));
    check(&mut c, "numrange", "(-1.50,1000000000000000000000000000000]", &range).await;
    let infinite = Range::from(Date::NEG_INFINITY..Date::INFINITY);
    check(&mut c, "daterange", "[-infinity,infinity)", &infinite).await;
    check(&mut c, "tsrange", "[-infinity,)", &Range::from(Timestamp::NEG_INFINITY..)).await;
    let read: Range<Timestamptz> =
        c.query_scalar("select tstzrange('-infinity', 'infinity', '[]')", ()).await?;
    assert_eq!(read, Range::from(Timestamptz::NEG_INFINITY..=Timestamptz::INFINITY));
    // Whole numbers come back in their one form.
    let read: Range<i32> = c.query_scalar("select $1::int4range", (Range::from(1..=3),)).await?;
    assert_eq!(read, Range::from(1..4));
    let read: Range<i32> = c.query_scalar("select $1::int4range", (Range::from(1..1),)).await?;
    assert_eq!(read, Range::empty());
    let reversed = Range::new(Bound::Included(3), Bound::Excluded(1));
    let wrong = c.query("select $1::int4range", (reversed,)).await.unwrap_err();
    assert_eq!(wrong.sqlstate().unwrap().code(), "22000", "{wrong}");
    let wrong = c.query_one("select $1::int4range", (Range::from(1_i64..2),)).await.unwrap_err();
    assert_eq!(wrong.to_string(), "parameter $1 of type int4range cannot be written");
    Ok(())
}

async fn multiranges_are_read_and_written<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    if c.server_version().unwrap() < 140_000 {
        return Ok(());
    }
    let ranges: Multirange<i32> = [1..3, 5..8].into_iter().map(Range::from).collect();
    check(&mut c, "int4multirange", "{[1,3),[5,8)}", &ranges).await;
    check(&mut c, "int8multirange", "{}", &Multirange::<i64>::default()).await;
    let dates: Multirange<Date> = [Range::from(Date::NEG_INFINITY..)].into_iter().collect();
    check(&mut c, "datemultirange", "{[-infinity,)}", &dates).await;
    let overlapping: Multirange<i32> = [1..3, 2..8].into_iter().map(Range::from).collect();
    let joined: Multirange<i32> =
        c.query_scalar("select $1::int4multirange", (overlapping,)).await?;
    assert_eq!(joined, Multirange::from(vec![Range::from(1..8)]));
    Ok(())
}

async fn arrays_of_every_shape_are_read_and_written<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    check(&mut c, "int4[]", "{}", &Array::<i32>::default()).await;
    check(&mut c, "int4[]", "{{1,2},{3,4}}", &Array::from_rows(vec![vec![1, 2], vec![3, 4]])?)
        .await;
    let from = |length, lower_bound| Dimension { length, lower_bound };
    let shifted = Array::new(vec![from(2, -2), from(2, 5)], vec![1, 2, 3, 4])?;
    check(&mut c, "int4[]", "[-2:-1][5:6]={{1,2},{3,4}}", &shifted).await;
    assert_eq!(shifted.get(&[-1, 5]), Some(&3));
    let subscripted: i32 = c.query_scalar("select ($1::int4[])[-1][5]", (&shifted,)).await?;
    assert_eq!(subscripted, 3);
    check(&mut c, "int4[]", "[0:1]={7,8}", &Array::new(vec![from(2, 0)], vec![7, 8])?).await;
    let deep = Array::new(vec![from(1, 1); 6], vec![true])?;
    let read: Array<bool> = c.query_scalar("select $1::bool[]", (&deep,)).await?;
    assert_eq!(read, deep);
    let texts = ["", "NULL", "null", "a b", "\"", "\\", "{", "}", ",", "ä", "\t", "plain"];
    let texts = Array::from(texts.map(str::to_owned).to_vec());
    check(&mut c, "text[]", &texts.to_string(), &texts).await;

    let nulls: Array<Option<i32>> =
        c.query_scalar("select '{{1,null},{null,4}}'::int4[]", ()).await?;
    assert_eq!(nulls.elements(), [Some(1), None, None, Some(4)]);
    let text: String = c.query_scalar("select $1::int4[]::text", (&nulls,)).await?;
    assert_eq!(text, nulls.to_text());
    let error = c.query_scalar::<Array<i32>>("select '{1,null}'::int4[]", ()).await.unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");

    // A `Vec` has one dimension: it does not pass others off as that.
    let error = c.query_scalar::<Vec<i32>>("select '{{1,2},{3,4}}'::int4[]", ()).await;
    assert!(error.is_err());
    let vector: Array<i16> = c.query_scalar("select '1 2'::int2vector", ()).await?;
    assert_eq!(vector.dimensions(), [from(2, 0)]);
    Ok(())
}

async fn lexemes_are_what_the_server_means<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    let position = |place, weight| Position { place, weight };
    let vector = TsVector::from(vec![
        Lexeme { text: "a'b\\".to_owned(), positions: vec![] },
        Lexeme {
            text: "cat".to_owned(),
            positions: vec![
                position(1, Weight::A),
                position(5, Weight::B),
                position(16_383, Weight::D),
            ],
        },
    ]);
    check(&mut c, "tsvector", &vector.to_string(), &vector).await;
    check(&mut c, "tsvector", "", &TsVector::default()).await;
    let long = TsVector::from(vec![Lexeme { text: "x".repeat(2046), positions: vec![] }]);
    check(&mut c, "tsvector", &long.to_string(), &long).await;

    let word = TsQuery::lexeme;
    let queries = [
        word("a").and(word("b").or(TsQuery::prefix("c").weights(&[Weight::A, Weight::B])).not()),
        word("a").followed_by(1, word("b")).followed_by(2, word("c")),
        word("a").followed_by(1, word("b").followed_by(16_384, word("c"))),
        word("a").not().not().and(word("b").followed_by(1, word("c"))).or(word("d'\\")),
        word("a").or(word("b")).followed_by(1, word("c").and(word("d"))),
        TsQuery::default(),
    ];
    for query in queries {
        check(&mut c, "tsquery", &query.to_string(), &query).await;
    }
    let found = "select to_tsvector('simple', 'the fat cat') @@ $1";
    let query = word("fat").followed_by(1, TsQuery::prefix("ca"));
    assert!(c.query_scalar::<bool>(found, (query,)).await?);
    Ok(())
}

async fn hstore_is_a_map<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    let server = "select count(*) = 1 from pg_available_extensions where name = 'hstore'";
    if !c.query_scalar::<bool>(server, ()).await? {
        return Ok(());
    }
    c.batch_execute(
        "begin; select pg_advisory_xact_lock(728); create extension if not exists hstore; commit",
    )
    .await?;
    let store: Hstore = [("a", Some("NULL")), ("b", None), ("", Some("")), ("k\"\\", Some("=>, "))]
        .into_iter()
        .collect();
    let read: Hstore = c.query_scalar("select $1::hstore", (&store,)).await?;
    assert_eq!(read, store);
    let same = "select $1::hstore = $2::text::hstore";
    assert!(c.query_scalar::<bool>(same, (&store, store.to_string())).await?);
    let map: std::collections::HashMap<String, Option<String>> =
        c.query_scalar("select 'x=>1, y=>null'::hstore", ()).await?;
    assert_eq!(map["x"].as_deref(), Some("1"));
    let array: Vec<Hstore> = c.query_scalar("select array[$1::hstore, '']", (&store,)).await?;
    assert_eq!(array, [store, Hstore::default()]);
    Ok(())
}

on_every_runtime!(
    shapes_are_what_the_server_means,
    addresses_are_what_the_server_means,
    ranges_of_every_type_are_read_and_written,
    multiranges_are_read_and_written,
    arrays_of_every_shape_are_read_and_written,
    lexemes_are_what_the_server_means,
    hstore_is_a_map,
);
