//! The bundles that generated requests are decided by, and what they decide, by hand: everybody may
//! do everything but for a handful of forbids, each of which bites only if what it reads arrives.
//! Whatever is lost on the way turns a denial into a permit.

use crate::generated::names::{SLIPPERY, declared_slip};
use behest::bundle::BundleSource;
use behest::http::Server;
use support::engines;
use support::service::{local, with_engine};

/// What a bundle says of the names that carriers have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum World {
    /// Nothing: `client_id` is nobody's name.
    Plain,
    /// `context.client_id` names an agent.
    Client,
    /// It does, and people have attributes that are called like carriers and their containers.
    Declaring,
}

pub(super) const WORLDS: [World; 3] = [World::Plain, World::Client, World::Declaring];

/// The names that a schema may give to attributes.
pub(super) const SHARED: [&str; 7] = [
    "user",
    "agent",
    "credentials",
    "client_id",
    "subject",
    "context",
    "properties",
];

const SCHEMA: &str = r#"
entity user { risk?: String, level?: Long, boss?: user{declared} };
entity agent { risk?: String, level?: Long, boss?: user };
entity service { risk?: String, level?: Long };
entity doc { status?: String };
entity robot { {slips} };
action other appliesTo { principal: robot, resource: doc, context: { {slips} } };
action read, write appliesTo {
  principal: [user, agent, service], resource: doc,
  context: { purpose?: String, arguments?: { amount?: Long }, action_properties?: { drastic?: Bool } },
};
"#;

const POLICIES: &str = r#"
@id("anybody") permit (principal, action, resource);
@id("evil") forbid (principal == agent::"evil", action, resource);
@id("mallory") forbid (principal == user::"mallory", action, resource);
@id("people") forbid (principal is agent, action, resource == doc::"private");
@id("risk") forbid (principal, action, resource) when { principal has risk && principal.risk == "high" };
@id("level") forbid (principal, action, resource) when { principal has level && principal.level < 3 };
@id("boss") forbid (principal is user, action, resource) when { principal has boss && principal.boss == user::"mallory" };
@id("owner") forbid (principal is agent, action, resource) when { principal has boss && principal.boss == user::"mallory" };
@id("archived") forbid (principal, action, resource) when { resource has status && resource.status == "archived" };
@id("theft") forbid (principal, action, resource) when { context has purpose && context.purpose == "theft" };
@id("amount") forbid (principal, action, resource) when { context has arguments.amount && context.arguments.amount > 100 };
@id("drastic") forbid (principal, action, resource)
when { context has action_properties.drastic && context.action_properties.drastic };
"#;

/// Where it is an attribute, `client_id` is read as one.
const READING: &str = r#"
@id("named") forbid (principal is user, action, resource)
when { principal has client_id && principal.client_id == "evil" };
"#;

const ENTITIES: &str = r#"[
  {"uid": {"type": "user", "id": "alice"}, "attrs": {}, "parents": []},
  {"uid": {"type": "user", "id": "bob"}, "attrs": {}, "parents": []},
  {"uid": {"type": "user", "id": "mallory"}, "attrs": {}, "parents": []},
  {"uid": {"type": "agent", "id": "copilot"}, "attrs": {}, "parents": []},
  {"uid": {"type": "agent", "id": "helper"}, "attrs": {}, "parents": []},
  {"uid": {"type": "agent", "id": "evil"}, "attrs": {}, "parents": []},
  {"uid": {"type": "service", "id": "batch"}, "attrs": {}, "parents": []},
  {"uid": {"type": "doc", "id": "open"}, "attrs": {}, "parents": []},
  {"uid": {"type": "doc", "id": "private"}, "attrs": {}, "parents": []}
]"#;

impl World {
    /// Whether `context.client_id` is a carrier.
    pub(super) fn reads_client(self) -> bool {
        self != Self::Plain
    }

    /// Whether a name is data among the properties of such an entity.
    pub(super) fn declares(self, kind: &str, name: &str) -> bool {
        self == Self::Declaring && kind == "user" && SHARED.contains(&name)
    }

    /// A service that decides by this bundle.
    pub(super) fn server(self) -> Server {
        let declared: String = SHARED
            .iter()
            .filter(|name| self.declares("user", name))
            .map(|name| format!(", \"{name}\"?: String"))
            .collect();
        let slips = SLIPPERY.map(|name| format!("{}?: String", declared_slip(name)));
        let slips = slips.join(", ");
        let mut policies = POLICIES.to_owned();
        if self.declares("user", "client_id") {
            policies.push_str(READING);
        }
        let manifest = if self.reads_client() {
            "[carriers]\nclient_id = \"agent\"\n"
        } else {
            ""
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        engines::write(
            folder.path(),
            &[
                ("policies/bundle.toml", manifest),
                (
                    "schemas/world.cedarschema",
                    &SCHEMA
                        .replace("{declared}", &declared)
                        .replace("{slips}", &slips),
                ),
                ("policies/world.cedar", &policies),
                ("policies/entities.json", ENTITIES),
            ],
        );
        let (server, engine) = with_engine(local());
        if let Err(refused) = engine.load(&BundleSource::Dir(folder.path().to_owned())) {
            panic!(
                "{}",
                behest::bundle::render(&refused.problems, &refused.files, false)
            );
        }
        server
    }
}

/// A member of a chain, by type and id.
pub(super) type Uid = (&'static str, &'static str);

/// Whether somebody is denied whatever else a request says, or for which document.
pub(super) fn is_unwelcome((kind, id): Uid, doc: &str) -> bool {
    let is_agent = kind == "agent";
    (is_agent && (id == "evil" || doc == "private")) || (kind == "user" && id == "mallory")
}
