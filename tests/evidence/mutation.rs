//! Tokens and proofs with bytes changed: none is accepted, and none makes the service fail.

use crate::world::{claims_with, question, standard};
use serde_json::json;
use std::time::{Duration, Instant};
use support::service::NOW_MS;
use support::tokens::Key;

/// How long to mutate: a moment, or the seconds that CI gives.
fn patience() -> Duration {
    let seconds = std::env::var("BEHEST_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    seconds.map_or(Duration::from_millis(500), Duration::from_secs)
}

/// A small generator: xorshift, with a seed that a failure names.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn mutate(&mut self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(4) {
                0 => bytes[at] = b"ABCxyz019-_.={}\"%"[self.below(17)],
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b'A'),
                _ => bytes.truncate(at.max(1)),
            }
            if bytes.is_empty() {
                bytes.push(b'.');
            }
        }
        String::from_utf8(bytes).unwrap()
    }
}

#[actix_web::test]
async fn no_mutation_is_accepted_and_none_makes_it_fail() {
    let (world, issuer, _web) = standard();
    let holder = Key::new("");
    let plain = issuer.access_token(&claims_with(&json!({})));
    let bound = issuer.access_token(&claims_with(&json!({"cnf": {"jkt": holder.thumbprint()}})));
    assert_eq!(world.read(&plain).await, "permit");
    let seed = u64::from(std::process::id()) | 1;
    let mut random = Random(seed);
    let end = Instant::now() + patience();
    let mut turn = 0;
    while Instant::now() < end {
        turn += 1;
        let mutated = random.mutate(&plain);
        if mutated != plain {
            let found = world.read(&mutated).await;
            assert!(
                found.starts_with("credential_"),
                "seed {seed}: {mutated}: {found}"
            );
        }
        let claims = json!({"htm": "GET", "htu": "https://api.example/", "iat": NOW_MS / 1_000, "jti": format!("{turn}")});
        let proof = holder.proof(&bound, &claims);
        let changed = random.mutate(&proof);
        if changed != proof {
            let credential = json!({"type": "access_token", "value": bound,
                "dpop": {"proof": changed, "method": "GET", "url": "https://api.example/"}});
            let found = world.ask(&question("read", &[credential])).await;
            assert!(
                found.starts_with("proof_invalid: "),
                "seed {seed}: {changed}: {found}"
            );
        }
    }
    assert!(turn > 0);
}
