//! The vocabulary of a decision: who asks what, and the answer.
//!
//! **Problem.** A request may name its parties in seven ways and be answered in three depths, while
//! everything in between (policies, relations, cache, records) must share one representation.
//! **Decision.** This folder holds that representation as plain values: no IO, no async, no JSON,
//! no Cedar. A value that exists here is valid; wire types stay in `http/`, Cedar types in
//! `policy/`.
//! **Trade-off.** The edges must convert. They do so once per request, and no other code has to
//! validate its input.

mod canonical;
mod carriers;
mod chain;
mod clock_use;
mod decision;
mod details;
mod digest;
mod entity;
mod evidence;
mod explanation;
mod kind_words;
mod likely_token;
mod name;
mod page;
mod party_names;
mod principal;
mod problem;
mod reason;
mod request;
mod scalar;
mod search;
mod shown;
mod slip;
mod spelling;
mod spiffe;
mod tuple;
mod unmet_tuple;
mod value;

pub use canonical::CanonicalWriter;
pub use carriers::{
    CarrierSettings, ChainRefusal, NearName, NearOwner, overlooked_in_act, read_proven_question,
    read_question,
};
pub use chain::{Chain, ChainError, MAX_ACTORS};
pub use clock_use::ClockUse;
pub use decision::{
    Answer, AnswerDepth, Arguments, Decision, DecisionId, Fault, Revision, Timestamp,
    TimestampError,
};
pub use details::{DetailRule, MemberPath, covering};
pub use digest::{Digest, DigestError, read_sha256};
pub use entity::{Entity, EntityRef, ParseEntityRefError};
pub use evidence::{
    Credential, CredentialError, CredentialKind, Evidence, IssuerAnswer, MAX_CREDENTIALS, Proof,
    ProvenIdentity, TOKEN_FACTS, VerifiedCredential, Voucher, is_unknown_fact, unknown_fact,
};
pub use explanation::{
    AppliedForbid, ClauseResult, Condition, CredentialLine, DroppedMember, DroppedMembers,
    Explanation, LegExplanation, LegOutcome, NearMiss, PolicyError, PolicyRef, ReachedClauses,
    RelationLookup, UnstoredEntity,
};
pub use kind_words::{KindFlaw, StatedKind, has_agents_client};
pub(crate) use likely_token::holds_token;
pub use name::{MAX_NAME_BYTES, NameFlaw, check_name};
pub use page::PageRequest;
pub use party_names::{PartyName, clients_named, is_of_parties, names_client_within};
pub use principal::{
    ActorNames, AmbiguousIds, IssuerIds, MAX_SUB_BYTES, NamingClaims, NoId, PrincipalIds,
};
pub use problem::{Place, Problem, Problems};
pub use reason::{Code, NextAction, Reason};
pub use request::{
    Action, Flaw, MalformedMember, Question, Request, body_flaws, has_known_members,
    misplaced_option, read_action, read_entity, read_optional_record, read_subject,
    refuse_lookalike, refuse_near,
};
pub use scalar::{address, duration_nanos, instant_nanos, mapped_network, request_instant_nanos};
pub use search::{SearchKind, SearchRequest};
pub(crate) use shown::HIDDEN;
pub use shown::{
    RECORD_INPUT_BYTES, shown, shown_message, shown_request_id, shown_url, shown_word,
    without_passwords,
};
use slip::PossibleSlip;
pub use slip::one_slip_off;
pub use spelling::{Letters, MAX_OTHERS, alike, nearest};
use spelling::{TOO_MANY_OTHERS, begin_differently};
pub use spiffe::{SpiffeId, is_trust_domain};
pub use tuple::{
    MAX_OBJECT_CHARS, MAX_RELATION_CHARS, MAX_TYPE_CHARS, MAX_USER_BYTES, ModelType, ObjectRef,
    Tuple, TupleCondition, TupleKey, TupleTextError, TupleUser, check_relation, check_type,
    decode_id, encode_id, is_canonical_id,
};
pub use unmet_tuple::{ParameterOrigin, ParameterValue, UnmetCondition, UnmetTuple};
pub use value::{Number, Record, Value};
