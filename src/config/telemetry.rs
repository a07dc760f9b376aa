//! Checks the table `telemetry`: the collector of traces.
//!
//! INVARIANT: headers, which may hold a token, are sent in the clear to this machine alone.

use crate::model::{Problem, shown_url};
use crate::telemetry::TracerSettings;
use std::path::Path;

/// The longest time that sending may take, in milliseconds. Spans wait meanwhile.
const LONGEST_MS: u64 = 60_000;

/// The most requests that may wait: some two hundred megabytes.
const LONGEST_QUEUE: usize = 100_000;

/// Maximum length of the service's name in bytes.
const MAX_NAME: usize = 255;

/// Reports what is wrong with the settings of traces.
pub(super) fn check(settings: &TracerSettings) -> Vec<Problem> {
    let mut problems: Vec<Problem> = check_address(settings).into_iter().collect();
    if !(0.0..=1.0).contains(&settings.ratio) {
        problems.push(
            Problem::new(format!("`telemetry.ratio` is {}", settings.ratio))
                .help("it takes a number from 0 to 1"),
        );
    }
    let name = &settings.service_name;
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        problems.push(
            Problem::new("`telemetry.service_name` is empty, too long or has control characters")
                .help(format!("give it a name of 1 to {MAX_NAME} bytes")),
        );
    }
    if !(1..=LONGEST_MS).contains(&settings.timeout_ms) {
        problems.push(
            Problem::new(format!("`telemetry.timeout_ms` is {}", settings.timeout_ms))
                .help(format!("it takes a number from 1 to {LONGEST_MS}")),
        );
    }
    if !(1..=LONGEST_QUEUE).contains(&settings.queue) {
        problems.push(
            Problem::new(format!("`telemetry.queue` is {}", settings.queue))
                .help(format!("it takes a number from 1 to {LONGEST_QUEUE}")),
        );
    }
    let files = [
        ("headers_file", &settings.headers_file),
        ("ca_file", &settings.ca_file),
    ];
    let is_empty = |path: &Path| path.as_os_str().is_empty();
    let empty = files
        .into_iter()
        .filter(|(_, path)| path.as_deref().is_some_and(is_empty));
    problems.extend(empty.map(|(key, _)| {
        Problem::new(format!("`telemetry.{key}` is empty")).help("leave it out, or name a path")
    }));
    problems
}

fn check_address(settings: &TracerSettings) -> Option<Problem> {
    let url = &settings.otlp;
    let shown = shown_url(url);
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    let is_address = ["http", "https"].contains(&scheme)
        && !authority.is_empty()
        && !url.contains(['@', '?', '#'])
        && url.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_address {
        return Some(
            Problem::new(format!(
                "`telemetry.otlp` is `{shown}`, which is no address"
            ))
            .help(
                "write for example `http://127.0.0.1:4318`; keys of the collector go into \
                 `telemetry.headers_file`",
            ),
        );
    }
    let host = match authority.rsplit_once(':') {
        // The last colon is within an address of IPv6.
        Some((_, rest)) if rest.ends_with(']') => authority,
        Some((host, _)) => host,
        None => authority,
    };
    let is_local = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    (scheme == "http" && !is_local && settings.headers_file.is_some()).then(|| {
        Problem::new(format!(
            "`telemetry.headers_file` would be sent in the clear to `{shown}`"
        ))
        .help("use `https`, or leave the headers out")
    })
}
