//! The templates of `behest init`: whole bundles, embedded in the program.

use std::fmt;

/// A bundle to begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum BundleTemplate {
    /// People's own notes, which an agent reads for them
    #[default]
    Notes,
    /// The tools of an MCP server, with typed arguments and groups of people
    Mcp,
    /// A service with tenants, their members and admins
    Saas,
}

/// A file to be written, by its path below the bundle's directory.
#[derive(Debug)]
pub(super) struct NewFile {
    pub(super) path: &'static str,
    pub(super) text: String,
}

impl NewFile {
    pub(super) fn new(path: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { path, text }
    }
}

/// A path below the bundle's directory, with the text.
type TemplateFile = (&'static str, &'static str);

/// Names the files of a template: each path in the bundle, and the file below `templates/`.
macro_rules! template {
    ($($path:literal <- $file:literal,)+) => {
        &[$(($path, include_str!(concat!("templates/", $file))),)+]
    };
}

const NOTES: &[TemplateFile] = template! {
    "README.md" <- "notes/README.md",
    "schemas/notes.cedarschema" <- "notes/notes.cedarschema",
    "policies/bundle.toml" <- "notes/bundle.toml",
    "policies/notes.cedar" <- "notes/notes.cedar",
    "policies/entities.json" <- "notes/entities.json",
    "policies/tuples.yaml" <- "notes/tuples.yaml",
    "policies/cases.yaml" <- "notes/cases.yaml",
    ".github/workflows/behest.yml" <- "ci.yml",
};

const MCP: &[TemplateFile] = template! {
    "README.md" <- "mcp/README.md",
    "schemas/mcp.cedarschema" <- "mcp/mcp.cedarschema",
    "schemas/tickets.cedarschema" <- "mcp/tickets.cedarschema",
    "schemas/groups.fga" <- "mcp/groups.fga",
    "policies/bundle.toml" <- "mcp/bundle.toml",
    "policies/tools.cedar" <- "mcp/tools.cedar",
    "policies/agents.cedar" <- "mcp/agents.cedar",
    "policies/entities.json" <- "mcp/entities.json",
    "policies/tuples.yaml" <- "mcp/tuples.yaml",
    "policies/cases.yaml" <- "mcp/cases.yaml",
    ".github/workflows/behest.yml" <- "ci.yml",
};

const SAAS: &[TemplateFile] = template! {
    "README.md" <- "saas/README.md",
    "schemas/saas.cedarschema" <- "saas/saas.cedarschema",
    "schemas/saas.fga" <- "saas/saas.fga",
    "policies/bundle.toml" <- "saas/bundle.toml",
    "policies/projects.cedar" <- "saas/projects.cedar",
    "policies/agents.cedar" <- "saas/agents.cedar",
    "policies/entities.json" <- "saas/entities.json",
    "policies/tuples.yaml" <- "saas/tuples.yaml",
    "policies/cases.yaml" <- "saas/cases.yaml",
    ".github/workflows/behest.yml" <- "ci.yml",
};

/// The files of a bundle for a server's tools in which nothing depends on the tools.
pub(super) const AROUND_TOOLS: &[TemplateFile] = template! {
    "schemas/mcp.cedarschema" <- "mcp/mcp.cedarschema",
    "schemas/groups.fga" <- "mcp/groups.fga",
    "policies/bundle.toml" <- "mcp/bundle.toml",
    "policies/agents.cedar" <- "mcp/agents.cedar",
    "policies/entities.json" <- "mcp/entities.json",
    ".github/workflows/behest.yml" <- "ci.yml",
};

impl BundleTemplate {
    /// Returns the template's files.
    pub(super) fn files(self) -> Vec<NewFile> {
        let files = match self {
            Self::Notes => NOTES,
            Self::Mcp => MCP,
            Self::Saas => SAAS,
        };
        files
            .iter()
            .map(|(path, text)| NewFile::new(path, *text))
            .collect()
    }
}

impl fmt::Display for BundleTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Notes => "notes",
            Self::Mcp => "mcp",
            Self::Saas => "saas",
        })
    }
}
