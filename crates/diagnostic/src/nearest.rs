//! Did you mean...: the candidate that a mistyped word is nearest to.

/// The candidate nearest to `word`, if one is near enough to be a slip of the hand: at most a third of its
/// letters differ.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let allowed = |candidate: &str| (candidate.len().max(word.len()) / 3).max(1);
    candidates
        .into_iter()
        // Words whose lengths differ by more are not compared: somebody may have written a very long one.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= allowed(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed(candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn only_a_slip_of_the_hand_is_suggested() {
        let keys = ["memory", "mailbox", "lifetime"];
        assert_eq!(did_you_mean("memroy", keys), Some("memory"));
        assert_eq!(did_you_mean("colour", keys), None);
    }
}
