//! What a sandbox does when a layer is left out or cannot be had.

use catena_tools::{Command, Layer, Limits, Sandbox, SandboxBuilder, Status, Workspace};

use crate::support::{Bystander, Marker, all_refused, block_on, limits, python_in, run_in};

fn without(layer: Layer) -> SandboxBuilder {
    Sandbox::builder().limits(limits()).without(layer)
}

fn python(sandbox: &Sandbox, program: &str) -> catena_tools::Output {
    python_in(sandbox, program, &Workspace::new().unwrap())
}

/// The working folder is for everyone, since without namespaces its path has to be entered.
#[test]
fn without_namespaces_files_and_sockets_are_still_out_of_reach() {
    let home = std::env::var("HOME").unwrap();
    let file = format!("{home}/.catena-layers-{}", std::process::id());
    std::fs::write(&file, "secret").unwrap();
    let sandbox = without(Layer::Namespaces).build().unwrap();
    let command = Command::new("/usr/bin/python3");
    let workspace = Workspace::new().unwrap();
    let program = format!(
        "{}for path in ({file:?}, '/etc/shadow', '/etc/passwd', '/proc/{}/environ'):\n  attempt(lambda: read(path))\nfor path in ({file:?}, '/tmp/catena-x', '/usr/catena-x'):\n  attempt(lambda: write(path))\nattempt(lambda: socket.socket(socket.AF_INET))\nattempt(lambda: socket.socket(socket.AF_UNIX))\nattempt(lambda: os.setsid())",
        crate::support::PRELUDE,
        std::process::id(),
    );
    workspace.write("main.py", program).unwrap();
    let output = run_in(&sandbox, command.arg("main.py"), workspace.path());
    std::fs::remove_file(&file).unwrap();
    all_refused(&output, &["EACCES", "EPERM"]);
    assert_eq!(output.stdout.text.lines().count(), 10, "{output:?}");
}

#[test]
fn without_namespaces_no_process_is_left_either() {
    let sandbox = without(Layer::Namespaces).build().unwrap();
    let mut bystander = Bystander::new();
    let workspace = Workspace::new().unwrap();
    let program = format!(
        "{}for _ in range(5):\n  if os.fork() == 0:\n    try: os.setsid()\n    except OSError: pass\n    if os.fork() == 0: time.sleep(300)\n    os._exit(0)\nattempt(lambda: os.kill({}, 15))\nattempt(lambda: os.setpgid(0, 0))",
        crate::support::PRELUDE,
        bystander.pid()
    );
    workspace.write("main.py", program).unwrap();
    let output = run_in(
        &sandbox,
        Command::new("/usr/bin/python3").arg("main.py"),
        workspace.path(),
    );
    all_refused(&output, &["EPERM", "ESRCH"]);
    assert!(bystander.is_running());
}

#[test]
fn without_namespaces_a_fork_bomb_is_bounded() {
    let sandbox = without(Layer::Namespaces)
        .limits(Limits {
            processes: 20,
            ..limits()
        })
        .build()
        .unwrap();
    let workspace = Workspace::new()
        .unwrap()
        .with("main.py", "import os, time\nmade = 0\ntry:\n  for _ in range(300):\n    if os.fork() == 0: time.sleep(300)\n    made += 1\nexcept OSError: print('refused')")
        .unwrap();
    let output = run_in(
        &sandbox,
        Command::new("/usr/bin/python3").arg("main.py"),
        workspace.path(),
    );
    assert_eq!(output.stdout.text, "refused\n", "{output:?}");
}

#[test]
fn without_namespaces_nothing_can_be_protected() {
    let sandbox = without(Layer::Namespaces).build().unwrap();
    let workspace = Workspace::new().unwrap().with("a", "").unwrap();
    let command = Command::new("true").protect("a");
    let error = block_on(sandbox.run(&command, workspace.path())).unwrap_err();
    assert!(error.to_string().contains("protected"), "{error}");
}

#[test]
fn without_landlock_the_mounts_hold() {
    let sandbox = without(Layer::Landlock).build().unwrap();
    let home = std::env::var("HOME").unwrap();
    let output = python(
        &sandbox,
        &format!(
            "for path in ('/usr/x', '/etc/x', '/x', '{home}/.x', os.__file__):\n  attempt(lambda: write(path))\nattempt(lambda: read('/etc/shadow'))\nattempt(lambda: os.open('/proc/1/mem', os.O_RDONLY))\nattempt(lambda: write('/proc/1/oom_score_adj'))"
        ),
    );
    all_refused(&output, &["EROFS", "ENOENT", "EACCES", "EPERM"]);
}

#[test]
fn without_seccomp_the_namespaces_hold() {
    let sandbox = without(Layer::Seccomp).build().unwrap();
    let output = python(
        &sandbox,
        "attempt(lambda: socket.create_connection(('127.0.0.1', 22), 2))\nattempt(lambda: libc.mount(b'none', b'/work', b'tmpfs', 0, 0) and call(165, b'none', b'/work', b'tmpfs', 0, 0))\nattempt(lambda: os.kill(1, 9) or os.kill(4000000, 0))",
    );
    all_refused(
        &output,
        &["EACCES", "EPERM", "ENETUNREACH", "ESRCH", "ECONNREFUSED"],
    );
}

#[test]
fn without_the_watch_single_processes_are_limited() {
    let sandbox = without(Layer::Watch)
        .limits(Limits {
            memory: 256 << 20,
            ..limits()
        })
        .build()
        .unwrap();
    let output = python(&sandbox, "attempt(lambda: len(b'x' * (512 << 20)))");
    assert_eq!(output.stdout.text, "REFUSED ENOMEM\n", "{output:?}");
}

#[test]
fn without_namespaces_and_seccomp_there_is_none() {
    let error = without(Layer::Namespaces)
        .without(Layer::Seccomp)
        .build()
        .unwrap_err();
    assert!(error.is_invalid(), "{error}");
}

/// A sandbox within a sandbox cannot have the layers, and says so rather than run without.
#[test]
fn a_machine_without_a_layer_is_told_which() {
    let sandbox = without(Layer::Seccomp).build().unwrap();
    let test = std::env::current_exe().unwrap();
    let inner = Sandbox::builder()
        .limits(limits())
        .readable(test.parent().unwrap())
        .build()
        .unwrap();
    drop(sandbox);
    let workspace = Workspace::new().unwrap();
    let command = Command::new(test.to_string_lossy()).args([
        "--ignored",
        "--exact",
        "layers::says_what_is_missing",
        "--nocapture",
    ]);
    let output = run_in(&inner, command, workspace.path());
    assert!(output.is_success(), "{output:?}");
    assert!(
        output
            .stdout
            .text
            .contains("the sandbox cannot have namespaces"),
        "{output:?}"
    );
    assert!(
        output.stdout.text.contains("without(Layer::Namespaces)"),
        "{output:?}"
    );
}

/// Run by [`a_machine_without_a_layer_is_told_which`], where there are no namespaces to be had.
#[test]
#[ignore = "`make test` runs it inside a sandbox, from a_machine_without_a_layer_is_told_which"]
fn says_what_is_missing() {
    let error = Sandbox::new().unwrap_err();
    println!("{error}\n{}", error.help().unwrap_or_default());
}

#[test]
fn killing_the_program_that_runs_a_sandbox_ends_what_runs_in_it() {
    let marker = Marker::new();
    let folder = Workspace::new().unwrap();
    let test = std::env::current_exe().unwrap();
    let mut host = std::process::Command::new(test)
        .args(["--ignored", "--exact", "layers::runs_for_long"])
        .env("CATENA_TEST_INNER", marker.name())
        .env("CATENA_TEST_FOLDER", folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    while marker.left().len() < 3 {
        assert!(begun.elapsed().as_secs() < 30, "did not start");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    host.kill().unwrap();
    host.wait().unwrap();
    let killed = std::time::Instant::now();
    while !marker.left().is_empty() {
        assert!(killed.elapsed().as_secs() < 5, "left: {:?}", marker.left());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Run by [`killing_the_program_that_runs_a_sandbox_ends_what_runs_in_it`].
#[test]
#[ignore = "`make test` runs it from killing_the_program_that_runs_a_sandbox_ends_what_runs_in_it"]
fn runs_for_long() {
    let name = std::env::var("CATENA_TEST_INNER").unwrap();
    let folder = std::env::var("CATENA_TEST_FOLDER").unwrap();
    let command = Marker::named(name).mark(Command::new("python3").args([
        "-c",
        "import os, time\nfor _ in range(3):\n  if os.fork() == 0: os.setsid(); time.sleep(25)\ntime.sleep(25)",
    ]));
    let output = block_on(crate::support::sandbox().run(&command, folder.as_ref())).unwrap();
    assert_ne!(output.status, Status::Exited(1));
}
