//! `epoca notes`: follows the speaker notes of the defense that a console shows. On a terminal it fills the screen
//! until q or Ctrl-C; otherwise it prints the present page once.

use std::io::{self, IsTerminal, Stdout, stdout};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::text::Text as Lines;
use ratatui::widgets::{Paragraph, Wrap};

use super::{NoPage, Page, read, screen};
use crate::command::signals::termination;
use crate::command::{Exit, Outcome, Tone};
use crate::lang::{Lang, Localized, localized};

/// How often the file and the keyboard are looked at.
const POLL_EVERY: Duration = Duration::from_millis(100);
/// Rows that a page may be scrolled up: more than any page has on a narrow terminal.
const SCROLL_MAX: u16 = 60;

/// Follows the notes in a cluster's data folder.
pub async fn run(lang: Option<Lang>, folder: &Path) -> Outcome {
    if !stdout().is_terminal() || !io::stdin().is_terminal() {
        return print(lang, folder);
    }
    let terminated = match termination() {
        Ok(terminated) => terminated,
        Err(outcome) => return outcome,
    };
    let mut terminal = match ratatui::try_init() {
        Ok(terminal) => terminal,
        Err(error) => return Outcome::error(Exit::NotDone, "no_terminal", no_terminal(&error)),
    };
    let ended = tokio::select! {
        ended = follow(lang, folder, &mut terminal) => ended,
        () = terminated => Ok(()),
    };
    ratatui::restore();
    match ended {
        Ok(()) => Outcome::done(serde_json::Value::Null),
        Err(error) => Outcome::error(Exit::NotDone, "no_terminal", no_terminal(&error)),
    }
}

fn print(lang: Option<Lang>, folder: &Path) -> Outcome {
    match read(folder) {
        Ok(page) => {
            let lang = lang_of(lang, &page);
            let json = serde_json::to_value(&page).unwrap_or_default();
            Outcome::done(json).lines(Tone::Result, screen::plain(&page, lang, elapsed(&page)))
        }
        Err(why) => Outcome::error(Exit::NotDone, "no_defense", no_page(folder, &why)),
    }
}

/// Draws again when the page or the elapsed second has changed.
async fn follow(
    lang: Option<Lang>,
    folder: &Path,
    terminal: &mut Terminal<CrosstermBackend<Stdout>>,
) -> io::Result<()> {
    let (mut drawn, mut scrolled, mut title) = (None, 0, None);
    loop {
        let page = read(folder);
        if title != page.as_ref().ok().map(|page| page.title.clone()) {
            (scrolled, title) = (0, page.as_ref().ok().map(|page| page.title.clone()));
        }
        let text = match &page {
            Ok(page) => screen::styled(page, lang_of(lang, page), elapsed(page)),
            Err(why) => Lines::from(no_page(folder, why).to(lang.unwrap_or_else(Lang::of_process)).to_owned()),
        };
        if drawn.as_ref() != Some(&(text.clone(), scrolled)) {
            terminal.draw(|frame| {
                let paragraph = Paragraph::new(text.clone()).wrap(Wrap { trim: false }).scroll((scrolled, 0));
                frame.render_widget(paragraph, frame.area());
            })?;
            drawn = Some((text, scrolled));
        }
        while event::poll(Duration::ZERO)? {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    let is_interrupt = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
                    match key.code {
                        KeyCode::Char('q') => return Ok(()),
                        _ if is_interrupt => return Ok(()),
                        KeyCode::Down => scrolled = (scrolled + 1).min(SCROLL_MAX),
                        KeyCode::Up => scrolled = scrolled.saturating_sub(1),
                        _ => {}
                    }
                }
                Event::Resize(..) => drawn = None,
                _ => {}
            }
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

fn lang_of(lang: Option<Lang>, page: &Page) -> Lang {
    let of_console = if page.lang == Lang::Portuguese.code() { Lang::Portuguese } else { Lang::English };
    lang.unwrap_or(of_console)
}

fn elapsed(page: &Page) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_millis(page.begun_unix_ms))
}

fn no_page(folder: &Path, why: &NoPage) -> Localized {
    let folder = folder.display();
    match why {
        NoPage::NoTour => localized!(
            "no defense runs on {folder}: press D in the console of that cluster, or start epoca defend",
            "nenhuma defesa em andamento em {folder}: aperte D no console desse cluster, ou inicie epoca defend"
        ),
        NoPage::Unreadable(error) => localized!(
            "the notes in {folder} cannot be read: {error}",
            "não foi possível ler as notas em {folder}: {error}"
        ),
    }
}

fn no_terminal(error: &io::Error) -> Localized {
    localized!("the terminal cannot be used: {error}", "o terminal não pode ser usado: {error}")
}
