//! Finds the names in written tuples that nobody knew before: a suspension of a misspelt agent
//! stops nobody, and a grant on a misspelt object grants nothing.
//!
//! INVARIANT: such a tuple is written all the same. A name may come before what it names.

use crate::model::{ObjectRef, Tuple, TupleUser};
use crate::stores::Version;

/// Returns the objects and users of these tuples that no entity, no tuple and no policy names, of
/// types whose entities the bundle names at all.
pub(super) fn unknown_names(version: &Version, writes: &[Tuple]) -> Vec<ObjectRef> {
    let Some(bundle) = version.bundle() else {
        return Vec::new();
    };
    let mut unknown: Vec<ObjectRef> = Vec::new();
    for tuple in writes {
        let user = match &tuple.key.user {
            TupleUser::Object(user) | TupleUser::Userset { object: user, .. } => Some(user),
            TupleUser::Wildcard(_) => None,
        };
        for object in user.into_iter().chain([&tuple.key.object]) {
            let is_new = !unknown.contains(object) && !version.graph().speaks_of(object);
            if is_new && bundle.names(object) == Some(false) {
                unknown.push(object.clone());
            }
        }
    }
    unknown
}
