//! Who may ask, by which address, and known by what.

use crate::{load_text, refused};
use behest::http::Permission;

pub(crate) fn caller(name: &str, digit: char) -> String {
    format!(
        "[[callers]]\nname = \"{name}\"\nkey_sha256 = \"{}\"\npermissions = [\"decide\"]\n",
        digit.to_string().repeat(64)
    )
}

#[test]
fn a_caller_with_an_unknown_permission_or_a_bad_hash_is_refused_and_its_key_not_repeated() {
    let unknown = caller("gateway", 'a').replace("decide", "decode");
    assert_eq!(
        refused(&unknown, &[], &[]),
        [
            "`callers.0.permissions` in `FILE`: `decode` is not a permission | there are `decide`, `search`, `explain`, `decisions.read`, `relations.read`, `relations.write`, `admin`, `backup`"
        ]
    );
    let key = caller("gateway", 'a').replace(&"a".repeat(64), "hunter2");
    let found = refused(&key, &[], &[]);
    assert_eq!(
        found,
        [
            "`callers.0.key_sha256` in `FILE`: the value is not 64 hexadecimal digits | make one with `printf %s \"$KEY\" | sha256sum`"
        ]
    );
}

#[test]
pub(crate) fn callers_that_cannot_be_told_apart_are_refused() {
    let text = caller("a", 'a')
        + &caller("a", 'b')
        + &caller("b", 'a')
        + &caller("anonymous", 'c')
        + &caller("", 'd');
    assert_eq!(
        refused(&text, &[], &[]),
        [
            "two callers are named `a` | rename one of them",
            "the callers `a` and `b` have the same key | give each its own, so that records say who asked",
            "a caller is named `anonymous` | records and metrics use this name for callers that are not configured; choose another",
            "the name of caller 5 is empty, too long or has control characters | give it a name of 1 to 64 bytes",
        ]
    );
}

#[test]
fn an_address_that_others_reach_needs_callers_and_a_proxy() {
    let no_callers = "`0.0.0.0:8181` can be reached from other machines, and no caller is configured | add `[[callers]]` to behest.toml, or listen on `127.0.0.1:8181` or `unix:PATH`";
    let no_proxy = "`0.0.0.0:8181` can be reached from other machines, and keys would travel in the clear | set `tls`, or put a proxy that ends TLS before the service and set `behind_proxy = true`, or listen on `127.0.0.1:8181`";
    let open = [("listen", "0.0.0.0:8181")];
    assert_eq!(refused("", &[], &open), [no_callers, no_proxy]);
    assert_eq!(refused("behind_proxy = true", &[], &open), [no_callers]);
    assert_eq!(refused(&caller("a", 'a'), &[], &open), [no_proxy]);
    assert!(
        load_text(
            &format!("behind_proxy = true\n{}", caller("a", 'a')),
            &[],
            &open
        )
        .is_ok()
    );
    for local in [
        "127.9.9.9:1",
        "[::1]:8181",
        "[::ffff:127.0.0.1]:8181",
        "localhost:8181",
        "unix:x.sock",
    ] {
        assert!(load_text("", &[], &[("listen", local)]).is_ok(), "{local}");
    }
    assert!(load_text("", &[], &[("listen", "[::ffff:192.0.2.1]:8181")]).is_err());
}

#[test]
fn anonymous_callers_exist_only_where_nobody_else_can_be() {
    use Permission::{Decide, Explain, Search};
    let allowed = |text: &str, flags: &[(&'static str, &str)]| {
        load_text(text, &[], flags)
            .unwrap()
            .anonymous_permissions()
            .map(|set| set.iter().collect::<Vec<_>>())
    };
    assert_eq!(allowed("", &[]), Some(vec![Decide, Search, Explain]));
    assert_eq!(allowed("", &[("bundle", "b")]), Some(vec![Decide]));
    assert_eq!(allowed("", &[("data", "d")]), Some(vec![Decide]));
    assert_eq!(
        allowed("", &[("bundle", "b"), ("anonymous", "decide,explain")]),
        Some(vec![Decide, Explain])
    );
    assert_eq!(allowed("anonymous = [\"search\"]", &[]), Some(vec![Search]));
    assert_eq!(allowed("", &[("anonymous", "none")]), None);
    assert_eq!(allowed("anonymous = []", &[]), None);
    assert_eq!(allowed(&caller("a", 'a'), &[]), None);
    assert_eq!(allowed("behind_proxy = true", &[]), None);

    let nobody = "`anonymous` lets callers without a key in, and there can be none here | leave `anonymous` out: it counts only on a loopback or unix address, without `[[callers]]` and without `behind_proxy`";
    let listed = [("anonymous", "decide")];
    assert_eq!(refused(&caller("a", 'a'), &[], &listed), [nobody]);
    assert_eq!(refused("behind_proxy = true", &[], &listed), [nobody]);
    assert_eq!(
        refused("", &[], &[("anonymous", "admin")]),
        [
            "`anonymous` lists `admin` | it takes `decide`, `search` and `explain`; everything else needs a key"
        ]
    );
}

#[test]
fn a_caller_is_known_in_exactly_one_way() {
    let key = "a".repeat(64);
    let refused = |caller: &str, more: &str| {
        let text =
            format!("[[callers]]\nname = \"x\"\npermissions = [\"decide\"]\n{caller}\n{more}");
        load_text(&text, &[], &[]).map_err(|problems| problems[0].clone())
    };
    let issuer = "[[issuers]]\nissuer = \"https://i.example\"\ncaller_audiences = [\"pdp\"]\n";
    let tls = "[tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_authorities = \"a\"\n";
    let token = "token = { issuer = \"https://i.example\", principal = \"agent:x\" }";
    let certificate = "certificate = { uri = \"spiffe://a/x\" }";
    assert!(refused(&format!("key_sha256 = \"{key}\""), "").is_ok());
    assert!(refused(token, issuer).is_ok());
    assert!(refused(certificate, tls).is_ok());
    for (caller, more, expected) in [
        ("", "", "is known by none or by several"),
        (
            &format!("key_sha256 = \"{key}\"\n{token}"),
            issuer,
            "is known by none or by several",
        ),
        (token, "", "which no caller can"),
        (
            token,
            "[[issuers]]\nissuer = \"https://i.example\"\n",
            "which no caller can",
        ),
        (
            "token = { issuer = \"https://i.example\", principal = \"x\" }",
            issuer,
            "which is nobody",
        ),
        (certificate, "", "nobody is asked for one"),
        (
            certificate,
            "[tls]\ncertificate = \"c\"\nkey = \"k\"\n",
            "nobody is asked for one",
        ),
        ("certificate = {}", tls, "has no name, or two"),
        (
            &format!("key_sha256 = \"{key}\"\nrate = {{ per_second = 0 }}"),
            "",
            "lets nothing through",
        ),
    ] {
        let found = refused(caller, more).map(|_| ()).unwrap_err();
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

/// What a running service can follow counts, together with what stays.
#[test]
fn an_update_takes_what_counts_at_once_and_is_checked_with_what_stays() {
    let read = |text: &str, flags: &[(&'static str, &str)]| load_text(text, &[], flags).unwrap();
    let open = [("listen", "0.0.0.0:8181")];
    let proxied = |text: &str| format!("behind_proxy = true\n{text}");
    let running = read(&proxied(&caller("a", 'a')), &open);

    let more = proxied(&(caller("b", 'b') + "[limits]\nbody = 2048\nstores = 7\n"));
    let update = behest::config::update(&running, read(&more, &open)).unwrap();
    assert_eq!(
        update.changes,
        [
            "the caller `a` was removed",
            "the caller `b` was added",
            "`limits.body` is 2048, and was 1048576",
        ]
    );
    assert_eq!(update.restarts, ["limits.stores"]);
    assert_eq!(update.config.limits.http.body_bytes, 2048);
    let stores = running.limits.stores;
    assert_eq!(update.config.limits.stores, stores);

    // Sound for itself, and wide open at the address that stays.
    let local = read("", &[]);
    let refused = behest::config::update(&running, local).unwrap_err();
    let shown = refused.0[0].to_string();
    assert!(shown.contains("no caller is configured"), "{shown}");

    let elsewhere = read(&caller("a", 'a'), &[("listen", "127.0.0.1:1")]);
    let update = behest::config::update(&running, elsewhere).unwrap();
    assert_eq!(update.restarts, ["listen", "behind_proxy"]);
    assert_eq!(update.config.listen, running.listen);
    assert!(update.changes.is_empty(), "{:?}", update.changes);
}

#[test]
fn a_caller_has_one_key_or_two_and_each_has_an_end_or_none() {
    let keys = |keys: &str| {
        format!("[[callers]]\nname = \"a\"\npermissions = [\"decide\"]\nkeys = [{keys}]\n")
    };
    let key =
        |digits: &str, until: &str| format!("{{ sha256 = \"{}\"{until} }}", digits.repeat(32));
    let until = |until: &str| {
        let text = keys(&key("0a", &format!(", until = {until}")));
        load_text(&text, &[], &[]).map(|config| config.callers[0].keys[0].until.unwrap().0)
    };
    let expected = 1_798_675_200_000;
    for written in [
        "2026-12-31T00:00:00Z",
        "\"2026-12-31T00:00:00Z\"",
        "2026-12-31T01:00:00+01:00",
    ] {
        assert_eq!(until(written), Ok(expected), "{written}");
    }
    for written in ["2026-12-31", "2026-12-31T00:00:00", "\"soon\"", "7", "{}"] {
        let refused = until(written).unwrap_err().join("");
        assert!(
            refused.starts_with("`callers.0.keys.0.until` in `FILE`"),
            "{written}: {refused}"
        );
        assert!(
            refused.contains("2026-12-31T00:00:00Z"),
            "{written}: {refused}"
        );
    }
    let one = key("0a", "");
    for (text, said) in [
        (
            keys(&[one.clone(), key("0b", ""), key("0c", "")].join(", ")),
            "the caller `a` has 3 keys | it can have 2: the one in use, with an `until`, and the one that takes its place; remove those that have ended",
        ),
        (
            keys(&[one.clone(), one.clone()].join(", ")),
            "the caller `a` has one key twice | remove one of them, so that it has one end",
        ),
        (
            keys(""),
            "the caller `a` is known by none or by several of a key, a token, a certificate | give it exactly one of `key_sha256`, `keys`, `token` and `certificate`",
        ),
        (
            format!("{}key_sha256 = \"{}\"\n", keys(&one), "0d".repeat(32)),
            "the caller `a` is known by none or by several of a key, a token, a certificate | give it exactly one of `key_sha256`, `keys`, `token` and `certificate`",
        ),
        (
            keys(&one) + &caller("b", 'x').replace(&"x".repeat(64), &"0a".repeat(32)),
            "the callers `a` and `b` have the same key | give each its own, so that records say who asked",
        ),
    ] {
        assert_eq!(refused(&text, &[], &[]), [said]);
    }
}

#[test]
fn a_gateway_is_let_in_as_callers_are() {
    let issuer =
        "[[issuers]]\nissuer = \"https://login.example\"\naudiences = [\"https://a.example\"]\n";
    let gateway =
        |listen: &str, kind: &str| format!("[gateway]\nlisten = \"{listen}\"\nkind = \"{kind}\"\n");
    let local = gateway("127.0.0.1:8182", "envoy") + issuer;
    let config = load_text(&local, &[], &[]).unwrap();
    assert!(config.anonymous_permissions().is_some());
    let refused_with = |text: &str| refused(text, &[], &[]).join("; ");
    for (text, expected) in [
        (
            gateway("0.0.0.0:8182", "nginx") + issuer,
            "`gateway.listen` is `0.0.0.0:8182`, which can be reached from other machines, and no caller is configured",
        ),
        (
            gateway("0.0.0.0:8182", "nginx") + issuer,
            "`gateway.listen` is `0.0.0.0:8182`, which can be reached from other machines, and tokens would travel in the clear",
        ),
        (
            gateway("127.0.0.1:8182", "caddy"),
            "`gateway` is set, and no issuer is configured: every request would be denied",
        ),
        (
            gateway("127.0.0.1:8181", "caddy") + issuer,
            "`gateway.listen` and `listen` are both `127.0.0.1:8181`",
        ),
        (
            gateway("127.0.0.1:8182", "haproxy") + issuer,
            "`haproxy` is no kind of gateway | write `envoy`, `caddy`, `traefik` or `nginx`",
        ),
        (
            "[gateway]\nkind = \"envoy\"\n".to_owned() + issuer,
            "listen",
        ),
        (
            "[gateway]\nlisten = \"127.0.0.1:8182\"\n".to_owned() + issuer,
            "kind",
        ),
    ] {
        let found = refused_with(&text);
        assert!(found.contains(expected), "{found}");
    }
    let open = gateway("0.0.0.0:8182", "envoy") + issuer + &caller("edge", 'a');
    let config = load_text(&format!("behind_proxy = true\n{open}"), &[], &[]).unwrap();
    assert!(config.anonymous_permissions().is_none());
}
