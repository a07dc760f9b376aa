//! The settings, as one typed tree.
//!
//! **Problem.** If a setting is misspelled, contradicts another or comes from an unexpected source,
//! a service may be open while its operator believes it closed.
//! **Decision.** Flags override `BEHEST_…` variables, and these override one file. The service does
//! not start with an unknown key. Contradictions are refused in one report that names each key and
//! its source. A value that exists in this tree is valid.
//! **Trade-off.** A file that is shared with a newer version must not contain keys that only that
//! version knows.
//!
//! A setting that a part has a type for is read into that type, and its default is the part's: no
//! other folder is defined here a second time.
//!
//! The operator's settings never change what a bundle decides, except to restrict it: who may send
//! requests, how many, and how large. `policies/bundle.toml` holds the settings that change
//! decisions.
//!
//! INVARIANT: an address that other machines can reach has configured callers, and TLS in the
//! service or in a proxy before it. An anonymous caller exists only if nobody else can reach the
//! service: on a loopback or Unix address without configured callers.

mod callers;
mod check;
mod describe;
mod error;
mod gateway;
mod issuers;
mod layers;
mod limits;
mod links;
mod permissions;
mod record;
mod search;
mod secrets;
mod sources;
mod table;
mod telemetry;
mod update;
mod values;

pub use callers::{CallerCertificate, CallerSettings, CallerToken, KeySettings};
pub use error::SettingError;
pub use gateway::GatewaySettings;
pub use issuers::{
    ClaimName, ClaimSettings, DetailSettings, FactSettings, IntrospectionSettings, IssuerSettings,
    Mark, MarkOf, TrustDomainSettings, TypedFactSettings, WordList,
};
pub use layers::{EnvironmentVariables, Flags, load};
pub use limits::{LimitSettings, ReloadSettings};
pub use record::RecordSettings;
pub use search::SearchSettings;
pub use secrets::is_guessable;
pub use sources::{SettingLine, SettingSource, list_settings};
pub use update::{SettingsUpdate, update};
pub use values::{ByteSize, CacheSize, KeepBundle, Listen, SocketMode, TokenKey};

use crate::http::{PageReaders, Permission, Permissions, PublicUrl, TlsFiles};
use crate::model::Problem;
use crate::storage::StoreLocation;
use crate::telemetry::{AccessLogMode, LogFormat, TracerSettings};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};

/// Everything that an operator can set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The bundle's directory; by default, the bundle in the binary.
    pub bundle: Option<PathBuf>,
    /// The address that the service listens on.
    pub listen: Listen,
    /// Who may connect to a unix socket.
    pub socket: SocketSettings,
    /// Where state is stored; by default, everything is in memory.
    #[serde(deserialize_with = "store_location")]
    pub data: Option<StoreLocation>,
    /// Whether the last good bundle is kept in the data directory.
    pub keep_bundle: KeepBundle,
    /// The `https` address under which callers know the service: its identifier in metadata.
    pub public_url: Option<PublicUrl>,
    /// Memory for the cache of legs and the request cache.
    pub cache: CacheSize,
    /// The exact permissions of anonymous callers; by default, see
    /// [`Config::anonymous_permissions`].
    pub anonymous: Option<Permissions>,
    /// The listener on which a gateway asks; by default, there is none.
    pub gateway: Option<GatewaySettings>,
    /// The certificate and key for TLS; without them, the service uses plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whether a proxy in front of the service terminates TLS.
    pub behind_proxy: bool,
    /// Whether `Authorization` may hold a key without `Bearer`, as some gateways send it.
    pub raw_keys: bool,
    /// Who reads `/metrics`.
    pub metrics: PageReaders,
    /// Who reads `/docs` and the description of the API.
    pub docs: PageReaders,
    /// The configured callers.
    pub callers: Vec<CallerSettings>,
    /// The issuers whose tokens are verified.
    pub issuers: Vec<IssuerSettings>,
    /// The trust domains whose workloads are verified.
    pub trust_domains: Vec<TrustDomainSettings>,
    /// The decision record; by default, nothing is recorded.
    pub record: Option<RecordSettings>,
    /// The settings of the log.
    pub log: LogSettings,
    /// The settings of traces; by default, no span is sent.
    pub telemetry: Option<TracerSettings>,
    /// Sizes, numbers and times that protect the service.
    pub limits: LimitSettings,
    /// The limits of searches.
    pub search: SearchSettings,
    /// How changes of the bundle are noticed.
    pub reload: ReloadSettings,
    /// Variables that look like settings but were set by a cluster or a container's link; they are
    /// reported and otherwise ignored.
    #[serde(skip)]
    pub links: Vec<String>,
}

/// Who may connect to a unix socket; the directory that it is in may restrict this further.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[serde(expecting = "struct Socket")]
pub struct SocketSettings {
    /// The mode of the socket's file; without this, the process's mask decides.
    pub mode: Option<SocketMode>,
    /// The group of the socket's file, by its name or number; without this, the process's.
    pub group: Option<String>,
}

/// The log's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[serde(expecting = "struct Log")]
pub struct LogSettings {
    /// The form of a line.
    pub format: LogFormat,
    /// The log filter in the form of `RUST_LOG`; by default `RUST_LOG` itself, or else the built-in
    /// default.
    pub filter: Option<String>,
    /// Which requests have a line of their own.
    pub access: AccessLogMode,
}

impl Config {
    /// Returns the permissions of a caller without a key; `None` if there is no such caller.
    ///
    /// There is no anonymous caller if callers are configured, if other machines can reach the
    /// address, or if a proxy stands in front of the service. Otherwise it has the permissions in
    /// `anonymous`. By default it may request decisions; with the default bundle and without a data
    /// directory it may also search and explain, since nobody's data can be found out.
    #[must_use]
    pub fn anonymous_permissions(&self) -> Option<Permissions> {
        if !self.allows_anonymous() {
            return None;
        }
        match &self.anonymous {
            Some(listed) => Some(*listed).filter(|listed| !listed.is_empty()),
            None if self.bundle.is_none() && self.data_dir().is_none() => Some(
                [Permission::Decide, Permission::Search, Permission::Explain]
                    .into_iter()
                    .collect(),
            ),
            None => Some(std::iter::once(Permission::Decide).collect()),
        }
    }

    /// Returns the data directory; `None` if everything is in memory.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.data.as_ref().and_then(StoreLocation::dir)
    }

    fn allows_anonymous(&self) -> bool {
        let is_gateway_local = self.gateway.as_ref().is_none_or(|it| it.listen.is_local());
        self.callers.is_empty() && self.listen.is_local() && is_gateway_local && !self.behind_proxy
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
