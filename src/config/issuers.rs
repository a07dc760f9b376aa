//! Whose credentials are verified, as an operator writes it: `[[issuers]]` and `[[trust_domains]]`.
//!
//! What is left out is what the preset says. What the words mean, and which of them contradict, is
//! known where they are used; this file refuses what has no form.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// An issuer, and what its tokens look like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// What its tokens have in `iss`, byte for byte.
    pub issuer: String,
    /// What is known of it: `standard`, `keycloak`, `entra`, `entra-v1`, `auth0`, `okta`,
    /// `cognito`, `google` or `gcp`, `github-actions`, `kubernetes`, `aws`, `oidc-provider`,
    /// `shared-secret`.
    pub preset: Option<String>,
    /// Where its keys are: `discovery`, an address, `file:PATH`, `secret:PATH`, or `introspection`
    /// for none.
    pub keys: Option<String>,
    /// A file with the authorities that its certificate is by; none for the system's.
    pub ca_file: Option<PathBuf>,
    /// What it may sign with.
    pub algorithms: Option<Vec<String>>,
    /// One of these must be among a token's audiences.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The clients whose tokens are accepted; all where there are none.
    #[serde(default)]
    pub client_ids: Vec<String>,
    /// One of these must be among an ID token's audiences.
    #[serde(default)]
    pub id_token_audiences: Vec<String>,
    /// One of these must be among the audiences of a token that a caller of this service comes
    /// with.
    #[serde(default)]
    pub caller_audiences: Vec<String>,
    /// The types of its access tokens; an empty one stands for none.
    pub types: Option<Vec<String>>,
    /// Claims that its access tokens have, with their values; an empty one stands for any.
    pub required: Option<BTreeMap<String, Words>>,
    /// Claims by one of which its ID tokens are known, with their values; an empty one stands for
    /// any.
    pub id_tokens: Option<BTreeMap<String, Words>>,
    /// Whether an ID token may be the only credential that names its subject.
    #[serde(default)]
    pub id_tokens_alone: bool,
    /// Other issuers of the same people.
    #[serde(default)]
    pub subjects_of: Vec<String>,
    /// Clients that are a user's own hand; `*` for all.
    #[serde(default)]
    pub own_clients: Words,
    /// What becomes of a token that says that there is more than it holds: `unknown`, `refuse`.
    pub overage: Option<String>,
    /// How far clocks may differ, in seconds.
    pub leeway_s: Option<u64>,
    /// The longest life of a token, in seconds.
    pub longest_life_s: Option<u64>,
    /// For each entity type, the form of its ids: `acme|{sub}`.
    pub ids: Option<BTreeMap<String, String>>,
    /// The entity type of subjects.
    pub subject_type: Option<String>,
    /// That of actors which do not say what they are.
    pub actor_type: Option<String>,
    /// That of clients which act for themselves.
    pub client_type: Option<String>,
    /// Where tokens have what.
    #[serde(default)]
    pub claims: Claims,
    /// Claims that become members of `context.token`, by their names there.
    #[serde(default)]
    pub facts: BTreeMap<String, Fact>,
    /// Claims whose value says that a client acts for itself; `{client}` in it stands for the
    /// client's id.
    pub autonomous: Option<BTreeMap<String, Mark>>,
    /// Claims that every token of a user has: one that lacks any of them is its client's own.
    pub of_users: Option<Vec<String>>,
    /// Claims that say once more who the subject is in a client's own token alone.
    pub accounts: Option<Vec<String>>,
    /// Claims that only users' tokens have: one that has any of them and is otherwise its client's
    /// own is refused.
    pub only_of_users: Option<Vec<String>>,
    /// How `act` is read: `rfc8693`, `inverted`, `list`, `none`.
    pub actor: Option<String>,
    /// Where it is asked about tokens.
    pub introspection: Option<Introspection>,
    /// What its rich authorization requests cover.
    #[serde(default)]
    pub details: Vec<Detail>,
}

/// The value of a claim that says that a client acts for itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a text, or `{ value = …, any_sub = … }`")]
pub enum Mark {
    /// The value.
    Value(String),
    /// The value, and what it says of the subject.
    Of(MarkOf),
}

/// The value of a claim, and whether only clients' own accounts have it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkOf {
    /// The value.
    pub value: String,
    /// Whether the token's subject is the client's account, whatever it is called.
    #[serde(default)]
    pub any_sub: bool,
}

/// A claim that becomes a fact: its name, or its name and Cedar's type.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a claim's name, or `{ claim = …, type = … }`")]
pub enum Fact {
    /// A text.
    Text(ClaimName),
    /// A claim of a type.
    Typed(TypedFact),
}

/// A claim of a type.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypedFact {
    /// The claim.
    pub claim: ClaimName,
    /// Cedar's type: `String`, `Bool`, `Long`, `decimal`, `datetime`, `Set<String>`.
    pub r#type: String,
}

/// A claim, or a member of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a claim's name with dots before its members, or a list of names"
)]
pub enum ClaimName {
    /// With dots between the names.
    Dotted(String),
    /// Name by name, since one of them has a dot.
    Names(Vec<String>),
}

/// Claims, each by paths of which the first that is there counts, and of roles and groups all of
/// them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Claims {
    /// The subject.
    pub subject: Option<Vec<ClaimName>>,
    /// The client.
    pub client: Option<Vec<ClaimName>>,
    /// Scopes.
    pub scopes: Option<Vec<ClaimName>>,
    /// Roles.
    pub roles: Option<Vec<ClaimName>>,
    /// Groups.
    pub groups: Option<Vec<ClaimName>>,
    /// The client of an actor, in `act`.
    pub actor_client: Option<Vec<ClaimName>>,
}

/// One word, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a text, or a list of texts")]
        enum Form {
            One(String),
            All(Vec<String>),
        }
        Ok(Self(match Form::deserialize(deserializer)? {
            Form::One(word) => vec![word],
            Form::All(words) => words,
        }))
    }
}

/// An introspection endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    /// Its address.
    pub url: String,
    /// As whom the service asks.
    pub client_id: String,
    /// A file with the client's secret.
    pub client_secret_file: Option<PathBuf>,
    /// How long an answer is used, in milliseconds.
    #[serde(default = "ten_seconds")]
    pub keep_ms: u64,
    /// Whether answers say who acts (`act`), as tokens do; as the preset says where it is left out.
    pub carries_act: Option<bool>,
    /// Whether answers must be signed.
    #[serde(default)]
    pub signed: bool,
    /// Where the keys of signed answers are, as for tokens; those of the issuer's tokens, or of its
    /// discovery, without it.
    pub keys: Option<String>,
}

/// What objects of one type cover.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detail {
    /// The type of the objects.
    pub r#type: String,
    /// The type of the resources that they are about.
    pub resource_type: String,
    /// Where this service's resources are.
    #[serde(default)]
    pub locations: Vec<String>,
    /// What the words in `actions` stand for: for each, the names of actions.
    #[serde(default)]
    pub actions: BTreeMap<String, Vec<String>>,
    /// Actions that an object without `actions` covers.
    #[serde(default)]
    pub without_actions: Vec<String>,
    /// Members that must be equal to what is asked: paths of the object, and of the request.
    #[serde(default)]
    pub equal: BTreeMap<String, String>,
    /// Members that bound a number of what is asked.
    #[serde(default)]
    pub at_most: BTreeMap<String, String>,
    /// Members that say nothing about what is allowed.
    #[serde(default)]
    pub ignored: Vec<String>,
}

/// A SPIFFE trust domain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustDomain {
    /// Its name.
    pub name: String,
    /// Its bundle: an address, `file:PATH` for a JWK set, `pem:PATH` for certificates.
    pub bundle: String,
    /// A file with the authorities that the address's certificate is by.
    pub ca_file: Option<PathBuf>,
    /// One of these must be among a JWT-SVID's audiences.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The entity type of its workloads.
    pub entity_type: String,
    /// The longest life of an identity's document, in seconds.
    #[serde(default = "a_day")]
    pub longest_life_s: u64,
    /// How far clocks may differ, in seconds.
    #[serde(default = "half_a_minute")]
    pub leeway_s: u64,
}

/// How soon a revocation is seen.
fn ten_seconds() -> u64 {
    10_000
}

fn a_day() -> u64 {
    24 * 60 * 60
}

fn half_a_minute() -> u64 {
    30
}
