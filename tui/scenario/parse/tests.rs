//! Tests of the parser: what it accepts, and where it finds mistakes.

use super::*;
use crate::scenario::script::{EntryState, Expect, FieldValue, Nodes, OperationEnd};

fn with(line: &str) -> String {
    format!("title\n  en a title\n{line}\nexpect invariants\n")
}

fn mistake(text: &str) -> (usize, usize, String) {
    let mistake = parse("test", text).expect_err(text);
    assert!(!mistake.message.to(Lang::Portuguese).contains("expected"), "{mistake:?}");
    (mistake.line, mistake.column, mistake.message.to(Lang::English).to_owned())
}

fn first(line: &str) -> Expect {
    let script = parse("test", &with(line)).unwrap_or_else(|mistake| panic!("{line}: {mistake:?}"));
    match script.items.into_iter().next().map(|item| item.kind) {
        Some(ItemKind::Expect(expectation)) => expectation.what,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn words_belong_to_the_line_above_and_are_joined() {
    let text =
        "title\n en One\n en two\n pt Um\nabout\n en why\nstep\n en part\nexpect logs equal\n en all\n why.en so\n";
    let script = parse("test", text).unwrap();
    assert_eq!((script.title.to(Lang::English), script.title.to(Lang::Portuguese)), ("One two", "Um"));
    assert_eq!(script.items[0].words.to(Lang::English), "part");
    assert_eq!((script.items[1].words.to(Lang::English), script.items[1].why.to(Lang::English)), ("all", "so"));
    assert_eq!(script.items[1].at, 9);
}

#[test]
fn a_command_may_have_a_name_and_a_time() {
    let said = |line: &str| match parse("test", &with(line)).unwrap().items.remove(0).kind {
        ItemKind::Do(Action::Command(said)) => said,
        other => panic!("{other:?}"),
    };
    let plain = said("do put x 1");
    assert_eq!((plain.mode, plain.name, plain.template.as_str()), (CommandMode::Do, None, "put x 1"));
    let named = said("try lost 2s: put x 1");
    assert_eq!(
        (named.mode, named.name.as_deref(), named.within),
        (CommandMode::Try, Some("lost"), Some(Duration::from_secs(2)))
    );
    assert_eq!(said("start w: inject $a x 1 --count 3").template, "inject $a x 1 --count 3");
    assert_eq!(said("do put x 'a: b'").name, None, "a colon in a value is no name");
}

#[test]
fn mistakes_name_line_and_column_and_what_was_expected() {
    for (text, line, column, expected) in [
        (with("do pat x 1"), 3, 4, "no command"),
        (with("do w: put x"), 3, 12, "<VALUE"),
        (with("do kill $leader now"), 3, 17, "not expected"),
        (with("expect $a Trunkated"), 3, 11, "expected an event"),
        (with("expect $a truncated"), 3, 11, "Truncated?"),
        (with("expect $a Truncated form=x"), 3, 21, "has the fields from"),
        (with("expect $a Truncated within soon"), 3, 28, "as 2s"),
        (with("expect x confirmed later"), 3, 20, "nothing more"),
        (with("expect $a holds x as sold"), 3, 22, "intermediate"),
        (with("expct x confirmed"), 3, 1, "expect"),
        (with("  sv hej"), 3, 3, "en, pt"),
        (with("needs nodes 99"), 3, 13, "1 to 15"),
        (with("log n1 1:1 1:2"), 3, 12, "grow"),
        (with("expect n1 Elected repeating tock n1"), 3, 29, "no command"),
        (with("line 3b 0,15"), 3, 9, "0.15"),
        (with("line 0.15 3b"), 3, 11, "nothing more"),
        (with("expect load confirms many"), 3, 22, "a number of writes"),
    ] {
        let found = mistake(&text);
        assert_eq!((found.0, found.1), (line, column), "{text}: {}", found.2);
        assert!(found.2.contains(expected), "{text}: {}", found.2);
    }
}

#[test]
fn a_text_without_title_or_expectation_is_refused() {
    assert!(mistake("expect invariants\n").2.contains("title"));
    assert!(mistake("title\n  en A\ndo put x 1\n").2.contains("without an expectation"));
    assert!(mistake("").2.contains("title"));
}

#[test]
fn a_graded_line_has_a_label_and_points_or_neither() {
    let graded = |line: &str| match parse("test", &with(line)).unwrap().items.remove(0).kind {
        ItemKind::Graded { label, points } => (label, points.map(|points| points.0)),
        other => panic!("{other:?}"),
    };
    assert_eq!(graded("line 3b.2 0.20"), (Some("3b.2".to_owned()), Some(20)));
    assert_eq!(graded("line 2"), (None, Some(200)));
    assert_eq!(graded("line 2a"), (Some("2a".to_owned()), None));
    assert_eq!(graded("line"), (None, None));
}

#[test]
fn a_tour_has_notes_below_headings_and_questions_with_answers() {
    let text = "title\n en T\ntour\nstep\n en S\nlook logs $a\nlook tab\nsay\n en speak\nask q\nexpect invariants\n\
                then\n en go\nquestion q\n en why\nanswer\n en so\nexpect logs equal\n";
    let script = parse("test", text).unwrap();
    let notes = &script.items[0].notes;
    assert_eq!((notes.look.len(), notes.say.to(Lang::English), notes.ask.as_deref()), (2, "speak", Some("q")));
    assert_eq!(script.items[script.question("q").unwrap()].notes.answer.to(Lang::English), "so");
    for (line, column, expected) in [
        ("look floor", 6, "space-time"),
        ("look logs $", 11, "a node"),
        ("ask nothing-known", 1, "nothing-known"),
        ("look tab now", 10, "nothing more"),
    ] {
        let found = mistake(&format!("title\n  en T\ntour\nstep\n{line}\nexpect invariants\n"));
        assert_eq!(found.1, column, "{line}: {found:?}");
        assert!(found.2.contains(expected), "{line}: {found:?}");
    }
    let below = mistake("title\n  en T\ntour\nstep\nexpect invariants\nsay\n  en no\n");
    assert!(below.0 == 6 && below.2.contains("no heading"), "{below:?}");
    assert!(mistake(&with("look logs")).2.contains("title, about"), "only a tour points at things");
}

#[test]
fn expectations_are_what_they_say() {
    assert!(matches!(first("expect lost unknown"), Expect::Outcome { wanted: OperationEnd::Unknown, .. }));
    let Expect::Holds { nodes: Nodes::These(nodes), entries, state } =
        first("expect $a,n3 holds w e3.o5 as intermediate")
    else {
        panic!("not holds")
    };
    assert_eq!((nodes.len(), entries.len(), state), (2, 2, Some(EntryState::Intermediate)));
    let Expect::Fact { nodes: Nodes::Each, pattern } = first("expect each Finalized up_to>=w within 2s") else {
        panic!("not an event")
    };
    assert!(pattern.fields[0].at_least);
    assert_eq!(pattern.fields[0].value, FieldValue::Word("w".to_owned()));
    assert!(matches!(first("expect no any Conflict for 1s"), Expect::NoFact { nodes: Nodes::Any, .. }));
    assert!(matches!(first("expect leader not $leader as $new"), Expect::Leader { not: Some(_), name: Some(_) }));
    let Expect::LogIs { runs, .. } = first("expect n1 log 1:3 *:2 within 3s repeating tick n1") else {
        panic!("not log")
    };
    assert_eq!(runs, [(Some(Epoch(1)), 3), (None, 2)]);
    assert!(matches!(first("expect client reads x absent"), Expect::Reads { value: None, .. }));
    assert!(matches!(first("expect disk of $a reads x=1"), Expect::DiskReads { .. }));
}
