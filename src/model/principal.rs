//! Ids of issuers' subjects: a principal is an issuer *and* a subject, never a subject alone.
//!
//! Two issuers may both have an `alice`, and each may let somebody register as `bob`. So each
//! issuer has, for each entity type, an id template of the form `<fixed prefix>{sub}`.
//!
//! INVARIANT: for one entity type, no issuer's prefix is a prefix of another's, so two issuers
//! never make the same id. One issuer may have no prefix; its subjects that begin with another
//! issuer's prefix are refused.

mod naming;

pub use naming::{ActorNames, NamingClaims};

use super::{EntityRef, Record, Value};
use smol_str::{SmolStr, format_smolstr};
use std::fmt;

/// LIMIT: bytes of an issuer's subject (`OpenID` Connect Core section 2 allows 255; SPIFFE ids have
/// up to 2048).
pub const MAX_SUB_BYTES: usize = 2048;

/// How one issuer's subjects are turned into ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerIds {
    /// The issuer, exactly as tokens name it.
    pub issuer: SmolStr,
    /// For each entity type that its subjects can have, the prefix before the subject.
    pub prefixes: Vec<(SmolStr, SmolStr)>,
    /// Issuers with the same people: a subject has one id, whichever of these issuers names it.
    pub subjects_of: Vec<SmolStr>,
    /// How other parties name its actors.
    pub actors: ActorNames,
}

impl IssuerIds {
    /// Returns `true` if the two issuers have the same people.
    fn shares_with(&self, other: &Self) -> bool {
        self.subjects_of.contains(&other.issuer) || other.subjects_of.contains(&self.issuer)
    }
}

/// How the subjects of all configured issuers are turned into ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalIds(Vec<IssuerIds>);

/// Two issuers whose subjects could get the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbiguousIds {
    /// The entity type.
    pub kind: SmolStr,
    /// One issuer.
    pub one: SmolStr,
    /// The other.
    pub other: SmolStr,
}

impl fmt::Display for AmbiguousIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, one, other } = self;
        write!(
            f,
            "the issuers `{one}` and `{other}` can give the same id to two \
             subjects of the type `{kind}`"
        )
    }
}

/// The reason why a subject has no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoId {
    /// The issuer is not configured.
    Issuer,
    /// The issuer has no prefix for this entity type.
    Kind,
    /// The subject is empty or too long, or begins with another issuer's prefix.
    Sub,
    /// The issuer's own tokens name its clients by another entity type.
    Type,
    /// The issuer's actors are its clients, and no claim names the client.
    Client,
    /// Two claims name two clients, or one of these claims names none.
    Clients,
    /// The claim that says of which kind the client is has a word that is not known.
    ClientProfile,
    /// The person is named together with a client that does not count as the person's own.
    Led,
    /// A claim is spelled like one that names the actor.
    Spelling,
    /// The claim that names people in the issuer's own tokens is missing.
    Person,
    /// The subject is not a SPIFFE id of the trust domain.
    Spiffe,
}

impl fmt::Display for NoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Issuer => "its issuer is not configured",
            Self::Kind => "its issuer has no ids of this type",
            Self::Sub => "its subject is empty, too long, or begins like another issuer's ids",
            Self::Type => {
                "its issuer's own tokens name clients by another type (`client_type`), \
                 so that one agent would have two ids"
            }
            Self::Client => "its client is not named, by which its issuer's own tokens name it",
            Self::Clients => "its claims name two clients, or one is no text",
            Self::ClientProfile => {
                "its `client_profile` has a word that is not known, or is no text"
            }
            Self::Led => {
                "it is a person, and its claims name a client that would act, too (`own_clients`)"
            }
            Self::Spelling => {
                "it has a claim that is spelled like one that names it but for case or separators"
            }
            Self::Person => "it has not the claim by which its issuer's own tokens name people",
            Self::Spiffe => "its subject is no SPIFFE id of its trust domain",
        })
    }
}

impl PrincipalIds {
    /// Creates the ids of all issuers, and refuses two issuers that could make the same id.
    pub fn new(issuers: Vec<IssuerIds>) -> Result<Self, AmbiguousIds> {
        let all: Vec<(&SmolStr, &SmolStr, &IssuerIds)> = issuers
            .iter()
            .flat_map(|ids| {
                ids.prefixes
                    .iter()
                    .map(move |(kind, prefix)| (kind, prefix, ids))
            })
            .collect();
        for (at, (kind, prefix, one)) in all.iter().enumerate() {
            for (other_kind, other_prefix, other) in all.iter().skip(at + 1) {
                let is_shared = prefix == other_prefix && one.shares_with(other);
                let meet = match (prefix.is_empty(), other_prefix.is_empty()) {
                    (true, true) => true,
                    // An id without a prefix is compared with the other issuers' prefixes when it
                    // is made.
                    (true, false) | (false, true) => false,
                    (false, false) => {
                        prefix.starts_with(other_prefix.as_str())
                            || other_prefix.starts_with(prefix.as_str())
                    }
                };
                if kind == other_kind && meet && !is_shared {
                    let one = one.issuer.clone();
                    let other = other.issuer.clone();
                    return Err(AmbiguousIds {
                        kind: (*kind).clone(),
                        one,
                        other,
                    });
                }
            }
        }
        Ok(Self(issuers))
    }

    /// Returns the entity of this issuer's subject.
    pub fn entity(&self, issuer: &str, kind: &str, sub: &str) -> Result<EntityRef, NoId> {
        let ids = self
            .0
            .iter()
            .find(|ids| ids.issuer == issuer)
            .ok_or(NoId::Issuer)?;
        let (kind, prefix) = ids
            .prefixes
            .iter()
            .find(|(known, _)| known == kind)
            .ok_or(NoId::Kind)?;
        if sub.is_empty()
            || sub.len() > MAX_SUB_BYTES
            || (prefix.is_empty() && self.is_others(kind, sub))
        {
            return Err(NoId::Sub);
        }
        let id = if prefix.is_empty() {
            SmolStr::new(sub)
        } else {
            format_smolstr!("{prefix}{sub}")
        };
        Ok(EntityRef {
            kind: kind.clone(),
            id,
        })
    }

    /// Returns the entity of a party in `act`, named as its own issuer's tokens name it. `kind` is
    /// its stated type; without one, it has the type of its issuer's clients, or `default`.
    pub fn actor(
        &self,
        issuer: &str,
        kind: Option<&str>,
        default: &str,
        act: &Record,
    ) -> Result<EntityRef, NoId> {
        let ids = self
            .0
            .iter()
            .find(|ids| ids.issuer == issuer)
            .ok_or(NoId::Issuer)?;
        let kind = kind.unwrap_or_else(|| ids.actors.kind(default));
        if !ids.prefixes.iter().any(|(known, _)| known == kind) {
            return Err(NoId::Kind);
        }
        let named = ids.actors.name_of(kind, act)?;
        let uid = self.entity(issuer, kind, named)?;
        // The path in an id of another trust domain would be taken for a path in this one.
        let sub = act.get_present("sub").and_then(Value::as_text);
        if ids.actors == ActorNames::Spiffe && sub != Some(&uid.id) {
            Err(NoId::Spiffe)
        } else {
            Ok(uid)
        }
    }

    /// Returns `true` if two issuers could make the same id if these entity types were one, as
    /// aliases of a bundle can make them.
    #[must_use]
    pub fn could_meet(&self, kinds: &[&SmolStr]) -> bool {
        let prefixes = |ids: &'_ IssuerIds| -> Vec<SmolStr> {
            ids.prefixes
                .iter()
                .filter(|(kind, _)| kinds.contains(&kind))
                .map(|(_, prefix)| prefix.clone())
                .collect()
        };
        let all: Vec<(&IssuerIds, Vec<SmolStr>)> =
            self.0.iter().map(|ids| (ids, prefixes(ids))).collect();
        let meet = |one: &SmolStr, other: &SmolStr| {
            one.starts_with(other.as_str()) || other.starts_with(one.as_str())
        };
        all.iter().enumerate().any(|(at, (ids, ones))| {
            all.iter().skip(at + 1).any(|(other_ids, others)| {
                let shares = ids.shares_with(other_ids);
                others.iter().any(|other| {
                    ones.iter()
                        .any(|one| meet(one, other) && !(shares && one == other))
                })
            })
        })
    }

    fn is_others(&self, kind: &str, sub: &str) -> bool {
        let mut prefixes = self
            .0
            .iter()
            .flat_map(|ids| &ids.prefixes)
            .filter(|(known, _)| known == kind);
        prefixes.any(|(_, prefix)| !prefix.is_empty() && sub.starts_with(prefix.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(issuers: &[(&str, &str)]) -> Result<PrincipalIds, AmbiguousIds> {
        let of = |(issuer, prefix): &(&str, &str)| IssuerIds {
            issuer: (*issuer).into(),
            prefixes: vec![("user".into(), (*prefix).into())],
            subjects_of: Vec::new(),
            actors: ActorNames::Subject,
        };
        PrincipalIds::new(issuers.iter().map(of).collect())
    }

    #[test]
    fn prefixes_that_could_meet_are_refused() {
        for (one, other) in [("", ""), ("a:", "a:"), ("a", "ab"), ("ab", "a")] {
            let error = ids(&[("i", one), ("j", other)]).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the issuers `i` and `j` can give the same id to two subjects of the type `user`",
                "{one} {other}"
            );
        }
        assert!(ids(&[("i", ""), ("j", "b:"), ("k", "c:")]).is_ok());
    }

    #[test]
    fn issuers_of_the_same_people_share_their_ids() {
        let of = |issuer: &str, prefix: &str, subjects_of: &[&str]| IssuerIds {
            issuer: issuer.into(),
            prefixes: vec![("user".into(), prefix.into())],
            subjects_of: subjects_of.iter().map(SmolStr::new).collect(),
            actors: ActorNames::Subject,
        };
        for (prefix, listed, good) in [("a|", "i", true), ("a|b", "i", false), ("a|", "k", false)] {
            let ids = PrincipalIds::new(vec![
                of("i", "a|", &[]),
                of("j", prefix, &[listed]),
                of("k", "k|", &[]),
            ]);
            assert_eq!(ids.is_ok(), good, "{prefix} {listed}");
        }
    }

    #[test]
    fn a_subject_has_one_id_or_none() {
        let ids = ids(&[("i", ""), ("j", "j:")]).unwrap();
        let id = |issuer: &str, kind: &str, sub: &str| {
            ids.entity(issuer, kind, sub).map(|uid| uid.to_string())
        };
        assert_eq!(id("i", "user", "alice"), Ok("user:alice".to_owned()));
        assert_eq!(id("j", "user", "alice"), Ok("user:j:alice".to_owned()));
        assert_eq!(id("i", "user", "j:alice"), Err(NoId::Sub));
        assert_eq!(id("i", "user", ""), Err(NoId::Sub));
        assert_eq!(
            id("i", "user", &"s".repeat(MAX_SUB_BYTES)),
            Ok(format!("user:{}", "s".repeat(MAX_SUB_BYTES)))
        );
        assert_eq!(
            id("i", "user", &"s".repeat(MAX_SUB_BYTES + 1)),
            Err(NoId::Sub)
        );
        assert_eq!(id("i", "agent", "alice"), Err(NoId::Kind));
        assert_eq!(id("k", "user", "alice"), Err(NoId::Issuer));
    }

    #[test]
    fn types_that_are_one_must_have_apart_what_two_issuers_put_before_a_subject() {
        let of = |issuer: &str, kind: &str, prefix: &str| IssuerIds {
            issuer: issuer.into(),
            prefixes: vec![(kind.into(), prefix.into())],
            subjects_of: Vec::new(),
            actors: ActorNames::Subject,
        };
        let user = SmolStr::from("user");
        let identity = SmolStr::from("identity");
        for (prefix, meets) in [
            ("", true),
            ("p", true),
            ("p|", true),
            ("p|x", true),
            ("q|", false),
        ] {
            let ids = PrincipalIds::new(vec![of("i", "user", "p|"), of("j", "identity", prefix)])
                .unwrap();
            assert_eq!(ids.could_meet(&[&user, &identity]), meets, "{prefix}");
            assert!(!ids.could_meet(&[&user]) && !ids.could_meet(&[&identity]));
        }
    }

    proptest! {
        #[test]
        fn two_issuers_never_make_one_id(
            one in "[ab:]{0,3}",
            other in "[ab:]{0,3}",
            sub in "[ab:]{1,5}",
            another in "[ab:]{1,5}",
        ) {
            let Ok(ids) = ids(&[("i", &one), ("j", &other)]) else { return Ok(()) };
            let first = ids.entity("i", "user", &sub);
            let second = ids.entity("j", "user", &another);
            if let (Ok(first), Ok(second)) = (first, second) {
                prop_assert_ne!(first, second);
            }
        }
    }
}
