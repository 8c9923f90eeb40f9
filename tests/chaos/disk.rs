//! The test's side of the disk that keeps only synced bytes (see `shim.rs`): builds the library, starts nodes with it,
//! and replaces folders by their state after a power cut.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use epoca::protocol::NodeId;
use epoca::verify::rng::Rng;
use tempfile::TempDir;

use crate::support::{self, NODES};

/// The files of the embedded database: they are rebuilt from the log, so they may be in any state.
const DATABASE: &str = "final";

pub struct Disk {
    folder: TempDir,
    /// Counts the power cuts: each has its own shadow.
    cuts: u32,
}

/// The compiled library, built once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("epoca-shadow.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/shim.rs");
        let built = Command::new("rustc")
            .args(["--edition", "2024", "--crate-type", "cdylib", "-C", "opt-level=1", "-o"])
            .args([&library, &source])
            .output()
            .expect("there is a compiler");
        assert!(built.status.success(), "the library: {}", String::from_utf8_lossy(&built.stderr));
        library
    })
}

impl Disk {
    pub fn new() -> Disk {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let disk = Disk { folder, cuts: 0 };
        fs::create_dir(disk.data()).expect("the folder can be made");
        disk.begin_shadow();
        disk
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn shadow(&self) -> PathBuf {
        self.folder.path().join(format!("shadow{}", self.cuts))
    }

    /// A wrapper of the nodes' executable that preloads the library.
    pub fn executable(&self) -> PathBuf {
        self.folder.path().join(format!("epoca{}", self.cuts))
    }

    /// From now on syncs do nothing and report success.
    pub fn lie(&self) {
        File::create(self.shadow().join("lie")).expect("it can be made");
    }

    /// An empty shadow, and a program that runs a node with it.
    fn begin_shadow(&self) {
        for name in ["data", "names", "syncs", "keep"] {
            fs::create_dir_all(self.shadow().join(name)).expect("the shadow can be made");
        }
        let text = format!(
            "#!/bin/sh\nLD_PRELOAD={} EPOCA_SHADOWED={} EPOCA_SHADOW={} exec {} \"$@\"\n",
            library().display(),
            self.data().display(),
            self.shadow().display(),
            support::executable().display()
        );
        fs::write(self.executable(), text).expect("the program can be written");
        fs::set_permissions(self.executable(), fs::Permissions::from_mode(0o755)).expect("the mode can be set");
    }

    /// The bytes of a node's log that are durable now.
    pub fn durable_log(&self, node: NodeId) -> Vec<u8> {
        self.log_files(node).iter().flat_map(|inode| self.synced(*inode)).collect()
    }

    /// The number of syncs of a node's log.
    pub fn syncs(&self, node: NodeId) -> u64 {
        let count =
            |inode: &u64| fs::metadata(self.shadow().join(format!("syncs/{inode}"))).map_or(0, |file| file.len());
        self.log_files(node).iter().map(count).sum()
    }

    fn log_files(&self, node: NodeId) -> Vec<u64> {
        let folder = self.data().join(format!("{node}/log"));
        let mut files: Vec<_> = fs::read_dir(folder).expect("it has a log").map(|file| file.expect("a file")).collect();
        files.sort_by_key(|file| file.file_name());
        files.iter().map(|file| file.metadata().expect("it exists").ino()).collect()
    }

    fn synced(&self, inode: u64) -> Vec<u8> {
        fs::read(self.shadow().join(format!("data/{inode}"))).unwrap_or_default()
    }

    /// Replaces the folders of the killed nodes by what survives the power cut, and starts a new shadow from that.
    /// Without `rng` only synced bytes survive.
    pub fn cut_power(&mut self, mut rng: Option<&mut Rng>) {
        let dead = self.folder.path().join(format!("dead{}", self.cuts));
        fs::rename(self.data(), &dead).expect("it can be put aside");
        fs::create_dir(self.data()).expect("the folder can be made");
        for node in NODES {
            let (from, to) = (dead.join(node.to_string()), self.data().join(node.to_string()));
            self.restore(&from, &to, &mut rng);
            if let Some(rng) = &mut rng {
                self.restore_database(&from.join(DATABASE), &to.join(DATABASE), rng);
            }
        }
        self.cuts += 1;
        self.begin_shadow();
        for node in NODES {
            self.remember(&self.data().join(node.to_string()));
        }
    }

    /// Creates a folder with the names and bytes that were synced.
    fn restore(&self, from: &Path, to: &Path, rng: &mut Option<&mut Rng>) {
        fs::create_dir_all(to).expect("the folder can be made");
        let inode = fs::metadata(from).expect("it existed").ino();
        let names = fs::read(self.shadow().join(format!("names/{inode}"))).unwrap_or_default();
        for entry in names.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let entry = std::str::from_utf8(entry).expect("names are text here");
            let mut fields = entry.splitn(3, ' ');
            let mut field = || fields.next().expect("three fields");
            let (kind, inode, name) = (field(), field().parse().expect("a number"), field());
            match (kind, name) {
                ("d", DATABASE) => {}
                ("d", _) => self.restore(&from.join(name), &to.join(name), rng),
                _ => fs::write(to.join(name), self.survives(inode, &from.join(name), rng)).expect("it can be written"),
            }
        }
    }

    /// The synced bytes of a file. Some of the bytes that were appended but not synced may have reached the disk.
    fn survives(&self, inode: u64, file: &Path, rng: &mut Option<&mut Rng>) -> Vec<u8> {
        let mut bytes = self.synced(inode);
        let Some(rng) = rng else { return bytes };
        let written = fs::read(file).unwrap_or_default();
        if written.len() > bytes.len() && written.starts_with(&bytes) && rng.one_in(2) {
            let more = rng.below((written.len() - bytes.len()) as u64 + 1) as usize;
            let begin = bytes.len();
            bytes.extend(&written[begin..begin + more]);
            if rng.one_in(2) {
                // The length reached the disk, the remaining bytes did not.
                bytes.resize(written.len(), 0);
            }
        }
        bytes
    }

    /// The database is as written, as synced, a mix of both, or missing.
    fn restore_database(&self, from: &Path, to: &Path, rng: &mut Rng) {
        let (Ok(files), state) = (fs::read_dir(from), rng.below(4)) else { return };
        if state == 3 || !to.parent().is_some_and(Path::exists) {
            return;
        }
        fs::create_dir_all(to).expect("the folder can be made");
        for file in files.map(|file| file.expect("a file")) {
            let (found, target) = (file.metadata().expect("it exists"), to.join(file.file_name()));
            let synced = state == 1 || (state == 2 && rng.one_in(2));
            match found.is_dir() {
                true => fs::create_dir(&target).expect("it can be made"),
                false if synced => fs::write(target, self.synced(found.ino())).expect("it can be written"),
                false => _ = fs::copy(file.path(), target).expect("it can be copied"),
            }
        }
    }

    /// Everything on the disk at the start counts as synced.
    fn remember(&self, path: &Path) {
        let inode = fs::metadata(path).expect("it exists").ino();
        if path.is_file() {
            fs::copy(path, self.shadow().join(format!("data/{inode}"))).expect("it can be copied");
            fs::hard_link(path, self.shadow().join(format!("keep/{inode}"))).expect("it can be linked");
            return;
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(path).expect("it can be listed").map(|entry| entry.expect("an entry")) {
            self.remember(&entry.path());
            let found = entry.metadata().expect("it exists");
            let (kind, name) = (if found.is_dir() { 'd' } else { 'f' }, entry.file_name());
            let name = name.to_str().expect("names are text here");
            write!(names, "{kind} {} {name}\0", found.ino()).expect("a write to memory succeeds");
        }
        fs::write(self.shadow().join(format!("names/{inode}")), names).expect("it can be written");
    }
}
