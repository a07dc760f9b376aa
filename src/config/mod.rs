//! One typed tree of settings.
//!
//! **Problem.** A setting that is misspelled, contradicts another or comes from a place that nobody
//! thought of makes a service that is open when its operator believes it closed.
//! **Decision.** Flags over `BEHEST_…` variables over one file; every key is known or the service
//! does not start; what contradicts is refused in one report that names the key and where it came
//! from. A value that exists in this tree is valid.
//! **Trade-off.** A file that is shared with a newer version must not hold that version's keys.
//!
//! The operator's settings never change what a bundle decides, but for narrowing: who may ask, how
//! much, how large. What changes decisions is `policies/bundle.toml`.
//!
//! INVARIANT: an address that others can reach has callers and something that ends TLS before it,
//! and an anonymous caller exists only where nobody else can be: on a loopback or unix address
//! without configured callers.

mod check;
mod describe;
mod issuers;
mod layers;
mod limits;
mod links;
mod permissions;
mod search;
mod secrets;
mod values;

pub use issuers::{
    ClaimName, Claims, Detail, Fact, Introspection, Issuer, Mark, MarkOf, TrustDomain, TypedFact,
    Words,
};
pub use layers::{Environment, Flags, load};
pub use limits::{Limits, Reload};
pub use permissions::{Permission, Permissions};
pub use search::Search;
pub use secrets::is_guessable;
pub use values::{ByteSize, CacheSize, KeyHash, Listen, PublicUrl, RecordSink, TokenKey, WhenFull};

use crate::model::Problem;
use crate::storage::StoreLocation;
use crate::telemetry::LogFormat;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};

/// Everything that an operator can set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The bundle's directory; none is the default bundle in the binary.
    pub bundle: Option<PathBuf>,
    /// What the service listens on.
    pub listen: Listen,
    /// Where state is kept; none keeps everything in memory.
    #[serde(deserialize_with = "store_location")]
    pub data: Option<StoreLocation>,
    /// The `https` address under which callers know the service: its identifier in metadata.
    pub public_url: Option<PublicUrl>,
    /// Memory for outcomes of legs that were decided before.
    pub cache: CacheSize,
    /// What anonymous callers may do, exactly; none is the default of
    /// [`Config::anonymous_permissions`].
    pub anonymous: Option<Permissions>,
    /// What the service speaks TLS with; without it, it speaks plain HTTP.
    pub tls: Option<Tls>,
    /// Whether a proxy that ends TLS stands before the service.
    pub behind_proxy: bool,
    /// Whether a key may stand in `Authorization` without `Bearer`: some gateways send it so.
    pub raw_keys: bool,
    /// Who may ask.
    pub callers: Vec<Caller>,
    /// Whose tokens are verified.
    pub issuers: Vec<Issuer>,
    /// Whose workloads are.
    pub trust_domains: Vec<TrustDomain>,
    /// The decision record; none records nothing.
    pub record: Option<Record>,
    /// Log lines.
    pub log: Log,
    /// Sizes, numbers and times that protect the service.
    pub limits: Limits,
    /// What one page of a search may cost.
    pub search: Search,
    /// How a change of the bundle is noticed.
    pub reload: Reload,
    /// Variables that look like settings and were set by a cluster or a container's link; they are
    /// told, and not read.
    #[serde(skip)]
    pub links: Vec<String>,
}

/// One configured caller.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// Its name, in records and logs.
    pub name: String,
    /// The SHA-256 of its key; or else it is known by one of the two below.
    pub key_sha256: Option<KeyHash>,
    /// The access token that it comes with.
    pub token: Option<CallerToken>,
    /// The certificate of its connections.
    pub certificate: Option<CallerCertificate>,
    /// How often it may ask; as often as it likes where there is none.
    pub rate: Option<CallerRate>,
    /// One of these must be among the audiences of a credential in its requests; as its issuer's
    /// profile says where there are none.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The issuers and trust domains whose credentials its requests may hold; all that are
    /// configured where there are none.
    #[serde(default)]
    pub issuers: Vec<String>,
    /// What it may do.
    pub permissions: Permissions,
    /// Whether it may only ask for chains with an agent in them.
    #[serde(default)]
    pub require_actor: bool,
    /// Whether its denials carry the reason without being asked for it.
    #[serde(default)]
    pub reasons: bool,
}

/// A caller that is known by a token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerToken {
    /// A configured issuer.
    pub issuer: String,
    /// Whom the token names, alone: `agent:gateway`.
    pub principal: String,
}

/// A caller that is known by a certificate: exactly one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerCertificate {
    /// Its SHA-256.
    pub sha256: Option<KeyHash>,
    /// Its only URI: a SPIFFE id.
    pub uri: Option<String>,
}

/// How often a caller may ask.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerRate {
    /// Requests in a second, in the long run.
    pub per_second: u32,
    /// Requests at once, after a pause; none is as many as in a second.
    pub burst: Option<u32>,
}

/// What the service speaks TLS with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// A file with the certificate, and with those between it and its authority.
    pub certificate: PathBuf,
    /// A file with its key.
    pub key: PathBuf,
    /// A file with the authorities of callers' certificates.
    pub client_authorities: Option<PathBuf>,
}

/// The decision record's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Where records go.
    pub sink: RecordSink,
    /// How many may wait to be written.
    #[serde(default = "limits::default_queue")]
    pub queue: usize,
    /// How many bytes they may have together.
    #[serde(default = "limits::default_queue_bytes")]
    pub queue_bytes: ByteSize,
    /// What happens to one more.
    #[serde(default)]
    pub when_full: WhenFull,
}

/// The log's settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The form of a line.
    #[serde(deserialize_with = "log_format")]
    pub format: LogFormat,
    /// What is logged, in the form of `RUST_LOG`; none is `RUST_LOG` itself, or else the built-in
    /// default.
    pub filter: Option<String>,
}

impl Config {
    /// What a caller without a key may do; none where there is no such caller.
    ///
    /// There is none where callers are configured, where the address can be reached from elsewhere,
    /// or where a proxy stands before it. Else it is what `anonymous` lists; by default deciding,
    /// and on the default bundle without data searching and explaining too, since there is nothing
    /// of anyone's to be found out.
    #[must_use]
    pub fn anonymous_permissions(&self) -> Option<Permissions> {
        if !self.allows_anonymous() {
            return None;
        }
        match &self.anonymous {
            Some(listed) => Some(listed.clone()).filter(|listed| !listed.is_empty()),
            None if self.bundle.is_none() && self.data_dir().is_none() => Some(Permissions::of(&[
                Permission::Decide,
                Permission::Search,
                Permission::Explain,
            ])),
            None => Some(Permissions::of(&[Permission::Decide])),
        }
    }

    /// Returns the data directory; none where everything is in memory.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.data.as_ref().and_then(StoreLocation::dir)
    }

    fn allows_anonymous(&self) -> bool {
        self.callers.is_empty() && self.listen.is_local() && !self.behind_proxy
    }
}

fn store_location<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<StoreLocation>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|problem: Problem| {
        D::Error::custom(match problem.help {
            Some(help) => format!("{}; {help}", problem.message),
            None => problem.message,
        })
    })
}

fn log_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogFormat, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Auto,
        Text,
        Json,
    }
    Ok(match Word::deserialize(deserializer)? {
        Word::Auto => LogFormat::Auto,
        Word::Text => LogFormat::Text,
        Word::Json => LogFormat::Json,
    })
}
