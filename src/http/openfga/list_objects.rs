//! `POST /stores/{id}/list-objects`: lists the objects to which a user has a relation.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{AnswerSource, listed, text_of};
use crate::http::openfga::error::{ApiError, NamePosition};
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::LIST_OBJECTS;
use crate::http::openfga::request::{
    admit_with_size, answer, check_consistency, model_id, store_id, terms, watch_deadline,
};
use crate::http::openfga::schema::{FgaErrors, ListObjectsBody, ListObjectsRequest};
use crate::http::openfga::time::Deadline;
use crate::http::openfga::tuple::{read_context, read_contextual, read_relation, read_user};
use crate::http::shared::ServiceState;
use crate::model::{ObjectRef, Record, Tuple, TupleUser, check_type};
use crate::stores::{
    CompiledModel, ListResult, MAX_RESULTS, RelationFault, RelationLimits, RelationReader, StoreId,
    Stores, Version,
};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use smol_str::SmolStr;
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/list-objects",
    method: Method::Post,
    label: "fga_list_objects",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(list_objects),
    route: || web::to(list_objects),
};

/// Lists objects
///
/// At most 1,000, within three seconds. A list that is not complete says so in the header
/// `Behest-Truncated`, with the reason: `results`, `time` or `breadth`.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/list-objects",
    tag = "Relations",
    operation_id = "listObjects",
    params(("store_id" = String, Path, description = "The id of the store.")),
    request_body(content = ListObjectsRequest, content_type = "application/json"),
    responses(
        (
            status = 200,
            description = "The objects that were found.",
            body = ListObjectsBody,
            headers((
                "Behest-Truncated" = String,
                description = "Present where there may be more: `results`, `time` or `breadth`."
            )),
        ),
        FgaErrors,
    ),
    security(("key" = [])),
)]
pub(super) async fn list_objects(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body, bytes) = admit_with_size(&request, payload, &shared, &ENDPOINT).await?;
    let question = ObjectsQuestion::read(&stores, store_id(&request)?, &body)?;
    let basis = question.basis();
    let find = move |limits| {
        let is_over = watch_deadline(Deadline::of_list());
        let mut reader = question.reader(limits, &is_over)?;
        reader.list_objects(
            &question.user,
            &question.relation,
            &question.kind,
            MAX_RESULTS,
        )
    };
    let write = |list: ListResult<ObjectRef>| {
        let objects = list.found.iter().map(ToString::to_string).collect();
        Ok((list.cut, text_of(&ListObjectsBody { objects })?))
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

/// A question for objects, with the pinned version and model that answer it.
pub(super) struct ObjectsQuestion {
    pub(super) user: TupleUser,
    pub(super) relation: SmolStr,
    pub(super) kind: SmolStr,
    version: Arc<Version>,
    model: Arc<CompiledModel>,
    contextual: Vec<Tuple>,
    context: Record,
}

impl ObjectsQuestion {
    /// Reads a question from a body, and pins the store's version and model.
    pub(super) fn read(stores: &Stores, store: StoreId, body: &Record) -> Result<Self, ApiError> {
        let fields = Fields::in_store(body, store, stores, LIST_OBJECTS)?;
        check_consistency(&fields)?;
        let kind = fields.spelling().kind(fields.required("type")?);
        check_type(&kind).map_err(|error| ApiError::invalid(error.to_string()))?;
        let relation = fields.required("relation")?;
        read_relation(relation)?;
        let user = read_user(fields.required("user")?, fields.spelling())?;
        let (version, model) = stores.with_model(store, model_id(&fields)?)?;
        let contextual = read_contextual(&fields, &model)?;
        let context = read_context(&fields)?.cloned().unwrap_or_default();
        let question = Self {
            user,
            relation: relation.clone(),
            kind,
            version,
            model,
            contextual,
            context,
        };
        question.check_user()?;
        Ok(question)
    }

    /// Refuses a user whose type or relation the model does not define. If the listed type or
    /// relation is unknown as well, that error is reported instead.
    fn check_user(&self) -> Result<(), ApiError> {
        let model = self.model.rules.model();
        if model.type_named(&self.kind).is_none()
            || model.relation(&self.kind, &self.relation).is_none()
        {
            return Ok(());
        }
        let is_known = match &self.user {
            TupleUser::Object(_) | TupleUser::Wildcard(_) => {
                model.type_named(self.user.kind()).is_some()
            }
            TupleUser::Userset { object, relation } => {
                model.relation(object.kind(), relation).is_some()
            }
        };
        if is_known {
            return Ok(());
        }
        Err(ApiError::invalid(format!(
            "the model does not know the type, or the relation, of the user `{}`",
            self.user
        )))
    }

    /// Returns the model and the revision that answer.
    pub(super) fn basis(&self) -> AnswerSource {
        AnswerSource {
            model: self.model.id,
            revision: self.version.revision(),
        }
    }

    /// Creates a reader of the pinned version and model.
    pub(super) fn reader<'a>(
        &'a self,
        limits: RelationLimits,
        is_over: &'a dyn Fn() -> bool,
    ) -> Result<RelationReader<'a>, RelationFault> {
        let terms = terms(&self.contextual, &self.context, limits, is_over);
        RelationReader::new(self.version.graph(), &self.model.rules, terms)
    }
}
