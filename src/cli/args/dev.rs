//! The arguments of `behest dev`.

use super::BundlePlace;
use clap::Args;
use std::path::PathBuf;

pub(in crate::cli) const DEV_EXAMPLES: &str = "\
The service listens on 127.0.0.1 only. Each change of the bundle prints one line: which cases \
fail, and
which decisions are others now. Of a bundle that is broken, what is wrong is shown, and the one \
before it
goes on deciding.

Exit codes: 0 a signal ended it; 1 it cannot start, or cannot go on; 2 wrong usage; 4 there is no \
bundle.

Examples:
  behest dev                  the bundle in this directory, or else the default one
  behest dev shop
  behest dev shop --port 9000 --no-open";

/// What is served while it is edited, and how.
#[derive(Debug, Args)]
pub(in crate::cli) struct DevArguments {
    #[command(flatten)]
    pub(in crate::cli) bundle: BundlePlace,
    /// The port on 127.0.0.1; 0 is any [default: 8181, or the next that is free]
    #[arg(long, value_name = "PORT")]
    pub(in crate::cli) port: Option<u16>,
    /// Where state is kept: DIR, or BACKEND:DIR; without it, everything is in memory only
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<String>,
    /// A settings file of the service, for its issuers, trust domains, limits, cache, search and
    /// log; nothing else of it counts here, and no other file or variable is read
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// Do not open the browser
    #[arg(long)]
    pub(in crate::cli) no_open: bool,
}
