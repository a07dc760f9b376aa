//! Reads which page of a search is requested.
//!
//! INVARIANT: a request for a later page never gets the first one, or its client would start again
//! for ever. So every name that other services use for these members is refused, in the page and
//! beside it.

use super::carriers::table::{Site, overlooked};
use super::request::{read_optional_record, refuse_lookalike};
use super::spelling::spelled;
use super::{Letters, MAX_OTHERS, MalformedMember, Record, Value, alike, nearest, shown};
use smol_str::SmolStr;

/// The page that is requested (section 8.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// The token of the previous page; `None` for the first page.
    pub token: Option<SmolStr>,
    /// The maximum number of results.
    pub limit: Option<u64>,
}

impl PageRequest {
    /// Reads the member `page` of a body; returns `None` if there is none.
    pub fn from_body(body: &Record) -> Result<Option<Self>, MalformedMember> {
        refuse_beside_page(body)?;
        let Some(value) = body.get_present("page") else {
            return Ok(None);
        };
        let page = read_optional_record(Some(value), "page")?;
        refuse_lookalike(&page, "page", &PAGE_MEMBERS)?;
        refuse_misspelt(&page)?;
        if let Some(found) = overlooked(&page, Site::Options, &["token", "limit"], |_| false) {
            let problem = format!("has a carrier: {}", found.message("page"));
            return Err(MalformedMember {
                member: "page".to_owned(),
                problem,
            });
        }
        let token = match page.get_present("token") {
            None => None,
            Some(Value::Text(token)) => Some(token.clone()).filter(|token| !token.is_empty()),
            Some(other) => return Err(MalformedMember::kind("page.token", "a string", other)),
        };
        let limit = match page.get_present("limit") {
            None => None,
            Some(Value::Number(number)) => {
                // An empty page would lead to another one without end.
                let limit = number
                    .to_i64()
                    .and_then(|limit| u64::try_from(limit).ok())
                    .filter(|limit| *limit > 0);
                let problem = || format!("must be a whole number from 1 on, not {number}");
                Some(limit.ok_or_else(|| MalformedMember {
                    member: "page.limit".to_owned(),
                    problem: problem(),
                })?)
            }
            Some(other) => {
                return Err(MalformedMember::kind("page.limit", "a whole number", other));
            }
        };
        read_optional_record(page.get("properties"), "page.properties")?;
        Ok(Some(Self { token, limit }))
    }
}

/// Every member of a page.
const PAGE_MEMBERS: [&str; 3] = ["token", "limit", "properties"];

/// Names that a page of an answer, or other services, use for these members, each with the member.
/// None of these is a member of a search beside its page either.
const OTHER_NAMES: [(&str, &str); 34] = [
    ("next_token", "token"),
    ("next_page_token", "token"),
    ("page_token", "token"),
    ("continuation_token", "token"),
    ("continuation", "token"),
    ("cursor", "token"),
    ("next", "token"),
    ("next_page", "token"),
    ("after", "token"),
    ("starting_after", "token"),
    ("start", "token"),
    ("from", "token"),
    ("marker", "token"),
    ("bookmark", "token"),
    ("offset", "token"),
    ("skip", "token"),
    ("start_index", "token"),
    ("number", "token"),
    ("page_number", "token"),
    ("page", "token"),
    ("key", "token"),
    ("since", "token"),
    ("last_key", "token"),
    ("size", "limit"),
    ("page_size", "limit"),
    ("per_page", "limit"),
    ("count", "limit"),
    ("max", "limit"),
    ("max_results", "limit"),
    ("max_items", "limit"),
    ("results_per_page", "limit"),
    ("top", "limit"),
    ("take", "limit"),
    ("first", "limit"),
];

/// Words in the names by which other services call a token or another position: a member of a page
/// with one of them in its name says where the page begins.
const POSITION_WORDS: [&str; 22] = [
    "token", "tokn", "cursor", "offset", "skip", "start", "after", "before", "next", "previous",
    "continu", "marker", "bookmark", "position", "scroll", "resume", "index", "anchor", "seek",
    "iterator", "state", "page",
];

/// The same among the members of a search's body, which may be about anything else.
const POSITION_WORDS_BESIDE: [&str; 5] = ["token", "tokn", "cursor", "offset", "pageno"];

/// LIMIT: bytes of a name in which these words are searched for.
const SEARCHED_BYTES: usize = 256;

/// Returns `true` if one of these words is in a name.
fn has_word(name: &str, words: &[&str]) -> bool {
    if name.len() > SEARCHED_BYTES {
        return false;
    }
    let letters = spelled(name);
    words.iter().any(|word| letters.contains(word))
}

/// Names that other services use for `page` itself.
const OTHER_PAGES: [&str; 7] = [
    "pagination",
    "paging",
    "paginate",
    "pager",
    "paged",
    "page_info",
    "page_request",
];

/// Refuses a member of a search's body that was meant for its page, for the reason given at
/// [`refuse_misspelt`].
fn refuse_beside_page(body: &Record) -> Result<(), MalformedMember> {
    let sent = body.iter().filter(|(_, value)| !value.is_null());
    for (name, value) in sent.filter(|(name, _)| !BESIDE_PAGE.contains(&name.as_str())) {
        let letters = Letters::of(name);
        let own = ["token", "limit"].map(|own| (own, own));
        let mut members = own.iter().chain(&OTHER_NAMES);
        let member = members.find(|(other, _)| letters.are_of(other));
        let meant = match member {
            Some((_, meant)) => format!("page.{meant}"),
            None if OTHER_PAGES.iter().any(|other| letters.are_of(other)) => "page".to_owned(),
            None if is_like_a_page(name, value) => "page".to_owned(),
            None if has_word(name, &POSITION_WORDS_BESIDE) => "page.token".to_owned(),
            None if nearest(name, ["limit"]).is_some() => "page.limit".to_owned(),
            None => continue,
        };
        return Err(MalformedMember {
            member: shown(name).into_owned(),
            problem: format!("is not read: did you mean `{meant}`?"),
        });
    }
    Ok(())
}

/// Returns `true` for an object that has a page's members, and nearly the name.
fn is_like_a_page(name: &str, value: &Value) -> bool {
    let has_members = |record: &Record| {
        ["token", "limit"]
            .iter()
            .any(|one| record.get(one).is_some())
    };
    value.as_record().is_some_and(has_members) && nearest(name, ["page"]).is_some()
}

/// The members of a search's body.
const BESIDE_PAGE: [&str; 6] = [
    "subject", "action", "resource", "context", "options", "page",
];

/// Refuses a member of a page that was meant for a known one: a client that asks for the second
/// page and gets the first would start again for ever. Other members are ignored.
fn refuse_misspelt(page: &Record) -> Result<(), MalformedMember> {
    let others = page
        .iter()
        .filter(|(name, value)| !value.is_null() && !PAGE_MEMBERS.contains(&name.as_str()));
    for (at, (name, _)) in others.enumerate() {
        if at >= MAX_OTHERS {
            let problem = format!("has more than {MAX_OTHERS} members that are not read");
            return Err(MalformedMember {
                member: "page".to_owned(),
                problem,
            });
        }
        let other = OTHER_NAMES
            .iter()
            .find(|(other, _)| alike(name, other))
            .map(|(_, meant)| *meant);
        let meant = other
            .or_else(|| nearest(name, PAGE_MEMBERS))
            .or_else(|| has_word(name, &POSITION_WORDS).then_some("token"))
            .or_else(|| has_word(name, &["limit"]).then_some("limit"));
        if let Some(meant) = meant {
            let member = format!("page.{}", shown(name));
            return Err(MalformedMember {
                member,
                problem: format!("is not read: did you mean `{meant}`?"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(members: &[(&str, Value)]) -> Record {
        members
            .iter()
            .map(|(name, value)| (SmolStr::new(name), value.clone()))
            .collect()
    }

    fn page(members: &[(&str, Value)]) -> Result<Option<PageRequest>, String> {
        let body = record(&[("page", record(members).into())]);
        PageRequest::from_body(&body).map_err(|error| error.to_string())
    }

    #[test]
    fn a_member_of_a_page_that_was_meant_for_another_is_refused() {
        for (name, meant) in [
            ("limt", "limit"),
            ("tokn", "token"),
            ("propertys", "properties"),
            ("next_token", "token"),
            ("NextToken", "token"),
            ("page_size", "limit"),
            ("size", "limit"),
            ("next", "token"),
            ("after", "token"),
            ("start", "token"),
            ("from", "token"),
            ("marker", "token"),
            ("offset", "token"),
            ("number", "token"),
            ("perPage", "limit"),
            ("next_cursor", "token"),
            ("nextCursor", "token"),
            ("end_cursor", "token"),
            ("pagination_token", "token"),
            ("$skiptoken", "token"),
            ("exclusive_start_key", "token"),
            ("starting_token", "token"),
            ("resume_token", "token"),
            ("scroll_id", "token"),
            ("pageIndex", "token"),
            ("page_no", "token"),
            ("continue", "token"),
            ("before", "token"),
            ("position", "token"),
            ("state", "token"),
            ("next_tokn", "token"),
            ("page_tokens", "token"),
            ("limits", "limit"),
        ] {
            let told = page(&[(name, Value::from(5))]).unwrap_err();
            assert_eq!(
                told,
                format!("`page.{name}` is not read: did you mean `{meant}`?")
            );
            assert!(
                page(&[(name, Value::Null)]).is_ok(),
                "what is null is not sent"
            );
        }
        let others: Vec<String> = (0..=MAX_OTHERS).map(|at| format!("other_{at}")).collect();
        let others: Vec<(&str, Value)> = others
            .iter()
            .map(|name| (name.as_str(), Value::from(1)))
            .collect();
        assert!(page(&others[1..]).is_ok());
        assert_eq!(
            page(&others).unwrap_err(),
            "`page` has more than 100 members that are not read"
        );
        let both = page(&[("limit", Value::from(1)), ("token", "t".into())])
            .unwrap()
            .unwrap();
        assert_eq!((both.limit, both.token.as_deref()), (Some(1), Some("t")));
        let told = page(&[("limit", Value::from(0))]).unwrap_err();
        assert_eq!(told, "`page.limit` must be a whole number from 1 on, not 0");
    }

    #[test]
    fn what_was_meant_for_the_page_is_refused_beside_it() {
        for (name, meant) in [
            ("token", "page.token"),
            ("pageToken", "page.token"),
            ("next_token", "page.token"),
            ("limit", "page.limit"),
            ("offset", "page.token"),
            ("pagination", "page"),
            ("Paging", "page"),
            ("page_info", "page"),
            ("tokn", "page.token"),
            ("tokens", "page.token"),
            ("next_cursor", "page.token"),
            ("skiptoken", "page.token"),
            ("limitt", "page.limit"),
        ] {
            let told = PageRequest::from_body(&record(&[(name, "x".into())])).unwrap_err();
            let expected = format!("`{name}` is not read: did you mean `{meant}`?");
            assert_eq!(told.to_string(), expected);
            let null = record(&[(name, Value::Null)]);
            assert_eq!(PageRequest::from_body(&null), Ok(None), "{name}");
        }
        let others = record(&[
            ("foo", "x".into()),
            ("futureField", "x".into()),
            ("pge", "x".into()),
            ("age", 7.into()),
        ]);
        assert_eq!(PageRequest::from_body(&others), Ok(None));
        let own = || record(&[("token", "t".into())]);
        let told = PageRequest::from_body(&record(&[("pge", own().into())])).unwrap_err();
        assert_eq!(told.to_string(), "`pge` is not read: did you mean `page`?");
        assert_eq!(
            PageRequest::from_body(&record(&[("origin", own().into())])),
            Ok(None)
        );
    }
}
