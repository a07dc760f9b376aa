//! `behest health`: asks a running service whether it can decide, for the health checks of
//! containers.

use super::args::ServiceArguments;
use super::exit::CommandFailure;
use super::output::{fail, print};
use super::service::Service;
use crate::config::{self, EnvironmentVariables, Flags, Listen};
use crate::model::{Problem, Problems};
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

/// Timeout of the call: a service that can decide says so at once, and whoever runs health checks
/// has a limit of its own.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answer of `/readyz`.
#[derive(Deserialize)]
#[serde(expecting = "struct Readiness")]
struct ReadinessReply {
    ready: bool,
    bundle: Option<String>,
    #[serde(default)]
    last_load_failed: bool,
    #[serde(default)]
    kept_bundle: bool,
}

/// Succeeds if the service can decide.
pub(super) fn run(service: &ServiceArguments) -> ExitCode {
    match ask(service) {
        Ok(line) => {
            print(&line);
            ExitCode::SUCCESS
        }
        Err(failure) => fail(failure),
    }
}

fn ask(service: &ServiceArguments) -> Result<String, CommandFailure> {
    let service = Service::at(&service.or_at(usual_address)?, PATIENCE)?;
    let reply = service.get("/readyz")?;
    let told: Option<ReadinessReply> = serde_json::from_slice(&reply.body).ok();
    match (reply.status, told) {
        (200, Some(told)) if told.ready => Ok(describe(&told)),
        (503, Some(_)) => Err(Problem::new(format!(
            "`{}` cannot decide yet: no bundle is live",
            service.url()
        ))
        .help("see its log; a bundle that is refused is told there")
        .into()),
        (200, _) => Err(Problem::new(format!(
            "`{}` does not answer as behest does",
            service.url()
        ))
        .help("check the address, and the versions of both")
        .into()),
        _ => Err(service
            .refused(&reply, "a place among the callers, or with none")
            .into()),
    }
}

fn describe(told: &ReadinessReply) -> String {
    let bundle = told
        .bundle
        .as_ref()
        .map(|digest| format!(", bundle {digest}"))
        .unwrap_or_default();
    let refused = if told.kept_bundle {
        "; it is the kept one, since the bundle itself is refused"
    } else if told.last_load_failed {
        "; the bundle that was to replace it is refused"
    } else {
        ""
    };
    format!("ready{bundle}{refused}\n")
}

/// Returns the address at which `behest serve` listens with the variables and the settings file
/// that are here.
fn usual_address() -> Result<String, CommandFailure> {
    let read = config::load(&Flags::default(), &EnvironmentVariables::of_process());
    let config = read.map_err(|problems| unknown_address(&problems))?;
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    Ok(match &config.listen {
        Listen::Unix(path) => format!("unix:{}", path.display()),
        Listen::Tcp(address) => format!("{scheme}://{}", reachable(*address)),
    })
}

fn unknown_address(problems: &Problems) -> CommandFailure {
    let told = format!("nothing says where the service listens: {problems}");
    CommandFailure::usage(
        Problem::new(told).help("name its address with `--url`, or mend the settings"),
    )
}

/// Returns an address that can be asked: who listens on all of them listens on this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_all_is_asked_on_this_machine() {
        for (listens, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:81", "[::1]:81"),
            ("10.0.0.1:82", "10.0.0.1:82"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), asked);
        }
    }

    #[test]
    fn a_refused_bundle_is_told_beside_the_live_one() {
        let told = |last_load_failed, kept_bundle| {
            describe(&ReadinessReply {
                ready: true,
                bundle: Some("b1".to_owned()),
                last_load_failed,
                kept_bundle,
            })
        };
        assert_eq!(told(false, false), "ready, bundle b1\n");
        let refused = told(true, false);
        assert!(refused.ends_with("; the bundle that was to replace it is refused\n"));
        let kept = told(true, true);
        assert!(kept.ends_with("; it is the kept one, since the bundle itself is refused\n"));
    }
}
