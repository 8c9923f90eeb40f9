//! A copy of a part of the sources, with mutants. It is kept, so that the next run builds less.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::switch;
use crate::table::{Mutant, Tests};

pub struct Copied {
    folder: PathBuf,
    /// The target folder of the sources: dependencies that are already built there are reused.
    pub target: PathBuf,
}

impl Copied {
    /// A copy of what the tests need, with these mutants, all inactive.
    pub fn of(tests: &Tests, mutants: &[(usize, &Mutant)]) -> Copied {
        let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let target = temporary.parent().expect("it lies in the target folder").to_owned();
        let copy = Copied { folder: temporary.join("mutants").join(tests.name), target };
        match fs::remove_dir_all(&copy.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("an old copy stays: {error}"),
            _ => {}
        }
        // The protocol is a separate package, which every module uses.
        let rooms = tests.rooms.iter().filter(|room| **room != "protocol");
        let mods: String = rooms.map(|room| format!("pub mod {room};\n")).collect();
        tests.rooms.iter().for_each(|room| copy.take(&format!("node/{room}")));
        for folder in tests.folders {
            copy.take(&format!("tests/{folder}"));
            copy.leave_out(&format!("tests/{folder}/main.rs"), tests.without);
        }
        if !tests.build.is_empty() {
            copy.take("build.rs");
            copy.take("proto");
        }
        copy.take("Cargo.lock");
        copy.write("node/lib.rs", &(mods + switch::LIBRARY));
        let protocol = fs::read_to_string(copy.path().join("node/protocol/lib.rs")).expect("the protocol is copied");
        copy.write("node/protocol/lib.rs", &(protocol + switch::PROTOCOL));
        copy.write("Cargo.toml", &manifest(tests));
        copy.put_in(mutants);
        copy
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    fn put_in(&self, mutants: &[(usize, &Mutant)]) {
        let mut files: BTreeMap<&str, Vec<(usize, &Mutant)>> = BTreeMap::new();
        for (number, mutant) in mutants {
            files.entry(&mutant.file).or_default().push((*number, mutant));
        }
        for (file, mutants) in files {
            let unbroken = fs::read_to_string(self.path().join(file)).expect("a copied source can be read");
            let switched = switch::switched(&unbroken, &mutants).unwrap_or_else(|why| panic!("{why}"));
            self.write(file, &switched);
        }
    }

    /// Modules are declared in separate paragraphs.
    fn leave_out(&self, main: &str, modules: &[&str]) {
        // A folder shared by tests has none.
        let Ok(text) = fs::read_to_string(self.path().join(main)) else { return };
        let names = |paragraph: &&str| !modules.iter().any(|name| paragraph.contains(&format!("mod {name};")));
        let kept: Vec<&str> = text.split("\n\n").filter(names).collect();
        self.write(main, &(kept.join("\n\n") + "\n"));
    }

    fn take(&self, below: &str) {
        let from = top().join(below);
        if from.is_dir() {
            for entry in fs::read_dir(&from).expect("a folder of the sources can be read") {
                let name = entry.expect("an entry can be read").file_name();
                self.take(&format!("{below}/{}", name.to_string_lossy()));
            }
        } else {
            // Not `fs::copy`: cargo must see a new modification time.
            let bytes = fs::read(&from).expect("a source can be read");
            self.write_bytes(below, &bytes);
        }
    }

    fn write(&self, below: &str, text: &str) {
        self.write_bytes(below, text.as_bytes());
    }

    fn write_bytes(&self, below: &str, bytes: &[u8]) {
        let to = self.path().join(below);
        fs::create_dir_all(to.parent().expect("it lies in the folder")).expect("a folder can be made");
        fs::write(to, bytes).expect("a source can be copied");
    }
}

pub fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The simulator runs for seconds, and checks what the daily tests check.
const PROFILES: &str = r#"
[profile.release]
opt-level = 2
codegen-units = 16
debug-assertions = true
overflow-checks = true
"#;

/// The package with only these crates and without a binary.
fn manifest(tests: &Tests) -> String {
    let text = fs::read_to_string(top().join("Cargo.toml")).expect("there is a manifest");
    let mut manifest: toml::Table = text.parse().expect("it is TOML");
    let wanted = |table: &mut toml::Table, key: &str, crates: &[&str]| {
        if let Some(toml::Value::Table(dependencies)) = table.get_mut(key) {
            dependencies.retain(|name, _| name == "epoca-protocol" || crates.contains(&name));
        }
    };
    wanted(&mut manifest, "dependencies", tests.crates);
    wanted(&mut manifest, "dev-dependencies", tests.crates);
    wanted(&mut manifest, "build-dependencies", tests.build);
    if let Some(unix) = manifest.get_mut("target").and_then(|target| target.get_mut("cfg(unix)")) {
        unix.as_table_mut().iter_mut().for_each(|unix| wanted(unix, "dependencies", tests.crates));
    }
    for key in ["bin", "bench", "lints"] {
        manifest.remove(key);
    }
    if let Some(profiles) = manifest.get_mut("profile").and_then(toml::Value::as_table_mut) {
        profiles.remove("release");
    }
    if let Some(package) = manifest.get_mut("package").and_then(toml::Value::as_table_mut) {
        package.retain(|key, _| ["name", "version", "edition", "rust-version"].contains(&key));
        if !tests.build.is_empty() {
            package.insert("build".into(), "build.rs".into());
        }
    }
    format!("{manifest}{PROFILES}")
}
