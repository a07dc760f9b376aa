//! The shapes of the HTTP surface, as the API description shows them.
//!
//! Requests are not read into these: [`crate::model::Request`] and [`crate::model::read_question`]
//! read them, because a carrier of the wrong form must deny and an unknown member must pass.
//! Answers are written from the types in `wire/`.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Any JSON object.
pub type Object = BTreeMap<String, Value>;

/// Whose authority is used, and who uses it (AuthZEN 1.0 section 5.1).
///
/// Beside the plain form, a subject may carry a delegation chain: `properties.act` (RFC 8693),
/// `properties.on_behalf_of`, `properties.delegation`, `delegation_chain`, or the form `{"user": …,
/// "agent": …}` without type and id. Carriers that are present must be of their form, in their
/// place, and agree, else the request is denied.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subject, example = json!({"type": "user", "id": "alice"}))]
pub struct SubjectSchema {
    /// The type, such as `user` or `agent`. Required but for the form `{"user": …, "agent": …}`.
    pub r#type: Option<String>,
    /// The id, unique within the type. Required but for the form `{"user": …, "agent": …}`.
    pub id: Option<String>,
    /// Attributes that the schema lets a request supply, and carriers. Any JSON.
    pub properties: Option<Object>,
    /// Entities whose authority is used, the subject's first; the subject itself may end the list.
    pub delegation_chain: Option<Vec<EntityId>>,
    /// The user: an id or `{type?, id, properties?}`. Only together with `agent`, and without
    /// `type` and `id`.
    pub user: Option<Value>,
    /// The agent that acts for `user`: an id or `{type?, id, properties?}`.
    pub agent: Option<Value>,
}

/// What is to be done (AuthZEN 1.0 section 5.3).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Action)]
pub struct ActionSchema {
    /// The name, such as `tools/call`.
    pub name: String,
    /// Attributes of the action; policies see them as `context.action_properties`.
    pub properties: Option<Object>,
}

/// To what it is to be done (AuthZEN 1.0 section 5.2).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Resource)]
pub struct ResourceSchema {
    /// The type, such as `tool`.
    pub r#type: String,
    /// The id, unique within the type.
    pub id: String,
    /// Attributes that the schema lets a request supply. Any JSON.
    pub properties: Option<Object>,
}

/// The circumstances of a request. Whatever else policies read stands beside these members.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Context)]
pub struct ContextSchema {
    /// The agent that acts for the subject: an id or `{type, id, properties?}`.
    pub agent: Option<Value>,
    /// A tool call's arguments, verbatim.
    pub arguments: Option<Object>,
    /// The raw credentials of who asks. They are verified, and the decision rests on what they
    /// prove; one that does not verify denies. The subject `{"type": "credential", "id": "0"}` is
    /// whom the first of them names.
    #[schema(max_items = 4)]
    pub credentials: Option<Vec<PresentedCredential>>,
}

/// One raw credential, as the caller of the service received it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(
    as = PresentedCredential,
    example = json!({
        "type": "access_token",
        "value": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl",
    })
)]
pub struct PresentedCredential {
    /// `access_token`, `id_token`, `jwt_svid` or `x509_svid`.
    pub r#type: String,
    /// The token; for `x509_svid` the chain of certificates, in PEM form or base64.
    pub value: String,
    /// The issuer, where several could be asked about an opaque token.
    pub issuer: Option<String>,
    /// The proof that the token is presented by its holder (RFC 9449), and the request that carried
    /// it.
    pub dpop: Option<PresentedProof>,
    /// What the caller saw in the handshake (RFC 8705).
    pub tls: Option<PresentedCertificate>,
}

/// A DPoP proof, with the request that carried it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PresentedProof {
    /// The proof, a JWT.
    pub proof: String,
    /// The method of the request that carried it.
    #[schema(example = "POST")]
    pub method: String,
    /// The address of the request that carried it.
    #[schema(example = "https://mcp.example/call")]
    pub url: String,
}

/// The client's certificate, as the caller saw it in the handshake.
#[derive(Debug, Serialize, ToSchema)]
pub struct PresentedCertificate {
    /// In PEM form, in PEM form with percent escapes, or its DER form in base64.
    pub certificate: String,
}

/// An entity, by name, and what the request says of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntityId {
    /// The type of the entity, as the schema declares it.
    pub r#type: String,
    /// The id of the entity, unique within its type.
    pub id: String,
    /// Attributes that the schema lets a request supply. Any JSON.
    pub properties: Option<Object>,
}

/// How the service answers. Members that are not listed are ignored, but for one that was meant for
/// one that is (`reasn`) and carriers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Options)]
pub struct OptionsSchema {
    /// Whether a denial carries its reason. Without it, the caller's setting `reasons` holds.
    pub reason: Option<bool>,
    /// Whether the answer carries reason and explanation. Needs the permission `explain`.
    pub explain: Option<bool>,
    /// A revision that the decision must have seen, such as that of a write that went before
    /// (`Behest-Revision`). The service waits for it, at most two seconds unless set otherwise, and
    /// then answers 503.
    #[schema(example = 2)]
    pub at_least: Option<u64>,
}

/// One question (AuthZEN 1.0 section 6.1). Unknown members are ignored.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationRequest {
    /// Who asks, for whom.
    pub subject: SubjectSchema,
    /// What is to be done.
    pub action: ActionSchema,
    /// The resource to which it is to be done.
    pub resource: ResourceSchema,
    /// The circumstances that policies read.
    pub context: Option<ContextSchema>,
    /// How the service answers the request.
    pub options: Option<OptionsSchema>,
}

/// Several questions (AuthZEN 1.0 section 7.1). Without `evaluations`, or with none, the body is
/// one question.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationsRequest {
    /// The default for items without a subject.
    pub subject: Option<SubjectSchema>,
    /// The default for items without an action.
    pub action: Option<ActionSchema>,
    /// The default for items without a resource.
    pub resource: Option<ResourceSchema>,
    /// The default for items without a context. A carrier in it must be repeated by an item's own
    /// context.
    pub context: Option<ContextSchema>,
    /// The questions. A member of an item replaces the default whole; nothing is merged.
    pub evaluations: Option<Vec<EvaluationItem>>,
    /// How to answer, and when to stop.
    pub options: Option<EvaluationsOptions>,
}

/// One question of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationItem {
    /// Who asks, for whom.
    pub subject: Option<SubjectSchema>,
    /// What is to be done.
    pub action: Option<ActionSchema>,
    /// The resource to which it is to be done.
    pub resource: Option<ResourceSchema>,
    /// The circumstances that policies read.
    pub context: Option<ContextSchema>,
}

/// How to answer a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationsOptions {
    /// When to stop (AuthZEN 1.0 section 7.1.2.1).
    pub evaluations_semantic: Option<SemanticSchema>,
    /// Whether denials carry their reasons.
    pub reason: Option<bool>,
    /// Whether answers carry reasons and explanations. Needs the permission `explain`.
    pub explain: Option<bool>,
    /// Asks what could be permitted with some arguments: `["arguments"]`. Needs the permission
    /// `search`; every answer says so, and permits no call.
    pub unknown: Option<Vec<String>>,
    /// A revision that the decisions must have seen, such as that of a write that went before.
    pub at_least: Option<u64>,
}

/// How to answer a search. Members that are not listed are ignored, but for one that was meant for
/// one that is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchOptions {
    /// Whether each result carries the policies that permit it. Without it, the caller's setting
    /// `reasons` holds.
    pub reason: Option<bool>,
    /// Asks what could be permitted with some arguments: `["arguments"]`. The answer says so, and a
    /// result permits no call.
    pub unknown: Option<Vec<String>>,
    /// A revision that the search must have seen, such as that of a write that went before.
    pub at_least: Option<u64>,
}

/// When a batch stops.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Semantic)]
pub enum SemanticSchema {
    /// Never: every item is answered.
    ExecuteAll,
    /// After the first denial or malformed item.
    DenyOnFirstDeny,
    /// After the first permit.
    PermitOnFirstPermit,
}

/// Which page of a search (AuthZEN 1.0 section 8.2).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub struct PageSchema {
    /// The `next_token` of the page before.
    pub token: Option<String>,
    /// How many results at most; with a token as before, or left out.
    #[schema(minimum = 1)]
    pub limit: Option<u64>,
    /// Accepted, and not read.
    pub properties: Option<Object>,
}

/// Who may do this? (AuthZEN 1.0 section 8.4)
#[derive(Debug, Serialize, ToSchema)]
pub struct SubjectSearchRequest {
    /// The searched type, and carriers of a chain; an id and other properties are ignored.
    pub subject: SearchedSubject,
    /// What is to be done.
    pub action: ActionSchema,
    /// The resource to which it is to be done.
    pub resource: ResourceSchema,
    /// The circumstances that policies read.
    pub context: Option<ContextSchema>,
    /// The page that the answer holds.
    pub page: Option<PageSchema>,
    /// How the service answers the request.
    pub options: Option<SearchOptions>,
}

/// To what may this be done? (AuthZEN 1.0 section 8.5)
#[derive(Debug, Serialize, ToSchema)]
pub struct ResourceSearchRequest {
    /// Who asks, for whom.
    pub subject: SubjectSchema,
    /// What is to be done.
    pub action: ActionSchema,
    /// The searched type; an id is ignored.
    pub resource: EntityType,
    /// The circumstances that policies read.
    pub context: Option<ContextSchema>,
    /// The page that the answer holds.
    pub page: Option<PageSchema>,
    /// How the service answers the request.
    pub options: Option<SearchOptions>,
}

/// What may be done? (AuthZEN 1.0 section 8.6)
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionSearchRequest {
    /// Who asks, for whom.
    pub subject: SubjectSchema,
    /// The resource to which it is to be done.
    pub resource: ResourceSchema,
    /// The circumstances that policies read.
    pub context: Option<ContextSchema>,
    /// The page that the answer holds.
    pub page: Option<PageSchema>,
    /// How the service answers the request.
    pub options: Option<SearchOptions>,
}

/// A type of subjects to search for, and where it stands in a chain.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchedSubject {
    /// The type of the subjects that are searched for.
    pub r#type: String,
    /// Carriers: `act`, `on_behalf_of`, `delegation`. Nothing else in it counts, but for carriers
    /// in the wrong place.
    pub properties: Option<Object>,
    /// Entities whose authority is used, before the searched one.
    pub delegation_chain: Option<Vec<EntityId>>,
}

/// A type to search for.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntityType {
    /// The type of the entities that are searched for.
    pub r#type: String,
}

/// Why a request has no answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong, for machines and for people.
    pub error: ErrorDetail,
}

/// What went wrong, for machines and for people.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// The name of the error, for machines: it does not change.
    pub code: ErrorCode,
    /// What went wrong, for people: the words may change.
    pub message: String,
    /// The member at fault, as a path from the top of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "resource.id")]
    pub member: Option<String>,
}

/// What went wrong, for machines: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: the content type is not JSON.
    ContentType,
    /// 415: the body is compressed.
    ContentEncoding,
    /// 400: the body is not JSON.
    InvalidJson,
    /// 400: a member occurs twice in one object.
    DuplicateMember,
    /// 400: objects and arrays are nested too deeply.
    TooDeep,
    /// 400: a member is missing or of the wrong kind.
    Malformed,
    /// 400: a batch holds too many items.
    TooManyEvaluations,
    /// 400: the items of a batch inherit too much from its defaults.
    DefaultsTooLarge,
    /// 400: the answer would be too large.
    AnswerTooLarge,
    /// 400: an option that cannot be answered here.
    UnsupportedOption,
    /// 400: a page token that was made up, or made before the service was started.
    PageTokenUnknown,
    /// 400: a page token that was changed.
    PageTokenEdited,
    /// 400: a page token of another caller or another query.
    PageTokenForeign,
    /// 400: a page token that is too old, or older than the bundle.
    PageTokenExpired,
    /// 400: the body ended early.
    BodyIncomplete,
    /// 408: the body arrived too slowly.
    BodyTimeout,
    /// 413: the body is too large.
    BodyTooLarge,
    /// 401: no credential, or one that nobody has.
    Unauthenticated,
    /// 503: a caller's token cannot be verified now; the header `Retry-After` says when to ask
    /// again.
    CallerUnverified,
    /// 503: the settings of the caller have changed while the request waited; it may be sent again
    /// at once.
    SettingsChanged,
    /// 429: the caller sends too many requests; the header `Retry-After` says how long to wait.
    TooManyRequests,
    /// 403: the caller may not do this.
    MissingPermission,
    /// 403: a caller without a key that may come from elsewhere.
    AnonymousRefused,
    /// 403: another page than the service's own would save edits.
    OtherOrigin,
    /// 404: nothing is at this path.
    NotFound,
    /// 404: no metadata at this path.
    NoMetadata,
    /// 405: the header `Allow` says which methods are.
    MethodNotAllowed,
    /// 503: nothing can be decided before a bundle is loaded.
    NoBundle,
    /// 503: a batch took too long.
    BatchTimeout,
    /// 503: the relations have not come to the revision that was asked for, within the time or at
    /// all.
    RevisionNotReached,
    /// 503: the service has too much to do; the header `Retry-After` says when to ask again.
    Overloaded,
    /// 503: decisions must be recorded and cannot be now.
    RecordQueueFull,
    /// 503: a relation could not be looked up within its limits.
    RelationsUnavailable,
    /// 500: a fault of the service.
    Internal,
}
