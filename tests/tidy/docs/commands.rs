//! Commands in the documents exist: subcommands and options of `epoca`, test binaries, examples and filters of `cargo
//! test`, environment variables, scenarios.
//!
//! The grammar of `epoca` is read from its own completions for bash. Left out: values of arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::markdown::{Page, pages};
use crate::{nothing, sources, top};

/// Options that `--help` and completions omit.
const HIDDEN: [&str; 1] = ["--shuffle"];
/// Options of cargo, of its test runner, and of scripts.
const OTHER_OPTIONS: [&str; 14] = [
    "--bin",
    "--check",
    "--example",
    "--half",
    "--ignored",
    "--lib",
    "--load",
    "--locked",
    "--nocapture",
    "--only",
    "--release",
    "--runs",
    "--sheet-runs",
    "--test",
];
/// Environment variables that other programs read.
const OTHER_VARIABLES: [&str; 2] = ["BOLERO_RANDOM_ITERATIONS", "INSTA_UPDATE"];

/// The grammar: children by parent and name, options by command.
struct Grammar {
    children: BTreeMap<(String, String), String>,
    options: BTreeMap<String, BTreeSet<String>>,
}

impl Grammar {
    fn of_the_program() -> Grammar {
        let run = Command::new(env!("CARGO_BIN_EXE_epoca")).args(["completions", "bash"]).output();
        let script = String::from_utf8(run.expect("the program starts").stdout).expect("the script is text");
        let grammar = Grammar::read(&script);
        assert!(grammar.children.len() > 40, "the completions are written otherwise now:\n{script}");
        grammar
    }

    fn read(script: &str) -> Grammar {
        let lines: Vec<&str> = script.lines().map(str::trim).collect();
        let (mut children, mut options) = (BTreeMap::new(), BTreeMap::new());
        for pair in lines.windows(2) {
            let Some(label) = pair[0].strip_suffix(')') else { continue };
            let quoted = |name: &str| pair[1].strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"');
            if let (Some((parent, name)), Some(command)) = (label.split_once(','), quoted("cmd")) {
                children.insert((parent.to_owned(), name.to_owned()), command.to_owned());
            } else if let Some(words) = quoted("opts") {
                let long = words.split(' ').filter(|word| word.starts_with("--")).map(str::to_owned);
                options.insert(label.to_owned(), long.collect());
            }
        }
        Grammar { children, options }
    }

    fn has_children(&self, command: &str) -> bool {
        self.children.keys().any(|(parent, _)| parent == command)
    }

    /// The mistakes in the arguments of an `epoca` command.
    fn mistake(&self, words: &[String]) -> Option<String> {
        let mut command = "epoca".to_owned();
        let mut is_settled = false;
        for word in words {
            if word.starts_with("--") && word.len() > 2 {
                let option = word.split('=').next().unwrap_or(word);
                let known = self.options.get(&command).is_some_and(|known| known.contains(option));
                if !known && !HIDDEN.contains(&option) {
                    return Some(format!("{option} is no option of {}", shown(&command)));
                }
            } else if let Some(child) = self.children.get(&(command.clone(), word.clone())).filter(|_| !is_settled) {
                command = child.clone();
            } else if !is_settled && self.has_children(&command) && !is_placeholder(word) {
                return Some(format!("{word} is no command of {}", shown(&command)));
            } else {
                is_settled = true;
            }
        }
        None
    }

    fn knows(&self, option: &str) -> bool {
        let everywhere = self.options.values().any(|known| known.contains(option));
        everywhere || HIDDEN.contains(&option) || OTHER_OPTIONS.contains(&option)
    }
}

/// A command line.
fn shown(command: &str) -> String {
    command.replace("__subcmd__", " ").replace("__", " ")
}

fn is_placeholder(word: &str) -> bool {
    let is_name = |character: char| character.is_ascii_uppercase() || "…[].".contains(character);
    word.chars().all(is_name)
}

/// A command in a document: its place, its environment and its arguments.
struct Said {
    place: String,
    variables: Vec<String>,
    words: Vec<String>,
}

fn commands(page: &Page) -> Vec<Said> {
    let spans = page.spans();
    let blocks = page.pieces().into_iter().filter(|piece| piece.code.as_deref() == Some("sh"));
    let lines = blocks.map(|piece| (piece.line, piece.text.split(" # ").next().unwrap_or_default().trim().to_owned()));
    let said = |(line, text): (usize, String)| {
        let mut words = shlex::split(&text)?;
        let is_variable = |word: &String| {
            let name = word.split_once('=').map(|(name, _)| name);
            name.is_some_and(|name| {
                !name.is_empty() && name.chars().all(|char| char.is_ascii_uppercase() || char == '_')
            })
        };
        let command = words.iter().position(|word| !is_variable(word)).unwrap_or(words.len());
        let rest = words.split_off(command);
        let variables = words.iter().filter_map(|word| Some(word.split_once('=')?.0.to_owned())).collect();
        Some(Said { place: format!("{}:{line}", page.path), variables, words: rest })
    };
    spans.into_iter().chain(lines).filter_map(said).filter(|said| !said.words.is_empty()).collect()
}

/// The mistakes in a cargo command.
fn cargo_mistake(words: &[String], grammar: &Grammar, tests: &str, manifest: &str) -> Option<String> {
    let mut words = words.iter();
    let subcommand = words.next()?;
    let mut behind = false;
    while let Some(word) = words.next() {
        match &word[..] {
            "--" if subcommand == "run" => {
                let rest: Vec<String> = words.cloned().collect();
                // The arguments of an example are not checked.
                return if behind { None } else { grammar.mistake(&rest) };
            }
            "--" => {}
            "--test" => {
                let name = words.next()?;
                let is_there = top().join("tests").join(name).join("main.rs").exists();
                if !is_there && !is_placeholder(name) {
                    return Some(format!("{name} is no test binary"));
                }
            }
            "--example" => {
                let name = words.next()?;
                behind = true;
                if !manifest.contains(&format!("[[example]]\nname = \"{name}\"")) && !is_placeholder(name) {
                    return Some(format!("{name} is no example"));
                }
            }
            "--bin" => _ = words.next()?,
            option if OTHER_OPTIONS.contains(&option) => {}
            option if option.starts_with("--") => return Some(format!("{option} is not known of cargo")),
            filter if subcommand == "test" && !is_placeholder(filter) && !tests.contains(filter) => {
                return Some(format!("no test or module is named {filter}"));
            }
            _ => {}
        }
    }
    None
}

/// The paths of all sources and the names of all their functions, a line each: what filters of tests match.
fn names_of_tests() -> String {
    let sources = ["node", "tests", "tui"].into_iter().flat_map(sources);
    let named = |line: &str| line.split("fn ").nth(1)?.split('(').next().map(|name| format!("{name}\n"));
    sources.map(|source| source.path + "\n" + &source.text.lines().filter_map(named).collect::<String>()).collect()
}

#[test]
fn every_command_and_option_exists() {
    let (grammar, tests) = (Grammar::of_the_program(), names_of_tests());
    let manifest = fs::read_to_string(top().join("Cargo.toml")).expect("there is a manifest");
    let mut wrong = Vec::new();
    for page in pages(&top()) {
        for Said { place, words, .. } in commands(&page) {
            let mistake = match &words[0][..] {
                "epoca" => grammar.mistake(&words[1..]),
                "cargo" => cargo_mistake(&words[1..], &grammar, &tests, &manifest),
                option if option.starts_with("--") => {
                    let option = option.split('=').next().unwrap_or(option);
                    (!grammar.knows(option)).then(|| format!("{option} is no option"))
                }
                _ => None,
            };
            wrong.extend(mistake.map(|mistake| format!("{place}: {mistake} ({})", words.join(" "))));
        }
    }
    nothing("commands that do not exist", wrong);
}

#[test]
fn every_environment_variable_is_read_somewhere() {
    let scripts = ["tests/scenarios/hundred_runs.sh", "tests/support/busy"];
    let scripts = scripts.map(|path| fs::read_to_string(top().join(path)).expect("there is such a script"));
    let sources: Vec<String> =
        ["node", "tests", "tui"].into_iter().flat_map(sources).map(|source| source.text).collect();
    let is_read = |name: &str| {
        let (quoted, shell) = (format!("\"{name}\""), format!("${{{name}"));
        OTHER_VARIABLES.contains(&name)
            || sources.iter().any(|text| text.contains(&quoted))
            || scripts.iter().any(|text| text.contains(&shell))
    };
    let pages = pages(&top());
    let wrong = pages.iter().flat_map(commands).flat_map(|said| {
        let unread = said.variables.into_iter().filter(|name| !is_read(name));
        unread.map(|name| format!("{}: {name}", said.place)).collect::<Vec<_>>()
    });
    nothing("environment variables that no source reads", wrong.collect());
}

#[test]
fn every_scenario_that_is_run_exists() {
    let mut wrong = Vec::new();
    for Said { place, words, .. } in pages(&top()).iter().flat_map(commands) {
        let Some(at) =
            words.windows(2).position(|pair| pair[0] == "scenario" && ["run", "show"].contains(&&pair[1][..]))
        else {
            continue;
        };
        let names = words[at + 2..].iter().take_while(|word| !word.starts_with("--"));
        let is_there = |name: &&String| {
            let file = top().join(format!("tui/scenario/library/{name}.txt"));
            is_placeholder(name) || *name == "all" || name.starts_with("./") || file.exists()
        };
        wrong.extend(names.filter(|name| !is_there(name)).map(|name| format!("{place}: {name}")));
    }
    nothing("scenarios that do not exist", wrong);
}

#[test]
fn commands_that_do_not_exist_are_found() {
    let script = "
            epoca,put)
                cmd=\"epoca__put\"
                ;;
            epoca,fault)
                cmd=\"epoca__fault\"
                ;;
            epoca__fault,kill)
                cmd=\"epoca__fault__kill\"
                ;;
        epoca)
            opts=\"-h --connect put fault\"
        epoca__put)
            opts=\"-h --file --connect <KEY>\"
        epoca__fault)
            opts=\"-h --connect kill\"
        epoca__fault__kill)
            opts=\"-h --connect <NODE>\"";
    let grammar = Grammar::read(script);
    let mistake = |text: &str| grammar.mistake(&shlex::split(text).expect("it is split"));
    for right in ["put x 1 --file F", "fault kill 3", "fault …", "COMMAND", "put x 1 --connect a:1", "put fault"] {
        assert_eq!(mistake(right), None, "{right}");
    }
    for wrong in ["take x", "put x --fail F", "fault stop 3", "fault kill 3 --file F"] {
        assert!(mistake(wrong).is_some(), "{wrong}");
    }
    let cargo = |text: &str| {
        cargo_mistake(
            &shlex::split(text).expect("it is split"),
            &grammar,
            "tests/a.rs\nb_test\n",
            "[[example]]\nname = \"e\"",
        )
    };
    for right in
        ["test --test tidy", "test b_te", "run --release -- put x 1", "run --example e -- --anything", "test --test X"]
    {
        assert_eq!(cargo(right), None, "{right}");
    }
    for wrong in ["test --test tidiness", "test c_test", "run --release -- take", "run --example f", "test --loudly"] {
        assert!(cargo(wrong).is_some(), "{wrong}");
    }
}
