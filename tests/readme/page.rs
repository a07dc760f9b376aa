//! Markdown files, and what can be read off them.

use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Markdown file, named by its path from the root of the repository.
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(root().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Self {
            name: name.to_owned(),
            text,
        }
    }

    /// The lines that are not in a block of code.
    pub(crate) fn prose(&self) -> impl Iterator<Item = &str> {
        let mut is_code = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.starts_with("```");
            is_code ^= is_fence;
            !is_code && !is_fence
        })
    }

    /// The first cells of the rows of its tables.
    pub(crate) fn first_cells(&self) -> impl Iterator<Item = &str> {
        self.prose()
            .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
    }

    /// The anchors of its headings, as GitHub makes them.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let headings = self
            .prose()
            .filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()));
        headings
            .map(|heading| {
                let slug = slug(heading);
                let count = seen.entry(slug.clone()).or_default();
                *count += 1;
                if *count == 1 {
                    slug
                } else {
                    format!("{slug}-{}", *count - 1)
                }
            })
            .collect()
    }

    /// What its links lead to; those in code are none.
    pub(crate) fn links(&self) -> Vec<String> {
        let prose = self.prose().collect::<Vec<_>>().join("\n");
        let prose = Regex::new(r"`[^`\n]*`")
            .unwrap()
            .replace_all(&prose, "")
            .into_owned();
        let link = Regex::new(r"(?m)\]\(([^)\s]+)\)|^\[[^\]]+\]:\s+(\S+)").unwrap();
        link.captures_iter(&prose)
            .map(|found| found.get(1).or(found.get(2)).unwrap().as_str().to_owned())
            .collect()
    }
}

pub(crate) fn slug(heading: &str) -> String {
    let letters = heading
        .chars()
        .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    letters
        .flat_map(char::to_lowercase)
        .map(|char| if char == ' ' { '-' } else { char })
        .collect()
}

/// The Markdown files of a folder, with those of the folders in it.
pub(crate) fn markdown(folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let name = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
        if root().join(&name).is_dir() {
            names.extend(markdown(&name));
        } else if has_ending(&name) {
            names.push(name);
        }
    }
    names.sort();
    names
}

pub(crate) fn has_ending(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|ending| ending == "md")
}

/// The README, and each page below `docs`.
pub(crate) fn pages() -> Vec<Page> {
    let names = ["README.md".to_owned()].into_iter().chain(markdown("docs"));
    let pages: Vec<Page> = names.map(|name| Page::read(&name)).collect();
    assert!(pages.len() > 10, "{} pages", pages.len());
    pages
}
