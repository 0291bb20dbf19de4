//! Cycles in what names what.

use std::collections::{BTreeMap, BTreeSet};

use crate::identifier::Id;

/// For each thing that closes a cycle, the cycle: from the thing it names, round to itself. One for each edge
/// that closes one, in the order of ids.
pub(crate) fn cycles(edges: &BTreeMap<&Id, Vec<&Id>>) -> Vec<Vec<Id>> {
    let mut found = Vec::new();
    let mut done: BTreeSet<&Id> = BTreeSet::new();
    for start in edges.keys().copied() {
        // A work-list, never recursion: a chain may be as long as the app has entries.
        let mut path: Vec<(&Id, usize)> = vec![(start, 0)];
        let mut on_path: BTreeSet<&Id> = BTreeSet::from([start]);
        while let Some((node, next)) = path.last_mut() {
            let node = *node;
            let target =
                edges.get(node).filter(|_| !done.contains(node)).and_then(|targets| targets.get(*next));
            *next += 1;
            match target {
                None => {
                    done.insert(node);
                    on_path.remove(node);
                    path.pop();
                }
                Some(target) if on_path.contains(target) => {
                    let round = path.iter().map(|(id, _)| *id).skip_while(|id| id != target);
                    found.push(round.cloned().collect());
                }
                Some(target) if !done.contains(target) => {
                    on_path.insert(target);
                    path.push((target, 0));
                }
                Some(_) => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cycle_is_found_once_and_long_chains_are_none() {
        fn check(edges: &[(&str, &str)], expected: &[&str]) {
            let id = |name: &str| Id::join("a", name).unwrap();
            let ids: Vec<(Id, Id)> = edges.iter().map(|(from, to)| (id(from), id(to))).collect();
            let mut graph: BTreeMap<&Id, Vec<&Id>> = BTreeMap::new();
            for (from, to) in &ids {
                graph.entry(from).or_default().push(to);
            }
            let shown = |cycle: &Vec<Id>| cycle.iter().map(Id::name).collect::<Vec<_>>().join(" ");
            assert_eq!(cycles(&graph).iter().map(shown).collect::<Vec<_>>(), expected, "{edges:?}");
        }
        check(&[("x", "y"), ("y", "z")], &[]);
        check(&[("x", "x")], &["x"]);
        check(&[("x", "y"), ("y", "x"), ("z", "x")], &["x y"]);
        check(&[("w", "x"), ("x", "y"), ("y", "z"), ("z", "x"), ("y", "y")], &["x y z", "y"]);
        check(&[("x", "y"), ("x", "z"), ("y", "w"), ("z", "w")], &[]);
        let names: Vec<String> = (0..20_000).map(|n| format!("n{n}")).collect();
        let chain: Vec<(&str, &str)> =
            names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
        check(&chain, &[]);
    }
}
