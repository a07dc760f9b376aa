//! Tests of the warning about callers that may send tokens for several services.

use super::*;

#[test]
fn callers_that_may_send_tokens_for_several_services_are_told_of() {
    let config = |issuers: &[&[&str]], callers: &[(&str, &[&str])]| {
        let issuers: Vec<_> = issuers
            .iter()
            .enumerate()
            .map(|(at, audiences)| {
                let issuer = format!("https://{at}.example");
                serde_json::json!({"issuer": issuer, "audiences": audiences})
            })
            .collect();
        let callers: Vec<_> = callers
            .iter()
            .map(|(name, audiences)| {
                serde_json::json!({"name": name, "permissions": ["decide"], "audiences": audiences})
            })
            .collect();
        serde_json::from_value::<Config>(
            serde_json::json!({"issuers": issuers, "callers": callers}),
        )
        .unwrap()
    };
    for (issuers, callers, expected) in [
        (&[&["a"][..]][..], &[("one", &[][..])][..], None),
        (&[&["a"], &["a"]], &[("one", &[])], None),
        (&[&["a", "b"]], &[("one", &["a"]), ("two", &["b"])], None),
        (
            &[&["a", "b"]],
            &[("one", &["a"]), ("two", &[])],
            Some(vec!["two"]),
        ),
        (&[&["a"], &["b"]], &[("one", &[])], Some(vec!["one"])),
        (&[&["a", "b"]], &[], Some(Vec::new())),
    ] {
        assert_eq!(
            unbound(&config(issuers, callers)),
            expected,
            "{issuers:?} {callers:?}"
        );
    }
}
