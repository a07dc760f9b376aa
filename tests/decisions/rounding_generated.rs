//! Policies that compute with points in time finer than a millisecond, made at random: what the
//! points themselves forbid is never permitted.

use crate::fitting::decided;
use behest::engine::Engine;
use proptest::prelude::*;
use serde_json::json;
use std::fmt::Write as _;
use std::sync::LazyLock;
use support::dice::Dice;
use support::engines;

const MS: i128 = 1_000_000;
const DAY: i128 = 86_400_000 * MS;

/// The names of the points, which lie around the end of a day.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// An expression, and what it is for the points themselves, in nanoseconds.
struct Made<T> {
    text: String,
    value: Box<dyn Fn([i128; 3]) -> T + Send + Sync>,
}

impl<T> Made<T> {
    fn new(
        text: impl Into<String>,
        value: impl Fn([i128; 3]) -> T + Send + Sync + 'static,
    ) -> Self {
        let (text, value) = (text.into(), Box::new(value));
        Self { text, value }
    }
}

fn written(nanos: i128) -> String {
    let (day, rest) = (nanos.div_euclid(DAY), nanos.rem_euclid(DAY));
    let seconds = rest / 1_000_000_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("1970-01-{:02}T{hour:02}:{minute:02}:{second:02}", day + 1)
}

/// A point in time. At `depth` 0 it is one of the points, or a whole millisecond.
fn point(dice: &mut Dice, depth: usize) -> Made<i128> {
    match dice.below(if depth == 0 { 4 } else { 8 }) {
        0..=2 => {
            let at = dice.below(3);
            Made::new(format!("context.{}", NAMES[at]), move |points| points[at])
        }
        3 => {
            let at = DAY + i128::try_from(dice.below(4)).unwrap() * MS - MS;
            let text = format!("{}.{:03}Z", written(at), at / MS % 1_000);
            Made::new(format!("datetime(\"{text}\")"), move |_| at)
        }
        4 | 5 => {
            let (from, by) = (point(dice, depth - 1), span(dice, depth - 1));
            Made::new(
                format!("{}.offset({})", from.text, by.text),
                move |points| (from.value)(points) + (by.value)(points),
            )
        }
        _ => {
            let of = point(dice, depth - 1);
            Made::new(format!("{}.toDate()", of.text), move |points| {
                (of.value)(points).div_euclid(DAY) * DAY
            })
        }
    }
}

/// A duration.
fn span(dice: &mut Dice, depth: usize) -> Made<i128> {
    match dice.below(if depth == 0 { 1 } else { 4 }) {
        0 => {
            let ms = *dice.one(&[0, 1, 2, -1, 1_000, 86_399_999, 86_400_000, -86_400_000]);
            Made::new(format!("duration(\"{ms}ms\")"), move |_| ms * MS)
        }
        1 => {
            let of = point(dice, depth - 1);
            Made::new(format!("{}.toTime()", of.text), move |points| {
                (of.value)(points).rem_euclid(DAY)
            })
        }
        _ => {
            let (to, from) = (point(dice, depth - 1), point(dice, depth - 1));
            Made::new(
                format!("{}.durationSince({})", to.text, from.text),
                move |points| (to.value)(points) - (from.value)(points),
            )
        }
    }
}

/// A number, which is what a duration is cut to, or computed from such.
fn number(dice: &mut Dice, depth: usize) -> Made<i128> {
    match dice.below(if depth < 2 { 1 } else { 4 }) {
        0 => {
            let of = span(dice, depth.max(1));
            let (unit, ms) = *dice.one(&[
                ("Milliseconds", 1),
                ("Milliseconds", 1),
                ("Seconds", 1_000),
                ("Days", 86_400_000),
            ]);
            Made::new(format!("{}.to{unit}()", of.text), move |points| {
                (of.value)(points) / (ms * MS)
            })
        }
        1 => {
            let (by, of) = (*dice.one(&[2, 3]), number(dice, depth - 1));
            Made::new(format!("({} * {by})", of.text), move |points| {
                (of.value)(points) * by
            })
        }
        2 => {
            let (one, other) = (number(dice, depth - 1), number(dice, depth - 1));
            Made::new(format!("({} - {})", one.text, other.text), move |points| {
                (one.value)(points) - (other.value)(points)
            })
        }
        _ => {
            let (one, other) = (number(dice, depth - 1), number(dice, depth - 1));
            Made::new(format!("({} + {})", one.text, other.text), move |points| {
                (one.value)(points) + (other.value)(points)
            })
        }
    }
}

/// A condition. Each of its comparisons reads a point.
fn condition(dice: &mut Dice, depth: usize) -> Made<bool> {
    if depth > 0 && dice.chance(30) {
        let (one, other) = (condition(dice, depth - 1), condition(dice, depth - 1));
        if dice.chance(50) {
            return Made::new(format!("({} || {})", one.text, other.text), move |points| {
                (one.value)(points) || (other.value)(points)
            });
        }
        let test = condition(dice, depth - 1);
        let text = format!("(if {} then {} else {})", test.text, one.text, other.text);
        return Made::new(text, move |points| {
            if (test.value)(points) {
                (one.value)(points)
            } else {
                (other.value)(points)
            }
        });
    }
    let kind: fn(&mut Dice, usize) -> Made<i128> = *dice.one(&[
        point as fn(&mut Dice, usize) -> Made<i128>,
        point,
        |dice, depth| span(dice, depth.max(1)),
        number,
    ]);
    let (one, other) = (kind(dice, 2), kind(dice, 2));
    if !format!("{}{}", one.text, other.text).contains("context.") {
        return condition(dice, depth);
    }
    let (text, holds): (String, fn(i128, i128) -> bool) = match dice.below(5) {
        0 => (format!("{} < {}", one.text, other.text), |a, b| a < b),
        1 => (format!("{} >= {}", one.text, other.text), |a, b| a >= b),
        2 => (format!("{} == {}", one.text, other.text), |a, b| a == b),
        3 => (format!("{} != {}", one.text, other.text), |a, b| a != b),
        _ => (
            format!("[{}].contains({})", one.text, other.text),
            |a, b| a == b,
        ),
    };
    Made::new(text, move |points| {
        holds((one.value)(points), (other.value)(points))
    })
}

const CONDITIONS: u64 = 48;

static CONDITION: LazyLock<Vec<Made<bool>>> = LazyLock::new(|| {
    let seeds = 0..CONDITIONS;
    seeds
        .map(|seed| condition(&mut Dice::new(seed + 1), 2))
        .collect()
});

fn computed() -> Engine {
    let mut policies = String::from("@id(\"all\") permit (principal, action, resource);\n");
    let mut names = Vec::new();
    for (at, made) in CONDITION.iter().enumerate() {
        let scope = format!("principal, action == Action::\"n{at}\", resource");
        let text = &made.text;
        writeln!(
            policies,
            "@id(\"n{at}\") forbid ({scope}) when {{ {text} }};"
        )
        .unwrap();
        names.push(format!("n{at}"));
    }
    let schema = format!(
        "entity user, agent; entity doc;\naction {} appliesTo {{ principal: [user, agent], \
         resource: doc, context: {{ a: datetime, b: datetime, c: datetime }} }};",
        names.join(", ")
    );
    engines::engine(&[
        ("schemas/s.cedarschema", &schema),
        ("policies/p.cedar", &policies),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_rounding_permits_what_is_computed_from_the_points_themselves(
        points in prop::array::uniform3((0_i128..3, prop::sample::select(vec![
            0, 0, 1, 250_000, 500_000, 500_000, 750_000, 999_999,
        ]))),
    ) {
        thread_local! {
            static ENGINE: Engine = computed();
        }
        let points = points.map(|(ms, nanos)| DAY + (ms - 1) * MS + nanos);
        let [a, b, c] = points.map(|point| {
            format!("{}.{:09}Z", written(point), point % 1_000_000_000)
        });
        let context = json!({"a": a, "b": b, "c": c});
        for (at, made) in CONDITION.iter().enumerate() {
            let verdict = ENGINE.with(|engine| decided(engine, &format!("n{at}"), &context));
            let text = &made.text;
            if (made.value)(points) {
                prop_assert_ne!(&verdict, "permit", "{} with {}", text, context);
            } else if points.iter().all(|point| point % MS == 0) {
                prop_assert_eq!(&verdict, "permit", "{} with {}", text, context);
            }
        }
    }
}
