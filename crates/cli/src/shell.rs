//! Words of commands that are shown to be run next, as a shell takes them. Which commands those are is not known here.

use std::path::Path;

use diagnostic::visible;

/// A word that a shell takes as this text; what a terminal would obey is made visible, and no longer the same.
pub(crate) fn word(text: &str) -> String {
    let text = visible(text);
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+,:@%=".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_string()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A path as such a word. One that is not UTF-8 has its odd bytes replaced.
pub(crate) fn path(path: &Path) -> String {
    word(&path.to_string_lossy())
}

/// The arguments that name the log of an app: its folder, and a log if another than its own was named.
pub(crate) fn log_of(app: &Path, log: Option<&Path>) -> String {
    let app = path(app);
    log.map_or(app.clone(), |log| format!("{app} --log {}", path(log)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{path, word};

    #[test]
    fn a_word_is_quoted_when_a_shell_would_read_more_into_it() {
        assert_eq!(path(Path::new("apps/my-app")), "apps/my-app");
        for (text, expected) in [
            ("acme/user/ada", "acme/user/ada"),
            ("context.bytes=10", "context.bytes=10"),
            ("my app's", r"'my app'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("a`b`", "'a`b`'"),
            ("~", "'~'"),
            ("", "''"),
            ("a\u{1b}[31m\nb", r"'a\u{1b}[31m\u{a}b'"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
