//! Named parameters: every form they come in, what is no parameter, and what is said when they do not fit.

use std::collections::{BTreeMap, HashMap};

use aiopg::postgres_types::{ToSql, Type};
use aiopg::{Error, Kind, Named, NamedParams, Params, Runtime, named};
use aiopg_tests::counting::Counting;
use aiopg_tests::drawn::Drawn;
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

async fn every_form_of_named_parameters_arrives<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select :id::int4 || ':' || coalesce(:name::text, 'null') || ':' || :id::int4";
    let (id, name) = (7_i32, String::from("Ada"));
    let params = named! { name: name, id: id };
    assert_eq!(connection.query_scalar::<String>(sql, &params).await?, "7:Ada:7");
    assert_eq!(connection.query_one(sql, &params).await?.get::<String>(0), "7:Ada:7");
    assert!(connection.query_opt(sql, &params).await?.is_some());
    assert_eq!(connection.query(sql, &params).await?.len(), 1);
    assert_eq!(connection.query_as::<(String,)>(sql, &params).await?, [("7:Ada:7".to_owned(),)]);
    assert_eq!(connection.execute(sql, &params).await?, 1);
    let mut rows = connection.stream(sql, &params).await?;
    assert!(rows.next().await?.is_some());
    drop(rows);
    let params = named! { "id": 8_i32, "name": None::<&str> };
    assert_eq!(connection.query_scalar::<String>(sql, params).await?, "8:null:8");

    let values: [(&str, Box<dyn ToSql + Sync + Send>); 2] =
        [("id", Box::new(9_i32)), ("name", Box::new("x"))];
    let tree: BTreeMap<_, _> = values.into_iter().collect();
    assert_eq!(connection.query_scalar::<String>(sql, &tree).await?, "9:x:9");
    let sum = "select :a::int4 + :b::int4";
    let pairs = [("a".to_owned(), 1_i32), ("b".to_owned(), 2)];
    let hash: HashMap<_, _> = pairs.clone().into();
    assert_eq!(connection.query_scalar::<i32>(sum, hash).await?, 3);
    assert_eq!(connection.query_scalar::<i32>(sum, Named::new(&pairs[..])).await?, 3);
    assert_eq!(connection.query_scalar::<i32>(sum, Named::new(pairs.to_vec())).await?, 3);
    let dynamic: &dyn Params = &named! { a: 1_i32, b: 2_i32 };
    assert_eq!(connection.query_scalar::<i32>(sum, dynamic).await?, 3);
    assert_eq!(
        connection.query_scalar::<i32>("select 6", BTreeMap::<String, i32>::new()).await?,
        6
    );
    Ok(())
}

/// What a program of its own may implement.
struct Low(i32);

impl NamedParams for Low {
    fn for_each_name(&self, visit: &mut dyn FnMut(&str)) {
        visit("low");
    }

    fn value(&self, name: &str) -> Option<&dyn ToSql> {
        (name == "low").then_some(&self.0)
    }
}

impl Params for Low {
    fn count(&self) -> usize {
        0
    }

    fn at(&self, _: usize) -> Option<&dyn ToSql> {
        None
    }

    fn named(&self) -> Option<&dyn NamedParams> {
        Some(self)
    }
}

async fn a_colon_that_is_something_else_stays<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select ':low', E'\\':low', $$:low$$, $a$ $$ :low $a$, U&'\\003alow', \
               (array[1, 2, 3])[1:low] || (array[4, 5])[: low], /* :low /* :low */ ' */ \
               :low::int4::text -- :low '\n as \":low\" from (select 2 as low) x \
               where low > :low";
    let row = connection.query_one(sql, Low(1)).await?;
    let texts: Vec<&str> = [0, 1, 2, 3, 4].map(|index| row.get::<&str>(index)).into();
    assert_eq!(texts, [":low", "':low", ":low", " $$ :low ", ":low"]);
    assert_eq!(row.get::<Vec<i32>>(5), [1, 2, 4, 5]);
    assert_eq!(row.get::<&str>(":low"), "1");
    let sql = "select (array[1, 2, 3])[:low : :low], (array[1, 2, 3])[:low:2]";
    let row = connection.query_one(sql, Low(2)).await?;
    assert_eq!((row.get::<Vec<i32>>(0), row.get::<Vec<i32>>(1)), (vec![2], vec![2]));
    Ok(())
}

async fn what_does_not_fit_is_named_before_anything_is_sent<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let mut connection = session::open(runtime.clone()).await;
    let sql = "select :price::int4, :name::text";
    connection.execute(sql, named! { price: 1_i32, name: "a" }).await?;
    let statement = connection.prepare("select $1::int4").await?;
    let before = runtime.counts();
    let unused = "parameter \":other\" was given, but is not in the statement";
    let params = named! { price: 1_i32, name: "a", other: 1_i32 };
    for (error, kind, text) in [
        (
            connection.execute(sql, named! { price: 1_i64, name: "a" }).await.err(),
            Kind::Conversion,
            "parameter \":price\" of type int4 cannot be written",
        ),
        (
            connection.query(sql, named! { price: 1_i32 }).await.err(),
            Kind::Usage,
            "parameter \":name\" is in the statement, but was not given",
        ),
        (connection.query_one(sql, &params).await.err(), Kind::Usage, unused),
        (connection.query_opt(sql, &params).await.err(), Kind::Usage, unused),
        (connection.stream(sql, &params).await.err(), Kind::Usage, unused),
        (connection.query_scalar::<i32>(sql, &params).await.err(), Kind::Usage, unused),
        (
            connection.query("select :a, $1", named! { a: 1_i32 }).await.err(),
            Kind::Usage,
            "parameter \"$1\" has a number, but the values were given by name: use one or the other",
        ),
        (
            connection.query(&statement, named! { a: 1_i32 }).await.err(),
            Kind::Usage,
            "a prepared statement takes its parameters by number: give the text itself, which is \
             prepared at its first use and kept",
        ),
    ] {
        let error = error.unwrap();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, text));
        assert!(error.is_unsent() && error.statement().is_some());
    }
    assert_eq!(runtime.counts(), before, "nothing was sent and nothing read");
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    Ok(())
}

async fn a_text_with_names_is_prepared_once<R: Runtime>(rt: R) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let mut connection = session::open(runtime.clone()).await;
    let sql = "select :a::int4 + :b::int4";
    connection.execute(sql, named! { a: 1_i32, b: 2_i32 }).await?;
    let before = runtime.counts();
    for _ in 0..3 {
        assert_eq!(connection.query_scalar::<i32>(sql, named! { b: 2_i32, a: 1_i32 }).await?, 3);
    }
    assert_eq!(runtime.counts().writes - before.writes, 3);
    let count =
        "select count(*) from pg_prepared_statements where statement like '%$1::int4 + $2::int4'";
    assert_eq!(ask(&mut connection, count).await, "1");
    Ok(())
}

async fn a_statement_takes_65535_names_and_no_more<R: Runtime>(rt: R) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let mut connection = session::open(runtime.clone()).await;
    let text = |count: i32| {
        let marks: Vec<_> = (1..=count).map(|number| format!(":p{number}")).collect();
        format!("select 65535 in ({})", marks.join(", "))
    };
    let pairs: Vec<_> = (1..=65_536).map(|number| (format!("p{number}"), number)).collect();
    let params = Named::new(&pairs[..65_535]);
    assert!(connection.query_scalar::<bool>(text(65_535), params).await?);
    let before = runtime.counts();
    let error = connection.query(text(65_536), Named::new(pairs)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(error.to_string(), "a statement cannot have 65536 parameters: 65535 is the most");
    assert_eq!(runtime.counts(), before, "nothing was sent");
    Ok(())
}

async fn every_verb_refuses_65536_parameters_unsent<R: Runtime>(rt: R) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let mut connection = session::open(runtime.clone()).await;
    let statement = connection.prepare("select $1::int4").await?;
    let values = vec![1_i32; 65_536];
    let typed: Vec<(&(dyn ToSql + Sync), Type)> =
        values.iter().map(|value| (value as _, Type::INT4)).collect();
    let before = runtime.counts();
    for error in [
        connection.query("select 1", &values).await.err(),
        connection.query_as::<(i32,)>("select 1", &values).await.err(),
        connection.query_one("select 1", &values).await.err(),
        connection.query_opt("select 1", &values).await.err(),
        connection.query_scalar::<i32>("select 1", &values).await.err(),
        connection.query_typed("select 1", &typed).await.err(),
        connection.execute("select 1", &values).await.err(),
        connection.stream("select 1", &values).await.err(),
    ] {
        let error = error.unwrap();
        let text = "a statement cannot have 65536 parameters: 65535 is the most";
        assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Usage, text));
        assert!(error.is_unsent());
    }
    assert_eq!(connection.query(&statement, &values).await.unwrap_err().kind(), Kind::Usage);
    assert_eq!(runtime.counts(), before, "nothing was sent");
    Ok(())
}

async fn a_backslash_is_read_as_the_session_reads_it<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select '\\', :a::text, '";
    connection.batch_execute("set standard_conforming_strings = off").await?;
    let error = connection.query(sql, named! { a: "x" }).await.unwrap_err();
    assert_eq!(error.to_string(), "parameter \":a\" was given, but is not in the statement");
    let sql = "select '\\':a', :a::text";
    let row = connection.query_one(sql, named! { a: "x" }).await?;
    assert_eq!((row.get::<&str>(0), row.get::<&str>(1)), ("':a", "x"));
    connection.batch_execute("set standard_conforming_strings = on").await?;
    let row = connection.query_one("select '\\', :a::text", named! { a: "x" }).await?;
    assert_eq!((row.get::<&str>(0), row.get::<&str>(1)), ("\\", "x"));
    Ok(())
}

/// Texts whose every value is known: literals of all kinds that look like parameters, and parameters.
async fn texts_are_cut_as_the_server_cuts_them<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for seed in 0..400 {
        let setting = if seed < 200 { "on" } else { "off" };
        if seed == 200 {
            connection.batch_execute("set standard_conforming_strings = off").await?;
        }
        let Drawn { sql, values, expected, .. } = Drawn::new(seed, setting);
        let params = named! { p0: values[0], p1: values[1], p2: values[2] };
        let got = connection.query_scalar::<Vec<String>>(&sql, params).await;
        assert_eq!(got.unwrap_or_else(|error| panic!("{sql}: {error}")), expected, "{sql}");
    }
    Ok(())
}

on_every_runtime!(
    every_form_of_named_parameters_arrives,
    a_colon_that_is_something_else_stays,
    what_does_not_fit_is_named_before_anything_is_sent,
    a_text_with_names_is_prepared_once,
    a_statement_takes_65535_names_and_no_more,
    every_verb_refuses_65536_parameters_unsent,
    a_backslash_is_read_as_the_session_reads_it,
    texts_are_cut_as_the_server_cuts_them,
);
