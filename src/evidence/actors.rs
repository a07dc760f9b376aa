//! Reads `act` into the chain that an issuer's profile defines.
//!
//! INVARIANT: `act` is read in full or the token is refused. Ignoring a malformed `act` would leave
//! the user alone in the chain, with all of the user's rights.

use super::claims::bad_claim;
use super::profile::{ActorForm, AutonomousClaim, Profile};
use crate::model::{
    CredentialError, EntityRef, KindFlaw, MAX_ACTORS, NoId, PrincipalIds, Record, StatedKind,
    Value, alike, overlooked_in_act, shown,
};
use smol_str::SmolStr;

/// The parties that a token's own claims name, before `act` is read.
pub(super) struct TokenParties<'a> {
    /// The entity that `sub` names.
    pub(super) subject: EntityRef,
    /// The client that the token was issued to; `None` if the token names none.
    pub(super) client: Option<&'a SmolStr>,
}

/// Returns the chain of a token by its profile: the subject first, the current actor last.
///
/// INVARIANT: the party whose authority is used is a subject of the token's own issuer, or of one
/// that the profile lists: an issuer vouches for its own people. Parties of other issuers may only
/// act.
pub(super) fn chain(
    claims: &Record,
    own: TokenParties<'_>,
    profile: &Profile,
    ids: &PrincipalIds,
) -> Result<Vec<EntityRef>, CredentialError> {
    let TokenParties { subject, client } = own;
    let Some(act) = claims.get_present("act") else {
        return Ok(vec![subject]);
    };
    let reader = ActReader {
        profile,
        ids,
        client,
    };
    let mut chain = vec![subject];
    match profile.actor {
        ActorForm::None => {
            return Err(CredentialError::misfit(
                "the token has `act`, and its issuer's profile knows none: \
                 set `actor` to the form that it has",
            ));
        }
        ActorForm::Rfc8693 => {
            let mut actors = nested(act)?;
            // The innermost actor acted first.
            actors.reverse();
            for act in actors {
                chain.push(reader.actor(act)?);
            }
        }
        form @ (ActorForm::Inverted | ActorForm::List) => {
            let before = if form == ActorForm::List {
                listed(act)?
            } else {
                nested(act)?
            };
            let Some((subject, actors)) = before.split_last() else {
                return Err(fits_no_form());
            };
            for act in actors {
                chain.push(reader.actor(act)?);
            }
            chain.push(reader.subject(subject)?);
            // In this form, the current actor is first.
            chain.reverse();
        }
    }
    let twice = chain
        .iter()
        .enumerate()
        .any(|(at, uid)| chain.iter().skip(at + 1).any(|other| other == uid));
    if twice {
        Err(CredentialError::invalid(
            "the token names somebody twice in its chain",
        ))
    } else {
        Ok(chain)
    }
}

/// Returns all nested actors, the outermost first.
fn nested(act: &Value) -> Result<Vec<&Record>, CredentialError> {
    let mut found = Vec::new();
    let mut next = Some(act);
    while let Some(value) = next {
        if found.len() == MAX_ACTORS {
            return Err(CredentialError::invalid(format!(
                "`act` names more than {MAX_ACTORS} parties"
            )));
        }
        let act = value.as_record().ok_or_else(fits_no_form)?;
        found.push(act);
        next = act.get_present("act");
    }
    Ok(found)
}

/// Returns the actors of a list, none of which may have its own `act`.
fn listed(act: &Value) -> Result<Vec<&Record>, CredentialError> {
    let items = act
        .as_list()
        .filter(|items| !items.is_empty())
        .ok_or_else(fits_no_form)?;
    if items.len() > MAX_ACTORS {
        return Err(CredentialError::invalid(format!(
            "`act` names more than {MAX_ACTORS} parties"
        )));
    }
    let plain = |item: &'_ Value| {
        item.as_record()
            .is_some_and(|act| act.get_present("act").is_none())
    };
    if !items.iter().all(plain) {
        return Err(fits_no_form());
    }
    Ok(items.iter().filter_map(Value::as_record).collect())
}

/// The kind that a party states (`sub_profile`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A person.
    Person,
    /// A client, of this type.
    Client(&'static str),
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Person => StatedKind::Person.entity_type(),
            Self::Client(kind) => kind,
        }
    }
}

impl From<StatedKind> for Kind {
    fn from(stated: StatedKind) -> Self {
        match stated {
            StatedKind::Person => Self::Person,
            StatedKind::Agent | StatedKind::Service => Self::Client(stated.entity_type()),
        }
    }
}

/// Returns the kind that a token states for its subject.
pub(super) fn kind_of_subject(claims: &Record) -> Result<Option<Kind>, CredentialError> {
    let stated = StatedKind::of(claims).map_err(|flaw| match flaw {
        KindFlaw::NoText => bad_claim("sub_profile"),
        KindFlaw::Unknown => CredentialError::misfit(
            "the claim `sub_profile` is not `ai_agent`, `service` or `user`",
        ),
    })?;
    Ok(stated.map(Kind::from))
}

/// Returns the type of a client that states this kind. It must be that of its issuer's clients, or
/// one client would have two ids.
pub(super) fn client_type<'p>(
    kind: &str,
    profile: &'p Profile,
) -> Result<&'p SmolStr, CredentialError> {
    if profile.client_type == kind {
        Ok(&profile.client_type)
    } else {
        Err(CredentialError::misfit(format!(
            "the token's `sub_profile` says that its subject is of the type `{kind}`, and its \
             issuer's clients are of `{}` (`client_type`), so that one client would have two ids",
            profile.client_type
        )))
    }
}

/// Returns the kind that a party in `act` states.
fn kind(act: &Record) -> Result<Option<Kind>, CredentialError> {
    let stated = StatedKind::of(act).map_err(|flaw| match flaw {
        KindFlaw::NoText => fits_no_form(),
        KindFlaw::Unknown => {
            CredentialError::misfit("`act.sub_profile` is not `ai_agent`, `service` or `user`")
        }
    })?;
    Ok(stated.map(Kind::from))
}

/// Refuses members of a party that are not read and say who it is, or who else acts.
fn check_members(act: &Record) -> Result<(), CredentialError> {
    let known = ["sub", "iss", "sub_profile", "act"];
    let is_like = |member: &str| {
        known
            .iter()
            .any(|name| alike(name, member) && member != *name)
    };
    if let Some((member, _)) = act.iter().find(|(member, _)| is_like(member)) {
        let member = shown(member);
        return Err(CredentialError::misfit(format!(
            "`act.{member}` is spelled like another member but for case or separators"
        )));
    }
    match overlooked_in_act(act) {
        Some(member) => Err(CredentialError::misfit(format!(
            "`act.{}` names somebody, and would not be read there",
            shown(member)
        ))),
        None => Ok(()),
    }
}

/// Reads parties in `act`.
struct ActReader<'a> {
    profile: &'a Profile,
    ids: &'a PrincipalIds,
    client: Option<&'a SmolStr>,
}

impl ActReader<'_> {
    /// Returns the party whose authority is used.
    fn subject(&self, act: &Record) -> Result<EntityRef, CredentialError> {
        let issuer = member(act, "iss")?.unwrap_or(&self.profile.issuer);
        if *issuer != self.profile.issuer && !self.profile.subjects_of.contains(issuer) {
            return Err(CredentialError::misfit(
                "the token names another issuer's subject as whom it acts for, \
                 and its own issuer does not vouch for that one's: \
                 if both have the same people, list the other in `subjects_of`",
            ));
        }
        let kind = kind(act)?.map(Kind::as_str);
        let kind = kind.unwrap_or(&self.profile.subject_type);
        self.party(act, Some(kind))
    }

    /// Returns a party that acts. If it does not state its kind, a party of another issuer has the
    /// type of that issuer's clients.
    fn actor(&self, act: &Record) -> Result<EntityRef, CredentialError> {
        self.party(act, kind(act)?.map(Kind::as_str))
    }

    /// Returns one party: `sub`, optionally with an issuer and a type.
    fn party(&self, act: &Record, kind: Option<&str>) -> Result<EntityRef, CredentialError> {
        check_members(act)?;
        let sub = member(act, "sub")?;
        let issuer = member(act, "iss")?.unwrap_or(&self.profile.issuer);
        let nobody = |why| CredentialError::misfit(format!("`act` names nobody: {why}"));
        if *issuer != self.profile.issuer {
            // The party is named by its own issuer's rule, so that it has the same id as in a token
            // of its own.
            return self
                .ids
                .actor(issuer, kind, &self.profile.actor_type, act)
                .map_err(nobody);
        }
        let kind = kind.unwrap_or(&self.profile.actor_type);
        match self.ids.actor(issuer, Some(kind), kind, act) {
            Err(NoId::Client) => self
                .ids
                .entity(issuer, kind, self.tokens_client(act, sub)?)
                .map_err(nobody),
            Err(NoId::Person) => Err(unnamed_person(act, self.profile)),
            Err(NoId::Sub) if sub.is_none() => Err(fits_no_form()),
            named => named.map_err(nobody),
        }
    }

    /// Returns the client that the token was issued to, if it is the actor whose client is not
    /// named.
    fn tokens_client<'s>(
        &'s self,
        act: &'s Record,
        sub: Option<&'s SmolStr>,
    ) -> Result<&'s SmolStr, CredentialError> {
        let is_its_own = |autonomous: &AutonomousClaim, client: &str| {
            let text = autonomous.claim.of(act).and_then(Value::as_text);
            let name = text.and_then(|text| autonomous.client_in(text));
            // A name that a person may have chosen does not show that its bearer is a client.
            !autonomous.is_chosen && name.is_some_and(|name| autonomous.is_of(client, name))
        };
        let named = self.client.filter(|client| {
            sub == Some(*client)
                || self
                    .profile
                    .autonomous
                    .iter()
                    .any(|autonomous| is_its_own(autonomous, client))
        });
        named.ok_or_else(|| {
            CredentialError::misfit(
                "`act` does not name the actor's client, so that one agent would have two ids: \
                 have the issuer put the client into `act`, \
                 or set `claims.actor_client = [\"sub\"]` if `sub` is the client there",
            )
        })
    }
}

/// Explains why an actor names no person: a person has the same id in `act` as in a token of their
/// own.
fn unnamed_person(act: &Record, profile: &Profile) -> CredentialError {
    match profile.claims.subject.first() {
        Some(path) if path.name() != "sub" && path.of(act).is_none() => {
            CredentialError::misfit(format!(
                "`act` does not name the person by `{}`, as tokens of its issuer do, \
                 so that one person would have two ids: have the issuer put it into `act`",
                path.name()
            ))
        }
        _ => fits_no_form(),
    }
}

/// Returns a member of `act` that must be a text.
fn member<'a>(act: &'a Record, name: &str) -> Result<Option<&'a SmolStr>, CredentialError> {
    match act.get_present(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(fits_no_form()),
    }
}

fn fits_no_form() -> CredentialError {
    CredentialError::misfit("`act` does not fit the form that its issuer's profile names")
}
