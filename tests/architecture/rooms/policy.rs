//! The rooms of `src/policy`, in order.

use super::{Against, Room};

pub(super) const POLICY: [Room; 23] = [
    (
        "analysis::syntax",
        &[],
        "Paths and parts of Cedar's syntax tree.",
    ),
    (
        "port",
        &["analysis::syntax"],
        "What policies must know of relations, and what must answer them.",
    ),
    ("load::source", &[], "A file of a bundle, and places in it."),
    ("load::lexer", &[], "The tokens of Cedar's languages."),
    (
        "load::words",
        &["load::lexer"],
        "The tokens of a text that need not parse, for editors.",
    ),
    (
        "search::index",
        &[],
        "Stored entities by what policies compare.",
    ),
    (
        "load::ancestors",
        &[],
        "How many ancestors there are together.",
    ),
    (
        "load::hierarchy",
        &["load::ancestors", "load::source"],
        "How far groups of types and of actions may contain one another.",
    ),
    (
        "load::expansion",
        &["load::source"],
        "How far common types may expand.",
    ),
    (
        "load::nesting",
        &["load::source", "load::lexer"],
        "How deep a text may nest, before a parser recurses.",
    ),
    (
        "schema",
        &[
            "port",
            "load::source",
            "load::lexer",
            "load::expansion",
            "load::hierarchy",
            "load::nesting",
        ],
        "Types, actions and their attributes, checked.",
    ),
    (
        "explanation::shown",
        &["load::source", "schema"],
        "What of a value may be shown.",
    ),
    (
        "explanation::unmet",
        &["schema", "explanation::shown"],
        "Tuples that do not count, and the values of their conditions.",
    ),
    (
        "analysis::mentions",
        &["analysis::syntax", "port", "load::source", "schema"],
        "The relations that a policy names.",
    ),
    (
        "load",
        &[
            "analysis::syntax",
            "load::source",
            "load::ancestors",
            "search::index",
            "load::nesting",
            "schema",
            "explanation::shown",
            "analysis::mentions",
        ],
        "Policies, templates and stored entities, read and checked.",
    ),
    (
        "idle",
        &[
            "analysis::syntax",
            "load::source",
            "schema",
            "analysis::mentions",
            "load",
        ],
        "Policies, and parts of policies, that can never apply.",
    ),
    (
        "analysis",
        &[
            "analysis::syntax",
            "port",
            "schema",
            "analysis::mentions",
            "load",
        ],
        "What a policy reads, when the clock matters, and what permits too much.",
    ),
    (
        "index",
        &[
            "analysis::syntax",
            "schema",
            "analysis::mentions",
            "load",
            "analysis",
        ],
        "Which policies can have a say in a request.",
    ),
    (
        "inputs",
        &[
            "analysis::syntax",
            "port",
            "load::source",
            "load::nesting",
            "schema",
            "explanation::shown",
            "explanation::unmet",
            "analysis::mentions",
            "load",
            "index",
        ],
        "What policies see of a request: entities and a context.",
    ),
    (
        "explanation",
        &["load"],
        "Reasons and explanations of an outcome.",
    ),
    (
        "evaluate",
        &[
            "analysis::syntax",
            "port",
            "schema",
            "explanation::shown",
            "load",
            "analysis",
            "index",
            "inputs",
            "explanation",
        ],
        "One leg, decided.",
    ),
    (
        "cache_key",
        &["analysis::syntax", "schema", "index", "evaluate"],
        "What of a question an outcome depends on.",
    ),
    (
        "search",
        &[
            "analysis::syntax",
            "search::index",
            "schema",
            "analysis::mentions",
            "load",
            "analysis",
            "index",
            "inputs",
            "evaluate",
        ],
        "Who or what policies can permit at all.",
    ),
];

/// What in `policy/` points against the order: by whom, of whom, and why it stays so for now.
pub(super) const POLICY_AGAINST: [Against; 8] = [
    (
        "port",
        "analysis::mentions",
        "a question is made of what a policy mentions",
    ),
    (
        "schema",
        "analysis::mentions",
        "relations are part of the schema, and named where policies mention them",
    ),
    (
        "analysis::mentions",
        "idle",
        "a condition that is always false mentions nothing",
    ),
    ("load", "idle", "a policy is refused where it is read"),
    ("load", "analysis", "a policy is kept with what it reads"),
    (
        "analysis",
        "inputs",
        "a time in a policy is read as one of a request is",
    ),
    (
        "index",
        "cache_key",
        "the layout of a key is made with the index, once for each scope",
    ),
    (
        "explanation",
        "evaluate",
        "what is unknown is found by evaluating",
    ),
];
