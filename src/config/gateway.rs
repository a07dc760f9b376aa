//! The table `gateway`: where a gateway asks, and which kind of gateway it is.

use super::{Config, Listen};
use crate::http::GatewayKind;
use crate::model::Problem;
use serde::Deserialize;

/// The settings of the listener on which a gateway asks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Gateway")]
pub struct GatewaySettings {
    /// The address that the gateway asks at.
    pub listen: Listen,
    /// The kind of the gateway, which says which headers are its own.
    pub kind: GatewayKind,
}

/// Refuses a listener that others could reach without a key or in the clear, and one at which every
/// request would be denied.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let Some(gateway) = &config.gateway else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    let address = &gateway.listen;
    let mut refuse = |message: String, help: &str| {
        problems.push(Problem::new(message).help(help));
    };
    if !address.is_local() && config.callers.is_empty() {
        refuse(
            format!(
                "`gateway.listen` is `{address}`, which can be reached from other machines, and no \
                 caller is configured"
            ),
            "add `[[callers]]` with a key that the gateway sends, or listen on `127.0.0.1:8182` or \
             `unix:PATH`",
        );
    }
    if !address.is_local() && config.tls.is_none() && !config.behind_proxy {
        refuse(
            format!(
                "`gateway.listen` is `{address}`, which can be reached from other machines, and \
                 tokens would travel in the clear"
            ),
            "set `tls`, or listen on `127.0.0.1:8182` or `unix:PATH`",
        );
    }
    if config.issuers.is_empty() && config.trust_domains.is_empty() {
        refuse(
            "`gateway` is set, and no issuer is configured: every request would be denied"
                .to_owned(),
            "add `[[issuers]]`: who asks is what a token proves",
        );
    }
    if *address == config.listen {
        refuse(
            format!("`gateway.listen` and `listen` are both `{address}`"),
            "give the gateway an address of its own",
        );
    }
    problems
}
