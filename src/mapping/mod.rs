//! What the requests that a gateway asks about mean: HTTP routes and MCP methods, as questions.
//!
//! **Problem.** A gateway sees a method, an address, headers and perhaps a body, and a policy
//! speaks of actions and resources. What one reader takes for `/orders/7` another takes for
//! `/admin`, and a gateway that asks about the one and lets the other through has decided nothing.
//! **Decision.** A bundle says what each request means (`*routes.yaml`). A request becomes a
//! question only if every server would read it in the same way; anything else is refused before
//! anything is asked ([`MappingRefusal`]). Who asks is no part of a mapping: the subject of each
//! question is what the request's credential proves.
//! **Trade-off.** Addresses that some servers take and others read differently (`//`, `%2F`, `;`)
//! cannot be asked about, whatever a bundle says.
//!
//! INVARIANT: a mapping is total: what no route names is refused. Nothing of a request but its
//! path, query, headers and message gets into a question, and none of these into its subject.

mod error;
mod expression;
mod mcp;
mod path;
mod refusal;
mod request;
mod route;
mod template;

pub use error::MappingError;
pub use expression::{RequestExpression, ValueTemplate};
pub use mcp::{McpServer, SESSION_ACTION, SESSION_METHODS};
pub use refusal::MappingRefusal;
pub use request::OriginalRequest;
pub use route::{HttpMeaning, MappedRoute, RouteMatch, RouteMeaning};
pub use template::{PathTemplate, TemplateOverlap};

use path::RequestPath;
use smol_str::SmolStr;

/// LIMIT: the number of routes in a bundle. Each request is compared with all of them.
pub const MAX_ROUTES: usize = 2_000;

/// All routes of a bundle.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    routes: Vec<MappedRoute>,
}

impl Mapping {
    /// Creates a mapping of these routes. Of any two that a request could match, one must be more
    /// specific than the other ([`PathTemplate::overlap`]), or their methods or hosts differ.
    #[must_use]
    pub fn new(routes: Vec<MappedRoute>) -> Self {
        Self { routes }
    }

    /// Returns the routes.
    #[must_use]
    pub fn routes(&self) -> &[MappedRoute] {
        &self.routes
    }

    /// Finds the route that a request belongs to: of those that match its host and path the most
    /// specific one, if it takes the request's method.
    pub fn find(&self, request: &OriginalRequest<'_>) -> Result<RouteMatch<'_>, MappingRefusal> {
        request.check_overrides()?;
        let host = request.host_name()?;
        let path = RequestPath::read(request.target)?;
        let Some(template) = self.most_specific(&host, &path, false) else {
            return Err(MappingRefusal::NoRoute);
        };
        // INVARIANT: a server that ignores the case of paths reads the same route. Otherwise
        // `/ADMIN/1` would be asked about as `/{section}/1`, and served as `/admin/1`.
        if self.most_specific(&host, &path, true) != Some(template) {
            return Err(MappingRefusal::ambiguous(
                "path",
                "it differs from a route in case",
            ));
        }
        let mut same = self.at(&host).filter(|route| route.template == *template);
        let route = same
            .find(|route| route.takes(request.method))
            .ok_or(MappingRefusal::NoRoute)?;
        Ok(RouteMatch { route, path, host })
    }

    fn at<'m>(&'m self, host: &SmolStr) -> impl Iterator<Item = &'m MappedRoute> + use<'m> {
        let host = host.clone();
        let routes = self.routes.iter();
        routes.filter(move |route| route.host.as_ref().is_none_or(|own| *own == host))
    }

    fn most_specific(
        &self,
        host: &SmolStr,
        path: &RequestPath,
        ignore_case: bool,
    ) -> Option<&PathTemplate> {
        let templates = self.at(host).map(|route| &route.template);
        templates
            .filter(|template| template.matches(path, ignore_case))
            .max_by_key(|template| template.literals())
    }
}

#[cfg(test)]
mod tests;
