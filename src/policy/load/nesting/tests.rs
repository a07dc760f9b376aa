//! Compares the computed nesting of a text with the depth of what Cedar's own parsers make of it.

use crate::policy::analysis::syntax::children;
use crate::policy::load::nesting::*;
use cedar_policy_core::ast::Expr;
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::RawName;
use cedar_policy_core::validator::json_schema::{Fragment, Type, TypeVariant};
use proptest::prelude::*;

#[test]
fn depth_and_operators_are_counted_outside_of_strings_and_comments() {
    let policy = |condition: &str| {
        SourceFile::new(
            "p.cedar",
            format!("permit(principal, action, resource) when {{ {condition} }};"),
        )
    };
    let deep = |levels: usize| policy(&format!("{}true{}", "(".repeat(levels), ")".repeat(levels)));
    assert!(check_policies(&deep(63)).is_ok());
    assert!(check_policies(&deep(64)).is_err());
    let long = |count: usize| policy(&vec!["true"; count + 1].join(" || "));
    assert!(check_policies(&long(999)).is_ok());
    assert!(check_policies(&long(1_000)).is_err());
    assert!(check_policies(&policy(&format!("\"{}\" == \"\"", "(".repeat(500)))).is_ok());
    for end in ["\n", "\r", "\r\n"] {
        assert!(check_policies(&policy(&format!("true // {}{end}", "(".repeat(500)))).is_ok());
        assert!(
            check_policies(&policy(&format!("true // x{end} && {}", "(".repeat(500)))).is_err()
        );
    }
    let branches = |count: usize| format!("{}true", "if true then true else ".repeat(count));
    assert!(check_policies(&policy(&branches(16))).is_ok());
    assert!(check_policies(&policy(&branches(17))).is_err());
    assert!(
        check_policies(&policy(&format!(
            "({}) && ({})",
            branches(16),
            branches(16)
        )))
        .is_ok()
    );
    assert!(check_policies(&policy(&format!("[{}, {}]", branches(16), branches(16)))).is_ok());
    let within = "(if true then ".repeat(17) + "true" + &" else true)".repeat(17);
    assert!(check_policies(&policy(&within)).is_err());
}

#[test]
fn what_grows_a_tree_without_brackets_within_brackets_is_counted() {
    let of = |text: String| check_policies(&SourceFile::new("p.cedar", text));
    let conditions = |count: usize| {
        of(format!(
            "permit(principal, action, resource) {};",
            "when { true } unless { false }".repeat(count)
        ))
    };
    assert!(conditions(500).is_ok());
    assert!(conditions(501).is_err());
    let steps = |count: usize| {
        of(format!(
            "permit(principal, action, resource) when {{ context{} }};",
            "[\"a\"]".repeat(count)
        ))
    };
    assert!(steps(1_998).is_ok());
    assert!(steps(1_999).is_err());
    let schema = |levels: usize, end: &str| {
        let text = format!(
            "// {end} type a = {}Long{};",
            "Set<".repeat(levels),
            ">".repeat(levels)
        );
        check_schema(&SourceFile::new("s.cedarschema", text))
    };
    for end in ["\n", "\r"] {
        assert!(schema(64, end).is_ok());
        assert!(schema(65, end).is_err());
    }
}

#[test]
fn policies_end_at_semicolons_outside_of_strings_and_comments() {
    assert_eq!(ends("a; b \";\\\";\" ; // ;\n c;"), [2, 13, 22]);
    assert_eq!(ends("a; // ;\r c;"), [2, 11]);
    assert_eq!(ends("\"a"), [0; 0]);
}

/// Returns the depth of a tree, without recursion.
fn depth_of(expr: &Expr) -> usize {
    let mut open = vec![(expr, 1)];
    let mut deepest = 0;
    while let Some((next, depth)) = open.pop() {
        deepest = deepest.max(depth);
        open.extend(children(next).into_iter().map(|child| (child, depth + 1)));
    }
    deepest
}

/// Returns the deepest tree that the counts allow for any policy of a text.
fn allowed(text: &str) -> usize {
    let mut meter = NestingMeter::new(false);
    let mut most = 0;
    let (mut operators, mut depth) = (0, 0);
    for (_, token) in CedarTokens::of(text) {
        meter.take(token);
        operators = meter.operators.max(operators);
        depth = meter.depth.max(depth);
        if token == CedarToken::Mark(';') {
            most = most.max(operators + 4 * (depth + 1));
            (operators, depth) = (0, 0);
        }
    }
    most
}

/// Generates text between tokens, which means nothing to a lexer that reads as Cedar does.
fn gaps() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(String::from(" ")),
        1 => "// [(\\[{\"a;]{0,6}[\\r\\n]",
        1 => "// [)\\]}\"a;]{0,6}[\\r\\n]",
        1 => Just(String::from("// \u{2028}((\u{85}\r")),
        1 => Just(String::from("\u{a0}\r\n\t")),
    ]
}

fn strings() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\"a\"".to_owned()),
        Just("\"//((\"".to_owned()),
        Just("\"\\\")(\"".to_owned()),
        Just("\"))\\\\\"".to_owned()),
        Just("\"{[(\n\"".to_owned()),
    ]
}

/// Generates conditions of every form that nests.
fn conditions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("true".to_owned()),
        Just("1".to_owned()),
        strings(),
        Just("principal.a".to_owned()),
        Just("context".to_owned()),
    ];
    leaf.prop_recursive(7, 60, 4, |inner| {
        let chain = |word: &'static str, inner: BoxedStrategy<String>| {
            (prop::collection::vec(inner, 2..5), gaps())
                .prop_map(move |(parts, gap)| format!("({})", parts.join(&format!(" {word}{gap}"))))
        };
        prop_oneof![
            chain("&&", inner.clone().boxed()),
            chain("||", inner.clone().boxed()),
            chain("+", inner.clone().boxed()),
            (inner.clone(), gaps(), inner.clone())
                .prop_map(|(a, gap, b)| format!("({a} >{gap}{b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} is user in {b})")),
            (inner.clone(), gaps()).prop_map(|(a, gap)| format!("!{gap}!({a})")),
            (inner.clone(), gaps(), 1_usize..4).prop_map(|(a, gap, steps)| format!(
                "({a}){}",
                format!("[{gap}\"k\"]").repeat(steps)
            )),
            (inner.clone(), 1_usize..4)
                .prop_map(|(a, steps)| format!("({a}){}", ".b.c".repeat(steps))),
            (inner.clone(), gaps()).prop_map(|(a, gap)| format!("({a}{gap}has x.y.z)")),
            (inner.clone(), inner.clone(), gaps())
                .prop_map(|(a, b, gap)| format!("[{a},{gap}{b}]")),
            (inner.clone(), gaps()).prop_map(|(a, gap)| format!("{{k:{gap}{a}}}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}).contains({b})")),
        ]
    })
}

fn policies() -> impl Strategy<Value = String> {
    let clause = (
        prop_oneof![Just("when"), Just("unless")],
        gaps(),
        conditions(),
        gaps(),
    );
    let clause = clause.prop_map(|(word, before, condition, after)| {
        format!("{word}{before}{{ {condition}{after}}} ")
    });
    let policy = (prop::collection::vec(clause, 0..6), gaps());
    let policy = policy.prop_map(|(clauses, gap)| {
        format!(
            "permit(principal, action, resource) {}{gap};\n",
            clauses.concat()
        )
    });
    prop::collection::vec(policy, 1..4).prop_map(|policies| policies.concat())
}

fn types() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![Just("Long".to_owned()), Just("a".to_owned())];
    leaf.prop_recursive(6, 30, 3, |inner| {
        prop_oneof![
            (gaps(), inner.clone()).prop_map(|(gap, inner)| format!("Set{gap}<{gap}{inner}>")),
            (gaps(), inner.clone(), inner)
                .prop_map(|(gap, a, b)| format!("{{{gap}k: {a}, \"//<\"?: {b}{gap}}}")),
        ]
    })
}

fn depth_of_type(ty: &Type<RawName>) -> usize {
    match ty {
        Type::Type {
            ty: TypeVariant::Set { element },
            ..
        } => 1 + depth_of_type(element),
        Type::Type {
            ty: TypeVariant::Record(record),
            ..
        } => {
            1 + record
                .attributes
                .values()
                .map(|member| depth_of_type(&member.ty))
                .max()
                .unwrap_or(0)
        }
        Type::Type { .. } | Type::CommonTypeRef { .. } => 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_tree_is_deeper_than_what_is_counted(text in policies()) {
        let set = cedar_policy_core::parser::parse_policyset(&text);
        let set = set.map_err(|errors| TestCaseError::fail(format!("{text:?}: {errors}")))?;
        for policy in set.policies() {
            let depth = policy.non_scope_constraints().map_or(0, depth_of);
            prop_assert!(depth <= allowed(&text), "{depth} of {} in {text:?}", allowed(&text));
        }
        // There are as many pieces as policies: both find the same ends.
        prop_assert_eq!(ends(&text).len(), set.policies().count(), "{:?}", text);
    }

    #[test]
    fn no_type_is_deeper_than_what_is_counted(ty in types(), gap in gaps()) {
        let text = format!("{gap} type t = {ty};");
        let extensions = Extensions::all_available();
        let (fragment, _) = Fragment::<RawName>::from_cedarschema_str(&text, extensions)
            .map_err(|error| TestCaseError::fail(format!("{text:?}: {error}")))?;
        let mut meter = NestingMeter::new(true);
        let depths = CedarTokens::of(&text).map(|(_, token)| {
            meter.take(token);
            meter.depth
        });
        let deepest = depths.max().unwrap_or(0);
        for common in fragment.0.values().flat_map(|definition| definition.common_types.values()) {
            prop_assert_eq!(depth_of_type(&common.ty), deepest + 1, "{:?}", text);
        }
    }
}
