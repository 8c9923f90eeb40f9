//! A checker that is nothing but the definition: try every order, leave unknown writes out or not. For short histories.

use epoca::verify::linearizability::{Action, Operation};

/// All operations are on one key.
pub fn is_linearizable(history: &[Operation]) -> bool {
    let left: Vec<&Operation> = history.iter().collect();
    goes_on(&left, &None)
}

fn goes_on(left: &[&Operation], value: &Option<bytes::Bytes>) -> bool {
    if left.iter().all(|operation| operation.returned.is_none()) {
        return true;
    }
    (0..left.len()).any(|index| {
        let next = left[index];
        let others: Vec<&Operation> =
            left.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, operation)| *operation).collect();
        let late = others.iter().any(|other| other.returned.is_some_and(|returned| returned < next.called));
        if late {
            return false;
        }
        match &next.action {
            Action::Put(value) => goes_on(&others, &Some(value.clone())),
            Action::Delete => goes_on(&others, &None),
            Action::CompareAndSet { expected, value: new } => expected == value && goes_on(&others, &Some(new.clone())),
            Action::Get(seen) => (next.returned.is_none() || seen == value) && goes_on(&others, value),
        }
    })
}
