//! Every kind of answer, beside the oracle's.

use super::batch::key_body;
use super::client::Client;
use super::tuples::{DOCUMENTS, Tuples, USERS, is_reader};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::random::Random;

/// Asks the service what it is asked in practice, and compares.
pub(crate) fn check(client: &Client, tuples: &Tuples, random: &mut Random) {
    let asker = Asker::new(client, tuples, i64::try_from(random.below(10)).unwrap());
    asker.decisions();
    asker.checks();
    for user in &asker.users {
        asker.what_is_read_by(user);
    }
    let document = &asker.documents[usize::try_from(random.below(DOCUMENTS)).unwrap()];
    asker.who_reads(document);
    asker.tuples_on(document);
}

struct Asker<'a> {
    client: &'a Client,
    tuples: &'a Tuples,
    amount: i64,
    context: Value,
    users: Vec<String>,
    documents: Vec<String>,
}

impl<'a> Asker<'a> {
    fn new(client: &'a Client, tuples: &'a Tuples, amount: i64) -> Self {
        Self {
            client,
            tuples,
            amount,
            context: json!({ "amount": amount }),
            users: (0..USERS).map(|at| format!("u{at}")).collect(),
            documents: (0..DOCUMENTS).map(|at| format!("d{at}")).collect(),
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (&String, &String)> {
        self.users
            .iter()
            .flat_map(|user| self.documents.iter().map(move |document| (user, document)))
    }

    fn is_reader(&self, user: &str, document: &str) -> bool {
        is_reader(self.tuples, user, document, self.amount)
    }

    /// What the oracle says of each pair.
    fn expected(&self) -> Vec<bool> {
        self.pairs()
            .map(|(user, document)| self.is_reader(user, document))
            .collect()
    }

    fn decisions(&self) {
        let asked = |(user, document): (&String, &String)| json!({"subject": {"type": "user", "id": user}, "resource": {"type": "document", "id": document}});
        let asked: Vec<Value> = self.pairs().map(asked).collect();
        let question =
            json!({"action": {"name": "read"}, "context": self.context, "evaluations": asked});
        let reply = self
            .client
            .post("/access/v1/evaluations", &question)
            .unwrap();
        let decided = reply.body["evaluations"]
            .as_array()
            .unwrap_or_else(|| panic!("{}", reply.body));
        let decided: Vec<bool> = decided
            .iter()
            .map(|answer| answer["decision"].as_bool().unwrap())
            .collect();
        assert_eq!(decided, self.expected(), "decisions");
    }

    fn checks(&self) {
        let asked = |(at, (user, document)): (usize, (&String, &String))| {
            let key = key_body(&format!("document:{document}#reader@user:{user}"));
            json!({"tuple_key": key, "context": self.context, "correlation_id": at.to_string()})
        };
        let checks: Vec<Value> = self.pairs().enumerate().map(asked).collect();
        let count = checks.len();
        let checked = self.client.ask("batch-check", &json!({"checks": checks}));
        let is_allowed = |at: usize| {
            checked["result"][at.to_string()]["allowed"]
                .as_bool()
                .unwrap()
        };
        assert_eq!(
            (0..count).map(is_allowed).collect::<Vec<_>>(),
            self.expected(),
            "checks"
        );
    }

    fn what_is_read_by(&self, user: &str) {
        let question = json!({
            "user": format!("user:{user}"), "relation": "reader", "type": "document", "context": self.context,
        });
        let listed = self.client.ask("list-objects", &question);
        let listed: BTreeSet<&str> = listed["objects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap())
            .collect();
        let readable = self
            .documents
            .iter()
            .filter(|document| self.is_reader(user, document));
        let readable: Vec<String> = readable
            .map(|document| format!("document:{document}"))
            .collect();
        assert_eq!(
            listed,
            readable.iter().map(String::as_str).collect(),
            "what {user} reads"
        );
    }

    fn who_reads(&self, document: &str) {
        let question = json!({
            "object": {"type": "document", "id": document}, "relation": "reader", "user_filters": [{"type": "user"}],
            "context": self.context,
        });
        let listed = self.client.ask("list-users", &question);
        let listed: BTreeSet<&str> = listed["users"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["object"]["id"].as_str().unwrap())
            .collect();
        let readers = self
            .users
            .iter()
            .filter(|user| self.is_reader(user, document));
        assert_eq!(
            listed,
            readers.map(String::as_str).collect(),
            "who reads {document}"
        );
    }

    fn tuples_on(&self, document: &str) {
        let object = format!("document:{document}");
        let found = self.client.read(&json!({"object": object}));
        let on_it = self
            .tuples
            .iter()
            .filter(|(key, _)| key.starts_with(&format!("{object}#")));
        assert_eq!(
            found,
            on_it.map(|(key, limit)| (key.clone(), *limit)).collect(),
            "tuples on {object}"
        );
    }
}
