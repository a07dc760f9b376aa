//! `POST /stores/{id}/list-users`: lists the users that have a relation to an object.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{AnswerSource, listed, text_of};
use crate::http::openfga::error::{ApiError, NamePosition};
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::{LIST_USERS, OBJECT, USER_FILTER};
use crate::http::openfga::request::{
    admit_with_size, answer, check_consistency, model_id, store_id, terms, watch_deadline,
};
use crate::http::openfga::schema::{
    FgaErrors, ListUsersBody, ListUsersRequest, ObjectBody, UserBody, UsersetBody, WildcardBody,
};
use crate::http::openfga::time::Deadline;
use crate::http::openfga::tuple::{
    MAX_CONTEXTUAL, read_context, read_contextual_list, read_relation,
};
use crate::http::shared::ServiceState;
use crate::model::{ObjectRef, TupleUser, check_type};
use crate::stores::{ListResult, MAX_RESULTS, RelationReader, UserFilter};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/list-users",
    method: Method::Post,
    label: "fga_list_users",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(list_users),
    route: || web::to(list_users),
};

/// Lists users
///
/// At most 1,000, within three seconds; everyone of a type is one answer. A list that is not
/// complete says so in the header `Behest-Truncated`.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/list-users",
    tag = "Relations",
    operation_id = "listUsers",
    params(("store_id" = String, Path, description = "The id of the store.")),
    request_body(content = ListUsersRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "The users that were found.", body = ListUsersBody, headers(
            (
                "Behest-Truncated" = String,
                description = "Present where there may be more: `results`, `time` or `breadth`."
            ),
        )),
        FgaErrors,
    ),
    security(("key" = [])),
)]
pub(super) async fn list_users(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body, bytes) = admit_with_size(&request, payload, &shared, &ENDPOINT).await?;
    let store = store_id(&request)?;
    let fields = Fields::in_store(&body, store, &stores, LIST_USERS)?;
    check_consistency(&fields)?;
    let object = read_object(&fields)?;
    let relation = fields.required("relation")?.clone();
    read_relation(&relation)?;
    let filter = read_filter(&fields)?;
    let (version, model) = stores.with_model(store, model_id(&fields)?)?;
    let contextual = read_contextual_list(&fields, "contextual_tuples", &model, MAX_CONTEXTUAL)?;
    let context = read_context(&fields)?.cloned().unwrap_or_default();
    let basis = AnswerSource {
        model: model.id,
        revision: version.revision(),
    };
    let find = move |limits| {
        let is_over = watch_deadline(Deadline::of_list());
        let terms = terms(&contextual, &context, limits, &is_over);
        RelationReader::new(version.graph(), &model.rules, terms)?.list_users(
            &object,
            &relation,
            &filter,
            MAX_RESULTS,
        )
    };
    let write = |list: ListResult<TupleUser>| {
        let users = list.found.into_iter().map(user_body).collect();
        Ok((list.cut, text_of(&ListUsersBody { users })?))
    };
    let (cut, text) = answer(
        &shared,
        (&request, bytes),
        NamePosition::Listed,
        find,
        write,
    )
    .await?;
    Ok(listed(basis, cut, text))
}

fn read_object(fields: &Fields<'_>) -> Result<ObjectRef, ApiError> {
    let object = fields
        .object("object", OBJECT)?
        .ok_or_else(|| ApiError::invalid("`object` is missing"))?;
    let kind = object.required("type")?;
    let id = object.required("id")?;
    fields
        .spelling()
        .object_of(kind, id)
        .map_err(|error| ApiError::invalid(error.to_string()))
}

fn read_filter(fields: &Fields<'_>) -> Result<UserFilter, ApiError> {
    let filters = fields.items("user_filters", USER_FILTER)?;
    let [filter] = filters.as_slice() else {
        let told = format!(
            "`user_filters` holds {} filters, and exactly one is taken",
            filters.len()
        );
        return Err(ApiError::invalid(told));
    };
    let kind = filter.spelling().kind(filter.required("type")?);
    check_type(&kind).map_err(|error| ApiError::invalid(error.to_string()))?;
    let relation = filter.text("relation")?;
    if let Some(relation) = relation {
        read_relation(relation)?;
    }
    Ok(UserFilter {
        kind,
        relation: relation.cloned(),
    })
}

fn user_body(user: TupleUser) -> UserBody {
    let object = |object: &ObjectRef| (object.kind().to_string(), object.id().to_string());
    match user {
        TupleUser::Object(one) => {
            let (r#type, id) = object(&one);
            UserBody::Object(ObjectBody { r#type, id })
        }
        TupleUser::Userset {
            object: of,
            relation,
        } => {
            let (r#type, id) = object(&of);
            UserBody::Userset(UsersetBody {
                r#type,
                id,
                relation: relation.to_string(),
            })
        }
        TupleUser::Wildcard(kind) => UserBody::Wildcard(WildcardBody {
            r#type: kind.to_string(),
        }),
    }
}
