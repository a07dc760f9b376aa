//! The arguments of `behest config`.

use super::ServeArguments;
use clap::{Args, Subcommand, ValueEnum};

const CHECK_HELP: &str = "\
It takes the flags of `behest serve`, reads the same variables and the same file, and starts \
nothing. Secrets are
not shown.

Examples:
  behest config check
  behest config check --config /etc/behest/behest.toml --format json

Exit codes: 0 the service would start with these settings; 1 it would not; 2 wrong usage.";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ConfigCommand {
    /// Show every setting with its value and its source: default, file and line, variable, flag
    #[command(after_help = CHECK_HELP)]
    Check(ConfigCheckArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ConfigCheckArguments {
    /// The form of the list
    #[arg(long, value_name = "FORM", value_enum, default_value = "text")]
    format: SettingsFormat,
    #[command(flatten)]
    pub(in crate::cli) serve: ServeArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SettingsFormat {
    /// Columns for a person
    Text,
    /// JSON for a script
    Json,
}

impl ConfigCheckArguments {
    /// Whether JSON is wanted.
    pub(in crate::cli) fn is_json(&self) -> bool {
        self.format == SettingsFormat::Json
    }
}
