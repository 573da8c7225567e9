//! Parameters: every form they come in, and what is said when they do not fit.

use aiopg::{Call, Error, Kind, Params, Runtime, StatementMode, params};
use aiopg_tests::counting::Counting;
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

async fn every_form_of_parameters_arrives<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let pair = "select $1::int4 || ':' || coalesce($2::text, 'null')";
    let (id, name) = (7_i32, String::from("Ada"));
    assert_eq!(connection.query_scalar::<String>(pair, (id, &name)).await?, "7:Ada");
    assert_eq!(connection.query_scalar::<String>(pair, (&id, name.as_str())).await?, "7:Ada");
    assert_eq!(connection.query_scalar::<String>(pair, &(id, &name)).await?, "7:Ada");
    assert_eq!(connection.query_scalar::<String>(pair, params![id, name]).await?, "7:Ada");
    assert_eq!(connection.query_scalar::<String>(pair, &params![id, name]).await?, "7:Ada");
    assert_eq!(connection.query_scalar::<String>(pair, (id, None::<&str>)).await?, "7:null");
    assert_eq!(connection.query_scalar::<String>(pair, (id, Some("x"))).await?, "7:x");

    let sum = "select $1::int4 + $2::int4 + $3::int4";
    assert_eq!(connection.query_scalar::<i32>(sum, [1, 2, 3]).await?, 6);
    assert_eq!(connection.query_scalar::<i32>(sum, &[1, 2, 3]).await?, 6);
    assert_eq!(connection.query_scalar::<i32>(sum, &[1, 2, 3][..]).await?, 6);
    assert_eq!(connection.query_scalar::<i32>(sum, vec![1, 2, 3]).await?, 6);
    assert_eq!(connection.query_scalar::<i32>(sum, &vec![1, 2, 3]).await?, 6);
    assert_eq!(connection.query_scalar::<i32>("select 6", ()).await?, 6);
    assert_eq!(connection.query_scalar::<i32>("select 6", params![]).await?, 6);
    let dynamic: &dyn Params = &(1_i32, 2_i32, 3_i32);
    assert_eq!(connection.query_scalar::<i32>(sum, dynamic).await?, 6);
    Ok(())
}

async fn tuples_hold_up_to_sixteen_values<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let list = |count: usize| {
        let marks: Vec<_> = (1..=count).map(|number| format!("${number}::int4")).collect();
        format!("select array[{}]", marks.join(", "))
    };
    let one: Vec<i32> = connection.query_scalar(list(1), (1,)).await?;
    assert_eq!(one, [1]);
    let eight = (1, 2, 3, 4, 5, 6, 7, 8);
    assert!(connection.query_scalar::<Vec<i32>>(list(8), eight).await?.into_iter().eq(1..=8));
    let sixteen = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    let values: Vec<i32> = connection.query_scalar(list(16), sixteen).await?;
    assert!(values.into_iter().eq(1..=16));
    Ok(())
}

/// The statements are known, so all of this is found out before a byte is sent. What does not fit is refused once for
/// each text: its next use asks the server anew.
async fn parameters_that_do_not_fit_are_refused_before_anything_is_sent<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let mut connection = session::open(runtime.clone()).await;
    let sql = "select $1::int4, $2::text";
    connection.execute(sql, (1, "a")).await?;
    let statement = connection.prepare(sql).await?;
    let texts: [_; 4] = std::array::from_fn(|text| format!("{sql} -- {text}"));
    for text in &texts {
        connection.execute(text, (1, "a")).await?;
    }
    let [a, b, c, d] = &texts;
    let before = runtime.counts();

    let error = connection.execute(sql, (1,)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(error.to_string(), "the statement takes 2 parameters, but 1 was given");
    for (error, kind) in [
        (connection.query(sql, (1, "a", 2)).await.err(), Kind::Usage),
        (connection.query_one(sql, ()).await.err(), Kind::Usage),
        (connection.query_opt(&statement, (1,)).await.err(), Kind::Usage),
        (connection.query(a, (1_i64, "a")).await.err(), Kind::Conversion),
        (connection.stream(&statement, ("1", "a")).await.err(), Kind::Conversion),
        (connection.execute(b, (None::<bool>, "a")).await.err(), Kind::Conversion),
        (connection.execute(c, params![1, 2]).await.err(), Kind::Conversion),
        (connection.query_typed("select 1\0", &[]).await.err(), Kind::Usage),
        (connection.batch_execute("select 1\0").await.err(), Kind::Usage),
    ] {
        let error = error.unwrap();
        assert_eq!(error.kind(), kind, "{error}");
    }
    let error = connection.execute(d, (1, 2)).await.unwrap_err();
    assert_eq!(error.to_string(), "parameter $2 of type text cannot be written");
    assert!(error.is_unsent() && !error.is_retryable());
    assert_eq!(runtime.counts(), before, "nothing was sent and nothing read");
    assert_eq!(connection.query(sql, (1, "a")).await?.len(), 1);
    Ok(())
}

async fn missing_parameters_of_a_new_statement_are_counted<R: Runtime>(rt: R) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let mut connection = session::open(runtime.clone()).await;
    let before = runtime.counts();
    for mode in [StatementMode::Cached, StatementMode::Described, StatementMode::Unnamed] {
        let one = Call::new("select $1").statement_mode(mode);
        let two = Call::new("select $1::int4 + $2::int4").statement_mode(mode);
        let none = Call::new("select '$1'").statement_mode(mode);
        for (error, text) in [
            (connection.query(one, ()).await.err(), "1 parameter, but 0 were given"),
            (connection.execute(two, (1,)).await.err(), "2 parameters, but 1 was given"),
            (connection.query_opt(none, (1,)).await.err(), "0 parameters, but 1 was given"),
            (connection.stream(one, (1, 2)).await.err(), "1 parameter, but 2 were given"),
        ] {
            let error = error.unwrap();
            assert_eq!(error.kind(), Kind::Usage, "{error}");
            assert_eq!(error.to_string(), format!("the statement takes {text}"));
            assert!(error.is_unsent());
        }
    }
    assert_eq!(runtime.counts(), before, "nothing was sent and nothing read");
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    Ok(())
}

async fn a_statement_takes_65535_parameters_and_no_more<R: Runtime>(rt: R) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let mut connection = session::open(runtime.clone()).await;
    let list = |count: u32| {
        let marks: Vec<_> = (1..=count).map(|number| format!("${number}")).collect();
        format!("select 65535 in ({})", marks.join(", "))
    };
    let values: Vec<i32> = (1..=65_535).collect();
    assert!(connection.query_scalar::<bool>(list(65_535), &values).await?);
    let values: Vec<i32> = (1..=65_536).collect();
    let before = runtime.counts();
    let error = connection.query_scalar::<bool>(list(65_536), &values).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(error.to_string(), "a statement cannot have 65536 parameters: 65535 is the most");
    assert_eq!(runtime.counts(), before, "nothing was sent");
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    Ok(())
}

/// Where the text does not tell, since a number can be that of an argument, the server does.
async fn the_arguments_of_a_function_are_no_parameters<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let create = "create function pg_temp.twice(int) returns int language sql as 'select $1 * 2'";
    connection.execute(create, ()).await?;
    connection.execute("prepare p as select $1::int4", ()).await?;
    assert_eq!(connection.query_scalar::<i32>("select pg_temp.twice(21)", ()).await?, 42);
    let error = connection.execute("explain select $1::int4", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    assert_eq!(ask(&mut connection, "execute p(7)").await, "7");
    Ok(())
}

/// A parameter whose value is refused by the server, not by its type.
async fn a_value_the_server_refuses_is_its_error<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let error = connection.query("select $1::text", ("a\0b",)).await.unwrap_err();
    assert_eq!(error.sqlstate().map(|state| state.class().to_owned()), Some("22".to_owned()));
    assert_eq!(connection.query_scalar::<String>("select $1::text", ("ab",)).await?, "ab");
    Ok(())
}

on_every_runtime!(
    every_form_of_parameters_arrives,
    tuples_hold_up_to_sixteen_values,
    parameters_that_do_not_fit_are_refused_before_anything_is_sent,
    missing_parameters_of_a_new_statement_are_counted,
    the_arguments_of_a_function_are_no_parameters,
    a_statement_takes_65535_parameters_and_no_more,
    a_value_the_server_refuses_is_its_error,
);
