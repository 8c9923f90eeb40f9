//! The folders of the user that the XDG base directory specification names.

use std::path::{Path, PathBuf};

/// `$XDG_CONFIG_HOME/epoca`, else `~/.config/epoca`.
pub fn config(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    folder(variable, "XDG_CONFIG_HOME", ".config")
}

/// `$XDG_STATE_HOME/epoca`, else `~/.local/state/epoca`.
pub fn state(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    folder(variable, "XDG_STATE_HOME", ".local/state")
}

fn folder(variable: impl Fn(&str) -> Option<String>, name: &str, below_home: &str) -> Option<PathBuf> {
    // The specification says to ignore relative paths.
    let named = variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || variable("HOME").filter(|home| !home.is_empty()).map(|home| Path::new(&home).join(below_home));
    named.or_else(home).map(|base| base.join("epoca"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_folder_is_where_xdg_says() {
        let of = |xdg: Option<&str>, home: Option<&str>| {
            let (xdg, home) = (xdg.map(ToOwned::to_owned), home.map(ToOwned::to_owned));
            state(move |name| if name == "HOME" { home.clone() } else { xdg.clone() })
        };
        assert_eq!(of(Some("/state"), Some("/home/ana")), Some(PathBuf::from("/state/epoca")));
        assert_eq!(of(Some("relative"), Some("/home/ana")), Some(PathBuf::from("/home/ana/.local/state/epoca")));
        assert_eq!(of(None, None), None);
    }
}
