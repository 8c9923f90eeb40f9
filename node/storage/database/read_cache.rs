//! The rows of the tree before a batch is applied. Applying an entry, the checksum and a snapshot that is being read
//! need the same rows; each is read once.

use std::cell::RefCell;
use std::collections::HashMap;

use sled::IVec;

use crate::storage::database::tree::Tree;

pub(crate) struct ReadCache<'a> {
    tree: &'a Tree,
    rows: RefCell<HashMap<IVec, Option<IVec>>>,
}

impl<'a> ReadCache<'a> {
    pub(crate) fn new(tree: &'a Tree) -> ReadCache<'a> {
        ReadCache { tree, rows: RefCell::default() }
    }

    pub(crate) fn tree(&self) -> &'a Tree {
        self.tree
    }

    /// The row as it was at the first call for this key.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<IVec>, String> {
        if let Some(row) = self.rows.borrow().get(key) {
            return Ok(row.clone());
        }
        let row = self.tree.get(key).map_err(|error| error.to_string())?;
        self.rows.borrow_mut().insert(IVec::from(key), row.clone());
        Ok(row)
    }
}
