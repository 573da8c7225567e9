//! What a configuration is completed with: the order of the sources, the defaults, the checks across key words.
//!
//! The expectations on the order of the sources were seen in the start-up messages and the passwords of libpq 18.

use std::path::PathBuf;
use std::time::Duration;

use aiopg_runtime::TcpOptions;

use crate::config::builder::{Config, UseEnvironment};
use crate::config::choice::{
    Keepalives, LoadBalanceHosts, ProtocolVersion, SslMode, SslNegotiation, SslSni, SslVersion,
    TargetSessionAttrs,
};
use crate::config::environment::{Fake, FileKind, FileStatus, Nothing};
use crate::config::host::Host;
use crate::config::require_auth::AuthMethod;
use crate::config::secret::Secret;
use crate::config::settings::{RootCertificates, Settings};

const PASSFILE: &str = "/home/os/.pgpass";
const SERVICES: &str = "/home/os/.pg_service.conf";

fn complete(text: &str, environment: &Fake) -> Settings {
    text.parse::<Config>().unwrap().complete(environment).unwrap()
}

fn refused(text: &str, environment: &Fake) -> String {
    text.parse::<Config>().unwrap().complete(environment).unwrap_err().to_string()
}

fn passwords(settings: &Settings) -> Vec<Option<&str>> {
    let endpoints = settings.endpoints.iter();
    endpoints.map(|endpoint| endpoint.password.as_ref().map(Secret::expose)).collect()
}

fn password(text: &str, environment: &Fake) -> Option<String> {
    passwords(&complete(text, environment)).first().copied().flatten().map(str::to_owned)
}

#[test]
fn nothing_but_a_user_is_needed() {
    let settings = complete("", &Fake::new());
    assert_eq!((settings.user.as_str(), settings.dbname.as_str()), ("os", "os"));
    assert_eq!(settings.endpoints[0].host, Host::Unix("/tmp".into()));
    assert_eq!((settings.endpoints[0].port, settings.endpoints[0].name.clone()), (5432, None));
    assert_eq!(settings.parameters, [("client_encoding", "UTF8".to_owned())]);
    assert_eq!((settings.connect_timeout, settings.warnings.len()), (None, 0));
    assert_eq!(settings.target_session_attrs, TargetSessionAttrs::Any);
    assert_eq!(settings.load_balance_hosts, LoadBalanceHosts::Disable);
    assert!(settings.require_auth.allows(AuthMethod::None));
    let error = Config::new().complete(&Nothing).unwrap_err().to_string();
    assert_eq!(error, "no user was given: set \"user\"");
}

#[test]
fn the_program_goes_before_the_service_and_that_before_the_variables() {
    let section = "[s]\nuser=svc\nhost=svc\nhost=two\nsslmode=bogus\napplication_name=svc\n";
    let environment = Fake::new()
        .file(SERVICES, section)
        .variable("PGUSER", "env")
        .variable("PGHOST", "env")
        .variable("PGDATABASE", "env")
        .variable("PGAPPNAME", "env");
    let settings = complete("service=s user=u sslmode=disable", &environment);
    assert_eq!((settings.user.as_str(), settings.dbname.as_str()), ("u", "env"));
    assert_eq!(settings.endpoints[0].host, Host::Tcp("svc".into()));
    assert_eq!(settings.tls.sslmode, SslMode::Disable);
    let name = ("application_name", "svc".to_owned());
    assert_eq!(settings.parameters[1], name);
    let settings = complete("sslmode=disable", &environment.clone().variable("PGSERVICE", "s"));
    assert_eq!(settings.user, "svc");
    assert_eq!(complete("", &environment).user, "env");
}

#[test]
fn an_empty_value_keeps_the_variable_away_and_means_the_default() {
    let environment = Fake::new()
        .variable("PGDATABASE", "env")
        .variable("PGHOST", "env")
        .variable("PGPASSWORD", "env")
        .variable("PGUSER", "");
    let settings = complete("dbname='' host='' password=''", &environment);
    assert_eq!((settings.user.as_str(), settings.dbname.as_str()), ("os", "os"));
    assert_eq!(settings.endpoints[0].host, Host::Unix("/tmp".into()));
    assert_eq!(passwords(&settings), [None]);
    assert_eq!(
        complete("fallback_application_name=f application_name=''", &environment).parameters.len(),
        1
    );
    let parameters = complete("fallback_application_name=f", &environment).parameters;
    assert_eq!(parameters[1], ("application_name", "f".to_owned()));
}

#[test]
fn variables_become_parameters_of_the_session() {
    let environment = Fake::new()
        .variable("PGTZ", "Europe/Rome")
        .variable("PGDATESTYLE", "")
        .variable("PGGEQO", "Default")
        .variable("PGOPTIONS", "-c x=y");
    let expected = [
        ("client_encoding", "UTF8"),
        ("options", "-c x=y"),
        ("datestyle", ""),
        ("timezone", "Europe/Rome"),
    ];
    let parameters = complete("", &environment).parameters;
    assert_eq!(parameters, expected.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn mistakes_outside_of_the_program_are_told_with_their_place() {
    let environment = Fake::new().variable("PGSSLMODE", "bogus");
    assert!(refused("", &environment).starts_with("variable \"PGSSLMODE\": invalid sslmode"));
    assert_eq!(complete("sslmode=disable", &environment).tls.sslmode, SslMode::Disable);
    let environment = Fake::new().file(SERVICES, "[s]\n\nport=0");
    let place = "service file \"/home/os/.pg_service.conf\", line 3: invalid port \"0\"";
    assert!(refused("service=s", &environment).starts_with(place));
    assert!(refused("host=a", &Fake::new().variable("PGPORT", "1,2")).contains("2 ports"));
}

#[test]
fn another_encoding_is_refused_in_the_program_and_not_followed_outside() {
    assert!("client_encoding=latin1".parse::<Config>().is_err());
    let settings = complete("", &Fake::new().variable("PGCLIENTENCODING", "latin1"));
    assert_eq!(settings.parameters, [("client_encoding", "UTF8".to_owned())]);
    assert!(settings.warnings[0].starts_with("variable \"PGCLIENTENCODING\" is not followed"));
}

#[test]
fn setters_are_checked_when_it_is_complete() {
    let refused = |config: Config| config.complete(&Fake::new()).unwrap_err().to_string();
    assert!(refused(Config::new().user("a\0b")).contains("NUL byte"));
    assert!(refused(Config::new().client_encoding("latin1")).contains("texts are UTF-8"));
    assert!(refused(Config::new().hostaddr("name")).contains("an IP address is expected"));
}

#[test]
fn without_the_environment_only_named_files_are_read() {
    let environment = Fake::new()
        .variable("PGHOST", "env")
        .variable("PGTZ", "env")
        .variable("PGSERVICE", "env")
        .variable("PGREQUIRESSL", "1")
        .file(PASSFILE, "*:*:*:*:home")
        .file("/pw", "*:*:*:*:named")
        .file("/home/os/.postgresql/root.crt", "");
    let config = Config::new().user("u").environment(UseEnvironment::No);
    let settings = config.complete(&environment).unwrap();
    assert_eq!(settings.endpoints[0].host, Host::Tcp("localhost".into()));
    assert_eq!((settings.parameters.len(), settings.tls.sslmode), (1, SslMode::Prefer));
    assert_eq!(settings.tls.sslrootcert, RootCertificates::Missing(None));
    assert_eq!(passwords(&settings), [None]);
    let settings = config.passfile("/pw").complete(&environment).unwrap();
    assert_eq!(passwords(&settings), [Some("named")]);
    let nobody = Config::new().environment(UseEnvironment::No);
    assert!(nobody.complete(&environment).is_err());
}

#[test]
fn every_host_has_its_own_password() {
    let content = "a:1:d:u:one\nb:*:d:u:two\nlocalhost:*:*:*:local\n::1:*:*:*:address\n";
    let environment = Fake::new().file(PASSFILE, content);
    let settings = complete("host=a,b,c,,/tmp,@x port=1 user=u dbname=d", &environment);
    let local = Some("local");
    assert_eq!(passwords(&settings), [Some("one"), Some("two"), None, local, local, None]);
    let settings = complete("host=b, hostaddr=::1,::1 user=u dbname=d", &environment);
    assert_eq!(passwords(&settings), [Some("two"), Some("address")]);
    assert_eq!(settings.endpoints[0].host, Host::Tcp("::1".into()));
    assert_eq!(settings.endpoints[0].name.as_deref(), Some("b"));
}

#[test]
fn passwords_have_their_order_too() {
    let environment = Fake::new()
        .file(PASSFILE, "*:*:*:*:home")
        .file("/env", "*:*:*:*:env")
        .file("/named", "*:*:*:*:named");
    assert_eq!(password("passfile=''", &environment).as_deref(), Some("home"));
    let environment = environment.variable("PGPASSFILE", "/env");
    assert_eq!(password("", &environment).as_deref(), Some("env"));
    assert_eq!(password("passfile=/named", &environment).as_deref(), Some("named"));
    assert_eq!(password("passfile=/nowhere", &environment), None);
    let environment = environment.variable("PGPASSWORD", "variable");
    assert_eq!(password("passfile=/named", &environment).as_deref(), Some("variable"));
    assert_eq!(password("password=given", &environment).as_deref(), Some("given"));
    let status = FileStatus { kind: FileKind::Regular, mode: Some(0o644) };
    let open = Fake::new().special(PASSFILE, status, "*:*:*:*:x");
    let settings = complete("", &open);
    assert_eq!((passwords(&settings), settings.warnings.len()), (vec![None], 1));
    assert!(complete("password=given", &open).warnings.is_empty());
}

#[test]
fn tls_settings_that_contradict_each_other_are_refused() {
    let nothing = Fake::new();
    for text in [
        "sslnegotiation=direct",
        "sslnegotiation=direct sslmode=prefer",
        "sslrootcert=system sslmode=verify-ca",
        "ssl_max_protocol_version=TLSv1.1",
        "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=tlsv1.2",
        "ssl_min_protocol_version='' ssl_max_protocol_version=TLSv1",
        "min_protocol_version=3.2 max_protocol_version=3.0",
    ] {
        refused(text, &nothing);
    }
    let tls = complete("sslnegotiation=direct sslmode=require", &nothing).tls;
    assert_eq!(tls.sslnegotiation, SslNegotiation::Direct);
    let tls = complete("sslrootcert=system", &nothing).tls;
    assert_eq!((tls.sslmode, tls.sslrootcert), (SslMode::VerifyFull, RootCertificates::System));
    refused("", &nothing.variable("PGSSLROOTCERT", "system").variable("PGREQUIRESSL", "1"));
}

#[test]
fn files_of_certificates_are_found_where_libpq_looks() {
    let own = |name: &str| format!("/home/os/.postgresql/{name}");
    let path = |name: &str| Some(PathBuf::from(own(name)));
    let tls = complete("", &Fake::new()).tls;
    assert_eq!(tls.sslrootcert, RootCertificates::Missing(path("root.crt")));
    assert_eq!((tls.sslcert, tls.sslcrl), (None, None));
    let environment = Fake::new()
        .file(&own("root.crt"), "")
        .file(&own("postgresql.crt"), "")
        .file(&own("root.crl"), "");
    let tls = complete("", &environment).tls;
    assert_eq!(tls.sslrootcert, RootCertificates::File(path("root.crt").unwrap()));
    assert_eq!((tls.sslcert, tls.sslkey), (path("postgresql.crt"), path("postgresql.key")));
    assert_eq!((tls.sslcrl, tls.sslcrldir), (path("root.crl"), None));
    let given = "sslrootcert=/r sslcert=/c sslkey=/k sslcrldir=/d sslsni=0 sslpassword=p";
    let tls = complete(given, &environment).tls;
    assert_eq!(tls.sslrootcert, RootCertificates::File("/r".into()));
    assert_eq!((tls.sslcert, tls.sslkey), (Some("/c".into()), Some("/k".into())));
    assert_eq!((tls.sslcrl, tls.sslcrldir), (None, Some("/d".into())));
    assert_eq!((tls.sslsni, tls.sslpassword.unwrap().expose()), (SslSni::Omit, "p"));
}

#[test]
fn old_variables_ask_for_tls_unless_the_new_one_is_set() {
    let old = Fake::new().variable("PGREQUIRESSL", "1");
    assert_eq!(complete("", &old).tls.sslmode, SslMode::Require);
    assert_eq!(complete("sslmode=allow", &old).tls.sslmode, SslMode::Allow);
    let both = old.variable("PGSSLMODE", "disable");
    assert_eq!(complete("", &both).tls.sslmode, SslMode::Disable);
    let zero = Fake::new().variable("PGREQUIRESSL", "0");
    assert_eq!(complete("", &zero).tls.sslmode, SslMode::Prefer);
}

#[test]
fn versions_have_defaults_that_depend_on_each_other() {
    let versions = |text: &str| {
        let settings = complete(text, &Fake::new());
        (settings.min_protocol_version, settings.max_protocol_version)
    };
    let (old, new) = (ProtocolVersion::V3_0, ProtocolVersion::V3_2);
    assert_eq!(versions(""), (old, old));
    assert_eq!(versions("max_protocol_version=latest"), (old, new));
    assert_eq!(versions("min_protocol_version=3.2"), (new, new));
    let tls = complete("ssl_min_protocol_version=TLSv1", &Fake::new()).tls;
    assert_eq!(tls.ssl_min_protocol_version, SslVersion::Tls1_0);
    let tls = complete("", &Fake::new()).tls;
    assert_eq!(tls.ssl_min_protocol_version, SslVersion::Tls1_2);
    assert_eq!(tls.ssl_max_protocol_version, None);
}

#[test]
fn tcp_options_are_changed_one_by_one() {
    let tcp = |config: Config| config.complete(&Fake::new()).unwrap().tcp;
    let keepalive = tcp(Config::new()).keepalive.unwrap();
    assert_eq!((keepalive.idle, keepalive.interval, keepalive.count), (None, None, None));
    assert_eq!(tcp(Config::new().keepalives(Keepalives::Off)).keepalive, None);
    assert_eq!(tcp(Config::new().tcp_options(TcpOptions::default())).keepalive, None);
    let config = Config::new()
        .tcp_options(TcpOptions::default())
        .keepalives(Keepalives::On)
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_millis(1))
        .keepalives_count(0)
        .tcp_user_timeout(Duration::from_micros(1500));
    let options = tcp(config);
    let keepalive = options.keepalive.unwrap();
    let second = Duration::from_secs;
    assert_eq!((keepalive.idle, keepalive.interval), (Some(second(30)), Some(second(1))));
    assert_eq!((keepalive.count, options.user_timeout), (None, Some(Duration::from_millis(2))));
    let options = tcp("keepalives_idle=-1 tcp_user_timeout=-5".parse().unwrap());
    assert_eq!((options.keepalive.unwrap().idle, options.user_timeout), (None, None));
}

#[test]
fn connect_timeout_is_exact_in_code_and_never_at_zero() {
    let timeout = |config: Config| config.complete(&Fake::new()).unwrap().connect_timeout;
    let tenth = Duration::from_millis(100);
    assert_eq!(timeout(Config::new().connect_timeout(tenth)), Some(tenth));
    assert_eq!(timeout(Config::new().connect_timeout(Duration::ZERO)), None);
    assert_eq!(timeout("connect_timeout=-3".parse().unwrap()), None);
    assert_eq!(timeout("connect_timeout=' 7 '".parse().unwrap()), Some(Duration::from_secs(7)));
    let environment = Fake::new().variable("PGCONNECT_TIMEOUT", "9");
    assert_eq!(complete("", &environment).connect_timeout, Some(Duration::from_secs(9)));
    assert_eq!(complete("connect_timeout=0", &environment).connect_timeout, None);
}
