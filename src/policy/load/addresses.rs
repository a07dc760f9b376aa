//! Handles IPv4 addresses that are written as IPv6 addresses.
//!
//! **Problem.** `::ffff:a01:203` and `10.1.2.3` are one host, but Cedar treats them as two values:
//! neither equals the other, and no address of one family is in a network of the other.
//! **Decision.** Only one form is used. A mapped address in a request becomes the IPv4 address that
//! it means. Policies and stored entities that write the mapped form are refused, since no
//! request's address would ever equal it.

use crate::model::{Problem, mapped_network};
use crate::policy::analysis::syntax::children;
use cedar_policy_core::ast::{Expr, ExprKind, Literal};
use smol_str::SmolStr;

/// Returns the texts in an expression that Cedar reads as IPv6 and that map an IPv4 address or
/// network, with their expressions.
pub(in crate::policy) fn mapped(expr: &Expr) -> Vec<(&Expr, &SmolStr)> {
    let mut found = Vec::new();
    let mut open = vec![expr];
    while let Some(next) = open.pop() {
        if let ExprKind::ExtensionFunctionApp { fn_name, args } = next.expr_kind()
            && fn_name.to_string() == "ip"
            && let [only] = args.as_slice()
            && let ExprKind::Lit(Literal::String(text)) = only.expr_kind()
            && mapped_network(text).is_some()
        {
            found.push((only, text));
        }
        open.extend(children(next).into_iter().rev());
    }
    found
}

/// Returns the problem of such a text, with what to write instead.
pub(in crate::policy) fn problem(text: &str) -> Problem {
    let plain = mapped_network(text).unwrap_or_default();
    Problem::new(format!(
        "`{text}` is IPv4 written as IPv6, and no request's address equals it or is in it"
    ))
    .help(format!(
        "write `{plain}`: a request's address is taken for the IPv4 address that it is, \
         in whichever form it was sent"
    ))
}
