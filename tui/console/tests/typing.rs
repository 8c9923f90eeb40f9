//! Typing and pasting: lines, completion, keys that arrive at once.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::command::{Outcome, Tone, parse_line};
use crate::console::keys::Mode;
use crate::console::model::Dialog;
use crate::console::model::prompt::LINE_BYTES_MAX;
use crate::console::tests::drawing::MIDDLE;
use crate::console::tests::sample::Sample;
use crate::console::update::{Effect, Msg};

#[test]
fn a_line_is_carried_out_and_remembered() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("iput k=v");
    let effects = sample.key(KeyCode::Enter);
    let command = parse_line("put k v").expect("a line of the grammar");
    assert_eq!(effects, [Effect::Execute { number: 1, command }, Effect::Remember("put k=v".to_owned())]);
    assert_eq!((sample.model.prompt.text(), sample.model.mode), ("", Mode::Type));
    sample.key(KeyCode::Up);
    assert_eq!(sample.model.prompt.text(), "put k=v");
}

#[test]
fn a_wrong_line_stays_to_be_mended() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("ikil 3");
    assert_eq!(sample.key(KeyCode::Enter), []);
    assert_eq!(sample.model.prompt.mistake.as_ref().map(|mistake| mistake.at), Some(0));
    assert_eq!(sample.model.prompt.text(), "kil 3");
    sample.key(KeyCode::Backspace);
    assert_eq!(sample.model.prompt.mistake, None);
}

#[test]
fn what_is_pasted_in_control_goes_to_the_prompt() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.send(Msg::Paste("kq\n".to_owned()));
    assert_eq!((sample.model.mode, sample.model.prompt.text()), (Mode::Type, "kq"));
}

#[test]
fn tab_completes_nodes_keys_kinds_and_scenarios_where_they_belong() {
    let mut sample = Sample::healthy(MIDDLE).with_finals();
    sample.write("xylophone", "1", &[2, 3, 4]);
    for (typed, completed) in [
        ("get xy", "get xylophone "),
        ("kill n3", "kill n3 "),
        ("hold 2 commit-o", "hold 2 commit-order "),
        ("hold 2 snapshot-", "hold 2 snapshot-ack "),
        ("run lost", "run lost-answers "),
        ("scenario run conf", "scenario run conflict-"),
        ("scen", "scenario "),
    ] {
        sample.key(KeyCode::Esc);
        sample.model.prompt.clear();
        sample.keys(&format!("i{typed}"));
        sample.key(KeyCode::Tab);
        assert_eq!(sample.model.prompt.text(), completed);
    }
}

fn at_once(sample: &mut Sample, letters: &str, quiet_ms: u64) -> Vec<Effect> {
    let key = |letter| match letter {
        '\r' => KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE),
        letter => KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE),
    };
    sample.send(Msg::Keys(letters.chars().map(key).collect(), Duration::from_millis(quiet_ms)))
}

#[test]
fn a_burst_of_letters_in_control_kills_nothing_and_does_not_quit() {
    for burst in ["kill 3\rquit\r", "k3q", "rq1", " q", "?q!"].into_iter().filter(|burst| burst.len() > 2) {
        let mut sample = Sample::healthy(MIDDLE);
        assert_eq!(at_once(&mut sample, burst, 1_000), [], "{burst}");
        let notice = sample.model.notice.clone().expect("it is reported");
        assert!(notice.is_bad && notice.text.contains(&format!("{} keys", burst.len())), "{}", notice.text);
        assert_eq!((&sample.model.dialog, sample.model.mode), (&None, Mode::Control));
        // The last letters of the burst arrive alone.
        assert_eq!(at_once(&mut sample, "q", 20), []);
        assert_eq!(at_once(&mut sample, "q", 1_000), [Effect::Quit]);
    }
}

#[test]
fn keys_that_a_person_presses_fast_still_act() {
    let mut sample = Sample::healthy(MIDDLE);
    assert!(matches!(at_once(&mut sample, "k3", 100)[..], [Effect::Execute { .. }]));
    at_once(&mut sample, "[[[[[[", 100);
    assert_eq!(sample.model.notice, None, "a key that is held down repeats");
    let mut sample = Sample::healthy(MIDDLE);
    let effects = at_once(&mut sample, "iput x 1\r", 100);
    assert!(matches!(effects[..], [Effect::Execute { .. }, Effect::Remember(_)]), "{effects:?}");
    let mut sample = Sample::healthy(MIDDLE);
    at_once(&mut sample, ":inj", 100);
    assert!(matches!(&sample.model.dialog, Some(Dialog::Palette(shown)) if shown.query == "inj"));
}

#[test]
fn a_paste_that_no_line_can_take_is_refused_and_changes_nothing() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("iput big ");
    sample.send(Msg::Paste("x".repeat(70_000)));
    assert_eq!(sample.model.prompt.text(), "put big ");
    assert!(sample.model.notice.as_ref().is_some_and(|notice| notice.is_bad && notice.text.contains("70000 bytes")));
    sample.send(Msg::PasteTooLong(300_000));
    assert!(sample.model.notice.as_ref().is_some_and(|notice| notice.text.contains("300000 bytes")));
}

#[test]
fn a_line_that_lacks_letters_is_not_carried_out() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("iput big ");
    for _ in 0..20 {
        at_once(&mut sample, &"x".repeat(4_096), 1);
    }
    assert!(sample.model.prompt.text().len() <= LINE_BYTES_MAX);
    assert_eq!(at_once(&mut sample, "\r", 1), []);
    assert!(sample.model.notice.as_ref().is_some_and(|notice| notice.text.contains("incomplete")));
    sample.key(KeyCode::Backspace);
    assert_eq!(sample.key(KeyCode::Enter), [], "the incomplete paste is still refused");
    sample.control('u');
    sample.keys("put big x");
    assert_ne!(sample.key(KeyCode::Enter), []);
}

#[test]
fn a_long_value_that_was_asked_for_can_be_read_whole() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("iget big");
    sample.key(KeyCode::Enter);
    let value: String = (0..400).map(|number| format!("{number},日本 ")).collect();
    let outcome = Outcome::done(serde_json::Value::Null);
    let outcome = outcome.line(Tone::Result, value.clone()).line(Tone::Note, "e1·o2, revision 3");
    sample.send(Msg::OperationEnd(1, outcome, Duration::ZERO));
    let whole = |sample: &Sample| match &sample.model.dialog {
        Some(Dialog::Value(value)) => value.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(whole(&sample).rows.concat(), value);
    sample.send(Msg::Resize(60, 18));
    assert_eq!(whole(&sample).rows.concat(), value);
    sample.key(KeyCode::PageDown);
    let after_a_page = whole(&sample).scrolled;
    assert!(after_a_page > 0);
    sample.key(KeyCode::End);
    assert!(whole(&sample).scrolled > after_a_page && whole(&sample).scrolled < whole(&sample).rows.len());
    sample.keys("p");
    assert_eq!((&sample.model.dialog, sample.model.prompt.text()), (&None, "p"));
}
