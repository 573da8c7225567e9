//! `mogrify`: what is put into the text of a statement says what the parameters said, and nothing more.

use aiopg::types::{Array, Date, Interval, Numeric, Range, TimeTz, Timestamp};
use aiopg::{Connection, Error, Kind, Params, Runtime, named, params};
use aiopg_tests::chance::Chance;
use aiopg_tests::counting::Counting;
use aiopg_tests::drawn::Drawn;
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

/// The only row of a merged text that holds one statement, as texts.
async fn row<R: Runtime>(
    connection: &mut Connection<R>,
    sql: &str,
    params: &dyn Params,
) -> Result<Vec<Option<String>>, Error> {
    let merged = connection.mogrify(sql, params)?;
    let results = connection.simple_query(&merged).await;
    let results = results.unwrap_or_else(|error| panic!("{merged}: {error}"));
    assert_eq!((results.len(), results[0].len()), (1, 1), "{merged}");
    let row = results[0].row(0).unwrap();
    (0..results[0].columns().len()).map(|index| row.try_get(index)).collect()
}

async fn statements_without_parameters_take_values<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let text = "it's \\ a: $1, :b --";
    let sql = connection.mogrify(
        "create temp table t (x int default $1, d date default $2, check (x <> $3)); \
         comment on table t is $4; set local statement_timeout = $5; \
         create temp sequence s increment by $6 minvalue $7 start with $8; \
         set application_name to $9; notify ch, $4",
        params![
            -5,
            "2020-02-29".parse::<Date>()?,
            7_i64,
            text,
            60_000_i64,
            -1_i64,
            -99_i64,
            -7_i64,
            "O'Neill"
        ],
    )?;
    connection.batch_execute(&sql).await?;
    assert_eq!(
        ask(&mut connection, "insert into t default values returning (x, d)::text").await,
        "(-5,2020-02-29)"
    );
    assert_eq!(ask(&mut connection, "select obj_description('t'::regclass)").await, text);
    assert_eq!(ask(&mut connection, "select nextval('s')").await, "-7");
    assert_eq!(ask(&mut connection, "show application_name").await, "O'Neill");
    Ok(())
}

async fn a_sign_in_front_of_a_negative_number_is_no_comment<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let injected = "\n; create temp table pwned (); --";
    for setting in ["on", "off"] {
        connection.batch_execute(&format!("set standard_conforming_strings = {setting}")).await?;
        let got = row(&mut connection, "select 1-$1, -$1 as a, $2", &(-1, injected)).await?;
        assert_eq!(got, ["2", "1", injected].map(|text| Some(text.to_owned())));
        let values = params![-1_i64, -1_i16, -0.5_f64, "-1.5".parse::<Numeric>()?, injected];
        let got =
            row(&mut connection, "select -$1, -$2, -$3, 1-$4, (-$1)::text||$5", &values).await?;
        let expected = ["1", "1", "0.5", "2.5", "1\n; create temp table pwned (); --"];
        assert_eq!(got, expected.map(|text| Some(text.to_owned())));
        // In a statement that takes only constants the number stands bare, and still apart.
        connection.batch_execute(&connection.mogrify("set geqo_seed=$1", (0.5_f64,))?).await?;
        let sql = connection
            .mogrify("set extra_float_digits=$1 ; set application_name = $2", (-1, injected))?;
        connection.batch_execute(&sql).await?;
        assert_eq!(ask(&mut connection, "show extra_float_digits").await, "-1");
        connection.batch_execute("reset extra_float_digits").await?;
    }
    assert_eq!(ask(&mut connection, "select to_regclass('pwned')").await, "null");
    Ok(())
}

async fn placeholders_in_literals_and_comments_stay<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let hostile = "'; create temp table pwned (); --$$*/\"";
    let sql = "select $tag$ '$1' $tag$, $$$1$$, E'\\'$1', U&'\\0024\\0031', a$1, \
               /* /* $1 */ $1 */ \"$1\", $1 -- $1\n from (select 'x' as a$1, 'y' as \"$1\") t";
    let got = row(&mut connection, sql, &(hostile,)).await?;
    let expected = [" '$1' ", "$1", "'$1", "$1", "x", "y", hostile];
    assert_eq!(got, expected.map(|text| Some(text.to_owned())));
    connection.batch_execute("set standard_conforming_strings = off").await?;
    let got = row(&mut connection, "select '\\'$1', $1, E'\\'$1'", &("\\'; select 1 --",)).await?;
    assert_eq!(got, ["'$1", "\\'; select 1 --", "'$1"].map(|text| Some(text.to_owned())));
    assert_eq!(ask(&mut connection, "select to_regclass('pwned')").await, "null");
    Ok(())
}

/// Each value is asked for as a parameter and as a literal.
async fn a_literal_is_the_value_that_a_parameter_is<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    macro_rules! check {
        ($($type:literal: $($value:expr),+;)*) => {$($(
            let value = $value;
            let sql = format!("select ($1::{})::text", $type);
            let bound: Option<String> = connection.query_scalar(&sql, (&value,)).await?;
            let got = row(&mut connection, &sql, &(&value,)).await?;
            assert_eq!(got, [bound], "{}", $type);
        )+)*};
    }
    for styles in [
        "set datestyle = 'ISO, MDY'",
        "set datestyle = 'SQL, DMY'; set intervalstyle = 'sql_standard'; set timezone = 'Asia/Kathmandu'",
        "set datestyle = 'German'; set intervalstyle = 'iso_8601'; set timezone = 'America/St_Johns'",
        "set datestyle = 'Postgres, YMD'; set intervalstyle = 'postgres_verbose'; set bytea_output = 'escape'; \
         set extra_float_digits = -10; set array_nulls = on",
    ] {
        connection.batch_execute(styles).await?;
        check! {
            "bool": true, false, None::<bool>;
            "int2": i16::MIN, i16::MAX;
            "int4": i32::MIN, i32::MAX, 0;
            "int8": i64::MIN, i64::MAX;
            "oid": u32::MAX;
            "float4": f32::MAX, f32::MIN_POSITIVE, 1e-45_f32, -0.0_f32, f32::NAN, f32::NEG_INFINITY, 1.1_f32;
            "float8": f64::MAX, 5e-324, 122.2e-100, -0.0_f64, f64::NAN, f64::INFINITY, 0.1;
            "numeric": "NaN".parse::<Numeric>()?, "0.100000".parse::<Numeric>()?, format!("1{}.{}", "0".repeat(117), "0".repeat(161)).parse::<Numeric>()?;
            "text": "", "'", "\\", "a\nb", "\u{1f600}", "NULL";
            "bytea": (0..=255).collect::<Vec<u8>>(), Vec::<u8>::new();
            "\"char\"": 0_i8, 127_i8, 92_i8, 39_i8;
            "json": serde_json::json!({"a'": ["\\", null]});
            "uuid": uuid::Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0);
            "date": Date::INFINITY, Date::NEG_INFINITY, Date::MIN, Date::MAX, "0044-03-15 BC".parse::<Date>()?, "2001-02-03".parse::<Date>()?;
            "timestamp": Timestamp::MIN, Timestamp::MAX, Timestamp::INFINITY, "2001-02-03 04:05:06.789".parse::<Timestamp>()?;
            "timestamptz": std::time::SystemTime::UNIX_EPOCH;
            "timetz": "24:00:00-15:59:59".parse::<TimeTz>()?;
            "interval": Interval { months: -1, days: 1, microseconds: -1 }, Interval { months: 0, days: -1, microseconds: 7_200_000_000 },
                Interval { months: -35, days: -10, microseconds: -7_200_800_000 }, Interval::ZERO;
            "inet": std::net::IpAddr::from([10, 0, 0, 1]), std::net::IpAddr::from([0xffff_u16; 8]);
            "int4[]": vec![1, -2], Vec::<i32>::new(), vec![Some(1), None], Array::from_rows(vec![vec![1, 2], vec![3, 4]])?;
            "text[]": vec!["", "NULL", "null", "a b", "\\", "\"", "{}", ",", "'", "\u{b}"];
            "bytea[]": vec![vec![0_u8, 255]];
            "float8[]": vec![f64::NAN, 1e300];
            "int4range": Range::from(1..5), Range::<i32>::empty(), Range::from(1..);
            "tsrange": Range::from("2001-02-03 04:05:06".parse::<Timestamp>()?..Timestamp::INFINITY);
        }
    }
    Ok(())
}

async fn a_cast_ends_where_it_should<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let day: Interval = "36:00:00".parse()?;
    let sql = "select $1, ($2)[2], $2[2], $3 = any ($4), $1 as a, $5::text";
    let got = row(&mut connection, sql, &params![day, vec![1_i64, 2], "b", vec!["a", "b"], -1_i64])
        .await?;
    let expected = ["36:00:00", "2", "2", "t", "36:00:00", "-1"];
    assert_eq!(got, expected.map(|text| Some(text.to_owned())));
    // Behind `interval`, `day` would cut the hours off. A parameter cannot stand there either.
    let sql = connection.mogrify("select $1 day", (day,))?;
    assert!(connection.simple_query(&sql).await.is_err(), "{sql}");
    Ok(())
}

async fn values_without_a_known_text_are_refused<R: Runtime>(rt: R) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let connection = session::open(runtime.clone()).await;
    let before = runtime.counts();
    let money = aiopg::types::Money(100);
    let error = connection.mogrify("set x = :cost", named! { cost: money }).unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion);
    assert_eq!(error.to_string(), "parameter \":cost\" cannot be put into the text of a statement");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("Money"), "{cause}");
    let error = connection.mogrify("select $1", ("a\0b",)).unwrap_err();
    assert_eq!(error.to_string(), "parameter \"$1\" cannot be put into the text of a statement");
    assert!(connection.mogrify("select $2", (1,)).is_err());
    assert!(connection.mogrify("select 1", (1,)).is_err());
    assert!(connection.mogrify("select 'a'\n$1", ("b",)).is_err());
    assert_eq!(runtime.counts(), before, "it sends nothing");
    Ok(())
}

const PIECES: [&str; 18] = [
    "'", "''", "\\", "\\'", "\"", "$1", "$$", ":a", "--", "/*", "*/", ";", "\n", "é", "select 1",
    "E'", "-", "0",
];

/// What stands about the parameters was written by somebody who could not see their values.
async fn no_value_leaves_its_literal<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for seed in 0..300 {
        let mut chance = Chance::new(seed);
        if seed == 150 {
            connection.batch_execute("set standard_conforming_strings = off").await?;
        }
        let (a, b) = (chance.text(&PIECES, 8), chance.text(&PIECES, 8));
        let number = i32::try_from(chance.below(200)).unwrap() - 100;
        let sql = "select $1||$2 , 'x'||$1,$3-$3, 7-$3, /* $1 */ -$3, $2 -- $1\n, '$1', ($1)";
        let got = row(&mut connection, sql, &(&a, &b, number)).await?;
        let expected = [
            format!("{a}{b}"),
            format!("x{a}"),
            "0".to_owned(),
            (7 - number).to_string(),
            (-number).to_string(),
            b.clone(),
            "$1".to_owned(),
            a.clone(),
        ];
        assert_eq!(got, expected.map(Some));
    }
    Ok(())
}

/// What stands about them is out of order, so that it is seldom a statement; no value makes another of it.
async fn no_value_becomes_a_statement<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut merged = 0;
    for seed in 0..400 {
        let setting = if seed < 200 { "on" } else { "off" };
        if seed == 200 {
            connection.batch_execute("set standard_conforming_strings = off").await?;
        }
        let drawn = Drawn::new(seed, setting).disturbed(seed);
        let [p0, p1, p2] = &drawn.values;
        if let Ok(sql) = connection.mogrify(&drawn.sql, named! { p0: p0, p1: p1, p2: p2 }) {
            merged += 1;
            drop(connection.simple_query(&sql).await);
        }
    }
    assert!(merged > 100, "{merged}");
    assert_eq!(ask(&mut connection, "select to_regclass('pwned')").await, "null");
    Ok(())
}

on_every_runtime!(
    no_value_becomes_a_statement,
    statements_without_parameters_take_values,
    a_sign_in_front_of_a_negative_number_is_no_comment,
    placeholders_in_literals_and_comments_stay,
    a_literal_is_the_value_that_a_parameter_is,
    a_cast_ends_where_it_should,
    values_without_a_known_text_are_refused,
    no_value_leaves_its_literal,
);
