//! Writes one record as one line of JSON.
//!
//! | Member | What |
//! |---|---|
//! | `v` | the version of this table: 1 |
//! | `id` | the decision's id, as in the header `Behest-Decision` |
//! | `time` | when it was decided, RFC 3339 in UTC with milliseconds |
//! | `caller` | a configured caller's name, `admin`, or `anonymous` |
//! | `request_id` | the caller's `X-Request-ID`, if any; of a long one 256 characters and `…` |
//! | `trace_id` | the trace of the caller's `traceparent`, or one that began here, 32 digits |
//! | `chain` | the members as `{type, id}`, the subject first; absent if it could not be read |
//! | `credentials` | if any were verified, each as `{type, issuer, chain, proof?, until}` |
//! | `asserted` | if any are only asserted: the members that no credential proves, as in `chain` |
//! | `subject` | only without `chain`: the subject that the request names, as `{type, id}` |
//! | `action` | the action's name |
//! | `resource` | the resource as `{type, id}` |
//! | `unknown` | `["arguments"]` if the arguments were unknown: a permit then allows no call |
//! | `inputs` | the values that policies read, by leg and path, but for those marked `@secret` |
//! | `from_properties` | if there are any: the paths of those that the request's properties say |
//! | `cut` | `["inputs"]` if these have more than 64 KiB: those beyond end in `…` |
//! | `decision` | `permit` or `deny` |
//! | `reason` | the reason of a denial: `{code, message, principal?, next_action}` |
//! | `policies` | the ids of the determining policies, leg by leg |
//! | `bundle` | the digest of the bundle |
//! | `revision` | the revision of the relations |
//!
//! A character that is not printable (line ends of any kind, control characters, direction marks)
//! is escaped as in `\u2028`, so every reader sees one record as one line.
//!
//! A type, an id or a name of a refused request that is too long is cut like a value in a message.
//! A batch repeats its defaults in the record of each item, so this bounds a record whatever the
//! request contains.
//!
//! Members may be added without a new version; none is removed or changes its meaning without one.

use crate::model::{
    Arguments, Chain, Credential, EntityRef, MAX_NAME_BYTES, ProvenIdentity, Question,
    RECORD_INPUT_BYTES, Reason, shown, shown_request_id,
};
use crate::record::DecisionRecord;
use crate::telemetry::{is_printable, write_json_escape};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Serializer as JsonSerializer;
use serde_json::ser::Formatter;
use std::borrow::Cow;
use std::io;

const VERSION: u8 = 1;

/// Returns the line, with its line feed.
pub(super) fn write(entry: &DecisionRecord<'_>) -> Vec<u8> {
    let mut line = Vec::with_capacity(512);
    // INVARIANT: keys are strings and writing into memory cannot fail, so the second branch is
    // never taken. If it ever is, a line that names the decision is better than none.
    if entry
        .serialize(&mut JsonSerializer::with_formatter(&mut line, OneLine))
        .is_err()
    {
        line = format!(
            r#"{{"v":{VERSION},"id":"{}","incomplete":true}}"#,
            entry.answer.id
        )
        .into_bytes();
    }
    line.push(b'\n');
    line
}

/// A formatter that writes JSON as serde does, except for characters that are not printable.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| !is_printable(c)) {
            let (before, from) = rest.split_at(at);
            out.write_all(before.as_bytes())?;
            let mut characters = from.chars();
            if let Some(c) = characters.next() {
                let mut escape = String::new();
                // Writing to a string cannot fail.
                let _written = write_json_escape(&mut escape, c);
                out.write_all(escape.as_bytes())?;
            }
            rest = characters.as_str();
        }
        out.write_all(rest.as_bytes())
    }
}

impl Serialize for DecisionRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let answer = self.answer;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &VERSION)?;
        map.serialize_entry("id", &DisplayText(answer.id))?;
        map.serialize_entry("time", &DisplayText(format_args!("{:.3}", self.at)))?;
        map.serialize_entry("caller", self.caller)?;
        if let Some(request_id) = self.request_id {
            map.serialize_entry("request_id", &*shown_request_id(request_id))?;
        }
        if let Some(trace) = self.trace_id {
            map.serialize_entry("trace_id", &DisplayText(trace))?;
        }
        match self.question {
            Some(question) => {
                map.serialize_entry("chain", &ChainField(&question.chain))?;
                write_evidence(question, &mut map)?;
            }
            // The chain was refused, so the record shows the subject that the request names, if
            // any.
            None => {
                if let Some(subject) = self.request.shown_subject() {
                    map.serialize_entry("subject", &EntityField(&subject))?;
                }
            }
        }
        let refused = self
            .question
            .is_none()
            .then(|| self.request.shown_resource());
        let resource = refused
            .as_ref()
            .or(self.question.map(|question| &question.resource.uid));
        let action = match self.question {
            Some(question) => question.action.name.clone(),
            None => self.request.shown_action(),
        };
        map.serialize_entry("action", &*name(&action))?;
        if let Some(resource) = resource {
            map.serialize_entry("resource", &EntityField(resource))?;
        }
        if answer.arguments == Arguments::Unknown {
            map.serialize_entry("unknown", &["arguments"])?;
        }
        write_inputs(self, &mut map)?;
        map.serialize_entry("decision", &DisplayText(answer.decision))?;
        if let Some(reason) = &answer.reason {
            map.serialize_entry("reason", &ReasonField(reason))?;
        }
        map.serialize_entry("policies", self.policies)?;
        map.serialize_entry("bundle", &DisplayText(answer.bundle))?;
        map.serialize_entry("revision", &answer.revision.0)?;
        map.end()
    }
}

/// Writes what policies read, which of it the request says in properties, and whether it was cut.
fn write_inputs<M: SerializeMap>(record: &DecisionRecord<'_>, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("inputs", &InputsField(record.inputs))?;
    let from_properties = said_in_properties(record);
    if !from_properties.is_empty() {
        map.serialize_entry("from_properties", &from_properties)?;
    }
    let bytes: usize = record.inputs.iter().map(|(_, value)| value.len()).sum();
    if bytes > RECORD_INPUT_BYTES {
        map.serialize_entry("cut", &["inputs"])?;
    }
    Ok(())
}

/// Returns the paths of the inputs that the request says in the properties of a principal or of the
/// resource. The values of all others are stored, but for those of the context.
fn said_in_properties<'a>(record: &DecisionRecord<'a>) -> Vec<&'a str> {
    let Some(question) = record.question else {
        return Vec::new();
    };
    let properties = |path: &'a str| {
        let (leg, rest) = path.strip_prefix("legs[")?.split_once("].")?;
        let rest = match rest.strip_prefix("credentials[") {
            Some(of_one) => of_one.split_once("].")?.1,
            None => rest,
        };
        let (root, rest) = rest.split_once('.')?;
        let entity = match root {
            "principal" => question.chain.members().nth(leg.parse().ok()?)?,
            "resource" => &question.resource,
            _ => return None,
        };
        Some((&entity.properties, rest))
    };
    let is_said = |path: &&'a str| {
        properties(path).is_some_and(|(properties, rest)| {
            properties.iter().any(|(name, value)| {
                let after = rest.strip_prefix(name.as_str());
                let is_named = after.is_some_and(|it| it.is_empty() || it.starts_with('.'));
                is_named && !value.is_null()
            })
        })
    };
    let paths = record.inputs.iter().map(|(path, _)| path.as_str());
    paths.filter(is_said).collect()
}

/// Writes what credentials prove of the chain, and what the caller merely asserts.
fn write_evidence<M: SerializeMap>(question: &Question, map: &mut M) -> Result<(), M::Error> {
    if !question.credentials.is_empty() {
        map.serialize_entry("credentials", &CredentialsField(&question.credentials))?;
    }
    let asserted: Vec<EntityField<'_>> = question.asserted().map(EntityField).collect();
    if !asserted.is_empty() {
        map.serialize_entry("asserted", &asserted)?;
    }
    Ok(())
}

/// A value that is serialized as the text of its `Display`.
struct DisplayText<T>(T);

impl<T: std::fmt::Display> Serialize for DisplayText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct EntityField<'a>(&'a EntityRef);

impl Serialize for EntityField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", &*name(&self.0.kind))?;
        map.serialize_entry("id", &*name(&self.0.id))?;
        map.end()
    }
}

/// Returns a type, an id or a name; only the beginning of one that is too long, which only a
/// refused request has.
fn name(text: &str) -> Cow<'_, str> {
    if text.len() > MAX_NAME_BYTES {
        shown(text)
    } else {
        Cow::Borrowed(text)
    }
}

struct ChainField<'a>(&'a Chain);

impl Serialize for ChainField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.legs()))?;
        for member in self.0.members() {
            seq.serialize_element(&EntityField(&member.uid))?;
        }
        seq.end()
    }
}

struct CredentialsField<'a>(&'a [Credential]);

impl Serialize for CredentialsField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.0
                .iter()
                .map(|credential| CredentialField(&credential.proven)),
        )
    }
}

/// What a credential proves, and no part of the credential itself.
struct CredentialField<'a>(&'a ProvenIdentity);

impl Serialize for CredentialField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let proven = self.0;
        let chain: Vec<EntityField<'_>> = proven.chain.iter().map(EntityField).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", proven.kind.as_str())?;
        map.serialize_entry("issuer", &*name(&proven.issuer))?;
        map.serialize_entry("chain", &chain)?;
        if let Some(proof) = proven.proof {
            map.serialize_entry("proof", proof.as_str())?;
        }
        map.serialize_entry("until", &DisplayText(format_args!("{:.3}", proven.until)))?;
        map.end()
    }
}

struct InputsField<'a>(&'a [(String, String)]);

impl Serialize for InputsField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut left = RECORD_INPUT_BYTES;
        serializer.collect_map(self.0.iter().map(|(path, value)| {
            let fits = left.checked_sub(value.len());
            left = fits.unwrap_or(left);
            (
                path,
                if fits.is_some() {
                    Cow::Borrowed(value.as_str())
                } else {
                    shown(value)
                },
            )
        }))
    }
}

struct ReasonField<'a>(&'a Reason);

impl Serialize for ReasonField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Reason {
            code,
            message,
            principal,
            next_action,
            // The policies, which the record names, say both.
            missing_scopes: _,
            doc: _,
        } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", code.as_str())?;
        map.serialize_entry("message", message)?;
        if let Some(principal) = principal {
            map.serialize_entry("principal", &EntityField(principal))?;
        }
        map.serialize_entry("next_action", next_action.as_str())?;
        map.end()
    }
}
