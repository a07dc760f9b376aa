//! What an issuer publishes of its keys or authorities, in every form in which some of them can be
//! missing, and which of them count then.

use super::Dice;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::tokens::{Key, with};

/// What is found where keys are published.
pub(super) enum Found {
    /// An answer with this status, or a file with this text.
    Text(u16, String),
    /// Nothing any more: a 410, or no file.
    Gone,
    /// Nobody answers, or the file cannot be read.
    Unreachable,
}

/// A form of publishing.
pub(super) struct Form {
    pub(super) kind: &'static str,
    pub(super) found: Found,
    /// Those that count from now on, by their places; none where those of before do.
    pub(super) held: Option<Vec<usize>>,
}

impl Form {
    fn new(kind: &'static str, text: impl Into<String>, held: Vec<usize>) -> Self {
        Self {
            kind,
            found: Found::Text(200, text.into()),
            held: Some(held),
        }
    }

    fn as_before(kind: &'static str, found: Found) -> Self {
        Self {
            kind,
            found,
            held: None,
        }
    }
}

/// How long a file must hold something else until that withdraws what it held before.
const STAYS_MS: i64 = 10_000;

/// A file that holds something else, and since when.
#[derive(Default)]
pub(super) struct Foreign(Option<(String, i64)>);

impl Foreign {
    /// Reads a file in this form, and returns `true` if that withdraws what it held before.
    pub(super) fn withdraws(&mut self, form: &Form, now_ms: i64) -> bool {
        match (&form.held, &form.found) {
            (Some(_), _) => self.0 = None,
            (None, Found::Text(_, text)) => match &self.0 {
                Some((last, since_ms)) if last == text => return now_ms - since_ms >= STAYS_MS,
                _ => self.0 = Some((text.clone(), now_ms)),
            },
            (None, Found::Gone | Found::Unreachable) => {}
        }
        false
    }
}

/// The forms of a key set.
pub(super) const SETS: [&str; 18] = [
    "all keys",
    "keys that ended once",
    "some keys",
    "no keys",
    "keys of another use",
    "a set without keys",
    "another form",
    "an empty answer",
    "no content",
    "keys twice",
    "a key of no form",
    "half a set",
    "a damaged set",
    "a set that is too large",
    "too many keys",
    "gone",
    "out of reach",
    "something else",
];

/// These keys, published in some form.
pub(super) fn set(dice: &mut Dice, keys: &[Value]) -> Form {
    let all: Vec<usize> = (0..keys.len()).collect();
    let (mut some, more) = (dice.some(&all), dice.some(&all));
    let text = |some: &[usize]| {
        let some: Vec<String> = some.iter().map(|at| keys[*at].to_string()).collect();
        some.join(",")
    };
    let comma = |some: &[usize]| if some.is_empty() { "" } else { "," };
    let listed = text(&some);
    let usual = dice.chance(20).then_some("some keys");
    let kind = usual.unwrap_or_else(|| SETS[dice.below(SETS.len())]);
    let whole = |listed: &str| format!("{{\"keys\":[{listed}]}}");
    match kind {
        "all keys" => Form::new(kind, whole(&text(&all)), all),
        "some keys" => Form::new(kind, whole(&listed), some),
        "no keys" => Form::new(kind, whole(""), Vec::new()),
        "keys that ended once" => {
            let listed = json!({"keys": twins(dice, keys, &some)});
            Form::new(kind, listed.to_string(), some)
        }
        "keys of another use" => {
            let keys: Vec<Value> = keys
                .iter()
                .map(|key| with(key, &json!({"use": "enc"})))
                .collect();
            Form::new(kind, json!({"keys": keys}).to_string(), Vec::new())
        }
        "a set without keys" => {
            let forms = [
                "{}",
                "{\"keys\":null}",
                "{\"keys\":{}}",
                "{\"Keys\":[KEY]}",
                "{",
            ];
            let form = dice.one(&forms).replace("KEY", &text(&all));
            Form::new(kind, form, Vec::new())
        }
        "another form" => {
            let form = dice
                .one(&["null", "[]", "[KEY]"])
                .replace("KEY", &text(&all));
            Form::new(kind, form, Vec::new())
        }
        "an empty answer" => Form::new(kind, dice.one(&["", " \n"]), Vec::new()),
        "no content" => Form {
            found: Found::Text(204, String::new()),
            ..Form::new(kind, "", Vec::new())
        },
        "keys twice" => Form::new(
            kind,
            format!("{{\"keys\":[{listed}],\"keys\":[{}]}}", text(&more)),
            Vec::new(),
        ),
        "a key of no form" => {
            let bad = dice.one(&["{\"kid\":\"a\",\"kid\":\"b\"}", "7", "[]"]);
            Form::new(kind, whole(&format!("{bad}{}{listed}", comma(&some))), some)
        }
        "half a set" => {
            let rest = dice.one(&["", ",", ",{\"kty\":\"EC\"", "]"]);
            Form::new(kind, format!("{{\"keys\":[{listed}{rest}"), some)
        }
        "a damaged set" => {
            let listed = format!("{listed}{}x,{}", comma(&some), text(&more));
            Form::new(kind, whole(&listed), some)
        }
        "a set that is too large" => {
            let padding = " ".repeat(600 * 1024);
            let listed = format!("{listed}{}{padding}{}", comma(&some), text(&all));
            Form::new(kind, whole(&listed), some)
        }
        "too many keys" => {
            let before = 97 + dice.below(7);
            let strangers = vec![Key::new("x").published().to_string(); before].join(",");
            let listed = format!("{strangers}{}{listed}", comma(&some));
            // A hundred are read.
            some.truncate(100_usize.saturating_sub(before));
            Form::new(kind, whole(&listed), some)
        }
        "gone" => Form {
            found: Found::Gone,
            ..Form::new(kind, "", Vec::new())
        },
        "out of reach" => Form::as_before(kind, Found::Unreachable),
        _ => {
            let large = " ".repeat(600 * 1024);
            let text = dice
                .one(&["<html>{\"keys\":[]}", "\"x\"", "busy", &large])
                .to_owned();
            let status = [200, 404, 500, 503][dice.below(4)];
            Form::as_before(kind, Found::Text(status, text))
        }
    }
}

/// These keys, of which all but some have ended where they are listed a second time, before the
/// first or behind it.
fn twins(dice: &mut Dice, keys: &[Value], some: &[usize]) -> Vec<Value> {
    let ends = [
        json!({"revoked": true}),
        json!({"revoked": {"revoked_at": 1}}),
        json!({"exp": 1}),
        json!({"exp": "x"}),
        json!({"exp": 1, "kid": "other"}),
        json!({"revoked": true, "kid": null}),
        json!({"revoked": true, "use": "enc"}),
        json!({"exp": 1, "alg": "RS256"}),
        json!({"exp": 1, "key_ops": ["sign"]}),
    ];
    let mut listed = keys.to_vec();
    for at in (0..keys.len()).filter(|at| !some.contains(at)) {
        let twin = with(&keys[at], &ends[dice.below(ends.len())]);
        let place = dice.below(listed.len() + 1);
        listed.insert(place, twin);
    }
    listed
}

/// The forms of a file of authorities.
pub(super) const FILES: [&str; 8] = [
    "all authorities",
    "some authorities",
    "an empty file",
    "a damaged file",
    "half a file",
    "a file that is too large",
    "no file",
    "no PEM",
];

/// These authorities in a file, in some form; one that is longer than `limit` bytes is not read
/// beyond them.
pub(super) fn file(dice: &mut Dice, authorities: &[String], limit: usize) -> Form {
    let all: Vec<usize> = (0..authorities.len()).collect();
    let (some, more) = (dice.some(&all), dice.some(&all));
    let text =
        |some: &[usize]| -> String { some.iter().map(|at| authorities[*at].as_str()).collect() };
    let listed = text(&some);
    let kind = FILES[dice.below(FILES.len())];
    match kind {
        "all authorities" => Form::new(kind, text(&all), all),
        "some authorities" => Form::new(kind, listed, some),
        "an empty file" => Form::new(kind, dice.one(&["", " \n"]), Vec::new()),
        "a damaged file" => {
            let damaged = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
            let held = [some, more.clone()].concat();
            Form::new(kind, format!("{listed}{damaged}{}", text(&more)), held)
        }
        "half a file" => Form::new(
            kind,
            format!("{listed}-----BEGIN CERTIFICATE-----\nAAAA"),
            some,
        ),
        "a file that is too large" => {
            let padding = "\n".repeat(limit + 1);
            // Where nothing stands before the limit, what is read is no PEM.
            let held = (!some.is_empty()).then_some(some);
            let form = Form::new(kind, format!("{listed}{padding}{}", text(&all)), Vec::new());
            Form { held, ..form }
        }
        "no file" => Form {
            found: Found::Gone,
            ..Form::new(kind, "", Vec::new())
        },
        _ if dice.chance(50) => Form::as_before(kind, Found::Unreachable),
        _ => Form::as_before(kind, Found::Text(200, "no PEM".to_owned())),
    }
}

/// Puts what is found at a path, where it is seen at once and whole: whoever looks just then sees
/// what was there before.
pub(super) fn put(path: &Path, found: &Found) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let beside = |what: &str| {
        path.with_extension(format!("{}.{what}", COUNT.fetch_add(1, Ordering::Relaxed)))
    };
    let (target, link) = (beside("target"), beside("link"));
    match found {
        Found::Text(_, text) => std::fs::write(&target, text).unwrap(),
        Found::Gone => return std::fs::remove_file(path).unwrap_or_default(),
        // Nobody can follow it.
        Found::Unreachable => std::os::unix::fs::symlink(&target, &target).unwrap(),
    }
    std::os::unix::fs::symlink(&target, &link).unwrap();
    std::fs::rename(&link, path).unwrap();
}
