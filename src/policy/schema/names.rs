//! Determines the names by which requests call actions.
//!
//! **Decision.** An action has one name: its id, if only one namespace declares it, and otherwise
//! the qualified name, `Photos::Action::"view"`. If an action had two names, a condition on a tuple
//! that covers it by one name would not cover the other, and a condition that excludes one name
//! could be circumvented.
//!
//! INVARIANT: no two actions have the same name, and for one resource an action has at most one
//! specialised member.

use crate::model::{Place, Problem, Problems};
use cedar_policy_core::ast::EntityUID;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// Returns the name of each action, or reports the actions that cannot be told apart. `place`
/// returns where an action is declared.
pub(super) fn names<'a>(
    actions: impl Iterator<Item = &'a EntityUID>,
    place: impl Fn(&EntityUID) -> Option<Place>,
) -> Result<BTreeMap<&'a EntityUID, SmolStr>, Problems> {
    let mut by_id: BTreeMap<&str, BTreeSet<&EntityUID>> = BTreeMap::new();
    for uid in actions {
        by_id.entry(uid.eid().as_ref()).or_default().insert(uid);
    }
    let mut names = BTreeMap::new();
    let mut owners: BTreeMap<SmolStr, &EntityUID> = BTreeMap::new();
    let mut problems = Vec::new();
    for (id, uids) in by_id {
        let is_alone = uids.len() == 1;
        for uid in uids {
            let name = if is_alone {
                SmolStr::new(id)
            } else {
                whole(uid)
            };
            match owners.get(&name) {
                Some(other) => {
                    let message =
                        format!("`{name}` would be the name of two actions, `{uid}` and `{other}`");
                    let mut problem = Problem::new(message).help("rename one of the two");
                    (problem.place, problem.also) = (place(uid), place(other));
                    problems.push(problem);
                }
                None => {
                    owners.insert(name.clone(), uid);
                    names.insert(uid, name);
                }
            }
        }
    }
    Problems(problems).into_result().map(|()| names)
}

/// Returns the name of an action with its namespace, as policies write it.
pub(super) fn whole(uid: &EntityUID) -> SmolStr {
    uid.to_string().into()
}
