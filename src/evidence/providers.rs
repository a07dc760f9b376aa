//! Presets for hosted identity providers, and for platforms that issue tokens to their workloads;
//! each follows the documentation of its provider.

use super::KeySource;
use super::profile::{
    ActorForm, AutonomousClaim, ClaimMark, ClaimPath, ClaimPaths, Profile, Trust,
};
use jsonwebtoken::Algorithm;
use smol_str::SmolStr;

/// Returns Auth0's profile: its own form of access tokens, and that of RFC 9068. The subject of a
/// machine's token is `<client>@clients`.
pub(super) fn auth0(standard: Profile) -> Profile {
    Profile {
        types: types(&["jwt", "at+jwt"]),
        id_tokens: marks(&["nonce", "at_hash", "c_hash", "sid"]),
        claims: ClaimPaths {
            client: paths(&["azp", "client_id"]),
            ..standard.claims.clone()
        },
        autonomous: vec![
            AutonomousClaim::value("gty", "client-credentials"),
            AutonomousClaim::client("sub", "", "@clients"),
        ],
        ..standard
    }
}

/// Returns Okta's profile: `sub` of a user is the login, which may be reassigned; `uid` does not
/// change, and is the `sub` of ID tokens.
pub(super) fn okta(standard: Profile) -> Profile {
    Profile {
        types: types(&["", "jwt", "at+jwt"]),
        required: marks(&["cid"]),
        id_tokens: marks(&["nonce", "at_hash", "c_hash", "idp"]),
        claims: ClaimPaths {
            subject: paths(&["uid", "sub"]),
            client: paths(&["cid"]),
            scopes: paths(&["scp"]),
            ..standard.claims.clone()
        },
        of_users: paths(&["uid"]),
        only_of_users: paths(&["uid"]),
        ..standard
    }
}

/// Returns the profile of Amazon Cognito's user pools: access tokens have no audience; they name
/// the client to which they were issued.
pub(super) fn cognito(standard: Profile) -> Profile {
    Profile {
        types: types(&["", "jwt"]),
        required: vec![
            ClaimMark::one_of("token_use", &["access"]),
            ClaimMark::any("client_id"),
        ],
        id_tokens: vec![ClaimMark::one_of("token_use", &["id"])],
        claims: ClaimPaths {
            client: paths(&["client_id"]),
            groups: paths(&["cognito:groups"]),
            roles: Vec::new(),
            ..standard.claims.clone()
        },
        of_users: paths(&["username"]),
        only_of_users: paths(&["username"]),
        ..standard
    }
}

/// The ending of the addresses of Google's service accounts.
pub(super) const GOOGLE_ACCOUNTS: &str = "*.gserviceaccount.com";

/// Returns Google's profile: all the tokens that it signs are ID tokens. Those of service accounts,
/// by which workloads authenticate to services, contain the account's address; those of people
/// accompany another credential.
pub(super) fn google(standard: Profile) -> Profile {
    Profile {
        types: types(&["jwt"]),
        required: vec![
            ClaimMark::one_of("email", &[GOOGLE_ACCOUNTS]),
            ClaimMark::one_of("email_verified", &["true"]),
            ClaimMark::any("azp"),
        ],
        id_tokens: marks(&[
            "nonce",
            "at_hash",
            "c_hash",
            "name",
            "given_name",
            "picture",
        ]),
        // `azp` is the account's number or its address, so an account is recognised by its number
        // alone. A token with a person's name is an ID token, so that none of a person's is left.
        of_users: paths(&["name"]),
        claims: ClaimPaths {
            client: Vec::new(),
            scopes: Vec::new(),
            roles: Vec::new(),
            groups: Vec::new(),
            ..standard.claims.clone()
        },
        actor: ActorForm::None,
        ..standard
    }
}

/// Returns the profile of GitHub Actions, whose subjects are jobs of workflows.
pub(super) fn github_actions(standard: Profile) -> Profile {
    let required = marks(&["repository_id", "job_workflow_ref"]);
    Profile {
        types: types(&["jwt"]),
        required,
        ..workloads(standard)
    }
}

/// Returns the profile of Kubernetes: a service account, by the token that is projected into its
/// pods.
pub(super) fn kubernetes(standard: Profile) -> Profile {
    Profile {
        types: types(&["", "jwt"]),
        required: marks(&["kubernetes.io"]),
        ..workloads(standard)
    }
}

/// Returns the profile of AWS: a role, by the identity tokens of STS.
pub(super) fn aws(standard: Profile) -> Profile {
    let source = KeySource::Discovery(standard.issuer.to_string());
    Profile {
        trust: Trust::Keys {
            source,
            algorithms: vec![Algorithm::RS256, Algorithm::ES384],
        },
        types: types(&["", "jwt"]),
        required: marks(&["https://sts.amazonaws.com/"]),
        ..workloads(standard)
    }
}

/// Returns the profile of a platform that issues tokens to its workloads: each token is its
/// subject's own, and there are no users, clients or scopes.
fn workloads(standard: Profile) -> Profile {
    Profile {
        id_tokens: Vec::new(),
        subject_type: "agent".into(),
        ids: vec![("agent".into(), SmolStr::default())],
        claims: ClaimPaths {
            subject: paths(&["sub"]),
            ..ClaimPaths::default()
        },
        actor: ActorForm::None,
        ..standard
    }
}

fn types(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn marks(claims: &[&str]) -> Vec<ClaimMark> {
    claims.iter().map(|claim| ClaimMark::any(claim)).collect()
}

fn paths(names: &[&str]) -> Vec<ClaimPath> {
    names.iter().map(|name| ClaimPath::new(*name)).collect()
}
