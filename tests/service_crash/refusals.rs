//! A data directory that the service cannot trust: it does not start, and says why.

use super::batch::Batch;
use super::client::Client;
use super::tuples::place;
use redb::{Database, TableDefinition};
use support::place::Place;

#[test]
fn a_directory_in_use_is_left_to_the_service_that_has_it() {
    let place = place();
    let service = place.serve(&["--data", "data"]);
    let client = Client::of(&service);
    assert_eq!(client.write(&Batch::marked(1)).unwrap().status, 200);
    let expected = "error: the data directory `data` is in use by another process: stop that one, or choose another \
                    directory\n";
    assert_eq!(refused(&place), expected);
    assert_eq!(client.write(&Batch::marked(2)).unwrap().status, 200);
}

#[test]
fn a_file_that_is_damaged_foreign_or_of_another_time_is_refused_and_stays() {
    let place = place();
    let service = place.serve(&["--data", "data"]);
    assert_eq!(
        Client::of(&service)
            .write(&Batch::marked(1))
            .unwrap()
            .status,
        200
    );
    assert_eq!(service.stop().code(), Some(0));
    let file = place.path("data/behest.redb");
    let whole = std::fs::read(&file).unwrap();

    let truncated = whole[..whole.len() / 3].to_vec();
    let mut damaged = whole.clone();
    let at = place_of(&damaged, b"document:mark");
    damaged[at] ^= 1;
    let trash = b"GIF89a, or whatever else lay there".to_vec();
    let newer = with_format(&place, 3);
    let of_a_stranger = of_a_stranger(&place);
    let is_damaged = "error: `data/behest.redb` is damaged or is not a store of behest (";
    for (name, bytes, message) in [
        ("truncated", truncated, is_damaged),
        ("damaged", damaged, is_damaged),
        ("no database", trash, is_damaged),
        (
            "empty",
            Vec::new(),
            "error: `data/behest.redb` is damaged or is not a store of behest (it is empty)",
        ),
        ("somebody else's database", of_a_stranger, is_damaged),
        (
            "newer",
            newer,
            "error: `data/behest.redb` has format 3, and this version of behest reads format 2: open it with the version \
             that wrote it\n",
        ),
    ] {
        std::fs::write(&file, &bytes).unwrap();
        let told = refused(&place);
        assert!(
            told.starts_with(message) && told.lines().count() == 1,
            "{name}: {told}"
        );
        if message == is_damaged {
            let remedy = "): restore it from a copy, or move it away to start empty\n";
            assert!(told.ends_with(remedy), "{name}: {told}");
        }
        assert_eq!(
            refused(&place),
            told,
            "{name}: the refusal changed the file"
        );
    }
    std::fs::write(&file, &whole).unwrap();
    assert!(
        Client::of(&place.serve(&["--data", "data"]))
            .allows(&Batch::marked(1).mark)
            .unwrap()
    );
}

/// Starts the service, which must refuse, and returns what it says.
fn refused(place: &Place) -> String {
    let output = place.run(&[
        "--bundle",
        "bundle",
        "--listen",
        "127.0.0.1:0",
        "--data",
        "data",
    ]);
    assert!(output.code == 1 && output.out.is_empty(), "{output:?}");
    output.err
}

fn place_of(file: &[u8], text: &[u8]) -> usize {
    file.windows(text.len())
        .position(|window| window == text)
        .unwrap()
}

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");

/// The file as another version would have left it.
fn with_format(place: &Place, format: u32) -> Vec<u8> {
    let copy = place.path("copy.redb");
    std::fs::copy(place.path("data/behest.redb"), &copy).unwrap();
    put(Database::open(&copy).unwrap(), b"F", &format.to_be_bytes());
    std::fs::read(copy).unwrap()
}

/// A database that some other program made.
fn of_a_stranger(place: &Place) -> Vec<u8> {
    let path = place.path("stranger.redb");
    put(Database::create(&path).unwrap(), b"name", b"value");
    std::fs::read(path).unwrap()
}

fn put(database: Database, key: &[u8], value: &[u8]) {
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(ROWS)
        .unwrap()
        .insert(key, value)
        .unwrap();
    transaction.commit().unwrap();
}
