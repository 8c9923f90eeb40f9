//! A page of speaker notes as text: for a terminal, and as plain lines.

use std::time::Duration;

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span, Text as Lines};

use super::{Both, Page, State};
use crate::lang::{Lang, Text, text};

const NOW: Text = text("NOW", "AGORA");
const LOOK: Text = text("LOOK AT", "OLHE PARA");
const SAY: Text = text("SAY", "DIGA");
const QUESTION: Text = text("THE QUESTION HERE", "A PERGUNTA AQUI");
const SHOWS: Text =
    text("Q in the console shows the answer on the cluster.", "Q no console mostra a resposta no cluster.");
const NEXT: Text = text("NEXT", "A SEGUIR");
const STEP: Text = text("Step {place} of {all}", "Passo {place} de {all}");
const ASKED: Text = text("A question", "Uma pergunta");
const END: Text = text("the end of the defense", "o fim da defesa");

const fn state(state: State) -> Text {
    match state {
        State::Ready => text("n runs it", "n executa"),
        State::Runs => text("running", "executando"),
        State::Waits => text("n goes on", "n continua"),
        State::Done => text("shown; n: next", "mostrado; n: próximo"),
    }
}

/// One paragraph with its caption.
struct Part {
    caption: Text,
    lines: Vec<String>,
}

fn parts(page: &Page, lang: Lang) -> Vec<Part> {
    let one = |caption: Text, both: &Both| Part { caption, lines: vec![both.to(lang).to_owned()] };
    let mut parts = vec![one(NOW, &page.now), one(LOOK, &page.look), one(SAY, &page.say)];
    if !page.question.to(lang).is_empty() {
        let mut lines = vec![page.question.to(lang).to_owned(), page.answer.to(lang).to_owned()];
        // At the question itself the console shows it already.
        lines.extend(page.place.map(|_| SHOWS.to(lang).to_owned()));
        parts.push(Part { caption: QUESTION, lines });
    }
    let next = if page.next.to(lang).is_empty() { END.to(lang) } else { page.next.to(lang) };
    parts.push(Part { caption: NEXT, lines: vec![next.to_owned()] });
    parts.retain(|part| part.lines.iter().any(|line| !line.is_empty()));
    parts
}

/// The place, what it waits for, and the time since the tour began.
fn head(page: &Page, lang: Lang, elapsed: Duration) -> String {
    let place = match page.place {
        Some((place, all)) => STEP.with(lang, &[("place", &place), ("all", &all)]),
        None => ASKED.to(lang).to_owned(),
    };
    let seconds = elapsed.as_secs();
    format!("{place}   {:02}:{:02}   {}", seconds / 60, seconds % 60, state(page.state).to(lang))
}

pub fn plain(page: &Page, lang: Lang, elapsed: Duration) -> Vec<String> {
    let mut lines = vec![head(page, lang, elapsed), page.title.to(lang).to_owned()];
    for part in parts(page, lang) {
        lines.extend([String::new(), part.caption.to(lang).to_owned()]);
        lines.extend(part.lines.into_iter().map(|line| format!("  {line}")));
    }
    lines
}

pub fn styled(page: &Page, lang: Lang, elapsed: Duration) -> Lines<'static> {
    let strong = Style::new().add_modifier(Modifier::BOLD);
    let mut lines = vec![
        Line::from(Span::styled(head(page, lang, elapsed), strong.add_modifier(Modifier::REVERSED))),
        Line::from(Span::styled(page.title.to(lang).to_owned(), strong)),
    ];
    for part in parts(page, lang) {
        lines.push(Line::default());
        let caption = Span::styled(format!("{}  ", part.caption.to(lang)), strong);
        let mut rows = part.lines.into_iter();
        lines.extend(rows.next().map(|first| Line::from(vec![caption, Span::raw(first)])));
        lines.extend(rows.map(Line::from));
    }
    Lines::from(lines)
}
