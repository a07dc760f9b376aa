//! More is asked than there are places for: what reads is refused early and told when to ask again,
//! what writes is taken.

use crate::{BOTH, Fixture, error, key};
use actix_web::http::Method;
use actix_web::test::{call_service, init_service};
use behest::model::{Digest, Revision, Timestamp, Tuple, TupleKey};
use behest::storage::{
    BatchOutcome, LogEntry, ModelId, ModelRecord, StoreError, StoreId, StoreRecord, TupleBatch,
    TupleStore,
};
use behest::stores::open_memory;
use serde_json::json;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use support::service::{Reply, reply, request};

/// A store whose pages and changes come once its gate is open.
#[derive(Debug)]
struct Gated {
    inner: Arc<dyn TupleStore>,
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gated {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        drop(
            self.opened
                .wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open)
                .unwrap(),
        );
    }
}

/// Opens a gate at the end, also of a test that fails: whoever waits there would keep the process.
struct Opening(Arc<Gated>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.open();
    }
}

impl TupleStore for Gated {
    fn revision(&self) -> Result<Revision, StoreError> {
        self.inner.revision()
    }
    fn create_store(&self, store: StoreRecord, at: Timestamp) -> Result<Revision, StoreError> {
        self.inner.create_store(store, at)
    }
    fn stores(&self) -> Result<Vec<StoreRecord>, StoreError> {
        self.inner.stores()
    }
    fn delete_store(&self, store: StoreId, at: Timestamp) -> Result<Revision, StoreError> {
        self.inner.delete_store(store, at)
    }
    fn purge(&self) -> Result<bool, StoreError> {
        self.inner.purge()
    }
    fn write_model(
        &self,
        store: StoreId,
        model: ModelRecord,
        at: Timestamp,
    ) -> Result<Revision, StoreError> {
        self.inner.write_model(store, model, at)
    }
    fn model(&self, store: StoreId, model: ModelId) -> Result<Option<ModelRecord>, StoreError> {
        self.inner.model(store, model)
    }
    fn models(
        &self,
        store: StoreId,
        before: Option<ModelId>,
        limit: usize,
    ) -> Result<Vec<ModelRecord>, StoreError> {
        self.inner.models(store, before, limit)
    }
    fn write_assertions(
        &self,
        store: StoreId,
        model: ModelId,
        assertions: &[u8],
    ) -> Result<(), StoreError> {
        self.inner.write_assertions(store, model, assertions)
    }
    fn assertions(&self, store: StoreId, model: ModelId) -> Result<Option<Vec<u8>>, StoreError> {
        self.pass();
        self.inner.assertions(store, model)
    }
    fn apply(
        &self,
        store: StoreId,
        batch: TupleBatch,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError> {
        self.inner.apply(store, batch, at)
    }
    fn read_tuples(
        &self,
        store: StoreId,
        visit: &mut dyn FnMut(Tuple),
    ) -> Result<Revision, StoreError> {
        self.inner.read_tuples(store, visit)
    }
    fn page_tuples(
        &self,
        store: StoreId,
        prefix: &str,
        after: Option<&TupleKey>,
        limit: usize,
    ) -> Result<Vec<(Tuple, Timestamp)>, StoreError> {
        self.pass();
        self.inner.page_tuples(store, prefix, after, limit)
    }
    fn written_at(
        &self,
        store: StoreId,
        keys: &[TupleKey],
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        self.inner.written_at(store, keys)
    }
    fn note_bundle(&self, digest: Digest, at: Timestamp) -> Result<Revision, StoreError> {
        self.inner.note_bundle(digest, at)
    }
    fn changes(
        &self,
        store: Option<StoreId>,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        // Those of one store are what a client reads.
        if store.is_some() {
            self.pass();
        }
        self.inner.changes(store, after, limit)
    }
    fn revision_before(&self, at: Timestamp) -> Result<Revision, StoreError> {
        self.inner.revision_before(at)
    }
}

/// As many as run at once and wait, and some more.
const CROWD: usize = 600;

#[actix_web::test]
async fn more_readers_than_there_are_places_for_are_refused_and_writers_are_not() {
    let gated = || Gated {
        inner: open_memory().unwrap(),
        is_open: Mutex::new(false),
        opened: Condvar::new(),
    };
    for call in ["read", "changes", "assertions/01KBEHEST000000000000000A1"] {
        let gate = Arc::new(gated());
        let _opening = Opening(gate.clone());
        let fixture = Fixture::over(gate.clone()).await;
        let app = Rc::new(init_service(fixture.server.app()).await);
        let path = format!("/stores/{}/{call}", fixture.store);
        let ask = |method: Method, path: &str, body: &serde_json::Value| {
            let request =
                request(method, path).insert_header(("Authorization", format!("Bearer {BOTH}")));
            let request = request
                .insert_header(("Content-Type", "application/json"))
                .set_payload(body.to_string());
            let (app, request) = (Rc::clone(&app), request.to_request());
            actix_web::rt::spawn(async move { reply(call_service(&*app, request).await).await })
        };
        let method = if call == "read" {
            Method::POST
        } else {
            Method::GET
        };
        let readers: Vec<_> = (0..CROWD)
            .map(|_| ask(method.clone(), &path, &json!({})))
            .collect();
        let began = Instant::now();
        while !readers.iter().any(tokio::task::JoinHandle::is_finished) {
            // Those who run wait for the gate: without a bound, so does everybody else.
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "{call}: nobody is refused"
            );
            actix_web::rt::time::sleep(Duration::from_millis(1)).await;
        }
        let write = json!({ "writes": { "tuple_keys": [key("document:plan#viewer@user:ann")] } });
        let written = ask(
            Method::POST,
            &format!("/stores/{}/write", fixture.store),
            &write,
        )
        .await
        .unwrap();
        assert_eq!(written.status, 200, "{}", written.body);
        gate.open();
        let mut replies = Vec::new();
        for reader in readers {
            replies.push(reader.await.unwrap());
        }
        let (refused, answered): (Vec<Reply>, Vec<Reply>) =
            replies.into_iter().partition(|reply| reply.status == 503);
        assert!(
            refused.len() > 10 && answered.len() > 200,
            "{call}: {} refused",
            refused.len()
        );
        for reply in refused {
            assert_eq!(
                (error(&reply).as_str(), reply.header("retry-after")),
                ("503 resource_exhausted", Some("1"))
            );
        }
        assert!(answered.iter().all(|reply| reply.status == 200), "{call}");
    }
}

#[actix_web::test]
async fn one_store_more_than_there_may_be_is_refused() {
    let fixture = Fixture::within(3);
    let create = async || {
        fixture
            .post("/stores", &json!({ "name": "documents" }))
            .await
    };
    let first = create().await;
    assert_eq!(
        (first.status.as_u16(), create().await.status.as_u16()),
        (201, 201)
    );
    let refused = create().await;
    assert_eq!(error(&refused), "400 exceeded_entity_limit");
    assert_eq!(
        refused.json()["message"],
        "there are 3 stores, which is the most: delete one that nobody needs, or raise `limits.stores`"
    );
    let path = format!("/stores/{}", first.json()["id"].as_str().unwrap());
    assert_eq!(
        fixture
            .call(Method::DELETE, &path, Some(BOTH), None)
            .await
            .status,
        204
    );
    assert_eq!(create().await.status, 201);
}
