//! The arguments of `behest init`.

use crate::cli::init::BundleTemplate;
use clap::Args;
use std::path::PathBuf;

pub(in crate::cli) const INIT_EXAMPLES: &str = "\
Nothing that exists is written over. The list of tools is the answer of an MCP server \
to `tools/list`: the whole of it,
its `result`, or the array of tools.

Exit codes: 0 the bundle was written; 1 it was not, or not all of it; 2 wrong usage.

Examples:
  behest init notes
  behest init shop --template saas
  behest init files --from-tools tools.json --server files
  behest init files --from-tools http://127.0.0.1:3001/mcp";

/// What is written, and where.
#[derive(Debug, Args)]
pub(in crate::cli) struct InitArguments {
    /// The bundle's directory, which is made if it is missing
    #[arg(default_value = ".")]
    pub(in crate::cli) dir: PathBuf,
    /// What to begin with [default: notes]
    #[arg(long, value_name = "NAME", conflicts_with = "from_tools")]
    pub(in crate::cli) template: Option<BundleTemplate>,
    /// Begin with the tools of an MCP server: a file with its list of tools, `-` for standard
    /// input, or its address
    #[arg(long, value_name = "FILE|URL")]
    pub(in crate::cli) from_tools: Option<String>,
    /// The server's name in policies and requests [default: what it calls itself, or `server`]
    #[arg(long, value_name = "NAME", requires = "from_tools")]
    pub(in crate::cli) server: Option<String>,
}
