//! Tests of the stripes.

use super::*;

fn row(stripe: u32, tag: u32) -> StripeRow {
    StripeRow(stripe << 16 | tag)
}

#[test]
fn a_row_has_changed_after_a_revision_where_a_later_one_wrote_to_it() {
    let stripes: Stripes = Stripes::default();
    let rows = [row(1, 7), row(2, 7)];
    assert_eq!(stripes.since(&rows, Revision(0)), RowFreshness::Unchanged);
    stripes.raise([row(2, 7)], Revision(5));
    assert_eq!(stripes.since(&rows, Revision(4)), RowFreshness::Changed);
    assert_eq!(stripes.since(&rows, Revision(5)), RowFreshness::Unchanged);
    assert_eq!(
        stripes.since(&rows[..1], Revision(0)),
        RowFreshness::Unchanged
    );
    stripes.raise([row(2, 9)], Revision(6));
    assert_eq!(stripes.since(&rows, Revision(5)), RowFreshness::Collided);
    stripes.raise([row(2, 7)], Revision(3));
    assert_eq!(
        stripes.since(&rows, Revision(6)),
        RowFreshness::Unchanged,
        "a stripe never falls"
    );
}

#[test]
fn past_the_last_revision_that_a_stripe_can_hold_nothing_is_unchanged() {
    let stripes: Stripes = Stripes::default();
    stripes.raise([row(1, 1)], Revision(LAST - 1));
    assert_eq!(
        stripes.since(&[row(1, 1)], Revision(LAST - 1)),
        RowFreshness::Unchanged
    );
    for revision in [LAST, LAST + 1, u64::MAX] {
        stripes.raise([row(1, 1)], Revision(revision));
        assert_eq!(
            stripes.since(&[row(1, 1)], Revision(u64::MAX)),
            RowFreshness::Changed
        );
    }
}
