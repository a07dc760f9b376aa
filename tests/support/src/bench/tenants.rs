//! Many policies, one for each tenant and type of resource, as in the performance harness's W2 and
//! W2A.

use super::folders::scattered;
use serde_json::{Value, json};

const KINDS: [&str; 10] = [
    "invoice", "contract", "ticket", "report", "project", "payroll", "asset", "lead", "campaign",
    "order",
];

/// Number of users of each tenant.
const USERS: u32 = 20;

/// The part of a policy that names its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// In its scope: `principal in Group::"t7/member"`.
    InScope,
    /// In its condition: `principal.tenant == "t7"`.
    InCondition,
}

/// A bundle with this many policies.
#[derive(Clone, Copy)]
pub struct Tenants {
    pub policies: u32,
    pub named: Named,
}

impl Tenants {
    fn count(self) -> u32 {
        (self.policies / 10).max(1)
    }

    /// Returns the files of the bundle, without the stored users.
    pub fn files(self) -> Vec<(&'static str, String)> {
        let kinds = KINDS.join(", ");
        let (group, within) = match self.named {
            Named::InScope => ("entity Group;\n", " in [Group]"),
            Named::InCondition => ("", ""),
        };
        let schema = format!(
            "{group}entity user{within} {{ email?: String, tenant?: String, clearance?: Long, roles?: Set<String> }};\n\
             entity {kinds} {{ tenant?: String, sensitivity?: Long, owner?: String }};\n\
             action read, update, delete appliesTo {{ principal: user, resource: [{kinds}] }};\n"
        );
        let pairs = (0..self.count()).flat_map(|tenant| KINDS.map(|kind| (tenant, kind)));
        let policies = pairs
            .take(self.policies.try_into().unwrap())
            .map(|(tenant, kind)| self.policy(tenant, kind));
        let mut files = vec![
            ("schemas/tenants.cedarschema", schema),
            ("policies/tenants.cedar", policies.collect()),
        ];
        if self.named == Named::InScope {
            files.push(("policies/entities.json", self.entities().to_string()));
        }
        files
    }

    fn policy(self, tenant: u32, kind: &str) -> String {
        let (who, mine) = match self.named {
            Named::InScope => (
                format!("principal in Group::\"t{tenant}/member\""),
                String::new(),
            ),
            Named::InCondition => (
                "principal is user".to_owned(),
                format!(
                    "principal has tenant && principal.tenant == \"t{tenant}\" && principal has roles && \
                     principal.roles.contains(\"member\") && "
                ),
            ),
        };
        format!(
            "@id(\"t{tenant}-{kind}\") permit ({who}, action in [Action::\"read\", Action::\"update\"], resource is {kind}) \
             when {{ {mine}resource has tenant && resource.tenant == \"t{tenant}\" && principal has clearance && \
             resource has sensitivity && principal.clearance >= resource.sensitivity && (action == Action::\"read\" || \
             (resource has owner && principal has email && resource.owner == principal.email)) }};\n"
        )
    }

    /// Returns the members of the tenants that questions are about.
    fn entities(self) -> Value {
        let members = (0..QUESTIONS).map(|number| self.user_of(number));
        let members: std::collections::BTreeSet<(u32, u32)> = members.collect();
        let entity = |(tenant, user): &(u32, u32)| {
            json!({
                "uid": {"type": "user", "id": format!("u{user}@t{tenant}")},
                "attrs": {},
                "parents": [{"type": "Group", "id": format!("t{tenant}/member")}],
            })
        };
        members.iter().map(entity).collect()
    }

    fn user_of(self, number: u32) -> (u32, u32) {
        (scattered(number, self.count()), number % USERS)
    }

    /// Returns the question of this number, below [`QUESTIONS`]; together they are about all
    /// tenants and types. It is denied if the user has too little clearance.
    pub fn question(self, number: u32, is_cleared: bool) -> Value {
        let (tenant, user) = self.user_of(number);
        let kind = KINDS.get(usize::try_from(number % 10).unwrap()).unwrap();
        let me = format!("u{user}@t{tenant}");
        json!({
            "subject": {"type": "user", "id": me, "properties": {
                "email": me, "tenant": format!("t{tenant}"), "clearance": if is_cleared { 5 } else { 1 }, "roles": ["member"],
            }},
            "action": {"name": if number.is_multiple_of(3) { "update" } else { "read" }},
            "resource": {"type": kind, "id": format!("{kind}-{number}"), "properties": {
                "tenant": format!("t{tenant}"), "sensitivity": 3, "owner": me,
            }},
            "context": {"channel": "agent"},
        })
    }
}

/// Number of different questions.
pub const QUESTIONS: u32 = 1_000;
