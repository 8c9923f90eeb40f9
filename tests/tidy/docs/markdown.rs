//! A minimal Markdown parser for the checks: paragraphs, code blocks, code spans, links and the anchors of headings.
//!
//! Left out: nested lists, reference links and HTML, which the documents do not use.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One Markdown file.
pub struct Page {
    /// From the top of the repository, with `/`.
    pub path: String,
    pub text: String,
}

/// A piece of a page: lines that belong together, joined by spaces, or one line of a table or of a code block.
pub struct Piece {
    /// The number of its first line, from 1.
    pub line: usize,
    pub text: String,
    /// The language of the code block that it is in.
    pub code: Option<String>,
}

impl Page {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Page {
        Page { path: path.into(), text: text.into() }
    }

    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut code, mut joins): (Option<String>, bool) = (None, false);
        for (index, text) in self.text.lines().enumerate() {
            let trimmed = text.trim_start();
            if let Some(language) = trimmed.strip_prefix("```") {
                code = if code.is_some() { None } else { Some(language.to_owned()) };
                joins = false;
                continue;
            }
            if code.is_none() && joins && !text.trim().is_empty() && !begins_a_piece(text) {
                let last = pieces.last_mut().expect("a piece joins another one");
                last.text = format!("{} {trimmed}", last.text);
                continue;
            }
            joins = code.is_none() && !text.trim().is_empty() && !text.starts_with(['#', '|']);
            pieces.push(Piece { line: index + 1, text: text.to_owned(), code: code.clone() });
        }
        pieces
    }

    /// All code spans outside of code blocks, with their lines.
    pub fn spans(&self) -> Vec<(usize, String)> {
        let prose = self.pieces().into_iter().filter(|piece| piece.code.is_none());
        prose.flat_map(|piece| split(&piece.text).1.into_iter().map(move |span| (piece.line, span))).collect()
    }

    /// The targets of all links and pictures, with their lines.
    pub fn links(&self) -> Vec<(usize, String)> {
        let prose = self.pieces().into_iter().filter(|piece| piece.code.is_none());
        let links = |piece: Piece| {
            let text = split(&piece.text).0;
            let ends: Vec<String> =
                text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap_or("").to_owned()).collect();
            ends.into_iter().map(move |target| (piece.line, target))
        };
        prose.flat_map(links).collect()
    }

    /// The anchors that GitHub gives the headings.
    pub fn anchors(&self) -> Vec<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let prose = self.pieces().into_iter().filter(|piece| piece.code.is_none());
        let headings = prose.filter(|piece| piece.text.starts_with('#'));
        let anchor = |piece: Piece| {
            let slug = slug(piece.text.trim_start_matches('#').trim());
            let before = seen.entry(slug.clone()).or_insert(0);
            *before += 1;
            if *before == 1 { slug } else { format!("{slug}-{}", *before - 1) }
        };
        headings.map(anchor).collect()
    }
}

/// Whether a line of prose belongs to no line above it.
fn begins_a_piece(line: &str) -> bool {
    let text = line.trim_start();
    let is_item = |text: &str| text.starts_with("- ") || text.starts_with("* ");
    let is_numbered = text.split_once(". ").is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    text.starts_with(['#', '|']) || is_item(text) || is_numbered
}

/// The text without its code spans, and the spans.
fn split(text: &str) -> (String, Vec<String>) {
    let (mut outside, mut spans) = (String::new(), Vec::new());
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 0 { outside.push_str(part) } else { spans.push(part.to_owned()) }
    }
    (outside, spans)
}

/// GitHub's rule: lower case; letters, digits, spaces, `-` and `_` stay; spaces become `-`. A link counts with its
/// text.
pub fn slug(heading: &str) -> String {
    let mut text = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let stays = |character: &char| character.is_alphanumeric() || " -_".contains(*character);
    text.to_lowercase().chars().filter(stays).map(|character| if character == ' ' { '-' } else { character }).collect()
}

/// All Markdown files of the repository.
pub fn pages(top: &Path) -> Vec<Page> {
    let mut pages = Vec::new();
    collect(top, top, &mut pages);
    pages.sort_by(|one, other| one.path.cmp(&other.path));
    pages
}

fn collect(top: &Path, folder: &Path, pages: &mut Vec<Page>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !["target", "epoca-data", ".git"].contains(&&name[..]) {
            collect(top, &path, pages);
        } else if name.ends_with(".md") {
            let below = path.strip_prefix(top).expect("it is below the top folder");
            let below = below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            pages.push(Page::new(below, fs::read_to_string(&path).expect("a document is text")));
        }
    }
}

#[test]
fn anchors_follow_githubs_rule() {
    let page = Page::new(
        "a.md",
        "# One *two*: `three`!\n\n## One two three\n\n```sh\n# no heading\n```\n\n\
         ## [Öne](x.md) _b_\n## One two three\n",
    );
    assert_eq!(page.anchors(), ["one-two-three", "one-two-three-1", "öne-_b_", "one-two-three-2"]);
}

#[test]
fn links_and_spans_may_begin_in_one_line_and_end_in_another() {
    let page = Page::new(
        "a.md",
        "Text `cargo\ntest` and [a\nlink](b.md#c),\n- item [d](e) `[no](link)`\n\
         | `x` | [f](g) |\n```text\n[h](i)\n```\n",
    );
    assert_eq!(page.links(), [(1, "b.md#c".to_owned()), (4, "e".to_owned()), (5, "g".to_owned())]);
    let spans: Vec<String> = page.spans().into_iter().map(|(_, span)| span).collect();
    assert_eq!(spans, ["cargo test", "[no](link)", "x"]);
}
