//! `behest pack`: shows the packs of policies that this program contains.

use super::args::PackCommand;
use super::output::{Paint, fail, print, with_line_end};
use crate::bundle::{self, Pack};
use crate::model::Problem;
use std::process::ExitCode;

/// Lists the packs, or prints one of them.
pub(super) fn run(command: &PackCommand) -> ExitCode {
    let packs = bundle::packs();
    let paint = Paint::for_results();
    match command {
        PackCommand::List => {
            print(&render_list(&packs, paint));
            ExitCode::SUCCESS
        }
        PackCommand::Show { name } => match packs.iter().find(|pack| pack.name == *name) {
            Some(pack) => {
                print(&render_files(pack, paint));
                ExitCode::SUCCESS
            }
            None => fail(
                Problem::new(format!("there is no pack `{name}`"))
                    .help("`behest pack list` names those there are"),
            ),
        },
    }
}

fn render_list(packs: &[Pack], paint: Paint) -> String {
    let width = packs
        .iter()
        .map(|pack| pack.name.chars().count())
        .max()
        .unwrap_or_default();
    let line = |pack: &Pack| {
        let margin = " ".repeat(width.saturating_sub(pack.name.chars().count()));
        format!("{}{margin}  {}\n", paint.strong(&pack.name), pack.summary)
    };
    packs.iter().map(line).collect()
}

fn render_files(pack: &Pack, paint: Paint) -> String {
    let file = |(path, text): &(String, String)| {
        format!(
            "{}\n{}",
            paint.dim(&format!("==> {path} <==")),
            with_line_end(text.clone())
        )
    };
    pack.files.iter().map(file).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(name: &str) -> Pack {
        Pack {
            name: name.to_owned(),
            summary: format!("About {name}."),
            files: vec![
                ("a.cedar".to_owned(), "permit".to_owned()),
                ("b.cedar".to_owned(), "forbid\n".to_owned()),
            ],
        }
    }

    #[test]
    fn packs_are_listed_in_columns_and_shown_file_by_file() {
        let paint = Paint { colour: false };
        assert_eq!(
            render_list(&[pack("roles"), pack("delegation")], paint),
            "roles       About roles.\ndelegation  About delegation.\n"
        );
        assert_eq!(
            render_files(&pack("roles"), paint),
            "==> a.cedar <==\npermit\n\n==> b.cedar <==\nforbid\n"
        );
    }
}
