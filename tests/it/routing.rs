//! Which of several servers is chosen: primary or standby, before and after a fail-over, and by which address.

use std::time::Duration;

use aiopg::TargetSessionAttrs::{self, Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
use aiopg::{Config, Connection, Error, Keepalives, Kind, Runtime};
use aiopg_tests::counting::Counting;
use aiopg_tests::relay::{Plan, Relay};
use aiopg_tests::session::{self, address_of, ask, open_with};
use aiopg_tests::standby::{Cluster, config_of_all};
use aiopg_tests::{Options, Server, on_every_runtime};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::Socket;

/// What is asked of the servers, and whether the primary and whether the standby will do.
const WANTED: [(TargetSessionAttrs, bool, bool); 6] = [
    (Any, true, true),
    (ReadWrite, true, false),
    (Primary, true, false),
    (ReadOnly, false, true),
    (Standby, false, true),
    (PreferStandby, false, true),
];

fn clusters() -> [&'static Cluster; 2] {
    [Cluster::shared(), Cluster::shared_oldest()]
}

async fn port<R: Runtime>(connection: &mut Connection<R>) -> String {
    ask(connection, "select current_setting('port')").await
}

async fn the_first_server_of_the_right_kind_is_chosen_in_whatever_order<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    for cluster in clusters() {
        let servers = [(cluster.primary(), false), (cluster.standby(), true)];
        for order in [[servers[0], servers[1]], [servers[1], servers[0]]] {
            let config = config_of_all(&order.map(|(server, _)| server));
            for (attrs, on_primary, on_standby) in WANTED {
                let fits = |standby: bool| if standby { on_standby } else { on_primary };
                let (chosen, _) = order.into_iter().find(|(_, standby)| fits(*standby)).unwrap();
                let counting = Counting::new(rt.clone());
                let config = config.clone().target_session_attrs(attrs);
                let mut connection = Connection::connect_on(counting.clone(), config).await?;
                let counts = counting.counts();
                let passed_over = u64::from(!fits(order[0].1));
                // Before version 14 the server does not report what it is.
                let asked = u64::from(attrs != Any && cluster.version() < 14);
                let writes = (passed_over + 1) * (1 + asked) + passed_over;
                assert_eq!(counts.writes, writes, "{attrs} on {}", cluster.version());
                assert_eq!(counts.connects, passed_over + 1, "{attrs}");
                assert_eq!(port(&mut connection).await, chosen.port().to_string(), "{attrs}");
            }
        }
    }
    Ok(())
}

async fn a_primary_that_is_read_only_by_default_counts_as_read_only<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    for cluster in clusters() {
        let options = Options::default()
            .major(cluster.version())
            .setting("default_transaction_read_only", "on");
        let server = Server::start(&options).unwrap();
        let config = config_of_all(&[&server, cluster.primary()]);
        for (attrs, expected) in
            [(ReadOnly, &server), (Primary, &server), (ReadWrite, cluster.primary())]
        {
            let config = config.clone().target_session_attrs(attrs);
            let mut connection = open_with(rt.clone(), &config).await;
            assert_eq!(port(&mut connection).await, expected.port().to_string(), "{attrs}");
        }
        // What the session itself sets counts as well.
        let config = config.options("-c default_transaction_read_only=off");
        let config = config.target_session_attrs(ReadWrite);
        let mut connection = Connection::connect_on(rt.clone(), config).await?;
        assert_eq!(port(&mut connection).await, server.port().to_string());
    }
    Ok(())
}

async fn when_no_server_fits_every_one_is_named_with_its_reason<R: Runtime>(rt: R) {
    for cluster in clusters() {
        let (primary, standby) = (cluster.primary(), cluster.standby());
        for (attrs, server, reason) in [
            (ReadWrite, standby, "the session is read-only"),
            (ReadOnly, primary, "the session is not read-only"),
            (Primary, standby, "the server is in hot standby mode"),
            (Standby, primary, "the server is not in hot standby mode"),
        ] {
            let config = config_of_all(&[server, server]).target_session_attrs(attrs);
            let error = Connection::connect_on(rt.clone(), config).await.unwrap_err();
            assert_eq!(error.kind(), Kind::TargetSessionAttrs, "{error}");
            assert_eq!(error.attempts().len(), 2, "{error}");
            for attempt in error.attempts() {
                assert!(attempt.host().contains(&address_of(server).to_string()), "{error}");
                assert_eq!(attempt.error().kind(), Kind::TargetSessionAttrs);
                assert_eq!(attempt.error().to_string(), reason);
            }
            assert!(error.is_retryable(), "nothing was done");
        }
    }
}

async fn a_refusal_and_a_server_of_the_wrong_kind_are_told_apart<R: Runtime>(rt: R) {
    let cluster = Cluster::shared();
    let closed = closed(cluster.primary());
    let port = closed.address().port();
    let text = format!(
        "host={host},{host} port={port},{} user=postgres target_session_attrs=primary",
        cluster.standby().port(),
        host = cluster.standby().host(),
    );
    let error = Connection::connect_on(rt, text).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Io, "they have no kind in common: {error}");
    let kinds: Vec<_> = error.attempts().iter().map(|attempt| attempt.error().kind()).collect();
    assert_eq!(kinds, [Kind::Io, Kind::TargetSessionAttrs]);
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(error.to_string().contains("hot standby"), "{error}");
}

async fn prefer_standby_falls_back_to_the_primary<R: Runtime>(rt: R) -> Result<(), Error> {
    for cluster in clusters() {
        let primary = cluster.primary();
        let closed = closed(cluster.standby());
        let text = format!(
            "host={host},{host} port={},{} user=postgres target_session_attrs=prefer-standby",
            closed.address().port(),
            primary.port(),
            host = primary.host(),
        );
        let mut connection = Connection::connect_on(rt.clone(), text).await?;
        assert_eq!(port(&mut connection).await, primary.port().to_string());
    }
    Ok(())
}

async fn after_a_promotion_the_same_configuration_finds_the_new_primary<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let cluster = Cluster::start(None).unwrap();
    let config = config_of_all(&[cluster.primary(), cluster.standby()]);
    let writing = config.clone().target_session_attrs(ReadWrite);
    let reading = config.target_session_attrs(PreferStandby);

    let mut writer = open_with(rt.clone(), &writing).await;
    let mut reader = open_with(rt.clone(), &reading).await;
    let (old, new) = (cluster.primary().port().to_string(), cluster.standby().port().to_string());
    assert_eq!((port(&mut writer).await, port(&mut reader).await), (old, new.clone()));
    cluster.wait_until_streaming(rt.clone()).await;

    cluster.primary().kill();
    let lost = writer.execute("create table lost ()", ()).await.unwrap_err();
    assert!(matches!(lost.kind(), Kind::Io | Kind::Server), "{lost}");
    let error = Connection::connect_on(rt.clone(), &writing).await.unwrap_err();
    assert_eq!(error.attempts().len(), 2, "no primary is left: {error}");

    cluster.promote(rt.clone()).await;
    let mut writer = open_with(rt.clone(), &writing).await;
    assert_eq!(port(&mut writer).await, new);
    writer.batch_execute("create table written ()").await?;
    assert_eq!(port(&mut open_with(rt, &reading).await).await, new, "it is all there is");
    // The session that stood on the standby goes on.
    assert_eq!(ask(&mut reader, "select count(*) from written").await, "0");
    Ok(())
}

async fn an_address_stands_in_for_a_name_that_nobody_knows<R: Runtime>(rt: R) -> Result<(), Error> {
    let server = Server::shared();
    let closed = closed(server);
    let text = format!(
        "host=one.invalid,two.invalid hostaddr={host},{host} port={},{} user=postgres dbname={}",
        closed.address().port(),
        server.port(),
        server.dbname(),
        host = server.host(),
    );
    let mut connection = Connection::connect_on(rt.clone(), text).await?;
    assert_eq!(ask(&mut connection, "select 1").await, "1");

    let text =
        format!("hostaddr={host},{host} port={}", closed.address().port(), host = server.host());
    let error = Connection::connect_on(rt, text).await.unwrap_err();
    assert_eq!(error.attempts().len(), 2, "one port for both: {error}");
    Ok(())
}

async fn hosts_may_be_directories_and_addresses<R: Runtime>(rt: R) -> Result<(), Error> {
    let server = Server::shared();
    let Some(directory) = server.socket_dir() else { return Ok(()) };
    let text = format!(
        "host=/there/is/none,{},{} port={} user=postgres dbname={}",
        server.host(),
        directory.display(),
        server.port(),
        server.dbname()
    );
    let mut connection = Connection::connect_on(rt.clone(), text.clone()).await?;
    assert_eq!(ask(&mut connection, "select inet_server_addr() is not null").await, "t");
    let text = text.replacen(&format!("{},", server.host()), "", 1);
    let mut connection = Connection::connect_on(rt, text).await?;
    assert_eq!(ask(&mut connection, "select inet_server_addr() is null").await, "t");
    Ok(())
}

async fn a_server_that_refuses_the_session_is_asked_once_and_no_other<R: Runtime>(rt: R) {
    let server = Server::shared();
    let host = server.host();
    let places = format!("host={host},{host} port={}", server.port());
    for (rest, code) in [
        ("user=scramuser password=wrong", "28P01"),
        ("user=rejectuser", "28000"),
        ("user=postgres dbname=there_is_none", "3D000"),
    ] {
        let counting = Counting::new(rt.clone());
        let text = format!("{places} sslmode=disable dbname={} {rest}", server.dbname());
        let error = Connection::connect_on(counting.clone(), text).await.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().code(), code, "{error}");
        assert_eq!(counting.counts().connects, 1, "{code}");
    }
}

async fn the_settings_of_the_socket_arrive_on_it<R: Runtime>(rt: R) -> Result<(), Error> {
    // They are those of TCP.
    let config = session::config().host(Server::shared().host());
    let set = config
        .clone()
        .keepalives_idle(Duration::from_secs(31))
        .keepalives_interval(Duration::from_secs(7))
        .keepalives_count(4)
        .tcp_user_timeout(Duration::from_millis(12_345));
    let socket = socket_of(&mut open_with(rt.clone(), &set).await).await;
    assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(31));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(7));
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_millis(12_345)));

    let socket = socket_of(&mut open_with(rt.clone(), &config).await).await;
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap(), "as in libpq");
    assert_eq!(socket.tcp_user_timeout().unwrap(), None);

    let off = config.keepalives(Keepalives::Off).keepalives_idle(Duration::from_secs(31));
    let socket = socket_of(&mut open_with(rt.clone(), &off).await).await;
    assert!(!socket.keepalive().unwrap());

    // In a connection string: seconds, and milliseconds for the last.
    let text = format!("{} keepalives_idle=9 tcp_user_timeout=1500", places(Server::shared()));
    let written: Config = text.parse()?;
    let socket = socket_of(&mut open_with(rt, &written).await).await;
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(9));
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_millis(1500)));
    Ok(())
}

/// What a run over the Unix-domain socket is worth depends on it.
async fn sessions_of_tests_take_the_transport_that_was_chosen<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let over_unix = std::env::var("AIOPG_TEST_TRANSPORT").is_ok_and(|chosen| chosen == "unix");
    let mut session = open_with(rt, &session::config()).await;
    let no_address = session.query_scalar::<bool>("select inet_client_addr() is null", ()).await?;
    // Somebody else's server is reached as its URL says.
    assert!(no_address == over_unix || Server::shared().socket_dir().is_none());
    Ok(())
}

fn places(server: &Server) -> String {
    let (host, port, dbname) = (server.host(), server.port(), server.dbname());
    format!("host={host} port={port} user=postgres dbname={dbname}")
}

/// Where nobody listens: a relay that refuses.
fn closed(server: &Server) -> Relay {
    let (relay, _) = session::relayed(server, Plan::default());
    relay.refuse();
    relay
}

/// The client's socket, found among those of this process by its port.
async fn socket_of<R: Runtime>(connection: &mut Connection<R>) -> Socket {
    let port: u16 = ask(connection, "select inet_client_port()").await.parse().unwrap();
    let process = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let names = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = names.filter_map(|name| name.ok()?.file_name().to_str()?.parse().ok());
    let sockets = numbers.filter_map(|number| {
        let socket = pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok()?;
        let socket = Socket::from(socket);
        let local = socket.local_addr().ok()?.as_socket()?;
        let peer = socket.peer_addr().ok()?.as_socket()?;
        (local.port() == port && peer == address_of(Server::shared())).then_some(socket)
    });
    sockets.last().unwrap()
}

on_every_runtime!(
    the_first_server_of_the_right_kind_is_chosen_in_whatever_order,
    a_primary_that_is_read_only_by_default_counts_as_read_only,
    when_no_server_fits_every_one_is_named_with_its_reason,
    a_refusal_and_a_server_of_the_wrong_kind_are_told_apart,
    prefer_standby_falls_back_to_the_primary,
    after_a_promotion_the_same_configuration_finds_the_new_primary,
    an_address_stands_in_for_a_name_that_nobody_knows,
    hosts_may_be_directories_and_addresses,
    a_server_that_refuses_the_session_is_asked_once_and_no_other,
    sessions_of_tests_take_the_transport_that_was_chosen,
    the_settings_of_the_socket_arrive_on_it,
);
