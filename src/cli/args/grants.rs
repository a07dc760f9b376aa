//! The arguments of `behest suspend`, `resume`, `grant` and `ungrant`.

use super::explain::time;
use super::{BundleArgument, ServiceArguments, TupleLocation};
use crate::cli::exit::CommandFailure;
use crate::model::Timestamp;
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};

/// Maximum number of principals in one command.
const MAX_PRINCIPALS: usize = 100;

pub(super) const SUSPEND_HELP: &str = "\
A suspended principal may do nothing, on whichever leg of a chain it stands: an agent for \
everyone,
a user with every agent that acts for it. It counts for the first question after this command. It
has neither an end nor a reason: `behest resume` ends it, and the pack `revocation` has the rest.

Examples:
  BEHEST_KEY=… behest suspend agent:copilot --url http://127.0.0.1:8181
  behest suspend user:erin agent:copilot --data /var/lib/behest --bundle ./policies-repo

Exit codes: 0 each is suspended, also where one was before; 1 one is not; 2 wrong usage; 4 the \
bundle is broken;
5 the service does not answer.";

pub(super) const RESUME_HELP: &str = "\
Examples:
  BEHEST_KEY=… behest resume agent:copilot --url http://127.0.0.1:8181

Exit codes: 0 none is suspended now, also where one was not before; 1 one still is; 2 wrong usage; \
4 the bundle
is broken; 5 the service does not answer.";

pub(super) const GRANT_HELP: &str = "\
Each member of the chain grants the one behind it the right to act for it: one tuple a hop, of
the relation `delegate` of the pack `delegation`. A pair has one grant, so another end or other
actions take the place of those of before.

Examples:
  BEHEST_KEY=… behest grant user:alice/agent:copilot --url http://127.0.0.1:8181
  BEHEST_KEY=… behest grant user:alice/agent:copilot --until 2027-07-01T00:00:00Z --action read \\
      --action write --url unix:/run/behest.sock
  behest grant 'user:alice > agent:orchestrator > agent:specialist' --data /var/lib/behest

Exit codes: 0 each is granted so, also where it was before; 1 one is not; 2 wrong usage; 4 the \
bundle is broken;
5 the service does not answer.";

pub(super) const UNGRANT_HELP: &str = "\
Examples:
  BEHEST_KEY=… behest ungrant user:alice/agent:copilot --url http://127.0.0.1:8181

Exit codes: 0 no such grant is left, also where there was none before; 1 one is; 2 wrong usage; 4 \
the bundle is
broken; 5 the service does not answer.";

/// The tuples that decisions read: of a data directory, or of a running service.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("place").args(["data", "url"]),
    group = ArgGroup::new("decider").args(["bundle", "url"])
)]
pub(in crate::cli) struct GrantPlaceArguments {
    /// A data directory that no service has open: DIR, or BACKEND:DIR as the service takes it
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    data: Option<String>,
    #[command(flatten)]
    service: ServiceArguments,
    /// The bundle that decides with the data directory
    #[command(flatten)]
    pub(in crate::cli) bundle: BundleArgument,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PrincipalArguments {
    /// Who, as TYPE:ID
    #[arg(value_name = "PRINCIPAL", required = true, num_args = 1..=MAX_PRINCIPALS)]
    pub(in crate::cli) principals: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) place: GrantPlaceArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct GrantArguments {
    /// Who grants, and who is granted: user:alice/agent:copilot, or with ` > ` between the members
    #[arg(value_name = "CHAIN")]
    pub(in crate::cli) chain: String,
    /// Until when, such as 2027-07-01T00:00:00Z; without it, until `behest ungrant`
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(in crate::cli) until: Option<Timestamp>,
    /// For which action; may be repeated. Every call of a tool is `tools/call`. Without it, for all
    #[arg(long = "action", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) actions: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) place: GrantPlaceArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct UngrantArguments {
    /// Who granted, and who was granted: user:alice/agent:copilot, or with ` > ` between them
    #[arg(value_name = "CHAIN")]
    pub(in crate::cli) chain: String,
    #[command(flatten)]
    pub(in crate::cli) place: GrantPlaceArguments,
}

impl GrantPlaceArguments {
    /// Returns the place that is named, by flags or by `BEHEST_URL`.
    pub(in crate::cli) fn chosen(&self) -> Result<TupleLocation, CommandFailure> {
        let has_bundle = self.bundle.is_given();
        TupleLocation::chosen(self.data.as_deref(), &self.service, has_bundle)
    }
}
