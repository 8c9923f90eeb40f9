//! The field values of facts. Each type has a form of its own, so that a fact is read back unchanged.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use epoca::protocol::trace::{FinalRow, Preview, Value as Field};
use epoca::protocol::{Digest, EntryId, Epoch, Kind, LogPoint, NodeId, Position};
use serde_json::{Map, Value, json};

use crate::command::text::set_bytes;

const KINDS: [Kind; 3] = [Kind::Opening, Kind::Command, Kind::Members];

pub fn value(value: &Field) -> Value {
    match value {
        Field::Number(number) => json!(number),
        Field::Text(text) => json!(text),
        Field::Node(node) => json!({"node": node.0}),
        Field::Epoch(epoch) => json!({"epoch": epoch.0}),
        Field::Entry(id) => json!({"epoch": id.epoch.0, "offset": id.offset.0}),
        Field::Point(point) => self::point(point),
        Field::Numbers(numbers) => json!({"numbers": numbers}),
        Field::Nodes(nodes) => json!({"nodes": nodes.iter().map(|node| node.0).collect::<Vec<_>>()}),
        Field::Entries(entries) => json!({"entries": entries.iter().map(preview).collect::<Vec<_>>()}),
        Field::Rows(rows) => json!({"rows": rows.iter().map(row).collect::<Vec<_>>()}),
        Field::Nothing => Value::Null,
    }
}

pub fn point(point: &LogPoint) -> Value {
    json!({
        "epoch": point.id.epoch.0,
        "offset": point.id.offset.0,
        "position": point.position.0,
        "digest": point.digest.to_string(),
    })
}

pub fn preview(preview: &Preview) -> Value {
    let mut object = Map::new();
    object.insert("at".to_owned(), point(&preview.point));
    object.insert("kind".to_owned(), json!(preview.kind.name()));
    if preview.forged {
        object.insert("forged".to_owned(), json!(true));
    }
    for (name, part) in [("key", &preview.key), ("value", &preview.value)] {
        if part.is_some() {
            set_bytes(&mut object, name, part.as_deref());
        }
    }
    Value::Object(object)
}

fn row(row: &FinalRow) -> Value {
    let entry = json!({"epoch": row.entry.epoch.0, "offset": row.entry.offset.0});
    let mut object = Map::new();
    object.insert("entry".to_owned(), entry);
    object.insert("value_bytes".to_owned(), json!(row.value_bytes));
    set_bytes(&mut object, "key", Some(&row.key));
    if row.value.is_some() {
        set_bytes(&mut object, "value", row.value.as_deref());
    }
    Value::Object(object)
}

/// `None` for an unknown form.
pub fn field(value: &Value) -> Option<Field> {
    Some(match value {
        Value::Null => Field::Nothing,
        Value::Number(_) => Field::Number(value.as_u64()?),
        Value::String(text) => Field::Text(Cow::Owned(text.clone())),
        Value::Object(object) => composed(object)?,
        _ => return None,
    })
}

fn composed(object: &Map<String, Value>) -> Option<Field> {
    let list = |name: &str| object.get(name).and_then(Value::as_array);
    if let Some(node) = object.get("node") {
        return node.as_u64().map(|node| Field::Node(NodeId(node)));
    }
    if let Some(entries) = list("entries") {
        return entries.iter().map(to_preview).collect::<Option<_>>().map(Field::Entries);
    }
    if let Some(rows) = list("rows") {
        return rows.iter().map(to_row).collect::<Option<_>>().map(Field::Rows);
    }
    if let Some(nodes) = list("nodes") {
        return nodes.iter().map(|node| node.as_u64().map(NodeId)).collect::<Option<_>>().map(Field::Nodes);
    }
    if let Some(numbers) = list("numbers") {
        return numbers.iter().map(Value::as_u64).collect::<Option<_>>().map(Field::Numbers);
    }
    match (object.contains_key("offset"), object.contains_key("digest")) {
        (false, _) => object.get("epoch")?.as_u64().map(|epoch| Field::Epoch(Epoch(epoch))),
        (true, false) => id(object).map(Field::Entry),
        (true, true) => to_point(object).map(Field::Point),
    }
}

fn id(object: &Map<String, Value>) -> Option<EntryId> {
    let number = |name: &str| object.get(name).and_then(Value::as_u64);
    Some(EntryId::new(number("epoch")?, number("offset")?))
}

pub fn to_point(object: &Map<String, Value>) -> Option<LogPoint> {
    let position = Position(object.get("position")?.as_u64()?);
    Some(LogPoint { id: id(object)?, position, digest: digest(object.get("digest")?.as_str()?)? })
}

fn digest(text: &str) -> Option<Digest> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(Digest(bytes))
}

fn to_row(value: &Value) -> Option<FinalRow> {
    let object = value.as_object()?;
    Some(FinalRow {
        key: bytes(object, "key")??,
        value: bytes(object, "value")?,
        value_bytes: object.get("value_bytes")?.as_u64()?,
        entry: id(object.get("entry")?.as_object()?)?,
    })
}

pub fn to_preview(value: &Value) -> Option<Preview> {
    let object = value.as_object()?;
    let kind = object.get("kind")?.as_str()?;
    Some(Preview {
        point: to_point(object.get("at")?.as_object()?)?,
        kind: KINDS.into_iter().find(|known| known.name() == kind)?,
        forged: object.get("forged").and_then(Value::as_bool).unwrap_or(false),
        key: bytes(object, "key")?,
        value: bytes(object, "value")?,
    })
}

/// Reads what [`set_bytes`] wrote. The outer `None`: the field does not hold bytes.
pub fn bytes(object: &Map<String, Value>, name: &str) -> Option<Option<Bytes>> {
    let encoded = object.get(&format!("{name}_base64"));
    match (object.get(name), encoded) {
        (Some(Value::String(text)), _) => Some(Some(Bytes::copy_from_slice(text.as_bytes()))),
        (_, Some(encoded)) => Some(Some(STANDARD.decode(encoded.as_str()?).ok()?.into())),
        (None | Some(Value::Null), None) => Some(None),
        _ => None,
    }
}
