//! Weights from a hub.

use std::fs;

use catena_models::catalog::{Checksum, HubFile, Progress, SourceKind, Status};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

use crate::support::{SIZE, World, downloaded, skipped, weights};

const PATH: &str = "/owner/tiny/resolve/main/q/tiny.gguf";

async fn world(hub: &MockServer) -> World {
    let mut world = World::new();
    world.use_hub(&hub.uri());
    world
}

fn whole() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_bytes(weights())
}

#[tokio::test]
async fn a_file_is_fetched_verified_and_not_asked_for_again() {
    let hub = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(PATH))
        .respond_with(whole())
        .expect(1)
        .mount(&hub)
        .await;
    let world = world(&hub).await;
    let (result, told) = world.ensure().await;
    assert_eq!(fs::read(result.unwrap()).unwrap(), weights());
    assert_eq!(downloaded(&told), (SIZE as u64, false));
    let (result, told) = world.ensure().await;
    assert_eq!(
        told,
        [Progress::Done {
            path: result.unwrap()
        }],
        "no hashing, no source"
    );
    assert!(world.calls().is_empty());
}

#[tokio::test]
async fn a_pull_goes_on_where_it_stopped() {
    let hub = MockServer::start().await;
    let rest = ResponseTemplate::new(206)
        .insert_header("content-range", format!("bytes 60000-99999/{SIZE}"))
        .set_body_bytes(&weights()[60_000..]);
    Mock::given(header("range", "bytes=60000-"))
        .respond_with(rest)
        .expect(1)
        .mount(&hub)
        .await;
    let world = world(&hub).await;
    fs::create_dir_all(world.stored("")).unwrap();
    fs::write(world.stored("tiny.gguf.partial"), &weights()[..60_000]).unwrap();
    let (result, told) = world.ensure().await;
    assert_eq!(fs::read(result.unwrap()).unwrap(), weights());
    assert!(told.contains(&Progress::Downloading {
        done: 60_000,
        total: Some(SIZE as u64)
    }));
}

#[tokio::test]
async fn a_hub_that_ignores_the_range_is_read_from_the_start() {
    let hub = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(whole())
        .mount(&hub)
        .await;
    let world = world(&hub).await;
    fs::create_dir_all(world.stored("")).unwrap();
    fs::write(world.stored("tiny.gguf.partial"), &weights()[..60_000]).unwrap();
    assert_eq!(
        fs::read(world.ensure().await.0.unwrap()).unwrap(),
        weights()
    );
}

#[tokio::test]
async fn what_an_earlier_pull_spoilt_is_fetched_anew() {
    let hub = MockServer::start().await;
    let rest = ResponseTemplate::new(206)
        .insert_header("content-range", format!("bytes 60000-99999/{SIZE}"))
        .set_body_bytes(&weights()[60_000..]);
    Mock::given(header("range", "bytes=60000-"))
        .respond_with(rest)
        .with_priority(1)
        .mount(&hub)
        .await;
    Mock::given(method("GET"))
        .respond_with(whole())
        .mount(&hub)
        .await;
    let world = world(&hub).await;
    fs::create_dir_all(world.stored("")).unwrap();
    fs::write(world.stored("tiny.gguf.partial"), vec![1; 60_000]).unwrap();
    assert_eq!(
        fs::read(world.ensure().await.0.unwrap()).unwrap(),
        weights()
    );
    assert!(world.calls().is_empty(), "pip was not needed");
}

/// Serves at most `limit` bytes of the file a connection, announcing all that is left of it.
async fn cutting_hub(limit: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let range = head
                .lines()
                .find_map(|line| line.strip_prefix("range: bytes="));
            let start: usize =
                range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
            let status = if range.is_some() {
                "206 Partial Content"
            } else {
                "200 OK"
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-range: bytes {start}-{}/{SIZE}\r\n\r\n",
                SIZE - start,
                SIZE - 1
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            let end = SIZE.min(start + limit);
            stream.write_all(&weights()[start..end]).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_cut_download_resumes_by_itself() {
    let mut world = World::new();
    world.use_hub(&cutting_hub(40_000).await);
    let (result, told) = world.ensure().await;
    assert_eq!(fs::read(result.unwrap()).unwrap(), weights());
    assert_eq!(
        downloaded(&told),
        (SIZE as u64, false),
        "bytes were never fetched twice"
    );
    assert!(world.calls().is_empty());
}

#[tokio::test]
async fn what_one_source_began_another_finishes() {
    let mut world = World::new();
    world.use_hub(&cutting_hub(0).await);
    fs::create_dir_all(world.stored("")).unwrap();
    fs::write(world.stored("tiny.gguf.partial"), &weights()[..50_000]).unwrap();
    let (result, told) = world.ensure().await;
    assert_eq!(fs::read(result.unwrap()).unwrap(), weights());
    assert!(
        skipped(&told, SourceKind::Hub).unwrap().contains("cut"),
        "{told:?}"
    );
    assert_eq!(world.calls(), ["tiny-part2==1.0", "tiny-part3==1.0"]);
}

#[tokio::test]
async fn other_bytes_are_deleted_and_the_next_source_is_tried() {
    let hub = MockServer::start().await;
    let other = ResponseTemplate::new(200).set_body_bytes(vec![7; SIZE]);
    Mock::given(method("GET"))
        .respond_with(other)
        .mount(&hub)
        .await;
    let mut world = world(&hub).await;
    let (result, told) = world.ensure().await;
    assert_eq!(fs::read(result.unwrap()).unwrap(), weights());
    let reason = skipped(&told, SourceKind::Hub).unwrap();
    let (actual, expected) = (Checksum::of(&[7; SIZE]), Checksum::of(&weights()));
    assert_eq!(
        reason,
        format!("the SHA-256 of the file is {actual}; {expected} was expected")
    );

    world.catalog().remove("tiny", &world.store).unwrap();
    world.without_pip();
    let error = world.ensure().await.0.unwrap_err().to_string();
    assert!(
        error.contains(&actual.to_string()) && error.contains(&expected.to_string()),
        "{error}"
    );
    assert!(!world.stored("tiny.gguf").exists() && !world.stored("tiny.gguf.partial").exists());
}

#[tokio::test]
async fn a_file_of_another_size_is_not_downloaded() {
    let hub = MockServer::start().await;
    let other = ResponseTemplate::new(200).set_body_bytes(vec![7; 10]);
    Mock::given(method("GET"))
        .respond_with(other)
        .mount(&hub)
        .await;
    let (result, told) = world(&hub).await.ensure().await;
    result.unwrap();
    assert_eq!(
        skipped(&told, SourceKind::Hub),
        Some("its file has 10 bytes; 100000 were expected")
    );
}

#[tokio::test]
async fn a_refusal_and_an_unreachable_hub_say_why() {
    let hub = MockServer::start().await;
    for (status, words) in [
        (404, "no such file"),
        (401, "without an account"),
        (503, "503"),
    ] {
        hub.reset().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&hub)
            .await;
        let (_, told) = world(&hub).await.ensure().await;
        assert!(
            skipped(&told, SourceKind::Hub).unwrap().contains(words),
            "{told:?}"
        );
    }
    let mut world = world(&hub).await;
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    world.use_hub(&format!("http://{free}"));
    let (result, told) = world.ensure().await;
    result.unwrap();
    assert!(
        skipped(&told, SourceKind::Hub)
            .unwrap()
            .contains("could not be reached"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_hub_file_is_checked_against_what_the_hub_states() {
    let hub = MockServer::start().await;
    let facts = |sha: Checksum| {
        ResponseTemplate::new(302)
            .insert_header("x-linked-size", SIZE.to_string())
            .insert_header("x-linked-etag", format!("\"{sha}\""))
            .insert_header("location", "/elsewhere")
    };
    let file = HubFile::parse("owner/tiny/q/tiny.gguf").unwrap();
    let world = world(&hub).await;

    Mock::given(method("HEAD"))
        .and(path(PATH))
        .respond_with(facts(Checksum::of(b"x")))
        .up_to_n_times(1)
        .mount(&hub)
        .await;
    Mock::given(method("HEAD"))
        .and(path(PATH))
        .respond_with(facts(Checksum::of(&weights())))
        .expect(1)
        .mount(&hub)
        .await;
    Mock::given(method("GET"))
        .and(path(PATH))
        .respond_with(whole())
        .expect(2)
        .mount(&hub)
        .await;
    let error = world
        .catalog()
        .ensure_hub(&file, &world.store, |_| {})
        .await
        .unwrap_err();
    assert!(error.to_string().contains("SHA-256"), "{error}");
    let got = world
        .catalog()
        .ensure_hub(&file, &world.store, |_| {})
        .await
        .unwrap();
    assert_eq!(fs::read(&got).unwrap(), weights());
    let again = world
        .catalog()
        .ensure_hub(&file, &world.store, |_| {})
        .await
        .unwrap();
    assert_eq!(again, got, "and the hub is not asked again");
}

#[tokio::test]
async fn a_hub_file_without_a_checksum_must_at_least_be_a_gguf() {
    let hub = MockServer::start().await;
    Mock::given(method("HEAD"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&hub)
        .await;
    Mock::given(method("GET"))
        .respond_with(whole())
        .mount(&hub)
        .await;
    let file = HubFile::parse("owner/tiny/q/tiny.gguf").unwrap();
    let world = world(&hub).await;
    let error = world
        .catalog()
        .ensure_hub(&file, &world.store, |_| {})
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("not a usable GGUF file"),
        "{error}"
    );
}

#[tokio::test]
async fn what_came_from_the_hub_is_listed_and_removed() {
    let hub = MockServer::start().await;
    Mock::given(method("HEAD"))
        .respond_with(
            ResponseTemplate::new(200)
                .insert_header("x-linked-etag", format!("\"{}\"", Checksum::of(&weights()))),
        )
        .mount(&hub)
        .await;
    Mock::given(method("GET"))
        .respond_with(whole())
        .mount(&hub)
        .await;
    let world = world(&hub).await;
    let catalog = world.catalog();
    assert!(catalog.hub_list(&world.store).is_empty());
    let file = HubFile::parse("owner/a-repo@v1/q4/one.gguf").unwrap();
    let path = catalog.ensure_hub(&file, &world.store, |_| ()).await;
    let path = path.unwrap();
    let folder = path.parent().unwrap();
    // Made from it, begun, and the user's own.
    fs::write(folder.join("q4--one.q8.gguf"), "converted").unwrap();
    fs::write(folder.join("two.gguf.partial"), "begun").unwrap();
    fs::write(world.store.root().join("hub/note.sha256"), "").unwrap();

    let listed = catalog.hub_list(&world.store);
    let bytes = SIZE as u64;
    let named = HubFile::parse("owner/a-repo@v1/q4--one.gguf").unwrap();
    let begun = HubFile::parse("owner/a-repo@v1/two.gguf").unwrap();
    let expected = [
        (
            named.clone(),
            Status::Installed {
                path: path.clone(),
                bytes,
            },
        ),
        (
            begun.clone(),
            Status::Partial {
                path: folder.join("two.gguf.partial"),
                bytes: 5,
            },
        ),
    ];
    assert_eq!(listed, expected);
    let status = |file| catalog.hub_status(file, &world.store).unwrap();
    assert_eq!(status(&file), status(&named), "one file, two names");
    let mut elsewhere = named.clone();
    elsewhere.file = "../x.gguf".into();
    assert!(catalog.remove_hub(&elsewhere, &world.store).is_err());

    fs::write(&path, "changed").unwrap();
    assert!(matches!(status(&file), Status::Unverified { bytes: 7, .. }));
    assert_eq!(catalog.remove_hub(&file, &world.store).unwrap(), 7);
    assert_eq!(status(&file), Status::Missing);
    assert!(folder.join("q4--one.q8.gguf").exists(), "not its own");
    assert_eq!(catalog.remove_hub(&begun, &world.store).unwrap(), 5);
    assert!(catalog.hub_list(&world.store).is_empty());
}
