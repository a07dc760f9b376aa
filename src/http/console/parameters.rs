//! Reads the parameters of a query string. Each must be known, so that a misspelt one does not list
//! more than was asked for.

use crate::http::Error;
use crate::model::{MalformedMember, shown};
use actix_web::HttpRequest;
use actix_web::web::Query;

/// Entries on a page that asks for no number, and the most that it can ask for.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

/// LIMIT: characters of a text to look for: longer than any id that a tuple may name.
const MAX_TEXT: usize = 512;

/// The parameters of one request, in its order.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the parameters of a request; only those in `known` may occur.
    pub(super) fn of(request: &HttpRequest, known: &[&str]) -> Result<Self, Error> {
        let query = Query::<Vec<(String, String)>>::from_query(request.query_string());
        let parameters = query
            .map_err(|_| refuse("query", "cannot be read: `name=value`, joined by `&`"))?
            .into_inner();
        for (name, value) in &parameters {
            if !known.contains(&name.as_str()) {
                let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                let problem = format!("is no parameter: there are {}", names.join(", "));
                return Err(refuse(&shown(name), &problem));
            }
            if value.chars().count() > MAX_TEXT {
                let problem = format!("has more than {MAX_TEXT} characters");
                return Err(refuse(name, &problem));
            }
        }
        Ok(Self(parameters))
    }

    /// Returns every value of a parameter.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.0.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Returns the value of a parameter that may occur once.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Error> {
        match self.all(name).as_slice() {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(refuse(name, "occurs more than once")),
        }
    }

    /// Returns where a page begins, and how many entries it may have.
    pub(super) fn page(&self) -> Result<(usize, usize), Error> {
        let limit = self.number("limit")?.unwrap_or(DEFAULT_LIMIT);
        if limit == 0 || limit > MAX_LIMIT {
            let problem = format!("must be a number from 1 to {MAX_LIMIT}");
            return Err(refuse("limit", &problem));
        }
        Ok((self.number("from")?.unwrap_or(0), limit))
    }

    fn number(&self, name: &str) -> Result<Option<usize>, Error> {
        let Some(text) = self.one(name)? else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| {
            let problem = format!("must be a whole number from 0, not `{}`", shown(text));
            refuse(name, &problem)
        });
        number.map(Some)
    }
}

/// Returns the refusal of a parameter.
pub(super) fn refuse(name: &str, problem: &str) -> Error {
    Error::Malformed(MalformedMember {
        member: name.to_owned(),
        problem: problem.to_owned(),
    })
}
