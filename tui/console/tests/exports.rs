//! Exports of a recording show what the console shows, at every moment, and are harmless for any values.

use std::collections::BTreeMap;
use std::num::NonZero;

use ratatui::buffer::Buffer;
use serde_json::Value;

use crate::console::export::tests_access::{page_data, page_with_limit, screen_of};
use crate::console::export::{ExportOptions, to_asciicast, to_page, to_svg};
use crate::console::tests::drawing::{LARGE, text};
use crate::console::tests::sample::{Sample, records};
use crate::console::theme::Theme;
use crate::lang::Lang;
use crate::tape::{Record, read};

const OPTIONS: ExportOptions = ExportOptions {
    lang: Lang::English,
    theme: Theme::Dark,
    ascii: false,
    present: false,
    size: LARGE,
    speed: 100,
    at: None,
};

/// A value that ends a script, opens a tag, changes the writing direction, and is wide.
const HOSTILE: &str = "</script><b>\u{202e}日&\"'";

fn eventful() -> Vec<Record> {
    let mut sample = Sample::eventful(LARGE);
    sample.propose("evil", HOSTILE);
    records(&sample.model)
}

/// The data inside of the page.
fn embedded(page: &str) -> Value {
    let (_, rest) = page.split_once("<script id=\"data\" type=\"application/json\">").expect("the page has its data");
    let (data, _) = rest.split_once("</script>").expect("the data end");
    serde_json::from_str(data).expect("the data are JSON")
}

/// The parts after a number of steps, as the script of the page applies them. Ranks become places.
fn parts(data: &Value, steps: usize) -> BTreeMap<String, Value> {
    let mut parts = BTreeMap::new();
    for step in &data["steps"].as_array().expect("steps")[..steps] {
        for (name, value) in step[1].as_object().expect("a difference") {
            if value.is_null() {
                parts.remove(name)
            } else {
                parts.insert(name.clone(), value.clone())
            };
        }
    }
    for kind in ["n/", "s/"] {
        let of_kind = parts.iter().filter(|(name, _)| name.starts_with(kind));
        let mut ranks: Vec<_> = of_kind.map(|(name, value)| (value["z"].as_u64(), name.clone())).collect();
        ranks.sort();
        for (place, (_, name)) in ranks.into_iter().enumerate() {
            parts.get_mut(&name).expect("it is there")["z"] = place.into();
        }
    }
    parts
}

#[test]
fn the_data_of_the_page_are_what_the_model_shows_at_every_moment() {
    let data = embedded(&to_page("demo", eventful(), &OPTIONS).expect("a page"));
    let steps = data["steps"].as_array().expect("steps").len();
    assert!(steps > 60, "{steps}");
    for step in (1..=steps).step_by(7).chain([steps]) {
        let alone = page_data("demo", eventful(), &OPTIONS, step as u64);
        assert_eq!(parts(&data, steps.min(step)), parts(&alone, 1), "event {step}");
    }
}

#[test]
fn the_recording_of_the_demo_has_a_page_with_every_cell_line_and_mark() {
    let demo = read(std::path::Path::new(".assets/demo.epoca.jsonl")).expect("the demo can be read").records;
    let data = embedded(&to_page("demo", demo, &OPTIONS).expect("a page"));
    let last = parts(&data, data["steps"].as_array().expect("steps").len());
    let count = |kind: &str| last.keys().filter(|name| name.starts_with(kind)).count();
    assert_eq!(count("r/"), 4);
    assert_eq!(count("c/"), 4 * count("h/"));
    assert!(count("n/") > 50 && count("s/") > 50 && count("k/") > 10 && count("o/") > 5, "{last:?}");
    assert!(data["marks"].as_array().is_some_and(|marks| marks.len() > 50));
    let lines = last.iter().filter(|(name, _)| name.starts_with("n/"));
    let explained = lines.filter_map(|(_, line)| line["e"].as_str()).all(|name| data["explained"][name].is_object());
    assert!(explained, "every line has its explanation");
}

#[test]
fn a_hostile_value_stays_text_in_the_page() {
    let page = to_page("<script>alert(1)</script>\u{202e}", eventful(), &OPTIONS).expect("a page");
    let ours = page.matches("<script").count();
    assert_eq!((ours, page.matches("</script>").count()), (3, 3), "one for the data, two for the script");
    assert!(!page.contains('\u{202e}'), "the direction of writing stays");
    let shown = embedded(&page).to_string();
    assert!(shown.contains("</script><b>\\\\u{202e}日"), "{shown}");
}

#[test]
fn the_page_loads_nothing() {
    let page = to_page("demo", eventful(), &OPTIONS).expect("a page");
    for outside in [" src=", " href=", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML", "eval("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let addresses = page.matches("http").count() - page.matches("http-equiv").count();
    assert_eq!(addresses, page.matches("http://www.w3.org/2000/svg").count());
}

#[test]
fn the_page_speaks_the_language_that_is_asked_for() {
    let options = ExportOptions { lang: Lang::Portuguese, ..OPTIONS };
    let page = to_page("demo", eventful(), &options).expect("a page");
    assert!(page.contains("<html lang=\"pt-BR\">") && page.contains("Narração"), "{}", &page[..400]);
    assert!(embedded(&page).to_string().contains("a maioria tem"));
}

/// The screen that a terminal shows after the first `lines` lines of an asciicast, and the time of the last.
fn played(cast: &str, lines: usize) -> (String, f64) {
    let (columns, rows) = LARGE;
    let mut terminal = vt100::Parser::new(NonZero::new(rows).unwrap(), NonZero::new(columns).unwrap(), 0);
    let mut time = 0.0;
    for line in cast.lines().skip(1).take(lines) {
        let event: Value = serde_json::from_str(line).expect("a line is JSON");
        assert!(event[0].as_f64() >= Some(time), "times grow: {line}");
        time = event[0].as_f64().expect("a time");
        assert_eq!(event[1], "o");
        terminal.process(event[2].as_str().expect("output").as_bytes());
    }
    let rows = terminal.screen().rows(0, columns).map(|row| row.trim_end().to_owned());
    (rows.collect::<Vec<_>>().join("\n"), time)
}

/// The text of a screen as a terminal reads it back: a wide character takes its second column.
fn read_back(buffer: &Buffer) -> String {
    text(buffer).replace("日 ", "日")
}

#[test]
fn a_terminal_that_plays_the_asciicast_shows_the_screens_of_the_console() {
    let cast = to_asciicast("demo", eventful(), &OPTIONS).expect("an asciicast");
    let header: Value = serde_json::from_str(cast.lines().next().expect("a header")).expect("JSON");
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&2.into(), &120.into(), &36.into()));
    let (first, _) = played(&cast, 1);
    assert!(first.contains("event 1/"), "{first}");
    let (last, time) = played(&cast, usize::MAX);
    let (_, buffer) = screen_of("demo", eventful(), &OPTIONS, None);
    // The tape shows the playback, the prompt that the recording ends.
    let cluster = |screen: &str| {
        let rows = screen.lines().take_while(|row| !row.contains("COMMAND")).filter(|row| !row.contains("TAPE"));
        rows.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(last.contains("the recording ends here"), "{last}");
    assert_eq!(cluster(&last), cluster(&read_back(&buffer)), "{last}");
    assert!(time > 3.0, "the pace is that of the recording: {time}");
}

#[test]
fn an_asciicast_at_twice_the_speed_takes_half_the_time() {
    let time =
        |speed| played(&to_asciicast("demo", eventful(), &ExportOptions { speed, ..OPTIONS }).unwrap(), 10_000).1;
    let (once, twice) = (time(100) - 2.0, time(1_600) - 2.0);
    assert!(twice < once / 2.0, "{once} and {twice}");
}

#[test]
fn the_picture_of_a_moment_has_every_text_at_its_column() {
    let options = ExportOptions { at: Some(40), ..OPTIONS };
    let picture = to_svg("a<b", eventful(), &options).expect("a picture");
    let (title, buffer) = screen_of("a<b", eventful(), &options, Some(40));
    assert!(picture.contains("a&lt;b"), "the name is escaped");
    assert_eq!(title, (40, 40));
    for (row, line) in text(&buffer).lines().enumerate() {
        for word in line.split("  ").map(str::trim).filter(|word| word.len() > 6 && word.is_ascii()) {
            let word = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
            let part = word.split_whitespace().max_by_key(|part| part.len()).unwrap_or_default();
            assert!(picture.contains(part), "row {row}: {part}\n{picture}");
        }
    }
    let runs = picture.matches("<text").count();
    assert!(runs > 40 && picture.matches("textLength=").count() == runs);
    assert!(picture.contains("#009e73") && picture.ends_with("</svg>\n"));
}

#[test]
fn a_wide_character_in_a_picture_takes_two_columns_and_hostile_text_stays_text() {
    let picture = to_svg("demo", eventful(), &OPTIONS).expect("a picture");
    let wide = picture.lines().find(|line| line.contains('日')).expect("the value is on the screen");
    assert!(wide.contains("textLength=\"16.8\""), "{wide}");
    assert!(!picture.contains("</script>") && !picture.contains('\u{202e}'));
}

#[test]
fn what_cannot_be_exported_is_said() {
    let said = |options: &ExportOptions| {
        to_svg("demo", eventful(), options).expect_err("it is refused").to(Lang::English).to_owned()
    };
    assert!(said(&ExportOptions { at: Some(9_999), ..OPTIONS }).starts_with("there is no event 9999"));
    assert!(said(&ExportOptions { size: (20, 5), ..OPTIONS }).contains("at least 60x18"));
    assert_eq!(to_page("demo", Vec::new(), &OPTIONS).unwrap_err().to(Lang::English), "the recording shows no event");
}

#[test]
fn a_page_that_would_be_too_large_is_refused_with_its_place() {
    let why = page_with_limit("demo", eventful(), &OPTIONS, 20_000).expect_err("it has more data");
    let said = why.to(Lang::English);
    assert!(
        said.starts_with("the page would have more than 0 MB: it holds ") && said.contains(" of 317 events"),
        "{said}"
    );
}
