//! The contract of a store: every test here runs against every implementation.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the whole file is tests: what fails in a helper fails its test"
)]

mod batches;
mod files;
mod histories;
mod log;
mod pages;
mod tenants;

use behest::model::Digest;
use behest::storage::{StoreId, TupleBatch, TupleStore};
use std::sync::Arc;
use support::store::{Kind, at, record, tuple};

const MAIN: StoreId = StoreId::MAIN;
const OTHER: StoreId = StoreId::from_bits(7);

/// An empty service with the store [`MAIN`], at revision 1.
struct Fixture {
    store: Arc<dyn TupleStore>,
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new(kind: Kind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = kind.open(dir.path()).unwrap();
        store.create_store(record(MAIN, "main"), at(0)).unwrap();
        Self { store, dir }
    }

    fn reopened(self, kind: Kind) -> Self {
        drop(self.store);
        Self {
            store: kind.open(self.dir.path()).unwrap(),
            dir: self.dir,
        }
    }
}

fn digest(byte: u8) -> Digest {
    Digest::new([byte; 32])
}

/// Writes `count` tuples `document:<n>#viewer@user:a`, from `first` on.
fn numbered(first: usize, count: usize) -> TupleBatch {
    TupleBatch::of_writes(
        (first..first + count)
            .map(|n| tuple(&format!("document:{n}#viewer@user:a")))
            .collect(),
    )
}

/// Holds every backend of this program to one rule.
fn on_each(rule: fn(Kind)) {
    for kind in Kind::all() {
        eprintln!("on {}", kind.name());
        rule(kind);
    }
}

macro_rules! contract {
    ($($module:ident: $($test:ident),+;)+) => {
        mod contract {
            $(mod $module {
                $(#[test] fn $test() { crate::on_each(crate::$module::$test); })+
            })+
        }
    };
}

contract! {
    tenants:
        an_untouched_service_is_at_revision_0, stores_are_listed_by_id, a_store_has_its_id_alone,
        nothing_works_on_a_store_that_is_not_there, models_are_listed_from_the_newest, a_model_has_its_id_alone,
        assertions_are_replaced, a_deleted_store_is_forgotten, a_store_may_come_back_empty;
    batches:
        what_exists_and_what_does_not, what_differs_is_replaced_in_one_revision, a_refused_batch_leaves_nothing,
        a_skipped_tuple_leaves_no_trace, no_tuple_is_named_twice, conditions_keep_their_values, a_context_that_nests_too_deep_is_refused,
        a_batch_may_be_large, stores_do_not_mix, writers_take_turns;
    log:
        a_page_never_splits_an_entry, the_log_of_one_store, a_bundle_is_noted_once, time_never_falls,
        revisions_are_found_by_time, a_page_of_models_is_bounded;
    pages:
        tuples_come_in_the_order_of_their_text_with_their_times, a_page_is_of_one_store;
    histories:
        every_history_ends_alike;
}
