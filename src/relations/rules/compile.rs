//! Compiles the definition of a model to rules.

use super::reach::ReachSets;
use super::{
    AllowedUser, Arrow, CompiledRestriction, CompiledRewrite, Contribution, Incoming, Relation,
    RelationId, RelationSet, Rules,
};
use crate::relations::graph::{Graph, GraphError, NameId, NameTable, names_of};
use crate::relations::model::{self, AuthorizationModel, RestrictionForm, TypeDefinition};
use foldhash::HashMap;
use std::sync::{Arc, OnceLock};

/// Why a model cannot be used in a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The store cannot hold the names of the model.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A rewrite names a relation that the model does not define; this is impossible in a valid
    /// model.
    #[error("the model names `{0}`, which it does not define")]
    Undefined(String),
}

impl Rules {
    /// Compiles a model for the store whose tuples `graph` holds. The rules are valid for this
    /// version and all others with the same names.
    pub fn compile(model: &AuthorizationModel, graph: &Graph) -> Result<Self, RulesError> {
        let names = Arc::clone(graph.names());
        // All names are added at once: each addition by itself would copy the table.
        names.add(names_of(model))?;
        let mut rules = Self {
            names: Arc::clone(&names),
            model: model.clone(),
            relations: Vec::new(),
            index: HashMap::default(),
            kinds: HashMap::default(),
            incoming: Vec::new(),
            reach: ReachSets::default(),
            conditional: Vec::new(),
        };
        let mut count = 0;
        for kind in model.types() {
            let kind_id = names.id(&kind.name)?;
            let place = rules.kinds.len();
            rules.kinds.insert(kind_id, place);
            for relation in &kind.relations {
                rules
                    .index
                    .insert((kind_id, names.id(&relation.name)?), RelationId(count));
                count += 1;
            }
        }
        for kind in model.types() {
            for relation in &kind.relations {
                rules
                    .relations
                    .push(rules.relation_from(&names, kind, relation)?);
            }
        }
        rules.incoming = rules.incoming_by_relation();
        rules.mark_monotone();
        rules.mark_flat();
        rules.reach = ReachSets::new(rules.kinds.len(), rules.relations.len());
        rules
            .conditional
            .resize_with(rules.relations.len(), OnceLock::new);
        Ok(rules)
    }

    fn relation_from(
        &self,
        names: &NameTable,
        kind: &TypeDefinition,
        relation: &model::RelationDefinition,
    ) -> Result<Relation, RulesError> {
        let mut restrictions = Vec::with_capacity(relation.restrictions.len());
        for restriction in &relation.restrictions {
            let form = match &restriction.form {
                RestrictionForm::Object => AllowedUser::Object,
                RestrictionForm::Wildcard => AllowedUser::Everyone,
                RestrictionForm::Userset(name) => AllowedUser::Userset(names.id(name)?),
            };
            let kind = names.id(&restriction.kind)?;
            restrictions.push(CompiledRestriction {
                kind,
                form,
                condition: restriction.condition.clone(),
            });
        }
        let kind_id = names.id(&kind.name)?;
        let rewrite = self.rewrite_from(names, kind, &relation.rewrite)?;
        // `is_monotone` and `is_flat` are set when all relations are known.
        let name = names.id(&relation.name)?;
        Ok(Relation {
            kind: kind_id,
            name,
            rewrite,
            restrictions,
            is_monotone: false,
            is_flat: false,
        })
    }

    fn rewrite_from(
        &self,
        names: &NameTable,
        kind: &TypeDefinition,
        rewrite: &model::Rewrite,
    ) -> Result<CompiledRewrite, RulesError> {
        let all = |children: &[model::Rewrite]| -> Result<Vec<CompiledRewrite>, RulesError> {
            children
                .iter()
                .map(|child| self.rewrite_from(names, kind, child))
                .collect()
        };
        let own = |relation: &str| {
            let found = self.relation_of(names.id(&kind.name)?, names.id(relation)?);
            found.ok_or_else(|| RulesError::Undefined(format!("{}#{relation}", kind.name)))
        };
        Ok(match rewrite {
            model::Rewrite::This => CompiledRewrite::This,
            model::Rewrite::Computed(relation) => CompiledRewrite::Computed(own(relation)?),
            model::Rewrite::FromTupleset { tupleset, computed } => {
                let on = self.arrow_targets(names, kind, tupleset, computed)?;
                CompiledRewrite::Arrow(Arrow {
                    tupleset: own(tupleset)?,
                    name: names.id(computed)?,
                    computed: on,
                })
            }
            model::Rewrite::Union(children) => CompiledRewrite::Union(all(children)?),
            model::Rewrite::Intersection(children) => CompiledRewrite::Intersection(all(children)?),
            model::Rewrite::Difference { base, subtract } => CompiledRewrite::Difference(
                Box::new(self.rewrite_from(names, kind, base)?),
                Box::new(self.rewrite_from(names, kind, subtract)?),
            ),
        })
    }

    /// Returns the relation `computed` of each type that the tupleset's tuples may name.
    fn arrow_targets(
        &self,
        names: &NameTable,
        kind: &TypeDefinition,
        tupleset: &str,
        computed: &str,
    ) -> Result<Vec<(NameId, RelationId)>, RulesError> {
        let mut on = Vec::new();
        let computed = names.id(computed)?;
        for restriction in kind
            .relation(tupleset)
            .map(|it| it.restrictions.as_slice())
            .unwrap_or_default()
        {
            let parent = names.id(&restriction.kind)?;
            if let Some(target) = self.relation_of(parent, computed)
                && !on.contains(&(parent, target))
            {
                on.push((parent, target));
            }
        }
        Ok(on)
    }

    /// Returns the model in the opposite direction: for each relation, those that it contributes
    /// to.
    fn incoming_by_relation(&self) -> Vec<Vec<Incoming>> {
        let mut incoming: Vec<Vec<Incoming>> = self.relations.iter().map(|_| Vec::new()).collect();
        for (to, relation) in self.relations() {
            for (from, how) in self.generators(relation, &relation.rewrite) {
                let Some(known) = incoming.get_mut(from.at()) else {
                    continue;
                };
                if !known.iter().any(|it| it.to == to && it.how == how) {
                    known.push(Incoming { to, how });
                }
            }
        }
        incoming
    }

    /// Returns the relations that the members of the rewrite come from, apart from users that its
    /// own tuples name. The first operand of an intersection suffices, and so does the base of a
    /// difference.
    pub(super) fn generators(
        &self,
        relation: &Relation,
        rewrite: &CompiledRewrite,
    ) -> Vec<(RelationId, Contribution)> {
        match rewrite {
            CompiledRewrite::This => self
                .contributions(relation)
                .filter(|(_, how)| *how == Contribution::Userset)
                .collect(),
            CompiledRewrite::Computed(_) | CompiledRewrite::Arrow(_) => rewrite.contributions(),
            CompiledRewrite::Union(children) => children
                .iter()
                .flat_map(|child| self.generators(relation, child))
                .collect(),
            CompiledRewrite::Intersection(children) => children
                .first()
                .map(|child| self.generators(relation, child))
                .unwrap_or_default(),
            CompiledRewrite::Difference(base, _) => self.generators(relation, base),
        }
    }

    /// Marks the monotone relations. A relation is monotone if it and all relations below it are
    /// unions, so a relation that is not monotone makes all relations above it not monotone.
    fn mark_monotone(&mut self) {
        let mut above: Vec<Vec<RelationId>> = self.relations.iter().map(|_| Vec::new()).collect();
        let mut left = Vec::new();
        for (id, relation) in self.relations() {
            if !relation.rewrite.is_union() {
                left.push(id);
            }
            for (below, _) in self.contributions(relation) {
                if let Some(known) = above.get_mut(below.at()) {
                    known.push(id);
                }
            }
        }
        let mut mixed = RelationSet::new(self.relations.len());
        while let Some(id) = left.pop() {
            if mixed.insert(id) {
                left.extend(above.get(id.at()).into_iter().flatten().copied());
            }
        }
        for (id, relation) in (0..).map(RelationId).zip(&mut self.relations) {
            relation.is_monotone = !mixed.has(id);
        }
    }

    fn mark_flat(&mut self) {
        let is_plain = |relation: &Relation| {
            relation.rewrite.is_this()
                && relation
                    .restrictions
                    .iter()
                    .all(|it| !matches!(it.form, AllowedUser::Userset(_)))
        };
        let flat: Vec<bool> = self
            .relations
            .iter()
            .map(|relation| {
                relation.restrictions.iter().all(|it| match it.form {
                    AllowedUser::Object | AllowedUser::Everyone => it.condition.is_none(),
                    AllowedUser::Userset(name) => {
                        let target = self
                            .relation_of(it.kind, name)
                            .and_then(|id| self.relation(id));
                        it.condition.is_none() && target.is_some_and(is_plain)
                    }
                })
            })
            .collect();
        for (relation, is_flat) in self.relations.iter_mut().zip(flat) {
            relation.is_flat = is_flat;
        }
    }
}
