//! What is wrong with a route as its author wrote it.

use smol_str::SmolStr;

/// Why a part of a route is refused when the bundle is loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A path that does not begin with a slash.
    #[error("the path `{0}` does not begin with `/`")]
    NotAbsolute(SmolStr),
    /// A segment that no request could have, or that is neither a name nor a parameter.
    #[error("`{0}` is no segment of a path")]
    Segment(SmolStr),
    /// A path with two parameters of one name.
    #[error("the parameter `{0}` stands in the path twice")]
    ParameterTwice(SmolStr),
    /// A path with too many segments.
    #[error("a path of {0} segments is too long")]
    TooManySegments(usize),
    /// An expression that is not read here.
    #[error("`${0}` is no expression that a route may have")]
    Expression(SmolStr),
    /// An optional selection where a value is needed.
    #[error("`${0}` may be absent, and a text is made of it")]
    OptionalPart(SmolStr),
    /// A header that carries a credential.
    #[error("the header `{0}` carries a credential")]
    CredentialHeader(SmolStr),
    /// A host that no request could have.
    #[error("`{0}` is no host's name")]
    Host(SmolStr),
    /// A method that no request could have.
    #[error("`{0}` is no method of HTTP")]
    Method(SmolStr),
}

impl MappingError {
    /// Returns how to mend it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotAbsolute(_) => "write the path as clients send it: `/orders/{order}`",
            Self::Segment(_) => {
                "a segment is a name as it stands decoded, or `{parameter}` alone; `.`, `..`, \
                 empty segments, `%`, `;` and `\\` are read differently by different servers"
            }
            Self::ParameterTwice(_) => "give each parameter a name of its own",
            Self::TooManySegments(_) => "leave some out; at most 64 segments are compared",
            Self::Expression(_) => {
                "an expression is `request.method`, `request.path`, `request.host`, \
                 `request.path_params.NAME`, `request.query.NAME`, `request.headers[\"NAME\"]`, a \
                 quoted text, or several of them joined by `+`; a text that begins with `$` is \
                 written `$$`"
            }
            Self::OptionalPart(_) => {
                "take the `?` away, or let the member be this expression alone"
            }
            Self::CredentialHeader(_) => {
                "leave it out: who asks is what the request's token proves, and policies read its \
                 claims in `context.token`"
            }
            Self::Host(_) => "write the name in lower case, without a port and a dot at its end",
            Self::Method(_) => "write the method in capitals: `GET`",
        }
    }
}
