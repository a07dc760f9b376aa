//! A route: which requests it takes, and what they mean.

use super::expression::SelectionInput;
use super::path::RequestPath;
use super::request::read_host;
use super::{
    MappingError, MappingRefusal, McpServer, OriginalRequest, PathTemplate, RequestExpression,
    ValueTemplate,
};
use crate::model::{Record, Value};
use smol_str::SmolStr;

/// One route of a bundle.
#[derive(Clone, Debug)]
pub struct MappedRoute {
    pub(super) template: PathTemplate,
    pub(super) host: Option<SmolStr>,
    pub(super) methods: Vec<SmolStr>,
    meaning: RouteMeaning,
}

/// What the requests of a route mean.
#[derive(Clone, Debug)]
pub enum RouteMeaning {
    /// An action on a resource that the address names.
    Http(HttpMeaning),
    /// A request to an MCP server, which its body names.
    Mcp(McpServer),
}

/// The question that an HTTP request is asked as.
#[derive(Clone, Debug)]
pub struct HttpMeaning {
    /// The name of the action.
    pub action: SmolStr,
    /// The type of the resource.
    pub kind: SmolStr,
    /// The id of the resource.
    pub id: RequestExpression,
    /// The context, an object.
    pub context: Vec<(SmolStr, ValueTemplate)>,
}

impl MappedRoute {
    /// Creates a route. `host` is a name in lower case; `methods` are written in capitals.
    pub fn new(
        template: PathTemplate,
        host: Option<SmolStr>,
        methods: Vec<SmolStr>,
        meaning: RouteMeaning,
    ) -> Result<Self, MappingError> {
        if let Some(host) = &host
            && (read_host(host).as_ref() != Some(host) || host.contains(':'))
        {
            return Err(MappingError::Host(host.clone()));
        }
        let is_method = |method: &SmolStr| {
            !method.is_empty()
                && method
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        };
        if let Some(method) = methods.iter().find(|method| !is_method(method)) {
            return Err(MappingError::Method(method.clone()));
        }
        Ok(Self {
            template,
            host,
            methods,
            meaning,
        })
    }

    /// Returns the template of its paths.
    #[must_use]
    pub fn template(&self) -> &PathTemplate {
        &self.template
    }

    /// Returns what its requests mean.
    #[must_use]
    pub fn meaning(&self) -> &RouteMeaning {
        &self.meaning
    }

    /// Returns the methods that it takes.
    #[must_use]
    pub fn methods(&self) -> &[SmolStr] {
        &self.methods
    }

    /// Returns `true` if requests to one host can belong to both routes.
    #[must_use]
    pub fn shares_host(&self, other: &Self) -> bool {
        match (&self.host, &other.host) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => true,
        }
    }

    pub(super) fn takes(&self, method: &str) -> bool {
        self.methods.iter().any(|own| own == method)
    }
}

/// A request's route, and what of the request was read to find it.
#[derive(Clone, Debug)]
pub struct RouteMatch<'m> {
    pub(super) route: &'m MappedRoute,
    pub(super) path: RequestPath,
    pub(super) host: SmolStr,
}

impl RouteMatch<'_> {
    /// Returns `true` if the question depends on the body.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        match self.route.meaning {
            RouteMeaning::Http(_) => false,
            RouteMeaning::Mcp(_) => true,
        }
    }

    /// Returns the question, without a credential. Its subject is the credential in the first
    /// place, `context.credentials[0]`. `message` is the body, which only some routes need.
    pub fn question(
        &self,
        request: &OriginalRequest<'_>,
        message: Option<&Record>,
    ) -> Result<Record, MappingRefusal> {
        match &self.route.meaning {
            RouteMeaning::Http(meaning) => self.http(meaning, request),
            RouteMeaning::Mcp(server) => {
                server.question(request, message.ok_or(MappingRefusal::Body)?)
            }
        }
    }

    fn http(
        &self,
        meaning: &HttpMeaning,
        request: &OriginalRequest<'_>,
    ) -> Result<Record, MappingRefusal> {
        let input = SelectionInput {
            request,
            host: &self.host,
            path: &self.path,
            template: &self.route.template,
        };
        let id = meaning.id.text(&input)?;
        let id = id.ok_or_else(|| MappingRefusal::Missing("id".into()))?;
        let mut context = Record::new();
        for (name, template) in &meaning.context {
            if let Some(value) = template.value(&input)? {
                context.insert(name.clone(), value);
            }
        }
        Ok(question(&meaning.action, &meaning.kind, id, context))
    }
}

/// Returns a question of whoever the first credential names.
pub(super) fn question(action: &str, kind: &str, id: SmolStr, context: Record) -> Record {
    let entity = |kind: &str, id: Value| {
        Value::Record(Record::from_iter([
            ("type".into(), Value::text(kind)),
            ("id".into(), id),
        ]))
    };
    let action = Record::from_iter([("name".into(), Value::text(action))]);
    Record::from_iter([
        ("subject".into(), entity("credential", Value::text("0"))),
        ("action".into(), Value::Record(action)),
        ("resource".into(), entity(kind, Value::Text(id))),
        ("context".into(), Value::Record(context)),
    ])
}
