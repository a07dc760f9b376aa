//! The description of the API, from the handlers.

use super::{evaluation, evaluations, examples, fga, health, metadata, schema, search};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{Modify, OpenApi as _};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "behest",
        description = "May this agent, acting at this user's behest, do this action to this resource, now?\n\nA Policy \
            Decision Point that speaks the [AuthZEN Authorization API \
            1.0](https://openid.net/specs/authorization-api-1_0.html), decides with Cedar policies, and never lets an \
            agent do what its user may not. The examples work against the default bundle.",
    ),
    paths(
        evaluation::evaluation,
        evaluations::evaluations,
        search::subject,
        search::resource,
        search::action,
        metadata::metadata,
        metadata::jwks,
        health::healthz,
        health::readyz,
        health::metrics,
    ),
    components(schemas(schema::ErrorCode)),
    tags(
        (name = "AuthZEN", description = "Decisions."),
        (name = "AuthZEN search", description = "Who may, to what, and what? Not supported yet."),
        (name = "Discovery", description = "What the service says about itself."),
        (name = "Operation", description = "For probes and dashboards."),
    ),
    modifiers(&Keys),
)]
struct Description;

/// The description.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut api = Description::openapi();
    api.merge(fga::Paths::openapi());
    Examples.modify(&mut api);
    api
}

/// The description as text; empty where it cannot be written, which a test rules out.
pub(super) fn written() -> String {
    openapi().to_pretty_json().unwrap_or_default()
}

struct Keys;

impl Modify for Keys {
    fn modify(&self, api: &mut OpenApi) {
        let scheme = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A configured caller's key. Not needed on the loopback address while no caller is configured.",
            ))
            .build();
        api.components.get_or_insert_default().add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

struct Examples;

impl Modify for Examples {
    fn modify(&self, api: &mut OpenApi) {
        let own = examples::examples().into_iter().map(|it| (it.path, it.name, it.summary, it.description, it.body));
        let fga = fga::examples::examples().into_iter().map(|it| (it.path, it.name, it.summary, "", it.body));
        for (path, name, summary, description, body) in own.chain(fga) {
            let operation = api.paths.paths.get_mut(path).and_then(|item| item.post.as_mut());
            let Some(RefOr::T(described)) = operation.and_then(|operation| operation.request_body.as_mut()) else {
                continue;
            };
            let Some(RefOr::T(content)) = described.content.get_mut("application/json") else { continue };
            let built = ExampleBuilder::new().summary(summary).description(description).value(Some(body));
            content.examples.insert(name.to_owned(), RefOr::T(built.build()));
        }
    }
}
