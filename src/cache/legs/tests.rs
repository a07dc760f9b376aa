//! Tests of which readers an outcome is served to, and of how much is stored.

use super::*;
use crate::cache::shards::SHARDS;
use crate::model::{Code, NextAction, Reason};

fn cache(bytes: usize) -> LegCache {
    LegCache::new(bytes, Arc::default())
}

fn kept(message: &str) -> CachedOutcome {
    let reason = Reason {
        code: Code::NotPermitted,
        message: message.to_owned(),
        principal: None,
        next_action: NextAction::None,
        missing_scopes: Vec::new(),
        doc: None,
    };
    CachedOutcome {
        outcome: LegOutcome::Deny(reason),
        policies: Vec::new(),
        inputs: Vec::new(),
    }
}

fn at(stripes: &Stripes, revision: u64, now: i64) -> ReadPoint<'_> {
    ReadPoint {
        revision: Revision(revision),
        now: Timestamp(now),
        stripes: Some(stripes),
    }
}

fn rows(hashes: impl IntoIterator<Item = u64>) -> Vec<StripeRow> {
    hashes.into_iter().map(StripeRow::of).collect()
}

fn on_rows(hashes: impl IntoIterator<Item = u64>) -> Dependencies {
    Dependencies {
        rows: rows(hashes),
        clock: ClockUse::Unread,
    }
}

fn metric(cache: &LegCache, name: &str) -> i64 {
    let text = cache.metrics.encode(0);
    let line = text
        .lines()
        .find(|line| line.starts_with(name))
        .unwrap_or_default();
    line.rsplit(' ')
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {text}"))
}

#[test]
fn an_outcome_serves_every_reader_between_the_writes_to_its_rows() {
    let (cache, stripes) = (cache(1 << 20), Stripes::default());
    stripes.raise(rows([0x10_0001]), Revision(5));
    assert!(cache.keep(
        b"k",
        at(&stripes, 9, 0),
        on_rows([0x10_0001, 0x20_0001]),
        kept("a")
    ));
    for revision in [5, 9, 12] {
        assert!(
            cache.find(b"k", at(&stripes, revision, 0)).is_ok(),
            "{revision}"
        );
    }
    assert_eq!(
        cache.find(b"k", at(&stripes, 4, 0)),
        Err(CacheMiss::Stale),
        "before the last write"
    );
    stripes.raise(rows([0x20_0001]), Revision(13));
    for revision in [9, 12, 13, 14] {
        assert_eq!(
            cache.find(b"k", at(&stripes, revision, 0)),
            Err(CacheMiss::Stale),
            "{revision}"
        );
    }
    stripes.raise(rows([0x10_0002]), Revision(14));
    assert_eq!(
        cache.find(b"k", at(&stripes, 14, 0)),
        Err(CacheMiss::Collision)
    );
}

#[test]
fn an_outcome_that_rests_on_too_many_rows_holds_for_its_revision_alone() {
    let (cache, stripes) = (cache(1 << 20), Stripes::default());
    let many = |count: usize| (0..count).map(|at| u64::try_from(at).unwrap() << 16);
    assert!(cache.keep(
        b"few",
        at(&stripes, 3, 0),
        on_rows(many(MAX_ROWS).chain(many(MAX_ROWS))),
        kept("")
    ));
    assert!(cache.keep(
        b"many",
        at(&stripes, 3, 0),
        on_rows(many(MAX_ROWS + 1)),
        kept("")
    ));
    assert!(cache.find(b"few", at(&stripes, 4, 0)).is_ok());
    assert!(cache.find(b"many", at(&stripes, 3, 0)).is_ok());
    for revision in [2, 4] {
        assert_eq!(
            cache.find(b"many", at(&stripes, revision, 0)),
            Err(CacheMiss::Collision)
        );
    }
}

#[test]
fn an_outcome_that_read_the_clock_holds_from_then_until_its_bound() {
    let (cache, stripes) = (cache(1 << 20), Stripes::default());
    let dependencies = |clock| Dependencies {
        rows: Vec::new(),
        clock,
    };
    assert!(cache.keep(
        b"k",
        at(&stripes, 0, 100),
        dependencies(ClockUse::Until(Timestamp(200))),
        kept("")
    ));
    for (now, expected) in [
        (99, false),
        (100, true),
        (199, true),
        (200, false),
        (201, false),
    ] {
        assert_eq!(
            cache.find(b"k", at(&stripes, 0, now)).is_ok(),
            expected,
            "{now}"
        );
    }
    assert!(!cache.keep(
        b"o",
        at(&stripes, 0, 100),
        dependencies(ClockUse::Otherwise),
        kept("")
    ));
    assert_eq!(
        cache.find(b"o", at(&stripes, 0, 100)),
        Err(CacheMiss::Absent)
    );
    assert!(cache.keep(
        b"u",
        at(&stripes, 0, 100),
        dependencies(ClockUse::Unread),
        kept("")
    ));
    for now in [i64::MIN, 0, i64::MAX] {
        assert!(cache.find(b"u", at(&stripes, 0, now)).is_ok());
    }
}

#[test]
fn what_a_slow_reader_found_does_not_replace_what_is_newer() {
    let (cache, stripes) = (cache(1 << 20), Stripes::default());
    stripes.raise(rows([1]), Revision(6));
    assert!(cache.keep(b"k", at(&stripes, 6, 0), on_rows([1]), kept("new")));
    assert!(cache.keep(b"k", at(&stripes, 5, 0), on_rows([1]), kept("old")));
    assert_eq!(
        cache.find(b"k", at(&stripes, 7, 0)).unwrap().as_ref(),
        &kept("new")
    );
}

#[test]
fn the_bound_in_bytes_is_kept_and_the_least_used_goes_first() {
    const BYTES: usize = 256 << 10;
    let (cache, stripes) = (cache(BYTES), Stripes::default());
    let key = |number: u32| number.to_be_bytes();
    for number in 0..4_000 {
        assert!(cache.keep(
            &key(number),
            at(&stripes, 0, 0),
            on_rows([]),
            kept("message")
        ));
        assert!(
            cache.find(&key(0), at(&stripes, 0, 0)).is_ok(),
            "what is used stays: {number}"
        );
    }
    let bytes = metric(&cache, "behest_cache_bytes");
    assert!(
        bytes <= i64::try_from(BYTES).unwrap() && bytes > i64::try_from(BYTES / 2).unwrap(),
        "{bytes}"
    );
    assert_eq!(
        i64::try_from(cache.shards.len()).unwrap(),
        4_000 - metric(&cache, "behest_cache_evictions_total")
    );
    assert!(!cache.keep(
        b"large",
        at(&stripes, 0, 0),
        on_rows([]),
        kept(&"x".repeat(BYTES / SHARDS))
    ));
}

#[test]
fn keys_are_compared_whole() {
    let (cache, stripes) = (cache(1 << 20), Stripes::default());
    assert!(cache.keep(b"key", at(&stripes, 0, 0), on_rows([]), kept("a")));
    for other in [&b"kez"[..], b"ke", b"key\0", b""] {
        assert_eq!(
            cache.find(other, at(&stripes, 0, 0)),
            Err(CacheMiss::Absent)
        );
    }
}

#[test]
fn each_leg_is_counted_once_and_a_collision_as_stale_too() {
    let cache = cache(1 << 20);
    let all = [
        CacheMiss::Absent,
        CacheMiss::Stale,
        CacheMiss::Collision,
        CacheMiss::Time,
        CacheMiss::Uncacheable,
    ];
    all.into_iter().for_each(|miss| cache.count_miss(miss));
    let misses = |cause: &str| {
        metric(
            &cache,
            &format!("behest_cache_misses_total{{cause=\"{cause}\"}}"),
        )
    };
    assert_eq!(
        ["absent", "stale", "time", "uncacheable"].map(misses),
        [1, 2, 1, 1]
    );
    assert_eq!(metric(&cache, "behest_cache_stripe_collisions_total"), 1);
}
