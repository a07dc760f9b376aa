//! Reads the words by which tokens and requests say of which kind a party is (`sub_profile`), and
//! of which its client is (`client_profile`).
//!
//! INVARIANT: a word that is not known is refused at every level. An agent of which it was said
//! would otherwise count as whatever it counts as without the word.

use super::{Record, Value};
use smol_str::SmolStr;

/// The member that says of which kind a party is.
const SUB_PROFILE: &str = "sub_profile";

/// The member that says of which kinds the client is.
pub(super) const CLIENT_PROFILE: &str = "client_profile";

/// The kind that a party states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatedKind {
    /// An agent.
    Agent,
    /// A service.
    Service,
    /// A person.
    Person,
}

/// The word of an agent, for a party and for a client.
const AGENT: &str = "ai_agent";

/// The kinds of clients of which none is an agent.
const OTHER_CLIENTS: [&str; 5] = ["service", "web_app", "native_app", "browser_app", "device"];

/// Why a word is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindFlaw {
    /// The value is no text.
    NoText,
    /// The text is no known word.
    Unknown,
}

impl StatedKind {
    /// Reads the kind that a party states.
    pub fn of(party: &Record) -> Result<Option<Self>, KindFlaw> {
        party.get_present(SUB_PROFILE).map(Self::read).transpose()
    }

    /// Reads the word of a kind.
    pub fn read(word: &Value) -> Result<Self, KindFlaw> {
        match word.as_text().map(SmolStr::as_str) {
            Some(AGENT) => Ok(Self::Agent),
            Some("service") => Ok(Self::Service),
            Some("user") => Ok(Self::Person),
            Some(_) => Err(KindFlaw::Unknown),
            None => Err(KindFlaw::NoText),
        }
    }

    /// Returns the entity type of parties of this kind.
    #[must_use]
    pub fn entity_type(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Service => "service",
            Self::Person => "user",
        }
    }
}

/// Returns `true` if a token, or a party in `act`, says that its client is an agent. Several words
/// are separated by single spaces.
pub fn has_agents_client(party: &Record) -> Result<bool, KindFlaw> {
    let Some(words) = party.get_present(CLIENT_PROFILE) else {
        return Ok(false);
    };
    let words = words.as_text().ok_or(KindFlaw::NoText)?;
    let is_known = |word: &str| word == AGENT || OTHER_CLIENTS.contains(&word);
    if words.split(' ').all(is_known) {
        Ok(words.split(' ').any(|word| word == AGENT))
    } else {
        Err(KindFlaw::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_or_refused() {
        let party = |name: &'static str, value: Value| {
            let mut party = Record::new();
            party.insert(name, value);
            party
        };
        let client = |word: &str| has_agents_client(&party(CLIENT_PROFILE, Value::text(word)));
        assert_eq!(has_agents_client(&Record::new()), Ok(false));
        assert_eq!(client("web_app service"), Ok(false));
        assert_eq!(client("service ai_agent"), Ok(true));
        for word in [
            "AI_Agent",
            "ai-agent",
            "agent",
            "user",
            "",
            "ai_agent ",
            "service,ai_agent",
            "service\tai_agent",
        ] {
            assert_eq!(client(word), Err(KindFlaw::Unknown), "{word:?}");
            let named = StatedKind::of(&party(SUB_PROFILE, Value::text(word)));
            assert_eq!(named.is_ok(), word == "user", "{word:?}");
        }
        for name in [SUB_PROFILE, CLIENT_PROFILE] {
            let listed = party(name, Value::List(vec![Value::text(AGENT)]));
            let found = [
                StatedKind::of(&listed).err(),
                has_agents_client(&listed).err(),
            ];
            assert!(found.contains(&Some(KindFlaw::NoText)), "{name}");
        }
    }
}
