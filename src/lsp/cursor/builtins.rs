//! Names that no file declares: annotations, variables, and what the engine adds to a context.

/// Annotations, each with what it does.
const ANNOTATIONS: [(&str, &str); 9] = [
    (
        "id",
        "`@id(\"…\")` names the policy in explanations, records and cases. Ids are unique.",
    ),
    (
        "reason",
        "`@reason(\"code\")` is the code of a denial by this policy: by a forbid that holds, or by \
         a permit that applies and does not.",
    ),
    (
        "message",
        "`@message(\"…\")` is the sentence of a denial by this policy. `{principal}`, `{action}` \
         and `{resource}` stand for the question's.",
    ),
    (
        "scope",
        "`@scope(\"a b\")` names the scopes that the policy asks of a token. A denial for its \
         reason tells the caller all that are missing.",
    ),
    ("doc", "`@doc(\"…\")` is a sentence for readers."),
    (
        "stored",
        "`@stored`: only the stored value counts, whatever a request says. This is for everything \
         that decides.",
    ),
    (
        "request",
        "`@request`: the request's value wins over the stored one. This is for what only the \
         caller knows.",
    ),
    (
        "secret",
        "`@secret`: the value is kept out of explanations, logs and records.",
    ),
    (
        "x_",
        "Annotations that begin with `@x_` are your own; nothing reads them.",
    ),
];

/// The variables of a policy, and what the engine adds to every context.
const NAMES: [(&str, &str); 10] = [
    (
        "principal",
        "The member of the chain whose leg is decided. A request is permitted if every member is.",
    ),
    (
        "action",
        "The action of the question: `Action::\"<name>\"`.",
    ),
    ("resource", "The resource of the question."),
    (
        "context",
        "The context of the request, and beside it `delegation`, `now` and `token` of the engine.",
    ),
    (
        "delegation",
        "`context.delegation` says for whom the principal acts: `subject`, whose authority it is; \
         `from`, the member directly before; `earlier`, all before it; `depth`, how many. Each has \
         a place for every type of principal.",
    ),
    (
        "depth",
        "`context.delegation.depth` is how many members stand before the principal in the chain.",
    ),
    (
        "from",
        "`context.delegation.from` is the member directly before the principal, under its type.",
    ),
    (
        "subject",
        "`context.delegation.subject` is the first member of the chain, under its type.",
    ),
    ("now", "`context.now` is the time of the decision."),
    (
        "token",
        "`context.token` has the facts of the verified credential that names the principal.",
    ),
];

/// Returns what an annotation does.
pub(super) fn annotation(name: &str) -> Option<String> {
    let mut known = ANNOTATIONS.into_iter();
    let found = known
        .find(|(known, _)| *known == name || (known.ends_with('_') && name.starts_with(known)));
    found.map(|(_, text)| text.to_owned())
}

/// Returns what a variable, or a member of the context, is.
pub(super) fn name(name: &str) -> Option<String> {
    let found = NAMES.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| text.to_owned())
}
