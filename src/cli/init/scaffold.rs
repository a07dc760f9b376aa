//! The bundle for a server's tools: a typed action, a permit and a case for each.

use super::argument_types::{self, ArgumentMembers};
use super::quoting::{cedar_string, comment, yaml_string};
use super::templates::{AROUND_TOOLS, NewFile};
use super::tool_list::{ListedTool, ToolList};
use crate::model::Problem;
use std::fmt::Write as _;

/// Maximum size of what is generated, in bytes; a bundle of it still loads within seconds.
const MAX_GENERATED: usize = 64 << 20;

const README: &str = include_str!("templates/tools/README.md");
const README_OF_CHANGES: &str = include_str!("templates/tools/changes.md");
const CHANGES: &str = include_str!("templates/tools/changes.cedar");
const TUPLES: &str = include_str!("templates/tools/tuples.yaml");
const TUPLES_OF_CHANGES: &str = include_str!("templates/tools/editors.tuples.yaml");

/// Returns the files of the bundle.
pub(super) fn files(list: &ToolList) -> Result<Vec<NewFile>, Problem> {
    let server = list.server.as_str();
    let changes = list.tools.iter().any(|tool| !tool.only_reads);
    let if_changes = |text: &'static str| if changes { text } else { "" };
    let mut schema = format!("// The tools of the server `{server}`, each with its arguments.\n");
    schema.push_str("// A request still says `tools/call`.\n");
    let mut policies = head_of_policies(server);
    let mut cases = head_of_cases(server);
    for tool in &list.tools {
        let tool = NamedTool::new(server, tool);
        tool.declare(&mut schema);
        tool.permit(&mut policies);
        tool.check(&mut cases);
        if schema.len() + policies.len() + cases.len() > MAX_GENERATED {
            return Err(
                Problem::new("the arguments of the tools are too many for one bundle")
                    .help("split the list, and write a bundle for each part"),
            );
        }
    }
    let readme = README.replace("{{server}}", server);
    let row = "| `policies/agents.cedar` |";
    let rows = format!("{}{row}", if_changes(README_OF_CHANGES));
    let mut files = vec![NewFile::new("README.md", readme.replace(row, &rows))];
    for (path, text) in AROUND_TOOLS {
        files.push(NewFile::new(path, *text));
    }
    files.push(NewFile::new("schemas/tools.cedarschema", schema));
    files.push(NewFile::new("policies/tools.cedar", policies));
    if changes {
        files.push(NewFile::new("policies/changes.cedar", CHANGES));
    }
    let tuples = format!("{TUPLES}{}", if_changes(TUPLES_OF_CHANGES));
    files.push(NewFile::new("policies/tuples.yaml", tuples));
    files.push(NewFile::new("policies/tools.cases.yaml", cases));
    Ok(files)
}

fn head_of_policies(server: &str) -> String {
    format!(
        "// Who may connect, and call which tool. Put your own groups in place of `group:staff`,\n\
         // and what the arguments must be, such as `context.arguments has limit &&\n\
         // context.arguments.limit <= 100`.\n\n\
         @id(\"server-open\")\n\
         @doc(\"Whoever may act at all may connect and see the list.\")\n\
         permit (\n  principal is user,\n  \
         action in [Action::\"initialize\", Action::\"tools/list\"],\n  \
         resource == mcp_server::{}\n);\n",
        cedar_string(server)
    )
}

fn head_of_cases(server: &str) -> String {
    format!(
        "# A case for each tool: ann is in every group, ben among the staff, eve in none.\n\
         # Fill in arguments that matter, and what they come to.\n\
         cases:\n  \
         - name: everybody sees the list\n    \
         who: user:eve\n    \
         does: tools/list\n    \
         to: {}\n    \
         expect: {{ permit: true, policies: [server-open] }}\n",
        yaml_string(&format!("mcp_server:{server}"))
    )
}

/// A tool with its id among resources.
struct NamedTool<'t> {
    tool: &'t ListedTool,
    /// `SERVER/NAME`.
    id: String,
    about: String,
    arguments: ArgumentMembers,
}

impl<'t> NamedTool<'t> {
    fn new(server: &str, tool: &'t ListedTool) -> Self {
        Self {
            tool,
            id: format!("{server}/{}", tool.name),
            about: comment(&tool.description),
            arguments: argument_types::of_input(&tool.input),
        }
    }

    fn action(&self) -> String {
        cedar_string(&format!("tools/call:{}", self.id))
    }

    fn comment(&self, out: &mut String) {
        if !self.about.is_empty() {
            let _ = writeln!(out, "// {}", self.about);
        }
    }

    /// Writes the action.
    fn declare(&self, out: &mut String) {
        let group = if self.tool.only_reads {
            "tools.read"
        } else {
            "tools.change"
        };
        out.push('\n');
        self.comment(out);
        let _ = write!(
            out,
            "action {} in [\"tools/call\", \"{group}\"] appliesTo {{\n  \
             principal: [user, agent],\n  resource: tool,\n",
            self.action()
        );
        let arguments = &self.arguments;
        if !arguments.typed.is_empty() || !arguments.left_out.is_empty() {
            let mark = if arguments.are_optional() { "?" } else { "" };
            let members = arguments.cedar("    ");
            let _ = writeln!(out, "  context: {{\n    arguments{mark}: {members},\n  }},");
        }
        out.push_str("};\n");
    }

    /// Writes the permit.
    fn permit(&self, out: &mut String) {
        out.push('\n');
        self.comment(out);
        let _ = writeln!(
            out,
            "@id({})\n@reason(\"tool_not_granted\")\n\
             @message(\"Nobody has granted `{{principal}}` the tool `{{resource}}`.\")\n\
             permit (principal is user, action == Action::{}, resource is tool)\n\
             when {{ principal in Userset::\"group:staff#member\" }};",
            cedar_string(&self.id),
            self.action()
        );
    }

    /// Writes the case.
    fn check(&self, out: &mut String) {
        let (ben, eve) = if self.tool.only_reads {
            ("permit", "tool_not_granted")
        } else {
            ("editors_only", "editors_only")
        };
        let _ = writeln!(
            out,
            "  - name: {}\n    does: tools/call\n    context: {{ arguments: {} }}\n    \
             table:\n      \
             who: [\"user:ann > agent:assistant\", \"user:ben\", \"user:eve\"]\n      \
             to: [{}]\n      expect: [[permit], [{ben}], [{eve}]]",
            yaml_string(&format!("who calls {}", self.id)),
            self.arguments.sample(),
            yaml_string(&format!("tool:{}", self.id))
        );
    }
}
