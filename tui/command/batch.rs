//! `cas` and `batch`: a write that depends on the current value, and several changes as one write.

use bytes::Bytes;
use epoca::client::{BatchChange, Client, ClientError, CompareAndSet};
use epoca::protocol::{Expect, VALUE_BYTES_MAX};
use serde_json::{Map, Value, json};

use super::execute::{Context, read_bytes, read_value, written};
use super::grammar::{Cas, Command};
use super::messages;
use super::outcome::{Exit, Outcome, Tone};
use super::parse::parse_line;
use super::text::{CELL_COLUMNS, set_bytes, shown, shown_short};
use crate::lang::Localized;

pub async fn compare_and_set(cas: &Cas, context: &Context) -> Result<Outcome, ClientError> {
    let value = match read_value(cas.value.as_ref(), cas.file.as_ref(), context).await {
        Ok(value) => value,
        Err(outcome) => return Ok(outcome),
    };
    let expect = match (&cas.expect, cas.revision) {
        (Some(value), _) => Expect::Value(value.clone()),
        (None, Some(revision)) => Expect::Revision(revision),
        (None, None) => Expect::Absent,
    };
    Ok(match context.client.compare_and_set(cas.key.clone(), expect, value).await? {
        CompareAndSet::Done(done) => {
            let mut outcome = written(done);
            if let Value::Object(json) = &mut outcome.json {
                json.insert("done".to_owned(), json!(true));
                json.insert("revision".to_owned(), json!(done.revision));
            }
            outcome.line(Tone::Note, messages::revision(done.revision))
        }
        CompareAndSet::NotEqual { revision, value } => not_equal(&cas.key, revision, value.as_ref()),
    })
}

fn not_equal(key: &[u8], revision: Option<u64>, value: Option<&Bytes>) -> Outcome {
    let mut json = Map::new();
    json.insert("done".to_owned(), json!(false));
    json.insert("found".to_owned(), json!(revision.is_some()));
    set_bytes(&mut json, "value", value.map(|value| &value[..]));
    json.insert("revision".to_owned(), json!(revision));
    let key = shown(key);
    let text = match (revision, value) {
        (None, _) => messages::not_equal_absent(&key),
        (Some(revision), Some(value)) => messages::not_equal(&key, &shown_short(value, CELL_COLUMNS), revision),
        (Some(revision), None) => messages::not_equal_rewritten(&key, revision),
    };
    Outcome::done(Value::Object(json)).exit(Exit::NotDone).line(Tone::Error, text)
}

pub async fn batch(lines: &[String], context: &Context) -> Result<Outcome, ClientError> {
    let changes = match changes(lines, context).await {
        Ok(changes) => changes,
        Err(outcome) => return Ok(outcome),
    };
    send(changes, &context.client).await
}

async fn send(changes: Vec<BatchChange>, client: &Client) -> Result<Outcome, ClientError> {
    let count = changes.len();
    let done = client.batch(changes).await?;
    let mut outcome = written(done);
    if let Value::Object(json) = &mut outcome.json {
        json.insert("changes".to_owned(), json!(count));
        json.insert("revision".to_owned(), json!(done.revision));
    }
    Ok(outcome.line(Tone::Note, messages::batch_done(count, done.revision)))
}

/// The changes, one in each argument or in each line of standard input.
async fn changes(lines: &[String], context: &Context) -> Result<Vec<BatchChange>, Outcome> {
    if !(lines.is_empty() || lines == ["-"]) {
        return read_lines(lines.iter().map(String::as_str));
    }
    if !context.stdin {
        return Err(Outcome::error(Exit::Usage, "no_stdin", messages::no_stdin_for_batch()));
    }
    // The values together have a limit; keys and quotes need more.
    let input = read_bytes(None, 2 * VALUE_BYTES_MAX).await?;
    let input = std::str::from_utf8(&input)
        .map_err(|error| Outcome::error(Exit::Usage, "usage", format!("standard input is not UTF-8: {error}")))?;
    read_lines(input.lines().filter(|line| !line.trim().is_empty()))
}

fn read_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<BatchChange>, Outcome> {
    let read = |(index, line)| {
        change(line)
            .map_err(|why| Outcome::error(Exit::Usage, "usage", messages::change_does_not_fit(index + 1, line, &why)))
    };
    lines.enumerate().map(read).collect()
}

fn change(line: &str) -> Result<BatchChange, Localized> {
    match parse_line(line).map_err(|error| error.message)? {
        Command::Put(put) => match (put.value, put.file) {
            (Some(value), None) => Ok(BatchChange::Put { key: put.key, value }),
            _ => Err(messages::batch_needs_the_value()),
        },
        Command::Delete { key } => Ok(BatchChange::Delete { key }),
        _ => Err(messages::batch_of_puts_and_deletes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn the_lines_of_a_batch_are_those_of_the_prompt() {
        let read = read_lines(["put x 1", "put 'a key'=2", "delete y"].into_iter()).expect("they fit");
        let put = |key, value| BatchChange::Put { key: bytes(key), value: bytes(value) };
        assert_eq!(read, [put("x", "1"), put("a key", "2"), BatchChange::Delete { key: bytes("y") }]);
    }

    #[test]
    fn a_line_that_does_not_fit_is_named() {
        for (line, why) in
            [("get x", "puts and deletes"), ("put x --file f", "itself"), ("put x", "<VALUE"), ("pat x", "pat")]
        {
            let outcome = read_lines(["put x 1", line].into_iter()).expect_err(line);
            let text = outcome.lines[0].text.to(Lang::English);
            assert!(outcome.exit == Exit::Usage && text.contains("change 2") && text.contains(why), "{text}");
        }
    }
}
