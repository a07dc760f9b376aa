//! What is shown of a name: its declaration as it is written, and what its author says of it.

use super::cursor::Hit;
use super::outline::{Symbol, SymbolIndex, SymbolKind};
use std::fmt::Write as _;

/// LIMIT: declarations that are shown of one name.
const MAX_SYMBOLS: usize = 5;

/// LIMIT: lines that are shown of one declaration.
const MAX_LINES: usize = 24;

/// Returns what is shown, as Markdown.
pub(super) fn markdown(hit: &Hit<'_>, index: &SymbolIndex) -> String {
    let mut parts: Vec<String> = hit.note.iter().cloned().collect();
    let shown = hit.symbols.iter().take(MAX_SYMBOLS);
    parts.extend(shown.map(|symbol| describe(symbol, index)));
    let more = hit.symbols.len().saturating_sub(MAX_SYMBOLS);
    if more > 0 {
        parts.push(format!("and {more} more of this name"));
    }
    parts.join("\n\n---\n\n")
}

fn describe(symbol: &Symbol, index: &SymbolIndex) -> String {
    let mut text = format!("{} `{}`", symbol.kind.word(), symbol.name);
    if let (Some(owner), true) = (&symbol.owner, symbol.kind != SymbolKind::Case) {
        let _ = write!(text, " of `{owner}`");
    }
    let _ = write!(text, " ({})", whereabouts(symbol, index));
    for sentence in &symbol.docs {
        text.push_str("\n\n");
        text.push_str(&escaped(sentence));
    }
    let source = index.source(symbol);
    let lines: Vec<&str> = source.lines().collect();
    let mut code = lines.get(..MAX_LINES).unwrap_or(&lines).join("\n");
    if lines.len() > MAX_LINES {
        code.push_str("\n…");
    }
    // A fence that the declaration cannot end.
    let fence = if code.contains("```") {
        "~~~~~~"
    } else {
        "```"
    };
    let _ = write!(
        text,
        "\n\n{fence}{}\n{code}\n{fence}",
        language(&symbol.at.file)
    );
    text
}

fn whereabouts(symbol: &Symbol, index: &SymbolIndex) -> String {
    let file = &symbol.at.file;
    if let Some((pack, _)) = file
        .strip_prefix("pack:")
        .and_then(|file| file.split_once('/'))
    {
        return format!("of the pack `{pack}`");
    }
    let text = index.text(file).map_or("", |text| text);
    let before = text.get(..symbol.at.offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    format!("`{file}`, line {line}")
}

/// A sentence of a policy is text, and no Markdown but for its backticks.
fn escaped(sentence: &str) -> String {
    let special = |c: char| matches!(c, '[' | ']' | '<' | '>' | '!' | '*' | '#' | '\\');
    let mut text = String::with_capacity(sentence.len());
    for c in sentence.chars() {
        if special(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn language(file: &str) -> &'static str {
    match file.rsplit('.').next() {
        Some("cedar") => "cedar",
        Some("cedarschema") => "cedarschema",
        Some("fga") => "fga",
        Some("json") => "json",
        _ => "yaml",
    }
}
