//! The cache, the search path, the lock, and what can go wrong with folders.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use catena_models::catalog::{Progress, SourceKind, Status, Store};

use crate::support::{SIZE, World, skipped, weights};

fn verified(told: &[Progress]) -> bool {
    told.iter()
        .any(|progress| matches!(progress, Progress::Verifying { .. }))
}

#[tokio::test]
async fn an_unknown_name_is_refused_with_the_known_ones() {
    let world = World::new();
    let error = world
        .catalog()
        .ensure("tini", &world.store, |_| {})
        .await
        .unwrap_err();
    assert!(error.is_invalid());
    assert_eq!(
        error.help(),
        Some("did you mean `tiny`? known models: tiny")
    );
}

#[tokio::test]
async fn a_file_that_was_touched_is_hashed_once_more() {
    let world = World::new();
    let path = world.ensure().await.0.unwrap();
    let touch = |seconds| {
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(seconds))
            .unwrap();
    };
    touch(10);
    assert!(matches!(
        world.catalog().status("tiny", &world.store).unwrap(),
        Status::Unverified { .. }
    ));
    assert!(verified(&world.ensure().await.1));
    assert!(!verified(&world.ensure().await.1));
    assert_eq!(world.calls().len(), 3, "nothing was fetched again");

    let mut spoilt = weights();
    spoilt[9] ^= 1;
    fs::write(&path, spoilt).unwrap();
    touch(20);
    let (result, told) = world.ensure().await;
    assert_eq!(fs::read(result.unwrap()).unwrap(), weights());
    assert!(
        skipped(&told, SourceKind::Cache)
            .unwrap()
            .contains("its SHA-256 is")
    );
}

#[tokio::test]
async fn a_file_of_the_users_own_is_used_where_it_lies() {
    let mut world = World::new();
    let (wrong, right) = (world.path("wrong"), world.path("right"));
    fs::create_dir(&wrong).unwrap();
    fs::create_dir(&right).unwrap();
    fs::write(wrong.join("tiny.gguf"), vec![7; SIZE]).unwrap();
    fs::write(right.join("tiny.gguf"), weights()).unwrap();
    let folders = [world.path("none"), wrong, right.clone()];
    world.settings = world.settings.clone().with_search_path(folders);

    let (result, told) = world.ensure().await;
    assert_eq!(result.unwrap(), right.join("tiny.gguf"));
    let reasons = told.iter().filter(|progress| {
        matches!(
            progress,
            Progress::Skipped {
                source: SourceKind::Local,
                ..
            }
        )
    });
    assert_eq!(reasons.count(), 2);
    assert!(world.calls().is_empty());
    assert_eq!(
        fs::read_dir(&right).unwrap().count(),
        1,
        "nothing is left in the user's folder"
    );
    assert!(!world.stored("tiny.gguf").exists());

    world.settings = world.settings.clone().with_search_path([right]);
    assert!(
        !verified(&world.ensure().await.1),
        "the second time it is not hashed"
    );
    assert!(matches!(
        world.catalog().status("tiny", &world.store).unwrap(),
        Status::Installed { .. }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pulls_at_once_fetch_once() {
    let world = World::new();
    let ((first, told), (second, told_too)) = tokio::join!(world.ensure(), world.ensure());
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(world.calls().len(), 3);
    let waited = [told, told_too]
        .iter()
        .filter(|told| told.contains(&Progress::Waiting))
        .count();
    assert_eq!(waited, 1);
}

#[tokio::test]
async fn a_pull_can_be_spawned() {
    let world = World::new();
    let (catalog, store) = (world.catalog(), world.store.clone());
    let task = tokio::spawn(async move { catalog.ensure("tiny", &store, |_| {}).await });
    assert_eq!(task.await.unwrap().unwrap(), world.stored("tiny.gguf"));
}

#[tokio::test]
async fn status_and_remove_follow_a_models_life() {
    let world = World::new();
    let catalog = world.catalog();
    let status = || catalog.list(&world.store).remove(0).1;
    assert_eq!(status(), Status::Missing);
    assert_eq!(catalog.remove("tiny", &world.store).unwrap(), 0);
    let path = world.ensure().await.0.unwrap();
    assert_eq!(
        status(),
        Status::Installed {
            path,
            bytes: SIZE as u64
        }
    );
    assert_eq!(catalog.remove("tiny", &world.store).unwrap(), SIZE as u64);
    assert_eq!(status(), Status::Missing);
    assert!(!world.stored("").exists());
    assert!(
        catalog
            .remove("large", &world.store)
            .unwrap_err()
            .is_invalid()
    );
}

#[tokio::test]
async fn a_model_that_is_being_pulled_is_not_removed() {
    let world = World::new();
    world.behave("hang");
    let pid = world.path("python/pid");
    let refused = async {
        while !pid.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.catalog().remove("tiny", &world.store).unwrap_err()
    };
    let error = tokio::select! {
        _ = world.ensure() => panic!("pip hangs"),
        error = refused => error,
    };
    assert!(error.to_string().contains("is being pulled"), "{error}");
}

#[tokio::test]
async fn a_store_that_cannot_be_written_stops_the_pull_at_once() {
    let world = World::new();
    fs::write(world.path("file"), b"").unwrap();
    let store = Store::new(world.path("file/cache"));
    let error = world
        .catalog()
        .ensure("tiny", &store, |_| {})
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("could not create "),
        "{error}"
    );
    assert!(error.help().unwrap().contains("CATENA_CACHE_DIR"));
    assert!(world.calls().is_empty());
}

/// `/dev/full` is a device that takes no byte, as a full disk does.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_says_so() {
    let hub = wiremock::MockServer::start().await;
    let whole = wiremock::ResponseTemplate::new(200).set_body_bytes(weights());
    wiremock::Mock::given(wiremock::matchers::method("GET"))
        .respond_with(whole)
        .mount(&hub)
        .await;
    let mut world = World::new();
    world.use_hub(&hub.uri());
    fs::create_dir_all(world.stored("")).unwrap();
    std::os::unix::fs::symlink("/dev/full", world.stored("tiny.gguf.partial")).unwrap();
    let error = world.ensure().await.0.unwrap_err();
    assert!(
        error.to_string().contains("there is no room left"),
        "{error}"
    );
    assert!(!error.is_retryable());
    assert!(world.calls().is_empty(), "no other source is tried");
}
