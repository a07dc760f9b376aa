//! An error says what went wrong by its type: no function of the product answers with a text.

use crate::source::{Source, sources};

#[test]
fn no_result_has_a_text_as_its_error() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for Source { path, code, .. } in sources() {
        for (line, error) in errors(&code) {
            count += 1;
            if error == "String" {
                wrong.push(format!("{}:{line}", path.display()));
            }
        }
    }
    assert!(count > 500, "{count} errors");
    assert!(
        wrong.is_empty(),
        "give these a variant of their folder's error: {wrong:#?}"
    );
}

/// The type of each error that code names, with its line: the last of two arguments of a `Result`,
/// and what a trait's `Err` or `Error` is.
fn errors(code: &str) -> Vec<(usize, &str)> {
    let line = |at: usize| code[..at].matches('\n').count() + 1;
    let results = code.match_indices("Result<").filter_map(|(at, name)| {
        let arguments = arguments(&code[at + name.len()..]);
        (arguments.len() == 2).then(|| (line(at), arguments[1]))
    });
    let types = ["type Err =", "type Error ="].into_iter().flat_map(|name| {
        code.match_indices(name).filter_map(move |(at, name)| {
            let (error, _) = code[at + name.len()..].split_once(';')?;
            Some((line(at), error.trim()))
        })
    });
    results.chain(types).collect()
}

/// The arguments of a type, of what follows its `<`.
fn arguments(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        let is_end = byte == b'>' && !code[..at].ends_with('-');
        match byte {
            b'<' | b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'>' if is_end && depth > 0 => depth -= 1,
            b',' if depth == 0 => {
                found.push(code[start..at].trim());
                start = at + 1;
            }
            b'>' if is_end => {
                found.push(code[start..at].trim());
                break;
            }
            b';' | b'{' if depth == 0 => break,
            _ => {}
        }
    }
    // A comma may follow the last one.
    found.retain(|argument| !argument.is_empty());
    found
}

#[test]
fn the_error_of_a_result_is_its_last_argument() {
    let code = "fn a() -> Result<Vec<(u8, String)>, Wrong>;\nfn b() -> Result<\n    [u8; 2],\n    \
                String,\n>;\nfn c() -> io::Result<String>;\nfn d(f: impl Fn() -> Result<Box<dyn \
                Fn(u8) -> u8>, String>);\ntype Err = String;\n";
    let expected = [(1, "Wrong"), (2, "String"), (7, "String"), (8, "String")];
    assert_eq!(errors(code), expected);
}
