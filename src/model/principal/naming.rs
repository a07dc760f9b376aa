//! Names the actors in `act` as tokens of their own do.
//!
//! INVARIANT: an actor has one name; an actor with claims that name another is refused.

use super::NoId;
use crate::model::kind_words::CLIENT_PROFILE;
use crate::model::{Record, SpiffeId, Value, alike, clients_named, has_agents_client};
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
        let is_agents = has_agents_client(act).map_err(|_| NoId::ClientProfile)?;
        if kind == self.people {
            self.person_in(act, is_agents)
        } else if kind == self.clients {
            self.client_of(act)
        } else {
            Err(NoId::Type)
        }
    }

    /// Returns a person's name. A client beside it is another actor, unless it counts as the
    /// person's own, which an agent never does (`is_agents`).
    fn person_in<'a>(&self, act: &'a Record, is_agents: bool) -> Result<&'a str, NoId> {
        let mut names = self.person.iter().filter_map(|path| at(act, path));
        let name = names.next();
        if names.any(|other| Some(other) != name) {
            return Err(NoId::Person);
        }
        let name = name.and_then(Value::as_text).ok_or(NoId::Person)?;
        let is_one = self.people == self.clients;
        let is_own = |client: &SmolStr| {
            let mut hands = self.hands.iter();
            if is_one {
                client == name
            } else {
                !is_agents && hands.any(|hand| hand == client || hand == "*")
            }
        };
        let listed = self.own_client.iter().filter_map(|path| at(act, path));
        let others = self.unread_clients(act, &self.person);
        let mut clients = listed.chain(others).peekable();
        let is_unnamed = is_agents && !is_one && clients.peek().is_none();
        let is_led = is_unnamed || clients.any(|client| !client.as_text().is_some_and(is_own));
        if is_led {
            Err(NoId::Led)
        } else {
            Ok(name.as_str())
        }
    }

    /// Returns the name of a client, which must be the same in all claims that name clients.
    fn client_of<'a>(&self, act: &'a Record) -> Result<&'a str, NoId> {
        let mut listed = self.client.iter();
        let found = listed.find_map(|path| Some((path.as_slice(), at(act, path)?)));
        let name = match found {
            None if self.client.is_empty() => Some(self.client_in(sub_of(act)?)),
            None => None,
            Some((path, named)) => {
                let named = named.as_text().ok_or(NoId::Clients)?;
                Some(if path == ["sub"] {
                    self.client_in(named)
                } else {
                    named.as_str()
                })
            }
        };
        // Only `sub` may have text around a client's name: in other claims, that is another id.
        let in_place = |path: &'_ Vec<SmolStr>| {
            let text = at(act, path)?.as_text().map(SmolStr::as_str);
            Some(if path.as_slice() == ["sub"] {
                text.map(|sub| self.client_in(sub))
            } else {
                text
            })
        };
        let paths = self.client.iter().chain(&self.own_client);
        let unread = self.unread_clients(act, &[]);
        let mut others = paths
            .filter_map(in_place)
            .chain(unread.map(|value| value.as_text().map(SmolStr::as_str)));
        // A client that is named elsewhere is another than the one that is found otherwise.
        if others.any(|other| other.is_none() || other != name) {
            return Err(NoId::Clients);
        }
        name.ok_or(NoId::Client)
    }

    /// Iterates over the values of claims by which other issuers name clients, and that are read
    /// here neither as a client's name nor at these paths.
    fn unread_clients<'a>(
        &'a self,
        act: &'a Record,
        but: &'a [Vec<SmolStr>],
    ) -> impl Iterator<Item = &'a Value> {
        clients_named(act)
            .filter(move |(member, _)| {
                let mut read = self.client.iter().chain(&self.own_client).chain(but);
                !read.any(|path| path.first() == Some(*member) && at(act, path).is_some())
            })
            .map(|(_, value)| value)
    }

    /// Returns the client's name without the fixed text around it in `sub`.
    fn client_in<'a>(&self, sub: &'a str) -> &'a str {
        let named = sub.strip_prefix(self.before_client.as_str());
        named
            .and_then(|named| named.strip_suffix(self.after_client.as_str()))
            .unwrap_or(sub)
    }

    /// INVARIANT: what is read for one purpose is not read for another: a person's name on the way
    /// to a client's is in its way.
    fn check_spelling(&self, act: &Record) -> Result<(), NoId> {
        let fixed = ["sub", CLIENT_PROFILE].map(|name| [SmolStr::new_static(name)]);
        let [sub, client_profile] = fixed.each_ref().map(<[SmolStr; 1]>::as_slice);
        let person = self.person.iter().map(Vec::as_slice).chain([sub]).collect();
        let clients = self.client.iter().chain(&self.own_client);
        let clients = clients.map(Vec::as_slice).collect();
        let purposes: [Vec<&[SmolStr]>; 3] = [person, clients, vec![client_profile]];
        for paths in &purposes {
            if paths.iter().any(|path| has_lookalike(act, path, paths)) {
                return Err(NoId::Spelling);
            }
            if paths.iter().any(|path| is_cut(act, path, paths)) {
                return Err(NoId::Clients);
            }
        }
        Ok(())
    }
}

/// Returns `true` if a member at some level of the path is spelled like the name at that level, and
/// no other of these paths has that member's name there.
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

/// Returns `true` if something on the way to a claim is no object, and is not one of these claims.
fn is_cut(act: &Record, path: &[SmolStr], paths: &[&[SmolStr]]) -> bool {
    let mut within = act;
    for depth in 1..path.len() {
        let (before, _) = path.split_at(depth);
        match before.last().and_then(|name| within.get_present(name)) {
            None => return false,
            Some(Value::Record(next)) => within = next,
            Some(_) => return !paths.contains(&before),
        }
    }
    false
}

/// Returns `sub` of an actor whose issuer names its actors by `sub` alone. A client beside it would
/// be a second name.
fn only_sub_of(act: &Record) -> Result<&str, NoId> {
    let sub = sub_of(act)?;
    has_agents_client(act).map_err(|_| NoId::ClientProfile)?;
    let is_another = |value: &Value| value.as_text().is_none_or(|named| named != sub);
    if clients_named(act).any(|(_, value)| is_another(value)) {
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
