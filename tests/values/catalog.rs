//! Types that are made by the user: looked up once, with everything inside them.

use aiopg::postgres_types::{Kind, Type};
use aiopg::types::{Array, Record};
use aiopg::types::{Multirange, Range};
use aiopg::{Connection, Error, Format, Runtime, TransactionStatus};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{ask, open, open_in_schema};

/// A session in a schema with types of every kind.
async fn with_types<R: Runtime>(rt: R) -> Connection<R> {
    let (mut connection, _) = open_in_schema(rt).await;
    let made = "create type mood as enum ('sad', 'ok', 'happy'); \
                create domain positive as int4 check (value > 0); \
                create domain tiny as positive check (value < 10); \
                create domain numbers as int4[]; \
                create domain feeling as mood; \
                create type span as range (subtype = int4); \
                create type inner_t as (p positive, m mood); \
                create type outer_t as (id int4, i inner_t, list tiny[], moods mood[], s span); \
                create table person (id int4, gone text, m mood, t tiny); \
                alter table person drop column gone; \
                insert into person values (1, 'ok', 3)";
    connection.batch_execute(made).await.unwrap();
    connection
}

type Inner = Record<(i32, String)>;
type Outer = Record<(i32, Inner, Vec<Option<i32>>, Vec<String>, Range<i32>)>;

async fn types_are_complete_in_prepared_statements<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = with_types(rt).await;
    let statement =
        c.prepare("select $1::outer_t, $2::mood, $3::tiny, $4::numbers, $5::span[]").await?;
    let kinds = statement.params().iter().map(Type::kind);
    let expected = ["Composite", "Enum", "Domain", "Domain", "Array"];
    for (kind, expected) in kinds.zip(expected) {
        assert!(format!("{kind:?}").starts_with(expected), "{kind:?}");
    }
    let Kind::Composite(fields) = statement.params()[0].kind() else { panic!("{statement:?}") };
    let names: Vec<_> = fields.iter().map(aiopg::postgres_types::Field::name).collect();
    assert_eq!(names, ["id", "i", "list", "moods", "s"]);
    let Kind::Array(tiny) = fields[2].type_().kind() else { panic!("{statement:?}") };
    let Kind::Domain(positive) = tiny.kind() else { panic!("{statement:?}") };
    assert_eq!((positive.name(), positive.kind()), ("positive", &Kind::Domain(Type::INT4)));
    let Kind::Enum(labels) = statement.params()[1].kind() else { panic!("{statement:?}") };
    assert_eq!(labels, &["sad", "ok", "happy"]);
    assert_eq!(statement.columns()[1].r#type(), &statement.params()[1]);
    assert_eq!(statement.columns()[0].r#type(), &statement.params()[0]);
    // The server tells the base type of a column.
    assert_eq!(statement.columns()[2].r#type(), &Type::INT4);
    assert_eq!(statement.columns()[3].r#type(), &Type::INT4_ARRAY);
    Ok(())
}

async fn domains_and_enums_are_read_and_written_as_what_they_are<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut c = with_types(rt).await;
    let sql = "select $1::tiny, $2::mood, $3::numbers, $4::tiny[], $5::mood[], $6::feeling";
    let (tiny, moods) = (vec![Some(1), None, Some(9)], vec!["sad", "happy"]);
    for _ in 0..2 {
        let row = c.query_one(sql, (7, "ok", vec![1, 2], &tiny, &moods, "sad")).await?;
        assert_eq!((row.get::<i32>(0), row.get::<&str>(1)), (7, "ok"));
        assert_eq!(row.get::<Vec<i32>>(2), [1, 2]);
        assert_eq!(row.get::<Vec<Option<i32>>>(3), tiny);
        assert_eq!(row.get::<Vec<&str>>(4), moods);
        assert_eq!(row.get::<Option<String>>(5).as_deref(), Some("sad"));
    }
    let shaped = Array::from_rows(vec![vec![1, 2], vec![3, 4]])?;
    let read: Array<i32> = c.query_scalar("select $1::tiny[]", (&shaped,)).await?;
    assert_eq!(read, shaped);
    // The server, not we, says what a domain takes.
    let error = c.query("select $1::tiny", (10,)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23514", "{error}");
    let error = c.query("select $1::mood", ("bad",)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22P02", "{error}");
    let error = c.query("select $1::tiny", ("text",)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "parameter $1 of type positive cannot be written"
            .replace("positive", &tiny_name(&mut c).await)
    );
    // Parameters of columns have the type of the column.
    c.execute("insert into person (id, m, t) values ($1, $2, $3)", (2, "happy", 5)).await?;
    let found: Vec<(i32, String, i32)> =
        c.query_as("select * from person where m = $1", ("happy",)).await?;
    assert_eq!(found, [(2, "happy".to_owned(), 5)]);
    Ok(())
}

async fn tiny_name<R: Runtime>(connection: &mut Connection<R>) -> String {
    let statement = connection.prepare("select $1::tiny").await.unwrap();
    statement.params()[0].to_string()
}

fn outer() -> Outer {
    let inner = Record((4, "happy".to_owned()));
    let moods = vec!["sad".to_owned(), "ok".to_owned()];
    Record((7, inner, vec![Some(1), None], moods, Range::from(1..3)))
}

async fn composites_are_read_and_written_with_all_that_is_inside<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut c = with_types(rt).await;
    let literal = r#"(7,"(4,happy)","{1,NULL}","{sad,ok}","[1,3)")"#;
    for _ in 0..2 {
        let row = c
            .query_one(
                "select $1::outer_t, $1::outer_t::text, $2::text::outer_t = $1",
                (outer(), literal),
            )
            .await?;
        assert_eq!(row.get::<Outer>(0), outer());
        assert_eq!(row.get::<&str>(1), literal);
        assert!(row.get::<bool>(2));
    }
    let array: Vec<Option<Outer>> =
        c.query_scalar("select array[$1::outer_t, null]", (outer(),)).await?;
    assert_eq!(array, [Some(outer()), None]);
    // The row of a table has no columns that were dropped.
    let row: Record<(i32, String, i32)> = c.query_scalar("select p from person p", ()).await?;
    assert_eq!(row, Record((1, "ok".to_owned(), 3)));
    let error = c.query_scalar::<Record<(i32, String)>>("select p from person p", ()).await;
    assert!(error.is_err());
    let error = c.query_scalar::<Record<(i64, String, i32)>>("select p from person p", ()).await;
    assert!(error.is_err());
    Ok(())
}

async fn first_use_knows_the_types_in_every_verb<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = with_types(rt).await;
    let read: Outer = {
        let sql = r#"select '(7,"(4,happy)","{1,NULL}","{sad,ok}","[1,3)")'::outer_t"#;
        c.query_scalar(sql, ()).await?
    };
    assert_eq!(read, outer());
    c.forget_types();
    assert_eq!(c.query_scalar::<String>("select 'ok'::mood", ()).await?, "ok");
    c.forget_types();
    assert_eq!(c.query("select 'ok'::mood", ()).await?.row(0).unwrap().get::<&str>(0), "ok");
    c.forget_types();
    assert_eq!(c.query_one("select 'ok'::mood", ()).await?.get::<&str>(0), "ok");
    c.forget_types();
    assert_eq!(c.query_opt("select 'ok'::mood", ()).await?.unwrap().get::<&str>(0), "ok");
    c.forget_types();
    assert_eq!(c.query_as::<(String,)>("select 'ok'::mood", ()).await?, [("ok".to_owned(),)]);
    c.forget_types();
    assert_eq!(c.execute("select 'ok'::mood", ()).await?, 1);
    assert_eq!(c.query_one("select 'ok'::mood", ()).await?.get::<&str>(0), "ok");
    c.forget_types();
    let mut rows = c.stream("select unnest(enum_range(null::mood))", ()).await?;
    let mut moods = Vec::new();
    while let Some(row) = rows.next().await? {
        moods.push(row.get::<String>(0));
    }
    drop(rows);
    assert_eq!(moods, ["sad", "ok", "happy"]);
    c.forget_types();
    let typed = c.query_typed("select $1::int4, 'ok'::mood", &[(&1_i32, Type::INT4)]).await?;
    assert_eq!(typed.row(0).unwrap().get::<&str>(1), "ok");
    Ok(())
}

async fn ranges_of_users_are_known_with_their_multiranges<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = with_types(rt).await;
    let read: Range<i32> = c.query_scalar("select $1::span", (Range::from(1..=3),)).await?;
    assert_eq!(read, Range::from(1..=3));
    let array: Vec<Range<i32>> = c.query_scalar("select array['[1,2]'::span]", ()).await?;
    assert_eq!(array, [Range::from(1..=2)]);
    if c.server_version().unwrap() >= 140_000 {
        let ranges: Multirange<i32> = [Range::from(1..3)].into_iter().collect();
        let read: Multirange<i32> =
            c.query_scalar("select $1::span_multirange", (&ranges,)).await?;
        assert_eq!(read, ranges);
    }
    Ok(())
}

/// Its OID is another one then.
async fn a_type_that_is_made_anew_is_looked_up_anew<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut c, _) = open_in_schema(rt).await;
    c.batch_execute("create type mood as enum ('sad')").await?;
    let (cast, given) = ("select 'sad'::mood", "select $1::mood");
    for round in 0..3 {
        assert_eq!(c.query_scalar::<String>(cast, ()).await?, "sad", "{round}");
        assert_eq!(c.query_one(cast, ()).await?.get::<&str>(0), "sad", "{round}");
        assert_eq!(c.query_scalar::<String>(given, ("sad",)).await?, "sad", "{round}");
        assert_eq!(
            c.query(given, ("sad",)).await?.row(0).unwrap().get::<&str>(0),
            "sad",
            "{round}"
        );
        c.batch_execute("drop type mood; create type mood as enum ('sad', 'ok')").await?;
    }
    Ok(())
}

async fn a_composite_type_that_has_changed_is_noticed<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut c, _) = open_in_schema(rt).await;
    c.batch_execute("create type pair as (a int4, b text)").await?;
    let sql = "select $1::pair";
    let pair = Record((1, "x".to_owned()));
    assert_eq!(c.query_scalar::<Record<(i32, String)>>(sql, (&pair,)).await?, pair);
    c.batch_execute("alter type pair add attribute c bool").await?;
    // Read by what was known, the value would be another: so it is not read.
    let error = c.query_one("select '(1,x,t)'::pair", ()).await?;
    let error = error.try_get::<Record<(i32, String)>>(0).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("forget"), "{source}");
    c.forget_types();
    let more = Record((1, "x".to_owned(), true));
    assert_eq!(c.query_scalar::<Record<(i32, String, bool)>>(sql, (&more,)).await?, more);
    Ok(())
}

async fn a_lookup_that_is_refused_harms_nothing<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = with_types(rt).await;
    c.batch_execute("begin").await?;
    // One at a time: it changes what all sessions share, if only until the transaction is rolled back.
    let made = "select pg_advisory_xact_lock(729); create role blind_r; grant usage on schema pg_catalog to blind_r; \
                do $$ begin execute format('grant usage on schema %I to blind_r', current_schema()); end $$; \
                revoke select on pg_catalog.pg_range from public; set local role blind_r";
    c.batch_execute(made).await?;
    let row = c.query_one("select 'ok'::mood, 1", ()).await?;
    assert_eq!(row.get::<i32>(1), 1);
    assert!(row.columns()[0].r#type().name().starts_with("oid "), "{row:?}");
    assert!(row.try_get::<&str>(0).is_err());
    // It was inside a transaction, which is what it was refused for.
    assert_eq!(c.transaction_status(), TransactionStatus::InError);
    c.batch_execute("rollback").await?;
    // Nobody asks again until told to.
    assert!(c.query_one("select 'ok'::mood", ()).await?.try_get::<&str>(0).is_err());
    c.forget_types();
    assert_eq!(c.query_one("select 'ok'::mood", ()).await?.get::<&str>(0), "ok");
    Ok(())
}

async fn types_without_binary_form_are_read_as_text<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    let sql = "select 1, 'postgres=r/postgres'::aclitem, null::aclitem, 'postgres=r/postgres'::aclitem is not null";
    let user: String = c.query_scalar("select current_user::text", ()).await?;
    let sql = sql.replace("postgres", &user);
    for _ in 0..2 {
        let row = c.query_one(&sql, ()).await?;
        assert_eq!(row.get::<i32>(0), 1);
        assert_eq!(row.get::<&str>(1), format!("{user}=r/{user}"));
        assert_eq!(row.get::<Option<String>>(2), None);
        assert!(row.get::<bool>(3));
        assert_eq!(row.columns()[1].format(), Format::Text);
        assert_eq!(row.columns()[0].format(), Format::Binary);
    }
    let array: String =
        c.query_scalar(&format!("select array['{user}=r/{user}'::aclitem]"), ()).await?;
    assert_eq!(array, format!("{{{user}=r/{user}}}"));
    c.batch_execute("begin").await?;
    let sql = "select '{}'::aclitem[], $1::int4";
    assert_eq!(c.query_one(sql, (1,)).await?.get::<&str>(0), "{}");
    c.batch_execute("commit").await?;
    let row = c
        .query_one("select oid, typacl, typname from pg_catalog.pg_type where typname = 'int4'", ())
        .await?;
    assert_eq!(
        (row.get::<u32>(0), row.get::<Option<&str>>(1), row.get::<&str>(2)),
        (23, None, "int4")
    );
    let mut rows = c.stream("select array[]::aclitem[]", ()).await?;
    assert_eq!(rows.next().await?.unwrap().get::<&str>(0), "{}");
    Ok(())
}

async fn a_row_of_a_table_without_binary_form_is_text<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    c.batch_execute("create temp table t (a aclitem, b int)").await?;
    c.batch_execute("insert into t values ('=r/postgres', 2)").await?;
    let shown = ask(&mut c, "select t from t").await;
    for _ in 0..2 {
        assert_eq!(c.query_scalar::<String>("select t from t", ()).await?, shown);
    }
    assert_eq!(c.query_scalar::<String>("select t from t where b = $1", (2,)).await?, shown);
    let unknown: String =
        c.query_scalar("select pg_catalog.unknownout(pg_catalog.unknownin('x'))::text", ()).await?;
    assert_eq!(unknown, "x");
    Ok(())
}

async fn every_type_without_send_function_is_known<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await;
    let sql = "select t.oid, t.typname::text from pg_catalog.pg_type t left join pg_catalog.pg_type e on e.oid = t.typelem \
               where t.oid < 10000 and t.typtype = 'b' and (t.typsend::oid = 0 or (e.typarray = t.oid and e.typsend::oid = 0)) order by 1";
    let lacking: Vec<(u32, String)> = c.query_as(sql, ()).await?;
    assert!(!lacking.is_empty());
    for (_, name) in lacking {
        let sql = format!("select null::pg_catalog.\"{name}\"");
        let statement = c.prepare(&sql).await?;
        assert_eq!(statement.columns()[0].format(), Format::Text, "{name}");
        assert_eq!(c.query_scalar::<Option<String>>(&statement, ()).await?, None);
    }
    Ok(())
}

on_every_runtime!(
    types_are_complete_in_prepared_statements,
    domains_and_enums_are_read_and_written_as_what_they_are,
    composites_are_read_and_written_with_all_that_is_inside,
    first_use_knows_the_types_in_every_verb,
    ranges_of_users_are_known_with_their_multiranges,
    a_type_that_is_made_anew_is_looked_up_anew,
    a_composite_type_that_has_changed_is_noticed,
    a_lookup_that_is_refused_harms_nothing,
    types_without_binary_form_are_read_as_text,
    a_row_of_a_table_without_binary_form_is_text,
    every_type_without_send_function_is_known,
);
