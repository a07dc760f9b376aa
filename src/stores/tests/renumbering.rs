//! Tests that a graph that runs out of numbers for names is rebuilt, while others write and read.

use super::*;

/// Returns a model whose type `document` has `relations` relations, named after `stem`.
fn wide(stem: &str, relations: usize) -> serde_json::Value {
    let names: Vec<String> = (0..relations).map(|at| format!("{stem}-{at}")).collect();
    let this = json!({ "this": {} });
    let users = json!({ "directly_related_user_types": [{ "type": "user" }] });
    let relations: serde_json::Map<_, _> = names
        .iter()
        .map(|name| (name.clone(), this.clone()))
        .collect();
    let metadata: serde_json::Map<_, _> = names
        .iter()
        .map(|name| (name.clone(), users.clone()))
        .collect();
    json!({
        "schema_version": "1.1",
        "type_definitions": [
            { "type": "user" },
            { "type": "document", "relations": relations, "metadata": { "relations": metadata } },
        ],
    })
}

#[test]
fn models_with_ever_new_names_are_taken_for_ever_and_older_ones_still_answer() {
    // The models together have more names than there are numbers.
    const RELATIONS: usize = 2_700;
    const MODELS: usize = 25;
    let (store, stores) = failing();
    let id = stores.create("documents").unwrap().id;
    let mut pinned = Vec::new();
    let mut tables = 1;
    for at in 0..MODELS {
        let before = stores.pin(id).unwrap();
        let model = stores
            .write_model(id, &wide(&format!("m{at}"), RELATIONS))
            .unwrap();
        let text = format!("document:{at}#m{at}-7@user:a");
        stores.write(id, None, batch(&text)).unwrap();
        let (version, newest) = stores.with_model(id, None).unwrap();
        assert_eq!(newest.id, model);
        tables += usize::from(!version.graph().shares_names_with(before.graph()));
        pinned.push((version, newest, text));
        // A model that is used again and again stays compiled, as long as the graph is not rebuilt.
        let (now, first) = stores.with_model(id, Some(pinned[0].1.id)).unwrap();
        assert!(holds(&now, &first, &pinned[0].2));
    }
    assert!(
        (2..=MODELS / 2).contains(&tables),
        "{tables} tables of names"
    );
    const { assert!(RELATIONS * MODELS > crate::relations::graph::MAX_NAMES) };
    // A pinned version keeps its content, whatever numbers its names have in later versions.
    for (at, (version, model, text)) in pinned.iter().enumerate() {
        assert!(holds(version, model, text), "{text}");
        assert!(!holds(
            version,
            model,
            &format!("document:{at}#m{at}-8@user:a")
        ));
        assert_eq!(version.graph().stored_len(), at + 1);
        if at % 6 == 0 {
            let (now, again) = stores.with_model(id, Some(model.id)).unwrap();
            assert!(holds(&now, &again, text), "{text} by an older model");
            assert_eq!(now.graph().stored_len(), MODELS);
        }
    }
    let again = Stores::open(store.inner.clone(), Arc::new(FixedClock::at(0))).unwrap();
    let (version, newest) = again.with_model(id, None).unwrap();
    assert!(holds(
        &version,
        &newest,
        &format!("document:{}#m{}-7@user:a", MODELS - 1, MODELS - 1)
    ));
}

#[test]
fn names_are_made_room_for_while_others_write() {
    let (_, stores) = failing();
    let id = stores.create("documents").unwrap().id;
    stores.write_model(id, &model()).unwrap();
    let both = |at: usize| {
        let mut json = wide(&format!("m{at}"), 3_000);
        let kind = &mut json["type_definitions"][1];
        kind["relations"]["viewer"] = json!({ "this": {} });
        kind["metadata"]["relations"]["viewer"] =
            json!({ "directly_related_user_types": [{ "type": "user" }] });
        json
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let stores = &stores;
                scope.spawn(move || {
                    for at in 0..500 {
                        stores
                            .write(
                                id,
                                None,
                                batch(&format!("document:{writer}-{at}#viewer@user:u{}", at % 7)),
                            )
                            .unwrap();
                        if at % 3 == 0 {
                            let key = format!("document:{writer}-{at}#viewer@user:u{}", at % 7)
                                .parse()
                                .unwrap();
                            stores
                                .write(id, None, TupleBatch::of_deletes(vec![key]))
                                .unwrap();
                        }
                    }
                })
            })
            .collect();
        for at in 0..8 {
            stores.write_model(id, &both(at)).unwrap();
        }
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
    });
    let (version, newest) = stores.with_model(id, None).unwrap();
    let page = stores
        .read(id, &TupleSelection::default(), None, 10_000)
        .unwrap();
    assert_eq!(page.tuples.len(), version.graph().stored_len());
    assert!(
        page.tuples
            .iter()
            .all(|timed| holds(&version, &newest, &timed.tuple.key.to_string()))
    );
}
