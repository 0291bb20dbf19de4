//! Random choices that can be made again: the seed is printed, and taken from `MOONWARD_SEED`.

/// xorshift64* (Vigna 2016): small, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded() -> Self {
        let given = std::env::var("MOONWARD_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or(20_261_123).max(1);
        println!("seed {seed} (set MOONWARD_SEED for another)");
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }

    pub(crate) fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }
}
