//! Memory categories: Luau's counters of who allocated what, one for each body of a pod.

use std::ffi::c_int;

use crate::limits::{CATEGORIES_WORTH_A_COLLECTION, CATEGORY_REMAINS_BYTES_MAX, POD_BODIES_MAX};

/// Which categories are free. Category 0 is the pod's own.
pub(crate) struct Categories {
    free: Vec<c_int>,
    /// Of bodies that have ended; some of what they allocated may still be there.
    ended: Vec<c_int>,
}

impl Categories {
    pub(crate) fn new() -> Self {
        let last = c_int::try_from(POD_BODIES_MAX).unwrap_or(0);
        Self { free: (1..=last).rev().collect(), ended: Vec::new() }
    }

    /// A category that nobody uses.
    pub(crate) fn take(&mut self) -> Option<c_int> {
        self.free.pop()
    }

    /// The category's body has ended, or could not be made.
    pub(crate) fn end(&mut self, category: c_int) {
        self.ended.push(category);
    }

    /// Whether there is one, or a whole collection may give enough of them to be worth it.
    pub(crate) fn any_left(&self) -> bool {
        !self.free.is_empty() || self.ended.len() >= CATEGORIES_WORTH_A_COLLECTION
    }

    /// After a whole collection: frees the categories in which little remains. The others stay retired until
    /// a later collection finds them so.
    pub(crate) fn reclaim(&mut self, bytes: impl Fn(c_int) -> usize) {
        let remains = |category: &c_int| bytes(*category) >= CATEGORY_REMAINS_BYTES_MAX;
        let (ended, free): (Vec<_>, Vec<_>) = self.ended.drain(..).partition(remains);
        self.ended = ended;
        self.free.extend(free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_used_again_only_when_little_remains_in_it() {
        let mut categories = Categories::new();
        let all: Vec<_> = std::iter::from_fn(|| categories.take()).collect();
        assert_eq!(all.len(), POD_BODIES_MAX);
        assert!(!categories.any_left());
        categories.end(1);
        categories.end(2);
        assert!(!categories.any_left(), "a collection for each of two");
        assert_eq!(categories.take(), None);
        categories.reclaim(|category| if category == 1 { CATEGORY_REMAINS_BYTES_MAX } else { 10 });
        assert_eq!(categories.take(), Some(2));
        assert_eq!(categories.take(), None);
        categories.reclaim(|_| 0);
        assert_eq!(categories.take(), Some(1));
    }
}
