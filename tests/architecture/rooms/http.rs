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
        &["error", "connection"],
        "What is bounded: the time of a worker, and threads of long work.",
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
        &["error", "connection", "load::budget"],
        "A body, read whole under its limits.",
    ),
    (
        "load::revision_wait",
        &[
            "error",
            "caller",
            "settings",
            "load::budget",
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
            "endpoint",
            "settings",
            "connection",
            "load",
            "load::budget",
            "load::revision_wait",
            "authzen::wire",
            "openfga::places",
            "body",
        ],
        "What every handler is given, and the way from a request to a question.",
    ),
    (
        "caller::bearer",
        &[
            "error",
            "openfga::error",
            "caller",
            "caller::certificate",
            "shared",
        ],
        "Callers that come with a token of an issuer.",
    ),
    (
        "authzen::metadata",
        &[
            "error",
            "authzen::public_url",
            "authzen::schema",
            "endpoint",
            "shared",
        ],
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
        &[
            "error",
            "caller",
            "authzen::schema",
            "authzen::wire",
            "endpoint",
            "shared",
        ],
        "Health, and the refresh of keys.",
    ),
    (
        "docs",
        &[
            "error",
            "caller",
            "endpoint",
            "settings",
            "authzen",
            "authzen::schema",
            "openfga",
        ],
        "The description of all endpoints, and the page that shows it.",
    ),
    (
        "routes",
        &["error", "endpoint", "authzen", "openfga", "admin", "docs"],
        "Every endpoint, and which of them a path belongs to.",
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
            "authzen",
            "admin",
            "docs",
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
            "load::budget",
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
pub(super) const HTTP_AGAINST: [Against; 11] = [
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
        "caller::bearer",
        "a caller's token is verified again where its request has waited",
    ),
    (
        "shared",
        "authzen::metadata",
        "the signed metadata are made once, with the server",
    ),
    (
        "authzen::metadata",
        "routes",
        "the metadata name the endpoints of every table",
    ),
    (
        "caller::bearer",
        "routes",
        "which API is called says in which words a caller is refused",
    ),
    ("docs", "routes", "every endpoint is described"),
    (
        "connection::listen",
        "server",
        "a listener is what the server hands over",
    ),
];
