//! Makes policies from templates and links.
//!
//! **Problem.** A template is not a policy: until a link fills its slots, it permits and forbids
//! nothing.
//! **Decision.** A bundle's `*links.json` lists the links, in the form of the Cedar command line.
//! Each link is written out as the policy that it defines, with the link's id and the template's
//! place. From then on it is a policy like any other: it is checked, indexed, explained and
//! searched as if somebody had written it.
//! **Trade-off.** Every link has a scope of its own in memory; links of one template share its
//! condition.
//!
//! INVARIANT: a template without a link is refused, and so is a link that leaves a slot open or
//! fills one that does not exist.

use crate::model::{Code, Place, Problem, nearest};
use crate::policy::load::source::SourceFile;
use crate::policy::schema::Vocabulary;
use cedar_policy_core::FromNormalizedStr as _;
use cedar_policy_core::ast::{EntityUID, PolicyID, SlotId, StaticPolicy, Template};
use cedar_policy_core::parser::err::ParseErrors;
use serde::Deserialize;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;

const FORM: &str = "a file of links is \
    `[{\"template_id\": \"the-template\", \"link_id\": \"a-name\", \
    \"args\": {\"?principal\": \"user::\\\"alice\\\"\"}}]`";

/// A template of the bundle.
pub(in crate::policy) struct PolicyTemplate<'p> {
    pub(in crate::policy) id: SmolStr,
    pub(in crate::policy) file: &'p SourceFile,
    pub(in crate::policy) reason: Option<Code>,
    pub(in crate::policy) template: Template,
    pub(in crate::policy) place: Option<Place>,
}

/// A policy that a link makes of a template.
pub(in crate::policy) struct LinkedPolicy<'p> {
    pub(in crate::policy) id: SmolStr,
    pub(in crate::policy) file: &'p SourceFile,
    pub(in crate::policy) reason: Option<Code>,
    pub(in crate::policy) policy: StaticPolicy,
    /// The place of the link.
    pub(in crate::policy) place: Place,
}

/// A link as the file contains it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkText {
    template_id: SmolStr,
    #[serde(alias = "new_id")]
    link_id: SmolStr,
    args: LinkArgs,
}

/// The entities that fill the slots.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Args")]
struct LinkArgs {
    #[serde(rename = "?principal")]
    principal: Option<String>,
    #[serde(rename = "?resource")]
    resource: Option<String>,
}

/// Links templates. Adds to `problems` everything that is wrong with a link, and every template
/// that has no link.
pub(in crate::policy) fn link<'p>(
    files: &[SourceFile],
    templates: &[PolicyTemplate<'p>],
    policies: &BTreeMap<SmolStr, Option<Place>>,
    vocabulary: &Vocabulary,
    problems: &mut Vec<Problem>,
) -> Vec<LinkedPolicy<'p>> {
    let mut linked = Vec::new();
    let mut used: Vec<&SmolStr> = Vec::new();
    let mut has_links = false;
    for file in files {
        let texts: Vec<LinkText> = match serde_json::from_str(&file.text) {
            Ok(texts) => texts,
            Err(error) => {
                problems.push(unreadable(file, &error));
                continue;
            }
        };
        has_links |= !texts.is_empty();
        for text in &texts {
            let place = place_of(file, &text.link_id);
            let Some(template) = templates
                .iter()
                .find(|template| template.id == text.template_id)
            else {
                problems.push(no_template(text, templates, policies).at(place));
                continue;
            };
            used.push(&template.id);
            match policy(text, template, vocabulary) {
                Ok(policy) => {
                    let (id, file, reason) =
                        (text.link_id.clone(), template.file, template.reason.clone());
                    linked.push(LinkedPolicy {
                        id,
                        file,
                        reason,
                        policy,
                        place,
                    });
                }
                Err(problem) => problems.push(problem.at(place)),
            }
        }
    }
    let unused = templates
        .iter()
        .filter(|template| !used.contains(&&template.id));
    problems.extend(unused.map(|template| without_link(template, has_links)));
    linked
}

/// Adds the place of a link to the problems of its template, since the link is often at fault.
pub(in crate::policy) fn beside(link: Option<&Place>, mut problems: Vec<Problem>) -> Vec<Problem> {
    problems
        .iter_mut()
        .for_each(|problem| problem.also = link.cloned());
    problems
}

/// Returns the policy that a link defines.
fn policy(
    text: &LinkText,
    unlinked: &PolicyTemplate<'_>,
    vocabulary: &Vocabulary,
) -> Result<StaticPolicy, Problem> {
    let template = &unlinked.template;
    let link = &text.link_id;
    let has = |slot: SlotId| template.slots().any(|found| found.id == slot);
    let fill = |slot: SlotId, given: Option<&String>| match (has(slot), given) {
        (true, Some(text)) => entity(link, slot, text, vocabulary).map(Some),
        (false, None) => Ok(None),
        (true, None) => {
            let message = format!(
                "the link `{link}` leaves `{slot}` of the template `{}` open",
                unlinked.id
            );
            Err(Problem::new(message).help(format!(
                "add `\"{slot}\": \"user::\\\"alice\\\"\"` to its `args`"
            )))
        }
        (false, Some(_)) => {
            let message = format!(
                "the link `{link}` fills `{slot}`, which the template `{}` does not have",
                unlinked.id
            );
            Err(Problem::new(message).help("remove it: nothing would look at it"))
        }
    };
    let who = fill(SlotId::principal(), text.args.principal.as_ref())?;
    let what = fill(SlotId::resource(), text.args.resource.as_ref())?;
    let mut principal = template.principal_constraint().clone();
    if let Some(who) = who {
        principal = principal.with_filled_slot(who);
    }
    let mut resource = template.resource_constraint().clone();
    if let Some(what) = what {
        resource = resource.with_filled_slot(what);
    }
    let annotations = template
        .annotations()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    StaticPolicy::new(
        PolicyID::from_smolstr(link.clone()),
        template.loc().cloned(),
        annotations,
        template.effect(),
        principal,
        template.action_constraint().clone(),
        resource,
        template.non_scope_constraints().cloned(),
    )
    .map_err(|error| Problem::new(format!("the link `{link}` leaves a slot open: {error}")))
}

fn entity(
    link: &str,
    slot: SlotId,
    text: &str,
    vocabulary: &Vocabulary,
) -> Result<Arc<EntityUID>, Problem> {
    let refuse = |errors: ParseErrors| {
        let why = errors.first().to_string();
        Problem::new(format!(
            "`{slot}` of the link `{link}` is no entity: `{text}` ({why})"
        ))
        .help("write it as in a policy: `\"user::\\\"alice\\\"\"`")
    };
    let uid = EntityUID::from_normalized_str(text).map_err(refuse)?;
    let kind = uid.entity_type().to_string();
    if vocabulary.entity_type(&kind).is_none() {
        let message = format!(
            "`{slot}` of the link `{link}` is `{uid}`, and {}",
            vocabulary.no_type(&kind)
        );
        return Err(Problem::new(message).help("name an entity of a declared type"));
    }
    Ok(Arc::new(uid))
}

fn no_template(
    text: &LinkText,
    templates: &[PolicyTemplate<'_>],
    policies: &BTreeMap<SmolStr, Option<Place>>,
) -> Problem {
    let LinkText {
        template_id,
        link_id,
        ..
    } = text;
    if policies.contains_key(template_id) {
        let message =
            format!("the link `{link_id}` names `{template_id}`, which is a policy without slots");
        return Problem::new(message).help("remove the link: the policy decides by itself");
    }
    let problem = Problem::new(format!(
        "the link `{link_id}` names `{template_id}`, and no template has this id"
    ));
    match nearest(
        template_id,
        templates.iter().map(|template| template.id.as_str()),
    ) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => {
            problem.help("name the `@id` of a policy with `?principal` or `?resource` in its scope")
        }
    }
}

/// Reports a template without a link: one that forbids would look like a policy and never apply.
fn without_link(template: &PolicyTemplate<'_>, has_links: bool) -> Problem {
    let id = &template.id;
    let why = if has_links {
        "no link names it"
    } else {
        "nothing links templates"
    };
    let mut problem =
        Problem::new(format!("the policy `{id}` is a template, and {why}")).help(format!(
            "link it in a file `policies/links.json`: \
             `[{{\"template_id\": \"{id}\", \"link_id\": …, \"args\": {{…}}}}]`; or name the \
             entities in attributes, groups or `in`, instead of `?principal` and `?resource`"
        ));
    problem.place.clone_from(&template.place);
    problem
}

fn unreadable(file: &SourceFile, error: &serde_json::Error) -> Problem {
    let start: usize = file
        .text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let at = (start + error.column().saturating_sub(1)).min(file.text.len().saturating_sub(1));
    Problem::new(error.to_string())
        .at(file.place(at, 1))
        .help(FORM)
}

fn place_of(file: &SourceFile, id: &str) -> Place {
    let quoted = serde_json::Value::from(id).to_string();
    file.text.find(&quoted).map_or_else(
        || Place::whole(&file.path),
        |at| file.place(at, quoted.len()),
    )
}
