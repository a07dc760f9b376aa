//! TLS: the handshake, callers' certificates, certificates that are replaced, and connections that
//! never begin.

use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::{CallerScope, Signer};
use behest::http::{
    Caller, CallerCredential, CertificateName, HttpLimits, KeyHash, Listener, Permission, Server,
    Settings, Tls, TlsFiles,
};
use behest::record::Recorder;
use behest::stores::{Stores, open_memory};
use behest::telemetry::Metrics;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::service::NOW_MS;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM form.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::until(4096)
    }

    /// An authority whose certificate ends when this year begins.
    fn until(year: i32) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self, names: Vec<SanType>) -> Issued {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Issued {
            certificate,
            key: key.serialize_pem(),
        }
    }

    pub(crate) fn for_server(&self) -> Issued {
        self.issue(vec![SanType::DnsName("localhost".try_into().unwrap())])
    }

    pub(crate) fn for_client(&self, uri: &str) -> Issued {
        self.issue(vec![SanType::URI(uri.try_into().unwrap())])
    }
}

/// A service behind TLS, that ends with the process.
pub(crate) struct Running {
    at: SocketAddr,
    pub(crate) tls: Arc<Tls>,
    clock: Arc<FixedClock>,
    pub(crate) stores: Arc<Stores>,
    pub(crate) folder: tempfile::TempDir,
}

impl Running {
    pub(crate) fn start(
        own: &Issued,
        clients: &Authority,
        callers: Vec<Caller>,
        limits: HttpLimits,
    ) -> Self {
        let settings = Settings {
            callers,
            limits,
            ..Settings::default()
        };
        Self::with(own, clients, settings)
    }

    /// A service with these settings.
    pub(crate) fn with(own: &Issued, clients: &Authority, settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        put(folder.path(), own);
        std::fs::write(path("clients.pem"), clients.0.pem()).unwrap();
        let files = TlsFiles {
            certificate: path("own.pem"),
            key: path("own.key"),
            client_authorities: Some(path("clients.pem")),
        };
        let tls = Tls::open(files).unwrap();
        let settings = Settings {
            tls: Some(Arc::clone(&tls)),
            workers: Some(1),
            ..settings
        };
        let clock = Arc::new(FixedClock::at(NOW_MS));
        let metrics = Arc::new(Metrics::default());
        let stores = Arc::new(Stores::open(open_memory().unwrap(), clock.clone()).unwrap());
        let engine = Engine::new(clock.clone(), metrics.clone(), Recorder::default())
            .with_stores(stores.clone());
        let engine = Arc::new(engine);
        let server = Server::new(
            settings,
            engine,
            metrics,
            clock.clone(),
            &Signer::in_memory().unwrap(),
        )
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            server.run(vec![Listener::Tcp(listener)], std::future::pending())
        });
        Self {
            at,
            tls,
            clock,
            stores,
            folder,
        }
    }

    /// Trusts these authorities of callers from now on.
    pub(crate) fn trust(&self, authorities: &[&Authority]) {
        let all: String = authorities
            .iter()
            .map(|authority| authority.0.pem())
            .collect();
        std::fs::write(self.folder.path().join("clients.pem"), all).unwrap();
        assert_eq!(self.tls.reload(0), Ok(()));
    }

    /// The status of an evaluation, as this client.
    pub(crate) fn status(
        &self,
        authority: &Authority,
        client: Option<&Issued>,
        key: Option<&str>,
    ) -> Result<u16, String> {
        self.status_by(&Self::agent(authority, client), key, "close")
    }

    /// A client that takes up its sessions again.
    pub(crate) fn agent(authority: &Authority, client: Option<&Issued>) -> ureq::Agent {
        let root = Certificate::from_pem(authority.0.pem().as_bytes()).unwrap();
        let client = client.map(|client| {
            let chain: Vec<_> = ureq::tls::parse_pem(client.certificate.as_bytes())
                .filter_map(|item| match item.unwrap() {
                    ureq::tls::PemItem::Certificate(certificate) => Some(certificate),
                    _ => None,
                })
                .collect();
            ClientCert::new_with_certs(&chain, PrivateKey::from_pem(client.key.as_bytes()).unwrap())
        });
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&[root]))
            .unversioned_rustls_crypto_provider(Arc::new(
                rustls::crypto::aws_lc_rs::default_provider(),
            ))
            .client_cert(client)
            .build();
        ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(10)))
            .build()
            .new_agent()
    }

    /// The status of an evaluation, over a connection that is then kept or closed.
    pub(crate) fn status_by(
        &self,
        agent: &ureq::Agent,
        key: Option<&str>,
        connection: &str,
    ) -> Result<u16, String> {
        self.status_of(agent, key, connection, ("/access/v1/evaluation", "{}"))
    }

    /// The page of metrics.
    fn metrics(&self, agent: &ureq::Agent) -> String {
        let url = format!("https://localhost:{}/metrics", self.at.port());
        let mut answer = agent.get(&url).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    }

    /// The status of the answer to this body at this path.
    pub(crate) fn status_of(
        &self,
        agent: &ureq::Agent,
        key: Option<&str>,
        connection: &str,
        (path, body): (&str, &str),
    ) -> Result<u16, String> {
        let mut request = agent.post(format!("https://localhost:{}{path}", self.at.port()));
        request = request
            .header("Content-Type", "application/json")
            .header("Connection", connection);
        if let Some(key) = key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut answer = request.send(body).map_err(|error| error.to_string())?;
        // A connection whose answer was read is used again.
        answer
            .body_mut()
            .read_to_vec()
            .map_err(|error| error.to_string())?;
        Ok(answer.status().as_u16())
    }
}

pub(crate) fn put(folder: &Path, issued: &Issued) {
    std::fs::write(folder.join("own.pem"), &issued.certificate).unwrap();
    std::fs::write(folder.join("own.key"), &issued.key).unwrap();
}

pub(crate) fn caller(name: &str, by: CallerCredential) -> Caller {
    let permissions = [Permission::Decide, Permission::Search]
        .into_iter()
        .collect();
    Caller {
        name: name.to_owned(),
        by,
        permissions,
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    }
}

/// A 400 is an answer to a caller that is known: the body is empty.
pub(crate) const KNOWN: Result<u16, String> = Ok(400);
pub(crate) const UNKNOWN: Result<u16, String> = Ok(401);

#[test]
fn a_caller_is_known_by_its_certificate_or_by_its_key() {
    let (servers, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let gateway = "spiffe://prod.example/gateway";
    let callers = vec![
        caller(
            "gateway",
            CallerCredential::Certificate(CertificateName::Uri(gateway.to_owned())),
        ),
        caller("other", CallerCredential::key(KeyHash::of(b"key"))),
    ];
    let running = Running::start(
        &servers.for_server(),
        &clients,
        callers,
        HttpLimits::default(),
    );
    let ask = |client: Option<&Issued>, key| running.status(&servers, client, key);
    assert_eq!(ask(Some(&clients.for_client(gateway)), None), KNOWN);
    assert_eq!(ask(None, Some("key")), KNOWN);
    assert_eq!(ask(Some(&clients.for_client(gateway)), Some("key")), KNOWN);
    assert_eq!(ask(None, None), UNKNOWN);
    assert_eq!(
        ask(
            Some(&clients.for_client("spiffe://prod.example/other")),
            None
        ),
        UNKNOWN
    );
    // A wrong key is wrong whatever the connection shows.
    assert_eq!(
        ask(Some(&clients.for_client(gateway)), Some("wrong")),
        UNKNOWN
    );
    // A certificate that no authority of the settings signed ends the handshake.
    assert!(ask(Some(&strangers.for_client(gateway)), None).is_err());
    assert!(running.status(&strangers, None, Some("key")).is_err());
}

#[test]
fn certificates_are_replaced_while_the_service_runs_and_never_by_bad_ones() {
    let (servers, others, clients) = (Authority::new(), Authority::new(), Authority::new());
    let callers = vec![caller("other", CallerCredential::key(KeyHash::of(b"key")))];
    let running = Running::start(
        &servers.for_server(),
        &clients,
        callers,
        HttpLimits::default(),
    );
    assert_eq!(running.status(&servers, None, Some("key")), KNOWN);
    let renewed = others.for_server();
    std::fs::write(running.folder.path().join("own.pem"), &renewed.certificate).unwrap();
    assert!(
        running
            .tls
            .reload(0)
            .unwrap_err()
            .to_string()
            .contains("is not the key of")
    );
    assert_eq!(running.status(&servers, None, Some("key")), KNOWN);
    put(running.folder.path(), &renewed);
    assert_eq!(running.tls.reload(0), Ok(()));
    assert_eq!(running.status(&others, None, Some("key")), KNOWN);
    assert!(running.status(&servers, None, Some("key")).is_err());
    std::fs::write(running.folder.path().join("own.key"), "").unwrap();
    assert!(
        running
            .tls
            .reload(0)
            .unwrap_err()
            .to_string()
            .contains("holds no private key")
    );
    assert_eq!(running.status(&others, None, Some("key")), KNOWN);
}

#[test]
fn a_session_of_before_brings_no_caller_along() {
    let (servers, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let gateway = "spiffe://prod.example/gateway";
    let callers = vec![caller(
        "gateway",
        CallerCredential::Certificate(CertificateName::Uri(gateway.to_owned())),
    )];
    let running = Running::start(
        &servers.for_server(),
        &clients,
        callers,
        HttpLimits::default(),
    );
    let agent = Running::agent(&servers, Some(&clients.for_client(gateway)));
    let ask = || running.status_by(&agent, None, "close");
    assert_eq!([ask(), ask()], [KNOWN, KNOWN]);
    // Its authority is one no more.
    std::fs::write(running.folder.path().join("clients.pem"), others.0.pem()).unwrap();
    assert_eq!(running.tls.reload(0), Ok(()));
    assert!(ask().is_err());
}

#[test]
fn a_connection_that_outlives_its_certificate_is_nobodys() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let gateway = "spiffe://prod.example/gateway";
    let callers = vec![caller(
        "gateway",
        CallerCredential::Certificate(CertificateName::Uri(gateway.to_owned())),
    )];
    let running = Running::start(
        &servers.for_server(),
        &clients,
        callers,
        HttpLimits::default(),
    );
    let agent = Running::agent(&servers, Some(&clients.for_client(gateway)));
    let ask = || running.status_by(&agent, None, "keep-alive");
    assert_eq!(ask(), KNOWN);
    // 4096-01-01, when certificates end here that say nothing else.
    let end = rcgen::date_time_ymd(4096, 1, 1).unix_timestamp() * 1_000;
    running.clock.set(end);
    assert_eq!(ask(), KNOWN);
    running.clock.set(end + 1_000);
    assert_eq!(ask(), UNKNOWN);
}

#[test]
fn the_ends_of_certificates_are_those_of_the_files_in_use() {
    let (servers, first, last) = (
        Authority::new(),
        Authority::until(2030),
        Authority::until(2040),
    );
    let own = servers.for_server();
    let running = Running::start(&own, &last, Vec::new(), HttpLimits::default());
    let year = |year| Some(rcgen::date_time_ymd(year, 1, 1).unix_timestamp());
    let ends = |server, client_authority, is_read| behest::telemetry::CertificateEnds {
        server,
        client_authority,
        is_read,
    };
    assert_eq!(running.tls.ends(), ends(year(4096), year(2040), true));
    running.trust(&[&last, &first]);
    assert_eq!(running.tls.ends(), ends(year(4096), year(2030), true));
    // The chain ends with the first of its certificates.
    let chain = format!("{}{}", own.certificate, first.0.pem());
    std::fs::write(running.folder.path().join("own.pem"), chain).unwrap();
    assert_eq!(running.tls.reload(0), Ok(()));
    assert_eq!(running.tls.ends().server, year(2030));
    std::fs::write(running.folder.path().join("own.pem"), "no certificate").unwrap();
    assert!(running.tls.reload(0).is_err());
    assert_eq!(running.tls.ends(), ends(year(2030), year(2030), false));
    let metrics = running.metrics(&Running::agent(&servers, None));
    for line in [
        "behest_tls_last_reload_successful{} 0\n",
        "behest_tls_certificate_not_after_seconds{certificate=\"server\"} 1893456000\n",
        "behest_tls_certificate_not_after_seconds{certificate=\"client_authority\"} 1893456000\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[test]
fn a_connection_is_nobodys_once_its_authority_is_one_no_more() {
    let (servers, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let gateway = "spiffe://prod.example/gateway";
    let callers = vec![caller(
        "gateway",
        CallerCredential::Certificate(CertificateName::Uri(gateway.to_owned())),
    )];
    let running = Running::start(
        &servers.for_server(),
        &clients,
        callers,
        HttpLimits::default(),
    );
    // Each keeps its connection until it is refused.
    let agents = [(); 3].map(|()| Running::agent(&servers, Some(&clients.for_client(gateway))));
    let ask = |at: usize| running.status_by(&agents[at], None, "keep-alive");
    let trust = |authorities: &[&Authority]| running.trust(authorities);
    assert_eq!(
        [ask(0), ask(1), ask(2), ask(0)],
        [KNOWN, KNOWN, KNOWN, KNOWN]
    );
    trust(&[&clients, &others]);
    assert_eq!(ask(0), KNOWN);
    trust(&[&others]);
    // A new connection would not come about: the answer is that of the one before.
    assert_eq!([ask(0), ask(1)], [UNKNOWN, UNKNOWN]);
    trust(&[&others, &clients]);
    assert_eq!([ask(2), ask(2)], [KNOWN, KNOWN]);
}

/// An authority vouches while its own certificate is good, on old and new connections.
#[test]
fn an_authority_vouches_no_longer_than_its_certificate_is_good() {
    let servers = Authority::new();
    let by_certificate = CallerCredential::Certificate(CertificateName::Uri(GATEWAY.to_owned()));
    let start = |clients: &Authority| {
        let callers = vec![caller("gateway", by_certificate.clone())];
        let limits = HttpLimits::default();
        Running::start(&servers.for_server(), clients, callers, limits)
    };
    let clients = Authority::until(2100);
    let running = start(&clients);
    let agent = Running::agent(&servers, Some(&clients.for_client(GATEWAY)));
    let end_ms = 4_102_444_800_000;
    let at = |now_ms: i64| {
        running.clock.set(now_ms);
        running.status_by(&agent, None, "keep-alive")
    };
    assert_eq!(
        [at(NOW_MS), at(end_ms + 999), at(end_ms + 1_000)],
        [KNOWN, KNOWN, UNKNOWN]
    );
    let ended = Authority::until(2001);
    let running = start(&ended);
    let agent = Running::agent(&servers, Some(&ended.for_client(GATEWAY)));
    assert!(running.status_by(&agent, None, "close").is_err());
}

/// A service with a caller by certificate and one by key, and those who sign.
fn with_both() -> (Running, Authority, Authority) {
    let (servers, clients) = (Authority::new(), Authority::new());
    let callers = vec![
        caller(
            "gateway",
            CallerCredential::Certificate(CertificateName::Uri(GATEWAY.to_owned())),
        ),
        caller("other", CallerCredential::key(KeyHash::of(b"key"))),
    ];
    (
        Running::start(
            &servers.for_server(),
            &clients,
            callers,
            HttpLimits::default(),
        ),
        servers,
        clients,
    )
}

pub(crate) const GATEWAY: &str = "spiffe://prod.example/gateway";

#[test]
fn authorities_whose_file_is_emptied_or_gone_are_withdrawn() {
    let (running, servers, clients) = with_both();
    let path = running.folder.path().join("clients.pem");
    let gateway = clients.for_client(GATEWAY);
    for text in [Some(""), Some(" \n"), Some("# none\n"), Some("\0\0"), None] {
        running.trust(&[&clients]);
        let agent = Running::agent(&servers, Some(&gateway));
        assert_eq!(running.status_by(&agent, None, "keep-alive"), KNOWN);
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let told = running.tls.reload(0).unwrap_err().to_string();
        assert!(
            told.contains("are withdrawn") && !running.tls.is_settled(),
            "{told}"
        );
        // On the connection of before, on a new one, and beside a key.
        assert_eq!(
            running.status_by(&agent, None, "keep-alive"),
            UNKNOWN,
            "{text:?}"
        );
        assert_eq!(
            running.status(&servers, Some(&gateway), None),
            UNKNOWN,
            "{text:?}"
        );
        assert_eq!(
            running.status(&servers, Some(&gateway), Some("key")),
            KNOWN,
            "{text:?}"
        );
    }
}

#[test]
fn authorities_are_replaced_whatever_is_wrong_with_the_services_own_certificate() {
    let (running, servers, clients) = with_both();
    let others = Authority::new();
    let agent = Running::agent(&servers, Some(&clients.for_client(GATEWAY)));
    assert_eq!(running.status_by(&agent, None, "keep-alive"), KNOWN);
    std::fs::write(running.folder.path().join("own.key"), "").unwrap();
    std::fs::write(running.folder.path().join("clients.pem"), others.0.pem()).unwrap();
    let told = running.tls.reload(0).unwrap_err().to_string();
    assert!(
        told.contains("holds no private key") && told.contains("of before is still used"),
        "{told}"
    );
    assert_eq!(running.status_by(&agent, None, "keep-alive"), UNKNOWN);
    assert!(
        running
            .status(&servers, Some(&clients.for_client(GATEWAY)), None)
            .is_err()
    );
    assert_eq!(
        running.status(&servers, Some(&others.for_client(GATEWAY)), None),
        KNOWN
    );
}

#[test]
fn of_a_damaged_file_the_authorities_are_those_that_can_be_read() {
    let (running, servers, clients) = with_both();
    let others = Authority::new();
    let damaged = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    let no_authority = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let large = format!("{}{}", others.0.pem(), " ".repeat(1 << 20));
    for text in [
        format!("{damaged}{}", others.0.pem()),
        format!("{}{no_authority}", others.0.pem()),
        large,
    ] {
        running.trust(&[&clients]);
        std::fs::write(running.folder.path().join("clients.pem"), &text).unwrap();
        assert!(running.tls.reload(0).is_err());
        assert!(
            running
                .status(&servers, Some(&clients.for_client(GATEWAY)), None)
                .is_err()
        );
        assert_eq!(
            running.status(&servers, Some(&others.for_client(GATEWAY)), None),
            KNOWN
        );
    }
}

#[test]
fn authorities_whose_file_cannot_be_read_end_after_an_hour() {
    const HOUR_MS: i64 = 3_600_000;
    let (running, servers, clients) = with_both();
    let ask = || running.status(&servers, Some(&clients.for_client(GATEWAY)), None);
    let path = running.folder.path().join("clients.pem");
    // What stands in its place leads nowhere: whoever asks is told of an error.
    let unread = || {
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&path, &path).unwrap();
    };
    for (at, expected) in [
        (5, KNOWN),
        (HOUR_MS, KNOWN),
        (HOUR_MS + 5, UNKNOWN),
        (3 * HOUR_MS, UNKNOWN),
    ] {
        unread();
        assert!(running.tls.reload(at).is_err());
        assert_eq!(ask(), expected, "{at}");
    }
    std::fs::remove_file(&path).unwrap();
    running.trust(&[&clients]);
    unread();
    assert!(
        running
            .tls
            .reload(4 * HOUR_MS)
            .unwrap_err()
            .to_string()
            .contains("an hour more")
    );
    assert_eq!(ask(), KNOWN);
}

#[test]
fn authorities_end_where_something_else_stands_in_their_file() {
    let (running, servers, clients) = with_both();
    let ask = || running.status(&servers, Some(&clients.for_client(GATEWAY)), None);
    let path = running.folder.path().join("clients.pem");
    for (text, at, expected) in [
        ("none any more", 0, KNOWN),
        ("none any more", 9_999, KNOWN),
        // Somebody is still writing it.
        ("none any more, I said", 10_000, KNOWN),
        ("none any more, I said", 20_000, UNKNOWN),
    ] {
        std::fs::write(&path, text).unwrap();
        let told = running.tls.reload(at).unwrap_err().to_string();
        assert_eq!(told.contains("seconds"), expected == KNOWN, "{told}");
        assert_eq!(ask(), expected, "{at}");
    }
    running.trust(&[&clients]);
    assert_eq!(ask(), KNOWN);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(
        running
            .tls
            .reload(0)
            .unwrap_err()
            .to_string()
            .contains("directory")
    );
    assert_eq!(ask(), UNKNOWN);
}

#[test]
fn whoever_waited_for_a_revision_is_looked_at_again() {
    const PATHS: [&str; 4] = [
        "/access/v1/evaluation",
        "/access/v1/evaluations",
        "/access/v1/search/subject",
        "/access/v1/search/resource",
    ];
    let (servers, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let gateway = "spiffe://prod.example/gateway";
    let callers = vec![caller(
        "gateway",
        CallerCredential::Certificate(CertificateName::Uri(gateway.to_owned())),
    )];
    let running = Running::start(
        &servers.for_server(),
        &clients,
        callers,
        HttpLimits::default(),
    );
    for (stays, expected) in [(true, KNOWN), (false, UNKNOWN)] {
        let ahead = running.stores.published().borrow().0 + 1;
        let body = format!(r#"{{"options":{{"at_least":{ahead}}}}}"#);
        std::thread::scope(|scope| {
            let asked = PATHS.map(|path| {
                let agent = Running::agent(&servers, Some(&clients.for_client(gateway)));
                let (running, body) = (&running, &body);
                scope.spawn(move || running.status_of(&agent, None, "close", (path, body)))
            });
            std::thread::sleep(Duration::from_millis(500));
            assert!(asked.iter().all(|asked| !asked.is_finished()));
            running.trust(&[&others, &clients][..if stays { 2 } else { 1 }]);
            // Another one's change is what they wait for.
            running.stores.create("documents").unwrap();
            for (path, asked) in PATHS.into_iter().zip(asked) {
                assert_eq!(asked.join().unwrap(), expected, "{path} {stays}");
            }
        });
    }
}

#[test]
fn a_connection_is_nobodys_once_a_certificate_between_has_ended() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let gateway = "spiffe://prod.example/gateway";
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "between");
    params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    let end = params.not_after.unix_timestamp() * 1_000;
    let between =
        CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &clients.0).unwrap();
    let between = Authority(between);
    let leaf = between.for_client(gateway);
    let chain = Issued {
        certificate: format!("{}{}", leaf.certificate, between.0.pem()),
        key: leaf.key,
    };
    let callers = vec![caller(
        "gateway",
        CallerCredential::Certificate(CertificateName::Uri(gateway.to_owned())),
    )];
    let running = Running::start(
        &servers.for_server(),
        &clients,
        callers,
        HttpLimits::default(),
    );
    let agent = Running::agent(&servers, Some(&chain));
    let ask = || running.status_by(&agent, None, "keep-alive");
    assert_eq!(ask(), KNOWN);
    running.clock.set(end);
    assert_eq!(ask(), KNOWN);
    running.clock.set(end + 1_000);
    assert_eq!(ask(), UNKNOWN);
}

#[test]
fn a_connection_that_never_begins_or_speaks_something_else_ends() {
    let (servers, clients) = (Authority::new(), Authority::new());
    // Long enough for an honest handshake on a busy machine.
    let limits = HttpLimits {
        head_time: Duration::from_secs(3),
        ..HttpLimits::default()
    };
    let callers = vec![caller("other", CallerCredential::key(KeyHash::of(b"key")))];
    let running = Running::start(&servers.for_server(), &clients, callers, limits);
    let at = running.at;
    let openings: [&'static [u8]; 4] = [
        b"",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 4096],
    ];
    let connections = openings.map(|first| {
        std::thread::spawn(move || {
            let mut stream = TcpStream::connect(at).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_mins(1)))
                .unwrap();
            let _sent = stream.write_all(first);
            // Whatever it says before, it ends: a read that waits longer fails.
            match stream.read_to_end(&mut Vec::new()) {
                Ok(_) => {}
                Err(error) => assert_eq!(
                    error.kind(),
                    std::io::ErrorKind::ConnectionReset,
                    "{first:?}"
                ),
            }
        })
    });
    connections
        .into_iter()
        .for_each(|connection| connection.join().unwrap());
    assert_eq!(running.status(&servers, None, Some("key")), KNOWN);
}
