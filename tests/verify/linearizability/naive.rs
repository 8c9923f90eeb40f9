//! A direct implementation of the definition: it tries every order, with and without each unknown write. For short
//! histories.

use epoca::verify::linearizability::{Action, Operation};

/// All operations are on one key.
pub fn is_linearizable(history: &[Operation]) -> bool {
    let left: Vec<&Operation> = history.iter().collect();
    has_order(&left, &None)
}

fn has_order(left: &[&Operation], value: &Option<bytes::Bytes>) -> bool {
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
            Action::Put(value) => has_order(&others, &Some(value.clone())),
            Action::Delete => has_order(&others, &None),
            Action::CompareAndSet { expected, value: new } => {
                expected == value && has_order(&others, &Some(new.clone()))
            }
            Action::Get(seen) => (next.returned.is_none() || seen == value) && has_order(&others, value),
        }
    })
}
