//! Tests of ids of stores.

use super::*;
use crate::clock::FixedClock;

#[test]
fn the_main_store_has_its_written_id() {
    assert_eq!(StoreId::MAIN.to_string(), "01BEHEST00000000000000MA1N");
    assert_eq!("01BEHEST00000000000000MA1N".parse(), Ok(StoreId::MAIN));
}

#[test]
fn an_id_has_one_spelling() {
    for text in [
        "",
        "01BEHEST00000000000000MA1",
        "01behest00000000000000ma1n",
        "01BEHEST00000000000000MAIN",
        "81BEHEST00000000000000MA1N",
        "01BEHEST00000000000000MA1Né",
    ] {
        assert_eq!(text.parse::<StoreId>(), Err(ParseIdError), "{text}");
    }
}

#[test]
fn ids_rise_whatever_the_clock_does() {
    let clock = Arc::new(FixedClock::at(1_790_000_000_000));
    let source = IdSource::new(Arc::clone(&clock) as Arc<dyn Clock>);
    let mut last = source.next_model().unwrap();
    for step_ms in [0, 0, 5, -60_000, -1_790_000_000_001, 7] {
        clock.set(clock.now_ms() + step_ms);
        let next = source.next_model().unwrap();
        assert!(next > last, "{next} after {last}");
        last = next;
    }
}

#[test]
fn an_id_tells_its_time() {
    let source = IdSource::new(Arc::new(FixedClock::at(1_790_000_000_000)));
    assert_eq!(
        source.next_store().unwrap().0.timestamp_ms(),
        1_790_000_000_000
    );
}
