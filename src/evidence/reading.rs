//! Lists the claims that are read from a token by its issuer's profile, by their use.
//!
//! **Problem.** The code that compares a token with its issuer's answer, and the code that looks
//! for claims missing from a token, must know every claim that is read. If each had its own list, a
//! new claim would be forgotten there.
//! **Decision.** The list is made here from the whole profile. A new member of a profile or of its
//! claims does not compile until it is handled here, and every user of the list names each of its
//! parts.

use super::profile::{ClaimMark, ClaimPath, ClaimPaths, Profile};
use crate::model::Record;
use smol_str::SmolStr;

/// Claims in a fixed form that decide who is named, until when and for whom the token is good, and
/// to what it is bound.
pub(super) const DECIDING: [&str; 14] = [
    "iss",
    "sub",
    "sub_profile",
    "client_profile",
    "aud",
    "exp",
    "nbf",
    "iat",
    "act",
    "cnf",
    "authorization_details",
    "events",
    "typ",
    "token_type",
];

/// Claims that become facts of every token, and that introspection answers often leave out.
pub(super) const FACTS: [&str; 5] = ["acr", "amr", "auth_time", "jti", "sid"];

/// The claims that a profile names, by their use.
pub(super) struct ProfileClaims<'a> {
    /// The subject: the first claim that is present.
    pub(super) subject: &'a [ClaimPath],
    /// The client: all claims that are present.
    pub(super) client: &'a [ClaimPath],
    /// Scopes: the first claim that is present.
    pub(super) scopes: &'a [ClaimPath],
    /// Roles: all claims that are present.
    pub(super) roles: &'a [ClaimPath],
    /// Groups: all claims that are present.
    pub(super) groups: &'a [ClaimPath],
    /// Claims that say that a client acts for itself.
    pub(super) autonomous: Vec<&'a ClaimPath>,
    /// Claims that distinguish a user's token from a client's.
    pub(super) of_users: &'a [ClaimPath],
    /// Claims that say whose account the subject is.
    pub(super) accounts: &'a [ClaimPath],
    /// Claims that no client's own token has.
    pub(super) only_of_users: &'a [ClaimPath],
    /// Claims that an access token must have.
    pub(super) required: Vec<&'a ClaimPath>,
    /// Claims by which an ID token is recognised.
    pub(super) id_tokens: &'a [ClaimMark],
    /// Claims that become facts by a setting.
    pub(super) facts: Vec<&'a ClaimPath>,
}

impl<'a> ProfileClaims<'a> {
    /// Lists the claims by which this profile's tokens are read. The patterns name every member, so
    /// that none can be forgotten.
    pub(super) fn of(profile: &'a Profile) -> Self {
        let Profile {
            claims,
            autonomous,
            of_users,
            accounts,
            only_of_users,
            required,
            id_tokens,
            facts,
            // These settings name no claims: they say how tokens are verified and how their
            // contents are used.
            issuer: _,
            trust: _,
            introspection: _,
            audiences: _,
            client_ids: _,
            id_token_audiences: _,
            caller_audiences: _,
            types: _,
            id_tokens_alone: _,
            leeway: _,
            longest_life: _,
            ids: _,
            subject_type: _,
            actor_type: _,
            client_type: _,
            subjects_of: _,
            own_clients: _,
            overage: _,
            actor: _,
            details: _,
        } = profile;
        // `actor_client` is read inside `act`, which is compared as a whole.
        let ClaimPaths {
            subject,
            client,
            scopes,
            roles,
            groups,
            actor_client: _,
        } = claims;
        Self {
            subject,
            client,
            scopes,
            roles,
            groups,
            autonomous: autonomous
                .iter()
                .map(|autonomous| &autonomous.claim)
                .collect(),
            of_users,
            accounts,
            only_of_users,
            required: required.iter().map(|mark| &mark.claim).collect(),
            id_tokens,
            facts: facts.iter().map(|rule| &rule.claim).collect(),
        }
    }

    /// Iterates over the claims that decide whom a token names and of which kind it is: if the
    /// value of such a claim is elsewhere, the token is refused, since more than a fact would be
    /// unknown.
    pub(super) fn deciding(&self) -> impl Iterator<Item = &'a ClaimPath> + '_ {
        let Self {
            subject,
            client,
            scopes: _,
            roles: _,
            groups: _,
            autonomous,
            of_users,
            accounts,
            only_of_users,
            required,
            id_tokens,
            facts: _,
        } = self;
        let (parties, marks) = (
            subject
                .iter()
                .chain(*client)
                .chain(*of_users)
                .chain(*accounts)
                .chain(*only_of_users),
            id_tokens.iter().map(|mark| &mark.claim),
        );
        parties
            .chain(autonomous.iter().copied())
            .chain(required.iter().copied())
            .chain(marks)
    }

    /// Returns all claims by their purpose: what is read for one of them is not read for another.
    /// The claims of the client are last.
    pub(super) fn by_purpose(&self) -> [Vec<&'a ClaimPath>; 12] {
        let Self {
            subject,
            client,
            scopes,
            roles,
            groups,
            autonomous,
            of_users,
            accounts,
            only_of_users,
            required,
            id_tokens,
            facts,
        } = self;
        [
            subject.iter().collect(),
            scopes.iter().collect(),
            roles.iter().collect(),
            groups.iter().collect(),
            autonomous.clone(),
            of_users.iter().collect(),
            accounts.iter().collect(),
            only_of_users.iter().collect(),
            required.clone(),
            id_tokens.iter().map(|mark| &mark.claim).collect(),
            facts.clone(),
            client.iter().collect(),
        ]
    }

    /// Iterates over the places in these claims where a party is read by its name: the first
    /// subject, and every client.
    pub(super) fn parties_in(&self, claims: &Record) -> impl Iterator<Item = &'a Vec<SmolStr>> {
        let subject = self
            .subject
            .iter()
            .find_map(|path| path.found_in(claims).next());
        let clients = self.client.iter();
        subject
            .into_iter()
            .chain(clients.flat_map(move |path| path.found_in(claims)))
    }

    /// Iterates over all claims except those of the client.
    pub(super) fn but_clients(&self) -> impl Iterator<Item = &'a ClaimPath> + '_ {
        let is_clients = |path: &&ClaimPath| self.client.contains(path);
        let lists = [self.scopes, self.roles, self.groups];
        self.deciding()
            .chain(lists.into_iter().flatten())
            .chain(self.facts.iter().copied())
            .filter(move |path| !is_clients(path))
    }
}
