//! Services that are reached over TLS, by a socket and by variables, and the exit codes of what
//! goes wrong on the way.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use std::net::TcpListener;
use support::place::{KEY, Output, Place, Service, refund};

const PERMITTED: &str = r#"{"arguments":{"amount":5}}"#;
const DENIED: &str = r#"{"arguments":{"amount":500}}"#;

fn ask(place: &Place, more: &[&str], variables: &[(&str, &str)]) -> Output {
    place.run_with(&refund(PERMITTED, more), variables, "")
}

fn is_permitted(output: &Output) -> bool {
    output.code == 0 && output.out.starts_with("permit\n") && output.out.ends_with("revision 2\n")
}

/// Writes an authority, and a certificate of it for each name: a server's, a client's, and what
/// another authority issued.
fn write_certificates(place: &Place) {
    for authority in ["ca", "other"] {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        place.write(&format!("{authority}.pem"), &issuer.pem());
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.subject_alt_names = vec![match name {
                "server" => SanType::IpAddress("127.0.0.1".parse().unwrap()),
                _ => SanType::URI("spiffe://example/client".try_into().unwrap()),
            }];
            let certificate = params.signed_by(&key, &issuer).unwrap();
            place.write(&format!("{authority}-{name}.pem"), &certificate.pem());
            place.write(&format!("{authority}-{name}.key"), &key.serialize_pem());
        }
    }
}

fn serve_tls(place: &Place) -> Service {
    write_certificates(place);
    place.write(
        "behest.toml",
        "[tls]\ncertificate = \"ca-server.pem\"\nkey = \"ca-server.key\"\n\
         client_authorities = \"ca.pem\"\n\n[[callers]]\nname = \"gateway\"\n\
         certificate = { uri = \"spiffe://example/client\" }\n\
         permissions = [\"decide\", \"explain\"]\n",
    );
    place.serve(&[])
}

#[test]
fn a_service_is_asked_over_tls_and_its_certificate_is_checked() {
    let place = Place::new();
    let service = serve_tls(&place);
    let url = format!("https://{}", service.address);
    let key = [("BEHEST_KEY", KEY)];
    let known = ask(&place, &["--url", &url, "--ca", "ca.pem"], &key);
    assert!(is_permitted(&known), "{known:?}");
    for authority in [&[] as &[&str], &["--ca", "other.pem"]] {
        let unknown = ask(&place, &[&["--url", &url], authority].concat(), &key);
        assert_eq!(unknown.code, 5, "{unknown:?}");
        assert!(unknown.err.contains("certificate"), "{unknown:?}");
        assert!(unknown.err.contains("needs `--ca FILE`"), "{unknown:?}");
    }
    let named = url.replace("127.0.0.1", "localhost");
    let misnamed = ask(&place, &["--url", &named, "--ca", "ca.pem"], &key);
    assert_eq!(misnamed.code, 5, "{misnamed:?}");

    let place_of = |name: &str| [format!("{name}-client.pem"), format!("{name}-client.key")];
    let [cert, secret] = place_of("ca");
    let trusted = ["--url", &url, "--ca", "ca.pem"];
    let mine = ["--cert", &cert, "--key-file", &secret];
    let shown = ask(&place, &[trusted, mine].concat(), &[]);
    assert!(is_permitted(&shown), "{shown:?}");
    let [other_cert, other_secret] = place_of("other");
    let mixed = ["--cert", &cert, "--key-file", &other_secret];
    let foreign = ["--cert", &other_cert, "--key-file", &other_secret];
    let mixed = ask(&place, &[trusted, mixed].concat(), &[]);
    let told = "error: `other-client.key` is not the key of the certificate in `ca-client.pem`";
    assert!(mixed.code == 2 && mixed.err.starts_with(told), "{mixed:?}");
    let foreign = ask(&place, &[trusted, foreign].concat(), &[]);
    assert!(!foreign.out.starts_with("permit"), "{foreign:?}");
}

#[test]
fn a_service_is_asked_by_its_socket() {
    let place = Place::new();
    let mut command = place.command(&["--bundle", "bundle", "--listen", "unix:behest.sock"]);
    command.env("BEHEST_ADMIN_KEY", KEY);
    let service = Service::start(command);
    let key = [("BEHEST_KEY", KEY)];
    let asked = ask(&place, &["--url", "unix:behest.sock"], &key);
    assert!(is_permitted(&asked), "{asked:?}");
    let found = place.run_with(
        &[
            "search",
            "--url",
            "unix:behest.sock",
            "user:alice",
            "tool:refund",
        ],
        &key,
        "",
    );
    assert!(
        found.code == 0 && found.out.contains("tools/call"),
        "{found:?}"
    );
    let healthy = place.run(&["health", "--url", "unix:behest.sock"]);
    assert!(
        healthy.code == 0 && healthy.out.starts_with("ready, bundle "),
        "{healthy:?}"
    );
    let exported = place.run_with(&["export", "--url", "unix:behest.sock"], &key, "");
    assert_eq!(exported.code, 0, "{exported:?}");
    assert_eq!(service.stop().code(), Some(0));
    let gone = ask(&place, &["--url", "unix:behest.sock"], &key);
    assert_eq!(gone.code, 5, "{gone:?}");
    assert!(
        gone.err
            .starts_with("error: `unix:behest.sock` does not answer: "),
        "{gone:?}"
    );
}

#[test]
fn a_variable_names_the_service_and_flags_win() {
    let place = Place::new();
    let service = place.serve(&[]);
    let url = service.url();
    let key = ("BEHEST_KEY", KEY);
    let asked = ask(&place, &[], &[("BEHEST_URL", &url), key]);
    assert!(is_permitted(&asked), "{asked:?}");
    let wins = ask(
        &place,
        &["--url", &url],
        &[("BEHEST_URL", "http://127.0.0.1:1"), key],
    );
    assert!(is_permitted(&wins), "{wins:?}");
    let bundle = ask(&place, &["--bundle", "bundle"], &[("BEHEST_URL", &url)]);
    assert!(
        bundle.code == 0 && bundle.out.ends_with("revision 0\n"),
        "{bundle:?}"
    );
    let exported = place.run_with(&["export"], &[("BEHEST_URL", &url), key], "");
    assert_eq!(exported.code, 0, "{exported:?}");
    let refreshed = place.run_with(&["keys", "refresh"], &[("BEHEST_URL", &url), key], "");
    assert_eq!(refreshed.code, 0, "{refreshed:?}");

    for (variables, told) in [
        (
            [("BEHEST_URL", &*url), ("BEHEST_BUNDLE", "bundle")],
            "`BEHEST_URL` names a service, and `BEHEST_BUNDLE` a bundle",
        ),
        ([("BEHEST_ULR", &*url), key], "`BEHEST_ULR` is not read"),
        ([("BEHEST_url", &*url), key], "`BEHEST_url` is not read"),
        ([("BEHEST_URL", ""), key], "`BEHEST_URL` is empty"),
        (
            [("BEHEST_URL", "pdp.example"), key],
            "`pdp.example` is not the address of a service",
        ),
    ] {
        let refused = ask(&place, &[], &variables);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(
            refused.err.starts_with(&format!("error: {told}")),
            "{refused:?}"
        );
    }
    let nowhere = place.run(&["export"]);
    assert!(
        nowhere.code == 2 && nowhere.err.contains("set `BEHEST_URL`"),
        "{nowhere:?}"
    );
}

#[test]
fn health_is_asked_where_the_service_listens() {
    let place = Place::new();
    let service = place.serve(&[]);
    let listens = [("BEHEST_LISTEN", &*service.address)];
    let healthy = place.run_with(&["health"], &listens, "");
    assert!(
        healthy.code == 0 && healthy.out.starts_with("ready, bundle "),
        "{healthy:?}"
    );
    assert_eq!(healthy.err, "");
    let wrong = place.run_with(
        &["health", "--url", &service.url()],
        &[("BEHEST_KEY", "no")],
        "",
    );
    assert!(
        wrong.code == 1 && wrong.err.contains("refuses with status 401"),
        "{wrong:?}"
    );
    let address = service.address.clone();
    assert_eq!(service.stop().code(), Some(0));
    let gone = place.run_with(&["health"], &[("BEHEST_LISTEN", &address)], "");
    assert_eq!(gone.code, 5, "{gone:?}");
    let unset = place.run_with(&["health"], &[("BEHEST_LISTEN", "nowhere")], "");
    assert!(
        unset.code == 2 && unset.err.contains("where the service listens"),
        "{unset:?}"
    );
}

/// A service that does not decide yet, or is another's, is not healthy, whatever its status.
#[test]
fn health_believes_only_a_service_that_says_it_is_ready() {
    let place = Place::new();
    for (status, body, told) in [
        ("200 OK", r#"{"ready":true,"last_load_failed":false}"#, None),
        (
            "200 OK",
            r#"{"ready":false}"#,
            Some("does not answer as behest does"),
        ),
        ("200 OK", "<html>", Some("does not answer as behest does")),
        (
            "503 x",
            r#"{"ready":false}"#,
            Some("cannot decide yet: no bundle is live"),
        ),
        ("503 x", "busy", Some("refuses with status 503")),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let server = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        let found = place.run(&["health", "--url", &url]);
        assert!(
            server
                .join()
                .unwrap()
                .starts_with("GET /readyz HTTP/1.1\r\n")
        );
        assert_eq!(found.code, i32::from(told.is_some()), "{found:?}");
        assert!(found.err.contains(told.unwrap_or_default()), "{found:?}");
    }
}

#[test]
fn exit_codes_tell_one_failure_from_another() {
    let place = Place::new();
    let code = |arguments: &[&str]| place.run(arguments).code;
    let local = ["--bundle", "bundle"];
    assert_eq!(code(&refund(DENIED, &local)), 0);
    for more in [&["--exit-code"] as &[&str], &["--exit-code", "--json"]] {
        let more = [&local, more].concat();
        assert_eq!(code(&refund(DENIED, &more)), 3);
        assert_eq!(code(&refund(PERMITTED, &more)), 0);
    }
    place.write_policies("3");
    assert_eq!(code(&["test", "--bundle", "bundle"]), 1, "a case fails");
    assert_eq!(code(&["validate", "--bundle", "bundle"]), 0);
    assert_eq!(code(&refund(DENIED, &local)), 4, "the bundle does not load");
    place.write_policies("\"many\"");
    for command in ["test", "validate", "schema"] {
        assert_eq!(code(&[command, "--bundle", "bundle"]), 4, "{command}");
    }
    assert_eq!(
        code(&["search", "--bundle", "bundle", "user:alice", "tool:refund"]),
        4
    );
    assert_eq!(code(&["keys", "refresh", "--url", "http://127.0.0.1:1"]), 5);
}

#[test]
fn a_bundle_needs_no_flag() {
    let place = Place::new();
    for command in ["test", "validate", "schema"] {
        let named = place.run(&[command, "bundle"]);
        assert_eq!(named, place.run(&[command, "--bundle", "bundle"]));
        assert_eq!(named.code, 0, "{named:?}");
        assert_eq!(
            place.run(&[command, "bundle", "--bundle", "bundle"]).code,
            2
        );
        assert_eq!(place.run(&[command, "nothing"]).code, 4);
    }
}

#[test]
fn a_chain_needs_no_sign_that_a_shell_takes() {
    let place = Place::new();
    let explain = |chain| {
        let request = [
            "explain",
            "--bundle",
            "bundle",
            chain,
            "tools/call",
            "tool:refund",
        ];
        place.run(&request)
    };
    let signed = explain("user:alice > agent:copilot");
    assert!(
        signed.code == 0 && signed.out.contains("agent:copilot: deny"),
        "{signed:?}"
    );
    assert_eq!(explain("user:alice/agent:copilot"), signed);
    let unclear = explain("user:https://idp.example/agent:copilot");
    assert!(
        unclear.code == 1 && unclear.err.contains("in two ways"),
        "{unclear:?}"
    );
    let search = |chain| {
        place.run(&[
            "search",
            "--bundle",
            "bundle",
            chain,
            "tool:refund",
            "--unknown-arguments",
        ])
    };
    let found = search("user:alice > agent:copilot");
    assert!(
        found.code == 0 && found.out.contains("tools/call"),
        "{found:?}"
    );
    assert_eq!(search("user:alice/agent:copilot"), found);
}

#[test]
fn an_export_waits_for_no_service_that_does_not_begin_to_answer() {
    let place = Place::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let began = std::time::Instant::now();
    let refused = place.run(&["export", "--url", &url]);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(refused.err.contains("does not answer"), "{refused:?}");
    assert!(began.elapsed().as_secs() < 60);
}

#[test]
fn a_key_goes_to_another_machine_over_http_only_if_that_is_meant() {
    let place = Place::new();
    let key = [("BEHEST_KEY", KEY)];
    let url = "http://pdp.invalid:9";
    let refused = ask(&place, &["--url", url], &key);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.err.contains("would go in the clear") && !refused.err.contains(KEY),
        "{refused:?}"
    );
    let meant = ask(&place, &["--url", url, "--allow-http"], &key);
    let keyless = ask(&place, &["--url", url], &[]);
    assert_eq!((meant.code, keyless.code), (5, 5), "{meant:?} {keyless:?}");
}

#[test]
fn what_a_service_says_is_printed_on_one_line_and_commands_nothing() {
    let place = Place::new();
    let hostile = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", hostile.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in hostile.incoming() {
            let mut stream = stream.unwrap();
            let _request = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let body =
                "{\"error\":{\"code\":\"x\",\"message\":\"\\u001b]0;t\\u0007\\r\\nerror: fake\"}}";
            let head = format!("HTTP/1.1 400 B\r\nContent-Length: {}\r\n\r\n", body.len());
            let _gone = std::io::Write::write_all(&mut stream, format!("{head}{body}").as_bytes());
        }
    });
    let told = place.run(&["health", "--url", &url]);
    assert!(
        told.err.contains(r"\u{1b}]0;t\u{7}\r\nerror: fake") && !told.err.contains('\u{1b}'),
        "{}",
        told.err
    );
}
