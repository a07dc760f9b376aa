//! No input panics, hangs, or is answered with a 5xx: bodies, bundles and cases, mutated at random.
//!
//! Seeded: the same seed tries the same inputs. `BEHEST_FUZZ_SECONDS` (5 for each test unless set)
//! bounds the time and `BEHEST_FUZZ_SEED` sets the seed, which a failure names.

use behest::bundle::{self, BundleFiles, BundleSource};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use support::{bundles, service};

/// `SplitMix64`: small, seeded, and good enough to choose where to cut.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).expect("it fits"))
            .expect("it fits")
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

fn seed() -> u64 {
    std::env::var("BEHEST_FUZZ_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_260_601)
}

fn seconds() -> u64 {
    std::env::var("BEHEST_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5)
}

/// Calls `attempt` with fresh randomness until the time is up; at least twenty times.
fn for_a_while(mut attempt: impl FnMut(&mut Random)) {
    let end = Instant::now() + Duration::from_secs(seconds());
    let mut random = Random(seed());
    let mut rounds = 0;
    while rounds < 20 || Instant::now() < end {
        attempt(&mut random);
        rounds += 1;
    }
}

/// Pieces that mean something to one of the readers.
const PIECES: [&str; 30] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\n",
    "null",
    "1e999",
    "-0",
    "\\ud800",
    "\u{feff}",
    "\0",
    "true",
    "@id(\"x\")",
    "forbid",
    "&&",
    "principal",
    "entity",
    "Set<",
    "appliesTo",
    "{\"__entity\":",
    "::",
    "\"act\":",
    "- name: x",
    "é",
    "9223372036854775808",
    "/*",
    "  ",
];

fn mutate(text: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=random.below(4) {
        let (from, to) = (random.below(text.len() + 1), random.below(text.len() + 1));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 60));
        match random.below(5) {
            0 => drop(text.drain(from..to)),
            1 => drop(text.splice(from..from, random.pick(&PIECES).bytes())),
            2 => {
                let copy = text[from..to].to_vec();
                text.splice(to..to, copy);
            }
            3 if !text.is_empty() => {
                let at = random.below(text.len());
                text[at] = u8::try_from(random.below(256)).expect("a byte");
            }
            _ => drop(text.splice(from..to, random.pick(&PIECES).bytes())),
        }
    }
    text
}

#[test]
fn mutated_bundles_are_loaded_or_refused() {
    let files = bundles::named("good.bundles", "small").parts;
    assert!(
        files.len() >= 5,
        "the small bundle has one file of each kind"
    );
    for_a_while(|random| {
        let mut mutated = files.clone();
        for _ in 0..=random.below(2) {
            let at = random.below(mutated.len());
            mutated[at].1 =
                String::from_utf8_lossy(&mutate(mutated[at].1.as_bytes(), random)).into_owned();
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut files = BundleFiles::from_texts(mutated.clone());
            match behest::engine::check_covered(&mut files) {
                Ok((bundle, report, _)) => {
                    drop(bundle::lint(&bundle, &files, &report.undecided));
                    bundle.summary()
                }
                Err(problems) => {
                    assert!(!problems.0.is_empty(), "refused without a reason");
                    bundle::render(&problems, &files, false)
                }
            }
        }));
        assert!(outcome.is_ok(), "seed {}: a panic on {mutated:#?}", seed());
    });
}

const BODIES: [&str; 6] = [
    r#"{"subject":{"type":"user","id":"alice","properties":{"act":{"sub":"copilot","sub_profile":"ai_agent"}}},"action":{"name":"tools/call"},"resource":{"type":"tool","id":"payments/refund"},"context":{"arguments":{"order":"o-17","amount":249.9}},"options":{"reason":true}}"#,
    r#"{"subject":{"user":"alice","agent":{"id":"copilot","properties":{"x":[1,null,{"a":1.5}]}}},"action":{"name":"read","properties":{"soft":true}},"resource":{"type":"document","id":"handbook"},"options":{"explain":true}}"#,
    r#"{"subject":{"type":"agent","id":"b","delegation_chain":[{"type":"user","id":"alice"},{"type":"agent","id":"a"}]},"action":{"name":"read"},"resource":{"type":"repository","id":"checkout"}}"#,
    r#"{"subject":{"type":"user","id":"alice"},"context":{"agent":"copilot"},"action":{"name":"read"},"options":{"evaluations_semantic":"deny_on_first_deny"},"evaluations":[{"resource":{"type":"document","id":"handbook"}},{},{"resource":null},{"context":{},"resource":{"type":"document","id":"roadmap"}}]}"#,
    r#"{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"document","id":"handbook"},"page":{"limit":5,"token":"x"}}"#,
    r#"{"subject":{"type":"agent","id":"copilot","properties":{"on_behalf_of":{"type":"user","id":"alice"},"delegation":{"delegator_type":"user","delegator_id":"alice"}}},"action":{"name":"read"},"resource":{"type":"document","id":"handbook"}}"#,
];

const PATHS: [&str; 5] = [
    "/access/v1/evaluation",
    "/access/v1/evaluations",
    "/access/v1/search/subject",
    "/access/v1/search/resource",
    "/access/v1/search/action",
];

#[test]
fn mutated_bodies_are_answered() {
    let runtime = actix_web::rt::System::new();
    runtime.block_on(async {
        let (server, engine) = service::with_engine(service::local());
        engine
            .load(&BundleSource::Embedded)
            .expect("the default bundle loads");
        let app = actix_web::test::init_service(server.app()).await;
        let mut random = Random(seed());
        // A count in place of a time, so that the inputs are the same whatever the machine's speed.
        for _ in 0..seconds() * 300 {
            let path = *random.pick(&PATHS);
            let body = mutate(random.pick(&BODIES).as_bytes(), &mut random);
            let request = service::post(path, body.clone()).to_request();
            let status = actix_web::test::call_service(&app, request)
                .await
                .status()
                .as_u16();
            let known = matches!(status, 200 | 400 | 413);
            assert!(
                known,
                "seed {}: {status} for {path} {}",
                seed(),
                String::from_utf8_lossy(&body)
            );
        }
    });
}
