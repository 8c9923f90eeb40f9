//! The documents match the sources: links, paths, commands, options and tables.
//!
//! Left out: whether a document's other statements are true, and links to other sites.

mod commands;
mod markdown;
mod tables;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{nothing, top};
use markdown::{Page, pages};

/// The prefixes of paths of this repository in code spans.
const ROOTS: [&str; 7] = ["node/", "tests/", "tui/", "proto/", ".assets/", ".ci/", ".github/"];

/// The greatest width of prose; tables and code blocks may be wider.
const COLUMNS_MAX: usize = 120;

#[test]
fn every_link_leads_somewhere() {
    let pages = pages(&top());
    let wrong = pages.iter().flat_map(|page| broken_links(page, &pages, &top()));
    nothing("links that lead nowhere", wrong.collect());
}

/// The links of a page to missing files or headings.
fn broken_links(page: &Page, pages: &[Page], top: &Path) -> Vec<String> {
    let wrong = |(line, target): &(usize, String)| {
        let why = why_broken(page, target, pages, top)?;
        Some(format!("{}:{line}: ({target}) {why}", page.path))
    };
    page.links().iter().filter_map(wrong).collect()
}

fn why_broken(page: &Page, target: &str, pages: &[Page], top: &Path) -> Option<&'static str> {
    if ["http://", "https://"].iter().any(|scheme| target.starts_with(scheme)) {
        return None;
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let Some(found) = resolved(&page.path, path) else { return Some("leaves the repository") };
    if !top.join(&found).exists() && pages.iter().all(|page| page.path != found) {
        return Some("is no file");
    }
    let anchor = anchor?;
    let there = pages.iter().find(|page| page.path == found);
    let has = there.is_some_and(|page| page.anchors().iter().any(|known| known == anchor));
    (!has).then_some("is no heading there")
}

/// A relative path from the top: `../README.md` of `node/README.md` is `README.md`. An empty path gives the page
/// itself.
fn resolved(page: &str, path: &str) -> Option<String> {
    if path.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

#[test]
fn every_path_in_a_code_span_exists() {
    let wrong = pages(&top()).iter().flat_map(|page| missing_paths(page, &top())).collect();
    nothing("paths that do not exist", wrong);
}

fn missing_paths(page: &Page, top: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, span) in page.spans() {
        for word in span.split_whitespace() {
            let word = word.trim_start_matches("./");
            let is_path = ROOTS.iter().any(|root| word.starts_with(root));
            let is_pattern =
                word.contains(['*', '…', '<', ':']) || word.split('/').any(|part| part.starts_with("NAME"));
            if is_path && !is_pattern && !top.join(word).exists() {
                wrong.push(format!("{}:{line}: {word}", page.path));
            }
        }
    }
    wrong
}

#[test]
fn every_document_is_linked_from_another() {
    let pages = pages(&top());
    let linked: BTreeSet<String> = pages
        .iter()
        .flat_map(|page| {
            page.links().into_iter().filter_map(|(_, target)| resolved(&page.path, target.split('#').next()?))
        })
        .collect();
    let lost = pages.iter().filter(|page| page.path != "README.md" && !linked.contains(&page.path));
    nothing("documents that no other one links to", lost.map(|page| page.path.clone()).collect());
}

#[test]
fn prose_is_not_wider_than_a_hundred_and_twenty_columns() {
    let mut wrong = Vec::new();
    for page in pages(&top()) {
        let mut code = false;
        for (index, line) in page.text.lines().enumerate() {
            code ^= line.trim_start().starts_with("```");
            let width = line.chars().count();
            if !code && !line.starts_with('|') && width > COLUMNS_MAX {
                wrong.push(format!("{}:{}: {width} columns", page.path, index + 1));
            }
        }
    }
    nothing("lines that are too wide", wrong);
}

#[test]
fn a_broken_link_and_a_missing_path_are_found() {
    let other = Page::new("node/b.md", "# There\n");
    let text = "[a](b.md) [b](b.md#there) [c](c.md) [d](b.md#gone) [e](#gone) [f](../../x) [g](https://x) \
                `node/lib.rs` `node/gone.rs`";
    let pages = [Page::new("node/a.md", text), other];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let wrong = broken_links(&pages[0], &pages, &folder);
    let targets: Vec<&str> = wrong.iter().filter_map(|text| text.split(['(', ')']).nth(1)).collect();
    assert_eq!(targets, ["c.md", "b.md#gone", "#gone", "../../x"]);
    assert_eq!(missing_paths(&pages[0], &folder), ["node/a.md:1: node/gone.rs"]);
}
