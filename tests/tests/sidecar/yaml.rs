use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// The documents of a manifest: maps, lists and scalars, without tags and anchors.
pub(super) fn documents(text: &str) -> Vec<Value> {
    let mut events = Parser::new_from_str(text).map(|event| event.expect("the YAML is well formed").0);
    let mut documents = Vec::new();
    while let Some(event) = events.next() {
        if let Event::DocumentStart(..) = event {
            documents.push(value(&mut events).expect("a document has a value"));
        }
    }
    documents
}

/// The next value; nothing at the end of a collection.
fn value<'a>(events: &mut impl Iterator<Item = Event<'a>>) -> Option<Value> {
    match events.next().expect("the YAML goes on") {
        Event::Scalar(text, ScalarStyle::Plain, 0, None) => Some(match &*text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        }),
        Event::Scalar(text, _, 0, None) => Some(Value::from(&*text)),
        Event::SequenceStart(0, None) => {
            let mut items = Vec::new();
            while let Some(item) = value(events) {
                items.push(item);
            }
            Some(Value::Array(items))
        }
        Event::MappingStart(0, None) => {
            let mut members = Map::new();
            while let Some(key) = value(events) {
                let key = key.as_str().expect("a key is text").to_owned();
                let member = value(events).expect("a key has a value");
                assert!(members.insert(key.clone(), member).is_none(), "{key} is there twice");
            }
            Some(Value::Object(members))
        }
        Event::SequenceEnd | Event::MappingEnd => None,
        other => panic!("a manifest has no {other:?}"),
    }
}
