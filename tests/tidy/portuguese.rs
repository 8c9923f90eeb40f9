//! Words that no Portuguese text of the program uses, because Brazilian usage prefers others.

use std::fs;

use super::{nothing, sources, top};

/// The start of a word or phrase, and its replacement. None occurs in English or in code.
const WORDS: [(&str, &str); 22] = [
    ("comprometid", "efetivada: comprometida means compromised"),
    ("achad", "encontrado, detectado"),
    ("não acha ", "não encontra"),
    ("rodando", "em execução, em andamento"),
    ("mandato", "termo"),
    ("com commit", "efetivada"),
    ("tem commit", "foi efetivado"),
    ("relógios param", "os temporizadores param"),
    ("cronômetro", "temporizador"),
    ("candidata-se", "se candidata"),
    ("envia ack", "envia o ack"),
    ("manda heartbeats", "envia heartbeats"),
    ("chega duas vezes", "é duplicado"),
    ("chegam duas vezes", "são duplicadas"),
    ("dobrad", "duplicado"),
    ("são precisos", "são necessários"),
    ("eram precisos", "eram necessários"),
    ("folha do trabalho", "ficha de avaliação"),
    ("e reparad", "e corrigida"),
    ("tocar a fita", "reproduzir"),
    ("em curso", "em andamento"),
    ("abortar", "cancelar"),
];

/// Texts of the program: sources without tests, and the texts of scenarios, line by line with their places.
fn lines() -> Vec<(String, String)> {
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("/tests.rs");
    let code = sources("tui").into_iter().filter(|source| !is_test(&source.path));
    let code = code.map(|source| (source.path, source.text));
    let folder = top().join("tui/scenario/library");
    let scenarios = fs::read_dir(folder).expect("the library can be read").filter_map(Result::ok);
    let scenarios = scenarios.map(|entry| {
        let text = fs::read_to_string(entry.path()).expect("a scenario is text");
        (format!("tui/scenario/library/{}", entry.file_name().to_string_lossy()), text)
    });
    let numbered = |(path, text): (String, String)| {
        let line = |(index, line): (usize, &str)| (format!("{path}:{}", index + 1), line.to_lowercase());
        text.lines().enumerate().map(line).collect::<Vec<_>>()
    };
    code.chain(scenarios).flat_map(numbered).collect()
}

#[test]
fn no_portuguese_text_has_a_word_that_a_lecturer_would_not_use() {
    let wrong = |(place, line): &(String, String)| {
        let (word, instead) = WORDS.iter().find(|(word, _)| line.contains(word))?;
        Some(format!("{place}: \"{word}\"; say {instead}"))
    };
    let lines = lines();
    assert!(lines.iter().any(|(_, line)| line.contains("efetivada")), "the Portuguese texts are read");
    nothing("words in Portuguese texts", lines.iter().filter_map(wrong).collect());
}
