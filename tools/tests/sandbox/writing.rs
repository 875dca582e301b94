//! Attempts to change what is not the program's own, tests above all.

use std::{fs, os::unix::fs::PermissionsExt};

use catena_tools::{Command, Output, Workspace};

use crate::support::{PRELUDE, block_on, outside, python, refused, run_in, sandbox};

const REFUSED: &[&str] = &["EACCES", "EROFS", "ENOENT", "EPERM", "EBUSY", "EXDEV"];

#[test]
fn system_folders() {
    refused(
        "for path in ('/usr/catena', '/usr/lib/catena', '/usr/local/bin/ls', '/bin/catena', '/etc/catena', '/etc/passwd', '/catena', '/dev/catena', '/proc/self/comm'):\n  attempt(lambda: write(path))",
        REFUSED,
    );
    assert!(!std::path::Path::new("/usr/catena").exists());
}

#[test]
fn removing_system_files() {
    refused(
        "attempt(lambda: os.unlink('/usr/bin/env'))\nattempt(lambda: os.rename('/usr/bin/env', '/usr/bin/env2'))\nattempt(lambda: os.rmdir('/usr/lib'))\nattempt(lambda: os.rename('/usr', '/user'))",
        REFUSED,
    );
    assert!(std::path::Path::new("/usr/bin/env").exists());
}

#[test]
fn truncating_and_changing_modes_of_system_files() {
    refused(
        "attempt(lambda: os.truncate('/etc/ld.so.cache', 0))\nattempt(lambda: os.chmod('/usr/bin/env', 0o777))\nattempt(lambda: os.utime('/usr/bin/env'))\nattempt(lambda: os.chown('/usr/bin/env', 1000, 1000))",
        REFUSED,
    );
}

#[test]
fn the_home_folder() {
    let home = std::env::var("HOME").unwrap();
    refused(
        &format!(
            "for name in ('.bashrc', '.profile', '.catena-test-new', '.ssh/authorized_keys'):\n  attempt(lambda: write('{home}/' + name))"
        ),
        REFUSED,
    );
    assert!(
        !std::path::Path::new(&home)
            .join(".catena-test-new")
            .exists()
    );
}

#[test]
fn packages_of_python() {
    refused(
        "import site\nfor folder in site.getsitepackages() + [sys.prefix, os.path.dirname(os.__file__)]:\n  attempt(lambda: write(folder + '/catena_test.pth'))\nattempt(lambda: write(os.__file__))",
        REFUSED,
    );
}

#[test]
fn the_registry_of_cargo_and_the_toolchain() {
    refused(
        "home = os.environ['CARGO_HOME']\nfor path in (home + '/config.toml', home + '/registry/catena', home + '/bin/cargo'):\n  attempt(lambda: write(path))\nroot = subprocess.run(['rustc', '--print', 'sysroot'], capture_output=True, text=True).stdout.strip()\nassert root\nattempt(lambda: write(root + '/bin/rustc'))\nattempt(lambda: write(root + '/lib/catena'))",
        REFUSED,
    );
}

#[test]
fn the_folder_that_holds_the_working_folder() {
    let workspace = Workspace::new().unwrap();
    let parent = workspace
        .path()
        .parent()
        .unwrap()
        .join(format!("catena-escaped-{}", std::process::id()));
    let output = crate::support::python_in(
        sandbox(),
        &format!(
            "attempt(lambda: write('../escaped'))\nattempt(lambda: os.rename('/work', '/moved'))\nattempt(lambda: os.rmdir('/work'))\nattempt(lambda: write({parent:?}) or os.stat({parent:?}) and 1/0)"
        ),
        &workspace,
    );
    // The last is in its own /tmp, if the host's folder is /tmp: there it may be written.
    assert!(!parent.exists());
    assert!(output.stdout.text.starts_with("REFUSED"), "{output:?}");
    assert_eq!(
        output.stdout.text.matches("REFUSED").count().max(3),
        output.stdout.text.lines().count().max(3),
        "{output:?}"
    );
    assert!(workspace.path().exists());
}

#[test]
fn a_link_to_write_through() {
    let target = std::env::temp_dir().join(format!("catena-target-{}", std::process::id()));
    fs::write(&target, "before").unwrap();
    let program = format!(
        "os.symlink({:?}, 'link')\ntry:\n  write('link')\nexcept OSError as error:\n  print(error)",
        target
    );
    python(&program);
    assert_eq!(fs::read_to_string(&target).unwrap(), "before");
    outside(&program);
    assert_eq!(fs::read_to_string(&target).unwrap(), "beforechanged");
    fs::remove_file(&target).unwrap();
}

#[test]
fn settings_of_the_first_process_and_its_own() {
    refused(
        "for path in ('/proc/1/oom_score_adj', '/proc/self/oom_score_adj', '/proc/self/uid_map', '/proc/self/setgroups', '/proc/self/mem', '/proc/self/attr/current', '/proc/sysrq-trigger', '/proc/sys/kernel/core_pattern'):\n  attempt(lambda: write(path))",
        REFUSED,
    );
}

/// Runs a program in a folder in which `tests/unit/test_it.py` and `conftest.py` are protected.
fn against_tests(program: &str) -> (Workspace, Output) {
    let workspace = Workspace::new()
        .unwrap()
        .with("tests/unit/test_it.py", "original")
        .unwrap()
        .with("tests/unit/__init__.py", "")
        .unwrap()
        .with("conftest.py", "original")
        .unwrap()
        .with("main.py", format!("{PRELUDE}{program}"))
        .unwrap();
    let command = Command::new("python3")
        .arg("main.py")
        .protect("tests/unit/test_it.py")
        .protect("conftest.py");
    let output = run_in(sandbox(), command, workspace.path());
    (workspace, output)
}

fn tests_are_kept(program: &str) {
    let (workspace, output) = against_tests(program);
    crate::support::all_refused(&output, REFUSED);
    assert_eq!(workspace.read("tests/unit/test_it.py").unwrap(), "original");
    assert_eq!(workspace.read("conftest.py").unwrap(), "original");
}

#[test]
fn writing_over_the_tests() {
    tests_are_kept(
        "attempt(lambda: write('tests/unit/test_it.py'))\nattempt(lambda: open('conftest.py', 'w'))\nattempt(lambda: os.truncate('conftest.py', 0))",
    );
}

#[test]
fn deleting_the_tests() {
    tests_are_kept(
        "attempt(lambda: os.unlink('tests/unit/test_it.py'))\nattempt(lambda: os.unlink('conftest.py'))",
    );
}

#[test]
fn replacing_the_tests_by_another_file() {
    tests_are_kept(
        "open('mine', 'w').write('mine')\nattempt(lambda: os.replace('mine', 'tests/unit/test_it.py'))\nattempt(lambda: os.replace('mine', 'conftest.py'))\nattempt(lambda: os.rename('conftest.py', 'other'))",
    );
}

#[test]
fn renaming_a_folder_above_the_tests() {
    tests_are_kept(
        "attempt(lambda: os.rename('tests', 'tests2'))\nattempt(lambda: os.rename('tests/unit', 'tests/unit2'))\nattempt(lambda: os.rename('tests/unit', 'unit'))",
    );
}

#[test]
fn changing_the_mode_of_the_tests() {
    tests_are_kept(
        "attempt(lambda: os.chmod('conftest.py', 0o666))\nattempt(lambda: os.utime('conftest.py'))",
    );
}

#[test]
fn another_name_for_the_tests() {
    let (workspace, output) = against_tests(
        "attempt(lambda: os.link('tests/unit/test_it.py', 'mine'))\nattempt(lambda: os.link('conftest.py', 'mine'))",
    );
    crate::support::all_refused(&output, &["EXDEV", "EPERM", "EACCES"]);
    assert_eq!(workspace.read("conftest.py").unwrap(), "original");
}

#[test]
fn a_link_in_place_of_the_tests_for_the_next_run() {
    let workspace = Workspace::new()
        .unwrap()
        .with("tests/test_it.py", "original")
        .unwrap();
    let run = |program: &str| crate::support::python_in(sandbox(), program, &workspace);
    assert!(run("os.rename('tests', 'mine')\nos.symlink('mine', 'tests')").is_success());
    let command = Command::new("true").protect("tests/test_it.py");
    let error = block_on(sandbox().run(&command, workspace.path())).unwrap_err();
    assert!(
        error.is_invalid() && error.to_string().contains("protected"),
        "{error}"
    );
    for path in ["../outside", "/etc/passwd", "not-there"] {
        let command = Command::new("true").protect(path);
        let error = block_on(sandbox().run(&command, workspace.path())).unwrap_err();
        assert!(error.is_invalid(), "{path}: {error}");
    }
}

#[test]
fn a_whole_folder_of_tests_can_be_protected() {
    let workspace = Workspace::new()
        .unwrap()
        .with("tests/a.py", "original")
        .unwrap()
        .with("main.py", format!("{PRELUDE}attempt(lambda: write('tests/a.py'))\nattempt(lambda: write('tests/new.py'))\nattempt(lambda: os.rename('tests', 't'))\nattempt(lambda: os.unlink('tests/a.py'))"))
        .unwrap();
    let output = run_in(
        sandbox(),
        Command::new("python3").arg("main.py").protect("tests"),
        workspace.path(),
    );
    crate::support::all_refused(&output, REFUSED);
    assert_eq!(workspace.read("tests/a.py").unwrap(), "original");
}

#[test]
fn a_library_to_be_loaded_into_others() {
    // It is loaded into the program itself at most; nothing of the run's environment reaches the host.
    let workspace = Workspace::new().unwrap();
    let command = Command::new("python3").args([
        "-c",
        "import os; os.environ['LD_PRELOAD'] = '/work/x.so'; os.execvp('id', ['id', '-u'])",
    ]);
    let output = run_in(sandbox(), command, workspace.path());
    assert_eq!(output.stdout.text, "1000\n", "{output:?}");
    assert!(std::env::var_os("LD_PRELOAD").is_none());
}

#[test]
fn a_folder_that_resists_being_removed() {
    let workspace = Workspace::new().unwrap();
    let path = workspace.path().to_owned();
    let output = crate::support::python_in(
        sandbox(),
        "os.makedirs('locked/inner')\nopen('locked/inner/file', 'w')\nos.chmod('locked/inner', 0)\nos.chmod('locked', 0)\nfor _ in range(60):\n  os.mkdir('d' * 200)\n  os.chdir('d' * 200)\nopen('deep', 'w')\nprint('made')",
        &workspace,
    );
    assert_eq!(output.stdout.text, "made\n", "{output:?}");
    drop(workspace);
    assert!(!path.exists());
}

#[test]
fn what_a_program_leaves_is_not_executable_for_the_host_by_accident() {
    // Modes are the program's own affair; a file of root's with its bit set would be another's.
    let workspace = Workspace::new().unwrap();
    crate::support::python_in(
        sandbox(),
        "open('tool', 'w').write('x')\nos.chmod('tool', 0o4755)",
        &workspace,
    );
    let data = fs::metadata(workspace.path().join("tool")).unwrap();
    if rustix::process::geteuid().is_root() && data.permissions().mode() & 0o4000 != 0 {
        assert_ne!(std::os::unix::fs::MetadataExt::uid(&data), 0);
    }
}
