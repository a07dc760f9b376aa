//! Reads a bundle's routes: what the requests that a gateway asks about mean.
//!
//! INVARIANT: every action and type that a route names is declared, each action applies to the type
//! of its resource, and each member of a context is one that the action declares and that can hold
//! what the route puts there. A route that would deny whatever is asked is refused here, where its
//! author sees it; so is one that could say who acts.

mod route_check;

use super::yaml::{self, Location, Spanned, YamlRecord, YamlValue};
use crate::mapping::{
    HttpMeaning, MAX_ROUTES, MappedRoute, Mapping, MappingError, McpServer, PathTemplate,
    RequestExpression, RouteMeaning, TemplateOverlap, ValueTemplate,
};
use crate::model::{Place, Problem, Problems};
use crate::policy::{Schema, SourceFile};
use route_check::RouteCheck;
use serde::Deserialize;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// A `*routes.yaml` file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Routes")]
struct RoutesFile {
    routes: Vec<Spanned<RouteText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Route")]
struct RouteText {
    path: Spanned<String>,
    host: Option<Spanned<String>>,
    #[serde(default)]
    methods: Vec<Spanned<String>>,
    action: Option<Spanned<String>>,
    resource: Option<ResourceText>,
    #[serde(default)]
    context: BTreeMap<String, Spanned<YamlValue>>,
    mcp: Option<McpText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Resource")]
struct ResourceText {
    r#type: Spanned<String>,
    id: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct McpServer")]
struct McpText {
    server: Spanned<String>,
    #[serde(default)]
    actions: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    defaults: BTreeMap<String, YamlRecord>,
}

/// Reads all files of routes. All problems of all files are reported together. `aliases` are the
/// names that stand for declared types.
pub(super) fn read(
    files: &[SourceFile],
    schema: &Schema,
    aliases: &BTreeMap<SmolStr, SmolStr>,
) -> Result<Mapping, Problems> {
    let mut problems = Vec::new();
    let mut read: Vec<(MappedRoute, Place)> = Vec::new();
    for file in files {
        let parsed = match yaml::parse::<RoutesFile>(file) {
            Ok(parsed) => parsed,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for text in parsed.routes {
            let at = yaml::place(file, text.value.path.referenced);
            let check = RouteCheck::new(file, schema, aliases, &mut problems);
            let route = (RouteReader { file, check }).route(text.value, text.referenced);
            if let Some(route) = route {
                read.push((route, at));
            }
        }
    }
    if read.len() > MAX_ROUTES {
        let message = format!("the bundle has {} routes", read.len());
        let help = format!("at most {MAX_ROUTES} are compared with each request; join some");
        return Err(Problem::new(message).help(help).into());
    }
    problems.extend(crossings(&read));
    let routes = read.into_iter().map(|(route, _)| route).collect();
    Problems(problems)
        .into_result()
        .map(|()| Mapping::new(routes))
}

/// Reads one route.
struct RouteReader<'a> {
    file: &'a SourceFile,
    check: RouteCheck<'a>,
}

impl RouteReader<'_> {
    fn route(mut self, text: RouteText, at: Location) -> Option<MappedRoute> {
        let template = PathTemplate::read(&text.path.value);
        let template = self.keep(template, text.path.referenced)?;
        let host = text.host.as_ref().map(|host| SmolStr::from(&host.value));
        let methods: Vec<SmolStr> = match &text.mcp {
            Some(_) => vec!["POST".into()],
            None => text
                .methods
                .iter()
                .map(|method| SmolStr::from(&method.value))
                .collect(),
        };
        if methods.is_empty() {
            self.check.tell(
                at,
                "a route takes no method",
                "name them: `methods: [GET, HEAD]`",
            );
            return None;
        }
        let first = text.methods.first().map_or(at, |method| method.referenced);
        let at_host = text.host.as_ref().map_or(first, |host| host.referenced);
        let meaning = match text.mcp {
            Some(_) if is_http(&text) => {
                let help = "a route with `mcp` takes `path`, `host` and `mcp`: each message of the \
                            server's clients names its action and resource";
                self.check
                    .tell(at, "a route is an HTTP route or one to an MCP server", help);
                return None;
            }
            Some(mcp) => RouteMeaning::Mcp(self.server(mcp)?),
            None => RouteMeaning::Http(self.meaning(text, &template)?),
        };
        let route = MappedRoute::new(template, host, methods, meaning);
        let at = match route {
            Err(MappingError::Method(_)) => first,
            _ => at_host,
        };
        self.keep(route, at)
    }

    fn server(&mut self, text: McpText) -> Option<McpServer> {
        let name = SmolStr::from(&text.server.value);
        if name.is_empty() || name.contains('/') {
            let help = "its name stands before `/` in the ids of tools: leave `/` out of it";
            let at = text.server.referenced;
            self.check
                .tell(at, format!("`{name}` is no name of a server"), help);
            return None;
        }
        self.check
            .mcp_action("tools/call", "tools/call", text.server.referenced);
        let mut actions = BTreeMap::new();
        for (method, action) in text.actions {
            self.check
                .mcp_action(&method, &action.value, action.referenced);
            actions.insert(SmolStr::from(method), SmolStr::from(action.value));
        }
        let defaults = text.defaults.into_iter();
        Some(McpServer {
            name,
            actions,
            defaults: defaults
                .map(|(tool, YamlRecord(own))| (tool.into(), own))
                .collect(),
        })
    }

    fn meaning(&mut self, text: RouteText, template: &PathTemplate) -> Option<HttpMeaning> {
        let at = text.path.referenced;
        let (Some(action), Some(resource)) = (text.action, text.resource) else {
            let help = "write `action: NAME` and `resource: {type: TYPE, id: ID}`, or `mcp`";
            self.check
                .tell(at, "a route says neither what is done nor to what", help);
            return None;
        };
        let kind_at = resource.r#type.referenced;
        let id_at = resource.id.referenced;
        let kind = SmolStr::from(resource.r#type.value);
        let id = self.keep(read_text(&resource.id.value), id_at)?;
        let name = SmolStr::from(action.value);
        let is_known = self.check.asked(&name, action.referenced, &kind, kind_at);
        self.check.parameters(std::iter::once(&id), template, id_at);
        let mut context = Vec::new();
        for (member_name, value) in text.context {
            let at = value.referenced;
            let template_of = ValueTemplate::read(&value.value.0);
            let Some(member) = self.keep(template_of, at) else {
                continue;
            };
            self.check.parameters(member.expressions(), template, at);
            if is_known {
                self.check.member(&name, &member_name, &member, at);
            }
            context.push((SmolStr::from(member_name), member));
        }
        Some(HttpMeaning {
            action: name,
            kind,
            id,
            context,
        })
    }

    fn keep<T>(&mut self, read: Result<T, MappingError>, at: Location) -> Option<T> {
        read.map_err(|error| {
            let place = yaml::place(self.file, at);
            let problem = Problem::new(error.to_string()).help(error.help());
            self.check.push(problem.at(place));
        })
        .ok()
    }
}

/// Returns `true` if a route says what only HTTP routes say.
fn is_http(text: &RouteText) -> bool {
    !text.methods.is_empty()
        || text.action.is_some()
        || text.resource.is_some()
        || !text.context.is_empty()
}

/// Reads a text that is an expression behind `$`, and itself otherwise.
fn read_text(text: &str) -> Result<RequestExpression, MappingError> {
    match text.strip_prefix('$') {
        Some(literal) if literal.starts_with('$') => Ok(RequestExpression::literal(literal)),
        Some(expression) => {
            let read = RequestExpression::read(expression)?;
            if read.is_optional() {
                return Err(MappingError::OptionalPart(expression.into()));
            }
            Ok(read)
        }
        None => Ok(RequestExpression::literal(text)),
    }
}

/// Finds routes of which a request could belong to either.
fn crossings(routes: &[(MappedRoute, Place)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, (route, place)) in routes.iter().enumerate() {
        for (other, before) in routes
            .iter()
            .take(at)
            .filter(|(it, _)| it.shares_host(route))
        {
            let shared = route
                .methods()
                .iter()
                .find(|it| other.methods().contains(it));
            let (message, help) = match (route.template().overlap(other.template()), shared) {
                (TemplateOverlap::Same, Some(method)) => (
                    format!("two routes take `{method}` at the same paths"),
                    "remove one of them, or give each a `host` of its own",
                ),
                (TemplateOverlap::Crossed, _) => (
                    format!(
                        "some paths match `{}` and `{}`, and neither is more specific",
                        other.template().text(),
                        route.template().text()
                    ),
                    "write names for parameters in one of them; names that differ in case alone \
                     are one to some servers",
                ),
                (TemplateOverlap::Same, None)
                | (TemplateOverlap::Within | TemplateOverlap::None, _) => {
                    continue;
                }
            };
            let problem = Problem::new(message).at(place.clone());
            problems.push(problem.and_at(before.clone()).help(help));
        }
    }
    problems
}
