//! `act`, read into the chain that an issuer's profile says it means.
//!
//! INVARIANT: what is there is read whole or the token is refused. An `act` that fits no form would otherwise leave the
//! user alone, with all of the user's rights.

use super::profile::{ActorForm, Profile};
use crate::model::{EntityRef, MAX_ACTORS, PrincipalIds, Record, Unproven, Value};
use smol_str::SmolStr;

/// The chain of a token whose `sub` is the entity `own`, by the profile.
pub(super) fn chain(
    claims: &Record,
    own: EntityRef,
    profile: &Profile,
    ids: &PrincipalIds,
) -> Result<Vec<EntityRef>, Unproven> {
    let Some(act) = claims.get_present("act") else { return Ok(vec![own]) };
    let named = |act: &Record, default: &SmolStr| party(act, default, profile, ids);
    let mut chain = vec![own];
    match profile.actor {
        ActorForm::None => return Err(Unproven::invalid("the token has `act`, and its issuer's profile knows none")),
        ActorForm::Rfc8693 => {
            let mut actors = nested(act)?;
            // The innermost acted first.
            actors.reverse();
            for act in actors {
                chain.push(named(act, &profile.actor_type)?);
            }
        }
        form @ (ActorForm::Inverted | ActorForm::List) => {
            let before = if form == ActorForm::List { listed(act)? } else { nested(act)? };
            for (index, act) in before.iter().enumerate() {
                let last = index + 1 == before.len();
                chain.push(named(act, if last { &profile.subject_type } else { &profile.actor_type })?);
            }
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

/// One party: `sub`, perhaps of another issuer, and perhaps with what it is.
fn party(act: &Record, default: &SmolStr, profile: &Profile, ids: &PrincipalIds) -> Result<EntityRef, Unproven> {
    let known = ["sub", "iss", "sub_profile", "act"];
    if let Some((member, _)) =
        act.iter().find(|(member, _)| known.iter().any(|name| member.eq_ignore_ascii_case(name) && member != name))
    {
        return Err(Unproven::invalid(format!("`act.{member}` is spelled like another member but for case")));
    }
    let text = |name| match act.get_present(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(fits_no_form()),
    };
    let sub = text("sub")?.ok_or_else(fits_no_form)?;
    let issuer = text("iss")?.unwrap_or(&profile.issuer);
    let kind = match text("sub_profile")?.map(SmolStr::as_str) {
        None => default.as_str(),
        Some("ai_agent") => "agent",
        Some("service") => "service",
        Some("user") => "user",
        Some(_) => return Err(Unproven::invalid("`act.sub_profile` is not `ai_agent`, `service` or `user`")),
    };
    ids.entity(issuer, kind, sub).map_err(|why| Unproven::invalid(format!("`act` names nobody: {why}")))
}

fn fits_no_form() -> Unproven {
    Unproven::invalid("`act` does not fit the form that its issuer's profile names")
}
