//! Reads the marks by which a token is its client's own, and decides whether its subject is that
//! client's account.
//!
//! **Problem.** A mark says that a token has no user. The token may nevertheless name somebody: a
//! user beside the client's own grant, or an account of an unknown owner. A reader that trusts the
//! mark decides about the client alone.
//! **Decision.** The subject is left out only if it is known to be the client: by its id, by the
//! form of its name, or by a claim that only such accounts have.
//!
//! INVARIANT: whatever a mark says, a subject that is not known to be the client's account is in
//! the chain, or the token is refused. A mark whose type differs from the setting's is refused,
//! since it would otherwise be ignored.

use super::claims::bad_claim;
use super::overage;
use super::profile::{AutonomousClaim, Profile};
use crate::model::{CredentialError, PartyName, Record, Value, alike, shown};
use smol_str::SmolStr;

/// The conclusions from a token's marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Whether the token is its client's own.
    pub(super) is_clients_own: bool,
    /// Whether its subject is known to be the client.
    pub(super) is_account: bool,
}

/// A token, with the names that have been read so far.
pub(super) struct MarkedToken<'a> {
    pub(super) claims: &'a Record,
    pub(super) profile: &'a Profile,
    /// The client that it was issued to.
    pub(super) client: Option<&'a SmolStr>,
    /// The party that it is about.
    pub(super) subject: Option<&'a SmolStr>,
}

/// What the marks read so far say.
#[derive(Default)]
struct MarkFindings<'a> {
    by_issuer: bool,
    by_name: Option<&'a str>,
    of_account: bool,
    /// A claim whose value differs from that in such tokens.
    otherwise: Option<&'a str>,
    /// A claim that contains the client's name in such tokens, and another name here.
    somebody: Option<&'a str>,
}

impl<'a> MarkedToken<'a> {
    /// Reads the marks. `granting` is false for a token that only says who somebody is, which may
    /// lack what users' tokens have.
    pub(super) fn marks(&self, granting: bool) -> Result<Marks, CredentialError> {
        let mut said = MarkFindings::default();
        for mark in &self.profile.autonomous {
            self.read(mark, &mut said)?;
        }
        let is_subject = self.is_subject();
        let is_chosen = self.check_name(&said)?;
        let is_marked = is_subject || said.by_issuer || is_chosen;
        if is_marked {
            self.check_user()?;
        }
        if let Some(claim) = said.somebody.filter(|_| said.by_issuer && !is_subject) {
            return Err(CredentialError::misfit(format!(
                "the token is a client's own, and its claim `{claim}` names somebody \
                 else: it has marks of both"
            )));
        }
        let lacks = granting && !is_marked && self.lacks_user(&said)?;
        Ok(Marks {
            is_clients_own: is_marked || lacks,
            is_account: is_subject || is_chosen || said.of_account || self.is_account(),
        })
    }

    /// Reads one mark.
    ///
    /// INVARIANT: only something that the issuer controls makes a token its client's own: a claim
    /// that only such tokens have, or a name that people may choose in a token without any claim
    /// that all of its users' tokens have ([`Self::check_user`]). The name alone only refuses.
    fn read(
        &self,
        mark: &'a AutonomousClaim,
        said: &mut MarkFindings<'a>,
    ) -> Result<(), CredentialError> {
        let Some(value) = mark.claim.of(self.claims) else {
            return Ok(());
        };
        let name = mark.claim.name();
        if !mark.of_client {
            match has_value(value, &mark.value).ok_or_else(|| bad_claim(name))? {
                MarkValue::Same => {
                    said.by_issuer = true;
                    said.of_account |= mark.of_account;
                }
                MarkValue::Alike => return Err(misspelt_value(name)),
                MarkValue::Other => said.otherwise = Some(name),
            }
            return Ok(());
        }
        let text = value.as_text().ok_or_else(|| bad_claim(name))?;
        let Some(named) = mark.client_in(text) else {
            if mark.is_nearly_in(text) {
                return Err(misspelt_value(name));
            }
            said.somebody = Some(name);
            return Ok(());
        };
        let is_own = self.client.is_some_and(|client| mark.is_of(client, named));
        match (is_own, mark.is_chosen) {
            (true, true) => said.by_name = Some(name),
            (true, false) => {
                said.by_issuer = true;
                said.of_account = true;
            }
            // Only the id counts: any other text is somebody else's name.
            (false, _) if mark.is_bare() => said.somebody = Some(name),
            (false, _) => {
                return Err(CredentialError::misfit(
                    "the token has the name of a client's own, and is another client's",
                ));
            }
        }
        Ok(())
    }

    /// Returns `true` if the token has its client's name, and it is known that no person has chosen
    /// that name.
    fn check_name(&self, said: &MarkFindings<'_>) -> Result<bool, CredentialError> {
        match said.by_name {
            None => Ok(false),
            Some(_) if said.by_issuer || !self.profile.only_of_users.is_empty() => Ok(true),
            Some(claim) => Err(CredentialError::misfit(format!(
                "the token has the name of a client's own in `{claim}`, which a user could have \
                 chosen, and nothing else that only such tokens have: have its issuer put that in"
            ))),
        }
    }

    /// Returns `true` if the client is the token's subject (RFC 9068 section 2.2): both by `sub`,
    /// which the issuer assigns, and by the claim that names subjects here, which may be a name
    /// that people choose.
    fn is_subject(&self) -> bool {
        self.client.is_some()
            && self.client == self.subject
            && self.client == self.claims.get_present("sub").and_then(Value::as_text)
    }

    /// Returns `true` if the claims that name subjects name the client, or have values for the
    /// subject that only clients' accounts have. `sub` names a subject in every token, whichever
    /// claim names it here.
    fn is_account(&self) -> bool {
        let accounts = &self.profile.accounts;
        let is_said_again = self.subject.is_some()
            && accounts
                .iter()
                .filter_map(|path| path.of(self.claims))
                .any(|value| value.as_text() == self.subject);
        if is_said_again {
            return true;
        }
        let sub = self.claims.get_present("sub");
        let Some(client) = self.client else {
            return accounts.is_empty();
        };
        let paths = self.profile.claims.subject.iter();
        paths
            .filter_map(|path| Some((path.name(), path.of(self.claims)?)))
            .chain(sub.map(|sub| ("sub", sub)))
            .chain(self.people())
            .all(|(name, value)| {
                let text = value.as_text();
                text.is_some_and(|text| self.is_named(client, Some(name), text))
            })
            && !overage::has_person(self.claims)
    }

    /// Returns `true` if a text names the client: by its id, or in the form of its account's name
    /// that the profile lists for the claim `name`; for any claim if that is `None`.
    fn is_named(&self, client: &SmolStr, name: Option<&str>, text: &SmolStr) -> bool {
        let forms = self.profile.autonomous.iter();
        let mut listed = forms.filter(|form| name.is_none_or(|name| form.claim.name() == name));
        text == client
            || listed.any(|form| {
                let named = form.client_in(text);
                named.is_some_and(|named| form.is_of(client, named))
            })
    }

    /// Refuses a token without a user that has the name of an account which is neither its
    /// client's nor its subject's: as the client's alone, its user would be lost (RFC 7662 section
    /// 2.2, `username`). Names for display are no accounts.
    pub(super) fn check_accounts(&self) -> Result<(), CredentialError> {
        // An issuer writes the name of its client's account into one claim or another.
        let is_own = |text: &SmolStr| {
            let client = self.client;
            self.subject == Some(text)
                || client.is_some_and(|client| self.is_named(client, None, text))
        };
        let mut others = self.people().filter(|(name, value)| {
            PartyName::of(name) == Some(PartyName::Account) && !value.as_text().is_some_and(is_own)
        });
        match others.next() {
            None => Ok(()),
            Some((claim, _)) => Err(CredentialError::misfit(format!(
                "the token has no user, and its claim `{}` names somebody else than its client",
                shown(claim)
            ))),
        }
    }

    /// Iterates over the claims that name a person: whoever they name is somebody, also where no
    /// claim names the subject (RFC 7662 section 2.2, `username`).
    fn people(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let claims = self.claims.iter();
        claims
            .filter(|(name, value)| {
                !value.is_null() && PartyName::of(name).is_some_and(PartyName::is_of_person)
            })
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Refuses a client's own token with a claim that only users' tokens have: as the client's
    /// alone, its user would be lost.
    fn check_user(&self) -> Result<(), CredentialError> {
        let mut of_users = self.profile.only_of_users.iter();
        match of_users.find(|claim| claim.of(self.claims).is_some()) {
            Some(claim) => Err(CredentialError::misfit(format!(
                "the token is a client's own, and has a user's claim `{0}`: \
                 it has marks of both{1}",
                claim.name(),
                remedy(claim.name())
            ))),
            None => Ok(()),
        }
    }

    /// Returns `true` if the token lacks a claim that every user's token has, so that it is its
    /// client's own.
    fn lacks_user(&self, said: &MarkFindings<'_>) -> Result<bool, CredentialError> {
        let mut of_users = self.profile.of_users.iter();
        let Some(lacked) = of_users.find(|claim| claim.of(self.claims).is_none()) else {
            return Ok(false);
        };
        match said.otherwise {
            Some(claim) => Err(CredentialError::misfit(format!(
                "the token lacks `{}`, which every user's has, and its `{claim}` does not say that \
                 it is a client's own: it has marks of both",
                lacked.name()
            ))),
            None => Ok(true),
        }
    }
}

/// How a claim's value is to that of a mark.
enum MarkValue {
    Same,
    /// It differs in case or separators alone.
    Alike,
    Other,
}

/// Compares the value of a claim with that of a mark, which is any value for `*` that says
/// something. Returns `None` if the claim is neither a text, a boolean, nor a list of texts.
fn has_value(found: &Value, value: &str) -> Option<MarkValue> {
    let texts: Vec<&str> = match found {
        Value::Text(text) => vec![text],
        Value::Bool(found) => vec![if *found { "true" } else { "false" }],
        Value::List(items) => {
            let texts: Option<Vec<&SmolStr>> = items.iter().map(Value::as_text).collect();
            texts?.into_iter().map(SmolStr::as_str).collect()
        }
        _ => return None,
    };
    if value == "*" && texts.iter().all(|text| ["", "false"].contains(text)) {
        return None;
    }
    let mut all = texts.iter();
    Some(if all.any(|text| value == "*" || *text == value) {
        MarkValue::Same
    } else if texts.iter().any(|text| alike(value, text)) {
        MarkValue::Alike
    } else {
        MarkValue::Other
    })
}

/// Explains why a value is refused that is spelled like that of a mark.
pub(super) fn misspelt_value(name: &str) -> CredentialError {
    CredentialError::misfit(format!(
        "the value of the claim `{name}` is spelled like one that says whose the token is or of \
         which kind, but for case or separators"
    ))
}

/// Suggests a remedy for a session in a client's own token.
fn remedy(claim: &str) -> &'static str {
    match claim {
        "sid" | "session_state" => {
            ". If it is a service account's, turn off its refresh tokens (in Keycloak, \
             `Use refresh tokens for client credentials grant` of the client)"
        }
        _ => "",
    }
}
