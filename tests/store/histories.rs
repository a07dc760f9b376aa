//! Generated histories: the store does what a naive one does; its rows, its log and the reopened
//! store agree.

use super::{Fixture, digest};
use behest::model::{Digest, Revision, Tuple};
use behest::storage::{OnDuplicate, OnMissing, StoreError, StoreId, TupleBatch, TupleStore};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::collections::BTreeSet;
use support::store::{Kind, State, Tenant, at, conditional, key, model, record, tuple};

#[derive(Clone, Debug)]
enum Step {
    Create(u8),
    Delete(u8),
    Model(u8, u8),
    Apply(u8, TupleBatch),
    Bundle(u8),
    Purge,
    Reopen,
}

/// What a step comes to: the revision, or which refusal.
type Outcome = Result<u64, &'static str>;

pub(crate) fn every_history_ends_alike(kind: Kind) {
    let config = Config {
        cases: 24,
        rng_seed: RngSeed::Fixed(3),
        failure_persistence: None,
        ..Config::default()
    };
    let histories = prop::collection::vec(steps(), 1..40);
    let run = TestRunner::new(config).run(&histories, |history| {
        let Fixture { mut store, dir } = Fixture::new(kind);
        let mut naive = Naive::default();
        naive.step(&Step::Create(MAIN)).unwrap();
        for (second, step) in (1..).zip(&history) {
            if matches!(step, Step::Reopen) {
                if kind.is_durable() {
                    drop(store);
                    store = kind.open(dir.path()).unwrap();
                }
                continue;
            }
            prop_assert_eq!(take(&*store, step, second), naive.step(step), "{:?}", step);
        }
        let state = State::read(&*store).unwrap();
        prop_assert_eq!(&state, &naive.state);
        for limit in [1, 5, usize::MAX] {
            prop_assert_eq!(&State::replay(&*store, limit).unwrap(), &state);
        }
        if kind.is_durable() {
            drop(store);
            let store = kind.open(dir.path()).unwrap();
            prop_assert_eq!(&State::read(&*store).unwrap(), &state);
            prop_assert_eq!(&State::replay(&*store, 3).unwrap(), &state);
        }
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Among the ids of generated stores, the one that every history begins with.
const MAIN: u8 = 0;

fn id(n: u8) -> StoreId {
    if n == MAIN {
        StoreId::MAIN
    } else {
        StoreId::from_bits(u128::from(n))
    }
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..3_u8).prop_map(Step::Create),
        1 => (0..3_u8).prop_map(Step::Delete),
        2 => (0..3_u8, 0..4_u8).prop_map(|(store, model)| Step::Model(store, model)),
        12 => (0..2_u8, batches()).prop_map(|(store, batch)| Step::Apply(store, batch)),
        1 => (0..2_u8).prop_map(Step::Bundle),
        1 => Just(Step::Purge),
        1 => Just(Step::Reopen),
    ]
}

fn batches() -> impl Strategy<Value = TupleBatch> {
    let key_text = (0..3_u8, 0..3_usize).prop_map(|(object, user)| {
        let user = ["user:a", "user:*", "team:t#member"][user];
        format!("document:{object}#viewer@{user}")
    });
    let tuples =
        (key_text.clone(), prop::option::of(0..2_i64)).prop_map(|(text, limit)| match limit {
            Some(limit) => conditional(&text, "until", limit),
            None => tuple(&text),
        });
    let writes = prop::collection::vec(tuples, 0..4);
    let deletes = prop::collection::vec(key_text.prop_map(|text| key(&text)), 0..3);
    let duplicates = prop::sample::select(vec![
        OnDuplicate::Error,
        OnDuplicate::Ignore,
        OnDuplicate::Replace,
    ]);
    (deletes, writes, duplicates, any::<bool>()).prop_map(
        |(deletes, writes, on_duplicate, missing)| TupleBatch {
            deletes,
            writes,
            on_duplicate,
            on_missing: if missing {
                OnMissing::Ignore
            } else {
                OnMissing::Error
            },
        },
    )
}

fn take(store: &dyn TupleStore, step: &Step, second: i64) -> Outcome {
    let now = at(second);
    let done = match step {
        Step::Create(n) => store.create_store(record(id(*n), "generated"), now),
        Step::Delete(n) => store.delete_store(id(*n), now),
        Step::Model(n, bits) => store.write_model(id(*n), model(u128::from(*bits), "{}"), now),
        Step::Apply(n, batch) => store
            .apply(id(*n), batch.clone(), now)
            .map(|applied| applied.revision),
        Step::Bundle(byte) => store.note_bundle(digest(*byte), now),
        Step::Purge => store.purge().and_then(|_| store.revision()),
        Step::Reopen => store.revision(),
    };
    done.map(|revision| revision.0)
        .map_err(|error| match error {
            StoreError::UnknownStore(_) => "unknown store",
            StoreError::StoreExists(_) => "store exists",
            StoreError::ModelExists { .. } => "model exists",
            StoreError::Repeated(_) => "repeated",
            StoreError::Exists(_) | StoreError::ExistsOtherwise(_) => "exists",
            StoreError::Missing(_) => "missing",
            StoreError::ConditionDiffers(_) => "condition differs",
            other => panic!("{other}"),
        })
}

/// The contract, written down the shortest way.
#[derive(Default)]
struct Naive {
    state: State,
    bundle: Option<Digest>,
}

impl Naive {
    fn step(&mut self, step: &Step) -> Outcome {
        let changed = match step {
            Step::Create(n) => {
                if self.state.tenants.contains_key(&id(*n)) {
                    return Err("store exists");
                }
                let name = if self.state.revision.0 == 0 {
                    "main"
                } else {
                    "generated"
                };
                self.state
                    .tenants
                    .insert(id(*n), Tenant::new(record(id(*n), name)));
                true
            }
            Step::Delete(n) => {
                self.state.tenants.remove(&id(*n)).ok_or("unknown store")?;
                true
            }
            Step::Model(n, bits) => {
                let new = model(u128::from(*bits), "{}");
                let models = &mut self.tenant(*n)?.models;
                if models.contains(&new) {
                    return Err("model exists");
                }
                models.insert(0, new);
                true
            }
            Step::Apply(n, batch) => apply(self.tenant(*n)?, batch)?,
            Step::Bundle(byte) => self.bundle.replace(digest(*byte)) != Some(digest(*byte)),
            Step::Purge | Step::Reopen => false,
        };
        self.state.revision = Revision(self.state.revision.0 + u64::from(changed));
        Ok(self.state.revision.0)
    }

    fn tenant(&mut self, n: u8) -> Result<&mut Tenant, &'static str> {
        self.state.tenants.get_mut(&id(n)).ok_or("unknown store")
    }
}

fn apply(tenant: &mut Tenant, batch: &TupleBatch) -> Result<bool, &'static str> {
    let mut tuples = tenant.tuples.clone();
    let mut named = BTreeSet::new();
    if !batch
        .deletes
        .iter()
        .chain(batch.writes.iter().map(|Tuple { key, .. }| key))
        .all(|key| named.insert(key))
    {
        return Err("repeated");
    }
    for key in &batch.deletes {
        if tuples.remove(key).is_none() && batch.on_missing == OnMissing::Error {
            return Err("missing");
        }
    }
    for tuple in &batch.writes {
        if let Some(old) = tuples.insert(tuple.key.clone(), tuple.clone()) {
            match batch.on_duplicate {
                OnDuplicate::Error => return Err("exists"),
                OnDuplicate::Ignore if old != *tuple => return Err("condition differs"),
                OnDuplicate::Ignore | OnDuplicate::Replace => {}
            }
        }
    }
    let changed = tuples != tenant.tuples;
    tenant.tuples = tuples;
    Ok(changed)
}
