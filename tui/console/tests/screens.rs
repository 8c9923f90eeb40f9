//! Whole screens compared with stored ones. The stored text has no styles; separate assertions check them.

use std::time::Duration;

use crossterm::event::KeyCode;
use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::Fact;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::command::{Exit, Outcome, Tone};
use crate::console::model::Pane;
use crate::console::tests::drawing::{LARGE, MIDDLE, SMALL, cells_of, check, dark, drawn, text};
use crate::console::tests::sample::Sample;
use crate::console::theme::{Depth, Look, Theme};
use crate::console::update::{Effect, Msg};
use crate::lang::Lang;

fn done(sample: &mut Sample, number: u64, lines: &[&str]) {
    let texts = lines.iter().map(|line| (*line).to_owned());
    let outcome = Outcome::done(serde_json::Value::Null).lines(Tone::Result, texts);
    sample.send(Msg::OperationEnd(number, outcome, Duration::from_micros(1_940)));
}

#[test]
fn three_epochs_a_repair_and_a_dead_node_at_120x36() {
    check("eventful-120x36", &Sample::eventful(LARGE), &dark());
}

#[test]
fn three_epochs_a_repair_and_a_dead_node_at_80x24() {
    check("eventful-80x24", &Sample::eventful(MIDDLE), &dark());
}

#[test]
fn three_epochs_a_repair_and_a_dead_node_at_60x18() {
    check("eventful-60x18", &Sample::eventful(SMALL), &dark());
}

#[test]
fn a_node_that_has_begun_anew_after_damage_is_seen_in_its_row_the_picture_the_story_and_the_tape() {
    for (name, size, lang) in
        [("quarantined-120x36", LARGE, Lang::English), ("quarantined-80x24-pt", MIDDLE, Lang::Portuguese)]
    {
        let mut sample = Sample::healthy(size);
        sample.model.lang = lang;
        sample.tell(
            3,
            Fact::Quarantined {
                text: "e1·o2 is damaged in n3/log/00000001.log at byte 357: its checksum is wrong".into(),
            },
        );
        check(name, &sample, &dark());
    }
}

#[test]
fn the_screen_speaks_portuguese_too() {
    for (name, size) in [("eventful-120x36-pt", LARGE), ("eventful-80x24-pt", MIDDLE)] {
        let mut sample = Sample::eventful(size);
        sample.model.lang = Lang::Portuguese;
        check(name, &sample, &dark());
    }
    let mut sample = Sample::healthy(LARGE);
    sample.model.lang = Lang::Portuguese;
    sample.keys("?");
    check("help-120x36-pt", &sample, &dark());
}

#[test]
fn a_step_is_explained_at_length() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.inject(3, "q", "666");
    sample.repair(3);
    sample.keys("e");
    check("explanation-80x24", &sample, &dark());
}

#[test]
fn a_selected_message_shows_what_it_carries() {
    let mut sample = Sample::healthy(LARGE);
    sample.send(Msg::Observed(NodeId(4), Observed::Disconnected("killed".to_owned())));
    sample.write("z", "3", &[2, 3]);
    let number = sample.sent(1, 4, "push", sample.last(1).map(|point| point.id), 1);
    assert!(number > 0);
    sample.keys("s");
    check("message-120x36", &sample, &dark());
}

#[test]
fn ascii_says_the_same_with_no_other_character() {
    let look = Look::new(Theme::Dark, Depth::None, true);
    let sample = Sample::eventful(MIDDLE);
    assert!(text(&drawn(&sample, &look)).is_ascii());
    check("eventful-80x24-ascii", &sample, &look);
}

#[test]
fn a_screen_that_is_too_small_names_the_needed_size() {
    check("too-small", &Sample::healthy((48, 12)), &dark());
}

#[test]
fn a_forged_entry_stands_out_before_it_is_found() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.inject(3, "q", "666");
    sample.propose("z", "3");
    check("forged-80x24", &sample, &dark());
}

#[test]
fn held_commit_orders_leave_a_replica_with_intermediate_data() {
    let mut sample = Sample::healthy(MIDDLE);
    let kind = || "commit-order".into();
    sample.tell(3, Fact::HoldSet { kind: kind() });
    sample.propose("z", "3");
    for replica in [2, 3, 4] {
        sample.push(replica);
    }
    let up_to = sample.last(1).expect("a log");
    sample.tell(1, Fact::Committed { up_to, count: 1 });
    for node in [1, 2, 4] {
        sample.finalize(node, up_to, 1);
    }
    sample.tell(
        3,
        Fact::MessageHeld { from: NodeId(1), to: NodeId(3), number: 9, kind: kind(), what: None, since: None },
    );
    sample.key(KeyCode::Tab);
    check("held-80x24", &sample, &dark());
}

#[test]
fn without_a_majority_the_top_line_says_so() {
    let mut sample = Sample::healthy(SMALL);
    for node in [3, 4] {
        sample.send(Msg::Observed(NodeId(node), Observed::Disconnected("killed".to_owned())));
    }
    sample.after(2_500);
    check("no-quorum-60x18", &sample, &dark());
}

#[test]
fn a_key_with_a_target_opens_a_choice() {
    let mut sample = Sample::eventful(MIDDLE);
    sample.keys("k");
    check("choice-80x24", &sample, &dark());
}

#[test]
fn a_wrong_line_says_at_its_place_what_was_expected() {
    for (name, size) in [("mistake-120x36", LARGE), ("mistake-80x24", MIDDLE)] {
        let mut sample = Sample::healthy(size);
        sample.keys("iinject 9x q 1");
        sample.key(KeyCode::Enter);
        check(name, &sample, &dark());
    }
}

#[test]
fn a_command_that_is_being_typed_shows_what_it_takes() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("ikill ");
    let screen = text(&drawn(&sample, &dark()));
    assert!(screen.contains("\n kill <NODE>   Kill a node's process (SIGKILL)"), "{screen}");
}

#[test]
fn operations_show_outcome_and_latency() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys("iput x 1");
    sample.key(KeyCode::Enter);
    done(&mut sample, 1, &["e1·o3"]);
    sample.keys("put z 1");
    sample.key(KeyCode::Enter);
    let unknown = Outcome::error(Exit::Unknown, "unknown", "outcome unknown: no answer came");
    sample.send(Msg::OperationEnd(2, unknown, Duration::from_secs(5)));
    sample.keys("list");
    sample.key(KeyCode::Enter);
    done(&mut sample, 3, &["x = 1   e1·o3", "y = 2   e1·o2"]);
    sample.keys("bench");
    sample.key(KeyCode::Enter);
    sample.send(Msg::OperationProgress(4, "3 s of 10: 4,120 a second".into()));
    check("ops-80x24", &sample, &dark());
}

#[test]
fn the_nodes_pane_tells_all_about_each() {
    let mut sample = Sample::eventful(LARGE);
    sample.tell(2, Fact::LinkCut { with: NodeId(3) });
    sample.tell(3, Fact::LinkCut { with: NodeId(2) });
    sample.key(KeyCode::BackTab);
    check("nodes-120x36", &sample, &dark());
}

#[test]
fn the_palette_finds_commands_and_keys() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.keys(":re");
    check("palette-80x24", &sample, &dark());
}

#[test]
fn the_peers_pane_tells_who_reaches_whom_and_who_lags() {
    let mut sample = Sample::eventful(LARGE);
    sample.tell(2, Fact::LinkCut { with: NodeId(3) });
    sample.tell(3, Fact::LinkCut { with: NodeId(2) });
    sample.model.pane = Pane::Peers;
    check("peers-120x36", &sample, &dark());
}

#[test]
fn a_presenters_banner_says_in_few_words_what_happens() {
    let mut sample = Sample::healthy(LARGE);
    sample.inject(3, "q", "666");
    sample.repair(3);
    sample.keys("P");
    check("presenter-120x36", &sample, &dark());
    sample.key(KeyCode::Tab);
    sample.keys("v");
    let screen = text(&drawn(&sample, &dark()));
    assert!(!screen.contains('┌') || screen.matches('┌').count() == 1, "{screen}");
}

#[test]
fn the_help_is_made_from_the_table_of_keys_and_the_grammar() {
    let mut sample = Sample::healthy(LARGE);
    sample.keys("?");
    check("help-120x36", &sample, &dark());
}

#[test]
fn what_has_no_launcher_is_told_in_parentheses() {
    let mut sample = Sample::healthy(LARGE);
    sample.model.no_launcher = Some("the nodes were started by hand".to_owned());
    let screen = text(&drawn(&sample, &dark()));
    assert!(screen.contains("(k kill)  (r restart)  (z pause)  x cut"), "{screen}");
    assert!(screen.contains("the nodes were started by hand"), "{screen}");
}

#[test]
fn without_colours_no_cell_has_one() {
    for theme in [Theme::Dark, Theme::Light] {
        let buffer = drawn(&Sample::eventful(LARGE), &Look::new(theme, Depth::None, false));
        assert!(buffer.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    }
}

#[test]
fn the_light_theme_leaves_no_cell_on_a_dark_ground() {
    let buffer = drawn(&Sample::eventful(LARGE), &Look::new(Theme::Light, Depth::True, false));
    assert!(buffer.content.iter().all(|cell| cell.bg == Color::Rgb(0xFF, 0xFF, 0xFF)));
    assert!(buffer.content.iter().all(|cell| cell.fg != Color::Reset));
}

#[test]
fn final_intermediate_and_truncated_differ_in_colour_too() {
    let buffer = drawn(&Sample::eventful(LARGE), &dark());
    assert_eq!(cells_of(&buffer, "[ x=1 ]")[0].fg, Color::Rgb(0x00, 0x9E, 0x73));
    assert_eq!(cells_of(&buffer, "┆ y=7 ┆")[0].fg, Color::Rgb(0xE6, 0x9F, 0x00));
    let truncated = cells_of(&buffer, "~ q=1 ~");
    assert_eq!(truncated[2].fg, Color::Rgb(0xD5, 0x5E, 0x00));
    assert!(truncated[2].modifier.contains(Modifier::CROSSED_OUT));
    assert!(!truncated[0].modifier.contains(Modifier::CROSSED_OUT));
}

#[test]
fn a_dead_node_is_grey() {
    let mut sample = Sample::healthy(LARGE);
    sample.send(Msg::Observed(NodeId(1), Observed::Disconnected("killed".to_owned())));
    let buffer = drawn(&sample, &dark());
    assert_eq!(cells_of(&buffer, "[ x=1 ]")[0].fg, Color::Rgb(0x8F, 0x8F, 0x8F));
}

#[test]
fn the_mode_is_seen_from_afar() {
    let mut sample = Sample::healthy(MIDDLE);
    assert!(cells_of(&drawn(&sample, &dark()), "[CONTROL]")[0].modifier.contains(Modifier::REVERSED));
    sample.keys("i");
    assert!(cells_of(&drawn(&sample, &dark()), "[TYPE]")[0].modifier.contains(Modifier::REVERSED));
}

#[test]
fn quitting_says_that_the_nodes_are_being_ended() {
    let mut sample = Sample::healthy(SMALL);
    assert_eq!(sample.keys("q"), [Effect::Quit]);
    assert!(text(&drawn(&sample, &dark())).contains("ending"));
}

/// Step mode with a waiting push to each replica.
fn stepping(size: (u16, u16)) -> Sample {
    let mut sample = Sample::healthy(size);
    sample.keys("t");
    (1..=4).for_each(|id| sample.tell(id, Fact::StepOn { every: 0 }));
    sample.propose("z", "3");
    for to in 2..=4 {
        let number = sample.sent(1, to, "push", None, 1);
        let since = Some(u64::from(to as u32) * 1_000);
        let what = Some("e1·o3 after e1·o2".into());
        let (from, to) = (NodeId(1), NodeId(to));
        sample.tell(to.0, Fact::MessageHeld { from, to, number, kind: "push".into(), what, since });
    }
    sample.after(4_000);
    sample
}

#[test]
fn step_mode_lists_what_waits_and_says_that_timers_stand_still() {
    check("step-120x36", &stepping(LARGE), &dark());
    check("step-80x24", &stepping(MIDDLE), &dark());
    check("step-60x18", &stepping(SMALL), &dark());
}

#[test]
fn keys_of_step_mode_are_the_lines_that_could_be_typed() {
    let line = |effects: Vec<Effect>| match effects.first() {
        Some(Effect::Execute { command, .. }) => command.clone(),
        other => panic!("nothing is done: {other:?}"),
    };
    let typed = |line: &str| crate::command::parse_line(line).expect("it is a command");
    let number = |sample: &Sample, row: usize| {
        let waiting = crate::console::model::step_mode::waiting(&sample.model);
        waiting[row].id.number
    };
    let mut sample = stepping(MIDDLE);
    assert_eq!(line(sample.keys(".")), typed("deliver next"));
    assert_eq!(line(sample.key(KeyCode::PageDown)), typed("deliver next"), "a presenter's clicker");
    assert_eq!(line(sample.keys("t")), typed("step off"));
    sample.key(KeyCode::Down);
    let id = format!("1-3-{}", number(&sample, 1));
    assert_eq!(line(sample.keys("d")), typed(&format!("deliver {id}")));
    assert_eq!(line(sample.keys("w")), typed(&format!("discard {id}")));
    assert_eq!(line(sample.keys("a")), typed(&format!("delay-message {id} 3000")));
    assert_eq!(line(sample.keys("u")), typed(&format!("duplicate {id}")));

    let gone = Fact::MessageDiscarded {
        from: NodeId(1),
        to: NodeId(3),
        number: number(&sample, 1),
        kind: "push".into(),
        why: "by-hand".into(),
    };
    sample.tell(3, gone);
    let next = format!("deliver 1-4-{}", number(&sample, 1));
    assert_eq!(line(sample.keys("d")), typed(&next), "the next one took its place");
}

#[test]
fn without_step_mode_its_keys_say_so() {
    let mut sample = Sample::healthy(MIDDLE);
    assert!(sample.keys(".").is_empty());
    assert!(text(&drawn(&sample, &dark())).contains("step mode is off"));
}

/// Positions of the marks of final cells in the log table.
fn marks(buffer: &Buffer) -> Vec<(usize, usize)> {
    let rows = buffer.content.chunks(usize::from(buffer.area.width)).take(14).enumerate();
    let cells = |cells: &[Cell]| {
        let marks = cells.iter().enumerate().filter(|(_, cell)| ["[", "]", "┃"].contains(&cell.symbol()));
        marks.map(|(column, _)| column).collect::<Vec<_>>()
    };
    rows.flat_map(|(row, line)| cells(line).into_iter().map(move |column| (row, column))).collect()
}

#[test]
fn wide_characters_take_their_own_cell_and_no_other() {
    for size in [LARGE, MIDDLE] {
        let shown = |key: &str| {
            let mut sample = Sample::healthy(size);
            sample.write(key, "x", &[2, 3, 4]);
            sample.write("z", "1", &[2, 3, 4]);
            drawn(&sample, &dark())
        };
        let narrow = shown("abcdefghijklmnopq");
        for key in ["⚠️⚠️⚠️⚠️⚠️⚠️", "日本語日本語日本語", "🚀🚀🚀🚀🚀🚀🚀🚀", "👨\u{200d}👩\u{200d}👧👨\u{200d}👩"]
        {
            let wide = shown(key);
            assert_eq!(marks(&wide), marks(&narrow), "{key}:\n{}", text(&wide));
        }
    }
}

#[test]
fn keys_that_differ_in_what_is_not_seen_differ_on_the_screen() {
    let shown = |key: &str| {
        let mut sample = Sample::healthy(LARGE);
        sample.write(key, "1", &[2, 3, 4]);
        ["narration", "events", "final db"].map(|_| {
            sample.key(KeyCode::Tab);
            text(&drawn(&sample, &dark()))
        })
    };
    let keys = ["ab", "a\u{200b}b", "\u{202e}ab", "\\u{202e}ab", "ab ", "a\u{a0}b"];
    let screens: Vec<_> = keys.iter().map(|key| shown(key)).collect();
    for (index, screen) in screens.iter().enumerate() {
        assert!(!screen.iter().any(|screen| screen.contains(['\u{200b}', '\u{202e}', '\u{a0}'])), "{:?}", keys[index]);
        assert!(screens[..index].iter().all(|other| other[0] != screen[0]), "{:?} looks like another", keys[index]);
    }
}

#[test]
fn a_long_value_is_cut_between_characters() {
    let mut sample = Sample::healthy(LARGE);
    sample.write("k", &"日本語".repeat(50), &[2, 3, 4]);
    for _ in 0..6 {
        let screen = text(&drawn(&sample, &dark()));
        assert!(!screen.contains("\\x") && !screen.contains("\\u"), "{screen}");
        sample.key(KeyCode::Tab);
    }
}

#[test]
fn a_value_that_is_read_whole_stands_over_the_panes() {
    for (name, size) in [("120x36", LARGE), ("80x24", MIDDLE)] {
        let mut sample = Sample::healthy(size);
        sample.keys("iget story");
        sample.key(KeyCode::Enter);
        let value = "A value of several lines.\n\tWith a tab, 日本語 and \u{200b}.\n".repeat(30);
        done(&mut sample, 1, &[&value, "e1·o3, revision 4"]);
        check(&format!("value-{name}"), &sample, &dark());
    }
}
