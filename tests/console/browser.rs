//! The page of a recording in a real browser, without a screen. Without one installed the tests report it and pass: the
//! data of the page are tested apart.

use std::path::{Path, PathBuf};
use std::process::Command;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn browser() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let found = BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: no browser is installed ({})", BROWSERS.join(", "));
    }
    found
}

fn page(folder: &Path, options: &[&str]) -> PathBuf {
    let page = folder.join("demo.html");
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/.assets/demo.epoca.jsonl");
    let mut epoca = Command::new(env!("CARGO_BIN_EXE_epoca"));
    epoca.args(["replay", recording, "--export", "html", "--out"]).arg(&page).args(options);
    let output = epoca.output().expect("epoca runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    page
}

/// The browser's document after it ran the page for a minute of virtual time.
fn document(browser: &Path, page: &Path, place: &str) -> String {
    let profile = page.with_extension(place.replace('=', "-"));
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    command.arg(format!("file://{}#{place}", page.display()));
    let output = command.output().expect("the browser runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_browser_shows_a_moment_of_the_recording() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let shown = document(&browser, &page(folder.path(), &["--lang", "en"]), "event=400");
    for text in ["event 400/765", ">e1·o5</span>", "HELD n2", "ack e1·o5", "a majority has e1·o5: committed"] {
        assert!(shown.contains(text), "{text} is missing in\n{shown}");
    }
    assert!(
        shown.contains("<span class=\"cell intermediate\"><i>┆</i><b>x=1</b><i>┆</i></span>"),
        "n2 has not applied"
    );
}

#[test]
fn a_browser_plays_the_recording_to_its_end() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let shown = document(&browser, &page(folder.path(), &["--lang", "pt-BR"]), "event=700,play");
    for text in ["evento 765/765", "lang=\"pt-BR\"", "Narração", "a maioria tem"] {
        assert!(shown.contains(text), "{text} is missing in\n{shown}");
    }
}
