//! `behest completions` and `behest man`: what shells and `man` know of the command line, made from
//! the arguments themselves.

use super::args::{CommandLine, ManArguments};
use super::output::{fail, print};
use crate::model::Problem;
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use std::process::ExitCode;

/// Prints the script that completes commands and flags in a shell.
pub(super) fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "behest", &mut script);
    print(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}

/// Prints the page of the program, or writes the pages of all commands into a directory.
pub(super) fn man(arguments: &ManArguments) -> ExitCode {
    let written = match &arguments.dir {
        Some(dir) => std::fs::create_dir_all(dir)
            .and_then(|()| clap_mangen::generate_to(CommandLine::command(), dir)),
        None => {
            let mut page = Vec::new();
            let rendered = Man::new(CommandLine::command()).render(&mut page);
            rendered.map(|()| print(&String::from_utf8_lossy(&page)))
        }
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(
            Problem::new(format!("the pages cannot be written: {error}"))
                .help("name a directory that you may write to"),
        ),
    }
}
