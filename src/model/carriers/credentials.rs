//! Reads the credentials of a request and checks that they fit the chain that it names.
//!
//! INVARIANT: if credentials are present, one of them that stands alone proves the subject of the
//! chain, whose authority is used. A credential that names several parties names the first members
//! of the chain, in order; the facts of a credential belong to the members that it names. A caller
//! may add actors behind them, but those do not have its facts, and each can only narrow what is
//! permitted.

use super::{ChainRefusal, invalid, is_silent, take_present};
use crate::model::likely_token;
use crate::model::shown::HIDDEN;
use crate::model::{
    Chain, Code, Credential, EntityRef, Evidence, MAX_CREDENTIALS, ProvenIdentity, Record, Value,
    shown,
};
use smol_str::SmolStr;
use std::sync::Arc;

/// The type of a subject that refers to a credential and so to its chain.
pub(super) const CREDENTIAL: &str = "credential";

/// Returns `true` if the id can be an index into `context.credentials`. Any other text may be the
/// credential itself.
fn is_place(id: &str) -> bool {
    (1..=2).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the subject that a request names by type and id, to be shown and recorded, or `None` if
/// it names none. A credential that was put where its index belongs is never shown.
pub(in crate::model) fn shown_subject(subject: &Record) -> Option<EntityRef> {
    let text = |name| subject.get(name).and_then(Value::as_text).cloned();
    let (kind, id) = text("type").zip(text("id"))?;
    let is_hidden = kind == CREDENTIAL && !is_place(&id);
    let id = if is_hidden {
        SmolStr::new_static(HIDDEN)
    } else {
        id
    };
    Some(likely_token::hidden(EntityRef { kind, id }))
}

/// Takes `context.credentials` and returns each as verified, in order. One credential that proves
/// nothing denies the request, whatever the others prove.
pub(super) fn take(
    context: &mut Record,
    evidence: &Evidence,
) -> Result<Vec<Arc<ProvenIdentity>>, ChainRefusal> {
    let Some(value) = take_present(context, "credentials") else {
        return Ok(Vec::new());
    };
    let Value::List(credentials) = &value else {
        return Err(invalid(format!(
            "`context.credentials` must be an array, not {}",
            value.kind()
        )));
    };
    if credentials.is_empty() || credentials.len() > MAX_CREDENTIALS {
        let problem = format!("`context.credentials` must hold 1 to {MAX_CREDENTIALS} credentials");
        return Err(invalid(format!("{problem}, not {}", credentials.len())));
    }
    let verified = credentials.iter().enumerate().map(|(index, credential)| {
        evidence.outcome(credential).map_err(|mut unproven| {
            unproven.message = format!("`context.credentials[{index}]`: {}", unproven.message);
            ChainRefusal::Unproven(unproven)
        })
    });
    verified.collect()
}

/// Adds the clients that hold an ID token to each ID token that stands alone: whoever holds a
/// user's token acts for the user. If the ID token accompanies another credential of its subject,
/// that credential says who acts. `resolve` applies the bundle's aliases to a type.
pub(super) fn with_holders(
    mut proven: Vec<Arc<ProvenIdentity>>,
    resolve: impl Fn(&EntityRef) -> EntityRef,
) -> Vec<Arc<ProvenIdentity>> {
    if proven.iter().all(|one| one.holders.is_empty()) {
        return proven;
    }
    let named: Vec<EntityRef> = proven
        .iter()
        .filter(|one| one.kind.grants())
        .flat_map(|one| one.chain.iter().map(&resolve))
        .collect();
    for one in &mut proven {
        let is_accompanied = one
            .chain
            .first()
            .is_some_and(|subject| named.contains(&resolve(subject)));
        if is_accompanied || one.holders.is_empty() {
            continue;
        }
        let one = Arc::make_mut(one);
        for holder in std::mem::take(&mut one.holders) {
            if !one.chain.contains(&holder) {
                one.chain.push(holder);
            }
        }
    }
    proven
}

/// Returns the credential that the subject refers to by its index: `{"type": "credential", "id":
/// "0"}`.
pub(super) fn named<'a>(
    subject: &Record,
    proven: &'a [Arc<ProvenIdentity>],
) -> Result<Option<&'a ProvenIdentity>, ChainRefusal> {
    if subject
        .get("type")
        .and_then(Value::as_text)
        .is_none_or(|kind| kind != CREDENTIAL)
    {
        return Ok(None);
    }
    // Some clients always send an object of properties. An empty *carrier* is malformed, here as
    // elsewhere.
    let says_nothing = |name: &SmolStr, value: &Value| {
        let is_empty = name == "properties" && value.as_record().is_some_and(is_silent);
        value.is_null() || matches!(name.as_str(), "type" | "id") || is_empty
    };
    if let Some((member, _)) = subject
        .iter()
        .find(|(name, value)| !says_nothing(name, value))
    {
        return Err(invalid(format!(
            "`subject.{}` stands beside a subject that a credential names",
            shown(member)
        )));
    }
    let id = subject
        .get("id")
        .and_then(Value::as_text)
        .map_or("", SmolStr::as_str);
    let index = proven
        .iter()
        .enumerate()
        .find(|(index, _)| index.to_string() == id);
    index
        .map(|(_, proven)| Some(proven.as_ref()))
        .ok_or_else(|| {
            invalid(if is_place(id) {
                format!(
                    "the subject is credential `{id}`, and `context.credentials` has no such place"
                )
            } else {
                "the subject is a credential, and its `id` is none of the places in \
                 `context.credentials`, where tokens stand: the first is `0`"
                    .to_owned()
            })
        })
}

/// Returns each credential with the members of the chain that it names, and refuses credentials
/// that do not fit the chain. `resolve` applies the bundle's aliases to a type.
pub(super) fn fit(
    chain: &Chain,
    proven: Vec<Arc<ProvenIdentity>>,
    resolve: impl Fn(&EntityRef) -> EntityRef,
) -> Result<Vec<Credential>, ChainRefusal> {
    let members: Vec<&EntityRef> = chain.members().map(|member| &member.uid).collect();
    let mut credentials = Vec::new();
    for (index, proven) in proven.into_iter().enumerate() {
        let named: Vec<EntityRef> = proven.chain.iter().map(&resolve).collect();
        let begins = named.len() <= members.len()
            && named
                .iter()
                .zip(&members)
                .all(|(one, member)| one == *member);
        let legs = match named.as_slice() {
            _ if begins => Some(0..named.len()),
            [one] => members
                .iter()
                .position(|member| *member == one)
                .map(|at| at..at + 1),
            _ => None,
        };
        let Some(legs) = legs else {
            let names = named
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" > ");
            return Err(mismatch(format!(
                "`context.credentials[{index}]` is of `{}`, and the chain is `{}`{}",
                shown(&names),
                shown(&shown_chain(&members)),
                remedy(&named, &members)
            )));
        };
        credentials.push(Credential { proven, legs });
    }
    check_id_tokens(&credentials)?;
    // A credential that only accompanies another does not prove the subject.
    let proves_subject =
        |credential: &Credential| credential.legs.start == 0 && credential.proven.stands_alone;
    if credentials.is_empty() || credentials.iter().any(proves_subject) {
        return Ok(credentials);
    }
    let subject = shown_chain(members.get(..1).unwrap_or_default());
    Err(mismatch(format!(
        "no credential proves that `{}` stands behind the request",
        shown(&subject)
    )))
}

/// Lists the members of a chain for a message, and hides ids that are likely to be tokens.
fn shown_chain(members: &[&EntityRef]) -> String {
    let members = members
        .iter()
        .map(|member| likely_token::hidden((*member).clone()).to_string());
    members.collect::<Vec<_>>().join(" > ")
}

/// Suggests a remedy if only the last party of a credential, most often the client, is missing from
/// the chain.
fn remedy(named: &[EntityRef], members: &[&EntityRef]) -> &'static str {
    match named.split_last() {
        Some((_, before)) if !before.is_empty() && before.iter().eq(members.iter().copied()) => {
            ": name that actor too, or list the client in its issuer's `own_clients`, \
             where it is the user's own hand"
        }
        _ => "",
    }
}

/// Refuses an ID token that stands alone: it was issued for the client's own use, and anyone who
/// has seen it could send it.
fn check_id_tokens(credentials: &[Credential]) -> Result<(), ChainRefusal> {
    for (index, credential) in credentials
        .iter()
        .enumerate()
        .filter(|(_, credential)| !credential.proven.stands_alone)
    {
        let mut others = credentials
            .iter()
            .filter(|other| other.proven.kind.grants());
        if !others.any(|other| other.legs.contains(&credential.legs.start)) {
            return Err(mismatch(format!(
                "`context.credentials[{index}]` is an ID token, which never stands alone: \
                 send an access token of the same subject beside it"
            )));
        }
    }
    Ok(())
}

fn mismatch(message: String) -> ChainRefusal {
    ChainRefusal::Deny(Code::CredentialMismatch, message)
}
