//! What a page is bound to, what it may cost, and what it holds.

use super::Refusal;
use super::nothing::Denials;
use crate::clock::Clock;
use crate::engine::search::page_token::{Bound, Hash, TokenError, sha256};
use crate::model::{Arguments, Digest, Reason, Record, Revision, SearchRequest, Value};
use crate::relations::Place;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::time::Duration;

/// What one page of a search may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// The most results of a page, and the number of those that are given where no limit is asked
    /// for.
    pub results: usize,
    /// The most candidates that are decided for one page. One counts for more where the request is
    /// large; one is decided whatever it counts.
    pub candidates: usize,
    /// How long one page may take.
    pub time: Duration,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self {
            results: 1_000,
            // Some tens of microseconds each: about the time below.
            candidates: 20_000,
            // A search is asked by people and at the start of sessions, not on every call; its
            // thread is one of a pool.
            time: Duration::from_secs(1),
        }
    }
}

impl SearchLimits {
    /// The number of results on a page for which so many were asked.
    pub(super) fn page(self, wanted: Option<u64>) -> usize {
        wanted.map_or(self.results, |wanted| {
            usize::try_from(wanted)
                .unwrap_or(usize::MAX)
                .min(self.results)
        })
    }
}

/// Why a page ends before it is full, although there may be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The time for a page was up.
    Time,
    /// As many candidates were decided as one page may cost.
    Candidates,
}

impl Cut {
    /// The word in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Candidates => "candidates",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The id of an entity of the type that was asked for; an action's name.
    pub id: SmolStr,
    /// The policies that permit it, over all legs.
    pub policies: Vec<String>,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPage {
    /// What was found, in order.
    pub found: Vec<Found>,
    /// The token of the next page; none where this is the last.
    pub next: Option<String>,
    /// Why the page is not full, although it has a next.
    pub cut: Option<Cut>,
    /// How many there are in all, where this page shows it.
    pub total: Option<usize>,
    /// Why nothing was found; absent where something was, and where nobody asked why.
    pub reason: Option<Reason>,
    /// The bundle that decided.
    pub bundle: Digest,
    /// The revision that decided.
    pub revision: Revision,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchRefusal {
    /// The token is at fault: a 400.
    Token(TokenError),
    /// The request or the service is.
    Refused(Refusal),
}

impl From<Refusal> for SearchRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What comes after a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    #[default]
    End,
    /// There may be more, behind this candidate; or from the beginning.
    Behind(Option<Place>),
}

/// What came of one page's work.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) found: Vec<Found>,
    pub(super) next: Next,
    pub(super) cut: Option<Cut>,
    pub(super) scans: bool,
    pub(super) candidates: usize,
    pub(super) decided: usize,
    /// What denied those that were decided.
    pub(super) denials: Denials,
}

/// What is left of a page's time and candidates.
pub(super) struct Budget<'a> {
    candidates: usize,
    /// As how many a candidate counts.
    each: usize,
    /// How many may be decided only to know whether a full page is the last.
    peeks: usize,
    ends_ms: i64,
    clock: &'a dyn Clock,
}

/// Beyond a full page so many candidates are looked at for one more result. Where there is none
/// among them, the page has a token that may lead to an empty one.
const PEEKS: usize = 200;

/// A candidate counts once more for each so many values of the request, since it is asked about
/// with all of them. With half a million, which are a body of 1 MiB, a page has ten candidates.
const VALUES: usize = 256;

/// Bytes of text that weigh as much as a value.
const TEXT_BYTES: usize = 64;

impl<'a> Budget<'a> {
    /// For one page of this search.
    pub(super) fn new(limits: SearchLimits, clock: &'a dyn Clock, search: &SearchRequest) -> Self {
        let time = i64::try_from(limits.time.as_millis()).unwrap_or(i64::MAX);
        let ends_ms = clock.monotonic_ms().saturating_add(time);
        let each = 1 + values(search) / VALUES;
        Self {
            candidates: limits.candidates,
            each,
            peeks: PEEKS,
            ends_ms,
            clock,
        }
    }

    /// Takes one candidate off. Why there is no more, where there is none.
    pub(super) fn is_spent(&mut self, is_full: bool) -> Option<Cut> {
        let left = if is_full {
            &mut self.peeks
        } else {
            &mut self.candidates
        };
        match left.checked_sub(self.each) {
            None => return Some(Cut::Candidates),
            Some(rest) => *left = rest,
        }
        self.is_over().then_some(Cut::Time)
    }

    pub(super) fn is_over(&self) -> bool {
        self.clock.monotonic_ms() > self.ends_ms
    }
}

/// How many values every candidate is asked about with.
fn values(search: &SearchRequest) -> usize {
    let question = search.question();
    let records = [
        &question.subject,
        &question.action.properties,
        &question.resource.properties,
        &question.context,
    ];
    records
        .into_iter()
        .flat_map(Record::iter)
        .map(|(_, value)| weight(value))
        .sum()
}

/// A request nests 64 levels deep at most, so this recursion ends soon.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::Text(text) => 1 + text.len() / TEXT_BYTES,
        Value::List(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Record(record) => {
            1 + record
                .iter()
                .map(|(_, member)| weight(member))
                .sum::<usize>()
        }
    }
}

/// To what the tokens of a search belong.
pub(super) fn bound(
    caller: &str,
    search: &SearchRequest,
    arguments: Arguments,
    bundle: Digest,
) -> Bound {
    Bound {
        caller: sha256(caller.as_bytes()),
        query: query(search, arguments),
        bundle,
    }
}

/// The hash of everything that is asked. Each part stands behind its length or its kind, so that no
/// two queries are one text.
fn query(search: &SearchRequest, arguments: Arguments) -> Hash {
    let question = search.question();
    let mut text = Vec::new();
    write_text(&mut text, search.searched.as_str());
    write_text(&mut text, &search.kind);
    text.push(u8::from(arguments == Arguments::Unknown));
    write_record(&mut text, &question.subject);
    write_text(&mut text, &question.action.name);
    write_record(&mut text, &question.action.properties);
    write_text(&mut text, &question.resource.uid.kind);
    write_text(&mut text, &question.resource.uid.id);
    write_record(&mut text, &question.resource.properties);
    write_record(&mut text, &without_proofs(&question.context));
    for flaw in &question.flaws {
        write_text(&mut text, &flaw.message);
    }
    sha256(&text)
}

/// The context without proofs of possession: each is taken once, so that every page comes with
/// another.
fn without_proofs(context: &Record) -> Cow<'_, Record> {
    let Some(credentials) = context.get("credentials").and_then(Value::as_list) else {
        return Cow::Borrowed(context);
    };
    let without_proof = |credential: &Value| match credential {
        Value::Record(credential) => {
            let mut credential = credential.clone();
            credential.remove("dpop");
            Value::Record(credential)
        }
        other => other.clone(),
    };
    let credentials = credentials.iter().map(without_proof).collect();
    let mut context = context.clone();
    context.insert("credentials", Value::List(credentials));
    Cow::Owned(context)
}

fn write_text(to: &mut Vec<u8>, text: &str) {
    write_len(to, text.len());
    to.extend_from_slice(text.as_bytes());
}

fn write_len(to: &mut Vec<u8>, len: usize) {
    to.extend_from_slice(&u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes());
}

fn write_record(to: &mut Vec<u8>, record: &Record) {
    write_len(to, record.len());
    for (name, value) in record.iter() {
        write_text(to, name);
        write_value(to, value);
    }
}

fn write_value(to: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => to.push(b'0'),
        Value::Bool(flag) => to.push(if *flag { b't' } else { b'f' }),
        Value::Number(number) => {
            to.push(b'n');
            write_text(to, number.digits());
        }
        Value::Text(text) => {
            to.push(b's');
            write_text(to, text);
        }
        Value::List(items) => {
            to.push(b'l');
            write_len(to, items.len());
            items.iter().for_each(|item| write_value(to, item));
        }
        Value::Record(record) => {
            to.push(b'r');
            write_record(to, record);
        }
    }
}
