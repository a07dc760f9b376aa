//! The ways to ask one question: by itself, as an item of a batch, as the defaults of one, and as a
//! search that it is part of.

use crate::generated::world::{Uid, World};
use actix_web::test::{TestRequest, call_service, init_service};
use serde_json::{Value as Json, json};
use std::pin::Pin;
use std::rc::Rc;
use support::service::{Reply, post, reply};

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";

/// What has to come of a question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expected {
    /// As which chain it is decided; none where it is refused before.
    chain: Option<Vec<Uid>>,
    /// With one of which codes it is denied; it is permitted where there is none.
    codes: Vec<&'static str>,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    /// The code of a denial, `permit`, or `400`.
    pub(super) code: String,
    /// The chain that was decided, where it is told.
    chain: Vec<String>,
}

impl Expected {
    pub(super) fn refused(codes: Vec<&'static str>) -> Self {
        Self { chain: None, codes }
    }

    pub(super) fn decided(chain: Vec<Uid>, codes: Vec<&'static str>) -> Self {
        Self {
            chain: Some(chain),
            codes,
        }
    }

    pub(super) fn permits(&self) -> bool {
        self.codes.is_empty()
    }

    /// Whether an answer is this. What a carrier says in a place that has a closed list of members
    /// is malformed.
    pub(super) fn is(&self, answer: &Answer) -> bool {
        let is_malformed = answer.code == "400" && self.codes.contains(&"chain_invalid");
        let is_code = if self.permits() {
            answer.code == "permit"
        } else {
            self.codes.contains(&answer.code.as_str())
        };
        let chain = self.chain.iter().flatten();
        let chain: Vec<String> = chain.map(|(kind, id)| format!("{kind}:{id}")).collect();
        is_malformed || (is_code && answer.chain == chain)
    }
}

impl Answer {
    fn read(answer: &Json) -> Self {
        let code = match answer["decision"].as_bool() {
            Some(true) => "permit",
            Some(false) => answer
                .pointer("/context/reason/code")
                .and_then(Json::as_str)
                .unwrap_or("a denial without a reason"),
            None => "400",
        };
        let legs = answer.pointer("/context/explanation/legs");
        let legs = legs.and_then(Json::as_array).into_iter().flatten();
        let text = |leg: &Json, name: &str| {
            let value = leg["principal"][name].as_str();
            value.unwrap_or_default().to_owned()
        };
        Self {
            code: code.to_owned(),
            chain: legs
                .map(|leg| format!("{}:{}", text(leg, "type"), text(leg, "id")))
                .collect(),
        }
    }

    fn malformed() -> Self {
        Self {
            code: "400".to_owned(),
            chain: Vec::new(),
        }
    }
}

type Replying = Pin<Box<dyn Future<Output = Reply>>>;

/// A service that is asked.
pub(super) struct Doors(Box<dyn Fn(TestRequest) -> Replying>);

impl Doors {
    /// The service of a world, made once: that takes longer than to ask it.
    pub(super) async fn of(world: World) -> Self {
        let app = Rc::new(init_service(world.server().app()).await);
        Self(Box::new(move |request| {
            let app = Rc::clone(&app);
            Box::pin(async move { reply(call_service(&*app, request.to_request()).await).await })
        }))
    }

    async fn ask(&self, path: &str, body: &Json) -> Option<Json> {
        let reply = self.0(post(path, body.to_string())).await;
        match reply.status.as_u16() {
            200 => Some(reply.json()),
            400 => None,
            status => panic!("{status} {}: {body}", reply.body),
        }
    }

    /// By itself.
    pub(super) async fn single(&self, body: &Json) -> Answer {
        let answer = self.ask(EVALUATION, body).await;
        answer.map_or_else(Answer::malformed, |answer| Answer::read(&answer))
    }

    /// As an item beside another that is permitted.
    pub(super) async fn item(&self, body: &Json) -> [Answer; 2] {
        let batch =
            json!({"evaluations": [body, own()], "options": {"reason": true, "explain": true}});
        self.batch(&batch).await
    }

    /// As the defaults of an item without anything, of one that repeats the context, and of one with
    /// everything of its own.
    pub(super) async fn defaults(&self, body: &Json) -> [Answer; 3] {
        let mut batch = body.clone();
        batch["evaluations"] = json!([{}, {"context": body["context"]}, own()]);
        self.batch(&batch).await
    }

    async fn batch<const N: usize>(&self, batch: &Json) -> [Answer; N] {
        let answer = self.ask(EVALUATIONS, batch).await;
        std::array::from_fn(|at| match &answer {
            Some(answer) => Answer::read(&answer["evaluations"][at]),
            None => Answer::malformed(),
        })
    }

    /// Whether a search finds what the question is about.
    pub(super) async fn finds(&self, kind: &str, body: &Json) -> bool {
        let mut search = body.clone();
        if let Some(options) = search["options"].as_object_mut() {
            options.remove("explain");
        }
        let path = format!("/access/v1/search/{kind}");
        let Some(found) = self.ask(&path, &search).await else {
            return false;
        };
        let (member, wanted) = match kind {
            "action" => ("name", &body["action"]["name"]),
            kind => ("id", &body[kind]["id"]),
        };
        let results = found["results"].as_array().expect("results");
        results.iter().any(|result| result[member] == *wanted)
    }
}

/// A question with everything of its own, which every world permits.
fn own() -> Json {
    json!({
        "subject": {"type": "user", "id": "bob"}, "action": {"name": "read"},
        "resource": {"type": "doc", "id": "open"}, "context": {},
    })
}
