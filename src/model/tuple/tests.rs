//! The string rules at their edges, and round trips of generated text.

use super::*;
use crate::model::EntityRef;
use proptest::prelude::*;

#[test]
fn users_are_objects_usersets_or_everyone() {
    assert_eq!(
        "user:alice".parse(),
        Ok(TupleUser::Object(ObjectRef::new("user", "alice").unwrap()))
    );
    assert_eq!(
        "team:sre#member".parse(),
        Ok(TupleUser::userset(ObjectRef::new("team", "sre").unwrap(), "member").unwrap())
    );
    assert_eq!("user:*".parse(), Ok(TupleUser::Wildcard("user".into())));
    assert_eq!(
        "user:a*".parse::<TupleUser>().unwrap().to_string(),
        "user:a*"
    );
}

#[test]
fn malformed_text_is_refused_with_a_remedy() {
    for (text, message) in [
        (
            "alice",
            "`alice` is not a user: write `type:id`, `type:id#relation` or `type:*`",
        ),
        (
            "*",
            "`*` is not a user: write `type:id`, `type:id#relation` or `type:*`",
        ),
        (
            ":*",
            "`` is not a type: it takes 1 to 254 characters, \
             none of them `:`, `#`, `@` or white space",
        ),
        (
            "team:a#",
            "`` is not a relation: it takes 1 to 50 characters, \
             none of them `:`, `#`, `@` or white space",
        ),
        (
            "team:*#member",
            "`*` is not an object: write `type:id`, with one colon and without `#` or white space \
             in it (`*` alone is no id; percent-encode a colon as `%3A`)",
        ),
    ] {
        assert_eq!(
            text.parse::<TupleUser>().unwrap_err().to_string(),
            message,
            "{text}"
        );
    }
    for text in [
        "", ":", "a:", ":a", "a:b:c", "a:b#c", "a:*", "a: b", "a:\u{7f}", "a:b\n", "a\t:b", "a@b:c",
    ] {
        assert!(text.parse::<ObjectRef>().is_err(), "{text:?}");
    }
    for text in [
        "a:b",
        "a:b#c",
        "a:b#c@",
        "a:b@c:d",
        "a:b#c@d",
        "a:b#c#d@e:f",
    ] {
        assert!(text.parse::<TupleKey>().is_err(), "{text:?}");
    }
}

#[test]
fn lengths_hold_at_the_limit_and_not_past_it() {
    let id = |n: usize| "é".repeat(n);
    let object = |n: usize| {
        format!("a:{}#r@user:b", id(n))
            .parse::<TupleKey>()
            .map(|_| ())
    };
    assert_eq!(object(MAX_OBJECT_CHARS - 2), Ok(()));
    assert_eq!(
        object(MAX_OBJECT_CHARS - 1),
        Err(TupleTextError::ObjectTooLong)
    );
    assert!(check_relation(&"r".repeat(MAX_RELATION_CHARS)).is_ok());
    assert!(check_relation(&"r".repeat(MAX_RELATION_CHARS + 1)).is_err());
    assert!(check_type(&"t".repeat(MAX_TYPE_CHARS)).is_ok());
    assert!(check_type(&"t".repeat(MAX_TYPE_CHARS + 1)).is_err());
    let user = |n: usize| format!("a:{}", id(n)).parse::<TupleUser>();
    assert!(user(254).is_ok());
    assert_eq!(user(256), Err(TupleTextError::UserTooLong));
}

/// A principal is the user of a tuple, so its id may be twice as long as an object's.
#[test]
fn an_entity_is_spelled_up_to_the_bound_of_its_place() {
    let entity = |length: usize| EntityRef::new("user", "a".repeat(length));
    let bound = MAX_USER_BYTES - "user:".len();
    assert!(ObjectRef::of_user(&entity(bound)).is_ok());
    assert_eq!(
        ObjectRef::of_user(&entity(bound + 1)),
        Err(TupleTextError::UserTooLong)
    );
    let bound = MAX_OBJECT_CHARS - "user:".len();
    assert!(ObjectRef::of_entity(&entity(bound)).is_ok());
    assert_eq!(
        ObjectRef::of_entity(&entity(bound + 1)),
        Err(TupleTextError::ObjectTooLong)
    );
}

#[test]
fn a_userset_in_itself_is_implicit() {
    assert!(
        "team:a#member@team:a#member"
            .parse::<TupleKey>()
            .unwrap()
            .is_implicit()
    );
    assert!(
        !"team:a#member@team:b#member"
            .parse::<TupleKey>()
            .unwrap()
            .is_implicit()
    );
}

#[test]
fn ids_of_entities_have_one_spelling() {
    for (kind, id, text) in [
        ("user", "alice", "user:alice"),
        ("Acme::Team", "sre", "Acme/Team:sre"),
        (
            "workload",
            "spiffe://prod/ns/a",
            "workload:spiffe%3A//prod/ns/a",
        ),
        ("team", "eng#member", "team:eng%23member"),
        ("user", "*", "user:%2A"),
        ("user", "50% a\u{a0}\n", "user:50%25%20a%C2%A0%0A"),
    ] {
        let entity = EntityRef::new(kind, id);
        let object = ObjectRef::of_entity(&entity).unwrap();
        assert_eq!(object.to_string(), text);
        assert_eq!(object.to_entity(), Some(entity));
    }
    assert!(ObjectRef::of_entity(&EntityRef::new("user", "")).is_err());
    assert_eq!(
        ObjectRef::of_entity(&EntityRef::new("user", ":".repeat(100))),
        Err(TupleTextError::ObjectTooLong)
    );
    for id in [
        "100%",
        "%4",
        "%3a",
        "%41",
        "%FF",
        "a*b",
        "a\u{2003}b",
        "%zz",
    ] {
        assert!(!is_canonical_id(id), "{id}");
        assert_eq!(
            ObjectRef::new("user", id).unwrap().to_entity(),
            None,
            "{id}"
        );
    }
}

#[test]
fn what_an_answer_shows_is_a_tuples_user_where_that_leaves_no_doubt() {
    for (shown, text) in [
        ("user:alice", Some("user:alice")),
        (
            "user:https://idp.example/alice",
            Some("user:https%3A//idp.example/alice"),
        ),
        (
            "agent:spiffe://acme/a%20b",
            Some("agent:spiffe%3A//acme/a%2520b"),
        ),
        ("user:spiffe%3A//acme/b", Some("user:spiffe%3A//acme/b")),
        ("user:urn:x:*y", Some("user:urn%3Ax%3A%2Ay")),
        ("Acme::Team:sre", Some("Acme/Team:sre")),
        ("user:*", Some("user:*")),
        ("team:sre#member", Some("team:sre#member")),
        ("user:https://idp.example/#alice", None),
        ("team:https://idp.example/sre#member", None),
        ("user:https://idp.example/a b", None),
        ("user:urn:*", None),
        ("user::a", None),
    ] {
        let user = TupleUser::parse_shown(shown);
        assert_eq!(
            user.as_ref().ok().map(ToString::to_string).as_deref(),
            text,
            "{shown}"
        );
        if !shown.contains(['#', '*']) {
            assert_eq!(
                ObjectRef::parse_shown(shown).ok().map(TupleUser::Object),
                user.ok(),
                "{shown}"
            );
        }
    }
    let told = TupleUser::parse_shown("user:https://idp.example/a b")
        .unwrap_err()
        .to_string();
    assert!(told.contains("percent-encode a colon as `%3A`"), "{told}");
}

proptest! {
    #[test]
    fn an_entity_that_is_shown_and_pasted_is_the_same_entity(
        kind in "[a-z]{1,5}(::[A-Z][a-z]{0,3})?",
        id in "[a-z%*@/.]{1,9}:[a-z%*@/.:]{0,19}[a-z]|[a-z.@/-]{1,12}",
    ) {
        let entity = EntityRef::new(kind.as_str(), id.as_str());
        let pasted = TupleUser::parse_shown(&entity.to_string());
        prop_assert_eq!(pasted, Ok(TupleUser::Object(ObjectRef::of_entity(&entity).unwrap())));
    }

    #[test]
    fn what_is_shown_of_a_principal_is_the_same_principal_in_a_tuple(
        kind in "[a-z]{1,5}(::[A-Z][a-z]{0,3})?",
        id in "[a-z.@/-]{0,3}([%*#:@ ]|%20|%2520|\\*|é|\t|\u{a0}){0,4}[a-z]{0,2}",
    ) {
        prop_assume!(!id.is_empty());
        let entity = EntityRef::new(kind.as_str(), id.as_str());
        let shown = entity.tuple_spelling().unwrap_or_else(|| entity.to_string());
        let Ok(TupleUser::Object(pasted)) = TupleUser::parse_shown(&shown) else {
            return Err(TestCaseError::fail(format!("`{shown}` is not taken")));
        };
        prop_assert_eq!(pasted.to_entity(), Some(entity));
    }

    #[test]
    fn whatever_is_accepted_parses_to_itself(text in "\\PC{0,20}|[a-b:#@* %\u{0}-\u{20}]{0,8}") {
        if let Ok(user) = text.parse::<TupleUser>() {
            prop_assert_eq!(user.to_string(), text.clone());
        }
        if let Ok(key) = text.parse::<TupleKey>() {
            prop_assert_eq!(key.to_string(), text.clone());
        }
        let _ = decode_id(&text);
    }

    #[test]
    fn encoding_is_undone_by_decoding(id in "(?s).{1,40}") {
        let encoded = encode_id(&id);
        prop_assert_eq!(decode_id(&encoded), Some(id.as_str().into()));
        prop_assert!(is_canonical_id(&encoded));
        let is_read_back = |object: ObjectRef| object.to_string().parse() == Ok(object);
        prop_assert!(ObjectRef::new("a", encoded).is_ok_and(is_read_back) || id.len() > 60);
    }
}
