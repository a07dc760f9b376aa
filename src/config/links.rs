//! Variables that others set beside a service, and that look like settings of one that is named
//! `behest`.
//!
//! A cluster tells every container of every service of its namespace (`BEHEST_METRICS_SERVICE_HOST`
//! of a service named `behest-metrics`), and a container's link of the container behind it
//! (`BEHEST_DB_ENV_PATH`). The service must start beside both. No setting has a name of these
//! forms; where a form is short, its value decides.

/// How transports are spelled in names.
const TRANSPORTS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// Returns `true` for a variable of a link; `key` is its name behind `BEHEST_`.
pub(super) fn is_link(key: &str, text: &str) -> bool {
    is_service(key) || is_port(key, text) || is_container(key, text)
}

/// `SERVICE_HOST`, `SERVICE_PORT` and `SERVICE_PORT_<NAME>`, behind the rest of the service's name.
fn is_service(key: &str) -> bool {
    if ends_with_words(key, "SERVICE_HOST") || ends_with_words(key, "SERVICE_PORT") {
        return true;
    }
    key.starts_with("SERVICE_PORT_") || key.contains("_SERVICE_PORT_")
}

/// `PORT` with an address, and `PORT_<NUMBER>_<TRANSPORT>` with or without what follows it.
fn is_port(key: &str, text: &str) -> bool {
    if ends_with_words(key, "PORT")
        && text
            .split_once("://")
            .is_some_and(|(scheme, _)| is_transport(scheme))
    {
        return true;
    }
    // One of a service that is not there any more is empty, as its host is. Behind two underscores
    // it would be in a table.
    if text.is_empty() && ends_with_words(key, "PORT") && !key.contains("__") {
        return true;
    }
    let words: Vec<&str> = key.split('_').collect();
    words.windows(3).any(|window| {
        let [port, number, transport] = window else {
            return false;
        };
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        *port == "PORT" && is_number && is_transport(transport)
    })
}

/// `NAME` with the names of two containers, and `ENV_<VARIABLE>` of the one behind the link.
fn is_container(key: &str, text: &str) -> bool {
    if key == "NAME" || (ends_with_words(key, "NAME") && text.starts_with('/')) {
        return true;
    }
    // Behind two underscores it would be in a setting's table.
    let before = if key.starts_with("ENV_") {
        Some("")
    } else {
        key.find("_ENV_").and_then(|at| key.get(..=at))
    };
    before.is_some_and(|before| !before.contains("__"))
}

fn is_transport(word: &str) -> bool {
    TRANSPORTS
        .iter()
        .any(|transport| transport.eq_ignore_ascii_case(word))
}

/// Returns `true` if a name is `end`, or has it behind an underscore.
fn ends_with_words(key: &str, end: &str) -> bool {
    key.strip_suffix(end)
        .is_some_and(|before| before.is_empty() || before.ends_with('_'))
}
