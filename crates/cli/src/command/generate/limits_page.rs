//! `docs/limits.md`: every bound, as the `limits.rs` of each crate states it.
//!
//! The limits of a manifest are declared as a table. The others are constants whose documentation gives number, unit
//! and reason: it is what the page shows.

use diagnostic::grouped;
use std::fmt::Write as _;

/// The crates' bounds, by what they bound.
const CRATES: [(&str, &str); 10] = [
    ("Services", include_str!("../../../../app/src/limits.rs")),
    ("Values", include_str!("../../../../value/src/limits.rs")),
    ("Audit log", include_str!("../../../../audit/src/limits.rs")),
    ("Audit review", include_str!("../../../../review/src/limits.rs")),
    ("Policies", include_str!("../../../../policy/src/limits.rs")),
    ("Tokens", include_str!("../../../../token/src/limits.rs")),
    ("Processes", include_str!("../../../../actor/src/limits.rs")),
    ("Virtual machine", include_str!("../../../../luau/src/limits.rs")),
    ("Lua API and workers", include_str!("../../../../sandbox/src/limits.rs")),
    ("Lua modules", include_str!("../../../../sandbox/src/module/limits.rs")),
];

/// The page, in Markdown.
pub(super) fn render() -> String {
    let mut text = String::from(OPENING);
    text.push_str("| limit | value | what and why |\n|---|---|---|\n");
    for limit in app::limits::LIMITS {
        let _ =
            writeln!(text, "| `{}` | {} | {} |", limit.name, value(limit.value, limit.unit), limit.reason);
    }
    for (title, source) in CRATES {
        let _ = write!(text, "\n## {title}\n\n| limit | value, what and why |\n|---|---|\n");
        for (name, documentation) in constants(source) {
            let _ = writeln!(text, "| `{name}` | {documentation} |");
        }
    }
    text
}

const OPENING: &str = "\
# Limits

<!-- Rendered from the limits.rs of each crate; `moonward generate` rewrites it. -->

Everything that grows has a bound. The first table has the defaults and ranges of what a manifest can say; the others
are fixed.

## Manifest

";

/// A number in the largest unit that divides it.
fn value(number: u64, unit: &str) -> String {
    let scaled = |steps: &[(u64, &str)]| {
        let step = steps.iter().find(|(size, _)| number >= *size && number.is_multiple_of(*size));
        step.map(|(size, name)| format!("{} {name}", grouped(number / size)))
    };
    let shown = match unit {
        "bytes" => scaled(&[(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]),
        "milliseconds" => scaled(&[(86_400_000, "days"), (1_000, "s")]),
        _ => None,
    };
    shown.unwrap_or_else(|| format!("{} {unit}", grouped(number)))
}

/// Name and documentation of each constant in a source, in order.
fn constants(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut documentation = String::new();
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            documentation.push_str(text);
        } else if let Some(name) = constant(line) {
            found.push((name.to_owned(), plain(documentation.trim())));
            documentation.clear();
        } else if !line.starts_with("#[") {
            documentation.clear();
        }
    }
    found
}

fn constant(line: &str) -> Option<&str> {
    let declared = line.strip_prefix("pub const ").or_else(|| line.strip_prefix("pub(crate) const "))?;
    declared.split(':').next()
}

/// Documentation without links to code, which lead nowhere on the page.
fn plain(documentation: &str) -> String {
    documentation.replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::{CRATES, constants, value};

    #[test]
    fn every_bound_is_on_the_page_with_its_reason() {
        for (title, source) in CRATES {
            let found = constants(source);
            let declared =
                source.lines().filter(|line| line.trim().starts_with("pub") && line.contains(" const "));
            assert_eq!(found.len(), declared.count(), "{title}");
            for (name, documentation) in found {
                assert!(documentation.len() > 20, "`{name}` of {title} does not say what it bounds");
            }
        }
    }

    #[test]
    fn documentation_goes_with_the_constant_below_it() {
        let source = "//! No.\n/// One of [`a::B`],\n/// or two.\n#[x]\npub const A_MAX: usize = 1;\n\n/// Lost.\nfn f() {}\n\
                      /// Two.\npub(crate) const B: u8 = 2;\nconst HIDDEN: u8 = 3;\n";
        assert_eq!(
            constants(source),
            [("A_MAX".into(), "One of `a::B`, or two.".into()), ("B".into(), "Two.".into())]
        );
    }

    #[test]
    fn numbers_are_shown_in_the_largest_unit_that_divides_them() {
        for (number, unit, expected) in [
            (8 << 20, "bytes", "8 MiB"),
            (1500, "bytes", "1 500 bytes"),
            (90_000, "milliseconds", "90 s"),
            (1, "milliseconds", "1 milliseconds"),
            (100_000, "processes", "100 000 processes"),
            (315_360_000_000, "milliseconds", "3 650 days"),
        ] {
            assert_eq!(value(number, unit), expected);
        }
    }
}
