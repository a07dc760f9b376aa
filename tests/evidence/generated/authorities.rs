//! Authorities of callers' certificates that come and go, in every form of their file, whatever is
//! wrong with the service's own certificate: on connections of before and on new ones.

use super::Dice;
use super::census::Census;
use super::forms::{FILES, Foreign, Form, Found, file, put};
use crate::tls::{Authority, GATEWAY, Issued, KNOWN, Running, UNKNOWN, caller, put as put_own};
use behest::http::{CallerCredential, CertificateName, HttpLimits};
use support::seed::seed;

/// How often the files are read again.
const TURNS: usize = 80;

/// LIMIT: the file of authorities, in bytes.
const LARGEST: usize = 1 << 20;

const HOUR_MS: i64 = 3_600_000;

/// Which authorities count, by what was read.
struct Trusted {
    held: Vec<usize>,
    /// Since when nothing could be read.
    unreadable_since_ms: Option<i64>,
    foreign: Foreign,
}

impl Trusted {
    fn read(&mut self, form: &Form, now_ms: i64) {
        let withdraws = self.foreign.withdraws(form, now_ms);
        match (&form.held, &form.found) {
            (Some(held), _) => {
                self.held.clone_from(held);
                self.unreadable_since_ms = None;
            }
            (None, Found::Unreachable) => {
                let since_ms = *self.unreadable_since_ms.get_or_insert(now_ms);
                if now_ms - since_ms >= HOUR_MS {
                    self.held.clear();
                }
            }
            (None, Found::Text(..) | Found::Gone) => {
                if withdraws {
                    self.held.clear();
                }
            }
        }
    }
}

/// A caller, and the connection that it keeps.
struct Gateway {
    certificate: Issued,
    kept: ureq::Agent,
}

impl Gateway {
    fn new(servers: &Authority, authority: &Authority) -> Self {
        let certificate = authority.for_client(GATEWAY);
        let kept = Running::agent(servers, Some(&certificate));
        Self { certificate, kept }
    }

    /// Whether it is known, by its connection of before and by a new one.
    fn is_known(&self, running: &Running, servers: &Authority) -> [bool; 2] {
        let known = |found: &Result<u16, String>| {
            assert!(
                *found == KNOWN || *found == UNKNOWN || found.is_err(),
                "{found:?}"
            );
            *found == KNOWN
        };
        // A connection that ended meanwhile says nothing: the next one is new.
        let kept = running
            .status_by(&self.kept, None, "keep-alive")
            .or_else(|_| running.status_by(&self.kept, None, "keep-alive"));
        let new = running.status(servers, Some(&self.certificate), None);
        [known(&kept), known(&new)]
    }
}

#[test]
fn callers_fall_with_the_authority_of_their_certificate_and_with_nothing_else() {
    let seed = seed(0xca) | 1;
    let mut dice = Dice(seed);
    let servers = Authority::new();
    let authorities = [(); 3].map(|()| Authority::new());
    let texts = authorities.each_ref().map(|one| one.0.pem());
    let by = CallerCredential::Certificate(CertificateName::Uri(GATEWAY.to_owned()));
    let own = servers.for_server();
    let running = Running::start(
        &own,
        &authorities[0],
        vec![caller("gateway", by)],
        HttpLimits::default(),
    );
    let mut gateways = authorities
        .each_ref()
        .map(|one| Gateway::new(&servers, one));
    let folder = running.folder.path();
    let mut trusted = Trusted {
        held: vec![0],
        unreadable_since_ms: None,
        foreign: Foreign::default(),
    };
    let mut census = Census::default();
    let mut now_ms = 5;
    for turn in 0..TURNS {
        let form = file(&mut dice, &texts, LARGEST);
        put(&folder.join("clients.pem"), &form.found);
        let is_bad = dice.chance(25);
        if is_bad {
            std::fs::write(folder.join("own.key"), "no key").unwrap();
        } else {
            put_own(folder, &own);
        }
        // What says nothing is read again, now and then for long.
        let more = if form.held.is_none() {
            dice.below(3)
        } else {
            0
        };
        let mut told = Ok(());
        for _ in 0..=more {
            now_ms += [1_000, HOUR_MS / 3, HOUR_MS][dice.below(3)];
            told = running.tls.reload(now_ms);
            trusted.read(&form, now_ms);
        }
        let at = format!("seed {seed}, turn {turn}: {}, {told:?}", form.kind);
        let is_whole = matches!(form.found, Found::Text(..)) && form.kind.ends_with(" authorities");
        assert_eq!(
            told.is_ok(),
            is_whole && !is_bad && !trusted.held.is_empty(),
            "{at}"
        );
        for (of, gateway) in gateways.iter_mut().enumerate() {
            let counts = trusted.held.contains(&of);
            let [kept, new] = gateway.is_known(&running, &servers);
            assert!(
                new == counts && (counts || !kept),
                "{at}: {of} of {:?}: {kept} {new}",
                trusted.held
            );
            census.note(if counts { "known" } else { "unknown" });
            if kept {
                census.note("known by a connection of before");
            } else if counts {
                // It began while nobody was asked for a certificate, and shows none.
                gateway.kept = Running::agent(&servers, Some(&gateway.certificate));
            }
        }
        census.note(form.kind);
        census.note(if is_bad { "a bad key" } else { "a good key" });
        let is_over = trusted.unreadable_since_ms.is_some() && trusted.held.is_empty();
        census.note(if is_over {
            "an hour unreadable"
        } else {
            "readable"
        });
    }
    let others = [
        ("known", 20),
        ("unknown", 20),
        ("known by a connection of before", 10),
        ("a bad key", 5),
        ("a good key", 20),
        ("an hour unreadable", 1),
    ];
    let forms = FILES.into_iter().map(|kind| (kind, 1));
    census.check(forms.chain(others), seed);
}
