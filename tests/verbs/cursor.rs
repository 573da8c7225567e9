//! Cursors: a result that is kept here, and read step by step.

use std::time::Duration;

use aiopg::postgres_types::Type;
use aiopg::types::Interval;
use aiopg::{Call, Connection, Echo, Error, Kind, Routine, Runtime, Scroll, SqlState, named};
use aiopg_tests::{on_every_runtime, session};
use futures::TryStreamExt;

/// A session with a table of three rows, a function and a procedure.
async fn open<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    connection
        .batch_execute(
            "create temporary table tbl (id int, name varchar(255));
             insert into tbl values (1, 'a'), (2, 'b'), (3, 'c');
             create function pg_temp.inc(val int) returns int language sql as 'select val + 1'",
        )
        .await?;
    Ok(connection)
}

const ALL: &str = "select id, name from tbl order by id";
const INC: (&str, &str) = ("pg_temp", "inc");
const LONG: &str = "select pg_sleep(3600)";

async fn a_result_tells_its_columns_and_ddl_has_none<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let table: u32 = connection.query_scalar("select 'tbl'::regclass::oid", ()).await?;
    let mut cursor = connection.cursor();
    assert!(cursor.description().is_none());
    cursor.execute("select *, id * 2 as twice from tbl", ()).await?;
    let [id, name, twice] = cursor.description().unwrap() else { unreachable!("three columns") };
    assert_eq!((id.name(), id.r#type(), id.type_size()), ("id", &Type::INT4, 4));
    assert_eq!((name.name(), name.r#type(), name.length()), ("name", &Type::VARCHAR, Some(255)));
    assert_eq!([id, name, twice].map(|column| column.table_oid().is_some()), [true, true, false]);
    assert_eq!((id.table_oid(), name.attribute_number()), (Some(table), Some(2)));
    cursor.execute("create temporary table other (id int)", ()).await?;
    assert!(cursor.description().is_none());
    cursor.execute(ALL, ()).await?;
    cursor.execute("select 1 / 0", ()).await.unwrap_err();
    assert!(cursor.description().is_none(), "it is that of a statement that failed");
    Ok(())
}

async fn columns_tell_precision_and_scale_as_declared<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut cursor = connection.cursor();
    for (declared, length, precision, scale) in [
        ("numeric(12, 2)", None, Some(12), Some(2)),
        ("numeric(1000)", None, Some(1000), Some(0)),
        ("numeric", None, None, None),
        ("numeric(7, 3)[]", None, Some(7), Some(3)),
        ("varchar(30)", Some(30), None, None),
        ("varchar", None, None, None),
        ("char(5)", Some(5), None, None),
        ("bit(9)", Some(9), None, None),
        ("bit varying(10)", Some(10), None, None),
        ("timestamp(3)", None, Some(3), None),
        ("timestamptz(0)", None, Some(0), None),
        ("timestamptz", None, None, None),
        ("time(6)[]", None, Some(6), None),
        ("timetz(1)", None, Some(1), None),
        ("interval(2)", None, Some(2), None),
        ("interval day to second(4)", None, Some(4), None),
        ("interval year to month", None, None, None),
        ("interval", None, None, None),
        ("int", None, None, None),
        ("text", None, None, None),
    ] {
        cursor.execute(format!("select null::{declared}"), ()).await?;
        let column = &cursor.description().unwrap()[0];
        let told = (column.length(), column.precision(), column.scale());
        assert_eq!(told, (length, precision, scale), "{declared}");
    }
    if cursor.connection().server_version() >= Some(150_000) {
        cursor.execute("select null::numeric(2, -3), null::numeric(3, 1000)", ()).await?;
        let scales = cursor.description().unwrap().iter().map(aiopg::Column::scale);
        assert!(scales.eq([Some(-3), Some(1000)]));
    }
    Ok(())
}

async fn a_closed_cursor_refuses_everything_and_its_session_goes_on<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    cursor.execute(ALL, ()).await?;
    assert!(!cursor.is_closed());
    cursor.close();
    cursor.close();
    assert!(cursor.is_closed());
    let refused = [
        cursor.execute("select 1", ()).await.map(drop).unwrap_err(),
        cursor.execute_many("select $1::int", [(1,)]).await.map(drop).unwrap_err(),
        cursor.callproc(INC, (1,)).await.map(drop).unwrap_err(),
        cursor.begin().await.map(drop).unwrap_err(),
        cursor.fetch_one().map(drop).unwrap_err(),
        cursor.fetch_many(1).map(drop).unwrap_err(),
        cursor.scroll(Scroll::Absolute(0)).unwrap_err(),
        cursor.detach().map(drop).unwrap_err(),
        cursor.try_next().await.map(drop).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().starts_with("the cursor is closed"), "{error}");
    }
    assert_eq!(cursor.try_next().await?.map(drop), None, "it is told once");
    assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
    Ok(())
}

async fn a_cursor_lends_its_session<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let process_id = connection.process_id();
    let mut cursor = connection.cursor();
    cursor.execute(ALL, ()).await?;
    assert_eq!(cursor.connection().process_id(), process_id);
    let three: i64 = cursor.connection().query_scalar("select count(*) from tbl", ()).await?;
    assert_eq!((three, cursor.fetch_all()?.len()), (3, 3));
    cursor.connection().close().await?;
    assert!(cursor.is_closed());
    cursor.scroll(Scroll::Absolute(1))?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<&str>("name"), "b", "the rows are its own");
    assert_eq!(cursor.execute("select 1", ()).await.map(drop).unwrap_err().kind(), Kind::Closed);
    Ok(())
}

async fn rows_are_fetched_one_by_one_many_and_all<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    let row = cursor.execute("select 42", ()).await?.fetch_one()?;
    assert_eq!(row.unwrap().get::<i32>(0), 42);
    assert!(cursor.fetch_one()?.is_none());
    cursor.execute(ALL, ()).await?;
    assert_eq!(cursor.arraysize(), 1);
    assert_eq!(cursor.fetch_many(None)?.decode::<(i32, &str)>()?, [(1, "a")]);
    assert_eq!(cursor.fetch_many(0)?.len(), 0);
    assert_eq!(cursor.fetch_many(2)?.decode::<(i32, &str)>()?, [(2, "b"), (3, "c")]);
    assert_eq!(cursor.fetch_many(2)?.len(), 0);
    assert_eq!(cursor.fetch_all()?.len(), 0);
    cursor.set_arraysize(2);
    cursor.execute(ALL, ()).await?;
    assert_eq!(cursor.fetch_many(None)?.len(), 2);
    cursor.execute(ALL, ()).await?;
    let all = cursor.fetch_all()?.decode::<(i32, String)>()?;
    assert_eq!(all, [(1, "a".to_owned()), (2, "b".to_owned()), (3, "c".to_owned())]);
    Ok(())
}

async fn scrolling_keeps_its_place_when_it_fails<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    cursor.execute(ALL, ()).await?.scroll(Scroll::Relative(1))?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<i32>("id"), 2);
    for beyond in [Scroll::Relative(1), Scroll::Relative(-3), Scroll::Absolute(3)] {
        let error = cursor.scroll(beyond).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().starts_with("scroll destination out of bounds"), "{error}");
        assert_eq!(cursor.rownumber(), 2);
    }
    cursor.scroll(Scroll::Relative(-2))?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<i32>("id"), 1);
    cursor.scroll(Scroll::Absolute(2))?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<i32>("id"), 3);
    Ok(())
}

async fn rows_are_counted_and_numbered<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    assert_eq!((cursor.rowcount(), cursor.rownumber()), (None, 0));
    assert!(cursor.status_message().is_none());
    cursor.execute(ALL, ()).await?;
    assert_eq!((cursor.rowcount(), cursor.rownumber()), (Some(3), 0));
    assert_eq!(cursor.status_message().unwrap().as_str(), "SELECT 3");
    cursor.fetch_one()?;
    assert_eq!(cursor.rownumber(), 1);
    cursor.execute("insert into tbl select generate_series(4, $1)", (8,)).await?;
    assert_eq!((cursor.rowcount(), cursor.rownumber()), (Some(5), 0));
    assert_eq!(cursor.status_message().unwrap().as_str(), "INSERT 0 5");
    cursor.execute("update tbl set name = 'x' where id > 6 returning id", ()).await?;
    assert_eq!((cursor.rowcount(), cursor.fetch_all()?.len()), (Some(2), 2));
    cursor.execute("create temporary table other (id int)", ()).await?;
    assert_eq!(cursor.rowcount(), None);
    assert_eq!(cursor.status_message().unwrap().as_str(), "CREATE TABLE");
    cursor.execute("select 1 / 0", ()).await.unwrap_err();
    assert_eq!((cursor.rowcount(), cursor.status_message()), (None, None));
    Ok(())
}

async fn there_is_nothing_to_fetch_where_no_rows_can_be<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    let mut sql = None;
    for next in ["delete from tbl where id = 3", "create temporary table t ()", "select 1 / 0"] {
        let error = cursor.fetch_all().map(drop).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{sql:?}");
        assert!(error.to_string().starts_with("there are no results to fetch"), "{error}");
        assert!(cursor.scroll(Scroll::Absolute(0)).is_err());
        assert!(cursor.try_next().await.is_err());
        assert!(cursor.try_next().await?.is_none(), "it is told once");
        let _: Result<_, Error> = cursor.execute(next, ()).await;
        sql = Some(next);
    }
    assert!(cursor.fetch_one().is_err());
    cursor.execute("select id from tbl where false", ()).await?;
    assert_eq!(cursor.fetch_all()?.len(), 0, "there could have been rows");
    Ok(())
}

async fn a_text_without_a_statement_is_refused_unsent<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    for empty in ["", "  \n", "-- nothing", "/* ; */ ;", ";;"] {
        let error = cursor.execute(empty, ()).await.map(drop).unwrap_err();
        assert!(error.kind() == Kind::Usage && error.is_unsent(), "{error}");
        assert!(error.to_string().starts_with("the query is empty"), "{error}");
    }
    assert_eq!(cursor.execute(ALL, ()).await?.rowcount(), Some(3));
    Ok(())
}

async fn faulty_parameters_leave_the_session_usable<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    let one = "select id from tbl where id = $1";
    let named = "select id from tbl where id = :id";
    let refused = [
        cursor.execute(one, ()).await.map(drop).unwrap_err(),
        cursor.execute(one, (1, 2)).await.map(drop).unwrap_err(),
        cursor.execute(one, ("x",)).await.map(drop).unwrap_err(),
        cursor.execute(named, named! { other: 1_i32 }).await.map(drop).unwrap_err(),
        cursor
            .execute("select name from tbl where name = $1", ("\0",))
            .await
            .map(drop)
            .unwrap_err(),
        cursor.execute("select $1; select $2", ("x",)).await.map(drop).unwrap_err(),
    ];
    let kinds = refused.map(|error| error.kind());
    let [few, many, r#type, name, nul, several] = kinds;
    assert_eq!([few, many, name, several], [Kind::Usage; 4]);
    assert_eq!(r#type, Kind::Conversion);
    assert!(matches!(nul, Kind::Conversion | Kind::Server), "{nul:?}");
    assert_eq!(cursor.execute(named, named! { id: 2_i32 }).await?.rowcount(), Some(1));
    cursor.execute("select 'a%b', '100%' like '%'", ()).await?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<&str>(0), "a%b", "it is nothing special");
    Ok(())
}

async fn copy_is_refused_and_the_session_goes_on<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    for copy in ["copy tbl from stdin", "copy tbl to stdout", "select 1; copy tbl from stdin"] {
        cursor.execute(copy, ()).await.map(drop).unwrap_err();
        assert_eq!(cursor.execute(ALL, ()).await?.fetch_all()?.len(), 3);
    }
    Ok(())
}

async fn execute_many_counts_the_rows_of_all_sets<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    let sql = "insert into tbl values ($1, $2)";
    cursor.execute_many(sql, (4..10).map(|id| (id, "x"))).await?;
    assert_eq!((cursor.rowcount(), cursor.status_message()), (Some(6), None));
    assert!(cursor.fetch_one().is_err());
    let error = cursor.execute_many("insert into tbl values (1 / $1)", [(1,), (0,)]).await;
    assert_eq!(error.map(drop).unwrap_err().item(), Some(1));
    assert_eq!(cursor.rowcount(), None);
    assert_eq!(cursor.execute("select from tbl", ()).await?.rowcount(), Some(9));
    Ok(())
}

async fn mogrify_gives_the_text_that_the_server_would_understand<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    assert_eq!(cursor.mogrify("SELECT $1", ("1",))?, "SELECT '1'");
    assert_eq!(
        cursor.mogrify("select :name, :n", named! { name: "it's", n: 2 })?,
        "select 'it''s', 2"
    );
    assert_eq!(cursor.mogrify("select $1", ("1", "2")).unwrap_err().kind(), Kind::Usage);
    Ok(())
}

async fn the_last_query_is_kept_where_that_is_asked_for<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut silent = connection.cursor();
    silent.execute(ALL, ()).await?;
    assert_eq!(silent.last_query(), None);
    let mut cursor = connection.cursor().echo(Echo::StatementsAndParameters);
    assert_eq!(cursor.last_query(), None);
    cursor.execute("select $1 || 'b'", ("a",)).await?;
    assert_eq!(cursor.last_query(), Some("select 'a' || 'b'"));
    assert!(!format!("{cursor:?}").contains("'a'"), "it may be secret");
    cursor.execute("select 1 / $1", (0,)).await.unwrap_err();
    assert_eq!(cursor.last_query(), Some("select 1 / 0"), "a query that failed counts, too");
    cursor.callproc(INC, (1,)).await?;
    assert_eq!(cursor.last_query(), Some(r#"select * from "pg_temp"."inc"(1::int4)"#));
    cursor.execute("select 1; select $1", (2,)).await?;
    assert_eq!(cursor.last_query(), Some("select 1; select 2"));
    cursor.execute_many("select $1::int", [(1,), (2,)]).await?;
    assert_eq!(cursor.last_query(), Some("select $1::int"));
    let mut cursor = connection.cursor().echo(Echo::Statements);
    cursor.execute("select $1 || 'b'", ("a",)).await?;
    assert_eq!(cursor.last_query(), Some("select $1 || 'b'"));
    let config = session::config().echo(Echo::Statements).on_event(|_| {});
    let mut echoing = session::open_with(connection.runtime().clone(), &config).await;
    assert_eq!(echoing.cursor().execute("select 1", ()).await?.last_query(), Some("select 1"));
    assert_eq!(echoing.cursor().echo(Echo::Off).execute("select 1", ()).await?.last_query(), None);
    Ok(())
}

async fn functions_are_called_by_position_and_by_name<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    cursor.callproc(INC, (1,)).await?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<i32>(0), 2);
    cursor.callproc(INC, named! { val: 41_i32 }).await?;
    assert_eq!(cursor.fetch_all()?.decode::<(i32,)>()?, [(42,)]);
    cursor.callproc("make_interval", named! { mins: 2_i32, days: 3_i32 }).await?;
    let interval: Interval = cursor.fetch_one()?.unwrap().get(0);
    assert_eq!((interval.days, interval.microseconds), (3, 120_000_000));
    cursor.callproc("generate_series", (1, 4)).await?;
    assert_eq!(cursor.rowcount(), Some(4), "a function that returns a set");
    let error = cursor.callproc(INC, ("x", "y")).await.map(drop).unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_FUNCTION));
    let error = cursor.callproc("now(); drop table tbl; --", ()).await.map(drop).unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_FUNCTION), "names are quoted");
    cursor.execute("create function pg_temp.\"Weird \"\"f\"(\"A b\" int) returns int language sql as 'select $1'", ()).await?;
    cursor.callproc(("pg_temp", "Weird \"f"), named! { "A b": 9_i32 }).await?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<i32>(0), 9);
    Ok(())
}

async fn procedures_return_their_output_as_a_row<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    cursor
        .execute(
            "create procedure pg_temp.add(a int, inout sum int) language plpgsql
             as 'begin sum := sum + a; end';
             create procedure pg_temp.note(what text) language plpgsql
             as 'begin insert into tbl values (9, what); commit; end'",
            (),
        )
        .await?;
    cursor.call_procedure(("pg_temp", "add"), (40, 2)).await?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<i32>("sum"), 42);
    cursor.call_procedure(("pg_temp", "add"), named! { sum: 1_i32, a: 2_i32 }).await?;
    assert_eq!(cursor.fetch_all()?.decode::<(i32,)>()?, [(3,)]);
    cursor.call_procedure(("pg_temp", "note"), ("done",)).await?;
    assert!(cursor.fetch_one().is_err() && cursor.rowcount().is_none());
    assert_eq!(
        cursor.execute("select from tbl where name = 'done'", ()).await?.rowcount(),
        Some(1)
    );
    if cursor.connection().server_version() >= Some(140_000) {
        let sql = "create procedure pg_temp.half(a int, out quotient int, out rest int)
                   language plpgsql as 'begin quotient := a / 2; rest := a % 2; end'";
        cursor.execute(sql, ()).await?;
        let unused = None::<i32>;
        cursor.call_procedure(("pg_temp", "half"), (9, unused, unused)).await?;
        assert_eq!(cursor.fetch_all()?.decode::<(i32, i32)>()?, [(4, 1)]);
    }
    Ok(())
}

async fn a_time_limit_ends_a_call_and_leaves_cursor_and_session<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let short = Duration::from_millis(50);
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor().query_timeout(short);
    let timed_out = [
        cursor.execute(LONG, ()).await.map(drop).unwrap_err(),
        cursor.execute("select 1; select pg_sleep(3600)", ()).await.map(drop).unwrap_err(),
        cursor.callproc("pg_sleep", (3600_f64,)).await.map(drop).unwrap_err(),
    ];
    for error in timed_out {
        assert_eq!(error.kind(), Kind::Timeout, "{error}");
    }
    let patient = Call::new("select pg_sleep(0.2)").query_timeout(None);
    assert_eq!(cursor.execute(patient, ()).await?.rowcount(), Some(1));
    let patient = Routine::from("pg_sleep").query_timeout(None);
    assert_eq!(cursor.callproc(patient, (0.2_f64,)).await?.rowcount(), Some(1));
    let mut cursor = connection.cursor().query_timeout(Duration::from_secs(3600));
    let error = cursor.execute(Call::new(LONG).query_timeout(short), ()).await;
    assert_eq!(error.map(drop).unwrap_err().kind(), Kind::Timeout);
    let error = cursor.callproc(Routine::from("pg_sleep").query_timeout(short), (3600_f64,)).await;
    assert_eq!(error.map(drop).unwrap_err().kind(), Kind::Timeout);
    assert_eq!(cursor.execute(ALL, ()).await?.fetch_all()?.len(), 3);
    Ok(())
}

async fn a_cursor_is_a_stream_of_its_rows<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    cursor.execute(ALL, ()).await?;
    let rows: Vec<_> = (&mut cursor).try_collect().await?;
    let ids: Vec<_> = rows.iter().map(|row: &aiopg::OwnedRow| row.get::<i32>("id")).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert!(cursor.try_next().await?.is_none());
    cursor.execute("select * from generate_series(1, 5)", ()).await?;
    cursor.fetch_one()?;
    let mut left = Vec::new();
    while let Some(row) = cursor.try_next().await? {
        left.push(row.get::<i32>(0));
    }
    assert_eq!(left, [2, 3, 4, 5]);
    Ok(())
}

async fn results_are_open_side_by_side<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    cursor.execute(ALL, ()).await?.fetch_one()?;
    let mut first = cursor.detach()?;
    assert_eq!(cursor.detach().map(drop).unwrap_err().kind(), Kind::Usage, "it was given away");
    cursor.execute("select generate_series(10, 12)", ()).await?;
    let mut second = cursor.detach()?;
    cursor.execute("delete from tbl", ()).await?;
    assert_eq!(first.fetch_one()?.unwrap().get::<i32>(0), 2);
    assert_eq!(second.fetch_one()?.unwrap().get::<i32>(0), 10);
    let ((), rest) = futures::future::join(
        async { connection.execute("select pg_sleep(0.01)", ()).await.map(drop).unwrap() },
        async { first.fetch_all().unwrap().len() + second.fetch_all().unwrap().len() },
    )
    .await;
    assert_eq!(rest, 3, "they are read while the session executes something else");
    connection.close().await?;
    second.scroll(Scroll::Absolute(0))?;
    assert_eq!(second.try_next().await?.unwrap().get::<i32>(0), 10);
    assert_eq!(second.rows().len(), 3);
    Ok(())
}

async fn of_several_statements_the_last_result_is_kept<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    cursor
        .execute("select 1 as one; select id, name from tbl where id > 1 order by id;", ())
        .await?;
    assert_eq!(cursor.fetch_all()?.decode::<(i32, &str)>()?, [(2, "b"), (3, "c")]);
    cursor.execute("select 1; delete from tbl where id = 3", ()).await?;
    assert!(cursor.fetch_one().is_err());
    assert_eq!(cursor.rowcount(), Some(1));
    let sql = "insert into tbl values (:id, :name); select * from tbl where name = :name";
    cursor.execute(sql, named! { id: 7_i32, name: "it's; -- x" }).await?;
    assert_eq!(cursor.fetch_all()?.decode::<(i32, &str)>()?, [(7, "it's; -- x")]);
    let error = cursor.execute("delete from tbl; select 1 / 0", ()).await.map(drop).unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    assert_eq!(cursor.execute(ALL, ()).await?.rowcount(), Some(3), "all of it was undone");
    let error = cursor.execute("select $1; select 1 / 0", ("secret",)).await.map(drop).unwrap_err();
    assert_eq!(error.statement(), Some("select $1; select 1 / 0"), "parameters may be secrets");
    cursor.execute("select ';' || $1 -- ; no more", ("x",)).await?;
    assert_eq!(cursor.fetch_one()?.unwrap().get::<&str>(0), ";x");
    Ok(())
}

async fn a_cancelled_statement_is_an_error_of_the_server<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let mut cursor = connection.cursor();
    cursor.execute("set statement_timeout = '20ms'", ()).await?;
    let error = cursor.execute(LONG, ()).await.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (Kind::Server, Some(SqlState::QUERY_CANCELED)));
    assert_eq!(cursor.execute("select 1", ()).await?.rowcount(), Some(1));
    Ok(())
}

on_every_runtime!(
    a_result_tells_its_columns_and_ddl_has_none,
    columns_tell_precision_and_scale_as_declared,
    a_closed_cursor_refuses_everything_and_its_session_goes_on,
    a_cursor_lends_its_session,
    rows_are_fetched_one_by_one_many_and_all,
    scrolling_keeps_its_place_when_it_fails,
    rows_are_counted_and_numbered,
    there_is_nothing_to_fetch_where_no_rows_can_be,
    a_text_without_a_statement_is_refused_unsent,
    faulty_parameters_leave_the_session_usable,
    copy_is_refused_and_the_session_goes_on,
    execute_many_counts_the_rows_of_all_sets,
    mogrify_gives_the_text_that_the_server_would_understand,
    the_last_query_is_kept_where_that_is_asked_for,
    functions_are_called_by_position_and_by_name,
    procedures_return_their_output_as_a_row,
    a_time_limit_ends_a_call_and_leaves_cursor_and_session,
    a_cursor_is_a_stream_of_its_rows,
    results_are_open_side_by_side,
    of_several_statements_the_last_result_is_kept,
    a_cancelled_statement_is_an_error_of_the_server,
);
