//! An order in which everything comes after what it needs. Knows neither libraries nor services.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The indexes of `needs`, each after all those that it lists; as far as that leaves a choice, in their own order.
///
/// What needs itself by a circle, or something that is not there, is left out with all that needs it.
pub(crate) fn needs_first(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut missing: Vec<usize> = needs.iter().map(Vec::len).collect();
    let needed_by = turned(needs);
    let none_missing = |(index, missing): (usize, &usize)| (*missing == 0).then_some(Reverse(index));
    let mut ready: BinaryHeap<_> = missing.iter().enumerate().filter_map(none_missing).collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for dependant in needed_by.get(index).into_iter().flatten() {
            let Some(missing) = missing.get_mut(*dependant) else { continue };
            *missing -= 1;
            if *missing == 0 {
                ready.push(Reverse(*dependant));
            }
        }
    }
    order
}

/// For each index, those that list it.
pub(crate) fn turned(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut needed_by = vec![Vec::new(); needs.len()];
    for (index, needed) in needs.iter().enumerate() {
        for needed in needed {
            if let Some(dependants) = needed_by.get_mut(*needed) {
                dependants.push(index);
            }
        }
    }
    needed_by
}

#[cfg(test)]
mod tests {
    use super::needs_first;

    #[test]
    fn everything_comes_after_what_it_needs() {
        for (needs, expected) in [
            (vec![], vec![]),
            (vec![vec![], vec![], vec![]], vec![0, 1, 2]),
            (vec![vec![2], vec![], vec![1]], vec![1, 2, 0]),
            (vec![vec![1, 1], vec![]], vec![1, 0]),
            (vec![vec![3, 1], vec![3], vec![0], vec![]], vec![3, 1, 0, 2]),
            // A circle, what needs it, and what is not there.
            (vec![vec![1], vec![0], vec![1], vec![], vec![9]], vec![3]),
        ] {
            assert_eq!(needs_first(&needs), expected, "{needs:?}");
        }
    }
}
