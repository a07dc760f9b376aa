//! Asking the service over HTTP.

use super::batch::Batch;
use super::tuples::Tuples;
use behest::storage::StoreId;
use serde_json::{Value, json};
use support::place::{KEY, PATIENCE, Service};

/// One connection, kept between requests.
pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
}

/// No answer came, or not all of it: whether the request was carried out is not known.
#[derive(Debug)]
#[expect(dead_code, reason = "its `Debug` says what happened")]
pub(crate) struct Lost(ureq::Error);

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) revision: Option<u64>,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn of(service: &Service) -> Self {
        let settings = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE));
        Self {
            agent: settings.build().new_agent(),
            url: service.url(),
        }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Reply, Lost> {
        let request = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("Content-Type", "application/json");
        let request = request.header("Authorization", format!("Bearer {KEY}"));
        let mut response = request.send(body.to_string()).map_err(Lost)?;
        let revision = response
            .headers()
            .get("Behest-Revision")
            .map(|value| value.to_str().unwrap().parse().unwrap());
        let text = response.body_mut().read_to_string().map_err(Lost)?;
        Ok(Reply {
            status: response.status().as_u16(),
            revision,
            body: serde_json::from_str(&text).unwrap(),
        })
    }

    /// A call on the store that decisions read.
    pub(crate) fn call(&self, name: &str, body: &Value) -> Result<Reply, Lost> {
        self.post(&format!("/stores/{}/{name}", StoreId::MAIN), body)
    }

    /// A call that must be answered.
    pub(crate) fn ask(&self, name: &str, body: &Value) -> Value {
        let reply = self.call(name, body).unwrap();
        assert_eq!(reply.status, 200, "{name} {body}: {}", reply.body);
        reply.body
    }

    pub(crate) fn write(&self, batch: &Batch) -> Result<Reply, Lost> {
        self.call("write", &batch.body())
    }

    /// The revision that an answer is of now.
    pub(crate) fn revision(&self) -> u64 {
        let question = json!({"tuple_key": super::batch::key_body("document:d0#viewer@user:u0"), "context": {"amount": 0}});
        self.call("check", &question).unwrap().revision.unwrap()
    }

    pub(crate) fn allows(&self, key: &str) -> Result<bool, Lost> {
        let reply = self.call("check", &json!({"tuple_key": super::batch::key_body(key)}))?;
        assert_eq!(reply.status, 200, "{key}: {}", reply.body);
        Ok(reply.body["allowed"].as_bool().unwrap())
    }

    /// Every stored tuple, page by page; or those that a filter takes.
    pub(crate) fn read(&self, wanted: &Value) -> Tuples {
        let mut found = Tuples::new();
        let mut token = String::new();
        loop {
            let mut question = json!({"page_size": 100, "continuation_token": token});
            if !wanted.is_null() {
                question["tuple_key"] = wanted.clone();
            }
            let page = self.ask("read", &question);
            for tuple in page["tuples"].as_array().unwrap() {
                let key = &tuple["key"];
                let text = |name: &str| key[name].as_str().unwrap();
                let twice = found.insert(
                    format!("{}#{}@{}", text("object"), text("relation"), text("user")),
                    key["condition"]["context"]["limit"].as_i64(),
                );
                assert!(twice.is_none(), "{tuple} occurs twice");
            }
            page["continuation_token"]
                .as_str()
                .unwrap()
                .clone_into(&mut token);
            if token.is_empty() {
                return found;
            }
        }
    }
}
