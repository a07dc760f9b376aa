//! What a session says when it begins.

use super::browser;
use super::question::FirstQuestion;
use super::report;
use super::session::DevLoad;
use crate::cli::chosen::ChosenBundle;
use crate::cli::output::Paint;
use crate::cli::serve::admin_key::AdminKey;
use std::fmt::Write as _;
use std::path::Path;

/// The beginning of a session at an address.
pub(super) struct Greeting<'a> {
    pub(super) url: &'a str,
    pub(super) paint: Paint,
}

impl Greeting<'_> {
    /// Returns where the session listens, which is said before anything else.
    pub(super) fn begin(&self) -> String {
        let name = self.paint.strong("behest dev");
        let version = env!("CARGO_PKG_VERSION");
        let listening = self.line("listening", self.url);
        format!("\n  {name} {version}\n\n{listening}")
    }

    /// Returns which bundle decides and how it is asked, or what is wrong with the bundle.
    pub(super) fn bundle(
        &self,
        chosen: &ChosenBundle,
        load: &DevLoad,
        question: Option<&FirstQuestion>,
    ) -> String {
        let mut text = self.line("try it", &browser::page(self.url));
        text.push_str(&self.line("bundle", &chosen.describe()));
        if let Ok(report) = &load.outcome {
            let ms = load.took.as_millis();
            let cases = report::cases_passed(report.cases.ran());
            text.push_str(&self.line("", &report.summary));
            text.push_str(&self.line("", &format!("{cases} ({ms} ms)")));
            if let Some(warnings) = report::count_warnings(load, chosen.dir()) {
                text.push_str(&self.line("", &warnings));
            }
        } else {
            let dir = chosen.dir().unwrap_or(Path::new("."));
            let told = report::render(load, "the bundle", dir, self.paint);
            let _ = write!(text, "\n{told}");
        }
        if let Some(question) = question {
            text.push_str(&self.line("ask it", &question.curl(self.url)));
        }
        text
    }

    /// Returns what is left to say.
    pub(super) fn end(
        &self,
        admin_key: Option<&AdminKey>,
        data: Option<&Path>,
        is_watched: bool,
    ) -> String {
        let mut text = String::new();
        if let Some(key) = admin_key.filter(|key| key.is_made()) {
            let told = self.paint.dim("(to write relations, until this ends)");
            text.push_str(&self.line("admin key", &format!("{}  {told}", key.reveal())));
        }
        let watch = if is_watched {
            "each change of the bundle is tried; ^C ends this"
        } else {
            "^C ends this"
        };
        let state = match data {
            Some(dir) => format!("relations are kept in `{}`", dir.display()),
            None => "relations are in memory only; `--data DIR` keeps them".to_owned(),
        };
        let _ = write!(text, "\n  {watch}\n  {state}\n\n");
        text
    }

    fn line(&self, label: &str, value: &str) -> String {
        format!("  {}  {value}\n", self.paint.dim(&format!("{label:<9}")))
    }
}
