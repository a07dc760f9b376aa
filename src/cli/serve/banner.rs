//! The text that a person sees when the service starts on a terminal.

use super::admin_key::AdminKey;
use super::listen::BoundListener;
use crate::cli::output::{Paint, notice};
use crate::config::Config;
use crate::engine::LoadReport;
use crate::http::PageReaders;
use std::fmt::Write as _;

/// The message if there is no data directory.
pub(super) const MEMORY_ONLY: &str =
    "state is in memory only; `--data DIR` keeps relations and the signing key";

/// Prints the banner. `deciding` names the bundle that decides.
pub(super) fn print(
    config: &Config,
    deciding: &str,
    loaded: &LoadReport,
    bound: &BoundListener,
    admin_key: Option<&AdminKey>,
) {
    let made = admin_key.filter(|key| key.is_made()).map(AdminKey::reveal);
    notice(&render(
        config,
        deciding,
        loaded,
        bound,
        made,
        Paint::for_errors(),
    ));
}

fn render(
    config: &Config,
    deciding: &str,
    loaded: &LoadReport,
    bound: &BoundListener,
    made: Option<&str>,
    paint: Paint,
) -> String {
    let mut text = format!(
        "\n  {} {}\n\n",
        paint.strong("behest"),
        env!("CARGO_PKG_VERSION")
    );
    let mut line = |label: &str, value: &str| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  {}  {value}", paint.dim(&format!("{label:<9}")));
    };
    // The address is printed in a form that can be opened in a browser.
    let url = bound.url().map(|url| {
        if config.tls.is_some() {
            url.replacen("http:", "https:", 1)
        } else {
            url
        }
    });
    match url {
        Some(url) => {
            line("listening", &url);
            if config.docs == PageReaders::Open {
                line("try it", &format!("{url}/console/"));
                line("API", &format!("{url}/docs"));
            }
        }
        None => line("listening", &bound.to_string()),
    }
    line("bundle", &format!("{deciding}, {}", loaded.digest.short()));
    line("", &loaded.summary);
    if config.bundle.is_none() {
        line("", "your own: `behest init notes && behest dev notes`");
    }
    if let Some(key) = made {
        line(
            "admin key",
            &format!("{key}  {}", paint.dim("(until the service ends)")),
        );
    }
    if config.data_dir().is_none() {
        let _ = write!(text, "\n  {MEMORY_ONLY}\n");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::CaseReport;
    use crate::config::{EnvironmentVariables, Flags, Listen, load};
    use crate::model::Digest;

    #[test]
    fn the_banner_says_where_what_and_with_which_key() {
        let config = load(&Flags::default(), &EnvironmentVariables::default()).unwrap();
        let loaded = LoadReport {
            digest: Digest::new([0xab; 32]),
            changed: true,
            summary: "3 policies".to_owned(),
            cases: CaseReport::default(),
            warnings: Vec::new(),
        };
        let free = Config {
            listen: "127.0.0.1:0".parse::<Listen>().unwrap(),
            ..config.clone()
        };
        let bound = BoundListener::open(&free, &EnvironmentVariables::default()).unwrap();
        let url = bound.url().unwrap();
        let text = render(
            &config,
            "the default one",
            &loaded,
            &bound,
            Some("behest_k"),
            Paint { colour: false },
        );
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            text,
            format!(
                "\n  behest {version}\n\n  listening  {url}\n  \
                 try it     {url}/console/\n  API        {url}/docs\n  \
                 bundle     the default one, abababababab\n             3 policies\n             \
                 your own: `behest init notes && behest dev notes`\n  \
                 admin key  behest_k  (until the service ends)\n\n  {MEMORY_ONLY}\n\n"
            )
        );
    }
}
