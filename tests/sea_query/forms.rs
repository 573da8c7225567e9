//! The forms in which SeaQuery writes values: casts, lists, tuples, arrays, many rows.

use aiopg::sea_query::{BuildStatement, SeaQuery};
use aiopg::{Connection, Error, Runtime};
use aiopg_tests::{on_every_runtime, session};
use sea_query::extension::postgres::{PgExpr, PgFunc, Type};
use sea_query::{
    ArrayType, CaseStatement, ColumnDef, Enum, Expr, ExprTrait, Func, OnConflict, Query,
    SelectStatement, Table, Value,
};

/// Numbers from 1 to 5 with their names and moods.
async fn open<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    let create = Type::create().as_enum("mood").values(["sad", "it's \\ ok"]).to_owned();
    let sql = create.build_statement().sql().replace("\"mood\"", "pg_temp.\"mood\"");
    connection.batch_execute(&sql).await?;
    let create = Table::create()
        .table("t")
        .temporary()
        .col(ColumnDef::new("id").big_integer().primary_key())
        .col(ColumnDef::new("name").text())
        .col(ColumnDef::new("mood").custom("mood"))
        .take();
    connection.execute_built(&create).await?;
    let mut insert = Query::insert().into_table("t").columns(["id", "name", "mood"]).take();
    for id in 1..=5_i32 {
        let mood = Expr::val(if id > 3 { "sad" } else { "it's \\ ok" });
        insert.values_panic([id.into(), format!("n{id}").into(), mood.as_enum("mood")]);
    }
    assert_eq!(connection.execute_built(&insert).await?, 5);
    Ok(connection)
}

fn ids() -> SelectStatement {
    Query::select().column("id").from("t").order_by("id", sea_query::Order::Asc).take()
}

async fn check<R: Runtime>(
    connection: &mut Connection<R>,
    condition: Expr,
    expected: &[i64],
) -> Result<(), Error> {
    let select = ids().and_where(condition).take();
    let rows = connection.query_built_as::<(i64,)>(&select).await?;
    let found: Vec<_> = rows.into_iter().map(|(id,)| id).collect();
    assert_eq!(found, expected, "{}", select.build_statement().sql());
    Ok(())
}

async fn conditions_take_values_of_any_width<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await?;
    let id = || Expr::col("id");
    check(c, id().eq(2_u8), &[2]).await?;
    check(c, id().between(2_i16, 3_u32), &[2, 3]).await?;
    check(c, id().is_in([1_i32, 4, 9]), &[1, 4]).await?;
    check(c, id().is_not_in([1_u64, 4, 9]), &[2, 3, 5]).await?;
    check(c, id().is_in([0_i32; 0]), &[]).await?;
    check(c, id().is_not_in([0_i32; 0]), &[1, 2, 3, 4, 5]).await?;
    check(c, id().is_in(3..1_003_i32), &[3, 4, 5]).await?;
    check(c, Expr::col("name").like("n%"), &[1, 2, 3, 4, 5]).await?;
    check(c, Expr::col("name").eq('n'), &[]).await?;
    check(c, Expr::col("name").ilike("N1"), &[1]).await?;
    check(c, id().add(1_i32).eq(3_i64), &[2]).await?;
    Ok(())
}

async fn arrays_and_tuples_are_compared<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await?;
    let any = |array: Value| Expr::col("id").eq(PgFunc::any(array));
    check(c, any(vec![1_i32, 5].into()), &[1, 5]).await?;
    check(c, any(vec![1_u64, 5].into()), &[1, 5]).await?;
    check(c, any(Vec::<i64>::new().into()), &[]).await?;
    check(c, any(Value::Array(ArrayType::BigInt, None)), &[]).await?;
    check(c, Expr::col("id").eq_any(vec![2_i64, 3]), &[2, 3]).await?;
    let columns = Expr::tuple([Expr::col("id"), Expr::col("name")]);
    let tuples = [(1_i32, "n1"), (2, "n3"), (5, "n5")];
    check(c, columns.in_tuples(tuples), &[1, 5]).await?;
    Ok(())
}

async fn values_are_cast_where_seaquery_casts_them<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await?;
    let mood = || Expr::col("mood");
    check(c, mood().eq(Expr::val("sad").as_enum("mood")), &[4, 5]).await?;
    check(c, mood().eq("it's \\ ok"), &[1, 2, 3]).await?;
    let sad = Enum { type_name: "mood".into(), value: "sad".into() };
    check(c, mood().eq(sad.clone()), &[4, 5]).await?;
    let moods =
        Value::Array(ArrayType::Enum(Box::new("mood".into())), Some(Box::new(vec![sad.into()])));
    check(c, mood().eq(PgFunc::any(moods)), &[4, 5]).await?;
    check(c, mood().cast_as("text").eq("sad"), &[4, 5]).await?;
    let select = Query::select()
        .expr(Expr::val(7_i64).cast_as("int2").cast_as("text"))
        .expr(Expr::val("1 day").cast_as("text").cast_as("interval").cast_as("text"))
        .expr(Expr::val(5_i32).cast_as("numeric").cast_as("float8").cast_as("text"))
        .expr(Expr::val(3_i32))
        .take();
    let row = c.query_built_as::<(String, String, String, String)>(&select).await?;
    assert_eq!(row, [("7".into(), "1 day".into(), "5".into(), "3".into())]);
    Ok(())
}

async fn a_label_that_is_unknown_is_refused_by_the_server<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await?;
    let update = Query::update().table("t").value("mood", "unknown").take();
    let error = connection.execute_built(&update).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(aiopg::SqlState::INVALID_TEXT_REPRESENTATION));
    Ok(())
}

async fn values_stand_wherever_an_expression_does<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await?;
    let word = CaseStatement::new().case(Expr::col("id").gt(3_u8), "many").finally("few");
    let select = Query::select()
        .expr(word)
        .expr(Func::coalesce([Value::String(None).into(), Expr::val("none")]))
        .from("t")
        .and_where(Expr::col("id").gte(3_i16))
        .order_by("id", sea_query::Order::Asc)
        .limit(2)
        .offset(1)
        .take();
    let rows = c.query_built_as::<(String, String)>(&select).await?;
    assert_eq!(rows, [("many".into(), "none".into()), ("many".into(), "none".into())]);
    let upsert = Query::insert()
        .into_table("t")
        .columns(["id", "name"])
        .values_panic([5_u8.into(), "new".into()])
        .on_conflict(OnConflict::column("id").value("name", "five").to_owned())
        .returning_col("name")
        .take();
    assert_eq!(c.query_built_scalar::<String>(&upsert).await?, "five");
    Ok(())
}

async fn a_thousand_rows_are_inserted_at_once<R: Runtime>(rt: R) -> Result<(), Error> {
    let c = &mut open(rt).await?;
    let mut insert = Query::insert().into_table("t").columns(["id", "name"]).take();
    for id in 1_001..=2_000_u32 {
        insert
            .values_panic([id.into(), Value::String((id % 2 == 0).then(|| id.to_string())).into()]);
    }
    assert_eq!(c.execute_built(&insert).await?, 1_000);
    let sums = "select sum(id), count(name), sum(name::int8) from t where id > 1000";
    let sums = c.query_as::<(aiopg::types::Numeric, i64, aiopg::types::Numeric)>(sums, ()).await?;
    assert_eq!(sums, [(1_500_500.into(), 500, 750_500.into())]);
    Ok(())
}

on_every_runtime!(
    conditions_take_values_of_any_width,
    arrays_and_tuples_are_compared,
    values_are_cast_where_seaquery_casts_them,
    a_label_that_is_unknown_is_refused_by_the_server,
    values_stand_wherever_an_expression_does,
    a_thousand_rows_are_inserted_at_once,
);
