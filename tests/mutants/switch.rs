//! Many mutants in one build: each function that mutants change has one body per mutant, and one unchanged. An
//! environment variable selects the mutant at the start. (Mutant schemata: Untch, Offutt and Harrold 1993.)
//!
//! Functions are found by their lines, as rustfmt formats them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::table::Mutant;

/// The number of the active mutant.
pub const VARIABLE: &str = "EPOCA_MUTANT";

/// Added to the library of a copy.
pub const LIBRARY: &str = "
pub use epoca_protocol as protocol;
pub use epoca_protocol::switch;
";

/// Added to the protocol of a copy.
pub const PROTOCOL: &str = r#"
pub mod switch {
    /// Whether the mutant of this number is active.
    pub fn is_on(number: usize) -> bool {
        static ON: std::sync::OnceLock<Option<usize>> = std::sync::OnceLock::new();
        *ON.get_or_init(|| std::env::var("EPOCA_MUTANT").ok()?.parse().ok()) == Some(number)
    }
}
"#;

/// The text of a file with all these mutants, each under its number.
pub fn switched(text: &str, mutants: &[(usize, &Mutant)]) -> Result<String, String> {
    let mut bodies: BTreeMap<(usize, usize), String> = BTreeMap::new();
    for (number, mutant) in mutants {
        // It occurs exactly once.
        mutant.applied_to(text)?;
        let (changed, new) = change(text, mutant);
        let body = body_around(text, &changed)
            .ok_or_else(|| format!("{}: what it changes lies in no function's body", mutant.name))?;
        let broken = format!("{}{new}{}", &text[body.start..changed.start], &text[changed.end..body.end]);
        let branch = format!("if crate::switch::is_on({number}) {{\n{broken}}} else ");
        bodies.entry((body.start, body.end)).or_default().push_str(&branch);
    }
    let mut all = String::new();
    let mut at = 0;
    for ((start, end), branches) in bodies {
        if start < at {
            return Err(format!("two mutants change functions of which one is in the other: {branches}"));
        }
        all += &format!("{}{branches}{{\n{}}}\n", &text[at..start], &text[start..end]);
        at = end;
    }
    Ok(all + &text[at..])
}

/// The minimal difference between the old text and the new one, and its replacement.
fn change<'a>(text: &str, mutant: &'a Mutant) -> (Range<usize>, &'a str) {
    let Mutant { old, new, .. } = mutant;
    let same = |one: &str, other: &str| -> usize {
        one.chars().zip(other.chars()).take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum()
    };
    let before = same(old, new);
    let backwards = |text: &str| text.chars().rev().collect::<String>();
    let after = same(&backwards(&old[before..]), &backwards(&new[before..]));
    let start = text.find(&old[..]).expect("it occurs there");
    (start + before..start + old.len() - after, &new[before..new.len() - after])
}

/// The body of the innermost function that contains the whole text, without its braces.
fn body_around(text: &str, changed: &Range<usize>) -> Option<Range<usize>> {
    let mut lines = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        lines.push((at, line));
        at += line.len();
    }
    let heads = lines.iter().enumerate().filter(|(_, (start, line))| *start <= changed.start && is_head(line));
    heads.rev().find_map(|(index, (_, head))| {
        let closing = format!("{}}}\n", &head[..head.len() - head.trim_start().len()]);
        let opens = index + lines[index..].iter().position(|(_, line)| line.ends_with("{\n"))?;
        let closes = opens + lines[opens..].iter().position(|(_, line)| *line == closing)?;
        let body = lines[opens + 1].0..lines[closes].0;
        (body.start <= changed.start && changed.end <= body.end).then_some(body)
    })
}

fn is_head(line: &str) -> bool {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest.split_once(' ').map_or("", |(_, rest)| rest),
        None => line,
    };
    line.strip_prefix("async ").unwrap_or(line).starts_with("fn ") && !line.ends_with("}\n")
}
