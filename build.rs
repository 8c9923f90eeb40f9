//! Compiles the protos without protoc, writes the descriptor set that the reflection service hands out, and finds where
//! in the sources each fact of the trace is told.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost::Message;

/// Where facts are told. The trace's own module only declares them and takes them in.
const TELLING: [&str; 6] =
    ["node/protocol", "node/lab", "node/runtime", "node/server", "node/cluster", "tui/console/update/observe.rs"];
const TAKING: &str = "node/protocol/trace";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protos = ["peer", "client", "control"].map(|name| format!("proto/epoca/v1/{name}.proto"));
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(&protos, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("epoca_descriptor.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    fs::write(out.join("fact_places.rs"), fact_places()?)?;
    Ok(())
}

/// The table of the console's code cards: fact, file, line, function.
fn fact_places() -> io::Result<String> {
    let mut files = Vec::new();
    for place in TELLING {
        println!("cargo:rerun-if-changed={place}");
        sources(Path::new(place), &mut files)?;
    }
    files.sort();
    let mut table = "/// Where each fact is told: its name, file, line and function.\n".to_owned();
    table += "pub const FACT_PLACES: &[(&str, &str, u32, &str)] = &[\n";
    for file in files {
        for (fact, line, function) in told(&fs::read_to_string(&file)?) {
            table += &format!("    ({fact:?}, {:?}, {line}, {function:?}),\n", file.display().to_string());
        }
    }
    Ok(table + "];\n")
}

fn sources(place: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let is_source = |path: &Path| path.extension().is_some_and(|ending| ending == "rs");
    if place.is_file() {
        files.push(place.to_owned());
        return Ok(());
    }
    // Tests of mutants build a part of the sources. In the whole, a test finds facts without a place.
    if !place.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        if path.is_dir() && !is_test && path != Path::new(TAKING) {
            sources(&path, files)?;
        } else if is_source(&path) && !is_test {
            files.push(path);
        }
    }
    Ok(())
}

/// The facts that a source makes, before its tests.
fn told(source: &str) -> Vec<(&str, usize, &str)> {
    let (mut found, mut function) = (Vec::new(), "");
    for (index, line) in source.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        if let Some((_, rest)) = line.split_once("fn ")
            && let Some(end) = rest.find(['(', '<'])
            && !line.trim_start().starts_with("//")
        {
            function = &rest[..end];
        }
        for (_, rest) in line.match_indices("Fact::").map(|(at, _)| line.split_at(at + "Fact::".len())) {
            let end = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
            // A pattern ends with two dots; what is made names all its fields.
            let is_made = rest[end..].starts_with(" {") && !rest[end..].contains(".. }");
            if is_made {
                found.push((&rest[..end], index + 1, function));
            }
        }
    }
    found
}
