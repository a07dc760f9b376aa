//! Holds routes to the schema.

use crate::bundle::yaml::{self, Location};
use crate::mapping::{McpServer, PathTemplate, RequestExpression, ValueTemplate};
use crate::model::{CarrierSettings, Problem};
use crate::policy::{ActionInfo, Schema, SourceFile, Vocabulary};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Types of members that hold no text, which is all that a request's address and headers are.
const NO_TEXTS: [&str; 2] = ["Long", "Bool"];

/// The check of one route, which reports what is wrong with it.
pub(super) struct RouteCheck<'a> {
    file: &'a SourceFile,
    vocabulary: &'a Vocabulary,
    aliases: &'a BTreeMap<SmolStr, SmolStr>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> RouteCheck<'a> {
    pub(super) fn new(
        file: &'a SourceFile,
        schema: &'a Schema,
        aliases: &'a BTreeMap<SmolStr, SmolStr>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        Self {
            file,
            vocabulary: &schema.vocabulary,
            aliases,
            problems,
        }
    }

    /// Reports a problem.
    pub(super) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Reports a problem at a place.
    pub(super) fn tell(&mut self, at: Location, message: impl Into<String>, help: &str) {
        let place = yaml::place(self.file, at);
        self.push(Problem::new(message).at(place).help(help));
    }

    /// Checks that the action is declared and applies to the type. Returns `true` if so.
    pub(super) fn asked(
        &mut self,
        action: &str,
        at: Location,
        kind: &str,
        kind_at: Location,
    ) -> bool {
        let declared = self.aliases.get(kind).map_or(kind, SmolStr::as_str);
        if self.vocabulary.entity_type(declared).is_none() {
            let message = format!("`{kind}` is a type that the schema does not declare");
            self.tell(kind_at, message, "name a declared entity type");
            return false;
        }
        let message = match self.action(action).map(ActionInfo::applies_to) {
            None => format!("`{action}` is no action that a request can name"),
            Some((_, kinds)) if !kinds.contains(declared) => {
                format!("the action `{action}` does not apply to `{kind}`")
            }
            Some(_) => return true,
        };
        self.tell(
            at,
            message,
            "name a declared action: as it is, the route always denies",
        );
        false
    }

    /// Checks the action of a method of MCP.
    pub(super) fn mcp_action(&mut self, method: &str, action: &str, at: Location) {
        if !McpServer::maps(method) {
            let message = format!("`{method}` is no method of MCP that can be asked about");
            let help = "name one as the protocol does, or `notifications/*` for all notifications";
            return self.tell(at, message, help);
        }
        if let Some(kind) = McpServer::resource_type(method) {
            self.asked(action, at, kind, at);
        }
    }

    /// Checks that the path has the parameters that expressions select.
    pub(super) fn parameters<'e>(
        &mut self,
        expressions: impl IntoIterator<Item = &'e RequestExpression>,
        template: &PathTemplate,
        at: Location,
    ) {
        let selected = expressions
            .into_iter()
            .flat_map(RequestExpression::path_parameters);
        for name in selected.filter(|name| !template.has_parameter(name)) {
            let message = format!("the path `{}` has no parameter `{name}`", template.text());
            let help = "a parameter is a segment in braces: `/orders/{order}`";
            let place = yaml::place(self.file, at);
            self.problems
                .push(Problem::new(message).at(place).help(help));
        }
    }

    /// Checks a member of the context: each action declares it, and it can hold the value.
    pub(super) fn member(&mut self, action: &str, name: &str, value: &ValueTemplate, at: Location) {
        if CarrierSettings::takes_from_context(name) {
            let message = format!("`context.{name}` says who acts, and a route says no such thing");
            let help = "leave it out: who asks is what the request's token proves";
            return self.tell(at, message, help);
        }
        let types = self.types_of(action, name);
        if types.is_empty() {
            let message = format!("the action `{action}` declares no `context.{name}`");
            return self.tell(
                at,
                message,
                "declare it in the schema, or leave it out here",
            );
        }
        let is_text = matches!(value, ValueTemplate::Expression(_));
        if is_text && types.iter().all(|kind| NO_TEXTS.contains(&kind.as_str())) {
            let message = format!(
                "`context.{name}` of the action `{action}` is of the type `{}`, and this is a text",
                types.join("` or `")
            );
            self.tell(
                at,
                message,
                "declare it as `String`, or give it a value of its type",
            );
        }
    }

    fn action(&self, name: &str) -> Option<&'a ActionInfo> {
        let action = self.vocabulary.action_named(name)?;
        action.general().is_none().then_some(action)
    }

    /// Returns the types of a member of an action's context, and of its specialised members'.
    fn types_of(&self, action: &str, name: &str) -> Vec<String> {
        let members = self.vocabulary.member_names();
        let of_action = members.filter(|(of, member)| {
            let general = of.general().map_or(of.name(), SmolStr::as_str);
            general == action && *member == name
        });
        let found = of_action.flat_map(|(of, _)| of.members());
        let own = found.filter(|(member, ..)| *member == name);
        own.map(|(_, kind, _)| kind).collect()
    }
}
