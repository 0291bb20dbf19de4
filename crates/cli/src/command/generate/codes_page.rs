//! `docs/lints/README.md`: every code of a finding with its sentence, by what is found in.

use std::fmt::Write as _;

use crate::pages::PAGES;

/// Families of codes, in the order of the page: what comes before the dot, and what such findings are about.
const FAMILIES: [(&str, &str); 4] =
    [("manifest", "Manifests"), ("source", "Scripts"), ("policy", "Policies"), ("app", "A running app")];

/// The page, in Markdown.
pub(super) fn render() -> String {
    let mut text = String::from(OPENING);
    for (family, title) in FAMILIES {
        let _ = write!(text, "\n## {title}\n\n| code | what it is |\n|---|---|\n");
        for page in PAGES.iter().filter(|page| family_of(page.code) == family) {
            let _ = writeln!(text, "| [`{0}`]({0}.md) | {1} |", page.code, page.summary());
        }
    }
    text
}

const OPENING: &str = "\
# What is found in an app

<!-- Rendered from the pages beside it; `moonward generate` rewrites it. -->

Each error and warning about a file has a code, and each code has a page: what it is, why it matters, an example of what is
wrong and one of what is right. Every example is tested. `moonward explain CODE` prints a page where there is no browser.

A code keeps its meaning, so that tools can filter by it. Nothing in a file switches one off: an error refuses what it is
in, and a warning is said at every load until its reason is gone. A script that goes on in
spite of warnings looks at the exit code of `moonward check`: 2 for warnings alone, 3 for errors.
";

fn family_of(code: &str) -> &str {
    code.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_of_a_family() {
        for page in PAGES {
            assert!(FAMILIES.iter().any(|(family, _)| family_of(page.code) == *family), "{}", page.code);
        }
        assert_eq!(render().matches("\n| [`").count(), PAGES.len());
    }
}
