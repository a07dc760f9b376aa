//! The arguments of `behest completions` and `behest man`, and of colours.

use clap::{Args, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

pub(super) const COMPLETIONS_HELP: &str = "\
Examples:
  bash   behest completions bash > ~/.local/share/bash-completion/completions/behest
  zsh    behest completions zsh > \"${fpath[1]}/_behest\"
  fish   behest completions fish > ~/.config/fish/completions/behest.fish

The Debian package has all three in their places.

Exit codes: 0 printed; 2 wrong usage.";

pub(super) const MAN_HELP: &str = "\
Examples:
  behest man | man -l -
  behest man ~/.local/share/man/man1

Exit codes: 0 done; 1 a page cannot be written; 2 wrong usage.";

#[derive(Debug, Args)]
pub(in crate::cli) struct CompletionArguments {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(in crate::cli) shell: Shell,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ManArguments {
    /// Write the pages of all commands here, in place of printing that of the program
    #[arg(value_name = "DIR")]
    pub(in crate::cli) dir: Option<PathBuf>,
}

/// When output has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ColorChoice {
    /// On a terminal that has them, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always, through a pipe too
    Always,
    /// Never
    Never,
}
