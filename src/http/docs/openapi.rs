//! The description of the API: that of every endpoint, and what holds for all of them.

use crate::http::authzen::metadata::document::MetadataDocument;
use crate::http::authzen::{examples, schema};
use crate::http::endpoint::Access;
use crate::http::{Error, Permission, openfga, routes, settings};
use crate::model::{Fault, MalformedMember};
use std::time::Duration;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Header, Object, OpenApi, RefOr, Response, Schema, Type};
use utoipa::{Modify, OpenApi as _, ToSchema as _};

const JSON: &str = "application/json";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "behest",
        description = "May this agent, acting at this user's behest, \
            do this action to this resource, now?\n\n\
            A Policy Decision Point that speaks the \
            [AuthZEN Authorization API 1.0](https://openid.net/specs/authorization-api-1_0.html), \
            decides with Cedar policies, and never lets an agent do what its user may not.\n\n\
            **To try it**, open `/access/v1/evaluation`, choose an example and press *Execute*. \
            The examples ask about people, agents and tools of the default bundle; \
            with a bundle of your own they are denied, as `unknown_type` or the like.",
    ),
    components(schemas(schema::ErrorCode)),
    tags(
        (
            name = "AuthZEN",
            description = "Decisions and searches, by the OpenID AuthZEN Authorization API 1.0.",
        ),
        (name = "AuthZEN search", description = "Who may, to what, and what?"),
        (
            name = "Explanation",
            description = "What people ask who want to know why: what would be decided if \
                something else were so, the bundle's cases and policies. The console asks these.",
        ),
        (name = "Discovery", description = "What the service says about itself."),
        (name = "Operation", description = "For probes, dashboards and operators."),
        (
            name = "Relations",
            description = "Relationship tuples, by the OpenFGA HTTP API. Every call needs a key \
                with the permission `relations.read` or `relations.write`. Decisions read the \
                store `main` (`01BEHEST00000000000000MA1N`), whose model is the bundle's.",
        ),
    ),
    modifiers(&KeySecurity),
)]
struct ApiDescription;

/// Returns the OpenAPI description.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut api = ApiDescription::openapi();
    for describe in routes::endpoints().filter_map(|endpoint| endpoint.description) {
        api.merge(describe());
    }
    AdvertisedMembers.modify(&mut api);
    CommonResponses.modify(&mut api);
    BodyExamples.modify(&mut api);
    ErrorExamples.modify(&mut api);
    api
}

/// Returns the description as JSON text; empty if it cannot be serialized, which a test rules out.
pub(in crate::http) fn written() -> String {
    openapi().to_pretty_json().unwrap_or_default()
}

struct KeySecurity;

impl Modify for KeySecurity {
    fn modify(&self, api: &mut OpenApi) {
        let scheme = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A configured caller's key, or its access token of a configured issuer. \
                 A caller may also be known by the certificate of its connection. \
                 Not needed on the loopback address while no caller is configured.",
            ))
            .build();
        api.components
            .get_or_insert_default()
            .add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// Adds to the schema of AuthZEN's metadata the members that name endpoints, after the member with
/// the service's identifier.
struct AdvertisedMembers;

impl Modify for AdvertisedMembers {
    fn modify(&self, api: &mut OpenApi) {
        let schemas = &mut api.components.get_or_insert_default().schemas;
        let metadata = schemas.get_mut(MetadataDocument::name().as_ref());
        let Some(RefOr::T(Schema::Object(metadata))) = metadata else {
            return;
        };
        let advertised = routes::endpoints().filter_map(|endpoint| endpoint.advertised);
        for (place, advertised) in (1..).zip(advertised) {
            let address = Object::builder()
                .schema_type(Type::String)
                .description(Some(advertised.description));
            let member = advertised.member.to_owned();
            metadata.required.push(member.clone());
            metadata
                .properties
                .shift_insert(place, member, RefOr::T(address.build().into()));
        }
    }
}

/// Adds the responses that every operation with a 401 can give: its challenge header, and the 429.
/// Both are decided before the endpoint's own work begins.
struct CommonResponses;

impl Modify for CommonResponses {
    fn modify(&self, api: &mut OpenApi) {
        for operation in api.paths.paths.values_mut().flat_map(operations) {
            let responses = &mut operation.responses.responses;
            let Some(RefOr::T(refused)) = responses.get_mut("401") else {
                continue;
            };
            let challenge = header(
                Type::String,
                "The scheme and realm, and whether what was sent is at fault.",
            );
            refused
                .headers
                .entry("WWW-Authenticate".to_owned())
                .or_insert(challenge);
            let retry = header(Type::Integer, "Seconds until one more is taken.");
            let mut too_many = Response::new("The caller sends more requests than it may.");
            too_many.headers.insert("Retry-After".to_owned(), retry);
            too_many.content.clone_from(&refused.content);
            responses.insert("429".to_owned(), RefOr::T(too_many));
        }
    }
}

fn header(kind: Type, description: &str) -> RefOr<Header> {
    let mut header = Header::new(Object::with_type(kind));
    header.description = Some(description.to_owned());
    RefOr::T(header)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        put,
        post,
        delete,
        ..
    } = item;
    [get, put, post, delete].into_iter().flatten()
}

struct BodyExamples;

impl Modify for BodyExamples {
    fn modify(&self, api: &mut OpenApi) {
        let examples = examples::examples();
        let own = examples.iter().map(|it| {
            (
                it.path,
                it.name,
                it.summary,
                it.description,
                it.body.clone(),
            )
        });
        let fga = openfga::examples::examples()
            .into_iter()
            .map(|it| (it.path, it.name, it.summary, "", it.body));
        for (path, name, summary, description, body) in own.chain(fga) {
            let operation = operation(api, path);
            let Some(RefOr::T(described)) =
                operation.and_then(|operation| operation.request_body.as_mut())
            else {
                continue;
            };
            let Some(RefOr::T(content)) = described.content.get_mut(JSON) else {
                continue;
            };
            let built = ExampleBuilder::new()
                .summary(summary)
                .description(description)
                .value(Some(body));
            content
                .examples
                .insert(name.to_owned(), RefOr::T(built.build()));
        }
        for answer in examples::answers() {
            let asked = examples
                .iter()
                .find(|example| example.path == answer.path && example.name == answer.name);
            let summary = asked.map_or("", |example| example.summary);
            if let Some(content) =
                operation(api, answer.path).and_then(|operation| answered(operation, "200"))
            {
                let built = ExampleBuilder::new()
                    .summary(summary)
                    .value(Some(answer.body));
                content
                    .examples
                    .insert(answer.name.to_owned(), RefOr::T(built.build()));
            }
        }
    }
}

/// Adds an example of an error to each error response; without them the page shows one made-up
/// error for every status.
struct ErrorExamples;

impl Modify for ErrorExamples {
    fn modify(&self, api: &mut OpenApi) {
        for (path, item) in &mut api.paths.paths {
            for operation in operations(item) {
                let statuses: Vec<String> = operation.responses.responses.keys().cloned().collect();
                for status in statuses {
                    let Some(error) = typical(path, &status) else {
                        continue;
                    };
                    let Some(content) =
                        answered(operation, &status).filter(|content| is_error(content))
                    else {
                        continue;
                    };
                    content.example = serde_json::to_value(error.body()).ok();
                }
            }
        }
    }
}

/// Returns a typical error with this status.
fn typical(path: &str, status: &str) -> Option<Error> {
    let limits = settings::HttpLimits::default();
    let endpoint = routes::endpoints().find(|endpoint| endpoint.path == path);
    let permission = match endpoint.map(|endpoint| endpoint.access) {
        Some(Access::Needs(permission)) => permission,
        Some(Access::Public | Access::Page(_)) | None => Permission::Decide,
    };
    Some(match status {
        "400" => Error::Malformed(MalformedMember::missing("action.name")),
        "401" => Error::WrongCredential,
        "403" => Error::MissingPermission {
            permission,
            anonymous: false,
        },
        "404" => Error::NoPublicUrl,
        "408" => Error::BodyTimeout(limits.body_time),
        "429" => Error::TooManyRequests(Duration::from_secs(1)),
        "413" => Error::BodyTooLarge(limits.body_bytes),
        "500" => Error::Fault(Fault::Internal(String::new())),
        "503" => Error::Fault(Fault::NoBundle),
        _ => return None,
    })
}

fn operation<'a>(api: &'a mut OpenApi, path: &str) -> Option<&'a mut Operation> {
    api.paths
        .paths
        .get_mut(path)
        .and_then(|item| item.post.as_mut())
}

fn answered<'a>(operation: &'a mut Operation, status: &str) -> Option<&'a mut Content> {
    let Some(RefOr::T(response)) = operation.responses.responses.get_mut(status) else {
        return None;
    };
    match response.content.get_mut(JSON) {
        Some(RefOr::T(content)) => Some(content),
        _ => None,
    }
}

fn is_error(content: &Content) -> bool {
    match &content.schema {
        Some(RefOr::Ref(schema)) => schema.ref_location.ends_with("/ErrorBody"),
        _ => false,
    }
}
