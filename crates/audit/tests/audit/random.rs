//! Chance that can be repeated: the seed is printed, and taken from `MOONWARD_SEED`.

/// SplitMix64 (Steele, Lea, Flood 2014): a fixed sequence for a seed.
pub(crate) struct Random(u64);

impl Random {
    #[expect(clippy::print_stdout, reason = "shown with the test that failed")]
    pub(crate) fn seeded() -> Self {
        let seed = match std::env::var("MOONWARD_SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos().into(),
        };
        println!("MOONWARD_SEED={seed}");
        Self(seed)
    }

    /// Another sequence, fixed by this one.
    pub(crate) fn other(&mut self) -> Self {
        Self(self.below(u64::MAX))
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
