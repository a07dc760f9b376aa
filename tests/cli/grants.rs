//! `behest suspend`, `resume`, `grant` and `ungrant`, in a data directory and at a service.

use support::place::{KEY, Output, Place, Service};

/// Where the tuples are: the flags that say so.
struct Tuples<'a> {
    place: &'a Place,
    flags: Vec<String>,
}

impl Tuples<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let flags = self.flags.iter().map(String::as_str);
        let arguments: Vec<&str> = arguments.iter().copied().chain(flags).collect();
        self.place.run_with(&arguments, &[("BEHEST_KEY", KEY)], "")
    }

    /// Runs a command that succeeds, and returns its line without the revision.
    fn done(&self, arguments: &[&str]) -> String {
        let told = self.run(arguments);
        assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
        told.out
            .split("; revision ")
            .next()
            .unwrap()
            .trim_end()
            .to_owned()
    }

    fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let told = self.run(arguments);
        assert_eq!((told.code, told.out.as_str()), (code, ""), "{told:?}");
        told.err
    }
}

/// A service with the default bundle.
fn serve(place: &Place) -> Service {
    let mut command = place.command(&["--listen", "127.0.0.1:0"]);
    command.env("BEHEST_ADMIN_KEY", KEY);
    Service::start(command)
}

/// Runs a test in a data directory, and then at a service.
fn in_both(test: impl Fn(&Tuples<'_>)) {
    let place = Place::new();
    place.write("none.jsonl", "");
    let made = place.run(&["import", "none.jsonl", "--data", "data"]);
    assert_eq!(made.code, 0, "{made:?}");
    test(&Tuples {
        place: &place,
        flags: vec!["--data".to_owned(), "data".to_owned()],
    });
    let service = serve(&place);
    test(&Tuples {
        place: &place,
        flags: vec!["--url".to_owned(), service.url()],
    });
}

#[test]
fn a_suspension_says_what_it_changed_and_can_be_repeated() {
    in_both(|tuples| {
        let agent = "agent:translator";
        assert_eq!(
            tuples.done(&["suspend", agent]),
            "`agent:translator` is suspended: every chain with it is denied"
        );
        let again = tuples.done(&["suspend", agent]);
        assert_eq!(again, "`agent:translator` was suspended already");
        let ended = tuples.done(&["resume", agent]);
        assert_eq!(ended, "`agent:translator` is no longer suspended");
        let again = tuples.done(&["resume", agent]);
        assert_eq!(again, "`agent:translator` was not suspended");
    });
}

#[test]
fn no_write_ends_a_suspension_of_the_bundle() {
    in_both(|tuples| {
        assert_eq!(
            tuples.done(&["suspend", "agent:retired"]),
            "`agent:retired` is suspended by a tuple of the bundle, which no write changes"
        );
        let told = tuples.refused(1, &["resume", "agent:retired"]);
        assert!(
            told.contains("stays suspended by a tuple of the bundle"),
            "{told}"
        );
        let told = tuples.refused(1, &["ungrant", "user:alice/agent:copilot"]);
        assert!(
            told.contains("stays granted by a tuple of the bundle"),
            "{told}"
        );
    });
}

#[test]
fn a_name_that_nobody_knows_is_told_of() {
    in_both(|tuples| {
        let told = tuples.run(&["suspend", "agent:copilto", "user:alice"]);
        assert_eq!(told.code, 0, "{told:?}");
        assert!(
            told.err
                .starts_with("warning: nobody knows `agent:copilto`"),
            "{told:?}"
        );
        // Who is known is not told of.
        assert_eq!(told.err.lines().count(), 1, "{told:?}");
    });
}

/// A tuple on a misspelt platform stops nobody, and the service says so to whoever writes it.
#[test]
fn a_service_names_what_nobody_knows_in_a_write() {
    let place = Place::new();
    let service = serve(&place);
    let body = r#"{"writes":{"tuple_keys":[{"user":"agent:copilot","relation":"suspended",
        "object":"platform:mian"}]}}"#;
    let url = format!("{}/stores/01BEHEST00000000000000MA1N/write", service.url());
    let reply = std::process::Command::new("curl")
        .args([
            "-s",
            &url,
            "-H",
            &format!("Authorization: Bearer {KEY}"),
            "-H",
            "Content-Type: application/json",
            "-d",
            body,
        ])
        .output()
        .unwrap();
    let reply: serde_json::Value = serde_json::from_slice(&reply.stdout).unwrap();
    assert_eq!(
        reply["unknown"],
        serde_json::json!(["platform:mian"]),
        "{reply}"
    );
}

#[test]
fn a_grant_is_one_for_each_pair_and_can_be_changed() {
    in_both(|tuples| {
        let pair = "user:bob/agent:copilot";
        let named = "`agent:copilot`, acting for `user:bob`,";
        assert_eq!(tuples.done(&["grant", pair]), format!("{named} is granted"));
        let again = tuples.done(&["grant", pair]);
        assert_eq!(again, format!("{named} was granted so already"));
        let until = ["grant", pair, "--until", "2999-01-01T00:00:00Z"];
        let replaced = format!("{named} is granted, in place of another grant");
        assert_eq!(tuples.done(&until), replaced);
        assert_eq!(
            tuples.done(&until),
            format!("{named} was granted so already")
        );
        let covers = [&until[..], &["--action", "read", "--action", "write"]].concat();
        assert_eq!(tuples.done(&covers), replaced);
        let ended = tuples.done(&["ungrant", pair]);
        assert_eq!(ended, format!("{named} is granted no longer"));
        let again = tuples.done(&["ungrant", pair]);
        assert_eq!(again, format!("{named} was not granted"));
        let hops = tuples.run(&["grant", "user:bob > agent:specialist > agent:copilot"]);
        assert_eq!((hops.code, hops.out.lines().count()), (0, 2), "{hops:?}");
    });
}

#[test]
fn what_is_granted_and_suspended_counts_for_the_next_question() {
    let place = Place::new();
    let service = serve(&place);
    let tuples = Tuples {
        place: &place,
        flags: vec!["--url".to_owned(), service.url()],
    };
    let ask = || {
        let told = tuples.run(&[
            "explain",
            "user:bob/agent:copilot",
            "read",
            "document:handbook",
        ]);
        told.out.lines().next().unwrap().to_owned()
    };
    assert!(ask().ends_with("(delegation_missing)"), "{}", ask());
    tuples.done(&["grant", "user:bob/agent:copilot", "--action", "read"]);
    assert_eq!(ask(), "permit");
    tuples.done(&["suspend", "user:bob"]);
    assert!(ask().ends_with("(suspended)"), "{}", ask());
    tuples.done(&["resume", "user:bob"]);
    assert_eq!(ask(), "permit");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    in_both(|tuples| {
        for (arguments, expected) in [
            (vec!["suspend", "user:alice/agent:copilot"], "is a chain"),
            (vec!["suspend", "copilot"], "write a principal as TYPE:ID"),
            (vec!["grant", "user:alice"], "a grant has two"),
            (
                vec![
                    "grant",
                    "user:bob/agent:copilot",
                    "--until",
                    "2001-01-01T00:00:00Z",
                ],
                "has passed",
            ),
        ] {
            let told = tuples.refused(2, &arguments);
            assert!(told.contains(expected), "{arguments:?}: {told}");
        }
        let told = tuples.refused(1, &["suspend", "document:runbook"]);
        assert!(told.contains("`behest pack show revocation`"), "{told}");
    });
    let place = Place::new();
    let told = place.run(&["suspend", "agent:copilot", "--data", "nowhere"]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.err.contains("there is no data directory"), "{told:?}");
    assert!(!place.path("nowhere").exists());
}
