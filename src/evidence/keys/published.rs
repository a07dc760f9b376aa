//! Reads the keys that an issuer publishes, as far as they can be read.
//!
//! **Problem.** A key that its issuer has withdrawn must not stay valid because the answer without
//! it is large, partly damaged, or contains no keys. An issuer that is out of reach has withdrawn
//! nothing.
//! **Decision.** An answer that begins as a key set is the issuer's word, and so is an empty
//! answer: the keys that can be read are its keys, up to the limits, and no others. An answer that
//! begins otherwise, such as a page of HTML, is not the issuer's.
//! **Trade-off.** An issuer that serves half a set by mistake has half its keys until it serves
//! them all.
//!
//! INVARIANT: anything that could not be read verifies nothing, and is reported
//! ([`Published::complaint`]).

use super::file::{behind_comments, is_blank};
use super::set::KeySet;
use crate::evidence::json;
use crate::model::Record;
use jiter::{Jiter, Peek};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// LIMIT: keys of one set. Issuers publish two or three; some publish one per tenant's algorithm.
const MAX_KEYS: usize = 100;

/// LIMIT: damaged parts of a PEM text that are skipped.
const MAX_DAMAGED: usize = 100;

/// The keys that an issuer published.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// The keys that could be read.
    pub(super) set: KeySet,
    /// A description of what could not be read; `None` if everything was.
    pub(super) complaint: Option<String>,
}

impl Published {
    /// Reads a set, `{"keys": […]}`, which was cut at the limit if `is_cut`. Returns `None` if the
    /// text is not a key set at all.
    pub(super) fn read(text: &[u8], is_cut: bool) -> Option<Self> {
        let text = match PublishedText::of(text, is_cut) {
            PublishedText::Object(text) => text,
            PublishedText::Nothing(told) => return Some(Self::nothing(told)),
            PublishedText::Foreign => return None,
        };
        let mut listed = Listed::default();
        let is_damaged = listed.read(text).is_none();
        let taken = listed.entries.iter().take(MAX_KEYS);
        let set = KeySet::of(taken.filter_map(Entry::record), listed.others());
        Some(Self {
            set,
            complaint: listed.complaint(is_damaged, is_cut),
        })
    }

    /// Reads certificates of authorities. Returns `None` if the text is not PEM at all; an empty
    /// text has no certificates.
    pub(super) fn read_pem(text: &[u8], is_cut: bool) -> Option<Self> {
        let Authorities {
            certificates,
            damaged,
        } = Authorities::read(text, is_cut)?;
        let read = certificates.len();
        let set = KeySet::of_anchors(certificates);
        let damaged = damaged + read.saturating_sub(set.names().len());
        let complaint = match damaged {
            0 if read == 0 => Some("the file is empty".to_owned()),
            0 => None,
            _ => Some(format!(
                "{damaged} parts of the file cannot be read, and are no certificates"
            )),
        };
        Some(Self { set, complaint })
    }

    /// Creates the set of a shared secret.
    pub(super) fn secret(secret: &[u8]) -> Self {
        Self {
            set: KeySet::secret(secret),
            complaint: None,
        }
    }

    /// Creates the empty set of an issuer that publishes nothing, with a description of its answer.
    pub(super) fn nothing(complaint: &str) -> Self {
        Self {
            set: KeySet::default(),
            complaint: Some(complaint.to_owned()),
        }
    }
}

/// The kind of an answer, whatever it should contain.
pub(super) enum PublishedText<'a> {
    /// It begins as an object does.
    Object(&'a [u8]),
    /// It is a text that some issuers send instead of nothing.
    Nothing(&'static str),
    /// It is not the issuer's: a page of a proxy, or of an overloaded server.
    Foreign,
}

impl<'a> PublishedText<'a> {
    /// Determines the kind of an answer, which was cut at the limit if `is_cut`.
    pub(super) fn of(text: &'a [u8], is_cut: bool) -> Self {
        let content = behind_comments(text);
        match (content.first(), content.trim_ascii_end()) {
            (Some(b'{'), _) => Self::Object(content),
            (Some(b'['), _) => Self::Nothing("the answer is an array, and no object"),
            _ if is_cut => Self::Foreign,
            (_, b"null") => Self::Nothing("the answer is `null`"),
            (_, b"false") => Self::Nothing("the answer is `false`"),
            (_, b"0") => Self::Nothing("the answer is `0`"),
            (_, b"\"\"") => Self::Nothing("the answer is an empty text"),
            // A text of comments only could be anybody's.
            (None, _) if !text.iter().any(u8::is_ascii_graphic) => {
                Self::Nothing("the answer is empty")
            }
            _ => Self::Foreign,
        }
    }
}

/// The elements of the member `keys`.
#[derive(Default)]
struct Listed {
    /// The elements. No key is taken of those beyond the limit, but they may withdraw one.
    entries: Vec<Entry>,
    /// How many members are named `keys`.
    named: usize,
    /// Whether `keys` was an array.
    is_array: bool,
}

/// An element of the member `keys`.
enum Entry {
    /// One that could be read.
    Record(Record),
    /// One that cannot be read, and says nothing of withdrawing a key.
    Unreadable,
    /// One that cannot be read, and may withdraw a key.
    Withdrawal,
}

impl Entry {
    fn read(text: &[u8]) -> Self {
        let has = |part: &[u8]| {
            text.windows(part.len())
                .any(|found| found.eq_ignore_ascii_case(part))
        };
        match json::read(text) {
            Some(record) => Self::Record(record),
            // An escape may hide any of these words.
            None if WITHDRAWING.into_iter().any(has) => Self::Withdrawal,
            None => Self::Unreadable,
        }
    }

    fn record(&self) -> Option<&Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Unreadable | Self::Withdrawal => None,
        }
    }
}

/// What an element contains that withdraws a key, or hides that it does.
const WITHDRAWING: [&[u8]; 4] = [b"revoked", b"\"exp\"", b"\"nbf\"", b"\\u"];

impl Listed {
    /// Iterates over the elements of which no key is taken.
    fn others(&self) -> impl Iterator<Item = Option<&Record>> {
        self.entries
            .iter()
            .enumerate()
            .filter_map(|(place, entry)| match entry {
                Entry::Record(record) => (place >= MAX_KEYS).then_some(Some(record)),
                Entry::Unreadable => None,
                Entry::Withdrawal => Some(None),
            })
    }

    /// Reads the elements up to where the text is damaged; returns `None` if it is.
    fn read(&mut self, text: &[u8]) -> Option<()> {
        let mut json = Jiter::new(text);
        let mut next = json.next_object().ok()?.map(|name| name == "keys");
        while let Some(is_keys) = next {
            let peek = json.peek().ok()?;
            self.named += usize::from(is_keys);
            if is_keys && self.named > 1 {
                // Two readers could see two different sets, so neither is the issuer's word.
                self.entries.clear();
            }
            if is_keys && self.named == 1 && peek == Peek::Array {
                self.is_array = true;
                self.read_keys(&mut json, text)?;
            } else {
                json.known_skip(peek).ok()?;
            }
            next = json.next_key().ok()?.map(|name| name == "keys");
        }
        json.finish().ok()
    }

    fn read_keys(&mut self, json: &mut Jiter<'_>, text: &[u8]) -> Option<()> {
        let mut next = json.known_array().ok()?;
        while let Some(peek) = next {
            let begin = json.current_index();
            json.known_skip(peek).ok()?;
            let text = text.get(begin..json.current_index());
            self.entries.push(Entry::read(text.unwrap_or_default()));
            next = json.array_step().ok()?;
        }
        Some(())
    }

    fn complaint(&self, is_damaged: bool, is_cut: bool) -> Option<String> {
        let taken = self.entries.iter().take(MAX_KEYS);
        let unread = taken.filter(|entry| entry.record().is_none()).count();
        let beyond = self.entries.len().saturating_sub(MAX_KEYS);
        let complaint = match self.named {
            _ if is_cut => {
                "the answer is too large: what came behind its first part is not read".to_owned()
            }
            2.. => "the answer has `keys` twice".to_owned(),
            _ if is_damaged => {
                "the answer is damaged: what stands behind the damage is not read".to_owned()
            }
            0 => "the answer has no `keys`".to_owned(),
            1 if !self.is_array => "`keys` is no array".to_owned(),
            1 if beyond > 0 => {
                format!(
                    "it publishes {} keys: none of those behind the first {MAX_KEYS} is used",
                    MAX_KEYS + beyond
                )
            }
            1 if unread > 0 => format!("{unread} of its keys cannot be read"),
            1 => return None,
        };
        Some(complaint)
    }
}

/// Certificates of authorities in PEM form.
#[derive(Debug)]
pub(crate) struct Authorities {
    /// The certificates that could be read.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    /// The number of parts that could not be read.
    pub(crate) damaged: usize,
}

impl Authorities {
    /// Reads a text, which was cut at the limit if `is_cut`. Returns `None` if it is not PEM at
    /// all; an empty text has no certificates.
    pub(crate) fn read(text: &[u8], is_cut: bool) -> Option<Self> {
        let mut found = Self {
            certificates: Vec::new(),
            damaged: usize::from(is_cut),
        };
        for part in CertificateDer::pem_slice_iter(text) {
            match part {
                Ok(certificate) => found.certificates.push(certificate),
                Err(_) => found.damaged += 1,
            }
            if found.damaged > MAX_DAMAGED {
                break;
            }
        }
        let is_empty = is_blank(text) && !is_cut;
        let is_pem = text.windows(BEGIN.len()).any(|part| part == BEGIN);
        (is_empty || is_pem).then_some(found)
    }
}

/// The beginning of each part of a PEM text (RFC 7468 section 2).
const BEGIN: &[u8] = b"-----BEGIN ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Signer;
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::{Value, json};

    fn key() -> Value {
        serde_json::to_value(&Signer::in_memory().unwrap().jwks().keys[0]).unwrap()
    }

    /// Returns the number of keys that were read, and the complaint.
    fn read(text: &str) -> Option<(usize, String)> {
        let mut found = Published::read(text.as_bytes(), false)?;
        found.set.end(0);
        Some((found.set.names().len(), found.complaint.unwrap_or_default()))
    }

    #[test]
    fn what_can_be_read_of_a_set_is_its_keys_and_nothing_else_is() {
        let one = key().to_string();
        let twice = one.replacen('{', r#"{"kid":"a","kid":"b","#, 1);
        let mut withdrawn: Vec<Value> = (0..MAX_KEYS).map(|_| key()).collect();
        withdrawn.push(withdrawn[0].clone());
        withdrawn[MAX_KEYS]["revoked"] = json!(true);
        let many_and_withdrawn = json!({ "keys": withdrawn }).to_string();
        let many = json!((0..=MAX_KEYS).map(|_| key()).collect::<Vec<_>>());
        for (text, keys, complaint) in [
            (format!(r#"{{"keys":[{one}]}}"#), 1, ""),
            (format!("\u{feff}{{\"keys\":[{one}]}}\n"), 1, ""),
            (r#"{"keys":[]}"#.to_owned(), 0, ""),
            (
                format!(r#"{{"keys":[{twice},{one}]}}"#),
                1,
                "1 of its keys cannot be read",
            ),
            (format!(r#"{{"keys":[{one},{one}x"#), 1, "damaged"),
            (format!(r#"{{"keys":[{one}],"x":"#), 1, "damaged"),
            (format!(r#"{{"keys":[{one}]}} {{}}"#), 1, "damaged"),
            (
                format!(r#"{{"keys":[{one}],"\u006beys":[{one}]}}"#),
                0,
                "twice",
            ),
            (format!(r#"{{"keys":null,"keys":[{one}]}}"#), 0, "twice"),
            (
                json!({ "keys": many }).to_string(),
                MAX_KEYS,
                "publishes 101 keys",
            ),
            (r#"{"keys":[7]}"#.to_owned(), 0, "cannot be read"),
            // What cannot be read may withdraw any key, and so may what is beyond the limit.
            (
                format!(r#"{{"keys":[{one},{{"kid":"a","kid":"a","Revoked":true}}]}}"#),
                0,
                "cannot be read",
            ),
            (
                format!(r#"{{"keys":[{one},{{"kid":"a","kid":"a","\u0072evoked":true}}]}}"#),
                0,
                "cannot be read",
            ),
            (many_and_withdrawn, MAX_KEYS - 1, "publishes 101 keys"),
            (r#"{"keys":null}"#.to_owned(), 0, "no array"),
            (r#"{"keys":{}}"#.to_owned(), 0, "no array"),
            (format!(r#"{{"Keys":[{one}]}}"#), 0, "no `keys`"),
            ("{}".to_owned(), 0, "no `keys`"),
            ("{".to_owned(), 0, "damaged"),
            (format!("[{one}]"), 0, "an array"),
            ("null".to_owned(), 0, "`null`"),
            ("false".to_owned(), 0, "`false`"),
            ("0\n".to_owned(), 0, "`0`"),
            ("\"\"".to_owned(), 0, "an empty text"),
            (" \n".to_owned(), 0, "empty"),
            ("\0\0".to_owned(), 0, "empty"),
            ("// none\n{\"keys\":[]}".to_owned(), 0, ""),
            (format!("# ours\n{{\"keys\":[{one}]}}"), 1, ""),
        ] {
            let (found, told) = read(&text).unwrap();
            assert_eq!(found, keys, "{text}");
            assert!(
                told.contains(complaint) && told.is_empty() == complaint.is_empty(),
                "{text}: {told}"
            );
        }
        for text in ["<html>", "\"x\"", "7", "true", "busy", "# busy"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_cut_is_read_up_to_there() {
        let one = key().to_string();
        let begun = format!(r#"{{"keys":[{one},{{"kty""#);
        let found = Published::read(begun.as_bytes(), true).unwrap();
        assert!(found.set.names().len() == 1 && found.complaint.unwrap().contains("too large"));
        assert!(
            Published::read(b"   ", true).is_none() && Published::read(b"<html>", true).is_none()
        );
    }

    #[test]
    fn certificates_are_read_beside_what_is_none() {
        let pem = |encoded: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n")
        };
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        let certificate = pem(&BASE64_STANDARD.encode(params.self_signed(&key).unwrap().der()));
        let undated = pem("AAAA");
        let damaged = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        for (text, certificates, is_whole) in [
            (certificate.clone(), 1, true),
            (format!("{certificate}{undated}"), 1, false),
            (format!("# ours\n{certificate}{certificate}"), 2, true),
            (format!("{damaged}{certificate}"), 1, false),
            (format!("{certificate}{damaged}"), 1, false),
            (
                format!("{certificate}-----BEGIN CERTIFICATE-----\nAAAA"),
                1,
                false,
            ),
            (damaged.to_owned(), 0, false),
            (" \n".to_owned(), 0, false),
            ("# none".to_owned(), 0, false),
            ("\0\0".to_owned(), 0, false),
        ] {
            let found = Published::read_pem(text.as_bytes(), false).unwrap();
            assert_eq!(
                (found.set.names().len(), found.complaint.is_none()),
                (certificates, is_whole),
                "{text}"
            );
        }
        assert!(Published::read_pem(b"no PEM", false).is_none());
    }
}
