//! The files below `src`, and what of them is code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file below `src`.
pub(crate) struct Source {
    /// From the root of the repository.
    pub(crate) path: PathBuf,
    /// The path of its module, without `crate`: `["http", "load", "lag"]`.
    pub(crate) module: Vec<String>,
    pub(crate) text: String,
    /// The text of which comments, strings and tests are blank; the lines stay where they are.
    pub(crate) code: String,
}

impl Source {
    /// The folder or file of `src` that it belongs to: `http`, `clock`.
    pub(crate) fn folder(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }
}

/// Every file whose modules are part of the product: those that only tests have are left out.
pub(crate) fn sources() -> Vec<Source> {
    let root = root().join("src");
    let mut found = Vec::new();
    let mut tests: BTreeSet<Vec<String>> = BTreeSet::new();
    for path in files(&root) {
        let (source, modules_of_tests) = read(&root, &path);
        let inside = |name: String| [&source.module[..], &[name]].concat();
        tests.extend(modules_of_tests.into_iter().map(inside));
        found.push(source);
    }
    let is_test =
        |module: &[String]| (1..=module.len()).any(|depth| tests.contains(&module[..depth]));
    found.retain(|source| !is_test(&source.module));
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(found.len() > 200, "{} files", found.len());
    found
}

/// How many lines of code a file or a folder below the repository has, those of tests among them.
pub(crate) fn lines_below(path: &str) -> usize {
    let texts = files(&root().join(path));
    let texts = texts
        .iter()
        .map(|path| fs::read_to_string(path).expect("text"));
    texts.map(|text| lines(&blank(&text))).sum()
}

/// How many lines of a code say something.
pub(crate) fn lines(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of Rust in a folder, however deep; the file itself if the path is one.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    let mut open = vec![path.to_owned()];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(path).expect("a folder");
            open.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

fn read(root: &Path, path: &Path) -> (Source, Vec<String>) {
    let text = fs::read_to_string(path).expect("text");
    let (code, modules_of_tests) = without_tests(&blank(&text));
    let inside = path.strip_prefix(root).expect("below the root");
    let names = inside.with_extension("");
    let mut module: Vec<String> = names
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
        module.pop();
    }
    (
        Source {
            path: Path::new("src").join(inside),
            module,
            text,
            code,
        },
        modules_of_tests,
    )
}

/// A text with spaces for its comments, strings and characters.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(code).expect("code outside of strings and comments is ASCII")
}

/// Where the comment, the string or the character ends that begins here; `at` itself where none
/// does.
fn literal_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let follows_word = at
        .checked_sub(1)
        .and_then(|before| bytes.get(before))
        .is_some_and(is_word);
    match rest {
        [b'/', b'/', ..] => {
            at + rest
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len())
        }
        [b'"', ..] => at + 1 + closing(&rest[1..], b'"'),
        [b'b', b'"', ..] if !follows_word => at + 2 + closing(&rest[2..], b'"'),
        [b'r', b'"' | b'#', ..] if !follows_word => raw_end(bytes, at + 1),
        [b'b', b'r', b'"' | b'#', ..] if !follows_word => raw_end(bytes, at + 2),
        [b'\'', b'\\', ..] => at + 1 + closing(&rest[1..], b'\''),
        // A lifetime has no second quote behind its first character.
        [b'\'', other @ ..] => {
            let width = std::str::from_utf8(&other[..other.len().min(4)])
                .or_else(|error| std::str::from_utf8(&other[..error.valid_up_to()]))
                .ok()
                .and_then(|text| text.chars().next())
                .map_or(1, char::len_utf8);
            if other.get(width) == Some(&b'\'') {
                at + width + 2
            } else {
                at
            }
        }
        _ => at,
    }
}

/// The length of what stands before a quote that is not escaped, with the quote.
fn closing(rest: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_end(bytes: &[u8], hashes_at: usize) -> usize {
    let hashes = bytes[hashes_at..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    if bytes.get(hashes_at + hashes) != Some(&b'"') {
        // A raw identifier.
        return hashes_at;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let body = hashes_at + hashes + 1;
    let found = bytes[body..]
        .windows(close.len())
        .position(|window| window == close.as_bytes());
    found.map_or(bytes.len(), |at| body + at + close.len())
}

/// Code without the items that only tests have, and the names of modules among them that are files
/// of their own.
fn without_tests(code: &str) -> (String, Vec<String>) {
    const MARKS: [&str; 3] = ["#[cfg(test)]", "#[cfg(all(test", "#[cfg(any(test"];
    let mut code = code.to_owned();
    let mut modules = Vec::new();
    while let Some(start) = MARKS.iter().filter_map(|mark| code.find(mark)).min() {
        let item = past_attributes(&code, start);
        let end = item_end(&code, item);
        let head = code[item..end]
            .trim_start_matches("pub ")
            .trim_start_matches("pub(crate) ");
        if let Some(name) = head
            .strip_prefix("mod ")
            .and_then(|rest| rest.strip_suffix(';'))
        {
            modules.push(name.to_owned());
        }
        let blanks = code[start..end].replace(|char| char != '\n', " ");
        code.replace_range(start..end, &blanks);
    }
    (code, modules)
}

fn past_attributes(code: &str, mut at: usize) -> usize {
    while code[at..].starts_with("#[") {
        at += matching(&code[at + 1..]) + 1;
        at += code[at..].len() - code[at..].trim_start().len();
    }
    at
}

/// Where an item ends: behind its semicolon, or behind the brace that closes its body. A field ends
/// behind its comma.
fn item_end(code: &str, start: usize) -> usize {
    let name = code[start..]
        .trim_start_matches("pub(super) ")
        .trim_start_matches("pub(crate) ")
        .trim_start_matches("pub ");
    let after = name.trim_start_matches(|char: char| char.is_ascii_alphanumeric() || char == '_');
    if after.starts_with(':') && !after.starts_with("::") {
        return field_end(code, start);
    }
    let mut at = start;
    while let Some(found) = code[at..].find([';', '{', '(', '[']) {
        at += found;
        match code.as_bytes()[at] {
            b';' => return at + 1,
            b'{' => {
                let end = at + matching(&code[at..]);
                // A list of uses goes on to its semicolon.
                return if code[end..].starts_with(';') {
                    end + 1
                } else {
                    end
                };
            }
            _ => at += matching(&code[at..]),
        }
    }
    code.len()
}

fn field_end(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code[start..].bytes().enumerate() {
        match byte {
            b',' if depth == 0 => return start + at + 1,
            b'}' if depth == 0 => return start + at,
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    code.len()
}

/// The length of what begins with a bracket, up to the one that closes it.
pub(crate) fn matching(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth <= 1 => return at + 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn what_is_no_code_is_blank_and_what_follows_it_is_not() {
    let text = "let a = \"crate::x\\\"\"; // crate::y\nlet b = ['\"', '\\'', r#\"\"crate::z\"\"#];\nfn c<'a>() {}\n";
    let code = blank(text);
    assert!(!code.contains("crate"), "{code}");
    assert!(
        code.contains("fn c<'a>() {}") && code.lines().count() == 3,
        "{code}"
    );
    let marked = "use a;\n#[cfg(test)]\nuse b::{c, d};\n#[cfg(test)]\n#[path = x]\nmod e;\n#[cfg(test)]\nfn f() { g(); }\nuse h;\n";
    let (code, modules) = without_tests(marked);
    assert_eq!(
        code.split_whitespace().collect::<Vec<_>>(),
        ["use", "a;", "use", "h;"]
    );
    assert_eq!(modules, ["e"]);
    let (code, _) =
        without_tests("Self { a: 1, #[cfg(test)]\n b: Map<c, d>, e, #[cfg(test)]\n f: None }");
    assert_eq!(
        code.split_whitespace().collect::<Vec<_>>(),
        ["Self", "{", "a:", "1,", "e,", "}"]
    );
}
