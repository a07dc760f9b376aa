//! Returns the tuples of a version as text: all of them, those of one object or user, and the
//! bundle's in the order of their text.

use super::layer::Edge;
use super::ordered::TreeKey;
use super::{Graph, Names, TupleOrigin};
use crate::model::{ObjectRef, Tuple, TupleKey, TupleUser};
use foldhash::HashMap;

impl Graph {
    /// Returns every tuple of one layer.
    pub fn tuples(&self, origin: TupleOrigin) -> impl Iterator<Item = Tuple> {
        let names = self.symbols.names().now();
        let all = self.in_layer(origin).by_object.iter();
        all.filter_map(move |(key, when)| self.tuple_of(&names, Edge::of_object_key(key), when))
    }

    /// Returns every tuple of one layer whose kind `is_wanted`. A kind consists of the object's
    /// type, the relation, the user's type and form (with the relation of a userset), and the name
    /// of the condition. `is_wanted` is called with one tuple of each kind. As there are few kinds,
    /// few tuples are converted to text in vain.
    pub fn tuples_of_kinds(
        &self,
        origin: TupleOrigin,
        mut is_wanted: impl FnMut(&Tuple) -> bool,
    ) -> impl Iterator<Item = Tuple> {
        let names = self.symbols.names().now();
        let mut kinds = HashMap::default();
        self.in_layer(origin)
            .by_object
            .iter()
            .filter_map(move |(key, when)| {
                let edge = Edge::of_object_key(key);
                let (object, user) = (
                    self.symbols.kind(edge.object)?,
                    self.symbols.kind(edge.user.object)?,
                );
                let condition = when.as_ref().map(|condition| condition.name.clone());
                let kind = (object, edge.relation, user, edge.user.relation, condition);
                let spelled = || self.tuple_of(&names, edge, when);
                match kinds.get(&kind) {
                    Some(false) => None,
                    Some(true) => spelled(),
                    None => {
                        let tuple = spelled()?;
                        let is_wanted = is_wanted(&tuple);
                        kinds.insert(kind, is_wanted);
                        is_wanted.then_some(tuple)
                    }
                }
            })
    }

    /// Returns the tuples of one layer on an object, whatever the relation: at most `most` of them,
    /// and the number of the others, which are not converted to text.
    #[must_use]
    pub fn tuples_on(
        &self,
        origin: TupleOrigin,
        object: &ObjectRef,
        most: usize,
    ) -> (Vec<Tuple>, usize) {
        let names = self.symbols.names().now();
        let Some(object) = self.find_object(&names, object) else {
            return (Vec::new(), 0);
        };
        let mut row = self.in_layer(origin).on_object(object);
        let some = row.by_ref().take(most);
        let some = some
            .filter_map(|(key, when)| self.tuple_of(&names, Edge::of_object_key(key), when))
            .collect();
        (some, row.count())
    }

    /// Returns the same for tuples whose user is an object, or a userset of it.
    #[must_use]
    pub fn tuples_of(
        &self,
        origin: TupleOrigin,
        object: &ObjectRef,
        most: usize,
    ) -> (Vec<Tuple>, usize) {
        let names = self.symbols.names().now();
        let Some(object) = self.find_object(&names, object) else {
            return (Vec::new(), 0);
        };
        let layer = self.in_layer(origin);
        let mut edges = layer.of_user(object).map(|(key, _)| Edge::of_user_key(key));
        let some = edges.by_ref().take(most);
        let some = some
            .filter_map(|edge| self.tuple_of(&names, edge, layer.get(edge)?))
            .collect();
        (some, edges.count())
    }

    /// Returns every tuple of one layer with exactly this user. If `kind` or `relation` is given,
    /// only tuples on objects of that type and with that relation are returned.
    pub fn tuples_with(
        &self,
        origin: TupleOrigin,
        user: &TupleUser,
        kind: Option<&str>,
        relation: Option<&str>,
    ) -> impl Iterator<Item = Tuple> {
        let names = self.symbols.names().now();
        let of = |name: Option<&str>| name.map_or(Some(None), |name| names.find(name).map(Some));
        // A name that is missing from the table of names occurs in no tuple, so nothing is returned
        // then.
        let wanted = (|| Some((self.find_user(&names, user)?, of(kind)?, of(relation)?)))();
        let layer = self.in_layer(origin);
        let edges = wanted.into_iter().flat_map(move |(user, kind, relation)| {
            let of_user = layer
                .of_user(user.object)
                .map(|(key, _)| Edge::of_user_key(key));
            of_user.filter(move |edge| {
                edge.user == user
                    && relation.is_none_or(|relation| edge.relation == relation)
                    && kind.is_none_or(|kind| {
                        self.symbols
                            .kind(edge.object)
                            .is_some_and(|of| of.name == kind)
                    })
            })
        });
        edges.filter_map(move |edge| self.tuple_of(&names, edge, layer.get(edge)?))
    }

    /// Returns the bundle's tuples in the order of their text (`object#relation@user`): those whose
    /// text begins with `prefix` and comes after the text of `after`. The order is computed on
    /// first use.
    pub fn bundle_from(
        &self,
        prefix: &str,
        after: Option<&TupleKey>,
    ) -> impl Iterator<Item = Tuple> {
        let names = self.symbols.names().now();
        let order = self
            .bundle_order
            .get_or_init(|| self.order_of_bundle(&names));
        let text = |key: &TreeKey| {
            self.key_of(&names, *key)
                .map(|key| key.to_string())
                .unwrap_or_default()
        };
        let after = after.map(ToString::to_string).unwrap_or_default();
        let start = order.partition_point(|key| {
            let text = text(key);
            text.as_str() < prefix || text <= after
        });
        let rest = order.get(start..).unwrap_or_default();
        let begins = order.get(start..).map_or(0, |rest| {
            rest.partition_point(|key| text(key).starts_with(prefix))
        });
        let found = rest.get(..begins).unwrap_or_default();
        found.iter().filter_map(move |key| {
            let edge = Edge::of_object_key(*key);
            self.tuple_of(&names, edge, self.bundle.get(edge)?)
        })
    }

    fn order_of_bundle(&self, names: &Names) -> Box<[TreeKey]> {
        let mut order: Vec<TreeKey> = self.bundle.by_object.iter().map(|(key, _)| key).collect();
        order.sort_by_cached_key(|key| self.key_of(names, *key).map(|key| key.to_string()));
        order.into()
    }
}
