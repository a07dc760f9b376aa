//! Converts a request's values to Cedar values, by the declared type.
//!
//! INVARIANT: only the declared type decides what a value becomes. Nothing in a value is
//! interpreted: `__entity`, `__extn` and `__expr` are members like any other. Numbers are converted
//! from their digits.

use crate::model::{
    DroppedMembers, Number, Value, duration_nanos, is_unknown_fact, mapped_network,
    request_instant_nanos,
};
use crate::policy::explanation::shown::undeclared_name;
use crate::policy::schema::Vocabulary;
use cedar_policy_core::ast::{EntityUID, ExtensionFunction, Name, PartialValue, Value as Cedar};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::types::{EntityKind, Type};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// What did not fit or was not declared, collected while values are read.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct CoercionFindings {
    /// The paths of values that do not fit, with the reason.
    pub(in crate::policy) misfits: Vec<(Vec<SmolStr>, String)>,
    /// The paths of members that are not declared, up to the number that is ever reported.
    pub(in crate::policy) undeclared: Vec<Vec<SmolStr>>,
    /// The number of further undeclared members.
    pub(in crate::policy) more_undeclared: usize,
    /// Points in time between two milliseconds, with their paths: for each path, one more than are
    /// ever evaluated.
    pub(in crate::policy) between: Vec<(EpochNanos, Vec<SmolStr>)>,
    rounding: Rounding,
}

/// A point in time, in nanoseconds since 1970.
pub(in crate::policy) type EpochNanos = i128;

/// Which of the two milliseconds around it each point in time is read as, for policies know no
/// smaller part of a second: the one after for the points listed here, and the one before for all
/// others. Equal points are read alike, wherever they are.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Rounding(Option<Arc<[EpochNanos]>>);

impl Rounding {
    /// Creates a rounding that reads these points as the millisecond after.
    pub(in crate::policy) fn up(instants: impl IntoIterator<Item = EpochNanos>) -> Self {
        Self(Some(instants.into_iter().collect()))
    }

    fn is_up(&self, instant: EpochNanos) -> bool {
        self.0.as_ref().is_some_and(|up| up.contains(&instant))
    }
}

impl CoercionFindings {
    /// Creates findings that hold nothing yet.
    pub(in crate::policy) fn rounding(rounding: Rounding) -> Self {
        Self {
            rounding,
            ..Self::default()
        }
    }

    /// Notes a member that is not declared. Findings are kept for other legs and copied for each,
    /// so their number is bounded.
    fn add_undeclared(&mut self, path: impl FnOnce() -> Vec<SmolStr>) {
        if self.undeclared.len() < DroppedMembers::MAX {
            self.undeclared.push(path());
        } else {
            self.more_undeclared += 1;
        }
    }

    fn add_between(&mut self, instant: EpochNanos, path: Vec<SmolStr>) {
        let here = self.between.iter().filter(|(_, place)| *place == path);
        let is_noted = here.clone().any(|(known, _)| *known == instant);
        if !is_noted && here.count() <= MAX_POINTS {
            self.between.push((instant, path));
        }
    }

    /// Returns the millisecond that a point in time is read as.
    fn millisecond(&mut self, instant: EpochNanos, at: ValuePath<'_>) -> i128 {
        let floor = instant.div_euclid(NANOS_PER_MS);
        if instant.rem_euclid(NANOS_PER_MS) == 0 {
            return floor;
        }
        self.add_between(instant, at.path());
        floor + i128::from(self.rounding.is_up(instant))
    }
}

/// The path of a value, which is spelled out only if there is something to report about it.
#[derive(Clone, Copy, Debug)]
pub(in crate::policy) struct ValuePath<'a> {
    above: Option<&'a ValuePath<'a>>,
    name: &'a SmolStr,
}

impl<'a> ValuePath<'a> {
    /// Creates the path of a member at the top.
    pub(in crate::policy) fn top(name: &'a SmolStr) -> Self {
        Self { above: None, name }
    }

    fn below(&'a self, name: &'a SmolStr) -> Self {
        Self {
            above: Some(self),
            name,
        }
    }

    fn path(&self) -> Vec<SmolStr> {
        let mut path = self.above.map(ValuePath::path).unwrap_or_default();
        path.push(self.name.clone());
        path
    }
}

/// Reads `value`, whose path is `at`, as `ty`. Returns `None` if nothing of the value can be used.
/// Notes in `findings` what is wrong; a record keeps those of its members that fit.
pub(in crate::policy) fn fit(
    value: &Value,
    ty: &Type,
    vocabulary: &Vocabulary,
    at: ValuePath<'_>,
    findings: &mut CoercionFindings,
) -> Option<Cedar> {
    if let (Type::Record { attrs, .. }, Value::Record(record)) = (ty, value) {
        let mut members: BTreeMap<SmolStr, Cedar> = BTreeMap::new();
        for (name, member) in record.iter() {
            match attrs.get_attr(name) {
                None => {
                    let declared = attrs.iter().map(|(declared, _)| declared);
                    findings.add_undeclared(|| {
                        at.below(&undeclared_name(name, declared, vocabulary))
                            .path()
                    });
                }
                Some(_) if member.is_null() => {}
                Some(declared) => {
                    if let Some(member) = fit(
                        member,
                        &declared.attr_type,
                        vocabulary,
                        at.below(name),
                        findings,
                    ) {
                        members.insert(name.clone(), member);
                    }
                }
            }
        }
        for (name, declared) in attrs.iter().filter(|(_, declared)| declared.is_required) {
            if record.get_present(name).is_none() {
                let why = format!(
                    "it is missing, and {} is required",
                    name_of(&declared.attr_type)
                );
                findings.misfits.push((at.below(name).path(), why));
            }
        }
        return Some(Cedar::record_arc(Arc::new(members), None));
    }
    let fitted = scalar(value, ty, vocabulary, at, findings)
        .or_else(|| elements(value, ty, vocabulary, at, findings));
    if fitted.is_none() {
        let why = format!(
            "{} does not fit {}{}",
            describe(value, ty),
            name_of(ty),
            hint(ty, value)
        );
        findings.misfits.push((at.path(), why));
    }
    fitted
}

/// Reads the elements of an array. All must fit, and fit whole: an element that is left out could
/// be the one that a forbid looks for.
fn elements(
    value: &Value,
    ty: &Type,
    vocabulary: &Vocabulary,
    at: ValuePath<'_>,
    findings: &mut CoercionFindings,
) -> Option<Cedar> {
    let (
        Type::Set {
            element_type: Some(element),
        },
        Value::List(items),
    ) = (ty, value)
    else {
        return None;
    };
    let mut inner = CoercionFindings::rounding(findings.rounding.clone());
    let fitted: Option<Vec<Cedar>> = items
        .iter()
        .map(|item| fit(item, element, vocabulary, at, &mut inner))
        .collect();
    inner
        .undeclared
        .into_iter()
        .for_each(|path| findings.add_undeclared(|| path));
    findings.more_undeclared += inner.more_undeclared;
    for (instant, path) in inner.between {
        findings.add_between(instant, path);
    }
    fitted
        .filter(|_| inner.misfits.is_empty())
        .map(|fitted| Cedar::set(fitted, None))
}

fn scalar(
    value: &Value,
    ty: &Type,
    vocabulary: &Vocabulary,
    at: ValuePath<'_>,
    findings: &mut CoercionFindings,
) -> Option<Cedar> {
    match (ty, value) {
        (Type::Bool(_), Value::Bool(value)) => Some(Cedar::from(*value)),
        (Type::Long, Value::Number(number)) => number.to_i64().map(Cedar::from),
        (Type::String, Value::Text(text)) => Some(Cedar::from(text.clone())),
        (Type::Entity(kind), value) => reference(value, kind, vocabulary).map(Cedar::from),
        (Type::ExtensionType { name }, value) => extension(name, value, at, findings),
        _ => None,
    }
}

/// Reads an id, or `{type, id}` if the type is the declared one. A reference says nothing else of
/// an entity: with further members it does not fit, so that nothing that was sent is lost silently.
fn reference(value: &Value, kind: &EntityKind, vocabulary: &Vocabulary) -> Option<EntityUID> {
    let EntityKind::Entity(lub) = kind else {
        return None;
    };
    let name = lub.get_single_entity()?.to_string();
    let info = vocabulary.entity_type(&name)?;
    let id = match value {
        Value::Text(id) => id,
        Value::Record(record)
            if record
                .get("type")
                .and_then(Value::as_text)
                .is_some_and(|kind| *kind == name) =>
        {
            let members = record
                .iter()
                .filter(|(_, member)| !member.is_null())
                .count();
            record.get("id")?.as_text().filter(|_| members == 2)?
        }
        _ => return None,
    };
    if id.is_empty() {
        return None;
    }
    let chosen = info
        .choices
        .as_ref()
        .is_none_or(|choices| choices.contains(id));
    chosen.then(|| info.uid(id))
}

fn extension(
    name: &Name,
    value: &Value,
    at: ValuePath<'_>,
    findings: &mut CoercionFindings,
) -> Option<Cedar> {
    let constructor = CONSTRUCTORS
        .iter()
        .find(|constructor| constructor.makes == *name)?;
    if value.as_text().is_some_and(|text| text.len() > MAX_BYTES) {
        return None;
    }
    match (constructor.kind, value) {
        (ExtensionKind::Address, Value::Text(text)) => {
            // Mapped addresses are rewritten before Cedar reads them: it takes some spellings for
            // IPv6.
            constructor.call(mapped_network(text).map_or_else(|| text.clone(), SmolStr::from))
        }
        (ExtensionKind::Decimal, Value::Number(number)) => {
            constructor.call(number.to_decimal_text()?.into())
        }
        (ExtensionKind::Decimal, Value::Text(text)) => constructor
            .call(text.clone())
            .or_else(|| constructor.call(Number::parse(text)?.to_decimal_text()?.into())),
        (ExtensionKind::Datetime, Value::Text(text)) => {
            constructor.call(text.clone()).or_else(|| {
                let nanos = request_instant_nanos(text)?;
                constructor.call(millisecond_text(findings.millisecond(nanos, at))?.into())
            })
        }
        (ExtensionKind::Duration, Value::Text(text)) => constructor
            .call(text.clone())
            .or_else(|| constructor.call(milliseconds(duration_nanos(text)?)?)),
        _ => None,
    }
}

/// Writes a point in time, given in milliseconds since 1970, as Cedar does.
fn millisecond_text(ms: i128) -> Option<String> {
    let since = SignedDuration::from_millis(i64::try_from(ms).ok()?);
    let civil = DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
        .checked_add(since)
        .ok()?;
    Some(format!("{}Z", civil.strftime("%Y-%m-%dT%H:%M:%S.%3f")))
}

/// Writes a duration as Cedar does; returns `None` for parts of a millisecond, which Cedar cannot
/// hold.
fn milliseconds(nanos: i128) -> Option<SmolStr> {
    (nanos % NANOS_PER_MS == 0).then(|| format!("{}ms", nanos / NANOS_PER_MS).into())
}

/// Returns a point in time from its text, such as `2026-10-01T09:00:00.000Z`.
pub(in crate::policy) fn datetime(text: &str) -> Option<Cedar> {
    CONSTRUCTORS
        .iter()
        .find(|constructor| constructor.kind == ExtensionKind::Datetime)?
        .call(text.into())
}

const NANOS_PER_MS: i128 = 1_000_000;

/// LIMIT: points in time between two milliseconds that the policies of one leg may read.
pub(in crate::policy) const MAX_POINTS: usize = 3;

/// LIMIT: bytes of an address, a point in time or a duration. Each leg reads them again, and no
/// sensible one is longer. [`Number`] limits the length of numbers itself, because cache keys tell
/// numbers apart by value and not by spelling.
const MAX_BYTES: usize = 256;

/// The extension types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExtensionKind {
    Address,
    Decimal,
    Datetime,
    Duration,
}

impl ExtensionKind {
    /// Returns the name of the type, and the name of the function that makes its values.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Address => ["ipaddr", "ip"],
            Self::Decimal => ["decimal"; 2],
            Self::Datetime => ["datetime"; 2],
            Self::Duration => ["duration"; 2],
        }
    }
}

/// The function that makes the values of an extension type.
struct Constructor {
    makes: Name,
    kind: ExtensionKind,
    calls: &'static ExtensionFunction,
}

/// The constructors, looked up once, because Cedar's names must be parsed.
static CONSTRUCTORS: LazyLock<Vec<Constructor>> = LazyLock::new(|| {
    let find = |kind: ExtensionKind| {
        let [makes, function] = kind.names();
        let calls = Extensions::all_available()
            .func(&function.parse().ok()?)
            .ok()?;
        Some(Constructor {
            makes: makes.parse().ok()?,
            kind,
            calls,
        })
    };
    [
        ExtensionKind::Address,
        ExtensionKind::Decimal,
        ExtensionKind::Datetime,
        ExtensionKind::Duration,
    ]
    .into_iter()
    .filter_map(find)
    .collect()
});

impl Constructor {
    fn call(&self, text: SmolStr) -> Option<Cedar> {
        match self.calls.call(&[Cedar::from(text)]).ok()? {
            PartialValue::Value(value) => Some(value),
            PartialValue::Residual(_) => None,
        }
    }
}

/// Describes what was sent, for a message. It never shows the value itself, which may be a secret.
fn describe(value: &Value, ty: &Type) -> &'static str {
    match value {
        Value::Number(number) if number.digits().len() > Number::MAX_BYTES => {
            "a number of more than 256 bytes"
        }
        Value::Number(number) if matches!(ty, Type::Long) && number.to_i64().is_none() => {
            "a number with a fraction or out of range"
        }
        Value::List(items) if items.iter().any(Value::is_null) => "an array with a null in it",
        fact if is_unknown_fact(fact) => "a fact of which the token says that it does not hold all",
        other => other.kind(),
    }
}

/// Says what would fit, if the type's name does not make that plain.
fn hint(ty: &Type, value: &Value) -> &'static str {
    let name = match (ty, value) {
        (Type::ExtensionType { name }, _) => name,
        (Type::Entity(_), Value::Record(_)) => {
            return ", which has its `type`, its `id` and nothing else";
        }
        (Type::Entity(_), Value::Text(id)) if id.is_empty() => return ": its id is empty",
        _ => return "",
    };
    let kind = CONSTRUCTORS
        .iter()
        .find(|constructor| constructor.makes == *name)
        .map(|constructor| constructor.kind);
    match (kind, value) {
        (Some(ExtensionKind::Decimal), Value::Text(text)) if text.parse::<f64>().is_err() => {
            ": write digits, such as `249.90`"
        }
        (Some(ExtensionKind::Decimal), Value::Number(_) | Value::Text(_)) => {
            ", which has at most four decimals and 15 digits before them: round it where it is sent"
        }
        (Some(ExtensionKind::Datetime), Value::Text(_)) => {
            ": write it like `2026-10-01T09:00:00Z` or `2026-10-01T11:00:00+02:00`"
        }
        (Some(ExtensionKind::Duration), Value::Text(_)) => {
            ", in whole milliseconds: write it like `1h30m` or `90s`"
        }
        (Some(ExtensionKind::Address), Value::Text(_)) => {
            ": write an address or a network, like `10.1.2.3` or `10.0.0.0/8`"
        }
        _ => "",
    }
}

fn name_of(ty: &Type) -> String {
    match ty {
        Type::Bool(_) => "Bool".to_owned(),
        Type::Long => "Long".to_owned(),
        Type::String => "String".to_owned(),
        Type::Set {
            element_type: Some(element),
        } => format!("Set<{}>", name_of(element)),
        Type::Record { .. } => "a record".to_owned(),
        Type::Entity(EntityKind::Entity(lub)) => lub.get_single_entity().map_or_else(
            || "an entity".to_owned(),
            |name| format!("a reference to `{name}`"),
        ),
        Type::ExtensionType { name } => name.to_string(),
        Type::Never | Type::Set { element_type: None } | Type::Entity(EntityKind::AnyEntity) => {
            "its declared type".to_owned()
        }
    }
}
