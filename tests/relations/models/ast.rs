//! An authorization model as the tests have it.

use behest::relations::condition::ParameterType;
use behest::relations::model::{
    ConditionDefinition, ModelDefinition, ModuleOrigin, RelationDefinition, Restriction,
    RestrictionForm, Rewrite, SchemaVersion, TypeDefinition,
};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ast {
    pub(super) schema: &'static str,
    pub(super) kinds: Vec<Kind>,
    pub(super) conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kind {
    pub(super) name: String,
    /// The module that declares it, where the model is written as modules.
    pub(super) module: usize,
    pub(super) relations: Vec<Relation>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Relation {
    pub(super) name: String,
    /// Another module than the type's extends the type.
    pub(super) module: usize,
    pub(super) body: Body,
    /// What [`Body::Direct`] allows.
    pub(super) allowed: Vec<Allowed>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    Direct,
    Named(String),
    From { computed: String, tupleset: String },
    Or(Vec<Body>),
    And(Vec<Body>),
    ButNot(Box<[Body; 2]>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Allowed {
    pub(super) kind: String,
    pub(super) form: Form,
    pub(super) condition: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    One,
    Everyone,
    Set(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) module: usize,
    pub(super) expression: String,
    pub(super) parameters: Vec<(String, Param)>,
    /// Whether it must not compile.
    pub(super) is_wrong: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Param {
    Scalar(&'static str),
    List(Box<Param>),
    Map(Box<Param>),
}

/// The modules of a model: name and file of each, and the order in which the manifest names them.
#[derive(Clone, Debug)]
pub(super) struct Modules {
    pub(super) named: Vec<(String, String)>,
    pub(super) order: Vec<usize>,
}

impl Body {
    pub(super) fn parts(&self) -> Vec<&Body> {
        match self {
            Self::Direct | Self::Named(_) | Self::From { .. } => Vec::new(),
            Self::Or(parts) | Self::And(parts) => parts.iter().collect(),
            Self::ButNot(parts) => parts.iter().collect(),
        }
    }

    /// Itself, and all that it is made of.
    pub(super) fn all(&self) -> Vec<&Body> {
        let below = self.parts().into_iter().flat_map(Body::all);
        std::iter::once(self).chain(below).collect()
    }

    pub(super) fn has_direct(&self) -> bool {
        self.all().contains(&&Body::Direct)
    }

    /// As DSL can say it, which has the direct part once and in front.
    fn in_dsl(&self, is_front: bool) -> Option<Self> {
        let together = |parts: &[Body]| {
            let mut parts: Vec<&Body> = parts.iter().collect();
            parts.sort_by_key(|part| !part.has_direct());
            let parts = parts.into_iter().enumerate();
            let parts: Option<Vec<Body>> = parts
                .map(|(at, part)| part.in_dsl(is_front && at == 0))
                .collect();
            parts
        };
        match self {
            Self::Direct => is_front.then_some(Self::Direct),
            Self::Named(_) | Self::From { .. } => Some(self.clone()),
            Self::Or(parts) | Self::And(parts) if parts.len() == 1 => parts[0].in_dsl(is_front),
            Self::Or(parts) => together(parts).map(Self::Or),
            Self::And(parts) => together(parts).map(Self::And),
            Self::ButNot(parts) => {
                let base = parts[0].in_dsl(is_front)?;
                Some(Self::ButNot(Box::new([base, parts[1].in_dsl(false)?])))
            }
        }
    }

    fn rewrite(&self) -> Rewrite {
        let all = |parts: &[Body]| parts.iter().map(Body::rewrite).collect();
        match self {
            Self::Direct => Rewrite::This,
            Self::Named(name) => Rewrite::Computed(name.into()),
            Self::From { computed, tupleset } => Rewrite::FromTupleset {
                tupleset: tupleset.into(),
                computed: computed.into(),
            },
            Self::Or(parts) => Rewrite::Union(all(parts)),
            Self::And(parts) => Rewrite::Intersection(all(parts)),
            Self::ButNot(parts) => Rewrite::Difference {
                base: Box::new(parts[0].rewrite()),
                subtract: Box::new(parts[1].rewrite()),
            },
        }
    }
}

impl Param {
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Scalar(_) => 0,
            Self::List(of) | Self::Map(of) => 1 + of.depth(),
        }
    }

    fn parameter_type(&self) -> ParameterType {
        match self {
            Self::Scalar(name) => ParameterType::scalar(name).unwrap(),
            Self::List(of) => ParameterType::List(Box::new(of.parameter_type())),
            Self::Map(of) => ParameterType::Map(Box::new(of.parameter_type())),
        }
    }
}

fn is_word(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    !name.is_empty() && name.chars().all(is_letter)
}

impl Ast {
    pub(super) fn relations(&self) -> impl Iterator<Item = (&Kind, &Relation)> {
        let of = |kind| std::iter::repeat(kind);
        self.kinds
            .iter()
            .flat_map(move |kind| of(kind).zip(&kind.relations))
    }

    pub(super) fn relation(&self, kind: &str, name: &str) -> Option<&Relation> {
        let mut all = self.relations();
        all.find(|(of, relation)| of.name == kind && relation.name == name)
            .map(|(_, relation)| relation)
    }

    /// As DSL can say it, if it can.
    pub(super) fn in_dsl(&self) -> Option<Self> {
        let mut said = self.clone();
        let mut words = Vec::new();
        for kind in &mut said.kinds {
            words.push(kind.name.clone());
            for relation in &mut kind.relations {
                relation.body = relation.body.in_dsl(true)?;
                if relation.body.has_direct() == relation.allowed.is_empty() {
                    return None;
                }
                words.push(relation.name.clone());
                for allowed in &relation.allowed {
                    words.push(allowed.kind.clone());
                    words.extend(allowed.condition.clone());
                    if let Form::Set(name) = &allowed.form {
                        words.push(name.clone());
                    }
                }
                for part in relation.body.all() {
                    match part {
                        Body::Named(name) => words.push(name.clone()),
                        Body::From { computed, tupleset } => {
                            words.extend([computed.clone(), tupleset.clone()]);
                        }
                        _ => {}
                    }
                }
            }
        }
        for condition in &said.conditions {
            words.push(condition.name.clone());
            words.extend(condition.parameters.iter().map(|(name, _)| name.clone()));
            if condition.parameters.iter().any(|(_, ty)| ty.depth() > 1) {
                return None;
            }
        }
        words.iter().all(|word| is_word(word)).then_some(said)
    }

    /// As it comes from its modules: in their order, each type's own relations before all others.
    pub(super) fn joined(&self, modules: &Modules) -> Self {
        let place = |module: usize| modules.order.iter().position(|at| *at == module);
        let mut joined = self.clone();
        joined.schema = "1.2";
        joined.kinds.sort_by_key(|kind| place(kind.module));
        joined.conditions.sort_by_key(|it| place(it.module));
        for kind in &mut joined.kinds {
            let own = kind.module;
            kind.relations
                .sort_by_key(|it| (it.module != own, place(it.module)));
        }
        joined
    }

    /// What must be read of it.
    pub(super) fn definition(&self, modules: Option<&Modules>) -> ModelDefinition {
        let origin = |module: usize| {
            let named = modules.map(|modules| &modules.named[module]);
            ModuleOrigin {
                module: named.map(|(name, _)| name.into()),
                file: named.map(|(_, file)| file.into()),
            }
        };
        let types = self.kinds.iter().map(|kind| TypeDefinition {
            name: (&kind.name).into(),
            origin: origin(kind.module),
            relations: kind
                .relations
                .iter()
                .map(|relation| RelationDefinition {
                    name: (&relation.name).into(),
                    rewrite: relation.body.rewrite(),
                    restrictions: relation.allowed.iter().map(Allowed::restriction).collect(),
                    origin: if relation.module == kind.module {
                        ModuleOrigin::default()
                    } else {
                        origin(relation.module)
                    },
                })
                .collect(),
        });
        let conditions = self.conditions.iter().map(|it| ConditionDefinition {
            name: (&it.name).into(),
            expression: it.expression.clone(),
            parameters: it
                .parameters
                .iter()
                .map(|(name, ty)| (name.into(), ty.parameter_type()))
                .collect(),
            origin: origin(it.module),
        });
        ModelDefinition {
            schema: SchemaVersion::parse(self.schema).unwrap(),
            types: types.collect(),
            conditions: conditions.collect(),
        }
    }
}

impl Allowed {
    fn restriction(&self) -> Restriction {
        Restriction {
            kind: (&self.kind).into(),
            form: match &self.form {
                Form::One => RestrictionForm::Object,
                Form::Everyone => RestrictionForm::Wildcard,
                Form::Set(name) => RestrictionForm::Userset(name.into()),
            },
            condition: self.condition.as_ref().map(Into::into),
        }
    }
}
