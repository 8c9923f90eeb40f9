//! A copy of a part of the sources in a temporary folder, which mutants may break.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::table::{Mutant, Tests};

pub struct Copy {
    folder: TempDir,
    /// One for all mutants, and kept, so that the other crates are built once.
    pub target: PathBuf,
}

impl Copy {
    pub fn of(tests: &Tests) -> Copy {
        let folder = TempDir::with_prefix("epoca-mutants-").expect("a temporary folder can be made");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants").join(tests.name);
        let copy = Copy { folder, target };
        let mods: String = tests.rooms.iter().map(|room| format!("pub mod {room};\n")).collect();
        tests.rooms.iter().for_each(|room| copy.take(&format!("node/{room}")));
        tests.folders.iter().for_each(|folder| copy.take(&format!("tests/{folder}")));
        copy.take("Cargo.lock");
        copy.write("node/lib.rs", &mods);
        copy.write("Cargo.toml", &manifest(tests.crates));
        copy
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
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

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The package with these crates alone and no binary; not optimised, for the compiler takes longer than the tests.
fn manifest(crates: &[&str]) -> String {
    let text = fs::read_to_string(top().join("Cargo.toml")).expect("there is a manifest");
    let mut manifest: toml::Table = text.parse().expect("it is TOML");
    let wanted = |table: &mut toml::Table, key: &str| {
        if let Some(toml::Value::Table(dependencies)) = table.get_mut(key) {
            dependencies.retain(|name, _| crates.contains(&name));
        }
    };
    wanted(&mut manifest, "dependencies");
    wanted(&mut manifest, "dev-dependencies");
    if let Some(unix) = manifest.get_mut("target").and_then(|target| target.get_mut("cfg(unix)")) {
        unix.as_table_mut().iter_mut().for_each(|unix| wanted(unix, "dependencies"));
    }
    for key in ["bin", "build-dependencies", "bench", "profile", "lints", "workspace"] {
        manifest.remove(key);
    }
    if let Some(package) = manifest.get_mut("package").and_then(toml::Value::as_table_mut) {
        package.retain(|key, _| ["name", "version", "edition", "rust-version"].contains(&key));
    }
    format!("{manifest}\n[profile.dev]\ndebug = false\n\n[profile.dev.package.\"*\"]\nopt-level = 1\n")
}
