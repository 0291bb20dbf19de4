//! One side of a claim: policies that decide together, held once however many claims are about them.
//!
//! What is claimed of them is not known here.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use cedar_policy::Policy;

use crate::load;

/// Policies that decide together. A clone is the same policies, not more of them.
#[derive(Debug, Clone)]
pub(super) struct Side(Arc<Held>);

#[derive(Debug)]
struct Held {
    policies: Vec<Policy>,
    written: OnceLock<Written>,
}

/// What there is to know of the policies as text.
#[derive(Debug)]
pub(super) struct Written {
    /// Bytes of it.
    pub(super) bytes: usize,
    /// SHA-256, in hex, the same for the same policies in any order.
    pub(super) digest: String,
}

impl From<Vec<Policy>> for Side {
    fn from(policies: Vec<Policy>) -> Self {
        Self(Arc::new(Held { policies, written: OnceLock::new() }))
    }
}

impl Deref for Side {
    type Target = [Policy];

    fn deref(&self) -> &[Policy] {
        &self.0.policies
    }
}

impl Side {
    /// What is written is written once.
    pub(super) fn written(&self) -> &Written {
        self.0.written.get_or_init(|| written(&self.0.policies))
    }
}

fn written(policies: &[Policy]) -> Written {
    let mut bytes = 0_usize;
    let mut digests = Vec::new();
    for policy in policies {
        let text = policy.to_string();
        bytes = bytes.saturating_add(text.len());
        digests.push(load::hash(&[&text]));
    }
    digests.sort_unstable();
    digests.dedup();
    let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
    Written { bytes, digest: load::hash(&digests) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_the_same_in_any_order_and_others_are_not() {
        let side = |texts: &[&str]| -> Side {
            texts.iter().map(|text| Policy::parse(None, *text).unwrap()).collect::<Vec<_>>().into()
        };
        let digest = |texts: &[&str]| side(texts).written().digest.clone();
        let (permit, forbid) =
            ("permit (principal, action, resource);", "forbid (principal, action, resource);");
        let both = digest(&[permit, forbid]);
        assert_eq!(both, digest(&[forbid, permit, forbid]));
        for other in [&[permit][..], &[forbid], &[]] {
            assert_ne!(both, digest(other), "{other:?}");
        }
    }
}
