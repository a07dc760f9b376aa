//! A subject that stands for a credential, and members about it that may name somebody else: what a
//! credential proves is all of its chain, but for actors who are named in the context.

use crate::chains::proven;
use crate::generated::census::Census;
use crate::generated::places::{KINDS, Kind, OPTIONS_SLIP};
use crate::generated::right::{Right, Told};
use crate::generated::stray::{Case, Due, Way};
use crate::generated::world::{SHARED, WORLDS, World};
use behest::model::{CarrierSettings, ChainRefusal, Request, read_proven_question};
use serde_json::json;
use support::dice::Dice;
use support::seed::seed;
use support::spellings::Spelling;
use support::values;

const STEPS: usize = 2_000;

#[test]
fn nothing_that_stands_about_a_credentials_subject_is_overlooked() {
    let mut census = Census::default();
    let credential = json!({"type": "access_token", "value": "x"});
    let evidence = proven(&credential);
    let first = seed(0);
    for (world, at) in WORLDS.into_iter().zip(first..) {
        let settings = settings(world);
        let mut dice = Dice::new(53_000 + at);
        for step in 0..STEPS {
            let right = Right {
                chain: vec![("user", "alice")],
                spelling: Spelling::List,
                body: json!({
                    "subject": {"type": "credential", "id": "0"}, "action": {"name": "read"},
                    "resource": {"type": "doc", "id": "open"}, "context": {"credentials": [credential]},
                }),
                told: Told::default(),
            };
            let case = Case::of(&mut dice, Way::Alone, right);
            // Options are read at the door.
            let of_options = |case: &Case| {
                case.stray.site.kind == Kind::Options || case.stray.name == OPTIONS_SLIP
            };
            let Some(case) = case.filter(|case| !of_options(case)) else {
                continue;
            };
            let due = match Request::from_body(&values::record(&case.body)) {
                Ok(request) => match read_proven_question(&request, &settings, &evidence) {
                    Ok(question) => question.chain.to_string(),
                    Err(ChainRefusal::Deny(code, _)) => code.to_string(),
                    Err(other) => format!("{other:?}"),
                },
                // `properties` that are a list.
                Err(_) => "chain_invalid".to_owned(),
            };
            let expected = match case.due(world) {
                Due::Chain(chain) => chain
                    .iter()
                    .map(|(kind, id)| format!("{kind}:{id}"))
                    .collect::<Vec<_>>()
                    .join(" > "),
                Due::Refused(codes) => codes[0].to_owned(),
            };
            assert_eq!(
                due, expected,
                "seed {at}, {world:?}, step {step}\n{}",
                case.body
            );
            census.count(format!("in {:?}", case.stray.site.kind));
            census.count(format!("{:?} in {:?}", case.saying, case.stray.site.kind));
            census.count(due);
        }
    }
    let kinds = KINDS
        .into_iter()
        .filter(|kind| !kind.is_carriers() && *kind != Kind::Options);
    // What stands on the subject is none of these.
    let kinds = kinds.filter(|kind| ![Kind::Subject, Kind::Properties].contains(kind));
    let came = [
        "EmptyObject in Closed",
        "Null in Closed",
        "chain_invalid",
        "user:alice",
    ];
    let came = came
        .into_iter()
        .chain(["user:alice > agent:evil"])
        .map(str::to_owned);
    census.check(kinds.map(|kind| format!("in {kind:?}")).chain(came));
}

fn settings(world: World) -> CarrierSettings {
    let declared = SHARED.iter().filter(|name| world.declares("user", name));
    CarrierSettings {
        client_id: world.reads_client().then(|| "agent".into()),
        attributes: declared.map(|name| ("user".into(), *name)).collect(),
        ..CarrierSettings::default()
    }
}
