//! The command line, and the only module that puts the parts together.
//!
//! **Problem.** A policy author needs to know what is wrong, what was decided and why, without a
//! service. An operator needs a service that says in one sentence why it does not start.
//! **Decision.** There is one program. Without a subcommand it serves; the other subcommands read a
//! bundle with the same code and then exit. Their output is for people: it is aligned, and coloured
//! only on a terminal, unless `--color` says otherwise.
//! **Trade-off.** Scripts must rely on exit codes and on `explain --json`, never on the text.
//!
//! Exit codes stand in `exit`. A denial is an answer, whose exit code is 0 unless `explain` is told
//! that the exit code is to tell.

mod args;
mod backup;
mod cases;
mod chain;
mod chosen;
mod config_check;
mod exit;
mod explain;
mod export;
mod grants;
mod health;
mod import;
mod init;
mod keys;
mod lints;
mod lsp;
mod manual;
mod output;
mod output_file;
mod pack;
mod rerun;
mod schema;
mod search;
mod serve;
mod service;
mod tuples;
mod validate;
mod would_take;

use crate::bundle::BundleSource;
use args::{BundleArgument, Command, CommandLine, ConfigCommand, KeysCommand};
use chosen::ChosenBundle;
use std::process::ExitCode;

/// Runs the program with the process's arguments. If these are invalid, it exits the process with
/// code 2.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = CommandLine::read();
    output::choose_color(arguments.color);
    match arguments.command {
        None => serve::run(&arguments.serve),
        Some(Command::Serve(serve)) => serve::run(&serve),
        Some(Command::Init(init)) => init::run(&init),
        Some(Command::Validate {
            bundle,
            lints,
            taker,
        }) => validate::run(&chosen(&bundle.named()), &lints, &taker),
        Some(Command::Dev(dev)) => serve::dev::run(&dev),
        Some(Command::Test(test)) if test.watch => {
            let source = chosen(&test.bundle.named());
            rerun::at_each_change(&source, || cases::run(&test, &source))
        }
        Some(Command::Test(test)) => cases::run(&test, &chosen(&test.bundle.named())),
        Some(Command::Explain(explain)) => explain::run(&explain),
        Some(Command::Search(search)) => search::run(&search),
        Some(Command::Schema {
            bundle,
            json_schema,
            write,
        }) => schema::run(&bundle.named(), json_schema, write.as_deref()),
        Some(Command::Lsp { .. }) => lsp::run(),
        Some(Command::Import(import)) => import::run(&import),
        Some(Command::Export(export)) => export::run(&export),
        Some(Command::Backup(backup)) => backup::run(&backup),
        Some(Command::Restore(restore)) => backup::run_restore(&restore),
        Some(Command::Suspend(arguments)) => grants::suspend(&arguments),
        Some(Command::Resume(arguments)) => grants::resume(&arguments),
        Some(Command::Grant(arguments)) => grants::grant(&arguments),
        Some(Command::Ungrant(arguments)) => grants::ungrant(&arguments),
        Some(Command::Completions(arguments)) => manual::completions(arguments.shell),
        Some(Command::Man(arguments)) => manual::man(&arguments),
        Some(Command::Pack { command }) => pack::run(&command),
        Some(Command::Config {
            command: ConfigCommand::Check(check),
        }) => config_check::check(&check),
        Some(Command::Keys {
            command: KeysCommand::Refresh { service },
        }) => keys::refresh(&service),
        Some(Command::Health { service }) => health::run(&service),
    }
}

/// Returns the bundle that a command is about, and says which one it is if none was named.
fn chosen(argument: &BundleArgument) -> BundleSource {
    ChosenBundle::announced(argument).source()
}
