//! Which claims reading takes from a token, by its issuer's profile, and what for.
//!
//! **Problem.** What compares a token with its issuer's answer, and what looks for claims that a
//! token does not hold, must know every claim that reading takes. A list of their own forgets the
//! next one.
//! **Decision.** The list is made here, from the whole profile: a new member of a profile or of its
//! claims does not compile until it has a place in it, and whoever uses the list names each of its
//! parts.

use super::profile::{ClaimMark, ClaimPath, Claims, Profile};

/// Claims whose form no setting changes that decide who is named, until when, for whom, and what is
/// bound.
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

/// Claims that become facts of every token, and that answers often leave out.
pub(super) const FACTS: [&str; 5] = ["acr", "amr", "auth_time", "jti", "sid"];

/// The claims that a profile names, by their use.
pub(super) struct Reading<'a> {
    /// The subject: the first that is there.
    pub(super) subject: &'a [ClaimPath],
    /// The client: all that are there.
    pub(super) client: &'a [ClaimPath],
    /// Scopes: the first that is there.
    pub(super) scopes: &'a [ClaimPath],
    /// Roles: all of them.
    pub(super) roles: &'a [ClaimPath],
    /// Groups: all of them.
    pub(super) groups: &'a [ClaimPath],
    /// What says that a client acts for itself.
    pub(super) autonomous: Vec<&'a ClaimPath>,
    /// What tells a user's token from a client's.
    pub(super) of_users: &'a [ClaimPath],
    /// What says whose account the subject is.
    pub(super) accounts: &'a [ClaimPath],
    /// What no client's own token has.
    pub(super) only_of_users: &'a [ClaimPath],
    /// What an access token must have.
    pub(super) required: Vec<&'a ClaimPath>,
    /// What an ID token is known by.
    pub(super) id_tokens: &'a [ClaimMark],
    /// What becomes a fact by a setting.
    pub(super) facts: Vec<&'a ClaimPath>,
}

impl<'a> Reading<'a> {
    /// The claims that this profile's tokens are read by. No member of it is left out unseen.
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
            // No claims of a setting's: how tokens are verified, and what is made of what they
            // hold.
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
        // `actor_client` is read inside `act`, which is compared whole.
        let Claims {
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

    /// Those that decide whom a token names and of which kind it is: one that is elsewhere cannot
    /// be unknown alone.
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

    /// All of them but the client's.
    pub(super) fn but_clients(&self) -> impl Iterator<Item = &'a ClaimPath> + '_ {
        let is_clients = |path: &&ClaimPath| self.client.contains(path);
        let lists = [self.scopes, self.roles, self.groups];
        self.deciding()
            .chain(lists.into_iter().flatten())
            .chain(self.facts.iter().copied())
            .filter(move |path| !is_clients(path))
    }
}
