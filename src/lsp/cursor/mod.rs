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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{self, BundleFiles};

    const FILES: [(&str, &str); 7] = [
        (
            "schemas/s.cedarschema",
            r#"namespace A { @doc("é") entity B, C in [D::E] {
@x_y @stored "a b"?: Set<B>, c: { d: Long } } tags String;
entity F enum ["x"]; type T = { e: __cedar::String }; }
action "r:s" in ["r"] appliesTo { principal: [A::B], resource: C, context: { u: T } };"#,
        ),
        (
            "schemas/m.fga",
            "model\n  schema 1.1 # no\ntype a\n  relations\n    define b: [a, a#b, a:* with c]\n\
             \x20     or (b from d but not e)\n\
             condition c(x: list<int>) {\n  x == []\n}\nextend type a",
        ),
        (
            "policies/p.cedar",
            r#"@id("a")@reason("b")permit(principal==A::B::"é",action in[Action::"r"],
resource is C in D::E::"x")when{context.delegation.from.a.b&&resource.c.d has e.f
||principal["g"] in Userset::"a:b#c"}; // "
forbid(principal,action,resource)unless{?principal like "*"};"#,
        ),
        (
            "policies/cases.yaml",
            r#"given: {entities: [{uid: {type: a, id: é}}]}
cases: # no
- name: &n "a: b"
  who: 'a:b > c:d#e'
  does: r
  to: "C:s"
  expect: {deny: b, policies: [a]}
- name: z
  like: *n
  table: {who: [a:b], to: [C:s], expect: [[b]]}
"#,
        ),
        (
            "policies/tuples.jsonl",
            "{\"user\": \"a:b#c\", \"relation\": \"b\", \"object\": \"a:é\"}\n\n{\"user\": \n",
        ),
        (
            "policies/entities.json",
            r#"[{"uid": {"__entity": {"type": "A::B", "id": "é"}}, "attrs": {}}]"#,
        ),
        (
            "policies/bundle.toml",
            "packs = [\"roles\"] # é\n[types]\na = \"A::B\"\n[reasons.b]\nnext_action = \"none\"\n",
        ),
    ];

    /// Whatever is cut off, and wherever somebody points, the answer is a name of the text.
    #[test]
    fn every_place_of_every_unfinished_text_has_an_answer() {
        let owned = FILES.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let whole = SymbolIndex::of(&BundleFiles::from_texts(owned));
        let mut hits = 0;
        for (path, text) in FILES {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            for end in ends {
                let cut = &text[..end];
                let mut files = BundleFiles::from_texts([(path.to_owned(), cut.to_owned())]);
                let index = SymbolIndex::of(&files);
                let places = if end == text.len() {
                    0..=end
                } else {
                    end.saturating_sub(8)..=end
                };
                for at in places.filter(|at| cut.is_char_boundary(*at)) {
                    for index in [&index, &whole] {
                        let Some(found) = hit(path, cut, at, index) else {
                            continue;
                        };
                        hits += 1;
                        assert!(cut.get(found.range.clone()).is_some(), "{path}: {found:?}");
                        assert!(
                            found.range.start <= at && at <= found.range.end,
                            "{found:?}"
                        );
                        assert!(!super::super::hover::markdown(&found, index).is_empty());
                    }
                }
                if end % 16 == 0 {
                    let _ = bundle::compile(&mut files);
                }
            }
        }
        assert!(hits > 500, "{hits}");
    }
}
