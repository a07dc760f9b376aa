//! `act`, read into the chain that an issuer's profile says it means.
//!
//! INVARIANT: what is there is read whole or the token is refused. An `act` that fits no form would otherwise leave the
//! user alone, with all of the user's rights.

use super::profile::{ActorForm, ClaimPath, Profile};
use crate::model::{EntityRef, MAX_ACTORS, PrincipalIds, Record, Unproven, Value, alike, shown};
use smol_str::SmolStr;

/// The parties of a token as its own claims name them, before `act` is read.
pub(super) struct Own<'a> {
    /// The entity that `sub` is.
    pub(super) subject: EntityRef,
    /// The client that the token was issued to; none where it names none.
    pub(super) client: Option<&'a SmolStr>,
}

/// Returns the chain of a token, by the profile: the subject first, who acts now last.
///
/// INVARIANT: whose authority is used is a subject of the token's own issuer, or of one that the profile lists: an issuer
/// vouches for its own people. Parties of other issuers may only act.
pub(super) fn chain(
    claims: &Record,
    own: Own<'_>,
    profile: &Profile,
    ids: &PrincipalIds,
) -> Result<Vec<EntityRef>, Unproven> {
    let Own { subject, client } = own;
    let Some(act) = claims.get_present("act") else { return Ok(vec![subject]) };
    let reader = Reader { profile, ids, client };
    let mut chain = vec![subject];
    match profile.actor {
        ActorForm::None => {
            return Err(Unproven::invalid(
                "the token has `act`, and its issuer's profile knows none: set `actor` to the form that it has",
            ));
        }
        ActorForm::Rfc8693 => {
            let mut actors = nested(act)?;
            // The innermost acted first.
            actors.reverse();
            for act in actors {
                chain.push(reader.party(act, &profile.actor_type)?);
            }
        }
        form @ (ActorForm::Inverted | ActorForm::List) => {
            let before = if form == ActorForm::List { listed(act)? } else { nested(act)? };
            let Some((subject, actors)) = before.split_last() else { return Err(fits_no_form()) };
            for act in actors {
                chain.push(reader.party(act, &profile.actor_type)?);
            }
            chain.push(reader.subject(subject)?);
            // The one who acts now stands first there.
            chain.reverse();
        }
    }
    let twice = chain.iter().enumerate().any(|(at, uid)| chain.iter().skip(at + 1).any(|other| other == uid));
    if twice { Err(Unproven::invalid("the token names somebody twice in its chain")) } else { Ok(chain) }
}

/// The whole nest, outermost first.
fn nested(act: &Value) -> Result<Vec<&Record>, Unproven> {
    let mut found = Vec::new();
    let mut next = Some(act);
    while let Some(value) = next {
        if found.len() == MAX_ACTORS {
            return Err(Unproven::invalid(format!("`act` names more than {MAX_ACTORS} parties")));
        }
        let act = value.as_record().ok_or_else(fits_no_form)?;
        found.push(act);
        next = act.get_present("act");
    }
    Ok(found)
}

/// A list, each without an `act` of its own.
fn listed(act: &Value) -> Result<Vec<&Record>, Unproven> {
    let items = act.as_list().filter(|items| !items.is_empty()).ok_or_else(fits_no_form)?;
    if items.len() > MAX_ACTORS {
        return Err(Unproven::invalid(format!("`act` names more than {MAX_ACTORS} parties")));
    }
    let plain = |item: &'_ Value| item.as_record().is_some_and(|act| act.get_present("act").is_none());
    if !items.iter().all(plain) {
        return Err(fits_no_form());
    }
    Ok(items.iter().filter_map(Value::as_record).collect())
}

/// Reads parties in `act`.
struct Reader<'a> {
    profile: &'a Profile,
    ids: &'a PrincipalIds,
    client: Option<&'a SmolStr>,
}

impl Reader<'_> {
    /// The party whose authority is used.
    fn subject(&self, act: &Record) -> Result<EntityRef, Unproven> {
        let issuer = member(act, "iss")?.unwrap_or(&self.profile.issuer);
        if *issuer != self.profile.issuer && !self.profile.subjects_of.contains(issuer) {
            return Err(Unproven::invalid(
                "the token names another issuer's subject as whom it acts for, and its own issuer does not vouch for \
                 that one's: if both have the same people, list the other in `subjects_of`",
            ));
        }
        self.party(act, &self.profile.subject_type)
    }

    /// One party: `sub`, perhaps of another issuer, and perhaps with what it is.
    fn party(&self, act: &Record, default: &SmolStr) -> Result<EntityRef, Unproven> {
        let known = ["sub", "iss", "sub_profile", "act"];
        if let Some((member, _)) =
            act.iter().find(|(member, _)| known.iter().any(|name| alike(name, member) && member != name))
        {
            let member = shown(member);
            return Err(Unproven::invalid(format!(
                "`act.{member}` is spelled like another member but for case or separators"
            )));
        }
        let sub = member(act, "sub")?;
        let issuer = member(act, "iss")?.unwrap_or(&self.profile.issuer);
        let kind = match member(act, "sub_profile")?.map(SmolStr::as_str) {
            None => default.as_str(),
            Some("ai_agent") => "agent",
            Some("service") => "service",
            Some("user") => "user",
            Some(_) => return Err(Unproven::invalid("`act.sub_profile` is not `ai_agent`, `service` or `user`")),
        };
        let nobody = |why| Unproven::invalid(format!("`act` names nobody: {why}"));
        if *issuer != self.profile.issuer {
            // By its own issuer's rule: it has the same id here as in a token of its own.
            return self.ids.actor(issuer, kind, act).map_err(nobody);
        }
        let named = match self.profile.claims.subject.first() {
            Some(path) if kind == self.profile.subject_type => person_of(act, path)?,
            _ if self.profile.claims.actor_client.is_empty() => {
                let sub = sub.ok_or_else(fits_no_form)?;
                self.profile.after_client().and_then(|after| sub.strip_suffix(after.as_str())).unwrap_or(sub)
            }
            _ => self.client_of(act, sub)?,
        };
        self.ids.entity(issuer, kind, named).map_err(nobody)
    }

    /// The client that an actor is: an agent has the same id here as in a token of its own.
    fn client_of<'s>(&'s self, act: &'s Record, sub: Option<&'s SmolStr>) -> Result<&'s SmolStr, Unproven> {
        match self.profile.claims.actor_client.iter().find_map(|path| path.of(act)) {
            Some(Value::Text(client)) => return Ok(client),
            Some(_) => return Err(fits_no_form()),
            None => {}
        }
        let named = self.client.filter(|client| {
            sub == Some(*client)
                || self.profile.autonomous.iter().any(|autonomous| {
                    let text = autonomous.claim.of(act).and_then(Value::as_text);
                    let name = text.and_then(|text| text.strip_prefix(autonomous.value.as_str()));
                    autonomous.of_client && name.is_some_and(|name| client.eq_ignore_ascii_case(name))
                })
        });
        named.ok_or_else(|| {
            Unproven::invalid(
                "`act` does not name the actor's client, so that one agent would have two ids: have the issuer put the \
                 client into `act`, or set `claims.actor_client = [\"sub\"]` if `sub` is the client there",
            )
        })
    }
}

/// The name of a person: a person has the same id here as in a token of their own.
fn person_of<'s>(act: &'s Record, path: &ClaimPath) -> Result<&'s SmolStr, Unproven> {
    match path.of(act) {
        Some(Value::Text(name)) => Ok(name),
        None if path.name() != "sub" => Err(Unproven::invalid(format!(
            "`act` does not name the person by `{}`, as tokens of its issuer do, so that one person would have two ids: \
             have the issuer put it into `act`",
            path.name()
        ))),
        _ => Err(fits_no_form()),
    }
}

/// A member of `act` that is a text.
fn member<'a>(act: &'a Record, name: &str) -> Result<Option<&'a SmolStr>, Unproven> {
    match act.get_present(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(fits_no_form()),
    }
}

fn fits_no_form() -> Unproven {
    Unproven::invalid("`act` does not fit the form that its issuer's profile names")
}
