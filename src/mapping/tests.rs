use super::*;

fn route(path: &str, host: Option<&str>, methods: &[&str], id: &str) -> MappedRoute {
    let meaning = RouteMeaning::Http(HttpMeaning {
        action: "read".into(),
        kind: "order".into(),
        id: id.strip_prefix('$').map_or_else(
            || RequestExpression::literal(id),
            |expression| RequestExpression::read(expression).unwrap(),
        ),
        context: Vec::new(),
    });
    let methods = methods.iter().copied().map(SmolStr::from).collect();
    MappedRoute::new(
        PathTemplate::read(path).unwrap(),
        host.map(SmolStr::from),
        methods,
        meaning,
    )
    .unwrap()
}

fn mapping() -> Mapping {
    Mapping::new(vec![
        route(
            "/orders/{order}",
            None,
            &["GET", "HEAD"],
            "$request.path_params.order",
        ),
        route("/orders/all", None, &["GET"], "all"),
        route(
            "/orders/{order}/",
            None,
            &["GET"],
            "$'slash-' + request.path_params.order",
        ),
        route(
            "/hosts/{id}",
            Some("a.example"),
            &["GET"],
            "$request.host + '/' + request.method",
        ),
        route("/find", None, &["GET"], "$request.query.q"),
        route("/header", None, &["GET"], "$request.headers[\"X-Tenant\"]"),
        route("/", None, &["GET"], "root"),
    ])
}

/// Returns the resource's id, or the code of the refusal.
fn asked(method: &str, host: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let request = OriginalRequest {
        method,
        host,
        target,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, Some(*value)))
            .collect(),
    };
    let mapping = mapping();
    let question = mapping
        .find(&request)
        .and_then(|found| found.question(&request, None));
    match question {
        Ok(question) => {
            let resource = question.get("resource").unwrap().as_record().unwrap();
            resource.get("id").unwrap().as_text().unwrap().to_string()
        }
        Err(refusal) => format!("! {}", refusal.code()),
    }
}

fn get(target: &str) -> String {
    asked("GET", "x.example", target, &[])
}

#[test]
fn a_request_becomes_the_question_of_its_route() {
    for (target, expected) in [
        ("/orders/7", "7"),
        ("/orders/7?x=1", "7"),
        ("/orders/all", "all"),
        ("/orders/7/", "slash-7"),
        ("/orders/a%40b", "a@b"),
        ("/orders/%C3%A9", "é"),
        ("/orders/a%20b", "a b"),
        ("/find?q=x", "x"),
        ("/find?p=1&q=a%2Fb", "a/b"),
        ("/", "root"),
        ("/find", "! value_missing"),
        ("/header", "! value_missing"),
        ("/orders", "! no_route"),
        ("/orders/7/8", "! no_route"),
        ("/hosts/1", "! no_route"),
        ("/ORDERS/7", "! no_route"),
        ("/Orders/all", "! no_route"),
    ] {
        assert_eq!(get(target), expected, "{target}");
    }
    assert_eq!(
        asked("GET", "A.example:8443", "/hosts/1", &[]),
        "a.example/GET"
    );
    assert_eq!(asked("GET", "x", "/header", &[("x-tenant", "t1")]), "t1");
    assert_eq!(asked("HEAD", "x", "/orders/7", &[]), "7");
    for (method, target) in [
        ("POST", "/orders/7"),
        ("HEAD", "/orders/all"),
        ("get", "/orders/7"),
    ] {
        assert_eq!(
            asked(method, "x", target, &[]),
            "! no_route",
            "{method} {target}"
        );
    }
}

#[test]
fn what_servers_read_differently_is_refused() {
    for target in [
        "/orders/../admin",
        "/orders/./7",
        "/orders/..",
        "/orders//7",
        "//orders/7",
        "//",
        "/orders/%2e%2e/admin",
        "/orders/%2E",
        "/orders/7%2F8",
        "/orders/7%2f8",
        "/orders/7%5C8",
        "/orders/7\\8",
        "/orders/7;v=1",
        "/orders/7%3Bv",
        "/orders/7%00",
        "/orders/7%0A",
        "/orders/7%",
        "/orders/7%4",
        "/orders/7%zz",
        "/orders/7%+1",
        "/orders/%37",
        "/orders/%61ll",
        "/orders/7%252F",
        "/orders/7%3Fx",
        "/orders/7%23x",
        "/orders/7#x",
        "/orders/7%FF",
        "/orders/%C0%AF",
        "/orders/é",
        "/orders/a b",
        "/orders/ALL",
        "/orders/All",
        "orders/7",
        "http://x.example/orders/7",
        "*",
        "",
        "?q=1",
        "/find?q=1&q=2",
        "/find?q=1&Q=2",
        "/find?q=1&q[]=2",
        "/find?q=1;q=2",
        "/find?q=a+b",
        "/find?q=%",
        "/find?q=%00",
        "/find?%71=1&q=2",
        "/find?Q=1",
    ] {
        assert_eq!(get(target), "! request_ambiguous", "{target}");
    }
    assert_eq!(
        get(&format!("/orders/{}", "7/".repeat(70))),
        "! request_ambiguous"
    );
    assert_eq!(
        get(&format!("/orders/{}", "7".repeat(9000))),
        "! request_ambiguous"
    );
    for host in [
        "",
        "a.example.",
        "a..example",
        "a b",
        "u@x",
        "x:",
        "x:1:2",
        "x:123456",
        "é",
        "[::1",
        "x/y",
    ] {
        assert_eq!(
            asked("GET", host, "/orders/7", &[]),
            "! request_ambiguous",
            "{host}"
        );
    }
    assert_eq!(asked("GET", "[::1]:80", "/orders/7", &[]), "7");
    for header in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x-original-url",
        "x-rewrite-url",
        "x_http_method_override",
        "x-original_url",
        "mcp_method",
    ] {
        let found = asked("GET", "x", "/orders/7", &[(header, "DELETE")]);
        assert_eq!(found, "! request_ambiguous", "{header}");
    }
    let twice = [("x-tenant", "t1"), ("x-tenant", "t1")];
    assert_eq!(asked("GET", "x", "/header", &twice), "! request_ambiguous");
}

#[test]
fn a_template_is_a_path_as_it_stands_decoded() {
    for path in [
        "orders",
        "",
        "/a//b",
        "/a/{b",
        "/a/b}",
        "/a/{}",
        "/a/{1b}",
        "/a/{b}/{b}",
        "/a/x{b}",
        "/a/..",
        "/a/%20",
        "/a;b",
        "/a\\b",
        "/a/é",
        "/a b",
        "/a?b",
        "/a#b",
        "/a/*{b}",
    ] {
        assert!(PathTemplate::read(path).is_err(), "{path}");
    }
    let long = "/a".repeat(65);
    assert!(matches!(
        PathTemplate::read(&long),
        Err(MappingError::TooManySegments(65))
    ));
}

#[test]
fn templates_overlap_as_paths_match_both() {
    use TemplateOverlap::{Crossed, None, Same, Within};
    for (one, other, expected) in [
        ("/a/{b}", "/a/{c}", Same),
        ("/a/b", "/a/{c}", Within),
        ("/a/{c}", "/a/b", Within),
        ("/a/{b}", "/{a}/b", Crossed),
        ("/a/b", "/a/B", Crossed),
        ("/a/b", "/a/c", None),
        ("/a/{b}", "/a/{b}/c", None),
        ("/a/", "/a/{b}", None),
        ("/a/", "/a", None),
    ] {
        let read = |path| PathTemplate::read(path).unwrap();
        assert_eq!(read(one).overlap(&read(other)), expected, "{one} {other}");
    }
}

#[test]
fn an_expression_selects_texts_and_nothing_else() {
    for good in [
        "request.method",
        " request.path ",
        "request.headers['x-a']",
        "request.headers[?\"x-a\"]",
        "request.query.?page",
        "'a' + request.host + \"b\"",
    ] {
        assert!(RequestExpression::read(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "request",
        "request.body.x",
        "request.method()",
        "token.sub",
        "request.path_params.?x",
        "request.path_params",
        "request.query",
        "request.headers[x]",
        "request.headers['x'",
        "'a",
        "'a\\n'",
        "'a' +",
        "'a' 'b'",
        "request.query.a.b",
        "1",
        "request.headers['']",
        "request.headers[\"a']",
        "'a' + request.query.?b",
        "request.cookies.a",
    ] {
        assert!(RequestExpression::read(bad).is_err(), "{bad}");
    }
    for header in [
        "Authorization",
        "cookie",
        "DPoP",
        "Behest-Gateway-Key",
        "proxy-authorization",
    ] {
        let read = RequestExpression::read(&format!("request.headers['{header}']"));
        assert!(
            matches!(read, Err(MappingError::CredentialHeader(_))),
            "{header}"
        );
    }
}
