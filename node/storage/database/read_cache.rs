//! The rows of the tree as they are before a batch is applied. What an entry goes by, the sum of the rows and a snapshot that
//! is being read all ask for the same ones: each is read once.

use std::cell::RefCell;
use std::collections::HashMap;

use sled::IVec;

use crate::storage::database::tree::Tree;

pub(crate) struct Before<'a> {
    tree: &'a Tree,
    rows: RefCell<HashMap<IVec, Option<IVec>>>,
}

impl<'a> Before<'a> {
    pub(crate) fn new(tree: &'a Tree) -> Before<'a> {
        Before { tree, rows: RefCell::default() }
    }

    pub(crate) fn tree(&self) -> &'a Tree {
        self.tree
    }

    /// The row as the tree had it when this was first asked for.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<IVec>, String> {
        if let Some(row) = self.rows.borrow().get(key) {
            return Ok(row.clone());
        }
        let row = self.tree.get(key).map_err(|error| error.to_string())?;
        self.rows.borrow_mut().insert(IVec::from(key), row.clone());
        Ok(row)
    }
}
