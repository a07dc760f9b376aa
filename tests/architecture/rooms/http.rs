//! The rooms of `src/http`, in order.

use super::{Against, Room};

pub(super) const HTTP: [Room; 27] = [
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
        "endpoint",
        &["error", "caller"],
        "What an endpoint is: the value beside each handler.",
    ),
    (
        "authzen::metadata::document",
        &["authzen::public_url", "endpoint"],
        "What the service says of itself, signed.",
    ),
    (
        "settings",
        &["tls", "authzen::public_url", "caller"],
        "What the server is told when it starts.",
    ),
    (
        "load::budget",
        &[],
        "The memory that all requests take together.",
    ),
    (
        "connection",
        &["settings", "load::budget"],
        "One connection and its times.",
    ),
    (
        "load",
        &["error", "settings", "load::budget", "connection"],
        "What is bounded: a worker's time, threads of long work, requests that wait.",
    ),
    (
        "caller::certificate",
        &["tls", "caller", "connection"],
        "Callers that show a certificate.",
    ),
    (
        "caller::bearer",
        &["error", "caller", "settings", "caller::certificate"],
        "Callers that come with a token of an issuer.",
    ),
    (
        "authzen::wire",
        &["error", "caller", "settings"],
        "Bodies read and answers written.",
    ),
    (
        "body",
        &["error", "settings", "connection", "load::budget"],
        "A body, read whole under its limits.",
    ),
    (
        "shared",
        &[
            "error",
            "caller",
            "caller::bearer",
            "caller::certificate",
            "endpoint",
            "settings",
            "connection",
            "load",
            "load::budget",
            "authzen::metadata::document",
            "authzen::wire",
            "openfga::places",
            "body",
        ],
        "What every handler is given, and the way from a request to a question.",
    ),
    (
        "authzen::metadata",
        &[
            "error",
            "authzen::metadata::document",
            "authzen::schema",
            "endpoint",
            "shared",
        ],
        "Where it is served.",
    ),
    (
        "authzen",
        &[
            "error",
            "caller",
            "load",
            "authzen::schema",
            "authzen::wire",
            "endpoint",
            "body",
            "shared",
        ],
        "AuthZEN's endpoints, a file each, and the tables of them.",
    ),
    (
        "openfga",
        &[
            "error",
            "caller",
            "openfga::error",
            "openfga::places",
            "authzen::wire",
            "endpoint",
            "shared",
        ],
        "OpenFGA's calls, a file each, and the table of them.",
    ),
    (
        "admin",
        &["error", "caller", "authzen::schema", "endpoint", "shared"],
        "Health, and the refresh of keys.",
    ),
    (
        "docs",
        &["error", "endpoint", "shared"],
        "The page that shows the description of all endpoints.",
    ),
    (
        "routes",
        &["error", "endpoint", "authzen", "openfga", "admin", "docs"],
        "Every endpoint, and which of them a path belongs to.",
    ),
    (
        "docs::openapi",
        &[
            "error",
            "caller",
            "endpoint",
            "settings",
            "authzen",
            "authzen::metadata::document",
            "authzen::schema",
            "openfga",
            "routes",
        ],
        "The description of all endpoints.",
    ),
    (
        "envelope",
        &[
            "error",
            "openfga::error",
            "caller",
            "caller::bearer",
            "connection",
            "endpoint",
            "load",
            "shared",
            "authzen",
            "admin",
            "docs",
            "routes",
        ],
        "The outermost layers: who calls, how often, and the request's id.",
    ),
    (
        "server",
        &[
            "caller",
            "settings",
            "connection",
            "caller::certificate",
            "load",
            "load::budget",
            "authzen::metadata",
            "authzen::metadata::document",
            "openfga",
            "openfga::places",
            "shared",
            "routes",
            "docs::openapi",
            "envelope",
        ],
        "The parts put together, and the sockets that are listened on.",
    ),
];

/// What in `http/` points against the order: by whom, of whom, and why it stays so for now.
pub(super) const HTTP_AGAINST: [Against; 3] = [
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
];
