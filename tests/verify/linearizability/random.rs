//! Small random histories, linearizable and not, decided by both checkers.

use bytes::Bytes;

use epoca::verify::linearizability::{Action, Operation, check};
use epoca::verify::rng::Rng;

use crate::linearizability::naive;

const HISTORIES: u64 = 60_000;

#[test]
fn the_checker_agrees_with_one_that_tries_every_order() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..HISTORIES {
        let history = random(&mut Rng::new(seed));
        let naive = naive::is_linearizable(&history);
        let found = check(&history);
        let text = || history.iter().map(|operation| format!("{operation}\n")).collect::<String>();
        assert_eq!(found.is_ok(), naive, "history {seed}:\n{}", text());
        if naive { good += 1 } else { bad += 1 }
    }
    // Histories of only one kind would prove nothing.
    assert!(good > HISTORIES / 10 && bad > HISTORIES / 10, "{good} good, {bad} bad");
}

/// Up to seven operations on one key with three values, overlapping at will.
fn random(rng: &mut Rng) -> Vec<Operation> {
    let count = rng.between(2, 7);
    let moments = rng.between(4, 30);
    let value = |rng: &mut Rng| Bytes::from(vec![b'a' + rng.below(3) as u8]);
    let operation = |client: u64, rng: &mut Rng| {
        let action = match rng.below(9) {
            0 | 1 => Action::Put(value(rng)),
            2 => Action::Delete,
            3 => Action::Get(None),
            4..=6 => {
                let expected = (!rng.one_in(3)).then(|| value(rng));
                Action::CompareAndSet { expected, value: value(rng) }
            }
            _ => Action::Get(Some(value(rng))),
        };
        let called = rng.below(moments);
        let returned = (!rng.one_in(4)).then(|| called + rng.below(moments / 2));
        Operation { client, key: Bytes::from_static(b"x"), action, called, returned }
    };
    (0..count).map(|client| operation(client, rng)).collect()
}
