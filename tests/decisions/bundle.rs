//! Bundles: the default one loads and every case of it holds; each bad variant is refused with the
//! message that helps.

use behest::bundle::{self, BundleSource, QUIET};
use behest::engine;
use std::path::Path;
use support::bundles;

#[test]
fn the_default_bundle_loads_and_its_cases_hold() {
    let mut files =
        bundle::read(&BundleSource::Embedded, QUIET).expect("the embedded bundle can be read");
    let (bundle, report) = match engine::check(&mut files, None) {
        Ok(checked) => checked,
        Err(problems) => panic!("\n{}", bundle::render(&problems, &files, false)),
    };
    let failures: Vec<String> = report
        .failures()
        .map(|(case, f)| {
            format!(
                "{}\n  expected {}\n  found    {}\n{}",
                case.title(),
                f.expected,
                f.found,
                f.explanation
            )
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases fail:\n{}",
        failures.len(),
        report.ran(),
        failures.join("\n")
    );
    assert_eq!(
        report.undecided,
        Vec::<String>::new(),
        "policies that decide no case"
    );
    assert!(report.ran() >= 80, "only {} cases", report.ran());
    let warnings: Vec<String> = bundle.warnings().iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
}

#[test]
fn packs_that_the_default_bundle_leaves_out_are_tried_and_do_not_decide() {
    let mut files =
        bundle::read(&BundleSource::Embedded, QUIET).expect("the embedded bundle can be read");
    for (pack, least) in [("assurance", 140), ("scopes", 50)] {
        let only = regex::Regex::new(&format!("^pack:{pack}/")).expect("a pattern");
        let (bundle, report) = engine::check(&mut files, Some(&only)).expect("it loads");
        assert!(
            report.ran() >= least,
            "only {} cases of {pack}",
            report.ran()
        );
        assert!(
            bundle.optional().iter().any(|name| name == pack),
            "{pack} is left out"
        );
        assert!(
            bundle.cases().iter().all(|case| !only.is_match(&case.file)),
            "serving runs no case of {pack}"
        );
        let policies = |id: &str| id.starts_with(&format!("{pack}-"));
        assert!(
            !bundle
                .policy_set()
                .policies()
                .any(|policy| policies(&policy.id)),
            "{pack} decides"
        );
    }
}

#[test]
fn a_pack_that_a_bundle_cannot_take_is_found_where_it_is_tried() {
    let texts = [
        (
            "schemas/s.cedarschema",
            "entity user, doc;\naction read appliesTo { principal: user, resource: doc };\n",
        ),
        (
            "policies/p.cedar",
            "@id(\"open\") permit (principal, action, resource);\n",
        ),
        (
            "policies/bundle.toml",
            "optional = [\"revocation\", \"roles\"]\n",
        ),
    ];
    let own = |(path, text): (&str, &str)| (path.to_owned(), text.to_owned());
    let mut files = bundle::BundleFiles::from_texts(texts.map(own));
    bundle::compile(&mut files).expect("it loads without them");
    let problems = engine::check(&mut files, None).expect_err("there is no action `tools/call`");
    let report = bundle::render(&problems, &files, false);
    assert!(
        report.contains("pack:roles/roles.cedar") && report.contains("tools/call"),
        "{report}"
    );
}

/// Texts as a bundle's files, with policies that are all open but for these.
fn files(schema: &str, policies: &str, manifest: &str) -> bundle::BundleFiles {
    let texts = [
        ("schemas/s.cedarschema", schema),
        ("policies/p.cedar", policies),
        ("policies/bundle.toml", manifest),
    ];
    bundle::BundleFiles::from_texts(texts.map(|(path, text)| (path.to_owned(), text.to_owned())))
}

#[test]
fn the_cases_of_a_bundle_whose_entities_hold_actions_hold() {
    let folder = bundles::named("good.bundles", "actions").write();
    assert_eq!(report_of(folder.path()), "it was loaded");
}

#[test]
fn a_permit_that_can_never_apply_is_a_warning_with_its_place_and_its_condition_is_checked() {
    let schema = "entity user, robot, doc { level?: Long };\naction read appliesTo { principal: user, resource: doc };\n\
                  action feed appliesTo { principal: user, resource: robot };\n";
    let permit = |condition: &str| {
        format!(
            "@id(\"open\") permit (principal, action, resource);\n\n@id(\"robots\")\npermit (principal is robot, action == Action::\"read\", resource) when {{ {condition} }};\n"
        )
    };
    let mut sound = files(schema, &permit("resource has level"), "");
    let bundle = bundle::compile(&mut sound).expect("a permit that can never apply loads");
    let report = bundle::render_warnings(bundle.warnings(), &sound, false);
    assert_eq!(bundle.warnings().len(), 1, "{report}");
    for part in [
        "the policy `robots` permits nothing",
        "policies/p.cedar:3",
        "`read` applies to `user` on `doc`",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let mut wrong = files(schema, &permit("resource.nosuch > 1"), "");
    let problems = bundle::compile(&mut wrong).expect_err("its condition is wrong");
    let report = bundle::render(&problems, &wrong, false);
    assert!(
        report.contains("attribute `nosuch` on entity type `doc` not found"),
        "{report}"
    );
}

#[test]
fn an_action_that_is_named_like_a_member_of_another_and_is_none_is_a_warning() {
    let schema = |special: &str| {
        format!(
            "entity user, tool, doc;\naction \"call\" appliesTo {{ principal: user, resource: tool }};\n{special}\n"
        )
    };
    let open = "@id(\"open\") permit (principal, action, resource);\n";
    let special = "action \"call:pay\"";
    let on = |kind: &str| format!("appliesTo {{ principal: user, resource: {kind} }};");
    for (declared, expected) in [
        (format!("{special} {}", on("tool")), 1),
        (format!("{special} in [\"call\"] {}", on("tool")), 0),
        (format!("{special} {}", on("doc")), 0),
        (format!("action \"calls:pay\" {}", on("tool")), 0),
    ] {
        let mut files = files(&schema(&declared), open, "");
        let bundle = bundle::compile(&mut files).expect("it loads");
        let report = bundle::render_warnings(bundle.warnings(), &files, false);
        assert_eq!(bundle.warnings().len(), expected, "{declared}: {report}");
        if expected == 1 {
            for part in [
                "named like what `Action::\"call\"` means",
                "schemas/s.cedarschema:3",
                "declare it `in [Action::\"call\"]`",
            ] {
                assert!(report.contains(part), "{part}: {report}");
            }
        }
    }
}

#[test]
fn a_folder_whose_name_is_misspelt_is_refused() {
    let schema = "entity user, doc;\naction read appliesTo { principal: user, resource: doc };\n";
    for (schemas, policies, expected) in [
        ("schemas", "polices", "`polices` is no folder of a bundle"),
        ("schemas", "Policies", "`Policies` is no folder of a bundle"),
        ("schema", "policies", "`schema` is no folder of a bundle"),
        (
            "schemas",
            "notes",
            "`notes/p.cedar` lies beside `policies/`",
        ),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        for (folder, file, text) in [
            (schemas, "s.cedarschema", schema),
            (
                policies,
                "p.cedar",
                "@id(\"open\") permit (principal, action, resource);\n",
            ),
        ] {
            std::fs::create_dir(dir.path().join(folder)).expect("a folder");
            std::fs::write(dir.path().join(folder).join(file), text).expect("a file");
        }
        let report = report_of(dir.path());
        assert!(report.contains(expected), "{schemas} {policies}: {report}");
    }
}

#[test]
fn what_lies_beside_the_folders_as_if_it_were_read_is_refused() {
    let write = |beside: &str, text: &str| {
        let dir = tempfile::tempdir().expect("a folder");
        let schema =
            "entity user, doc;\naction read appliesTo { principal: user, resource: doc };\n";
        let open = "@id(\"open\") permit (principal, action, resource);\n";
        let files = [
            ("schemas/s.cedarschema", schema),
            ("policies/p.cedar", open),
            (beside, text),
        ];
        support::engines::write(dir.path(), &files);
        report_of(dir.path())
    };
    let forbid = "@id(\"shut\") forbid (principal, action, resource);\n";
    for (folder, meant) in [
        ("polices", "policies"),
        ("Policies", "policies"),
        ("policies2", "policies"),
        ("policies-1", "policies"),
        ("policy", "policies"),
        ("schema", "schemas"),
        ("Schemas", "schemas"),
    ] {
        let expected = format!("`{folder}` is no folder of a bundle: is it meant to be `{meant}`?");
        let report = write(&format!("{folder}/f.cedar"), forbid);
        assert!(report.contains(&expected), "{folder}: {report}");
    }
    for (file, folder) in [
        ("f.cedar", "policies"),
        ("bundle.toml", "policies"),
        ("more-entities.json", "policies"),
        ("links.json", "policies"),
        ("tuples.yaml", "policies"),
        ("tuples.jsonl", "policies"),
        ("cases.yaml", "policies"),
        ("m.fga", "schemas"),
        ("fga.mod", "schemas"),
        ("s.cedarschema", "schemas"),
        ("f.CEDAR", "policies"),
        ("f.ceder", "policies"),
        ("Bundle.toml", "policies"),
        ("bundle.TOML", "policies"),
        ("bundle.tml", "policies"),
        ("entities.JSON", "policies"),
        ("tuples.yml", "policies"),
        ("m.FGA", "schemas"),
        ("s.cedarshema", "schemas"),
        ("rules/f.cedar", "policies"),
        ("notes/n.cedar", "policies"),
        ("forbids/f.Cedar", "policies"),
        ("packs/f.cedar", "policies"),
        ("policies-extra/f.cedar", "policies"),
        ("policies-prod/f.cedar", "policies"),
        ("policies.bak/f.cedar", "policies"),
        ("my-policies/f.cedar", "policies"),
        ("policies (copy)/f.cedar", "policies"),
        ("sub/policies/f.cedar", "policies"),
        ("sub/schemas/s.cedarschema", "schemas"),
        ("cases/c.cases.yaml", "policies"),
        ("tuples/t.tuples.yaml", "policies"),
        ("entities/entities.json", "policies"),
        ("model/m.fga", "schemas"),
    ] {
        let report = write(file, "");
        let expected = format!("`{file}` lies beside `{folder}/`, where nothing is read");
        assert!(report.contains(&expected), "{file}: {report}");
    }
    for beside in [
        "README.md",
        "bundle.toml.md",
        ".git/f.cedar",
        "package.json",
        "rules/README.md",
        "rules/.f.cedar",
        "rules/.old/f.cedar",
        "src/init/notes/f.cedar",
    ] {
        assert!(write(beside, "").contains("it was loaded"), "{beside}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_whose_name_is_no_text_is_looked_into() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().expect("a folder");
    let schema = "entity user, doc;\naction read appliesTo { principal: user, resource: doc };\n";
    let open = "@id(\"open\") permit (principal, action, resource);\n";
    let files = [
        ("schemas/s.cedarschema", schema),
        ("policies/p.cedar", open),
    ];
    support::engines::write(dir.path(), &files);
    let odd = std::ffi::OsStr::from_bytes(b"rules-of-all\xff");
    std::fs::create_dir(dir.path().join(odd)).expect("a folder");
    std::fs::write(dir.path().join(odd).join("f.cedar"), open).expect("a file");
    let report = report_of(dir.path());
    assert!(
        report.contains("f.cedar` lies beside `policies/`"),
        "{report}"
    );
}

#[test]
fn a_folder_without_a_bundle_is_refused_with_what_a_bundle_has() {
    let policy = "@id(\"open\") permit (principal, action, resource);\n";
    let schema = "entity user, doc;\naction read appliesTo { principal: user, resource: doc };\n";
    let packs = "packs = [\"delegation\", \"revocation\", \"entitlements\"]\n";
    let none = "holds neither `schemas/` nor `policies/`";
    for (files, expected) in [
        (&[("notes.md", "")][..], none),
        (&[("models/m.fga", ""), ("tuples/tuples.yaml", "")], none),
        (&[("policies/README.md", "")], "the bundle has no schema"),
        (&[("schemas/README.md", "")], "the bundle has no schema"),
        (&[("policies/p.cedar", policy)], "the bundle has no schema"),
        (
            &[("policies/bundle.toml", packs)],
            "the bundle has no schema of its own, and packs declare nothing",
        ),
        (
            &[
                ("policies/bundle.toml", packs),
                ("policies/p.cedar", policy),
            ],
            "the bundle has no schema of its own, and packs declare nothing",
        ),
        (
            &[("schemas/s.cedarschema", schema), ("forbid.cedar", policy)],
            "`forbid.cedar` lies beside `policies/`",
        ),
        (
            &[("schemas/s.cedarschema", schema), (".forbid.cedar", policy)],
            "it was loaded",
        ),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        support::engines::write(dir.path(), files);
        let report = report_of(dir.path());
        assert!(report.contains(expected), "{files:?}: {report}");
        assert_eq!(
            report.matches(" × ").count(),
            usize::from(expected != "it was loaded"),
            "{report}"
        );
    }
}

#[test]
fn a_packs_forbid_about_types_that_the_bundle_does_not_use_is_no_mistake() {
    let schema = "entity user, doc;\naction read appliesTo { principal: user, resource: doc };\n";
    let open = "@id(\"open\") permit (principal, action, resource);\n";
    let mut files = files(schema, open, "packs = [\"scopes\"]\n");
    let bundle = bundle::compile(&mut files).expect("it loads");
    assert!(bundle.warnings().is_empty(), "{:?}", bundle.warnings());
}

#[test]
fn a_bundle_may_look_through_as_many_entities_as_it_says_and_all_of_them_are_there() {
    let schema = "entity dept; entity user { @stored dept?: dept }; entity account { @stored owner?: user };\n\
                  entity doc { @stored account?: account };\naction read appliesTo { principal: user, resource: doc };\n";
    let policies = "@id(\"open\") permit (principal, action, resource);\n@id(\"far\") forbid (principal, action, resource)\n\
                    when { resource has account.owner.dept && resource.account.owner.dept == dept::\"hr\" };\n";
    let cases = "cases:\n  - { name: far, who: \"user:u\", does: read, to: \"doc:d\", expect: { deny: forbidden } }\n";
    let entities = serde_json::json!([
        {"uid": {"type": "doc", "id": "d"}, "attrs": {"account": {"__entity": {"type": "account", "id": "a"}}}, "parents": []},
        {"uid": {"type": "account", "id": "a"}, "attrs": {"owner": {"__entity": {"type": "user", "id": "o"}}}, "parents": []},
        {"uid": {"type": "user", "id": "o"}, "attrs": {"dept": {"__entity": {"type": "dept", "id": "hr"}}}, "parents": []},
    ]);
    let of = |manifest: &str| {
        let texts = [
            ("schemas/s.cedarschema", schema.to_owned()),
            ("policies/p.cedar", policies.to_owned()),
            ("policies/bundle.toml", manifest.to_owned()),
            ("policies/entities.json", entities.to_string()),
            ("policies/cases.yaml", cases.to_owned()),
        ];
        bundle::BundleFiles::from_texts(texts.map(|(path, text)| (path.to_owned(), text)))
    };
    assert!(
        bundle::compile(&mut of("")).is_err(),
        "three are more than two"
    );
    let (_, report) = engine::check(&mut of("level = 3\n"), None).expect("it loads");
    assert_eq!(
        (report.ran(), report.failures().count()),
        (1, 0),
        "{report:?}"
    );
}

#[test]
fn every_bad_bundle_is_refused_with_the_message_that_helps() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for mut bundle in bundles::read_folder("bad") {
        seen += 1;
        let expected = bundle.take_expected();
        let name = &bundle.name;
        let folder = bundle.write();
        let report = report_of(folder.path());
        for line in expected.lines().filter(|line| !line.trim().is_empty()) {
            if !report.contains(line.trim()) {
                wrong.push(format!(
                    "{name}: the report lacks `{}`:\n{report}",
                    line.trim()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 200, "only {seen} bad bundles");
}

fn report_of(path: &Path) -> String {
    let engine = behest::engine::Engine::new(
        std::sync::Arc::new(behest::clock::FixedClock::at(0)),
        std::sync::Arc::default(),
        behest::record::Recorder::default(),
    )
    .with_quiet(std::time::Duration::from_millis(1));
    match engine.load(&BundleSource::Dir(path.to_owned())) {
        Ok(_) => "it was loaded".to_owned(),
        Err(refused) => bundle::render(&refused.problems, &refused.files, false),
    }
}

#[test]
fn folders_nest_so_deep_and_no_deeper() {
    let folder = tempfile::tempdir().expect("a folder");
    support::engines::write(
        folder.path(),
        &[
            (
                "schemas/s.cedarschema",
                "entity user, doc; action read appliesTo { principal: user, resource: doc };",
            ),
            (
                "policies/p.cedar",
                "@id(\"open\") permit (principal, action, resource);",
            ),
        ],
    );
    let mut at = folder.path().join("policies");
    for _ in 0..bundle::MAX_FOLDERS {
        at.push("x");
    }
    std::fs::create_dir_all(&at).expect("folders");
    std::fs::write(
        at.join("q.cedar"),
        "@id(\"q\") forbid (principal, action, resource);",
    )
    .expect("a file");
    assert_eq!(report_of(folder.path()), "it was loaded");
    for _ in 0..1_500 {
        at.push("y");
    }
    std::fs::create_dir_all(&at).expect("folders");
    let report = report_of(folder.path());
    assert!(
        report.contains("/x/y` lies too deep: at most 16 folders lie within one another"),
        "{report}"
    );
}
