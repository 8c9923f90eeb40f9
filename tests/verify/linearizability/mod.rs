//! Tests of the linearizability checker: known histories, and a comparison with a checker that tries every order.

mod known;

mod naive;

mod random;

use bytes::Bytes;

use epoca::verify::linearizability::{Action, Operation};

/// Parses one operation a line: client, call and return, action. For example `c1 0-2 put x 1`, `c2 1-? delete x`,
/// `c3 3-4 get x 1`, `c3 5-6 get x -`, `c1 0-2 set x 2 1` (set x to 2 if it is 1; `-`: if it is absent).
fn history(text: &str) -> Vec<Operation> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| operation(line).unwrap_or_else(|| panic!("no operation: {line}"))).collect()
}

fn operation(line: &str) -> Option<Operation> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (called, returned) = words.get(1)?.split_once('-')?;
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let action = match (*words.get(2)?, words.get(4)) {
        ("put", Some(value)) => Action::Put(bytes(value)),
        ("delete", None) => Action::Delete,
        ("set", Some(value)) => {
            let expected = words.get(5).filter(|word| **word != "-").map(|word| bytes(word));
            Action::CompareAndSet { expected, value: bytes(value) }
        }
        ("get", Some(value)) => Action::Get((*value != "-").then(|| bytes(value))),
        _ => return None,
    };
    Some(Operation {
        client: words[0].strip_prefix('c')?.parse().ok()?,
        key: bytes(words.get(3)?),
        action,
        called: called.parse().ok()?,
        returned: (returned != "?").then(|| returned.parse()).transpose().ok()?,
    })
}
