//! `GET /explain/v1/vocabulary`: the words that a question can be made of.

use crate::engine::BundleWords;
use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Permission};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The words that a question can be made of.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct QuestionWords {
    /// The version of the service.
    version: &'static str,
    /// The digest of the bundle.
    bundle: String,
    /// The revision of the relations.
    revision: u64,
    /// The time of the service (RFC 3339).
    now: String,
    /// How many policies the bundle has.
    policies: usize,
    /// How many entities it stores.
    entities: usize,
    /// How many cases it has.
    cases: usize,
    /// The types that the schema declares.
    types: Vec<String>,
    /// The types that may act.
    principals: Vec<String>,
    /// The types of agents.
    agent_types: Vec<String>,
    /// The actions that a request can name.
    actions: Vec<ActionBody>,
    /// For each type of the relation model, its relations.
    relations: BTreeMap<String, Vec<String>>,
    /// Whether there is more than is listed.
    more: bool,
}

/// An action, and what it applies to.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ActionBody {
    /// The name by which requests call it.
    #[schema(example = "tools/call")]
    name: String,
    /// The types that may do it.
    principals: Vec<String>,
    /// The types that it may be done to.
    resources: Vec<String>,
    /// The members of its context.
    context: Vec<MemberBody>,
}

/// A member of a context.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct MemberBody {
    /// The name of the member.
    name: String,
    /// The type of the member, as Cedar writes it.
    r#type: String,
    /// Whether a request must have it.
    required: bool,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/vocabulary",
    method: Method::Get,
    label: "explain_vocabulary",
    access: Access::Needs(Permission::Explain),
    advertised: None,
    description: described!(vocabulary),
    route: || web::to(vocabulary),
};

/// What a question can be made of
///
/// Lists the types, actions and relations of the bundle that is live, at most 2,000 of each. Needs
/// the permission `explain`.
#[utoipa::path(
    get,
    path = "/explain/v1/vocabulary",
    tag = "Explanation",
    operation_id = "vocabulary",
    responses(
        (status = 200, description = "The words of the bundle.", body = QuestionWords),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not explain.", body = ErrorBody),
        (status = 503, description = "No bundle is loaded yet.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
async fn vocabulary(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    ENDPOINT.check(Identity::of(&request, &shared.settings)?)?;
    let engine = shared.engine.clone();
    let words = move || engine.words().map_err(Error::Fault);
    let words = shared.run_apart(&shared.searches, &request, words).await?;
    Ok(super::answered(QuestionWords::from(words)))
}

impl From<BundleWords> for QuestionWords {
    fn from(words: BundleWords) -> Self {
        let [policies, entities, cases] = words.counts;
        let texts = |names: Vec<smol_str::SmolStr>| names.iter().map(ToString::to_string).collect();
        let actions = words.actions.into_iter().map(|action| ActionBody {
            name: action.name.to_string(),
            principals: action.principals,
            resources: action.resources,
            context: action
                .context
                .into_iter()
                .map(|(name, kind, required)| MemberBody {
                    name: name.to_string(),
                    r#type: kind,
                    required,
                })
                .collect(),
        });
        let relations = words.relations.into_iter();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            bundle: words.bundle.to_string(),
            revision: words.revision.0,
            now: words.now.to_string(),
            policies,
            entities,
            cases,
            types: texts(words.types),
            principals: texts(words.principals),
            agent_types: texts(words.agent_types),
            actions: actions.collect(),
            relations: relations
                .map(|(kind, names)| (kind.to_string(), texts(names)))
                .collect(),
            more: words.is_cut,
        }
    }
}
