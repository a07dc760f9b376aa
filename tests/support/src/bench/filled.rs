//! Creates stores that contain a world.

use super::folders::{Folders, model};
use behest::clock::SystemClock;
use behest::model::Digest;
use behest::stores::{StoreId, Stores, TupleBatch, TupleStore};
use std::sync::Arc;

/// Opens the stores and writes the model that the tuples need.
pub fn open(store: Arc<dyn TupleStore>) -> Stores {
    let stores = Stores::open(store, Arc::new(SystemClock)).unwrap();
    let layer = stores
        .prepare_main(Some(&model()), Vec::new(), false)
        .unwrap();
    stores
        .commit_main(layer, Digest::new([1; 32]), None)
        .unwrap();
    stores
}

/// Writes every tuple, as an import would.
pub fn fill(stores: &Stores, world: Folders) {
    let mut tuples = world.tuples().peekable();
    while tuples.peek().is_some() {
        let batch = tuples.by_ref().take(TupleBatch::IMPORT_TUPLES).collect();
        stores
            .write(StoreId::MAIN, None, TupleBatch::of_writes(batch))
            .unwrap();
    }
}
