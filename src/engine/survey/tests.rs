//! What a survey finds between two bundles.

use super::*;
use crate::bundle::{self, BundleFiles};
use crate::clock::FixedClock;
use crate::engine::load::check_snapshot;

const SCHEMA: &str = "entity user;\nentity agent;\nentity note { owner?: user };\n\
     action read appliesTo {\n  principal: [user, agent],\n  resource: note,\n  \
     context: { arguments?: { pages?: Long }, hour?: Long },\n};\n\
     action shred appliesTo { principal: user, resource: note };\n";

const NOTES: &str = r#"[
  { "uid": { "type": "note", "id": "n1" }, "attrs": {}, "parents": [] },
  { "uid": { "type": "note", "id": "n2" }, "attrs": {}, "parents": [] },
  { "uid": { "type": "user", "id": "ann" }, "attrs": {}, "parents": [] },
  { "uid": { "type": "agent", "id": "a" }, "attrs": {}, "parents": [] }
]"#;

const CASES: &str = "cases:\n  - name: ben reads\n    who: user:ben\n    does: read\n    \
     to: note:n1\n    expect: deny\n  - name: late\n    who: user:ann\n    does: read\n    \
     to: note:n1\n    context: { hour: 23 }\n    expect: deny\n";

fn survey_of(policies: &str, cases: &str) -> Survey {
    survey_at(policies, cases, &FixedClock::at(0))
}

fn survey_at(policies: &str, cases: &str, clock: &dyn Clock) -> Survey {
    let files = [
        ("schemas/notes.cedarschema", SCHEMA),
        ("policies/bundle.toml", "packs = []\n"),
        ("policies/notes.cedar", policies),
        ("policies/entities.json", NOTES),
        ("policies/cases.yaml", cases),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let mut files = BundleFiles::from_texts(files);
    match check_snapshot(&mut files, None) {
        Ok((snapshot, _)) => Survey::of(&snapshot, clock),
        Err(problems) => panic!("{}", bundle::render(&problems, &files, false)),
    }
}

fn changes(before: &str, after: &str) -> Vec<String> {
    told(&survey_of(after, CASES), &survey_of(before, CASES))
}

fn told(after: &Survey, before: &Survey) -> Vec<String> {
    let tell = |change: DecisionChange| format!("{:?} {}", change.now, change.question);
    after.changes_since(before).into_iter().map(tell).collect()
}

/// A policy that forbids nothing and permits nothing.
const NOTHING: &str = "@id(\"p\") permit (principal == user::\"zoe\", action, resource);\n";

#[test]
fn a_permit_that_is_added_is_found_wherever_it_counts() {
    let users = "@id(\"p\") permit (principal is user, action == Action::\"read\", resource);\n";
    assert_eq!(
        changes(NOTHING, users),
        [
            "Permitted user:ann read note:n1",
            "Permitted user:ben read note:n1",
            "Permitted user:ann read note:n2",
            "Permitted user:ben read note:n2",
            "Permitted `late`",
        ],
        "an agent is not permitted, and nobody may shred"
    );
    let all = format!("{users}@id(\"q\") permit (principal is agent, action, resource);\n");
    let found = changes(users, &all);
    for question in [
        "Permitted agent:a read note:n1",
        "Permitted user:ann > agent:a read note:n1",
        "Permitted user:ben > agent:a read note:n2",
    ] {
        assert!(found.iter().any(|told| told == question), "{found:?}");
    }
    assert_eq!(found.len(), 6, "{found:?}");
    assert_eq!(changes(&all, &all), [""; 0]);
}

#[test]
fn what_some_arguments_permit_is_an_outcome_of_its_own() {
    let short = "@id(\"p\") permit (principal == user::\"ann\", action == Action::\"read\", \
         resource == note::\"n1\")\nwhen { context has arguments.pages && \
         context.arguments.pages < 5 };\n";
    assert_eq!(
        changes(NOTHING, short),
        ["PermittedWithArguments user:ann read note:n1"]
    );
    assert_eq!(changes(short, NOTHING), ["Denied user:ann read note:n1"]);
    let all = "@id(\"p\") permit (principal == user::\"ann\", action == Action::\"read\", \
         resource == note::\"n1\");\n";
    assert_eq!(changes(short, all)[0], "Permitted user:ann read note:n1");
}

#[test]
fn a_case_counts_where_the_matrix_does_not_ask_and_whether_or_not_it_fails() {
    let late = "@id(\"p\") permit (principal == user::\"ann\", action == Action::\"read\", \
         resource)\nwhen { context has hour && context.hour > 20 };\n";
    assert_eq!(changes(NOTHING, late), ["Permitted `late`"], "it fails");
    let (_, second) = CASES.split_once("  - name: late").unwrap();
    let permits = CASES.replace(second, &second.replace("deny", "permit"));
    let (before, after) = (survey_of(NOTHING, CASES), survey_of(late, &permits));
    assert_eq!(told(&after, &before), ["Permitted `late`"]);
    assert!(!after.asks_more_than(&before));
    let other = survey_of(late, &permits.replace("hour: 23", "hour: 22"));
    assert_eq!(
        told(&other, &before),
        [""; 0],
        "another question under the same name"
    );
    assert!(other.asks_more_than(&before));
}

#[test]
fn another_reason_of_a_case_is_a_change() {
    let forbid = "@id(\"p\") @reason(\"too_late\") forbid (principal, action, resource)\n\
         when { context has hour && context.hour > 20 };\n";
    assert_eq!(changes(NOTHING, forbid), ["DeniedOtherwise `late`"]);
    let always = "@id(\"p\") @reason(\"never\") forbid (principal, action, resource);\n";
    assert_eq!(
        changes(NOTHING, always),
        ["DeniedOtherwise `ben reads`", "DeniedOtherwise `late`"],
        "the matrix asks what ben asks, and knows no reasons"
    );
}

#[test]
fn a_case_with_properties_is_none_of_the_matrix() {
    let cases = "cases:\n  - name: lent\n    request:\n      \
         subject: { type: user, id: zed }\n      action: { name: read }\n      \
         resource: { type: note, id: n9, properties: { owner: { type: user, id: zed } } }\n    \
         expect: deny\n";
    let own = "@id(\"p\") permit (principal, action, resource)\n\
         when { resource has owner && resource.owner == principal };\n";
    let (before, after) = (survey_of(NOTHING, cases), survey_of(own, cases));
    assert_eq!(told(&after, &before), ["Permitted `lent`"]);
}

/// A clock that stands still for some looks, and shows a later time from then on.
struct LateClock {
    looks: std::sync::atomic::AtomicI64,
    still: i64,
    later: i64,
}

impl Clock for LateClock {
    fn now_ms(&self) -> i64 {
        0
    }

    fn monotonic_ms(&self) -> i64 {
        let looks = self
            .looks
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if looks < self.still { 0 } else { self.later }
    }
}

fn late(still: i64, later: i64) -> LateClock {
    LateClock {
        looks: 0.into(),
        still,
        later,
    }
}

#[test]
fn a_matrix_ends_with_its_time_and_what_is_left_is_counted_for_a_while() {
    let whole = survey_of(NOTHING, CASES);
    assert_eq!(whole.matrix.len(), 14);
    assert!(!whole.compared_with(&whole).is_cut);
    for (later, total) in [(MAX_MS + 1, Some(14)), (2 * MAX_MS + 1, None)] {
        let cut = survey_at(NOTHING, CASES, &late(12, later));
        assert_eq!(cut.cases.len(), 2);
        let compared = cut.matrix.len();
        assert!((1..14).contains(&compared), "{compared}");
        assert_eq!(
            cut.compared_with(&whole),
            ComparedPart {
                compared,
                total,
                is_cut: true
            }
        );
        assert!(whole.compared_with(&cut).is_cut);
        assert_eq!(told(&whole, &cut), [""; 0]);
    }
}

/// What applies to nothing takes time as well.
#[test]
fn a_matrix_in_which_nothing_applies_ends_with_its_time() {
    let clock = late(1, 2 * MAX_MS + 1);
    let mut survey = Survey::default();
    let schema = "entity user;\nentity t;\n\
                  action read appliesTo { principal: user, resource: t };\n\
                  action a, b, c, d, e, f, g appliesTo { principal: t, resource: user };\n";
    let mut files = BundleFiles::from_texts([
        ("schemas/s.cedarschema".to_owned(), schema.to_owned()),
        ("policies/bundle.toml".to_owned(), "packs = []\n".to_owned()),
        ("policies/p.cedar".to_owned(), NOTHING.to_owned()),
        (
            "policies/entities.json".to_owned(),
            r#"[{ "uid": { "type": "t", "id": "a" }, "attrs": {}, "parents": [] }]"#.to_owned(),
        ),
    ]);
    let (snapshot, _) = check_snapshot(&mut files, None).unwrap();
    survey.add_matrix(&snapshot, &clock);
    let looks = clock.looks.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((survey.matrix.len(), survey.total, looks), (0, None, 2));
}

#[test]
fn cases_end_with_their_time_and_the_matrix_has_its_own() {
    // A look before the cases, one at the first, and one at the second.
    let cut = survey_at(NOTHING, CASES, &late(2, MAX_CASES_MS + 1));
    let whole = survey_of(NOTHING, CASES);
    assert_eq!(cut.cases.len(), 1);
    assert_eq!(cut.matrix.len(), whole.matrix.len());
    assert!(whole.compared_with(&cut).is_cut);
}
