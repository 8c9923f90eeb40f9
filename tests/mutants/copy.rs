//! A copy of a part of the sources, which mutants may break. It is kept, so that the next run builds less.

use std::fs;
use std::path::{Path, PathBuf};

use crate::table::{Mutant, Tests};

pub struct Copy {
    folder: PathBuf,
    /// One for all copies of a worker, so that the other crates are built once.
    pub target: PathBuf,
}

impl Copy {
    /// Workers build at the same time, so each has its own.
    pub fn of(tests: &Tests, worker: usize) -> Copy {
        let below = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants").join(format!("worker-{worker}"));
        let copy = Copy { folder: below.join(tests.name), target: below.join("target") };
        // What an earlier run left may have a mutant in it.
        match fs::remove_dir_all(&copy.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("an old copy stays: {error}"),
            _ => {}
        }
        let mods: String = tests.rooms.iter().map(|room| format!("pub mod {room};\n")).collect();
        tests.rooms.iter().for_each(|room| copy.take(&format!("node/{room}")));
        tests.folders.iter().for_each(|folder| copy.take(&format!("tests/{folder}")));
        if !tests.build.is_empty() {
            copy.take("build.rs");
            copy.take("proto");
        }
        if let Some(folder) = tests.folders.first().filter(|_| !tests.without.is_empty()) {
            copy.leave_out(&format!("tests/{folder}/main.rs"), tests.without);
        }
        copy.take("Cargo.lock");
        copy.write("node/lib.rs", &mods);
        copy.write("Cargo.toml", &manifest(tests));
        copy
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Does something while the mutant is in, and takes it out again.
    pub fn with<T>(&self, mutant: &Mutant, work: impl FnOnce(&Copy) -> T) -> T {
        let path = self.path().join(&mutant.file);
        let unbroken = fs::read_to_string(&path).expect("a copied source can be read");
        self.write(&mutant.file, &mutant.applied_to(&unbroken).expect("the mutant applies"));
        let done = work(self);
        self.write(&mutant.file, &unbroken);
        done
    }

    /// Modules stand in paragraphs of their own.
    fn leave_out(&self, main: &str, modules: &[&str]) {
        let text = fs::read_to_string(self.path().join(main)).expect("the tests have a main file");
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
            // Not `fs::copy`: cargo must see a new time of change.
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

/// Tests are not optimised, for the compiler takes longer than they do; the simulator plays for seconds, so it is.
const PROFILES: &str = r#"
[workspace]

[profile.dev]
debug = false

[profile.dev.package."*"]
opt-level = 1

[profile.release]
opt-level = 2
codegen-units = 16
incremental = true
"#;

/// The package with these crates alone and no binary.
fn manifest(tests: &Tests) -> String {
    let text = fs::read_to_string(top().join("Cargo.toml")).expect("there is a manifest");
    let mut manifest: toml::Table = text.parse().expect("it is TOML");
    let wanted = |table: &mut toml::Table, key: &str, crates: &[&str]| {
        if let Some(toml::Value::Table(dependencies)) = table.get_mut(key) {
            dependencies.retain(|name, _| crates.contains(&name));
        }
    };
    wanted(&mut manifest, "dependencies", tests.crates);
    wanted(&mut manifest, "dev-dependencies", tests.crates);
    wanted(&mut manifest, "build-dependencies", tests.build);
    if let Some(unix) = manifest.get_mut("target").and_then(|target| target.get_mut("cfg(unix)")) {
        unix.as_table_mut().iter_mut().for_each(|unix| wanted(unix, "dependencies", tests.crates));
    }
    for key in ["bin", "bench", "profile", "lints", "workspace"] {
        manifest.remove(key);
    }
    if let Some(package) = manifest.get_mut("package").and_then(toml::Value::as_table_mut) {
        package.retain(|key, _| ["name", "version", "edition", "rust-version"].contains(&key));
        if !tests.build.is_empty() {
            package.insert("build".into(), "build.rs".into());
        }
    }
    format!("{manifest}{PROFILES}")
}
