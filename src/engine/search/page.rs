//! A page of a search: what its token is bound to, what the page may cost, and its content.

use super::Refusal;
use super::nothing::Denials;
use crate::clock::Clock;
use crate::engine::search::page_token::{PageTokenError, TokenBinding, TokenHash, sha256};
use crate::model::{Arguments, Digest, Reason, Record, Revision, SearchRequest, Value};
use crate::relations::ObjectPlace;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::time::Duration;

/// The limits of one page of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// Maximum number of results on a page, and their number if the request sets no limit.
    pub results: usize,
    /// Maximum number of candidates that are decided for one page. A candidate of a large request
    /// counts for more; at least one is always decided.
    pub candidates: usize,
    /// Maximum duration of one page.
    pub time: Duration,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self {
            results: 1_000,
            // A candidate takes some tens of microseconds, so this takes about as long as the time
            // limit below.
            candidates: 20_000,
            // People and starting sessions make searches, rather than every call; a search runs on
            // a thread of a pool.
            time: Duration::from_secs(1),
        }
    }
}

impl SearchLimits {
    /// Returns the number of results on a page if the request asks for `wanted`.
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
pub enum PageCut {
    /// The page has taken its maximum time.
    Time,
    /// The maximum number of candidates was decided.
    Candidates,
}

impl PageCut {
    /// Returns the word for this in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Candidates => "candidates",
        }
    }
}

/// One result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchHit {
    /// The id of an entity of the type that is searched for, or an action's name.
    pub id: SmolStr,
    /// The policies that permit the result, over all legs.
    pub policies: Vec<String>,
}

/// One page of results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPage {
    /// The results, in order.
    pub found: Vec<SearchHit>,
    /// The token of the next page; `None` if this is the last.
    pub next: Option<String>,
    /// Why the page is not full although there may be more.
    pub cut: Option<PageCut>,
    /// The total number of results, if this page contains them all.
    pub total: Option<usize>,
    /// Why nothing was found; `None` if something was found, or no reason was asked for.
    pub reason: Option<Reason>,
    /// The digest of the bundle that decided.
    pub bundle: Digest,
    /// The revision at which it decided.
    pub revision: Revision,
}

/// Why a search is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchRefusal {
    /// The token is refused: a 400.
    Token(PageTokenError),
    /// The request is malformed, or the service has a fault.
    Refused(Refusal),
}

impl From<Refusal> for SearchRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What follows a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum NextPage {
    /// The search is complete.
    #[default]
    End,
    /// There may be more results after this candidate, or from the beginning if there is none.
    Behind(Option<ObjectPlace>),
}

/// The result of the work for one page.
#[derive(Debug, Default)]
pub(super) struct PageProgress {
    pub(super) found: Vec<SearchHit>,
    pub(super) next: NextPage,
    pub(super) cut: Option<PageCut>,
    pub(super) scans: bool,
    pub(super) candidates: usize,
    pub(super) decided: usize,
    /// The denials of the candidates that were decided.
    pub(super) denials: Denials,
}

/// The remaining time and candidates of a page.
pub(super) struct PageBudget<'a> {
    candidates: usize,
    /// How much each candidate counts.
    each: usize,
    /// How many candidates may still be decided only to learn whether a full page is the last.
    peeks: usize,
    ends_ms: i64,
    clock: &'a dyn Clock,
}

/// How many candidates are decided after a full page to find one more result. If none of them is
/// permitted, the page has a token that may lead to an empty page.
const PEEKS: usize = 200;

/// A candidate counts once more for this many values of the request, since it is decided with all
/// of them. For a body of 1 MiB, which can hold half a million values, a page has ten candidates.
const VALUES: usize = 256;

/// How many bytes of text count as one value.
const TEXT_BYTES: usize = 64;

impl<'a> PageBudget<'a> {
    /// Creates the budget of one page of this search.
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

    /// Takes one candidate from the budget. Returns which limit is reached, if one is.
    pub(super) fn is_spent(&mut self, is_full: bool) -> Option<PageCut> {
        let left = if is_full {
            &mut self.peeks
        } else {
            &mut self.candidates
        };
        match left.checked_sub(self.each) {
            None => return Some(PageCut::Candidates),
            Some(rest) => *left = rest,
        }
        self.is_over().then_some(PageCut::Time)
    }

    pub(super) fn is_over(&self) -> bool {
        self.clock.monotonic_ms() > self.ends_ms
    }
}

/// Returns how many values of the request every candidate is decided with.
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

/// Counts the values in `value`. The nesting of requests is bounded, and so is this recursion.
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

/// Returns what the tokens of a search are bound to.
pub(super) fn binding(
    caller: &str,
    search: &SearchRequest,
    arguments: Arguments,
    bundle: Digest,
) -> TokenBinding {
    TokenBinding {
        caller: sha256(caller.as_bytes()),
        query: query(search, arguments),
        bundle,
    }
}

/// Hashes the whole query. Each part is preceded by its length or its kind, so no two queries have
/// the same text.
fn query(search: &SearchRequest, arguments: Arguments) -> TokenHash {
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

/// Returns the context without proofs of possession: each proof is accepted once, so every page is
/// requested with a new one.
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
