//! The rooms of `src/http`, in order.

use super::{Against, Room};

pub(super) const HTTP: [Room; 25] = [
    (
        "tls",
        &[],
        "Certificates and keys of the service become a configuration, again whenever the files change.",
    ),
    (
        "authzen::public_url",
        &[],
        "The address by which others know the service.",
    ),
    (
        "authzen::schema",
        &[],
        "The shapes of bodies, as the description of the API shows them.",
    ),
    (
        "openfga::places",
        &[],
        "How many exports and streams there may be at once.",
    ),
    (
        "error",
        &["authzen::schema"],
        "What goes wrong, with its status and its body.",
    ),
    (
        "openfga::error",
        &["error"],
        "The same in the words of OpenFGA's API.",
    ),
    ("caller", &["error"], "Who calls, and what they may."),
    (
        "settings",
        &["tls", "authzen::public_url", "caller"],
        "What the server is told when it starts.",
    ),
    ("connection", &["settings"], "One connection and its times."),
    (
        "load",
        &["error", "connection"],
        "What is bounded: memory of bodies, time of a worker, threads of long work.",
    ),
    (
        "caller::certificate",
        &["tls", "caller", "connection"],
        "Callers that show a certificate.",
    ),
    (
        "authzen::wire",
        &["error", "caller", "settings"],
        "Bodies read and answers written.",
    ),
    (
        "body",
        &["error", "connection", "load"],
        "A body, read whole under its limits.",
    ),
    (
        "load::revision_wait",
        &[
            "error",
            "caller",
            "settings",
            "load",
            "authzen::wire",
            "body",
        ],
        "Requests that wait for a revision.",
    ),
    (
        "shared",
        &[
            "error",
            "caller",
            "caller::certificate",
            "settings",
            "connection",
            "load",
            "load::revision_wait",
            "authzen::wire",
            "openfga::places",
            "body",
        ],
        "What every handler is given, and the way from a request to a question.",
    ),
    (
        "caller::bearer",
        &["error", "openfga::error", "caller", "shared"],
        "Callers that come with a token of an issuer.",
    ),
    (
        "authzen::metadata",
        &["error", "authzen::public_url", "authzen::schema", "shared"],
        "What the service says of itself.",
    ),
    (
        "authzen",
        &[
            "error",
            "caller",
            "load",
            "authzen::schema",
            "authzen::wire",
            "body",
            "shared",
        ],
        "AuthZEN's endpoints, a file each.",
    ),
    (
        "openfga",
        &[
            "error",
            "caller",
            "openfga::error",
            "openfga::places",
            "authzen::wire",
            "shared",
        ],
        "OpenFGA's calls, a file each.",
    ),
    (
        "admin",
        &[
            "error",
            "caller",
            "authzen::schema",
            "authzen::wire",
            "shared",
        ],
        "Health, and the refresh of keys.",
    ),
    (
        "docs",
        &[
            "error",
            "caller",
            "settings",
            "authzen",
            "authzen::metadata",
            "authzen::schema",
            "openfga",
            "admin",
        ],
        "The description of all endpoints, and the page that shows it.",
    ),
    (
        "routes",
        &[
            "error",
            "authzen",
            "authzen::metadata",
            "openfga",
            "admin",
            "docs",
        ],
        "Every path: its constant, its handler and its label.",
    ),
    (
        "envelope",
        &[
            "error",
            "openfga::error",
            "caller",
            "connection",
            "load",
            "shared",
            "routes",
        ],
        "The outermost layer: who calls, how often, and the request's id.",
    ),
    (
        "connection::listen",
        &["settings", "connection", "caller::certificate"],
        "Sockets, and what is accepted on them.",
    ),
    (
        "server",
        &[
            "caller",
            "caller::bearer",
            "settings",
            "connection",
            "connection::listen",
            "load",
            "load::revision_wait",
            "authzen::metadata",
            "openfga",
            "openfga::places",
            "shared",
            "routes",
            "envelope",
        ],
        "The parts put together, and the listeners.",
    ),
];

/// What in `http/` points against the order: by whom, of whom, and why it stays so for now.
pub(super) const HTTP_AGAINST: [Against; 13] = [
    (
        "error",
        "caller",
        "a missing permission is named in its message",
    ),
    ("caller", "settings", "the list of callers is a setting"),
    (
        "caller",
        "caller::certificate",
        "an identity is made by every way there is",
    ),
    (
        "connection",
        "load",
        "what a connection holds is paid from the budget",
    ),
    (
        "body",
        "shared",
        "the budget and the limits are the server's",
    ),
    (
        "load::revision_wait",
        "shared",
        "who waits asks the server's engine",
    ),
    (
        "shared",
        "authzen::metadata",
        "the signed metadata are made once, with the server",
    ),
    (
        "shared",
        "envelope",
        "the request's id is put there by the outermost layer",
    ),
    ("authzen", "routes", "examples and metadata name paths"),
    ("authzen::metadata", "routes", "the metadata name paths"),
    (
        "caller::bearer",
        "routes",
        "which API is called says in which words a caller is refused",
    ),
    ("docs", "routes", "the page names its own path"),
    (
        "connection::listen",
        "server",
        "a listener is what the server hands over",
    ),
];
