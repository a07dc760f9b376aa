//! Refuses profiles that could accept what they should not.
//!
//! INVARIANT: every profile passes [`Profile::check`] before the service starts.

use super::claim_path::MAX_JOINED;
use super::{ActorForm, Profile, Trust};
use crate::evidence::facts;
use crate::evidence::introspection::IntrospectionEndpoint;
use crate::evidence::jose::media_type;
use crate::evidence::reading::ProfileClaims;
use std::time::Duration;

/// Types of tokens that are never access tokens, whatever a profile lists. They serve an exchange,
/// a proof, a logout or an identification, but many are signed with the same keys as access tokens.
const NEVER: [&str; 8] = [
    "oauth-id-jag+jwt",
    "dpop+jwt",
    "secevent+jwt",
    "logout+jwt",
    "txntoken+jwt",
    "token-introspection+jwt",
    "client-authentication+jwt",
    "aa-person+jwt",
];

/// LIMIT: leeway for clocks that differ. More is a security hole, and machines keep their clocks in
/// step.
const MAX_LEEWAY: Duration = Duration::from_mins(5);

impl Profile {
    /// Lists the problems of the profile; each text is a sentence with its remedy after a
    /// semicolon.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        let mut problems = self.check_audiences();
        problems.extend(facts::check(&self.facts));
        problems.extend(self.check_paths());
        problems.extend(self.check_parties());
        problems.extend(self.check_sources());
        if self.issuer.is_empty() {
            problems.push("it has no name; set `issuer` to what tokens have in `iss`".to_owned());
        }
        if self.types.is_empty() {
            problems.push(
                "it has no types of access tokens; list for example `types = [\"at+jwt\"]`"
                    .to_owned(),
            );
        }
        if let Some(never) = self
            .types
            .iter()
            .find(|kind| NEVER.contains(&media_type(kind).as_str()))
        {
            problems.push(format!(
                "`{never}` is never the type of an access token; remove it from `types`"
            ));
        }
        if self.leeway > MAX_LEEWAY {
            problems.push(format!(
                "its leeway is above {} s; set the clocks right",
                MAX_LEEWAY.as_secs()
            ));
        }
        if self.longest_life.is_zero() {
            problems.push("its tokens may live no time at all; set `longest_life_s`".to_owned());
        }
        problems
    }

    /// Lists the problems with the audiences of its tokens.
    fn check_audiences(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut refuse =
            |problem: &str, remedy: &str| problems.push(format!("{problem}; {remedy}"));
        let secret = matches!(self.trust, Trust::Secret(_));
        if self.audiences.is_empty() && self.client_ids.is_empty() && !secret {
            refuse(
                "it has no audiences, so tokens for any other service would do",
                "list this service's in `audiences`, or, where its tokens have none, \
                 its clients in `client_ids`",
            );
        }
        let audiences = [
            &self.audiences,
            &self.id_token_audiences,
            &self.caller_audiences,
        ];
        if secret
            && (audiences.iter().any(|audiences| !audiences.is_empty())
                || self.introspection.is_some())
        {
            // Without audiences, a token for use in requests could also authenticate a caller.
            refuse(
                "tokens by a shared secret have no audiences",
                "leave out `audiences`, `id_token_audiences`, \
                 `caller_audiences` and `introspection`",
            );
        }
        if self.id_tokens.is_empty() && !self.id_token_audiences.is_empty() {
            refuse(
                "its ID tokens are known by nothing",
                "list claims that only they have in `id_tokens`",
            );
        }
        if let Some(both) = self
            .caller_audiences
            .iter()
            .find(|one| self.audiences.contains(one))
        {
            refuse(
                &format!("`{both}` is an audience of requests' tokens and of callers'"),
                "give this service an audience of its own in `caller_audiences`",
            );
        }
        problems
    }

    /// Lists the problems with the paths of its claims.
    fn check_paths(&self) -> Option<String> {
        let reading = ProfileClaims::of(self);
        let mut paths = reading
            .but_clients()
            .chain(reading.client)
            .chain(&self.claims.actor_client);
        let path = paths.find(|path| path.is_too_long())?;
        Some(format!(
            "its claim `{}` has more than {MAX_JOINED} names joined by dots; give the names as a \
             list",
            path.name()
        ))
    }

    /// Lists the problems with the parties that its tokens name.
    fn check_parties(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut refuse =
            |problem: &str, remedy: &str| problems.push(format!("{problem}; {remedy}"));
        if matches!(self.trust, Trust::Secret(_)) && !self.subjects_of.is_empty() {
            refuse(
                "whoever holds a shared secret could name the users of another issuer",
                "leave out `subjects_of`",
            );
        }
        if self.subjects_of.contains(&self.issuer) {
            refuse(
                "it shares its subjects with itself",
                "list other issuers in `subjects_of`, or leave it out",
            );
        }
        let is_blind = self
            .introspection
            .as_ref()
            .is_some_and(|asked| !asked.carries_act);
        if matches!(self.trust, Trust::Introspection) && is_blind && !self.own_clients.is_empty() {
            refuse(
                "its answers about tokens do not say who acts, so that no client is known \
                 to be a user's own hand",
                "leave out `own_clients`, or set `introspection.carries_act = true` \
                 if answers carry `act`",
            );
        }
        let Self {
            actor_type,
            client_type,
            subject_type,
            ..
        } = self;
        if self.actor != ActorForm::None && actor_type != client_type && actor_type != subject_type
        {
            let types = format!(
                "its actors are of the type `{actor_type}` and its clients of `{client_type}`"
            );
            refuse(
                &format!("{types}, so that one agent would have two ids"),
                "set `actor_type` and `client_type` to the same type",
            );
        }
        for kind in [subject_type, actor_type, client_type] {
            if !self.ids.iter().any(|(known, _)| known == kind) {
                refuse(
                    &format!("it has no ids of the type `{kind}`"),
                    &format!("add `ids.{kind} = \"{{sub}}\"`"),
                );
            }
        }
        problems
    }

    /// Lists the problems with how its tokens are verified.
    fn check_sources(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match &self.trust {
            Trust::Keys { source, algorithms } => {
                problems.extend(
                    source
                        .check()
                        .err()
                        .map(|problem| format!("its keys cannot be fetched: {problem}")),
                );
                if algorithms.is_empty() {
                    problems.push(
                        "it has no algorithms; list for example `algorithms = [\"ES256\"]`"
                            .to_owned(),
                    );
                }
            }
            Trust::Introspection if self.introspection.is_none() => {
                problems.push("it has neither keys nor introspection; set one of them".to_owned());
            }
            Trust::Secret(_) | Trust::Introspection => {}
        }
        problems.extend(
            self.introspection
                .iter()
                .flat_map(IntrospectionEndpoint::check),
        );
        problems
    }
}
