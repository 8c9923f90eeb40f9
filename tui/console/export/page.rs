//! One HTML file that plays a recording in a browser. It loads nothing: style, script and data are inside. The script
//! shows parts that [`Moments`] has computed; it knows nothing of the protocol.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value, json};

use crate::console::export::filled;
use crate::console::export::moments::{Delta, Moments, shown};
use crate::console::model::Model;
use crate::console::theme::{Look, Theme, css_colours, role};
use crate::console::update::show_step;
use crate::console::view::parts;
use crate::console::words::export as words;
use crate::lang::{Lang, Localized, Text, choose};
use crate::tape::What;

/// The greatest size of the data, in bytes. A browser reads this much in a second or two.
const DATA_BYTES_MAX: usize = 32_000_000;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: [&str; 2] = [include_str!("page/tape.js"), include_str!("page/draw.js")];

/// The texts that the script puts on the page.
const TEXTS: [(&str, Text); 7] = [
    ("client", words::CLIENT),
    ("play", words::PLAY),
    ("pause", words::PAUSE),
    ("event", words::EVENT),
    ("older", words::OLDER),
    ("nothing", words::NOTHING),
    ("close", words::CLOSE),
];

/// The page of a loaded recording.
pub fn page(model: &mut Model, name: &str) -> Result<String, Localized> {
    let data = data(model, name, DATA_BYTES_MAX)?;
    let say = |text: Text| model.say(text);
    let button = |id: &str, label: &str, title: Text| {
        html! { button id=(id) title=(say(title)) aria-label=(say(title)) { (label) } }
    };
    let page = html! {
        (DOCTYPE)
        html lang=(choose(model.lang, "en", "pt-BR")) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
                title { "Epoca: " (shown(name)) }
                style { (PreEscaped(style())) }
            }
            body {
                header { h1 { "epoca" } p #name { (shown(name)) } p #cluster {} }
                section #tape aria-label=(say(words::EVENT)) {
                    (button("back-mark", "{", words::PREVIOUS)) (button("back", "[", words::BACK))
                    (button("play", "▶", words::PLAY))
                    (button("forward", "]", words::FORWARD)) (button("next-mark", "}", words::NEXT))
                    (button("slower", "−", words::SLOWER)) span #speed { "1×" } (button("faster", "+", words::FASTER))
                    span #place {}
                    input #slider type="range" min="1" aria-label=(say(words::EVENT));
                    div #marks {}
                    p #mark {}
                }
                noscript { p { (say(words::NEEDS_SCRIPT)) } }
                main {
                    section #logs-pane { h2 { (say(words::LOGS)) (legend(say(words::LEGEND))) } div #logs {} }
                    section #space-pane { h2 { (say(words::SPACE_TIME)) } div #space {} p #detail {} }
                    section #narration-pane {
                        h2 { (say(words::NARRATION)) small { (say(words::EXPLAIN)) } }
                        div #narration {}
                        div #explanation hidden {}
                    }
                    @if model.run_shown().is_some() {
                        section #scenario-pane { h2 { (say(words::SCENARIO)) } div #scenario {} }
                    }
                    section #checks-pane { h2 { (say(words::CHECKS)) } div #checks {} }
                    section #operations-pane { h2 { (say(words::OPERATIONS)) } div #operations {} }
                }
                footer { (say(words::KEYS)) }
                script #data type="application/json" { (PreEscaped(in_script(&data))) }
                @for script in SCRIPT { script { (PreEscaped(script)) } }
            }
        }
    };
    Ok(page.into_string())
}

/// The shapes of the log table, which stand apart by three spaces.
fn legend(shapes: &str) -> Markup {
    html! { small { @for shape in shapes.split("   ") { span { (shape) } } } }
}

fn style() -> String {
    let (dark, light) = (css_colours(Theme::Dark), css_colours(Theme::Light));
    format!(":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{STYLE}")
}

/// JSON that no browser takes for the end of the script. A `<` is only inside of its strings.
fn in_script(data: &Value) -> String {
    data.to_string().replace('<', "\\u003c")
}

/// All moments as differences, with the marks of the tape and the explanations.
pub fn data(model: &mut Model, name: &str, bytes_max: usize) -> Result<Value, Localized> {
    let (first, of, _) = model.tape.position();
    let mut moments = Moments::new();
    let mut steps = Vec::new();
    let mut bytes = 0;
    for step in 1..=of {
        show_step(model, step);
        let time = model.tape.time(model.tape.at()).unwrap_or_default();
        let delta = moments.next(model);
        bytes += size(&delta);
        if bytes > bytes_max {
            let megabytes = bytes_max / 1_000_000;
            return Err(filled(words::TOO_LARGE, &[("megabytes", &megabytes), ("step", &step), ("of", &of)]));
        }
        steps.push(json!([time.as_millis() as u64, delta]));
    }
    let nodes: Vec<_> = model.nodes.keys().map(|node| node.0).collect();
    let words: Map<_, _> = TEXTS.iter().map(|(name, text)| ((*name).to_owned(), json!(model.say(*text)))).collect();
    Ok(json!({
        "name": shown(name),
        "first": first,
        "nodes": nodes,
        "steps": steps,
        "marks": marks(model),
        "explained": explained(&moments, model.lang),
        "words": words,
    }))
}

fn size(delta: &Delta) -> usize {
    delta.iter().map(|(name, value)| name.len() + value.to_string().len() + 4).sum()
}

/// Each mark with its step, label, role and text.
fn marks(model: &Model) -> Vec<Value> {
    let look = Look::of_roles();
    let marks = model.tape.marks().iter().map(|mark| {
        let (label, style) = parts::mark(model, mark, &look);
        let record = model.tape.ring.get(mark.at.saturating_sub(1));
        let text = match record.map(|record| &record.what) {
            Some(What::Mark(record)) => {
                let of_scenario = model.scenarios.mark_text(mark.at, &record.text, model.lang);
                shown(of_scenario.as_deref().unwrap_or(record.text.trim()))
            }
            _ => String::new(),
        };
        json!([model.tape.steps_before(mark.at), shown(&label), role(style), text])
    });
    marks.collect()
}

fn explained(moments: &Moments, lang: Lang) -> Map<String, Value> {
    let explained = moments.explained.iter().map(|(name, explanation)| {
        let body: Vec<_> = explanation.body.iter().map(|text| text.to(lang)).collect();
        let value = json!({"t": explanation.title.to(lang), "b": body, "s": explanation.source.to(lang)});
        ((*name).to_owned(), value)
    });
    explained.collect()
}
