//! Recognizes variables that a cluster or a container runtime sets for other services, and that
//! look like settings of a service named `behest`.
//!
//! A cluster sets variables for every service of a namespace in each of its containers
//! (`BEHEST_METRICS_SERVICE_HOST` for a service named `behest-metrics`), and a container's link
//! does so for the container behind it (`BEHEST_DB_ENV_PATH`). The service must start despite both.
//! No setting has a name of these forms; if a form is short, the value decides.

/// The names of transports in variables.
const TRANSPORTS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// Returns `true` for a variable of a link; `key` is its name after `BEHEST_`.
pub(super) fn is_link(key: &str, text: &str) -> bool {
    is_service(key) || is_port(key, text) || is_container(key, text)
}

/// Whether a name ends with `SERVICE_HOST` or `SERVICE_PORT`, or contains `SERVICE_PORT_<NAME>`,
/// after the rest of the service's name.
fn is_service(key: &str) -> bool {
    if ends_with_words(key, "SERVICE_HOST") || ends_with_words(key, "SERVICE_PORT") {
        return true;
    }
    key.starts_with("SERVICE_PORT_") || key.contains("_SERVICE_PORT_")
}

/// Whether a name ends with `PORT` and has an address, or contains `PORT_<NUMBER>_<TRANSPORT>`.
fn is_port(key: &str, text: &str) -> bool {
    if ends_with_words(key, "PORT")
        && text
            .split_once("://")
            .is_some_and(|(scheme, _)| is_transport(scheme))
    {
        return true;
    }
    // The variable of a service that no longer exists is empty, like its host. After two
    // underscores, the name would be in a table of settings.
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

/// Whether a name is `NAME` with the names of two containers, or has `ENV_<VARIABLE>` of the linked
/// container.
fn is_container(key: &str, text: &str) -> bool {
    if key == "NAME" || (ends_with_words(key, "NAME") && text.starts_with('/')) {
        return true;
    }
    // After two underscores, the name would be in a table of settings.
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

/// Returns `true` if a name equals `end`, or ends with it after an underscore.
fn ends_with_words(key: &str, end: &str) -> bool {
    key.strip_suffix(end)
        .is_some_and(|before| before.is_empty() || before.ends_with('_'))
}
