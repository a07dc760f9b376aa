//! `POST /stores/{id}/expand`: shows one level of a relation, for people.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{AnswerSource, ok_text_of, text_of};
use crate::http::openfga::error::{ApiError, NamePosition};
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::EXPAND;
use crate::http::openfga::request::{
    admit_with_size, answer, check_consistency, model_id, store_id, terms, watch_deadline,
};
use crate::http::openfga::schema::{ExpandBody, ExpandRequest, FgaErrors};
use crate::http::openfga::time::Deadline;
use crate::http::openfga::tuple::{question, read_contextual, read_object, read_relation};
use crate::http::shared::ServiceState;
use crate::model::Record;
use crate::stores::{Expansion, ExpansionNode, RelationReader};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/expand",
    method: Method::Post,
    label: "fga_expand",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(expand),
    route: || web::to(expand),
};

/// Expands a relation
///
/// One level: users, and what else leads into the relation. Conditions are not evaluated.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/expand",
    tag = "Relations",
    operation_id = "expand",
    params(("store_id" = String, Path, description = "The id of the store.")),
    request_body(content = ExpandRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "One level of the relation.", body = ExpandBody),
        FgaErrors
    ),
    security(("key" = [])),
)]
pub(super) async fn expand(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body, bytes) = admit_with_size(&request, payload, &shared, &ENDPOINT).await?;
    let store = store_id(&request)?;
    let fields = Fields::in_store(&body, store, &stores, EXPAND)?;
    check_consistency(&fields)?;
    let key = question(&fields)?;
    let relation = key.required("relation")?.clone();
    read_relation(&relation)?;
    let object = read_object(key.required("object")?, key.spelling())?;
    let (version, model) = stores.with_model(store, model_id(&fields)?)?;
    let contextual = read_contextual(&fields, &model)?;
    let basis = AnswerSource {
        model: model.id,
        revision: version.revision(),
    };
    let question = move |limits| {
        let context = Record::new();
        let is_over = watch_deadline(Deadline::of_check());
        let terms = terms(&contextual, &context, limits, &is_over);
        RelationReader::new(version.graph(), &model.rules, terms)?.expand(&object, &relation)
    };
    let write = |tree| {
        text_of(&ExpandBody {
            tree: json!({ "root": node(&tree) }),
        })
    };
    Ok(ok_text_of(
        basis,
        answer(
            &shared,
            (&request, bytes),
            NamePosition::InKey,
            question,
            write,
        )
        .await?,
    ))
}

/// Writes a node. The recursion is bounded: a model nests its operators at most 24 deep.
fn node(tree: &Expansion) -> Value {
    let (kind, value) = match &tree.node {
        ExpansionNode::Users(users) => {
            let users: Vec<String> = users.iter().map(ToString::to_string).collect();
            ("leaf", json!({ "users": { "users": users } }))
        }
        ExpansionNode::Computed(userset) => ("leaf", json!({ "computed": { "userset": userset } })),
        ExpansionNode::FromTupleset { tupleset, computed } => {
            let computed: Vec<Value> = computed
                .iter()
                .map(|userset| json!({ "userset": userset }))
                .collect();
            (
                "leaf",
                json!({ "tupleToUserset": { "tupleset": tupleset, "computed": computed } }),
            )
        }
        ExpansionNode::Union(children) => ("union", nodes(children)),
        ExpansionNode::Intersection(children) => ("intersection", nodes(children)),
        ExpansionNode::Difference { base, subtract } => (
            "difference",
            json!({ "base": node(base), "subtract": node(subtract) }),
        ),
    };
    let mut out = serde_json::Map::new();
    out.insert("name".to_owned(), tree.name.clone().into());
    out.insert(kind.to_owned(), value);
    Value::Object(out)
}

fn nodes(children: &[Expansion]) -> Value {
    json!({ "nodes": children.iter().map(node).collect::<Vec<_>>() })
}
