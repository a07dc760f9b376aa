//! Requests made at random of what attackers found: carriers in every object of a request, under
//! every spelling of their names, and values on every member of a chain. Each is asked through every
//! door, and what has to come of it is told by a model of its own.
//!
//! **The rule.** A request is refused, or decided as exactly the chain and with exactly the values
//! that were written. It is never permitted as a shorter chain, or without a value that denies.

mod census;
mod doors;
mod names;
mod places;
mod proven;
mod right;
mod stray;
mod values;
mod world;

use census::Census;
use doors::{Doors, Expected};
use names::MISWRITINGS;
use places::{CARRIERS, CONTAINERS, KINDS, Kind, OPTIONS_SLIP, SLIPS};
use right::Right;
use serde_json::json;
use stray::{Case, Due, SAYINGS};
use support::dice::Dice;
use support::seed::seed;
use support::spellings::{SPELLINGS, Spelling};
use values::Valued;
use world::{WORLDS, World};

/// Requests of each world.
const STRAYS: usize = 2_000;
const VALUES: usize = 300;

/// What is searched for.
const SEARCHES: [&str; 3] = ["subject", "resource", "action"];

#[actix_web::test]
async fn a_member_in_the_wrong_place_is_refused_or_nobodys_at_every_door() {
    let mut census = Census::default();
    let first = seed(0);
    for (world, at) in WORLDS.into_iter().zip(first..) {
        let doors = Doors::of(world).await;
        let mut dice = Dice::new(31_000 + at);
        for step in 0..STRAYS {
            let case = Case::new(&mut dice);
            let place = format!("seed {at}, {world:?}, step {step}\n{}", case.body);
            ask_stray(&doors, world, &case, &mut dice, &mut census, &place).await;
        }
    }
    // By another seed a kind may stay away.
    if first == 0 {
        census.check(stray_kinds());
    }
}

/// What a case comes to, in a world, where something is searched for.
fn expected(case: &Case, world: World, due: Due, searched: Option<&str>) -> Expected {
    match due {
        Due::Refused(codes) => Expected::refused(codes.to_vec()),
        Due::Chain(chain) => {
            let is_silent = case.right.told.without(searched).is_silent();
            let is_permitted = is_silent && case.right.permits(&chain);
            let mut codes = if is_permitted {
                vec![]
            } else {
                vec!["forbidden"]
            };
            codes.extend(case.denies_as_attribute(world, searched));
            Expected::decided(chain, codes)
        }
    }
}

async fn ask_stray(
    doors: &Doors,
    world: World,
    case: &Case,
    dice: &mut Dice,
    census: &mut Census,
    place: &str,
) {
    let due = case.due(world);
    let single = doors.single(&case.body).await;
    let of_single = expected(case, world, due.clone(), None);
    assert!(
        of_single.is(&single),
        "alone: {of_single:?}, {single:?}: {place}"
    );
    note(case, world, &single.code, census);

    let [item, other] = doors.item(&case.body).await;
    let of_item = expected(case, world, case.due_in_item(world), None);
    assert!(of_item.is(&item), "an item: {of_item:?}, {item:?}: {place}");
    assert_eq!(other.code, "permit", "beside that item: {place}");

    // A batch has items of its own.
    let first = case
        .stray
        .steps
        .first()
        .map_or(case.stray.name, |step| step.name);
    let is_of_body = case.stray.site.kind == Kind::Body;
    if !(is_of_body && first == "evaluations") {
        let [heir, twin, own] = doors.defaults(&case.body).await;
        for answer in [heir, twin] {
            assert!(
                of_single.is(&answer),
                "a default: {of_single:?}, {answer:?}: {place}"
            );
        }
        if let Some(is_permitted) = case.beside_default(world) {
            assert_eq!(
                own.code == "permit",
                is_permitted,
                "beside the default: {own:?}: {place}"
            );
            census.count(format!("an item of its own, permitted: {is_permitted}"));
        }
    }

    // A search for subjects does not read what is said of them.
    let searched = match case.denies_as_attribute(world, None) {
        Some(_) => "subject",
        None => *dice.one(&SEARCHES),
    };
    // A search has a page, and refuses what asks for one by another name.
    let is_page = is_of_body && ["page", "token"].contains(&first) && of_single.permits();
    let has_type = case.body["subject"]["type"].is_string();
    if !is_page && (has_type || searched != "subject") {
        let of_search = expected(case, world, due, Some(searched));
        let found = doors.finds(searched, &case.body).await;
        assert_eq!(
            found,
            of_search.permits(),
            "a search for the {searched}: {place}"
        );
        census.count(format!("a search for the {searched}, found: {found}"));
    }
}

fn note(case: &Case, world: World, code: &str, census: &mut Census) {
    let stray = &case.stray;
    let kind = stray.site.kind;
    census.count(format!(
        "{world:?}, {:?}, {:?}",
        case.way,
        stray.fate(world)
    ));
    census.count(format!("came to {code}"));
    census.count(format!("said: {:?}", case.saying));
    census.count(format!("written {}", case.writing));
    census.count(format!("spelled {:?}", case.right.spelling));
    if stray.steps.is_empty() {
        census.count(format!("{} in {kind:?}", stray.name));
        if kind.own().contains(&stray.name) {
            census.count(format!("its own in {kind:?}"));
        }
        if SLIPS.contains(&stray.name) {
            census.count("a slip in a body");
        }
        if stray.written == stray.name {
            census.count(format!("{} in {kind:?}, as it is", stray.name));
        } else {
            census.count(format!("{kind:?}, miswritten"));
        }
    }
    for step in &stray.steps {
        census.count(format!("below {}", step.name));
        if step.lists > 0 {
            census.count("below a list");
        }
    }
    let reads = |searched| case.denies_as_attribute(world, searched);
    if reads(None).is_some() && reads(Some("subject")).is_none() {
        census.count("an attribute that denies, but in a search");
    }
    if case.hangs() {
        census.count("moved, and a permit without it");
    }
}

fn stray_kinds() -> Vec<String> {
    let mut kinds = vec![
        "below a list".to_owned(),
        "an attribute that denies, but in a search".to_owned(),
        "id in Actor, as it is".to_owned(),
        "type in Actor, as it is".to_owned(),
        "moved, and a permit without it".to_owned(),
        "written as it is".to_owned(),
    ];
    for world in WORLDS {
        for way in ["Alone", "Beside", "Moved"] {
            kinds.extend(["Refused", "Data"].map(|fate| format!("{world:?}, {way}, {fate}")));
        }
        kinds.extend(["Alone", "Beside"].map(|way| format!("{world:?}, {way}, Read")));
    }
    let codes = [
        "permit",
        "forbidden",
        "chain_invalid",
        "chain_conflict",
        "credential_invalid",
        "400",
    ];
    kinds.extend(codes.map(|code| format!("came to {code}")));
    kinds.extend(SAYINGS.map(|saying| format!("said: {saying:?}")));
    kinds.extend(MISWRITINGS.map(|(way, _)| format!("written {way}")));
    kinds.extend(SPELLINGS.map(|spelling| format!("spelled {spelling:?}")));
    kinds.extend(CONTAINERS.map(|name| format!("below {name}")));
    for kind in KINDS {
        kinds.extend(CARRIERS.map(|name| format!("{name} in {kind:?}")));
        kinds.push(format!("client_id in {kind:?}"));
        kinds.push(format!("{kind:?}, miswritten"));
        if !kind.own().is_empty() {
            kinds.push(format!("its own in {kind:?}"));
        }
    }
    kinds.extend([
        "a slip in a body".to_owned(),
        format!("{OPTIONS_SLIP} in Body"),
    ]);
    let told = ["Properties", "Member", "Delegator", "MemberProperties"];
    kinds.extend(told.map(|kind| format!("sub_profile in {kind}")));
    for name in ["iss", "issuer"] {
        kinds.extend(["Member", "Actor"].map(|kind| format!("{name} in {kind}")));
    }
    for found in [true, false] {
        kinds.push(format!("an item of its own, permitted: {found}"));
        kinds.extend(
            SEARCHES.map(|searched| format!("a search for the {searched}, found: {found}")),
        );
    }
    kinds
}

/// An object of another kind, whatever it says, is no empty one: not where it is searched for, and
/// not where an item has one of its own.
#[actix_web::test]
async fn what_is_no_object_where_one_is_read_permits_nothing_at_any_door() {
    let doors = Doors::of(World::Plain).await;
    let mut dice = Dice::new(seed(0));
    let act = json!([{"act": {"sub": "evil"}}, {"agent": "evil"}]);
    for (pointer, value) in OBJECTS.iter().flat_map(|pointer| {
        [json!("evil"), json!(7), json!(false), act.clone()].map(|value| (pointer, value))
    }) {
        let mut body = Right::new(&mut dice, 1, 3).body;
        let has_agent = !body["context"]["agent"].is_null();
        let (holder, name) = pointer.rsplit_once('/').expect("a place");
        body.pointer_mut(holder).expect("an object")[name] = value;
        let single = doors.single(&body).await;
        assert_eq!(single.code, "400", "alone: {body}");
        let [heir, twin, own] = doors.defaults(&body).await;
        assert_ne!(heir.code, "permit", "a default: {body}");
        assert_ne!(twin.code, "permit", "a default with that context: {body}");
        // What is said of a default entity hurts those who inherit it.
        let is_whole = holder.is_empty();
        assert_eq!(
            own.code == "permit",
            !is_whole && !has_agent,
            "beside the default: {body}"
        );
        // Options are of the whole batch.
        if *pointer != "/options" {
            let [item, other] = doors.item(&body).await;
            assert_ne!(item.code, "permit", "an item: {body}");
            assert_eq!(other.code, "permit", "beside that item: {body}");
        }
        for searched in SEARCHES {
            assert!(
                !doors.finds(searched, &body).await,
                "a search for the {searched}: {body}"
            );
        }
    }
}

const OBJECTS: [&str; 8] = [
    "/subject",
    "/action",
    "/resource",
    "/context",
    "/options",
    "/subject/properties",
    "/action/properties",
    "/resource/properties",
];

#[actix_web::test]
async fn what_is_said_of_a_member_counts_wherever_it_is_said() {
    let mut census = Census::default();
    let first = seed(0);
    for (world, at) in WORLDS.into_iter().zip(first..) {
        let doors = Doors::of(world).await;
        let mut dice = Dice::new(47_000 + at);
        for step in 0..VALUES {
            let valued = Valued::new(&mut dice);
            let place = format!("seed {at}, {world:?}, step {step}\n{}", valued.body);
            ask_valued(&doors, &valued, &mut census, &place).await;
        }
    }
    if first == 0 {
        let codes = ["permit", "forbidden", "bad_value", "attribute_conflict"];
        let codes = codes.map(|code| format!("came to {code}"));
        let spelled = SPELLINGS.map(|spelling| format!("spelled {spelling:?}"));
        census.check(values::kinds().into_iter().chain(codes).chain(spelled));
    }
}

async fn ask_valued(doors: &Doors, valued: &Valued, census: &mut Census, place: &str) {
    let expected = valued.expected(None);
    let single = doors.single(&valued.body).await;
    assert!(
        expected.is(&single),
        "alone: {expected:?}, {single:?}: {place}"
    );
    let [item, other] = doors.item(&valued.body).await;
    assert!(
        expected.is(&item),
        "an item: {expected:?}, {item:?}: {place}"
    );
    assert_eq!(other.code, "permit", "beside that item: {place}");
    let [heir, twin, _] = doors.defaults(&valued.body).await;
    for answer in [heir, twin] {
        assert!(
            expected.is(&answer),
            "a default: {expected:?}, {answer:?}: {place}"
        );
    }
    for searched in SEARCHES {
        if searched == "subject" && matches!(valued.spelling, Spelling::SideBySide) {
            continue;
        }
        let found = doors.finds(searched, &valued.body).await;
        let of_search = valued.expected(Some(searched));
        assert_eq!(
            found,
            of_search.permits(),
            "a search for the {searched}: {place}"
        );
    }
    census.count(format!("came to {}", single.code));
    census.count(format!("spelled {:?}", valued.spelling));
    valued
        .kinds
        .iter()
        .for_each(|kind| census.count(kind.as_str()));
}
