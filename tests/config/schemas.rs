//! The JSON schemas for editors say what the program reads: the same keys, the same numbers, the
//! same words. What the tree holds is valid by them, and what they refuse is refused.

use crate::example::{EXAMPLE, filled_example};
use crate::{load_text, refused};
use behest::bundle::{self, BundleFiles};
use behest::evidence::Preset;
use behest::http::Permission;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A kind of file with its schema, and how the program reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Cases,
    Tuples,
    Bundle,
    Behest,
}

/// What a file of a bundle is read beside.
const BESIDE: [(&str, &str); 4] = [
    (
        "schemas/s.cedarschema",
        "entity user; entity agent; entity document;\n\
         action read appliesTo { principal: [user, agent], resource: document };\n",
    ),
    (
        "schemas/m.fga",
        "model\n  schema 1.1\ntype user\ntype document\n  relations\n    \
         define viewer: [user, user with until]\n\
         condition until(end: timestamp, current_time: timestamp) {\n  current_time < end\n}\n",
    ),
    (
        "policies/p.cedar",
        "@id(\"read\") @reason(\"no_reader\")\n\
         permit (principal, action, resource is document) when { principal in resource.viewer };\n",
    ),
    ("policies/own.tuples.yaml", "[]"),
];

impl Kind {
    fn schema(self) -> Value {
        let name = match self {
            Self::Cases => "cases",
            Self::Tuples => "tuples",
            Self::Bundle => "bundle",
            Self::Behest => "behest",
        };
        let path = format!("editors/schemas/{name}.schema.json");
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn value(self, text: &str) -> Value {
        match self {
            Self::Cases | Self::Tuples => serde_saphyr::from_str(text).unwrap(),
            Self::Bundle | Self::Behest => toml::from_str(text).unwrap(),
        }
    }

    /// Loads a file as the program does; `Err` has what it says.
    fn load(self, text: &str) -> Result<(), String> {
        let path = match self {
            Self::Cases => "policies/cases.yaml",
            Self::Tuples => "policies/tuples.yaml",
            Self::Bundle => "policies/bundle.toml",
            Self::Behest => {
                let loaded = load_text(text, &[], &[]);
                return loaded.map(drop).map_err(|found| found.join("\n"));
            }
        };
        let own = BESIDE.into_iter().chain([(path, text)]);
        let mut files =
            BundleFiles::from_texts(own.map(|(path, text)| (path.to_owned(), text.to_owned())));
        let compiled = bundle::compile(&mut files);
        compiled.map(drop).map_err(|problems| problems.to_string())
    }

    /// What the schema says against a value; empty if it accepts it.
    fn objections(self, value: &Value) -> Vec<String> {
        let schema = jsonschema::validator_for(&self.schema()).unwrap();
        let found = schema.iter_errors(value);
        found
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

#[test]
fn what_the_tree_holds_is_valid_by_its_schema() {
    let mut seen = [0; 3];
    let mut wrong = Vec::new();
    let mut folders: Vec<PathBuf> = ["policies", "tests/bundles", "src/cli/init/templates"]
        .map(|name| root().join(name))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let kind = match name.as_str() {
                "bundle.toml" => Kind::Bundle,
                name if name.ends_with("cases.yaml") => Kind::Cases,
                name if name.ends_with("tuples.yaml") => Kind::Tuples,
                _ => {
                    folders.extend(path.is_dir().then_some(path));
                    continue;
                }
            };
            seen[kind as usize] += 1;
            let value = kind.value(&std::fs::read_to_string(&path).unwrap());
            let found = kind.objections(&value);
            wrong.extend(
                found
                    .iter()
                    .map(|line| format!("{}: {line}", path.display())),
            );
        }
    }
    for (name, text) in [
        ("behest.example.toml", EXAMPLE.to_owned()),
        ("behest.example.toml, all of it", filled_example()),
        (
            "packages/systemd/behest.toml",
            std::fs::read_to_string(root().join("packages/systemd/behest.toml")).unwrap(),
        ),
    ] {
        let found = Kind::Behest.objections(&Kind::Behest.value(&text));
        wrong.extend(found.iter().map(|line| format!("{name}: {line}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen[0] > 15 && seen[1] >= 3 && seen[2] >= 4, "{seen:?}");
}

/// For each object of a schema whose keys are listed: its place in the schema, and a file with
/// `KEY` in that object.
const OBJECTS: [(Kind, &str, &str); 33] = [
    (Kind::Cases, "", "KEY: 1"),
    (Kind::Cases, "/definitions/given", "given: {KEY: 1}"),
    (Kind::Cases, "/definitions/case", "cases: [{KEY: 1}]"),
    (
        Kind::Cases,
        "/definitions/table",
        "cases: [{name: a, table: {KEY: 1}}]",
    ),
    (
        Kind::Cases,
        "/definitions/tuple",
        "cases: [{name: a, given: {tuples: [{KEY: 1}]}}]",
    ),
    (
        Kind::Cases,
        "/definitions/tuple/properties/condition",
        "cases: [{name: a, given: {tuples: [{condition: {KEY: 1}}]}}]",
    ),
    (Kind::Tuples, "/items", "[{KEY: 1}]"),
    (
        Kind::Tuples,
        "/items/properties/condition",
        "[{condition: {KEY: 1}}]",
    ),
    (Kind::Bundle, "", "KEY = 1"),
    (Kind::Bundle, "/properties/carriers", "[carriers]\nKEY = 1"),
    (Kind::Bundle, "/properties/limits", "[limits]\nKEY = 1"),
    (
        Kind::Bundle,
        "/properties/reasons/additionalProperties",
        "[reasons.no_reader]\nKEY = 1",
    ),
    (Kind::Behest, "", "KEY = 1"),
    (Kind::Behest, "/properties/tls", "[tls]\nKEY = 1"),
    (Kind::Behest, "/properties/socket", "[socket]\nKEY = 1"),
    (Kind::Behest, "/properties/gateway", "[gateway]\nKEY = 1"),
    (Kind::Behest, "/properties/record", "[record]\nKEY = 1"),
    (Kind::Behest, "/properties/log", "[log]\nKEY = 1"),
    (
        Kind::Behest,
        "/properties/telemetry",
        "[telemetry]\nKEY = 1",
    ),
    (Kind::Behest, "/properties/limits", "[limits]\nKEY = 1"),
    (Kind::Behest, "/properties/search", "[search]\nKEY = 1"),
    (Kind::Behest, "/properties/reload", "[reload]\nKEY = 1"),
    (
        Kind::Behest,
        "/properties/callers/items",
        "[[callers]]\nKEY = 1",
    ),
    (
        Kind::Behest,
        "/properties/callers/items/properties/keys/items",
        "[[callers]]\nkeys = [{ KEY = 1 }]",
    ),
    (
        Kind::Behest,
        "/properties/callers/items/properties/token",
        "[[callers]]\ntoken = { KEY = 1 }",
    ),
    (
        Kind::Behest,
        "/properties/callers/items/properties/certificate",
        "[[callers]]\ncertificate = { KEY = 1 }",
    ),
    (
        Kind::Behest,
        "/properties/callers/items/properties/rate",
        "[[callers]]\nrate = { KEY = 1 }",
    ),
    (
        Kind::Behest,
        "/properties/trust_domains/items",
        "[[trust_domains]]\nKEY = 1",
    ),
    (
        Kind::Behest,
        "/properties/issuers/items",
        "[[issuers]]\nKEY = 1",
    ),
    (
        Kind::Behest,
        "/properties/issuers/items/properties/claims",
        "[[issuers]]\nclaims = { KEY = 1 }",
    ),
    (
        Kind::Behest,
        "/properties/issuers/items/properties/introspection",
        "[[issuers]]\nintrospection = { KEY = 1 }",
    ),
    (
        Kind::Behest,
        "/properties/issuers/items/properties/details/items",
        "[[issuers]]\n[[issuers.details]]\nKEY = 1",
    ),
    // Of which a message lists no keys, what is accepted stands in `GOOD`.
    (Kind::Cases, "/definitions/request", ""),
];

/// Objects in which a message does not list the keys.
const UNLISTED: [(Kind, &str); 4] = [
    (Kind::Cases, "/definitions/request"),
    (Kind::Cases, "/definitions/expectation/oneOf/1"),
    (
        Kind::Behest,
        "/properties/issuers/items/properties/facts/additionalProperties/anyOf/1",
    ),
    (
        Kind::Behest,
        "/properties/issuers/items/properties/autonomous/additionalProperties/anyOf/1",
    ),
];

#[test]
fn the_keys_of_a_schema_are_those_that_the_program_reads() {
    let listed = OBJECTS.into_iter().filter(|(.., text)| !text.is_empty());
    for (kind, place, text) in listed {
        let schema = kind.schema();
        let properties = schema.pointer(&format!("{place}/properties")).unwrap();
        let keys: BTreeSet<String> = properties.as_object().unwrap().keys().cloned().collect();
        let told = kind.load(&text.replace("KEY", "no_such_key")).unwrap_err();
        let (_, known) = told
            .split_once("expected")
            .or_else(|| told.split_once("here there are"))
            .unwrap_or_else(|| panic!("{kind:?} {place}: {told}"));
        // YAML's reader writes the keys without backticks: `expected one of given, cases`.
        let words = known.split(|c: char| !c.is_alphanumeric() && c != '_');
        let words = words.filter(|word| !["", "one", "of", "or", "at", "line"].contains(word));
        let known: BTreeSet<String> = words
            .take_while(|word| !word.starts_with(|c: char| c.is_ascii_digit()))
            .map(str::to_owned)
            .collect();
        assert_eq!(keys, known, "{kind:?} {place}: {told}");
    }
}

#[test]
fn every_object_of_a_schema_is_compared_with_the_program() {
    let mut found = BTreeSet::new();
    for kind in [Kind::Cases, Kind::Tuples, Kind::Bundle, Kind::Behest] {
        walk(&kind.schema(), String::new(), &mut |place, schema| {
            if schema.get("additionalProperties") == Some(&json!(false)) {
                found.insert(format!("{kind:?} {place}"));
            }
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                for (name, property) in properties {
                    let described = property.get("description").or_else(|| {
                        let target = property.get("$ref")?.as_str()?.strip_prefix('#')?;
                        kind.schema()
                            .pointer(target)?
                            .get("description")
                            .map(|_| &Value::Null)
                    });
                    assert!(
                        described.is_some(),
                        "{kind:?} {place}: `{name}` has no description"
                    );
                }
            }
            if let Some(sentence) = schema.get("description").and_then(Value::as_str) {
                let begins = sentence.starts_with(|c: char| c.is_uppercase() || c == '`');
                assert!(
                    begins && sentence.ends_with('.'),
                    "{kind:?} {place}: {sentence}"
                );
            }
        });
    }
    let listed = OBJECTS.map(|(kind, place, _)| (kind, place));
    let compared = listed.into_iter().chain(UNLISTED);
    let compared: BTreeSet<String> = compared
        .map(|(kind, place)| format!("{kind:?} {place}"))
        .collect();
    assert_eq!(found, compared);
}

/// Visits the schemas within a schema, by their places.
fn walk(value: &Value, place: String, visit: &mut impl FnMut(&str, &Value)) {
    if value.is_object() && !place.ends_with("/properties") {
        visit(&place, value);
    }
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered
                .map(|(at, value)| (at.to_string(), value))
                .collect()
        }
        _ => return,
    };
    for (key, value) in members {
        walk(value, format!("{place}/{key}"), visit);
    }
}

#[test]
fn numbers_defaults_and_words_are_those_of_the_program() {
    let schema = Kind::Behest.schema();
    let example = Kind::Behest.value(EXAMPLE);
    let whole = Kind::Behest.value(&filled_example());
    let mut bounds = 0;
    let mut defaults = 0;
    for table in [
        "",
        "log",
        "telemetry",
        "record",
        "limits",
        "search",
        "reload",
    ] {
        let place = if table.is_empty() {
            String::new()
        } else {
            format!("/properties/{table}")
        };
        let properties = schema.pointer(&format!("{place}/properties")).unwrap();
        for (key, property) in properties.as_object().unwrap() {
            if let Some(default) = property.get("default") {
                let place = if table.is_empty() {
                    format!("/{key}")
                } else {
                    format!("/{table}/{key}")
                };
                let shown = example.pointer(&place).or_else(|| whole.pointer(&place));
                assert_eq!(shown, Some(default), "{place}");
                defaults += 1;
            }
            if !["limits", "search", "reload"].contains(&table) {
                continue;
            }
            let bound = |name| property.get(name).and_then(Value::as_i64);
            for (number, fits) in [
                (bound("minimum"), true),
                (bound("maximum"), true),
                (bound("minimum").map(|least| least - 1), false),
                (bound("maximum").map(|most| most + 1), false),
            ] {
                let Some(number) = number else { continue };
                let text = format!("[{table}]\n{key} = {number}");
                assert_eq!(load_text(&text, &[], &[]).is_ok(), fits, "{text}");
                bounds += 1;
            }
        }
    }
    assert!(bounds > 60 && defaults > 25, "{bounds} {defaults}");
    let words = |kind: Kind, place: &str| -> BTreeSet<String> {
        let list = kind.schema().pointer(place).unwrap().clone();
        serde_json::from_value(list).unwrap()
    };
    let texts = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        words(
            Kind::Behest,
            "/properties/issuers/items/properties/preset/enum"
        ),
        texts(&Preset::WORDS.map(|(word, _)| word))
    );
    assert_eq!(
        words(Kind::Behest, "/definitions/permissions/anyOf/0/items/enum"),
        texts(&Permission::ALL.map(Permission::as_str))
    );
    let anonymous = Permission::ALL
        .into_iter()
        .filter(|one| one.may_be_anonymous());
    assert_eq!(
        words(Kind::Behest, "/definitions/anonymous/anyOf/0/items/enum"),
        texts(&anonymous.map(Permission::as_str).collect::<Vec<_>>())
    );
    let packs = bundle::packs().into_iter().map(|pack| pack.name);
    assert_eq!(
        words(Kind::Bundle, "/definitions/pack/enum"),
        packs.collect()
    );
}

/// Files that are accepted.
const GOOD: [(Kind, &str); 13] = [
    (
        Kind::Cases,
        "given: {now: 2026-10-01T09:00:00Z, entities: [{uid: {type: user, id: u}, attrs: {}, \
         parents: []}], token: {scopes: [a]}}\ncases:\n  - name: a\n    who: user:alice > agent:x\n    \
         does: read\n    to: document:d\n    now: 2026-10-01T09:00:00+02:00\n    \
         expect: {deny: no_reader, policies: [read]}\n  - {name: b, like: a, expect: deny}\n",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, request: {subject: {type: user, id: u}, action: {name: read}, \
         resource: {type: document, id: d}, context: {}}, expect: {deny: true}}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, does: read, table: {who: ['user:u'], to: ['document:d'], \
         expect: [[deny]]}, given: {tuples: [{user: 'user:u', relation: viewer, \
         object: 'document:e', condition: {name: until, context: {end: 2027-01-01T00:00:00Z}}}]}}]",
    ),
    (
        Kind::Tuples,
        "[{user: 'user:u', relation: viewer, object: 'document:d'}, {user: 'user:v', relation: \
         viewer, object: 'document:d', condition: {name: until}}]",
    ),
    (
        Kind::Bundle,
        "packs = []\nlevel = 5\n[types]\nidentity = \"user\"\n[carriers]\nagent_types = [\"agent\"]\n\
         client_id = \"agent\"\n[limits]\nactors = 2\n[reasons.no_reader]\nnext_action = \"request\"\n\
         doc = \"Ask.\"\n",
    ),
    (Kind::Bundle, ""),
    (
        Kind::Behest,
        "listen = \"unix:/run/b.sock\"\ncache = 65536\nanonymous = \"decide,search\"",
    ),
    (
        Kind::Behest,
        "listen = \"unix:/run/b.sock\"\nsocket = { mode = \"0660\", group = \"www-data\" }\n\
         metrics = \"callers\"\ndocs = \"off\"\n[limits]\ndrain_ms = 0",
    ),
    (
        Kind::Behest,
        "listen = \"localhost:8181\"\ncache = \"off\"\nanonymous = []",
    ),
    (
        Kind::Behest,
        "listen = \"[::1]:8181\"\n[limits]\nbody = 2048",
    ),
    (
        Kind::Behest,
        "[[issuers]]\nissuer = \"i\"\nfacts = { a = { claim = [\"x\"], type = \"Long\" } }",
    ),
    (
        Kind::Behest,
        "[[issuers]]\nissuer = \"i\"\nautonomous = { a = { value = \"1\", any_sub = true } }",
    ),
    (
        Kind::Behest,
        "[[issuers]]\nissuer = \"i\"\nown_clients = \"*\"\nrequired = { a = [\"b\"] }",
    ),
];

/// Files that the schema and the program refuse alike.
const BAD: [(Kind, &str); 48] = [
    (Kind::Cases, "[]"),
    (Kind::Cases, "cases: {}"),
    (
        Kind::Cases,
        "cases: [{who: 'user:u', does: read, to: 'document:d', expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: 'document:d'}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', to: 'document:d', expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, does: read, to: 'document:d', expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: user, does: read, to: 'document:d', expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: document, expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u -> agent:x', does: read, to: 'document:d', expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: 'document:d', expect: allow}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: 'document:d', expect: {permit: false}}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: 'document:d', \
         expect: {permit: true, deny: x}}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: 'document:d', \
         expect: {deny: x, policy: [read]}}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: 'document:d', \
         expect: {deny: true, policies: read}}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: 'document:d', now: noon, expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: 'document:d', context: 1, expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, does: read, expect: deny, \
         table: {who: ['user:u'], to: ['document:d'], expect: [[deny]]}}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, does: read, table: {who: [], to: ['document:d'], expect: []}}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, \
         table: {who: ['user:u'], to: ['document:d'], expect: [[deny]]}}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, does: read, table: {who: ['user:u'], to: ['document:d']}}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', request: {subject: {type: user, id: u}, \
         action: {name: read}, resource: {type: document, id: d}}, expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, request: {subject: {type: user, id: u}, action: {name: read}, \
         resource: {type: document, id: d}, options: {}}, expect: deny}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: 'document:d', expect: deny, \
         given: {entities: [{attrs: {}}]}}]",
    ),
    (
        Kind::Cases,
        "cases: [{name: a, who: 'user:u', does: read, to: 'document:d', expect: deny, \
         given: {tuples: [{user: 'user:u', relation: viewer}]}}]",
    ),
    (
        Kind::Tuples,
        "{user: 'user:u', relation: viewer, object: 'document:d'}",
    ),
    (
        Kind::Tuples,
        "[{user: u, relation: viewer, object: 'document:d'}]",
    ),
    (
        Kind::Tuples,
        "[{user: 'user:u', relation: viewer, object: d}]",
    ),
    (
        Kind::Tuples,
        "[{user: 'user:u', relation: '', object: 'document:d'}]",
    ),
    (Kind::Tuples, "[{user: 'user:u', object: 'document:d'}]"),
    (
        Kind::Tuples,
        "[{user: 'user:u', relation: viewer, object: 'document:d', condition: {context: {}}}]",
    ),
    (Kind::Bundle, "packs = [\"delegatoin\"]"),
    (Kind::Bundle, "packs = [\"roles\", \"roles\"]"),
    (Kind::Bundle, "level = 6"),
    (Kind::Bundle, "[limits]\nactors = 9"),
    (Kind::Bundle, "[reasons.no_reader]\nnext_action = \"wait\""),
    (Kind::Bundle, "[reasons.no_reader]\ndoc = \"Ask.\""),
    (Kind::Behest, "listen = \"8181\""),
    (Kind::Behest, "public_url = \"http://pdp.example\""),
    (Kind::Behest, "anonymous = [\"admin\"]"),
    (Kind::Behest, "metrics = \"everybody\""),
    (
        Kind::Behest,
        "listen = \"unix:/b\"\nsocket = { mode = \"0999\" }",
    ),
    (
        Kind::Behest,
        "[[callers]]\nname = \"a\"\npermissions = [\"decide\"]\nkeys = []",
    ),
    (Kind::Behest, "[log]\nformat = \"xml\""),
    (Kind::Behest, "[record]\nqueue = 5"),
    (Kind::Behest, "[record]\nsink = \"-\"\nwhen_full = \"wait\""),
    (
        Kind::Behest,
        "[[callers]]\nname = \"a\"\npermissions = [\"decide\"]",
    ),
    (
        Kind::Behest,
        "[[trust_domains]]\nname = \"a\"\nbundle = \"file:x\"",
    ),
];

#[test]
fn schema_and_program_refuse_alike() {
    let mut wrong = Vec::new();
    for (files, is_good) in [(&GOOD[..], true), (&BAD[..], false)] {
        for (kind, text) in files {
            let loaded = kind.load(text);
            let objections = kind.objections(&kind.value(text));
            if loaded.is_ok() != is_good || objections.is_empty() != is_good {
                wrong.push(format!("{kind:?} {text}\n  {loaded:?}\n  {objections:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let told = refused("cahce = \"1MiB\"", &[], &[]);
    assert!(told[0].contains("did you mean `cache`"), "{told:?}");
}
