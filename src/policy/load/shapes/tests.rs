//! Compares shapes with what Cedar's validator finds and with the relations that policies mention.

use crate::policy::analysis::mentions::{Mention, mentions};
use crate::policy::load::shapes::*;
use crate::policy::load::source::SourceFile;
use crate::policy::port::RelationTypes;
use cedar_policy_core::ast::PolicySet;
use cedar_policy_core::validator::{ValidationMode, Validator};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use std::collections::BTreeSet;
use std::sync::LazyLock;

const SCHEMA: &str = r#"
    entity Color enum ["red", "green"];
    entity Group;
    entity user in [Group] {
        name?: String, level: Long, boss?: user, color?: Color, roles?: Set<String>
    } tags String;
    entity doc { owner?: user, name: String } tags String;
    action touch;
    action read, write in [touch] appliesTo { principal: [user], resource: [doc], context: {
        ip?: ipaddr, at?: String, price?: decimal, since?: datetime,
        pair?: { name: String, level: Long },
    } };
"#;

/// Conditions with texts at `$` and numbers at `#`: free ones, and one for each way in which a
/// value matters.
const CONDITIONS: [&str; 52] = [
    "principal has name && principal.name == $",
    "$ == resource.name",
    "[$, $].contains(resource.name)",
    "$ == $",
    "(if $ == $ then principal.level == 1 else principal.name == $)",
    "principal has name && [principal.name, $].contains($)",
    "resource.hasTag($) && resource.getTag($) == $",
    "(if resource.name == $ then principal else principal) has name && \
     (if resource.name == $ then principal else principal).name == $",
    "context has ip && context.ip.isInRange(ip($))",
    "resource.name like $",
    "principal == user::$",
    "principal in [Group::$, Group::$]",
    "user::$ == user::$",
    "user::$.level == 1",
    "user::$ in Group::$",
    "principal has color && principal.color == Color::$",
    "principal has boss && principal.boss == user::$",
    "action == Action::$",
    "principal.level + 1 == 1 && resource.name != $",
    "(context has at && !(context.at == $) || $ == $)",
    "principal.level < #",
    "# <= principal.level && principal.level <= #",
    "principal.level == # && # == #",
    "[#, #].contains(principal.level)",
    "principal.level + # > # - #",
    "-principal.level < #",
    "(if # < # then principal.name == $ else principal.level == #)",
    "context has price && context.price.lessThan(decimal($))",
    "context has price && context.price == decimal($)",
    "context has since && context.since < datetime($)",
    "context has since && context.since.offset(duration($)) < datetime($)",
    "principal is user in Group::$",
    "principal in Group::$ && principal == user::$",
    "principal in user::$",
    "[user::$, user::$].contains(principal)",
    "(if resource.name == $ then user::$ else user::$) == principal",
    "(if resource.name == $ then user::$ else principal).level == #",
    "user::$ has name",
    "[principal, user::$].contains(user::$)",
    "{name: $}.name == resource.name",
    "context has pair && context.pair == {name: $, level: #}",
    "context has pair && [{name: $, level: #}].contains(context.pair)",
    "principal has roles && principal.roles.containsAll([$, $])",
    "principal has roles && principal.roles == [$, $]",
    "principal has roles && [$].containsAny(principal.roles)",
    "principal has roles && principal.roles.contains($) && !principal.roles.isEmpty()",
    "resource.hasTag(resource.name) && resource.getTag(resource.name) == $",
    "principal.hasTag($) && principal.getTag($) == $ && resource.name == $",
    "action in [Action::$, Action::$]",
    "[action].contains(Action::$)",
    "principal in resource.viewer && resource.name == $",
    "principal in Userset::$",
];

/// Texts, two of which are the same text written in two ways.
const TEXTS: [&str; 11] = [
    "\"a\"",
    "\"\\u{61}\"",
    "\"b\\\"\\0\"",
    "\"red\"",
    "\"read\"",
    "\"10.0.0.0/8\"",
    "\"1.5\"",
    "\"2026-01-01\"",
    "\"1h\"",
    "\"doc:d#viewer\"",
    "\"\u{202e}x\"",
];

const NUMBERS: [&str; 5] = [
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
];

/// A text and a number.
type Constant = (&'static str, &'static str);

fn constant() -> impl Strategy<Value = Constant> {
    (select(TEXTS.to_vec()), select(NUMBERS.to_vec()))
}

fn filled(text: &str, constants: &[Constant]) -> String {
    let mut constants = constants.iter();
    let mut filled = String::new();
    for c in text.chars() {
        match c {
            '$' => filled += constants.next().unwrap().0,
            '#' => filled += constants.next().unwrap().1,
            c => filled.push(c),
        }
    }
    filled
}

static WORLD: LazyLock<Schema> = LazyLock::new(|| {
    let types = RelationTypes {
        relations: [("doc".into(), ["viewer".into()].into())].into(),
        members: ["user".into()].into(),
        ..RelationTypes::default()
    };
    Schema::read(&[SourceFile::new("s.cedarschema", SCHEMA)], types).unwrap()
});

fn parsed(text: &str) -> PolicySet {
    cedar_policy_core::parser::parse_policyset(text).unwrap()
}

/// Returns how many errors and warnings Cedar finds, apart from unreadable strings.
fn found(text: &str, validator: &Validator) -> (usize, usize) {
    let set = parsed(text);
    let result = validator.validate_with_level(&set, ValidationMode::Strict, 2);
    let strings =
        cedar_policy_core::validator::confusable_string_checks(set.all_templates()).count();
    let (errors, warnings) = result.into_errors_and_warnings();
    (errors.count(), warnings.count() - strings)
}

/// Returns the relations that a policy mentions, if it is well-typed.
fn asked(text: &str) -> Option<BTreeSet<Mention>> {
    let set = parsed(text);
    mentions(
        &SourceFile::new("p.cedar", text),
        set.policies().next().unwrap(),
        &WORLD,
    )
    .ok()
    .map(|asked| asked.found)
}

fn shape(text: &str) -> Shape {
    Shape::of(parsed(text).all_templates().next().unwrap(), &WORLD)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_260_705),
        ..ProptestConfig::default()
    })]

    /// Cedar finds the same, whatever the constants are.
    #[test]
    fn cedar_finds_the_same_in_policies_of_one_shape(
        scope in select(vec![
            "principal, action",
            "principal == user::$, action == Action::\"read\"",
            "principal in Group::$, action in [Action::\"read\", Action::\"write\"]",
            "principal is user in Group::$, action in Action::$",
            "principal == Color::$, action",
        ]),
        conditions in prop::collection::vec(select(CONDITIONS.to_vec()), 1..3),
        one in prop::collection::vec(constant(), 16),
        // Most constants are equal, since what is to be found concerns the few that are not.
        other in prop::collection::vec(prop::option::weighted(0.3, constant()), 16),
    ) {
        let text = format!("permit ({scope}, resource) when {{ {} }};", conditions.join(" && "));
        let pairs = one.iter().zip(other);
        let other: Vec<Constant> = pairs.map(|(one, other)| other.unwrap_or(*one)).collect();
        let [one, other] = [&one, &other].map(|constants| filled(&text, constants));
        if shape(&one) == shape(&other) {
            let validator = Validator::new(WORLD.validator.clone());
            let counts = [&one, &other].map(|text| found(text, &validator));
            prop_assert_eq!(counts[0], counts[1], "{}\n{}", one, other);
            prop_assert_eq!(asked(&one), asked(&other), "{}\n{}", one, other);
        }
    }
}

#[test]
fn a_shape_leaves_out_what_is_free_and_nothing_else() {
    let same = |one: &str, other: &str| {
        let [one, other] = [one, other]
            .map(|text| format!("permit (principal, action, resource) when {{ {text} }};"));
        shape(&one) == shape(&other)
    };
    assert!(same("resource.name == \"a\"", "resource.name == \"b\""));
    assert!(same("principal.level < 1", "principal.level < 2"));
    assert!(same(
        "principal in [Group::\"a\", Group::\"b\"]",
        "principal in [Group::\"c\", Group::\"d\"]"
    ));
    // Equal constants stay equal, and different ones different.
    assert!(!same(
        "[\"a\", \"a\"].contains(resource.name)",
        "[\"a\", \"b\"].contains(resource.name)"
    ));
    assert!(!same("resource.name == \"a\"", "resource.name == 1"));
    assert!(!same(
        "principal == user::\"a\"",
        "principal == Group::\"a\""
    ));
    assert!(!same(
        "principal.color == Color::\"red\"",
        "principal.color == Color::\"green\""
    ));
    assert!(!same(
        "action == Action::\"read\"",
        "action == Action::\"write\""
    ));
    assert!(!same("resource.hasTag(\"a\")", "resource.hasTag(\"b\")"));
    assert!(!same("\"a\" == \"b\"", "\"a\" == \"c\""));
    assert!(!same("true", "false"));
    assert!(!same(
        "resource.name like \"a\"",
        "resource.name like \"b\""
    ));
    assert!(same(
        "context has pair && context.pair.level == 1",
        "context has pair && context.pair.level == -1"
    ));
    assert!(!same(
        "principal in Userset::\"doc:a#viewer\"",
        "principal in Userset::\"doc:b#viewer\""
    ));
    // A constant that is not free in one position is free in none.
    let tag = |key: &str| format!("resource.name == \"{key}\" && resource.hasTag(\"a\")");
    assert!(same(&tag("b"), &tag("c")));
    assert!(!same(&tag("a"), &tag("b")));
}
