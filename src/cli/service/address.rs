//! Reads where a service is: `http://…`, `https://…` or `unix:PATH`.

use crate::cli::exit::CommandFailure;
use crate::model::Problem;
use std::net::IpAddr;
use std::path::PathBuf;

/// The address of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum ServiceAddress {
    /// An address in the clear.
    Http(String),
    /// An address whose certificate is checked.
    Https(String),
    /// The path of a Unix socket.
    Socket(PathBuf),
}

impl ServiceAddress {
    /// Reads an address.
    pub(super) fn read(text: &str) -> Result<Self, CommandFailure> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err(wrong(text));
            }
            return Ok(Self::Socket(PathBuf::from(path)));
        }
        let address = text.trim_end_matches('/').to_owned();
        match text.split_once("://") {
            Some(("http", rest)) if is_place(rest) => Ok(Self::Http(address)),
            Some(("https", rest)) if is_place(rest) => Ok(Self::Https(address)),
            _ => Err(wrong(text)),
        }
    }

    /// Returns what a path of the service is appended to in a request. For a socket it names no
    /// machine that is asked: the connection is to the socket.
    pub(super) fn base(&self) -> &str {
        match self {
            Self::Http(url) | Self::Https(url) => url,
            Self::Socket(_) => "http://127.0.0.1",
        }
    }

    /// Returns the address as messages show it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Http(url) | Self::Https(url) => url.clone(),
            Self::Socket(path) => format!("unix:{}", path.display()),
        }
    }

    /// Returns `true` if what is sent can be read on the way: by http to another machine.
    pub(super) fn is_exposed(&self) -> bool {
        let Self::Http(url) = self else {
            return false;
        };
        let uri: Option<ureq::http::Uri> = url.parse().ok();
        !uri.as_ref()
            .and_then(ureq::http::Uri::host)
            .is_some_and(is_this_machine)
    }

    /// Returns the same address without `path` at its end, for who pastes that of an endpoint.
    #[must_use]
    pub(in crate::cli) fn without(self, path: &str) -> Self {
        let cut = |url: String| url.strip_suffix(path).map_or(url.clone(), str::to_owned);
        match self {
            Self::Http(url) => Self::Http(cut(url)),
            Self::Https(url) => Self::Https(cut(url)),
            Self::Socket(path) => Self::Socket(path),
        }
    }
}

/// Returns `true` if a host of an address is this machine.
pub(in crate::cli) fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Whether this can stand behind the scheme of an address.
fn is_place(rest: &str) -> bool {
    let is_clean =
        !rest.contains(['?', '#', '@']) && rest.bytes().all(|byte| byte.is_ascii_graphic());
    is_clean && !rest.is_empty() && !rest.starts_with('/')
}

fn wrong(text: &str) -> CommandFailure {
    let told = if text.contains('@') {
        // What stands before an `@` can be a password, however the address is written.
        "what is given is not the address of a service: an address has no user and no password \
         (it is not shown)"
            .to_owned()
    } else {
        format!("`{text}` is not the address of a service")
    };
    CommandFailure::usage(Problem::new(told).help(
        "write for example `http://127.0.0.1:8181`, `https://pdp.example` or \
             `unix:/run/behest.sock`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_of_three_forms() {
        for (text, base, shown) in [
            ("http://127.0.0.1:8181/", "http://127.0.0.1:8181", None),
            ("https://pdp.example/a/", "https://pdp.example/a", None),
            ("unix:a/b.sock", "http://127.0.0.1", Some("unix:a/b.sock")),
        ] {
            let address = ServiceAddress::read(text).unwrap();
            assert_eq!(address.base(), base);
            assert_eq!(address.shown(), shown.unwrap_or(base));
        }
        for text in [
            "pdp.example",
            "http://",
            "https://",
            "https:///x",
            "unix:",
            "HTTPS",
            "ftp://x",
            "http://a b",
            "http://a?b",
        ] {
            let message = ServiceAddress::read(text).unwrap_err().problem.message;
            assert_eq!(message, format!("`{text}` is not the address of a service"));
        }
    }

    #[test]
    fn http_to_another_machine_can_be_read_on_the_way() {
        for (text, is_exposed) in [
            ("http://127.0.0.1:8181", false),
            ("http://[::1]:8181/a", false),
            ("http://LOCALHOST", false),
            ("unix:a.sock", false),
            ("https://pdp.example", false),
            ("http://pdp.example", true),
            ("http://127.0.0.1.example", true),
            ("http://vm:8181", true),
            ("http://10.0.0.1", true),
        ] {
            assert_eq!(
                ServiceAddress::read(text).unwrap().is_exposed(),
                is_exposed,
                "{text}"
            );
        }
    }

    #[test]
    fn an_address_with_a_password_is_refused_and_not_shown() {
        for text in [
            "u:PW@h",
            "//u:PW@h",
            "http:u:PW@h",
            "http://u:PW@h",
            "https://u:S PW@h/x",
        ] {
            let message = ServiceAddress::read(text).unwrap_err().problem.message;
            assert!(
                message.contains("not shown") && !message.contains("PW"),
                "{message}"
            );
        }
    }

    #[test]
    fn the_address_of_an_endpoint_is_one_of_its_service() {
        let cut = |text| ServiceAddress::read(text).unwrap().without("/a/b");
        assert_eq!(
            cut("http://x/a/b/"),
            ServiceAddress::Http("http://x".into())
        );
        assert_eq!(cut("https://x"), ServiceAddress::Https("https://x".into()));
        assert_eq!(cut("unix:/a/b"), ServiceAddress::Socket("/a/b".into()));
    }
}
