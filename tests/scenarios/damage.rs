//! All disks are damaged, one after the other, while clients write and read.

use crate::support::{results, workshop};

const EVERY_DISK: &str = "title
  en Every disk in turn
step
  en The leader's
load 4 clients
wait 300ms
do damage $leader
expect any Promoted node=$leader
  en it votes again
step
  en The second
do damage $a
expect any Promoted node=$a
  en it votes again
step
  en The third
do damage $b
expect any Promoted node=$b
  en it votes again
step
  en The last one of those that were there in the beginning
do damage $c
expect any Promoted node=$c
  en it votes again
load stop
restore
expect logs equal
  en all are the same
expect kept
  en nothing that was confirmed is missing
expect linearizable
  en writes and reads stand in one order
expect invariants
  en no invariant was broken
";

#[test]
fn nothing_that_was_confirmed_is_lost_when_every_disk_is_damaged_one_after_the_other() {
    let workshop = workshop();
    std::fs::write(workshop.path().join("every-disk.txt"), EVERY_DISK).expect("it can be written");
    let results = results(workshop.path(), 0, &["./every-disk.txt"]);
    assert_eq!(results[0]["verdict"], "PASS", "{}", results[0]);
}
