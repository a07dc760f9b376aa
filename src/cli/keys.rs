//! `behest keys refresh`: lets a running service fetch its issuers' keys now, and shows what has
//! changed.

use super::args::ServiceArguments;
use super::exit::CommandFailure;
use super::output::{fail, format_count, print};
use super::service::Service;
use crate::model::Problem;
use serde::Deserialize;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

/// Timeout of the call. The service waits some twenty seconds for an issuer that does not answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// The address of a service that listens where it does by default.
const USUAL_ADDRESS: &str = "http://127.0.0.1:8181";

/// The answer of the service.
#[derive(Deserialize)]
#[serde(expecting = "struct Answer")]
struct KeysReply {
    issuers: Vec<IssuerKeysReply>,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Refreshed")]
struct IssuerKeysReply {
    issuer: String,
    keys: u64,
    added: Vec<String>,
    removed: Vec<String>,
    error: Option<String>,
}

/// Refreshes the keys. Fails if the keys of any issuer could not be fetched.
pub(super) fn refresh(service: &ServiceArguments) -> ExitCode {
    let answer = match ask(service) {
        Ok(answer) => answer,
        Err(failure) => return fail(failure),
    };
    if answer.issuers.is_empty() {
        print("the service has no issuer whose keys could change\n");
    }
    print(&answer.issuers.iter().map(line).collect::<String>());
    if answer.issuers.iter().any(|issuer| issuer.error.is_some()) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn ask(service: &ServiceArguments) -> Result<KeysReply, CommandFailure> {
    let target = service.or_at(|| Ok(USUAL_ADDRESS.to_owned()))?;
    let service = Service::at(&target, PATIENCE)?;
    let reply = service.post("/admin/v1/keys/refresh", b"")?;
    if reply.status != 200 {
        return Err(service.refused(&reply, "the permission `admin`").into());
    }
    serde_json::from_slice(&reply.body).map_err(|_| {
        Problem::new(format!(
            "`{}` does not answer as behest does",
            service.url()
        ))
        .help("check the address, and the versions of both")
        .into()
    })
}

fn line(issuer: &IssuerKeysReply) -> String {
    let mut line = format!(
        "{}: {}",
        issuer.issuer,
        format_count(issuer.keys, "key", "keys")
    );
    let named = |names: &[String]| names.join(", ");
    // Writing into a string cannot fail.
    if !issuer.added.is_empty() {
        let _written = write!(line, ", new: {}", named(&issuer.added));
    }
    if !issuer.removed.is_empty() {
        let _written = write!(line, ", withdrawn: {}", named(&issuer.removed));
    }
    match &issuer.error {
        Some(error) => {
            let _written = write!(line, ", still those of before: {error}");
        }
        None if issuer.added.is_empty() && issuer.removed.is_empty() => {
            line.push_str(", as before");
        }
        None => {}
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_has_changed() {
        let issuer =
            |keys, added: &[&str], removed: &[&str], error: Option<&str>| IssuerKeysReply {
                issuer: "https://a.example".to_owned(),
                keys,
                added: added.iter().map(ToString::to_string).collect(),
                removed: removed.iter().map(ToString::to_string).collect(),
                error: error.map(str::to_owned),
            };
        for (issuer, expected) in [
            (
                issuer(1, &[], &[], None),
                "https://a.example: 1 key, as before\n",
            ),
            (
                issuer(0, &[], &["k1", "k2"], None),
                "https://a.example: 0 keys, withdrawn: k1, k2\n",
            ),
            (
                issuer(2, &["k3"], &["k1"], None),
                "https://a.example: 2 keys, new: k3, withdrawn: k1\n",
            ),
            (
                issuer(2, &[], &[], Some("it does not answer")),
                "https://a.example: 2 keys, still those of before: it does not answer\n",
            ),
        ] {
            assert_eq!(line(&issuer), expected);
        }
    }
}
