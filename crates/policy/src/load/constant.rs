//! Permits that allow everything to everybody: no head, and no condition that could be false.

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, UnaryOp};
use cedar_policy::{ActionConstraint, Effect, Policy, PrincipalConstraint, ResourceConstraint};
use diagnostic::{Diagnostic, Span};

pub(super) fn check(policy: &Policy, span: &Span, found: &mut Vec<Diagnostic>) {
    let names_nothing = matches!(policy.principal_constraint(), PrincipalConstraint::Any)
        && matches!(policy.action_constraint(), ActionConstraint::Any)
        && matches!(policy.resource_constraint(), ResourceConstraint::Any);
    if policy.effect() == Effect::Permit && names_nothing && conditions_hold(policy) {
        let message = "this permits everything to everybody who holds the scope: only guards are left";
        let help = "name the action, and a principal or a resource; `action in Moonward::Action::\"all\"` is the least";
        found.push(Diagnostic::error("policy.always-true", message).at(span.clone()).help(help));
    }
}

/// Whether every condition is true whatever is asked, as far as that can be read off.
fn conditions_hold(policy: &Policy) -> bool {
    let Ok(tree) = policy.to_pst() else { return false };
    tree.body().clauses().iter().all(|clause| match clause {
        Clause::When(condition) => truth(condition) == Some(true),
        Clause::Unless(condition) => truth(condition) == Some(false),
    })
}

/// What an expression always comes to.
fn truth(expression: &Expr) -> Option<bool> {
    match expression {
        Expr::Literal(Literal::Bool(value)) => Some(*value),
        Expr::UnaryOp { op: UnaryOp::Not, expr } => truth(expr).map(|value| !value),
        Expr::BinaryOp { op: BinaryOp::Or, left, right } => match (truth(left), truth(right)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), other) => other,
            (None, _) => None,
        },
        Expr::BinaryOp { op: BinaryOp::And, left, right } => match (truth(left), truth(right)) {
            (Some(true), other) => other,
            (Some(false), _) | (_, Some(false)) => Some(false),
            (None, _) => None,
        },
        Expr::BinaryOp { op: BinaryOp::Eq, left, right } => match (&**left, &**right) {
            (Expr::Literal(one), Expr::Literal(other)) => Some(one == other),
            (Expr::Var(one), Expr::Var(other)) if one == other => Some(true),
            _ => None,
        },
        _ => None,
    }
}
