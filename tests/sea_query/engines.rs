//! What the tests of engines share: an engine, a session with a table, and the identifiers of that table.

use std::sync::{Arc, Mutex};

use aiopg::sea_query::{Engine, EngineConnection};
use aiopg::{Config, Error, Event, PoolOptions, Runtime};
use aiopg_tests::session;
use sea_query::Iden;

/// The table that [`table`] makes: `id` and `name`, with the row (1, 'first').
#[derive(Clone, Copy, Debug)]
pub(crate) enum SaTbl {
    Table,
    Id,
    Name,
}

impl Iden for SaTbl {
    fn unquoted(&self) -> &str {
        match self {
            Self::Table => "sa_tbl",
            Self::Id => "id",
            Self::Name => "name",
        }
    }
}

/// An engine on the shared server with so many sessions at most.
pub(crate) async fn engine<R: Runtime>(rt: R, max_size: usize) -> Engine<R> {
    engine_on(rt, max_size, session::config()).await
}

/// An engine that opens its sessions when they are wanted.
pub(crate) async fn engine_on<R: Runtime>(rt: R, max_size: usize, config: Config) -> Engine<R> {
    let options = PoolOptions::default().min_size(0).max_size(max_size);
    Engine::create_on(rt, config, options).await.unwrap()
}

/// The only session of an engine, with the table and its row.
pub(crate) async fn table<R: Runtime>(rt: R) -> Result<EngineConnection<R>, Error> {
    let mut connection = engine(rt, 1).await.acquire().await?;
    let sql = "create temp table sa_tbl (id serial primary key, name varchar(255))";
    connection.execute(sql, ()).await?;
    connection.execute("insert into sa_tbl (name) values ('first')", ()).await?;
    Ok(connection)
}

/// The events that a configuration's hook was told.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<Event>>>);

impl Told {
    pub(crate) fn config(&self) -> Config {
        let told = Arc::clone(&self.0);
        session::config().on_event(move |event| told.lock().unwrap().push(event.clone()))
    }

    pub(crate) fn count(&self, which: impl Fn(&Event) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|event| which(event)).count()
    }
}
