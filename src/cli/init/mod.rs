//! `behest init`: writes a complete bundle to begin with.
//!
//! **Problem.** A first bundle has six kinds of files, and a server with thirty tools has thirty
//! actions with arguments that nobody wants to type.
//! **Decision.** Templates are whole bundles, in files that are read and tested as such. For the
//! tools of an MCP server the files with one part per tool are generated ([`scaffold`]) from the
//! server's answer to `tools/list` ([`tool_list`], [`mcp_client`]), and the others are templates.
//! **Trade-off.** What a server says about a tool is a hint of whoever wrote it: it decides in
//! which group the tool begins, and the author of the bundle looks at it.
//!
//! INVARIANT: nothing that exists is written over, and what a server says ends in quotes or in
//! comments that it cannot leave ([`quoting`]).

mod argument_types;
mod mcp_client;
mod quoting;
mod scaffold;
mod templates;
mod tool_list;

pub(super) use templates::BundleTemplate;

use super::args::InitArguments;
use super::output::{Paint, fail, format_count, notice, print};
use crate::model::Problem;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;
use templates::NewFile;

/// Writes a template, or a bundle for the tools of a server, into a directory.
pub(super) fn run(arguments: &InitArguments) -> ExitCode {
    match write(arguments) {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(problem) => fail(problem),
    }
}

fn write(arguments: &InitArguments) -> Result<String, Problem> {
    let (files, what) = match &arguments.from_tools {
        None => {
            let template = arguments.template.unwrap_or_default();
            (template.files(), format!("template `{template}`"))
        }
        Some(source) => from_tools(source, arguments.server.as_deref())?,
    };
    let dir = &arguments.dir;
    check_free(dir, &files)?;
    for file in &files {
        create(&dir.join(file.path), &file.text)?;
    }
    Ok(report(dir, &files, &what))
}

/// Returns the files for the tools of a server, and what they were made from.
fn from_tools(source: &str, server: Option<&str>) -> Result<(Vec<NewFile>, String), Problem> {
    let server = server.map(tool_list::check_server).transpose()?;
    let mut list = if tool_list::is_address(source) {
        mcp_client::ask(source)?
    } else {
        tool_list::read_file(source)?
    };
    if let Some(server) = server {
        list.server = server;
    }
    if list.goes_on {
        notice(
            "warning: the list has a `nextCursor`: it is one page of several, and the tools of \
             the others are left out\n",
        );
    }
    let tools = format_count(
        list.tools.len().try_into().unwrap_or(u64::MAX),
        "tool",
        "tools",
    );
    let what = format!("{tools} of the server `{}`", list.server);
    Ok((scaffold::files(&list)?, what))
}

/// Refuses a directory in which something stands where a file or one of the bundle's folders is
/// to be written.
fn check_free(dir: &Path, files: &[NewFile]) -> Result<(), Problem> {
    let tops: BTreeSet<&str> = files
        .iter()
        .map(|file| match file.path.split_once('/') {
            Some((top @ ("schemas" | "policies"), _)) => top,
            _ => file.path,
        })
        .collect();
    let taken: Vec<String> = tops
        .into_iter()
        .map(|top| dir.join(top))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    let verb = if taken.len() == 1 { "exists" } else { "exist" };
    Err(
        Problem::new(format!("{} {verb}: nothing was written", taken.join(", ")))
            .help("name a directory that is empty or new: `behest init DIR`"),
    )
}

/// Creates a file that does not exist, and the folders above it.
fn create(path: &Path, text: &str) -> Result<(), Problem> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = made.and_then(|()| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())
    });
    written.map_err(|error| {
        let help = if error.kind() == ErrorKind::AlreadyExists {
            "something else wrote it meanwhile: name another directory"
        } else {
            "name a directory that you may write to"
        };
        Problem::new(format!("`{}` cannot be written: {error}", path.display())).help(help)
    })
}

/// Names what was written, and what to do next.
fn report(dir: &Path, files: &[NewFile], what: &str) -> String {
    let paint = Paint::for_results();
    let lines: String = files
        .iter()
        .map(|file| format!("  {}\n", dir.join(file.path).display()))
        .collect();
    let shown = dir.display();
    format!(
        "{}: {what}, written as\n{lines}next: `behest dev {shown}` shows what an \
         edit does; read `{}`\n",
        paint.good("ok"),
        dir.join("README.md").display()
    )
}
