//! Walks through wide worlds ([`crate::wide`]): each search is of the last question with one part
//! changed, and finds exactly what deciding about everything that is known permits: at once, page
//! by page, and while tuples are written.

use crate::agree::{about, limits, tuples, walk, whole};
use crate::census::{Census, Sight};
use crate::served;
use crate::wide::Wide;
use behest::clock::FixedClock;
use behest::engine::{Ask, Engine};
use behest::model::{AnswerDepth, Arguments, Decision, Tuple};
use behest::stores::Stores;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::sync::Arc;
use support::dice::Dice;
use support::lab::{self, NOON, Question};
use support::seed::seed;
use support::{engines, values};

/// Worlds, and searches in each.
const WORLDS: u64 = 40;
const STEPS: usize = 30;

#[test]
fn every_step_finds_what_evaluation_permits_and_every_kind_of_world_comes() {
    let mut census = Census::default();
    let first = seed(0);
    for at in first..first + WORLDS {
        walk_through(at, &mut census);
    }
    // By another seed a kind may stay away.
    if first == 0 {
        census.check();
    }
}

/// What is asked, of one engine.
struct Hunt<'a> {
    wide: &'a Wide,
    engine: &'a Engine,
    stores: &'a Stores,
    kind: &'static str,
    body: Json,
    arguments: Arguments,
}

fn walk_through(seed: u64, census: &mut Census) {
    let mut dice = Dice::new(9_000 + seed);
    let wide = Wide::new(&mut dice);
    let clock = Arc::new(FixedClock::at(NOON));
    let (engine, stores) = wide.engine(&clock, limits(if dice.chance(30) { 3 } else { 1_000 }));
    (0..30).for_each(|_| write(&mut dice, &wide, &stores));
    let mut question = Question::first(&mut dice, &wide.bundle);
    let mut old = vec![question.clone()];
    let mut is_stuck = false;
    for step in 0..STEPS {
        match dice.below(100) {
            0..12 => write(&mut dice, &wide, &stores),
            12..16 => clock.set(lab::time(&mut dice)),
            16..30 => question = dice.one(&old).clone(),
            // Where a value does not fit, nothing else decides any more.
            30..75 if is_stuck => question = dice.one(&old).clone(),
            _ => {
                question.change(&mut dice, &wide.bundle);
                if !is_stuck {
                    old.push(question.clone());
                }
            }
        }
        let (kind, body) = wide.search(&mut dice, &question);
        let arguments = if dice.chance(15) {
            Arguments::Unknown
        } else {
            Arguments::Known
        };
        let hunt = Hunt {
            wide: &wide,
            engine: &engine,
            stores: &stores,
            kind,
            body,
            arguments,
        };
        let at = format!("seed {seed}, step {step}");
        let codes = hunt.agrees(&mut dice, census, &at);
        is_stuck = ["bad_value", "attribute_conflict", "chain_"]
            .iter()
            .any(|code| codes.iter().any(|it| it.starts_with(code)));
        if dice.chance(12) {
            hunt.agrees_while_written(&mut dice, &at);
        }
    }
}

impl Hunt<'_> {
    /// Returns the codes of what is denied.
    fn agrees(&self, dice: &mut Dice, census: &mut Census, at: &str) -> BTreeSet<String> {
        let tuples = tuples(self.stores);
        let (permitted, codes) = self.brute(&tuples);
        let limit = dice.chance(50).then(|| dice.below(3) as u64 + 1);
        let paged = walk(
            self.engine,
            self.kind,
            &self.body,
            self.arguments,
            limit,
            || {},
        );
        let once: BTreeSet<String> = paged.iter().cloned().collect();
        let place = || format!("{at}\n{}", self.place(&tuples));
        assert_eq!(
            once.len(),
            paged.len(),
            "something was found twice: {paged:?}: {}",
            place()
        );
        assert_eq!(once, permitted, "found, permitted: {}", place());
        let page = whole(self.engine, self.kind, &self.body, self.arguments);
        if page.next.is_none() {
            let ids: BTreeSet<String> = page
                .found
                .iter()
                .map(|found| found.id.to_string())
                .collect();
            assert_eq!(ids, permitted, "found with reasons, permitted: {}", place());
            assert_eq!(
                page.reason.is_some(),
                permitted.is_empty(),
                "{:?}: {}",
                page.reason,
                place()
            );
        }
        if let Some(reason) = &page.reason {
            let code = reason.code.to_string();
            let of_nobody = self.verdict("nobody that anything names");
            assert!(
                code == "not_permitted" || codes.contains(&code) || of_nobody == Err(code.clone()),
                "{code} is no reason among {codes:?}, {of_nobody:?}: {}",
                place()
            );
            assert!(
                !reason.message.contains("behest: anybody"),
                "{}",
                reason.message
            );
        }
        census.note(&Sight {
            wide: self.wide,
            kind: self.kind,
            body: &self.body,
            page: &page,
            tuples: &tuples,
            codes: &codes,
        });
        codes
    }

    /// Each result was true at some revision that a page saw; whatever was true at all of them was
    /// found.
    fn agrees_while_written(&self, dice: &mut Dice, at: &str) {
        let mut seen: Vec<BTreeSet<String>> = Vec::new();
        let found = walk(
            self.engine,
            self.kind,
            &self.body,
            self.arguments,
            Some(1),
            || {
                seen.push(self.brute(&tuples(self.stores)).0);
                write(dice, self.wide, self.stores);
            },
        );
        let found: BTreeSet<String> = found.into_iter().collect();
        let ever: BTreeSet<String> = seen.iter().flatten().cloned().collect();
        let always = seen
            .iter()
            .skip(1)
            .fold(seen[0].clone(), |all, one| &all & one);
        let place = || format!("{at}\n{}", self.place(&tuples(self.stores)));
        assert!(
            found.is_subset(&ever),
            "{found:?} was not all true: {seen:?}: {}",
            place()
        );
        assert!(
            always.is_subset(&found),
            "{always:?} stayed and {found:?} was found: {}",
            place()
        );
    }

    /// What deciding about everything that is known permits, and the codes of what it denies.
    fn brute(&self, tuples: &[Tuple]) -> (BTreeSet<String>, BTreeSet<String>) {
        let known = match self.kind {
            "action" => self.wide.actions(),
            kind => self
                .wide
                .known(tuples, self.body[kind]["type"].as_str().expect("a type")),
        };
        let mut permitted = BTreeSet::new();
        let mut codes = BTreeSet::new();
        for id in known {
            match self.verdict(&id) {
                Ok(()) => drop(permitted.insert(id)),
                Err(code) => drop(codes.insert(code)),
            }
        }
        (permitted, codes)
    }

    /// The decision about one candidate, with the code of a denial.
    fn verdict(&self, id: &str) -> Result<(), String> {
        let ask = Ask {
            arguments: self.arguments,
            ..engines::ask(AnswerDepth::Reason)
        };
        let question = values::request(&about(self.kind, &self.body, id));
        let answer = self.engine.decide(&ask, &question).expect("an answer");
        match answer.decision {
            Decision::Permit => Ok(()),
            Decision::Deny => Err(answer
                .reason
                .expect("a denial has a reason")
                .code
                .to_string()),
        }
    }

    /// All that somebody needs who looks into a difference.
    fn place(&self, tuples: &[Tuple]) -> String {
        let tuples: String = tuples.iter().map(served::line).collect();
        let policies: String = self
            .wide
            .policies
            .iter()
            .map(|(id, text)| format!("{id}: {text}\n"))
            .collect();
        let entities = &self
            .wide
            .files
            .iter()
            .find(|(path, _)| path.ends_with("entities.json"))
            .expect("entities")
            .1;
        format!(
            "{} {:?} {}\n{policies}{tuples}{entities}",
            self.kind, self.arguments, self.body
        )
    }
}

/// Writes or deletes a tuple, where that is possible.
fn write(dice: &mut Dice, wide: &Wide, stores: &Stores) {
    let tuple = wide.tuple(dice);
    let (deletes, writes) = if dice.chance(25) {
        (vec![tuple], Vec::new())
    } else {
        (Vec::new(), vec![tuple])
    };
    served::write(stores, deletes, writes);
}
