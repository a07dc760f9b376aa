//! Reads the address of an issuer's keys from its metadata (`OpenID` Connect Discovery section 4.3,
//! RFC 8414 section 3.3).
//!
//! INVARIANT: an issuer whose metadata contain no address of keys, as far as they can be read, has
//! no keys, whatever is in the address's place. Metadata of another issuer do not count.

use super::fetch::{FetchError, IssuerReply, check_url};
use super::published::PublishedText;
use jiter::{Jiter, Peek};

/// Returns the address of an issuer's keys.
pub(super) fn jwks_uri(answer: &IssuerReply, issuer: &str) -> Result<String, FetchError> {
    let text = match PublishedText::of(&answer.body, answer.is_cut) {
        PublishedText::Object(text) => text,
        PublishedText::Nothing(told) => return Err(FetchError::Gone(told)),
        PublishedText::Foreign => return Err(FetchError::Form("its metadata are no JSON object")),
    };
    let mut members = Members::default();
    let _up_to_the_damage = members.read(text);
    match (members.issuer, members.jwks_uri) {
        (Member::Text(named), _) if !named.is_empty() && named != issuer => {
            Err(FetchError::Form("its metadata name another issuer"))
        }
        (Member::Text(named), Member::Text(url))
            if !named.is_empty() && check_url(&url).is_ok() =>
        {
            Ok(url)
        }
        (Member::Text(_), Member::Absent) => {
            Err(FetchError::Gone("its metadata have no `jwks_uri`"))
        }
        (Member::Text(_), Member::Text(_) | Member::Other) => Err(FetchError::Gone(
            "the `jwks_uri` in its metadata is no address of `https`",
        )),
        (Member::Absent | Member::Other, _) => Err(FetchError::Gone("its metadata name no issuer")),
    }
}

/// The members that are read.
#[derive(Default)]
struct Members {
    issuer: Member,
    jwks_uri: Member,
}

#[derive(Default)]
enum Member {
    #[default]
    Absent,
    Text(String),
    /// Another value, or two.
    Other,
}

impl Members {
    /// Reads the members up to where the text is damaged; returns `None` if it is.
    fn read(&mut self, text: &[u8]) -> Option<()> {
        let mut json = Jiter::new(text);
        let mut next = json.next_object().ok()?.map(str::to_owned);
        while let Some(name) = next {
            let peek = json.peek().ok()?;
            let place = match name.as_str() {
                "issuer" => Some(&mut self.issuer),
                "jwks_uri" => Some(&mut self.jwks_uri),
                _ => None,
            };
            let found = if peek == Peek::String && place.is_some() {
                Member::Text(json.known_str().ok()?.to_owned())
            } else {
                json.known_skip(peek).ok()?;
                Member::Other
            };
            if let Some(place) = place {
                *place = match place {
                    Member::Absent if peek == Peek::Null => Member::Absent,
                    Member::Absent => found,
                    Member::Text(_) | Member::Other => Member::Other,
                };
            }
            next = json.next_key().ok()?.map(str::to_owned);
        }
        json.finish().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://login.example";

    fn read(body: &str, is_cut: bool) -> Result<String, FetchError> {
        let answer = IssuerReply {
            body: body.as_bytes().to_vec(),
            is_cut,
            fresh_for: None,
            media_type: String::new(),
        };
        jwks_uri(&answer, ISSUER)
    }

    #[test]
    fn metadata_without_a_usable_address_say_that_there_are_no_keys() {
        let of = |rest: &str| format!(r#"{{"issuer":"{ISSUER}"{rest}"#);
        let url = r#","jwks_uri":"https://login.example/keys""#;
        for good in [
            of(&format!("{url}}}")),
            of(&format!(r#","x":[1]{url},"y":"#)),
        ] {
            assert_eq!(
                read(&good, false),
                Ok("https://login.example/keys".to_owned())
            );
        }
        for gone in [
            of("}"),
            of(r#","jwks_uri":"#),
            of(r#","jwks_uri":""}"#),
            of(r#","jwks_uri":null}"#),
            of(r#","jwks_uri":[]}"#),
            of(r#","jwks_uri":7}"#),
            of(r#","jwks_uri":"http://login.example/keys"}"#),
            of(&format!("{url}{url}}}")),
            of(&format!(r#","issuer":"{ISSUER}"{url}}}"#)),
            format!(r#"{{"issuer":""{url}}}"#),
            format!(r#"{{"issuer":null{url}}}"#),
            "{}".to_owned(),
            "{".to_owned(),
            "[]".to_owned(),
            "null".to_owned(),
            "false".to_owned(),
            String::new(),
        ] {
            let found = read(&gone, false);
            assert!(
                matches!(found, Err(FetchError::Gone(_))),
                "{gone}: {found:?}"
            );
        }
        for elsewhere in [
            r#"{"issuer":"https://other.example"}"#,
            r#"{"issuer":"https://other.example","jwks_uri":""}"#,
            "<html>",
            "busy",
            "\"x\"",
        ] {
            let found = read(elsewhere, false);
            assert!(matches!(found, Err(FetchError::Form(_))), "{elsewhere}");
        }
        assert!(read(&of(&format!(r#"{url},"x":"#)), true).is_ok());
        assert!(matches!(
            read(&of(r#","x":"#), true),
            Err(FetchError::Gone(_))
        ));
        assert!(matches!(read("  ", true), Err(FetchError::Form(_))));
    }
}
