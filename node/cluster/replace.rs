//! Files that are replaced as a whole: a reader sees the old one or the new one, never half of one.

use std::io::{self, Write};
use std::path::Path;

/// Writes the file under a name that no other file has, then gives it its own. What cannot be written leaves nothing.
pub(super) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".tmp").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name)).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_replaced_leaves_those_beside_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("nodes.json.new"), "somebody's").unwrap();
        replace(folder.path(), "nodes.json", b"one").unwrap();
        replace(folder.path(), "nodes.json", b"two").unwrap();
        assert_eq!(std::fs::read(folder.path().join("nodes.json")).unwrap(), b"two");
        assert_eq!(std::fs::read(folder.path().join("nodes.json.new")).unwrap(), b"somebody's");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
