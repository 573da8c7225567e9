//! What is huge: values larger than every buffer by every way in and out, the widest rows, the most parameters.

use aiopg::{Connection, Error, Kind, Runtime};
use aiopg_tests::{on_every_runtime, session};
use futures::{AsyncReadExt, StreamExt, TryStreamExt};

const MIB: usize = 1 << 20;

/// Bytes of which no stretch is like another.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)).to_le_bytes()[0]).collect()
}

async fn a_huge_value_comes_back_by_every_verb<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let value = pattern(24 * MIB + 5);
    let sql = "select 1, $1::bytea, 'end'";
    let row = connection.query_one(sql, (&value,)).await?;
    assert!(row.get::<&[u8]>(1) == value && row.get::<&str>(2) == "end");
    let copy = row.clone();
    drop(row);
    assert!(copy.get::<&[u8]>(1) == value && copy.get::<i32>(0) == 1);
    let rows = connection.query(sql, (&value,)).await?;
    assert!(rows.row(0).unwrap().get::<&[u8]>(1) == value);
    let mut lent = connection.stream(sql, (&value,)).await?;
    assert!(lent.next().await?.unwrap().get::<&[u8]>(1) == value);
    assert!(lent.next().await?.is_none());
    drop(lent);
    assert!(connection.query_scalar::<Vec<u8>>("select $1::bytea", (&value,)).await? == value);
    assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
    Ok(())
}

/// Sizes beside those at which memory changes hands.
async fn huge_and_small_rows_mix<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sizes = [0, MIB - 20, 3, MIB - 9, 2 * MIB, MIB + 1, 9 * MIB, 64 << 10, 4 * MIB, 5];
    let sizes = sizes.map(|size| i32::try_from(size).unwrap());
    let sql = "select s, repeat(chr(65 + s % 26), s) from unnest($1::int4[]) s";
    let whole = |size: i32, text: &str| {
        let letter = char::from(65 + u8::try_from(size % 26).unwrap());
        text.len() == usize::try_from(size).unwrap() && text.chars().all(|c| c == letter)
    };
    let rows = connection.query(sql, (&sizes[..],)).await?;
    assert_eq!(rows.column::<i32>(0)?, sizes);
    for row in &rows {
        assert!(whole(row.get(0), row.get(1)));
    }
    let owned: Vec<_> = connection.stream(sql, (&sizes[..],)).await?.owned().try_collect().await?;
    assert_eq!(owned.len(), sizes.len());
    for (row, size) in owned.iter().zip(sizes) {
        assert_eq!(row.get::<i32>(0), size);
        assert!(whole(size, row.get(1)));
    }
    let mut biggest_first = sizes;
    biggest_first.sort_unstable_by(|a, b| b.cmp(a));
    let rows = connection.query(sql, (&biggest_first[..],)).await?;
    assert!(rows.iter().all(|row| whole(row.get(0), row.get(1))));
    Ok(())
}

/// A huge value in the middle of others, and several of them: the messages behind it are not disturbed.
async fn huge_parameters_stand_among_small_ones<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let (large, larger) = (pattern(2 * MIB), pattern(7 * MIB));
    let sql =
        "select $1::int4, md5($2::bytea), $3::text, md5($4::bytea), $5::bytea is null, $6::int4";
    let none = None::<&[u8]>;
    for _ in 0..3 {
        let row = connection.query_one(sql, (1, &large, "x", &larger, none, 2)).await?;
        assert_eq!((row.get::<i32>(0), row.get::<i32>(5)), (1, 2));
        assert_eq!((row.get::<&str>(2), row.get::<bool>(4)), ("x", true));
        let md5 = "select md5($1::bytea)";
        assert_eq!(connection.query_scalar::<String>(md5, (&large,)).await?, row.get::<&str>(1));
        assert_eq!(connection.query_scalar::<String>(md5, (&larger,)).await?, row.get::<&str>(3));
    }
    // The error is found when the large value has been written already.
    let error = connection.query_one(sql, (1, &large, 3, &larger, none, 2)).await.unwrap_err();
    assert!(error.kind() == Kind::Conversion && error.is_unsent(), "{error:?}");
    let sizes = [3 * MIB, 10, MIB, 2 * MIB, 0].map(pattern);
    let sets = sizes.iter().map(|value| (value,));
    connection.batch_execute("create temporary table v (value bytea)").await?;
    assert_eq!(connection.execute_many("insert into v values ($1)", sets).await?, 5);
    let sum = "select sum(length(value)) from v";
    assert_eq!(connection.query_scalar::<i64>(sum, ()).await?, 6_291_466);
    Ok(())
}

async fn with_files<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    let sql = "create temporary table f (id int, data bytea, note text); \
               alter table f alter data set storage external";
    connection.batch_execute(sql).await?;
    Ok(connection)
}

async fn huge_values_are_copied_in_and_out<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_files(rt).await?;
    let sizes = [9 * MIB, 3, 2 * MIB, MIB + 7, 0].map(pattern);
    let rows = (0_i32..).zip(&sizes).map(|(id, data)| (id, data, "note"));
    assert_eq!(connection.copy_in("f", &[]).rows(rows).await?, 5);
    let mut rows = connection.copy_out("f", &[]).rows().await?;
    let mut seen = 0;
    while let Some(row) = rows.next().await? {
        let (id, data, note) = row.decode::<(i32, &[u8], &str)>()?;
        assert!(data == sizes[seen] && note == "note" && usize::try_from(id).unwrap() == seen);
        seen += 1;
    }
    assert_eq!(seen, 5);
    drop(rows);
    let mut rows = connection.copy_out("f", &["data"]).rows().await?.owned();
    for data in &sizes {
        assert!(rows.next().await.unwrap()?.get::<&[u8]>(0) == data);
    }
    assert!(rows.next().await.is_none());
    drop(rows);
    let mut bytes = Vec::new();
    let mut reader = connection.copy_out("f", &["data"]).start().await?;
    reader.read_to_end(&mut bytes).await.unwrap();
    drop(reader);
    // As text each byte is two digits, behind a \x that is escaped.
    let digits: usize = sizes.iter().map(|data| 2 * data.len() + 4).sum();
    assert_eq!(bytes.len(), digits);
    Ok(())
}

async fn a_table_of_1600_columns_is_filled_and_read<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let names: Vec<_> = (0..1600).map(|number| format!("c{number}")).collect();
    let columns: Vec<_> = names.iter().map(|name| format!("{name} int2")).collect();
    let sql = format!("create temporary table wide ({})", columns.join(", "));
    connection.batch_execute(&sql).await?;
    let values: Vec<i16> = (0..1600).collect();
    let places: Vec<_> = (1..=1600).map(|number| format!("${number}")).collect();
    let insert = format!("insert into wide values ({})", places.join(", "));
    assert_eq!(connection.execute(&insert, &values).await?, 1);
    let all = |row: aiopg::Row<'_>| (0..1600).all(|n| row.get::<i16>(n) == values[n]);
    let row = connection.query_one("select * from wide", ()).await?;
    assert!(all(row.row()));
    assert_eq!(row.get::<i16>("c1599"), 1599);
    let mut copy = connection.copy_in("wide", &[]).start_rows().await?;
    copy.write(&values).await?;
    assert_eq!(copy.finish().await?, 1);
    let mut rows = connection.copy_out("wide", &[]).rows().await?;
    for _ in 0..2 {
        assert!(all(rows.next().await?.unwrap()));
    }
    assert!(rows.next().await?.is_none());
    drop(rows);
    let texts = connection.simple_query("select * from wide").await?;
    assert_eq!(texts[0].row(1).unwrap().get::<&str>(1599), "1599");
    // A result may be wider than a table.
    let widest: Vec<_> = (0..1664).map(|number| number.to_string()).collect();
    let row = connection.query_one(&format!("select {}", widest.join(", ")), ()).await?;
    assert_eq!((row.len(), row.get::<i32>(1663)), (1664, 1663));
    let nulls = vec!["null::text"; 1664].join(", ");
    let row = connection.query_one(&format!("select {nulls}"), ()).await?;
    assert!((0..1664).all(|n| row.get::<Option<&str>>(n).is_none()));
    Ok(())
}

/// A large row whose values are many: their places are noted behind it, in the same memory.
async fn a_large_row_of_1600_values_is_read<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let columns = vec!["repeat('x', 5000)"; 1600].join(", ");
    let row = connection.query_one(&format!("select {columns}"), ()).await?;
    assert_eq!(row.len(), 1600);
    assert!((0..1600).all(|n| row.get::<&str>(n).len() == 5000));
    Ok(())
}

async fn as_many_parameters_of_a_byte_as_there_can_be_are_sent<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let bytes: Vec<[u8; 1]> = (0..=u8::MAX).cycle().take(65_535).map(|byte| [byte]).collect();
    let values: Vec<&[u8]> = bytes.iter().map(<[u8; 1]>::as_slice).collect();
    let places: Vec<_> = (1..=values.len()).map(|number| format!("${number}")).collect();
    let sql = format!("select array[{}]::bytea[]", places.join(", "));
    let back = connection.query_scalar::<Vec<Vec<u8>>>(&sql, &values).await?;
    assert!(back.iter().map(Vec::as_slice).eq(values));
    Ok(())
}

on_every_runtime!(
    a_huge_value_comes_back_by_every_verb,
    huge_and_small_rows_mix,
    huge_parameters_stand_among_small_ones,
    huge_values_are_copied_in_and_out,
    a_table_of_1600_columns_is_filled_and_read,
    a_large_row_of_1600_values_is_read,
    as_many_parameters_of_a_byte_as_there_can_be_are_sent,
);
