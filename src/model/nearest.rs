//! "Did you mean": the name that a misspelt one was probably meant to be.

/// Names longer than this are compared with nothing: the work grows with the product of both lengths.
const MAX_BYTES: usize = 128;

/// At most so many names of about the same length are compared.
const MAX_NAMES: usize = 200;

/// Returns the name that is at most a third of its letters away from `name`, case aside; of several the nearest.
#[must_use]
pub fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > MAX_BYTES {
        return None;
    }
    let lower = name.to_lowercase();
    let length = lower.chars().count();
    let reach = (length / 3).min(4);
    let like = names.into_iter().filter(|known| known.len() <= MAX_BYTES && *known != name);
    let like = like.filter(|known| known.chars().count().abs_diff(length) <= reach).take(MAX_NAMES);
    let distance = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &lower);
    let near = like.map(|known| (distance(known), known)).filter(|(distance, _)| *distance <= reach);
    near.min().map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_leads_to_the_one_that_was_meant() {
        let names = ["payments/refund", "payments/read", "tickets/read"];
        for (name, meant) in [
            ("payments/refnud", Some("payments/refund")),
            ("Payments/Refund", Some("payments/refund")),
            ("ticket/read", Some("tickets/read")),
            ("wiki/write", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, names), meant, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(200), ["x"]), None);
    }
}
