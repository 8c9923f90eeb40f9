//! Small random histories, good and bad, decided by both checkers.

use bytes::Bytes;

use epoca::verify::dice::Dice;
use epoca::verify::linearizability::{Action, Operation, check};

use crate::linearizability::naive;

const HISTORIES: u64 = 60_000;

#[test]
fn the_checker_agrees_with_one_that_tries_every_order() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..HISTORIES {
        let history = random(&mut Dice::new(seed));
        let naive = naive::is_linearizable(&history);
        let found = check(&history);
        let text = || history.iter().map(|operation| format!("{operation}\n")).collect::<String>();
        assert_eq!(found.is_ok(), naive, "history {seed}:\n{}", text());
        if naive { good += 1 } else { bad += 1 }
    }
    // A generator that makes only one kind would prove nothing.
    assert!(good > HISTORIES / 10 && bad > HISTORIES / 10, "{good} good, {bad} bad");
}

/// Up to seven operations on one key with three values, overlapping at will.
fn random(dice: &mut Dice) -> Vec<Operation> {
    let count = dice.between(2, 7);
    let moments = dice.between(4, 30);
    let value = |dice: &mut Dice| Bytes::from(vec![b'a' + dice.below(3) as u8]);
    let operation = |client: u64, dice: &mut Dice| {
        let action = match dice.below(9) {
            0 | 1 => Action::Put(value(dice)),
            2 => Action::Delete,
            3 => Action::Get(None),
            4..=6 => {
                let expected = (!dice.one_in(3)).then(|| value(dice));
                Action::CompareAndSet { expected, value: value(dice) }
            }
            _ => Action::Get(Some(value(dice))),
        };
        let called = dice.below(moments);
        let returned = (!dice.one_in(4)).then(|| called + dice.below(moments / 2));
        Operation { client, key: Bytes::from_static(b"x"), action, called, returned }
    };
    (0..count).map(|client| operation(client, dice)).collect()
}
