//! A recording for other programs: a web page that plays it, an asciicast of the console, a picture of one moment.
//!
//! What is shown is computed by the console's own model, and drawn by its views or from the parts that they expose.

mod asciicast;

mod figures;

mod moments;

mod page;

mod screen;

mod svg;

use crate::console::layout::{COLUMNS_MIN, ROWS_MIN};
use crate::console::model::Model;
use crate::console::theme::{Depth, Look, Theme};
use crate::console::update::{Msg, load, show_step, update};
use crate::console::words::export as words;
use crate::lang::{Lang, Localized, Text};
use crate::tape::{Record, check};

/// How an export looks.
#[derive(Clone, Copy, Debug)]
pub struct ExportOptions {
    pub lang: Lang,
    pub theme: Theme,
    pub ascii: bool,
    /// With the presenter's banner.
    pub present: bool,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// Playback speed in percent.
    pub speed: u32,
    /// The event whose moment is shown; the last one by default.
    pub at: Option<u64>,
}

/// The recording as one HTML file.
pub fn to_page(name: &str, records: Vec<Record>, options: &ExportOptions) -> Result<String, Localized> {
    page::page(&mut opened(name, records, options)?, name)
}

/// The console playing the recording, as an asciicast.
pub fn to_asciicast(name: &str, records: Vec<Record>, options: &ExportOptions) -> Result<String, Localized> {
    let mut model = opened(name, records, options)?;
    model.tape.speed = options.speed;
    Ok(asciicast::asciicast(&mut model, name, &look(options)))
}

/// The screen at a moment, as an SVG picture.
pub fn to_svg(name: &str, records: Vec<Record>, options: &ExportOptions) -> Result<String, Localized> {
    let mut model = opened(name, records, options)?;
    let (_, of, _) = model.tape.position();
    let step = options.at.unwrap_or(of);
    if step == 0 || step > of {
        return Err(filled(words::NO_EVENT, &[("step", &step), ("of", &of)]));
    }
    show_step(&mut model, step);
    let title = format!("epoca {name} {step}/{of}");
    Ok(svg::svg(&screen::drawn(&model, &look(options)), options.theme, &title))
}

/// The console that shows the recording with the result of its checks.
fn opened(name: &str, records: Vec<Record>, options: &ExportOptions) -> Result<Model, Localized> {
    let (columns, rows) = options.size;
    if columns < COLUMNS_MIN || rows < ROWS_MIN {
        return Err(filled(words::TOO_SMALL, &[("columns", &COLUMNS_MIN), ("rows", &ROWS_MIN)]));
    }
    let mut model =
        Model { lang: options.lang, is_presenting: options.present, ..Model::new(options.size, Vec::new()) };
    let verdict = check(&records);
    load(&mut model, name.to_owned(), records);
    update(&mut model, Msg::Checked(Box::new(verdict)));
    if model.tape.position().1 == 0 {
        return Err(words::EMPTY.into());
    }
    Ok(model)
}

fn look(options: &ExportOptions) -> Look {
    Look::new(options.theme, Depth::True, options.ascii)
}

fn filled(text: Text, places: &[(&str, &dyn std::fmt::Display)]) -> Localized {
    Localized::new(text.with(Lang::English, places), text.with(Lang::Portuguese, places))
}

/// What tests compare exports with.
#[cfg(test)]
pub mod tests_access {
    use ratatui::buffer::Buffer;
    use serde_json::{Value, json};

    use super::*;

    /// The data of a page that has one step: the moment after `step`, computed at once.
    pub fn page_data(name: &str, records: Vec<Record>, options: &ExportOptions, step: u64) -> Value {
        let mut model = opened(name, records, options).expect("a recording");
        show_step(&mut model, step);
        json!({"steps": [[0, moments::Moments::new().next(&model)]]})
    }

    /// The data of a page, up to this many bytes.
    pub fn page_with_limit(
        name: &str,
        records: Vec<Record>,
        options: &ExportOptions,
        bytes_max: usize,
    ) -> Result<Value, Localized> {
        page::data(&mut opened(name, records, options)?, name, bytes_max)
    }

    /// The screen of the console at a step, or at the end, with the step before and after it was shown.
    pub fn screen_of(
        name: &str,
        records: Vec<Record>,
        options: &ExportOptions,
        step: Option<u64>,
    ) -> ((u64, u64), Buffer) {
        let mut model = opened(name, records, options).expect("a recording");
        let (_, of, _) = model.tape.position();
        let step = step.unwrap_or(of);
        show_step(&mut model, step);
        ((step, model.tape.position().0), screen::drawn(&model, &look(options)))
    }
}
