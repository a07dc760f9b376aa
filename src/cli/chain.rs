//! Reads a chain without the sign that a shell takes for a redirect: `user:alice/agent:copilot`.
//!
//! **Problem.** Ids may hold `/` and `:`, so the same text can name one party or several, and the
//! two are decided differently.
//! **Decision.** A `/` separates where a type and a colon follow it, and only if no id has a `/` or
//! a colon of its own: then there is one way to read a chain. Everything else that could be one is
//! refused. ` > ` is read as ever, and nothing within it is a separator.

use crate::model::Problem;
use std::borrow::Cow;

/// Returns the chain with ` > ` between its members.
pub(super) fn with_signs(text: &str) -> Result<Cow<'_, str>, Problem> {
    if text.contains('>') {
        return Ok(Cow::Borrowed(text));
    }
    let members = members(text.trim());
    if members.len() < 2 {
        return Ok(Cow::Borrowed(text));
    }
    let is_plain = |member: &&str| {
        let (_, id) = split(member).unwrap_or((*member, ""));
        !member.is_empty() && !id.contains(['/', ':'])
    };
    if members.iter().all(is_plain) {
        return Ok(Cow::Owned(members.join(" > ")));
    }
    Err(Problem::new(format!(
        "`{text}` can be read in two ways: as one id, or as {}",
        members.join(" > ")
    ))
    .help(
        "write ` > ` between the members, in quotes; one whose id holds `/type:` stands in a \
         request, in a file or on standard input",
    ))
}

/// Splits at each `/` that a type and a colon follow.
fn members(text: &str) -> Vec<&str> {
    let mut members = Vec::new();
    let mut begin = 0;
    for (at, sign) in text.match_indices('/') {
        let (end, next) = (at, at + sign.len());
        if text.get(next..).is_some_and(|rest| split(rest).is_some()) {
            members.extend(text.get(begin..end));
            begin = next;
        }
    }
    members.extend(text.get(begin..));
    members
}

/// Splits a text that begins with a type and a colon. A type may have a namespace: `A::B`.
fn split(text: &str) -> Option<(&str, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let mut end = 0;
    loop {
        let rest = text.get(end..)?;
        end += rest.find(|c: char| !is_word(c))?;
        let rest = text.get(end..)?;
        if let Some(inner) = rest.strip_prefix("::") {
            end += "::".len();
            if !inner.starts_with(is_word) {
                return None;
            }
        } else {
            let id = rest.strip_prefix(':')?;
            return Some((text.get(..end)?, id)).filter(|(_, id)| !id.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_before_a_type_separates() {
        for (text, read) in [
            ("user:alice/agent:copilot", "user:alice > agent:copilot"),
            ("user:a/My::Agent:b/tool:c", "user:a > My::Agent:b > tool:c"),
            ("user/agent:copilot", "user > agent:copilot"),
        ] {
            assert_eq!(with_signs(text).unwrap(), read);
        }
        for text in [
            "user:alice",
            "user:acme/alice",
            "user:https://idp.example/alice",
            "team:acme/sre/",
            "user:alice/agent:",
            "user:alice/agent::x",
            "user:a/b > agent:https://x/tool:y",
            "/agent",
        ] {
            assert_eq!(with_signs(text).unwrap(), text, "is left as it is");
        }
    }

    /// Each of these could be one id, too.
    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for text in [
            "user:https://idp.example/agent:copilot",
            "user:acme/alice/agent:copilot",
            "user:alice/agent:acme/copilot",
            "user:alice/agent:a:b",
            "user:alice/https://idp.example",
            "user:spiffe://example/ns/agent:x",
            "/agent:x",
        ] {
            let problem = with_signs(text).unwrap_err();
            assert!(problem.message.contains("in two ways"), "{text}");
        }
    }
}
