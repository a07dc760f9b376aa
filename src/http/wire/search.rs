//! The shape of a search (AuthZEN 1.0 section 8).

use super::super::Error;
use crate::model::{
    Malformed, Record, Value, read_action, read_entity, read_entity_type, read_optional_record, read_subject,
};

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Searched {
    /// Who may do this? (section 8.4)
    Subject,
    /// To what may it be done? (section 8.5)
    Resource,
    /// What may be done? (section 8.6)
    Action,
}

/// Checks that a body is a search: the searched entity has a type, the others are whole, and the page is one.
pub(in crate::http) fn check_search(searched: Searched, body: &Record) -> Result<(), Error> {
    match searched {
        Searched::Subject => drop(read_entity_type(body, "subject")?),
        Searched::Resource | Searched::Action => drop(read_subject(body)?),
    }
    match searched {
        Searched::Subject | Searched::Resource => drop(read_action(body)?),
        Searched::Action => {}
    }
    match searched {
        Searched::Resource => drop(read_entity_type(body, "resource")?),
        Searched::Subject | Searched::Action => drop(read_entity(body, "resource")?),
    }
    read_optional_record(body.get("context"), "context")?;
    check_page(&read_optional_record(body.get("page"), "page")?)?;
    Ok(())
}

fn check_page(page: &Record) -> Result<(), Malformed> {
    if let Some(token) = page.get_present("token")
        && token.as_text().is_none()
    {
        return Err(Malformed::kind("page.token", "a string", token));
    }
    match page.get_present("limit") {
        None => {}
        Some(Value::Number(number)) if number.to_i64().is_some_and(|limit| limit >= 0) => {}
        Some(Value::Number(number)) => {
            let problem = format!("must be a whole number from 0 on, not {number}");
            return Err(Malformed { member: "page.limit".to_owned(), problem });
        }
        Some(other) => return Err(Malformed::kind("page.limit", "a whole number", other)),
    }
    read_optional_record(page.get("properties"), "page.properties").map(drop)
}
