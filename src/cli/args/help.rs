//! What the help of each command ends with: examples, and exit codes.

use crate::storage::Backend;

pub(super) const EXAMPLES: &str = "\
Examples:
  behest                                      serve the default bundle on 127.0.0.1:8181
  behest --bundle ./policies-repo             serve your own
  behest dev ./policies-repo                  serve it while you edit it, and say what changes
  behest test --bundle ./policies-repo        run its cases
  behest explain 'user:alice > agent:orchestrator' tools/call tool:github/review

Every setting of the service is in behest.example.toml; \
`behest serve --help` has those with a flag.

Exit codes, of every command: 0 done, 1 not done, 2 wrong usage, 3 denied \
(`behest explain --exit-code`),
4 the bundle cannot be read or is refused, 5 the service does not answer, 6 too little coverage, \
7 a lint.
Each command's help has its own.";

pub(super) const GROUP_HELP: &str = "\
Exit codes: 0 done; 2 wrong usage; the help of each command has its others.";

pub(super) const SEARCH_EXAMPLES: &str = "\
A type in place of an entity is what is searched for; without an action, actions are.

Examples:
  behest search 'user:alice > agent:copilot' tools/call tool --unknown-arguments
  behest search user write repository:checkout
  behest search 'user > agent:copilot' write repository:checkout
  behest search 'user:alice > agent' write repository:checkout
  behest search 'user:alice > agent:copilot' repository:checkout
  BEHEST_KEY=… behest search --url http://127.0.0.1:8181 user:alice read document

Exit codes: 0 searched, also where nothing is found; 1 there is no answer; 2 wrong usage; \
4 the bundle
is broken; 5 the service does not answer.";

pub(super) const HEALTH_HELP: &str = "\
Without an address, it asks where `behest serve` listens with the same variables and settings file.

Examples:
  behest health
  behest health --url unix:/run/behest.sock

Exit codes: 0 it can decide; 1 it cannot, or refuses; 2 wrong usage; 5 it does not answer.";

/// What lints find, for the help of the commands that have them.
const LINTS: &str = "\
Lints:
  misspelt-id        an id is known nowhere, and one that is known is a slip away
  optional-pack      a pack is only tried, and takes no part in decisions
  permit-all         a permit has no scope and no condition
  request-attribute  a policy decides on what a request may say
  unpermitted        an action or a stored resource has no permit
  untested-policy    a policy decides no case (`behest test`)";

pub(super) fn validate() -> String {
    format!(
        "With `--data` or `--url`, stored tuples are read one after the other and nothing is \
         written. A service is\nasked for them with a key of the permission `relations.read` in \
         `BEHEST_KEY`.\n\n\
         Examples:\n  \
         behest validate ./policies-repo\n  \
         BEHEST_KEY=… behest validate ./policies-repo --url https://pdp.example\n\n\
         {LINTS}\n\n\
         Exit codes: 0 nothing is wrong; 1 the stored tuples cannot be read; 2 wrong usage; 4 the \
         bundle is broken,\nor would be refused there; 5 the service does not answer; 7 a lint \
         that is denied found something."
    )
}

pub(super) fn test() -> String {
    format!(
        "Examples:\n  \
         behest test policies-repo\n  \
         behest test policies-repo --format junit --output results.xml\n  \
         behest test policies-repo --min-coverage 90 --deny all\n\n\
         {LINTS}\n\n\
         Exit codes: 0 all cases passed; 1 a case failed, or none has such a name; 2 wrong usage;\n\
         4 the bundle is broken, so that no case could be run; 6 too little is reached; 7 a lint\n\
         that is denied found something."
    )
}

pub(super) const SCHEMA_HELP: &str = "\
Examples:
  behest schema ./policies-repo --write behest.cedarschema
  behest schema --json-schema cases --write .behest/cases.schema.json

An editor reads the second by a line in a file of cases, or in settings:
  # yaml-language-server: $schema=../.behest/cases.schema.json
  #:schema .behest/behest.schema.json

Exit codes: 0 done; 1 the file cannot be written; 2 wrong usage; 4 the bundle is broken.";

pub(super) const LSP_HELP: &str = "\
An editor starts it: docs/editors.md has the settings of VS Code, Neovim, Helix and Zed.

Exit codes: 0 the editor ended it; 1 the connection to it broke; 2 wrong usage.";

pub(super) const KEYS_HELP: &str = "\
Without an address, it asks http://127.0.0.1:8181.

Exit codes: 0 fetched; 1 those of an issuer could not be fetched, or the service refuses; 2 wrong \
usage;
5 the service does not answer.";

pub(super) const PACK_HELP: &str = "\
Exit codes: 0 done; 1 there is no such pack; 2 wrong usage.";

/// Returns what `--data` takes, for the help of the service: each store backend, with a sentence.
pub(super) fn store_backends() -> String {
    let lines: Vec<String> = Backend::all()
        .map(|backend| {
            let missing = backend
                .feature()
                .filter(|_| !backend.is_built())
                .map(|feature| format!(" (needs the Cargo feature `{feature}`)"));
            format!(
                "  {:<10} {}{}",
                backend.form(),
                backend.summary(),
                missing.unwrap_or_default()
            )
        })
        .collect();
    format!(
        "What `--data` takes:\n{}\n  DIR        The same as redb:DIR\n\n\
         Exit codes: 0 a signal ended it; 1 it cannot start, or cannot go on; 2 wrong usage; 4 the \
         bundle\nis broken.",
        lines.join("\n")
    )
}
