//! Why a case or a tuple that somebody wrote is refused.

use crate::model::{
    MalformedMember, ObjectRef, ParseEntityRefError, TupleKey, TupleTextError, decode_id,
    encode_id, shown,
};
use crate::relations::model::TupleRefusal;
use smol_str::SmolStr;

/// A mistake in a case, in the short form of a request, or in a tuple.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// `expect` has another form.
    #[error("`expect` is `permit`, `deny`, `{{deny: code}}`, and may name `policies: [id, …]`")]
    Expectation,
    /// The case has neither `expect` nor a table.
    #[error("it expects nothing: say `expect: permit` or `expect: {{deny: code}}`")]
    NoExpectation,
    /// The case has a table and `expect` beside it.
    #[error("a table has its own `expect`")]
    TwoExpectations,
    /// The case has a table, and `who` or `to` beside it.
    #[error("a table has its own `who` and `to`")]
    TwoCells,
    /// A list that adds to others has no items.
    #[error(
        "`given.{0}` is an empty list, which takes nothing away: what the bundle, the file and \
         the case above are given stays"
    )]
    EmptyList(&'static str),
    /// The cells of the table are too few or too many.
    #[error(
        "the table needs a row of `expect` for each of the {who} in `who`, each with a cell for \
         each of the {to} in `to`"
    )]
    Table {
        /// How many rows it needs.
        who: usize,
        /// How many cells a row needs.
        to: usize,
    },
    /// `now` is no time.
    #[error("`{0}` is no time; write it like `2026-10-01T09:00:00Z`")]
    Time(String),
    /// The case has a whole request and parts of another.
    #[error(
        "`request` is the whole request: `who`, `does`, `to`, `context` and `table` cannot stand \
         beside it"
    )]
    TwoRequests,
    /// The whole request has a member that is not read.
    #[error("`request.{0}` is no member of an evaluation, and would be ignored")]
    RequestMember(SmolStr),
    /// The case has no whole request, and lacks a part of one.
    #[error("the case has no `{0}`")]
    NoPart(&'static str),
    /// `who` is empty.
    #[error("`who` names nobody")]
    Nobody,
    /// `who` has an arrow between two members of the chain.
    #[error(
        "`{}` has `->` in it: write `{} > {}`",
        shown(who),
        shown(before),
        shown(actor)
    )]
    Arrow {
        /// What was written.
        who: String,
        /// The text before the arrow.
        before: String,
        /// The text after the arrow.
        actor: String,
    },
    /// A member of the chain, or the resource, is no entity.
    #[error(transparent)]
    Entity(#[from] ParseEntityRefError),
    /// The request is malformed.
    #[error(transparent)]
    Request(#[from] MalformedMember),
    /// A tuple has other members than it should.
    #[error(transparent)]
    TupleMembers(#[from] serde_json::Error),
    /// A part of a tuple is malformed.
    #[error(transparent)]
    TupleText(#[from] TupleTextError),
    /// An id is a second spelling of some entity's.
    #[error(
        "the id `{}` is not in its canonical encoding: write {}",
        object.id(),
        canonical(object)
    )]
    NotCanonical {
        /// The object, or the user, of the tuple.
        object: ObjectRef,
        /// Whether it is the user.
        is_user: bool,
    },
    /// There is a tuple, and nothing that says what it means.
    #[error("the bundle has tuples and no relation model: declare one in `schemas/<name>.fga`")]
    NoModel,
    /// The model does not allow the tuple.
    #[error("the tuple `{key}`: {refusal}")]
    Tuple {
        /// The tuple.
        key: Box<TupleKey>,
        /// Why not.
        refusal: TupleRefusal,
    },
    /// A case has a tuple that the bundle has.
    #[error("the tuple `{0}` is the bundle's: a case can only add to them")]
    BundledTuple(Box<TupleKey>),
}

fn canonical(object: &ObjectRef) -> String {
    match decode_id(object.id()) {
        Some(decoded) => format!("`{}`", encode_id(&decoded)),
        None => "`%25` for a per cent sign".to_owned(),
    }
}
