//! Migrations that are applied: on every kind of client, with every kind of text, and what the history says of them.

use std::future::Future;

use aiopg::{Client, PoolOptions, Runtime};
use aiopg_refinery::refinery_core::Migration;
use aiopg_refinery::{Migrations, Report, RunOn, Runner};
use aiopg_tests::counting::Counting;
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

use crate::scene::{TABLES, applied, history, names, runner, tables};

mod embedded {
    refinery::embed_migrations!("migrations");
}

async fn embedded_files_are_applied_once<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let runner = embedded::migrations::runner();
    let report = runner.run_on(&mut connection).await.unwrap();
    assert_eq!(applied(&report), ["V1__cities", "V2__population"]);
    connection.execute("insert into city values (1, 'Wien', 2000000)", ()).await.unwrap();
    let report = runner.run_on(&mut connection).await.unwrap();
    assert!(applied(&report).is_empty(), "{report:?}");
    assert_eq!(history(&mut connection).await, ["V1__cities", "V2__population"]);
}

async fn any_client_will_do<R: Runtime>(rt: R) {
    async fn through(client: &mut impl Client, count: usize) -> Report {
        runner(&TABLES[..count]).run_on(client).await.unwrap()
    }

    let (mut connection, config) = session::open_in_schema(rt.clone()).await;
    assert_eq!(applied(&through(&mut connection, 1).await), ["V1__one"]);
    let pool = PoolOptions::default().connect_on(rt, config).await.unwrap();
    let mut lent = pool.get().await.unwrap();
    assert_eq!(applied(&through(&mut lent, 2).await), ["V2__two"]);
    let mut borrowed = &mut *lent;
    assert_eq!(applied(&through(&mut borrowed, 3).await), ["V3__three"]);
    drop(lent);
    pool.shutdown(None).await.unwrap();
    assert_eq!(tables(&mut connection).await, "one three two");
}

async fn refinery_itself_takes_a_session<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let mut migrations = Migrations::new(&mut connection);
    let report = runner(TABLES).run_async(&mut migrations).await.unwrap();
    assert_eq!(applied(&report), ["V1__one", "V2__two", "V3__three"]);
    let last = runner(TABLES).get_last_applied_migration_async(&mut migrations).await.unwrap();
    assert_eq!(last.unwrap().to_string(), "V3__three");
    let all = runner(TABLES).get_applied_migrations_async(&mut migrations).await.unwrap();
    assert_eq!(names(&all), ["V1__one", "V2__two", "V3__three"]);
}

/// Everything that might be taken for the end of a statement.
const TRICKY: &str = r#"
-- A comment; with 'a quote
/* and one /* in; it */ ' */
create table tricky (text text);
insert into tricky values ('semi;colon'), (E'it\'s; so'), ('two
lines;'), ($$dollars; '$$), ($tag$ $$;$$ $tag$);
create table "semi;colon" (n int);
create function double(n int) returns int language plpgsql as $body$
begin
    -- '
    return n * 2;
end;
$body$;
do $$ begin perform double(2); end $$;
insert into tricky select 'a' || double(21);
;; insert into tricky values ('{}'), ('%s $1 :name ?')
-- the end, without a semicolon"#;

async fn a_migration_is_any_text_that_the_server_takes<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let list = [("V1__tricky", TRICKY), ("V2__empty", ""), ("V3__comment", "-- nothing;")];
    let report = runner(&list).run_on(&mut connection).await.unwrap();
    assert_eq!(applied(&report), ["V1__tricky", "V2__empty", "V3__comment"]);
    let texts: Vec<(String,)> = connection.query_as("select text from tricky", ()).await.unwrap();
    let texts: Vec<_> = texts.iter().map(|(text,)| text.as_str()).collect();
    let expected = [
        "semi;colon",
        "it's; so",
        "two\nlines;",
        "dollars; '",
        " $$;$$ ",
        "a42",
        "{}",
        "%s $1 :name ?",
    ];
    assert_eq!(texts, expected);
    assert_eq!(tables(&mut connection).await, "semi;colon tricky");
}

async fn the_time_of_a_migration_is_read_as_it_was_written<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let runner = runner(TABLES);
    let report = runner.run_on(&mut connection).await.unwrap();
    let read = runner.get_applied_migrations_async(&mut Migrations::new(&mut connection)).await;
    for (written, read) in report.applied_migrations().iter().zip(&read.unwrap()) {
        assert_eq!(written.applied_on().unwrap(), read.applied_on().unwrap());
        assert_eq!(written.checksum(), read.checksum());
        assert_eq!(written, read);
    }
    // The server reads the same text, and its clock is that of this machine.
    let recent = "select bool_and(abs(extract(epoch from now() - applied_on::timestamptz)) < 600) \
                  from refinery_schema_history";
    assert_eq!(ask(&mut connection, recent).await, "t");

    let sql = "update refinery_schema_history set checksum = '18446744073709551615', \
               applied_on = '2024-02-29T23:59:59.123456789+05:30' where version = 3";
    connection.batch_execute(sql).await.unwrap();
    let last = runner.get_last_applied_migration_async(&mut Migrations::new(&mut connection)).await;
    let last = last.unwrap().unwrap();
    let at = last.applied_on().unwrap();
    assert_eq!(at.unix_timestamp_nanos(), 1_709_231_399_123_456_789);
    assert_eq!(last.checksum(), u64::MAX);
}

async fn nothing_was_applied_to_an_empty_history<R: Runtime>(rt: R) {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let runner = Runner::new(&[]);
    let report = runner.run_on(&mut connection).await.unwrap();
    assert!(applied(&report).is_empty());
    let mut migrations = Migrations::new(&mut connection);
    let last = runner.get_last_applied_migration_async(&mut migrations).await.unwrap();
    assert!(last.is_none(), "{last:?}");
    assert!(history(&mut connection).await.is_empty());
}

async fn round_trips_are_as_few_as_described<R: Runtime>(rt: R) {
    let (_, config) = session::open_in_schema(rt.clone()).await;
    let counting = Counting::new(rt);
    let mut connection = session::open_with(counting.clone(), &config).await;
    for (count, grouped, trips) in [(0, false, 4), (1, false, 10), (3, false, 16), (3, true, 4)] {
        let before = counting.counts();
        let runner = runner(&TABLES[..count]).set_grouped(grouped);
        let report = runner.run_on(&mut connection).await.unwrap();
        assert_eq!((counting.counts() - before).writes, trips, "{report:?}");
    }
}

/// What tasks and other threads are given has to be `Send`.
async fn a_run_can_be_a_task<R: Runtime>(rt: R) {
    fn sent<T>(future: impl Future<Output = T> + Send) -> impl Future<Output = T> + Send {
        future
    }

    let (mut connection, _) = session::open_in_schema(rt).await;
    let report = sent(runner(TABLES).run_on(&mut connection)).await.unwrap();
    assert_eq!(report.applied_migrations().len(), 3);
    let versions: Vec<_> = report.applied_migrations().iter().map(Migration::version).collect();
    assert_eq!(versions, [1, 2, 3]);
    let runner = runner(TABLES);
    let mut migrations = Migrations::new(&mut connection);
    assert!(sent(runner.run_async(&mut migrations)).await.is_ok());
    assert!(sent(runner.get_last_applied_migration_async(&mut migrations)).await.is_ok());
}

on_every_runtime!(
    embedded_files_are_applied_once,
    any_client_will_do,
    refinery_itself_takes_a_session,
    a_migration_is_any_text_that_the_server_takes,
    the_time_of_a_migration_is_read_as_it_was_written,
    nothing_was_applied_to_an_empty_history,
    round_trips_are_as_few_as_described,
    a_run_can_be_a_task,
);
