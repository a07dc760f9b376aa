//! Issuers with settings of their own: where each has a client's name, what it has around it, of
//! which type its actors are, and how it knows accounts.

use super::Dice;
use crate::world::profile;
use behest::evidence::{
    ActorForm, AutonomousClaim, ClaimPath, ClaimPaths, IntrospectionEndpoint, Preset, Profile,
    Trust,
};
use std::time::Duration;
use support::web::Web;

/// Who is behind a token, or one of its actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    /// Somebody, by the name that they have chosen.
    Person(&'static str),
    /// A client, by its id.
    Client(&'static str),
}

/// Where an actor's client is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActorClient {
    /// In `sub`.
    Sub,
    /// In `sub`, by a setting.
    SetSub,
    /// In `client_id` or `azp`; `sub` is an account's number.
    Claims,
}

/// How a client's own token is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accounts {
    /// By `sub`, with something around its id or nothing.
    Sub,
    /// As Keycloak's: by hosts, and by a name that people may choose, who have sessions.
    Keycloak,
    /// By hosts. People may choose the name, and have nothing that only they have.
    Chosen,
    /// By a name that the issuer gives.
    Given,
}

/// Whether the issuer is asked about its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// It publishes keys.
    Never,
    /// Its answers say who acts.
    Whole,
    /// Its answers do not.
    Blind,
}

/// An issuer and its settings.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) name: String,
    pub(super) form: ActorForm,
    /// What its clients' own tokens have around the client's id in `sub`.
    pub(super) around: Option<(&'static str, &'static str)>,
    pub(super) client_type: &'static str,
    pub(super) actor_type: &'static str,
    pub(super) actor_client: ActorClient,
    /// Whether people are named by `preferred_username`.
    pub(super) by_name: bool,
    pub(super) accounts: Accounts,
    /// Clients that are a user's own hand.
    pub(super) hands: &'static [&'static str],
    pub(super) asking: Asking,
}

impl Issuer {
    /// An issuer of any settings that fit each other.
    pub(super) fn any(dice: &mut Dice, at: usize) -> Self {
        let form = match dice.below(10) {
            0..=5 => ActorForm::Rfc8693,
            6 | 7 => ActorForm::Inverted,
            8 => ActorForm::List,
            _ => ActorForm::None,
        };
        let accounts = match dice.below(10) {
            _ if form != ActorForm::Rfc8693 => Accounts::Sub,
            0..=5 => Accounts::Sub,
            6 | 7 => Accounts::Keycloak,
            8 => Accounts::Chosen,
            _ => Accounts::Given,
        };
        let is_plain = accounts == Accounts::Sub;
        let arounds = [("client-", ""), ("", "@clients"), ("c|", "|x")];
        let around = (is_plain && dice.chance(55)).then(|| arounds[dice.below(3)]);
        let client_type = dice.one(&["agent", "agent", "service"]);
        let actor_client = match dice.below(6) {
            _ if !is_plain => ActorClient::Claims,
            0 => ActorClient::Claims,
            1 => ActorClient::SetSub,
            _ => ActorClient::Sub,
        };
        let asking = match dice.below(8) {
            0 | 1 => Asking::Whole,
            2 if form == ActorForm::Rfc8693 => Asking::Blind,
            _ => Asking::Never,
        };
        let hands: [&'static [&'static str]; 4] = [&[], &["web"], &["web"], &["*"]];
        Self {
            name: format!("i{at}"),
            form,
            around,
            client_type,
            actor_type: if dice.chance(30) { "user" } else { client_type },
            actor_client,
            by_name: is_plain && around.is_none() && dice.chance(70),
            accounts,
            hands: if asking == Asking::Blind {
                &[]
            } else {
                hands[dice.below(4)]
            },
            asking,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}.example", self.name)
    }

    /// The id that a party has, wherever it is named.
    pub(super) fn id(&self, party: Party) -> String {
        match party {
            Party::Person(name) if self.by_name => format!("user:{}|{name}", self.name),
            Party::Person(name) => format!("user:{}|s-{name}", self.name),
            Party::Client(id) => format!("{}:{}|{id}", self.client_type, self.name),
        }
    }

    pub(super) fn is_hand(&self, client: &str) -> bool {
        self.hands
            .iter()
            .any(|hand| *hand == client || *hand == "*")
    }

    /// Its profile, with keys there, and where it is asked.
    pub(super) fn profile(&self, keys: &Web, endpoint: &Web) -> Profile {
        let like = |preset: Preset| preset.profile("");
        let mut profile = Profile {
            issuer: self.url().into(),
            actor: self.form,
            client_type: self.client_type.into(),
            actor_type: self.actor_type.into(),
            ids: ["user", "agent", "service"]
                .map(|kind| (kind.into(), format!("{}|", self.name).into()))
                .into(),
            claims: ClaimPaths {
                subject: vec![ClaimPath::new(if self.by_name {
                    "preferred_username"
                } else {
                    "sub"
                })],
                actor_client: match self.actor_client {
                    ActorClient::Sub => Vec::new(),
                    ActorClient::SetSub => vec![ClaimPath::new("sub")],
                    ActorClient::Claims => like(Preset::Keycloak).claims.actor_client,
                },
                ..like(Preset::Standard).claims
            },
            autonomous: match self.accounts {
                Accounts::Sub => self
                    .around
                    .map(|(before, after)| AutonomousClaim::client("sub", before, after))
                    .into_iter()
                    .collect(),
                Accounts::Keycloak | Accounts::Chosen => like(Preset::Keycloak).autonomous,
                Accounts::Given => vec![AutonomousClaim::client("name", "service-account-", "")],
            },
            own_clients: self.hands.iter().map(|hand| (*hand).into()).collect(),
            ..profile(keys)
        };
        if self.accounts == Accounts::Keycloak {
            profile.only_of_users = like(Preset::Keycloak).only_of_users;
        }
        if self.asking != Asking::Never {
            profile.trust = Trust::Introspection;
            profile.introspection = Some(IntrospectionEndpoint {
                url: endpoint.url.clone(),
                client_id: "pdp".to_owned(),
                client_secret: None,
                keep: Duration::ZERO,
                signed: None,
                carries_act: self.asking == Asking::Whole,
            });
        }
        profile
    }
}
