//! Why a request cannot be asked about.

use smol_str::SmolStr;

/// Why a request is refused before anything is asked. No message shows what the request says, but
/// for the name of a header or member that the bundle or the protocol names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingRefusal {
    /// Servers would read a part of it differently.
    #[error("the request's {part} is not read in the same way by every server: {flaw}")]
    Ambiguous {
        /// The part of the request.
        part: &'static str,
        /// What is ambiguous about it.
        flaw: &'static str,
    },
    /// No route of the bundle names it.
    #[error("no route of the bundle names this request")]
    NoRoute,
    /// A value that the route needs is absent.
    #[error("the request has no `{0}`, which its route needs")]
    Missing(SmolStr),
    /// The body is needed, and did not come whole.
    #[error("the request's body is needed, and the gateway did not send it whole")]
    Body,
    /// The body is no request of MCP.
    #[error("the body is no request of MCP: {0}")]
    Message(&'static str),
    /// A header and the body say different things.
    #[error("the header `{0}` and the body do not agree")]
    HeaderDiffers(SmolStr),
    /// A method of MCP that nothing maps.
    #[error("the method of MCP is not mapped")]
    Unmapped,
}

impl MappingRefusal {
    /// Creates the refusal of an ambiguous part.
    pub(super) fn ambiguous(part: &'static str, flaw: &'static str) -> Self {
        Self::Ambiguous { part, flaw }
    }

    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ambiguous { .. } => "request_ambiguous",
            Self::NoRoute => "no_route",
            Self::Missing(_) => "value_missing",
            Self::Body => "body_missing",
            Self::Message(_) => "message_invalid",
            Self::HeaderDiffers(_) => "header_mismatch",
            Self::Unmapped => "method_unmapped",
        }
    }
}
