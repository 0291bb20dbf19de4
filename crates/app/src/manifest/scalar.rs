//! One scalar against the shape of its key: whether it fits, and what is expected where it does not.

use super::document::{Content, Node};
use super::form::quoted;
use super::quantity::{duration, duration_or_none, show_size, size};
use super::vocabulary::Shape;

/// Whether the text of a scalar fits a scalar's shape. Numbers and flags have no quotes; anything may be
/// text.
pub(crate) fn fits(shape: &Shape, text: &str, node: &Node) -> bool {
    let plain = matches!(node.content, Content::Scalar { plain: true, .. });
    match shape {
        Shape::Text(form) => form.fits(text),
        Shape::Choice(words) => words.contains(&text),
        Shape::Duration => duration(text).is_some(),
        Shape::DurationOrNone => duration_or_none(text).is_some(),
        Shape::Size { min, max } => size(text).is_some_and(|bytes| (*min..=*max).contains(&bytes)),
        Shape::Flag => plain && (text == "true" || text == "false"),
        Shape::Count { min, max } => {
            plain && decimal(text) && text.parse().is_ok_and(|count| (*min..=*max).contains(&count))
        }
        Shape::Number { min, max } => {
            let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
            plain
                && decimal(whole)
                && !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && text.parse().is_ok_and(|number| (*min..=*max).contains(&number))
        }
        Shape::List { .. } | Shape::Named { .. } | Shape::Keys(_) | Shape::Data | Shape::Free => false,
    }
}

/// Digits without a sign or a leading zero, which readers of YAML take differently.
fn decimal(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

/// What a scalar's shape expects, in words.
pub(crate) fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text(form) => form.expected(),
        Shape::Choice([one]) => format!("`{one}`"),
        Shape::Choice(words) => format!("one of {}", quoted(words)),
        Shape::Duration => "a duration such as `10s` or `1h 30m`, from `1ms` to ten years".to_owned(),
        Shape::DurationOrNone => "`0s`, or a duration such as `10s`, from `1ms` to ten years".to_owned(),
        Shape::Size { min, max } => {
            format!("a size such as `16MiB`, from `{}` to `{}`", show_size(*min), show_size(*max))
        }
        Shape::Flag => "`true` or `false`".to_owned(),
        Shape::Count { min, max } => format!("a whole number from {min} to {max}"),
        Shape::Number { min, max } => format!("a number from {min} to {max}"),
        Shape::List { .. } => "a list".to_owned(),
        Shape::Named { .. } | Shape::Keys(_) => "keys with a value each".to_owned(),
        Shape::Data | Shape::Free => "anything".to_owned(),
    }
}
