//! Names the actors in `act` as tokens of their own do.
//!
//! INVARIANT: an actor has one name; an actor with claims that name another is refused.

use super::NoId;
use crate::model::{Record, SpiffeId, Value, alike};
use smol_str::SmolStr;

/// How an issuer's actors are named where a request or another issuer's token names them: as in
/// their own tokens. Otherwise an actor would have two ids, and a rule about one would not apply to
/// the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ActorNames {
    /// By `sub`.
    #[default]
    Subject,
    /// By the claims by which the issuer's own tokens are read.
    Claims(NamingClaims),
    /// By the whole SPIFFE id in `sub`.
    Spiffe,
}

/// The claims that name parties. A path lists the names of members, outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamingClaims {
    /// The entity type of people.
    pub people: SmolStr,
    /// Paths to a person's name; the first that is present counts.
    pub person: Vec<Vec<SmolStr>>,
    /// The entity type of clients, which is everyone who is not a person.
    pub clients: SmolStr,
    /// Paths to a client's name, which may be in any of them. Without paths, the name is `sub`.
    pub client: Vec<Vec<SmolStr>>,
    /// Paths under which the actor's own tokens name the client that they were issued to: another
    /// client there is another actor.
    pub own_client: Vec<Vec<SmolStr>>,
    /// The clients that count as the person's own; `*` stands for all.
    pub hands: Vec<SmolStr>,
    /// The text before a client's name in `sub`; often empty.
    pub before_client: SmolStr,
    /// The text after a client's name in `sub`; often empty.
    pub after_client: SmolStr,
}

impl ActorNames {
    /// Returns the type of an actor that states none; `default` if the issuer's profile does not
    /// say.
    pub(super) fn kind<'a>(&'a self, default: &'a str) -> &'a str {
        match self {
            Self::Claims(names) => &names.clients,
            Self::Subject | Self::Spiffe => default,
        }
    }

    /// Returns the part of an actor's id after the prefix.
    pub(super) fn name_of<'a>(&self, kind: &str, act: &'a Record) -> Result<&'a str, NoId> {
        match self {
            Self::Subject => only_sub_of(act),
            Self::Claims(names) => names.name_of(kind, act),
            Self::Spiffe => SpiffeId::parse(only_sub_of(act)?)
                .map(|id| id.path)
                .ok_or(NoId::Spiffe),
        }
    }
}

impl NamingClaims {
    /// INVARIANT: an actor has one name. Claims that name two are refused, and so is a claim that
    /// is spelled like one that names: whichever were read, rules about the other would be
    /// overlooked. An actor also has one type, that of its own tokens. If people and clients have
    /// one type, a client with a person's name is that person.
    fn name_of<'a>(&self, kind: &str, act: &'a Record) -> Result<&'a str, NoId> {
        self.check_spelling(act)?;
        if kind == self.people {
            let mut names = self.person.iter().filter_map(|path| at(act, path));
            let name = names.next();
            if names.any(|other| Some(other) != name) {
                return Err(NoId::Person);
            }
            let name = name.and_then(Value::as_text).ok_or(NoId::Person)?;
            let is_same = |client: &SmolStr| self.people == self.clients && client == name;
            let is_hand = |client: &SmolStr| {
                is_same(client) || self.hands.iter().any(|hand| hand == client || hand == "*")
            };
            let mut clients = self.own_client.iter().filter_map(|path| at(act, path));
            let is_led = clients.any(|client| !client.as_text().is_some_and(is_hand));
            return if is_led {
                Err(NoId::Led)
            } else {
                Ok(name.as_str())
            };
        }
        if kind != self.clients {
            return Err(NoId::Type);
        }
        let name = if self.client.is_empty() {
            self.client_in(sub_of(act)?)
        } else {
            let named = self
                .client
                .iter()
                .find_map(|path| Some((path, at(act, path)?)));
            let (path, named) = named.ok_or(NoId::Client)?;
            let named = named.as_text().ok_or(NoId::Clients)?;
            if path.as_slice() == ["sub"] {
                self.client_in(named)
            } else {
                named.as_str()
            }
        };
        let mut others = self
            .client
            .iter()
            .chain(&self.own_client)
            .filter_map(|path| Some((path, at(act, path)?)));
        // Only `sub` may have text around a client's name: in other claims, that is another id.
        let is_another = |(path, value): (&Vec<SmolStr>, &Value)| {
            let other = value.as_text().map(SmolStr::as_str);
            let other = if path.as_slice() == ["sub"] {
                other.map(|sub| self.client_in(sub))
            } else {
                other
            };
            other != Some(name)
        };
        if others.any(is_another) {
            Err(NoId::Clients)
        } else {
            Ok(name)
        }
    }

    /// Returns the client's name without the fixed text around it in `sub`.
    fn client_in<'a>(&self, sub: &'a str) -> &'a str {
        let named = sub.strip_prefix(self.before_client.as_str());
        named
            .and_then(|named| named.strip_suffix(self.after_client.as_str()))
            .unwrap_or(sub)
    }

    fn check_spelling(&self, act: &Record) -> Result<(), NoId> {
        let paths = self
            .person
            .iter()
            .chain(&self.client)
            .chain(&self.own_client);
        let sub = [SmolStr::new_static("sub")];
        let paths: Vec<&[SmolStr]> = paths.map(Vec::as_slice).chain([sub.as_slice()]).collect();
        if paths.iter().any(|path| has_lookalike(act, path, &paths)) {
            Err(NoId::Spelling)
        } else {
            Ok(())
        }
    }
}

/// Returns `true` if a member at some level of the path is spelled like the name at that level, and
/// no other path has that member's name there.
fn has_lookalike(act: &Record, path: &[SmolStr], paths: &[&[SmolStr]]) -> bool {
    let mut within = act;
    for (depth, name) in path.iter().enumerate() {
        let before = path.get(..depth).unwrap_or_default();
        let is_known = |member: &SmolStr| {
            paths
                .iter()
                .any(|path| path.starts_with(before) && path.get(depth) == Some(member))
        };
        let is_like = |(member, value): (&SmolStr, &Value)| {
            !value.is_null() && alike(name, member) && !is_known(member)
        };
        if within.iter().any(is_like) {
            return true;
        }
        match within.get_present(name).and_then(Value::as_record) {
            Some(next) => within = next,
            None => return false,
        }
    }
    false
}

/// Returns `sub` of an actor whose issuer names its actors by `sub` alone. A client beside it would
/// be a second name.
fn only_sub_of(act: &Record) -> Result<&str, NoId> {
    const CLIENTS: [&str; 4] = ["client_id", "azp", "appid", "cid"];
    let sub = sub_of(act)?;
    let is_another = |(member, value): (&SmolStr, &Value)| {
        !value.is_null()
            && CLIENTS.iter().any(|name| alike(name, member))
            && value.as_text().is_none_or(|named| named != sub)
    };
    if act.iter().any(is_another) {
        Err(NoId::Clients)
    } else {
        Ok(sub)
    }
}

fn sub_of(act: &Record) -> Result<&str, NoId> {
    act.get_present("sub")
        .and_then(Value::as_text)
        .map(SmolStr::as_str)
        .ok_or(NoId::Sub)
}

/// Returns the value at a path.
fn at<'a>(record: &'a Record, path: &[SmolStr]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(record.get_present(first)?, |value, name| {
            value.as_record()?.get_present(name)
        })
}
