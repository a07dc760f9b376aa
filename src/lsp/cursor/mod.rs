//! What a person points at: the declarations of the name under the cursor, in whichever file of a
//! bundle it is.

mod builtins;
mod cedar;
mod fga;
mod values;

use super::outline::{Symbol, SymbolIndex};
use std::ops::Range;

/// What stands under the cursor.
#[derive(Debug)]
pub(super) struct Hit<'i> {
    /// The bytes of the name.
    pub(super) range: Range<usize>,
    /// Its declarations.
    pub(super) symbols: Vec<&'i Symbol>,
    /// What there is to say of a name that no file declares.
    pub(super) note: Option<String>,
}

impl<'i> Hit<'i> {
    /// Creates a hit, if there is anything to show.
    fn of(range: Range<usize>, symbols: Vec<&'i Symbol>, note: Option<String>) -> Option<Self> {
        let is_empty = symbols.is_empty() && note.is_none();
        (!is_empty).then_some(Self {
            range,
            symbols,
            note,
        })
    }
}

/// Returns what stands at a byte of a file; `name` is the file's path in its bundle.
pub(super) fn hit<'i>(
    name: &str,
    text: &str,
    offset: usize,
    index: &'i SymbolIndex,
) -> Option<Hit<'i>> {
    let ends = |ending: &str| name.ends_with(ending);
    if ends(".cedar") || ends(".cedarschema") {
        cedar::hit(text, offset, index)
    } else if ends(".fga") {
        fga::hit(text, offset, index)
    } else if ends(".yaml") || ends(".json") || ends(".jsonl") {
        values::hit(name, text, offset, index)
    } else if ends("bundle.toml") {
        values::in_manifest(text, offset, index)
    } else {
        None
    }
}
