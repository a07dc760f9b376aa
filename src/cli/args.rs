//! The arguments, and their help.

mod authors;
mod backup;
mod bulk;
mod config_check;
mod dev;
mod explain;
mod grants;
mod help;
mod init;
mod manual;
mod service;

pub(super) use authors::{
    LintArguments, LintLevel, Percent, ReportFormat, TakerArguments, TestArguments,
};
pub(super) use backup::{BackupArguments, RestoreArguments};
pub(super) use bulk::{ExportArguments, ImportArguments, TupleLocation};
pub(super) use config_check::{ConfigCheckArguments, ConfigCommand};
pub(super) use dev::DevArguments;
pub(super) use explain::ExplainArguments;
pub(super) use grants::{
    GrantArguments, GrantPlaceArguments, PrincipalArguments, UngrantArguments,
};
pub(super) use init::InitArguments;
pub(super) use manual::{ColorChoice, CompletionArguments, ManArguments};
pub(super) use service::ServiceArguments;

use super::schema::EditorSchema;
use crate::bundle::BundleSource;
use crate::config::Flags;
use clap::error::ErrorKind;
use clap::{ArgGroup, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// May this agent, acting at this user's behest, do this?
#[derive(Debug, Parser)]
#[command(name = "behest", version, after_help = help::EXAMPLES)]
pub(super) struct CommandLine {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) serve: ServeArguments,
    /// When to colour what is printed; without it, on a terminal, unless `NO_COLOR` is set
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value = "auto"
    )]
    pub(super) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve decisions (what happens without a command, too)
    #[command(after_help = help::store_backends())]
    Serve(ServeArguments),
    /// Serve a bundle while it is edited: run its cases at each change, and say what has changed
    #[command(after_help = dev::DEV_EXAMPLES)]
    Dev(DevArguments),
    /// Write a bundle to begin with: a template, or one for the tools of an MCP server
    #[command(after_help = init::INIT_EXAMPLES)]
    Init(InitArguments),
    /// Report everything that is wrong with a bundle, and whether it would go live somewhere
    #[command(after_help = help::validate())]
    Validate {
        #[command(flatten)]
        bundle: BundlePlace,
        #[command(flatten)]
        lints: LintArguments,
        #[command(flatten)]
        taker: TakerArguments,
    },
    /// Run a bundle's cases: a bundle with one that fails does not load
    #[command(after_help = help::test())]
    Test(TestArguments),
    /// Decide one request and say why
    #[command(after_help = explain::EXPLAIN_EXAMPLES)]
    Explain(ExplainArguments),
    /// Find who may, to what, or what
    #[command(after_help = help::SEARCH_EXAMPLES)]
    Search(SearchArguments),
    /// Print a bundle's merged Cedar schema, for editors and the Cedar command line, or the JSON
    /// schema of a kind of file
    #[command(after_help = help::SCHEMA_HELP)]
    Schema {
        #[command(flatten)]
        bundle: BundlePlace,
        /// Print the JSON schema of this kind of file instead, for editors
        #[arg(long, value_name = "FILES", conflicts_with_all = ["dir", "bundle"])]
        json_schema: Option<EditorSchema>,
        /// Write it to a file instead
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
    },
    /// Serve an editor with mistakes, meanings and places, as a language server on standard input
    /// and output
    #[command(after_help = help::LSP_HELP)]
    Lsp {
        /// Accepted, since editors say it: there is no other way to speak to it
        #[arg(long, hide = true)]
        stdio: bool,
    },
    /// Write a file of tuples into a data directory or a running service
    #[command(after_help = bulk::IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Write the tuples of a store into a file
    #[command(after_help = bulk::EXPORT_EXAMPLES)]
    Export(ExportArguments),
    /// Write everything that a data directory or a running service keeps into one file
    #[command(after_help = backup::BACKUP_HELP)]
    Backup(BackupArguments),
    /// Make a data directory of a backup
    #[command(after_help = backup::RESTORE_HELP)]
    Restore(RestoreArguments),
    /// Stop a principal at once: every chain with it is denied
    #[command(after_help = grants::SUSPEND_HELP)]
    Suspend(PrincipalArguments),
    /// End a suspension
    #[command(after_help = grants::RESUME_HELP)]
    Resume(PrincipalArguments),
    /// Grant an agent the right to act for someone
    #[command(after_help = grants::GRANT_HELP)]
    Grant(GrantArguments),
    /// Take such a grant away
    #[command(after_help = grants::UNGRANT_HELP)]
    Ungrant(UngrantArguments),
    /// Ask a running service whether it can decide, for health checks
    #[command(after_help = help::HEALTH_HELP)]
    Health {
        #[command(flatten)]
        service: ServiceArguments,
    },
    /// Settings of the service
    #[command(after_help = help::GROUP_HELP)]
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Keys of the issuers that a running service trusts
    #[command(after_help = help::GROUP_HELP)]
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Print the script that completes commands and flags in a shell
    #[command(after_help = manual::COMPLETIONS_HELP)]
    Completions(CompletionArguments),
    /// Print the manual page, or write those of all commands
    #[command(after_help = manual::MAN_HELP)]
    Man(ManArguments),
    /// Show the packs of policies in this program
    #[command(after_help = help::GROUP_HELP)]
    Pack {
        #[command(subcommand)]
        command: PackCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum PackCommand {
    /// Name each pack with a sentence about it
    #[command(after_help = help::PACK_HELP)]
    List,
    /// Print one pack's files
    #[command(after_help = help::PACK_HELP)]
    Show {
        /// The pack's name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Fetch them now, and say what has changed; with a key of the permission `admin` in
    /// `BEHEST_KEY`
    #[command(after_help = help::KEYS_HELP)]
    Refresh {
        #[command(flatten)]
        service: ServiceArguments,
    },
}

#[derive(Clone, Debug, Args)]
pub(super) struct BundleArgument {
    /// The bundle's directory, with `schemas/` and `policies/`; without it that in `BEHEST_BUNDLE`,
    /// or for what only reads the one in this directory, or the default bundle in this program
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
}

/// A bundle that a command is about, which may be named without a flag.
#[derive(Clone, Debug, Args)]
pub(super) struct BundlePlace {
    /// The bundle's directory, as with `--bundle`
    #[arg(value_name = "DIR", conflicts_with = "bundle")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    bundle: BundleArgument,
}

impl BundlePlace {
    /// Returns the bundle, in whichever way it is named.
    pub(super) fn named(&self) -> BundleArgument {
        let bundle = self.dir.as_ref().or(self.bundle.bundle.as_ref());
        BundleArgument {
            bundle: bundle.cloned(),
        }
    }
}

impl BundleArgument {
    /// Returns the bundle that is named, or the default one; the working directory does not count.
    /// The variable is read here and not by the parser, which would treat it like the flag if
    /// `--url` excludes the flag.
    pub(super) fn named_source(&self) -> BundleSource {
        source_of(self.bundle.clone().or_else(bundle_variable))
    }

    /// Whether the command line names a bundle.
    fn is_given(&self) -> bool {
        self.bundle.is_some()
    }

    /// Whether the bundle is that of the variable.
    fn is_in_variable(&self) -> bool {
        !self.is_given() && bundle_variable().is_some()
    }
}

fn bundle_variable() -> Option<PathBuf> {
    std::env::var_os("BEHEST_BUNDLE")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
}

/// Returns a directory as a source, or the default bundle without one.
pub(super) fn source_of(bundle: Option<PathBuf>) -> BundleSource {
    bundle.map_or(BundleSource::Embedded, BundleSource::Dir)
}

/// What the service is told on the command line. The values are texts here: `config` reads them,
/// with those of variables and the file, so that one place knows what fits.
#[derive(Debug, Default, Args)]
pub(super) struct ServeArguments {
    /// The bundle's directory, with `schemas/` and `policies/`; without it, the default bundle in
    /// this program
    #[arg(long, value_name = "DIR")]
    bundle: Option<String>,
    /// What to listen on: ADDRESS:PORT or unix:PATH [default: 127.0.0.1:8181]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where state is kept: DIR, or BACKEND:DIR; without it, everything is in memory only
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// The settings file [default: behest.toml, where it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The https address under which callers know the service
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Memory for what was decided before: `off`, or a size [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    cache: Option<String>,
    /// What callers without a key may do, of decide, search, explain; or none
    #[arg(long, value_name = "LIST")]
    anonymous: Option<String>,
}

impl CommandLine {
    /// Reads the process's arguments. If these are invalid, it exits the process with code 2.
    pub(super) fn read() -> Self {
        let command = Self::command().color(help_color(std::env::args_os()));
        let matches = command.clone().get_matches();
        match Self::from_arg_matches(&matches) {
            Ok(read) => {
                if let Some(misplaced) = misplaced_flag(&command, &matches, &read.serve) {
                    command
                        .clone()
                        .error(ErrorKind::ArgumentConflict, misplaced)
                        .exit();
                }
                read
            }
            Err(error) => error.exit(),
        }
    }
}

/// Returns the colours of help and of usage errors, which the parser writes before it knows of the
/// flag.
fn help_color(arguments: impl Iterator<Item = OsString>) -> clap::ColorChoice {
    let mut before = String::new();
    for argument in arguments {
        let argument = argument.to_string_lossy().into_owned();
        let value = match argument.strip_prefix("--color=") {
            Some(value) => value,
            None if before == "--color" => argument.as_str(),
            None => "",
        };
        match value {
            "always" => return clap::ColorChoice::Always,
            "never" => return clap::ColorChoice::Never,
            _ => before = argument,
        }
    }
    clap::ColorChoice::Auto
}

/// Says what is wrong if a flag of the service stands before a command, which would not see it.
fn misplaced_flag(
    command: &clap::Command,
    matches: &clap::ArgMatches,
    serve: &ServeArguments,
) -> Option<String> {
    let name = matches.subcommand_name()?;
    let flag = serve.first()?;
    let has_flag = command
        .find_subcommand(name)?
        .get_arguments()
        .any(|argument| argument.get_long() == Some(flag));
    Some(if has_flag {
        format!("`--{flag}` stands before the command: write `behest {name} --{flag} …`")
    } else {
        format!("`--{flag}` is none of the options of `behest {name}`: leave it out")
    })
}

impl ServeArguments {
    /// Returns the name of the first flag that was given.
    fn first(&self) -> Option<&'static str> {
        let Self {
            bundle,
            listen,
            data,
            config,
            public_url,
            cache,
            anonymous,
        } = self;
        let given = [
            ("bundle", bundle.is_some()),
            ("listen", listen.is_some()),
            ("data", data.is_some()),
            ("config", config.is_some()),
            ("public-url", public_url.is_some()),
            ("cache", cache.is_some()),
            ("anonymous", anonymous.is_some()),
        ];
        given
            .into_iter()
            .find(|(_, is_given)| *is_given)
            .map(|(flag, _)| flag)
    }

    /// Returns the flags that were given, by the key of the setting.
    pub(super) fn flags(&self) -> Flags {
        let given = [
            ("bundle", &self.bundle),
            ("listen", &self.listen),
            ("data", &self.data),
            ("public_url", &self.public_url),
            ("cache", &self.cache),
            ("anonymous", &self.anonymous),
        ];
        let settings = given
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.clone()?)))
            .collect();
        Flags {
            config: self.config.clone(),
            settings,
        }
    }
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("decider").args(["bundle", "url"]))]
pub(super) struct SearchArguments {
    /// A chain such as 'user:alice > agent:copilot'; a type in it is searched for
    #[arg(value_name = "CHAIN")]
    pub(super) who: String,
    /// The action's name, and the resource as TYPE:ID, or a type that is searched for; without an
    /// action, actions are
    #[arg(value_name = "[ACTION] RESOURCE", num_args = 1..=2, required = true)]
    pub(super) what: Vec<String>,
    /// The request's context as JSON
    #[arg(long, value_name = "JSON")]
    pub(super) context: Option<String>,
    /// Find what could be permitted with some arguments: for lists, and no permit of a call
    #[arg(long)]
    pub(super) unknown_arguments: bool,
    /// Stop after so many results
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    #[command(flatten)]
    pub(super) bundle: BundleArgument,
    #[command(flatten)]
    pub(super) service: ServiceArguments,
    /// Print the results as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_tells_its_exit_codes() {
        fn check(command: &mut clap::Command, seen: &mut usize) {
            if command.has_subcommands() {
                let help = command.render_long_help().to_string();
                assert!(help.contains("\nExit codes"), "{help}");
                // The one that prints the help of others is clap's own.
                let inner = command.get_subcommands_mut();
                for command in inner.filter(|command| command.get_name() != "help") {
                    check(command, seen);
                }
            } else {
                *seen += 1;
                let help = command.render_long_help().to_string();
                assert!(help.contains("Exit codes: 0 "), "{help}");
            }
        }
        let mut seen = 0;
        check(&mut CommandLine::command(), &mut seen);
        assert!(seen > 10, "{seen}");
    }

    #[test]
    fn serving_needs_no_command() {
        let flags = |line: &[&str]| {
            let arguments = CommandLine::try_parse_from(line).unwrap();
            match arguments.command {
                None => arguments.serve.flags().settings,
                Some(Command::Serve(serve)) => serve.flags().settings,
                other => panic!("{other:?}"),
            }
        };
        let expected = [("listen", "unix:x".to_owned()), ("cache", "off".to_owned())];
        assert_eq!(
            flags(&["behest", "--listen", "unix:x", "--cache", "off"]),
            expected
        );
        assert_eq!(
            flags(&["behest", "serve", "--listen", "unix:x", "--cache", "off"]),
            expected
        );
        assert_eq!(flags(&["behest"]), []);
    }
}
