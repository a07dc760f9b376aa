//! Opens the page on which requests are tried.

use super::question::FirstQuestion;
use crate::http;
use std::io::{self, IsTerminal as _};

/// Where the console is mounted, and where the API's page is.
const CONSOLE: &str = "/console/";
const API: &str = "/docs/";

/// Returns the address of the page for people: the console, if this program has it.
pub(super) fn page(url: &str) -> String {
    format!("{url}{}", if has_console() { CONSOLE } else { API })
}

/// Returns the address of the page with a first question on it.
pub(super) fn page_with(question: Option<&FirstQuestion>, url: &str) -> String {
    let question = question.filter(|_| has_console());
    let fragment = question.map(FirstQuestion::fragment).unwrap_or_default();
    format!("{}{fragment}", page(url))
}

fn has_console() -> bool {
    http::endpoints().any(|endpoint| endpoint.path.starts_with(CONSOLE))
}

/// Opens a page in the person's browser. Returns whether one was started.
///
/// Without a terminal nobody looks, and without a display a browser would take the terminal.
pub(super) fn open(page: &str) -> bool {
    io::stdout().is_terminal() && has_display() && open::that_detached(page).is_ok()
}

fn has_display() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"]
            .into_iter()
            .any(is_set)
}
