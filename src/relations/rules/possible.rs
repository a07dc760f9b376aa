//! In which relations an object of a type can be at all, whatever the tuples are.
//!
//! **Problem.** A forbid on `a and b` of which `a` takes users and `b` robots forbids nothing, and
//! so does one on `a but not a`; whoever wrote it believes to be protected.
//! **Decision.** A relation is possible where its rewrite is: one part of a union, each part of an
//! intersection, and what is left of a difference unless all of it is taken away again, which is
//! seen where the same relation, or a part of it, stands on both sides. So it is where one part of
//! an intersection takes away what another is in. **Trade-off.** Parts of an intersection that
//! exclude one another by their tuples alone are not seen: possible is no promise.
//!
//! INVARIANT: what is not possible never holds, whatever the tuples and the request.

use super::reach::RelationSet;
use super::{AllowedUser, CompiledRewrite, RelationId, Rules, Terminal};
use crate::model::ModelType;
use crate::relations::graph::NameId;

/// LIMIT: relations that are looked into, one inside of another, to see whether a difference leaves
/// nothing. More than a check follows.
const MAX_DEPTH: usize = 32;

/// LIMIT: comparisons of parts for one difference: a part of a part is compared with each part of
/// the other side.
const MAX_COMPARISONS: usize = 10_000;

/// The relations in which the objects of one type can be.
#[derive(Debug)]
pub struct PossibleRelations<'r> {
    rules: &'r Rules,
    /// None where no tuple can name the type.
    relations: Option<RelationSet>,
}

impl PossibleRelations<'_> {
    /// Returns `true` if an object of the type can be in `kind#relation`.
    #[must_use]
    pub fn has(&self, kind: &ModelType, relation: &str) -> bool {
        let relation = self.rules.find(kind.as_str(), relation);
        relation
            .zip(self.relations.as_ref())
            .is_some_and(|(relation, relations)| relations.has(relation))
    }
}

impl Rules {
    /// Returns the relations in which an object of type `user` can be, whatever the tuples are.
    #[must_use]
    pub fn possible(&self, user: &ModelType) -> PossibleRelations<'_> {
        let user = self.names.now().find(user.as_str());
        PossibleRelations {
            rules: self,
            relations: user.map(|user| self.possible_of(user)),
        }
    }

    /// Begins with none, and adds those that follow from what is there until nothing does: who is
    /// in a relation is there by a path of tuples, which ends.
    fn possible_of(&self, user: NameId) -> RelationSet {
        let mut found = RelationSet::new(self.relations.len());
        let reached = self.reaching(Terminal::Object(user));
        let mut left: Vec<RelationId> = self
            .relations()
            .map(|(id, _)| id)
            .filter(|id| reached.has(*id))
            .collect();
        let mut is_done = false;
        while !is_done {
            let before = left.len();
            left.retain(|id| {
                let follows = self
                    .relation(*id)
                    .is_some_and(|it| self.can(*id, &it.rewrite, user, &found));
                if follows {
                    found.insert(*id);
                }
                !follows
            });
            is_done = left.len() == before;
        }
        found
    }

    /// Whether a rewrite of a relation can hold for the type, where these relations can.
    fn can(
        &self,
        of: RelationId,
        rewrite: &CompiledRewrite,
        user: NameId,
        found: &RelationSet,
    ) -> bool {
        match rewrite {
            CompiledRewrite::This => self.relation(of).is_some_and(|relation| {
                relation
                    .restrictions
                    .iter()
                    .any(|restriction| match restriction.form {
                        AllowedUser::Object | AllowedUser::Everyone => restriction.kind == user,
                        AllowedUser::Userset(name) => self
                            .relation_of(restriction.kind, name)
                            .is_some_and(|relation| found.has(relation)),
                    })
            }),
            CompiledRewrite::Computed(to) => found.has(*to),
            CompiledRewrite::Arrow(arrow) => arrow.computed.iter().any(|(_, to)| found.has(*to)),
            CompiledRewrite::Union(parts) => {
                parts.iter().any(|part| self.can(of, part, user, found))
            }
            CompiledRewrite::Intersection(parts) => {
                parts.iter().all(|part| self.can(of, part, user, found))
                    && !self.exclude_each_other(of, parts)
            }
            CompiledRewrite::Difference(base, taken) => {
                let mut left = MAX_COMPARISONS;
                self.can(of, base, user, found)
                    && !self.is_within((of, base), (of, taken), MAX_DEPTH, &mut left)
            }
        }
    }

    /// Whether one of these parts takes away all that is in another.
    fn exclude_each_other(&self, of: RelationId, parts: &[CompiledRewrite]) -> bool {
        let mut left = MAX_COMPARISONS;
        let mut taken = Vec::new();
        for part in parts {
            self.add_taken((of, part), MAX_DEPTH, &mut left, &mut taken);
        }
        taken.iter().any(|taken| {
            let mut parts = parts.iter();
            parts.any(|part| self.is_within((of, part), *taken, MAX_DEPTH, &mut left))
        })
    }

    /// Adds what nobody in a part is in, as far as its form says so.
    fn add_taken<'r>(
        &'r self,
        part: RewritePart<'r>,
        depth: usize,
        left: &mut usize,
        taken: &mut Vec<RewritePart<'r>>,
    ) {
        let Some(rest) = left.checked_sub(1) else {
            return;
        };
        *left = rest;
        match part.1 {
            CompiledRewrite::Difference(base, away) => {
                taken.push((part.0, away));
                self.add_taken((part.0, base), depth, left, taken);
            }
            CompiledRewrite::Intersection(parts) => {
                for inner in parts {
                    self.add_taken((part.0, inner), depth, left, taken);
                }
            }
            CompiledRewrite::Computed(to) => {
                if let Some((inner, depth)) = self.inside(*to, depth) {
                    self.add_taken(inner, depth, left, taken);
                }
            }
            CompiledRewrite::This | CompiledRewrite::Arrow(_) | CompiledRewrite::Union(_) => {}
        }
    }

    /// Whether all that is in one part is in the other, as far as their form says so. A part is
    /// known by its relation, whose own tuples [`CompiledRewrite::This`] stands for.
    fn is_within(
        &self,
        one: RewritePart<'_>,
        other: RewritePart<'_>,
        depth: usize,
        left: &mut usize,
    ) -> bool {
        let Some(rest) = left.checked_sub(1) else {
            return false;
        };
        *left = rest;
        let mut within = |one: RewritePart<'_>, other: RewritePart<'_>, depth| {
            self.is_within(one, other, depth, left)
        };
        match (one, other) {
            ((a, CompiledRewrite::This), (b, CompiledRewrite::This)) if a == b => return true,
            ((_, CompiledRewrite::Computed(a)), (_, CompiledRewrite::Computed(b))) if a == b => {
                return true;
            }
            ((_, CompiledRewrite::Arrow(a)), (_, CompiledRewrite::Arrow(b)))
                if a.tupleset == b.tupleset && a.name == b.name =>
            {
                return true;
            }
            _ => {}
        }
        let by_other = match other.1 {
            CompiledRewrite::Union(parts) => {
                parts.iter().any(|part| within(one, (other.0, part), depth))
            }
            CompiledRewrite::Intersection(parts) => {
                parts.iter().all(|part| within(one, (other.0, part), depth))
            }
            CompiledRewrite::Computed(to) => self
                .inside(*to, depth)
                .is_some_and(|(inner, depth)| within(one, inner, depth)),
            CompiledRewrite::This | CompiledRewrite::Arrow(_) | CompiledRewrite::Difference(..) => {
                false
            }
        };
        by_other
            || match one.1 {
                CompiledRewrite::Union(parts) => {
                    parts.iter().all(|part| within((one.0, part), other, depth))
                }
                CompiledRewrite::Intersection(parts) => {
                    parts.iter().any(|part| within((one.0, part), other, depth))
                }
                CompiledRewrite::Difference(base, _) => within((one.0, base), other, depth),
                CompiledRewrite::Computed(from) => self
                    .inside(*from, depth)
                    .is_some_and(|(inner, depth)| within(inner, other, depth)),
                CompiledRewrite::This | CompiledRewrite::Arrow(_) => false,
            }
    }

    /// What a relation is made of, one level down.
    fn inside(&self, id: RelationId, depth: usize) -> Option<(RewritePart<'_>, usize)> {
        let depth = depth.checked_sub(1)?;
        self.relation(id)
            .map(|relation| ((id, &relation.rewrite), depth))
    }
}

/// A part of a relation's rewrite, and whose it is.
type RewritePart<'r> = (RelationId, &'r CompiledRewrite);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relations::graph::Graph;
    use crate::relations::model::{AuthorizationModel, ModelFile, read_dsl};

    /// Which of the relations of `doc` a type can be in.
    fn possible(relations: &str, user: &str, asked: &[&str]) -> Vec<bool> {
        let head = "model\n  schema 1.1\ntype user\ntype robot\ntype team\n  relations\n    \
            define all: [user]\n    define both: all and bots\n    define bots: [robot]\n";
        let text = format!("{head}type doc\n  relations\n{relations}");
        let source = read_dsl(ModelFile {
            name: "m.fga",
            text: &text,
        })
        .unwrap();
        let model = AuthorizationModel::of_source(source).unwrap();
        let rules = Rules::compile(&model, &Graph::default()).unwrap();
        let possible = rules.possible(&ModelType::new(user));
        asked
            .iter()
            .map(|relation| possible.has(&ModelType::new("doc"), relation))
            .collect()
    }

    const RELATIONS: &str = "    define a: [user]
    define b: [robot]
    define c: [user, robot, team#both]
    define ab: a and b
    define ac: a and c
    define above: ab or ac
    define owner: [team]
    define nobody: both from owner
    define somebody: all from owner or ab
    define grouped: [team#both]
    define none: a but not a
    define less: c but not a
    define wide: a or b
    define narrow: a but not wide
    define part: (a and c) but not c
    define same: all from owner but not all from owner
    define twice: [user] but not none
    define apart: (a but not c) and c
    define rest: c but not a
    define split: a and rest
    define deep: a and (c and rest)
    define other: c and (c but not ab)
    define c0: a
    define c1: c0
    define c2: c1
    define c3: c2
    define c4: c3
    define c5: c4
    define c6: c5
    define c7: c6
    define c8: c7
    define c9: c8
    define c10: c9
    define c11: c10
    define far: c11 but not a
";

    #[test]
    fn nobody_is_in_what_two_types_would_have_to_share() {
        let asked = [
            "a", "b", "ab", "ac", "above", "nobody", "somebody", "grouped", "c",
        ];
        let of_user = [true, false, false, true, true, false, true, false, true];
        assert_eq!(possible(RELATIONS, "user", &asked), of_user);
        let of_robot = [false, true, false, false, false, false, false, false, true];
        assert_eq!(possible(RELATIONS, "robot", &asked), of_robot);
        assert_eq!(possible(RELATIONS, "nosuch", &["a"]), [false]);
    }

    #[test]
    fn nobody_is_in_what_is_taken_away_again() {
        let asked = ["none", "less", "narrow", "part", "same", "twice"];
        assert_eq!(
            possible(RELATIONS, "user", &asked),
            [false, true, false, false, false, true]
        );
        let asked = ["apart", "rest", "split", "deep", "other", "c11", "far"];
        assert_eq!(
            possible(RELATIONS, "user", &asked),
            [false, true, false, false, true, true, false]
        );
    }
}
