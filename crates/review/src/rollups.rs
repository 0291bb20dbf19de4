//! Roll-ups followed from record to record: each says its count since the opening one, so that what was known at its last
//! record tells by how much it rose.

use std::collections::{HashMap, VecDeque};

use crate::limits::ROLLUPS_MAX;
use crate::row::Row;

/// What is known of each roll-up, by the id of its opening record. The oldest is forgotten first.
#[derive(Debug, Clone)]
pub(crate) struct Followed<T> {
    open: HashMap<String, T>,
    order: VecDeque<String>,
    /// How many had to be forgotten before they were closed.
    pub(crate) forgotten: u64,
}

impl<T> Default for Followed<T> {
    fn default() -> Self {
        Self { open: HashMap::new(), order: VecDeque::new(), forgotten: 0 }
    }
}

impl<T> Followed<T> {
    /// What is known of the roll-up that this record opened.
    pub(crate) fn get(&self, opening: &str) -> Option<&T> {
        self.open.get(opening)
    }

    /// Nothing comes of it any more.
    pub(crate) fn close(&mut self, opening: &str) {
        self.open.remove(opening);
    }

    /// Keeps what is known now.
    pub(crate) fn keep(&mut self, opening: &str, known: T) {
        if self.open.insert(opening.to_owned(), known).is_some() {
            return;
        }
        self.order.push_back(opening.to_owned());
        while self.open.len() > ROLLUPS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.forgotten += u64::from(self.open.remove(&oldest).is_some());
        }
        // Those that are closed stand in the order only.
        if self.order.len() > 2 * ROLLUPS_MAX {
            self.order.retain(|opening| self.open.contains_key(opening));
        }
    }
}

impl Followed<u64> {
    /// By how much the count of a roll-up rises by this record of it, in whichever order its records come.
    pub(crate) fn rise(&mut self, row: &Row) -> u64 {
        let (opening, count) = (row.opening.as_deref().unwrap_or_default(), row.count.unwrap_or_default());
        let before = self.get(opening).copied().unwrap_or_default();
        self.keep(opening, count.max(before));
        count.saturating_sub(before)
    }
}

/// How many decisions were only counted that may fit what is looked for: roll-ups have no members that an expression could
/// look at, and do not name policies.
#[derive(Debug, Clone, Default)]
pub struct MayFit {
    counts: Followed<u64>,
    count: u64,
}

impl MayFit {
    /// Takes a record of a roll-up. Says by how much it rose.
    pub fn add(&mut self, row: &Row) -> u64 {
        let rise = self.counts.rise(row);
        self.count = self.count.saturating_add(rise);
        rise
    }

    /// How many there are until now.
    pub fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_counted_unless_it_was_closed() {
        let mut followed = Followed::default();
        for number in 0..ROLLUPS_MAX {
            followed.keep(&number.to_string(), number);
        }
        followed.close("1");
        followed.keep("a", 0);
        assert_eq!((followed.forgotten, followed.get("0"), followed.get("1")), (0, Some(&0), None));
        followed.keep("b", 0);
        assert_eq!((followed.forgotten, followed.get("0"), followed.get("2")), (1, None, Some(&2)));
        followed.keep("c", 0);
        assert_eq!((followed.forgotten, followed.get("2"), followed.get("3")), (2, None, Some(&3)));
    }

    #[test]
    fn what_is_read_backwards_counts_once() {
        let row = |count: u64| Row { opening: Some("01X".to_owned()), count: Some(count), ..Row::default() };
        let mut may_fit = MayFit::default();
        assert_eq!([25, 10, 30].map(|count| may_fit.add(&row(count))), [25, 0, 5]);
        assert_eq!(may_fit.count(), 30);
    }
}
