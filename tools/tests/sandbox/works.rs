//! What has to work in a sandbox.

use std::time::{Duration, Instant};

use catena_tools::{Command, Limits, Sandbox, Status, Workspace};

use crate::support::{Marker, block_on, limits, python, python_in, run_in, sandbox};

#[test]
fn python_runs_and_reads_its_input() {
    let workspace = Workspace::new()
        .unwrap()
        .with(
            "main.py",
            "import sys\nprint(sys.stdin.read().upper())\nprint('e', file=sys.stderr)",
        )
        .unwrap();
    let command = Command::new("python3").arg("main.py").stdin("häl\nlo");
    let output = run_in(sandbox(), command, workspace.path());
    assert_eq!(output.status, Status::Exited(0), "{output:?}");
    assert_eq!(output.stdout.text, "HÄL\nLO\n");
    assert_eq!(output.stderr.text, "e\n");
    assert!(output.wall > Duration::ZERO && output.wall < Duration::from_secs(30));
    let json = serde_json::to_string(&output).unwrap();
    assert_eq!(
        serde_json::from_str::<catena_tools::Output>(&json).unwrap(),
        output
    );
}

#[test]
fn input_of_some_megabytes_arrives() {
    let workspace = Workspace::new().unwrap();
    let command = Command::new("wc").arg("-c").stdin(vec![b'a'; 3 << 20]);
    let output = run_in(sandbox(), command, workspace.path());
    assert_eq!(output.stdout.text.trim(), "3145728");
}

#[test]
fn exit_status_and_signals_are_told() {
    assert_eq!(python("sys.exit(7)").status, Status::Exited(7));
    assert_eq!(
        python("os.kill(os.getpid(), signal.SIGSEGV)").status,
        Status::Killed(11)
    );
    assert_eq!(python("os.abort()").status, Status::Killed(6));
}

/// Whether this user has a toolchain to show; CI has.
fn has_rust() -> bool {
    let is_there = std::process::Command::new("rustc")
        .arg("-V")
        .output()
        .is_ok();
    assert!(
        is_there || std::env::var_os("CARGO").is_none(),
        "cargo runs this test, and there is no rustc"
    );
    is_there
}

#[test]
fn rust_compiles_and_runs() {
    if !has_rust() {
        return;
    }
    let workspace = Workspace::new()
        .unwrap()
        .with(
            "main.rs",
            "fn main() { let v: Vec<u32> = (1..5).collect(); println!(\"{}\", v.iter().sum::<u32>()); }",
        )
        .unwrap();
    let compiled = run_in(
        sandbox(),
        Command::new("rustc").args(["--edition", "2024", "main.rs"]),
        workspace.path(),
    );
    assert!(compiled.is_success(), "{compiled:?}");
    let output = run_in(sandbox(), Command::new("./main"), workspace.path());
    assert_eq!(output.stdout.text, "10\n", "{output:?}");
}

#[test]
fn cargo_tests_a_package() {
    if !has_rust() {
        return;
    }
    let workspace = Workspace::new()
        .unwrap()
        .with(
            "Cargo.toml",
            "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
        )
        .unwrap()
        .with(
            "src/lib.rs",
            "pub fn one() -> u8 { 1 }\n#[test]\nfn is_one() { assert_eq!(one(), 1); }\n\
             #[test]\nfn is_two() { assert_eq!(one(), 2); }\n",
        )
        .unwrap();
    let output = run_in(
        sandbox(),
        Command::new("cargo").args(["test", "--offline", "--lib"]),
        workspace.path(),
    );
    assert_eq!(output.status, Status::Exited(101), "{output:?}");
    assert!(
        output.stdout.text.contains("test is_one ... ok"),
        "{output:?}"
    );
    assert!(
        output.stdout.text.contains("test is_two ... FAILED"),
        "{output:?}"
    );
}

#[test]
fn what_programs_commonly_use_works() {
    let output = python(
        r#"
import asyncio, multiprocessing, pathlib, sqlite3, tempfile, ssl, zoneinfo
print(asyncio.run(asyncio.sleep(0, "asyncio")))
print(subprocess.run(["sh", "-c", "echo shell"], capture_output=True, text=True).stdout.strip())
with tempfile.NamedTemporaryFile() as file:
    file.write(b"x"); print("temporary")
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(abs, [-1, -2]))
sqlite3.connect("db").execute("create table t (a)"); print("sqlite")
os.mkfifo("pipe"); print("fifo")
a, b = socket.socketpair(); a.send(b"s"); print(b.recv(1))
pathlib.Path("a/b").mkdir(parents=True); os.rename("a/b", "c"); print("renamed")
print(os.getcwd(), open("/dev/urandom", "rb").read(2) != b"", os.cpu_count() > 0)
print(os.path.expanduser("~"), os.environ["TMPDIR"])
threading.Thread(target=print, args=("thread",)).start()
"#,
    );
    assert!(output.is_success(), "{output:?}");
    assert_eq!(
        output.stdout.text,
        "asyncio\nshell\ntemporary\n[1, 2]\nsqlite\nfifo\nb's'\nrenamed\n/work True True\n\
         /tmp /tmp\nthread\n"
    );
}

#[test]
fn files_stay_from_one_run_to_the_next_and_temporary_ones_do_not() {
    let workspace = Workspace::new().unwrap();
    python_in(
        sandbox(),
        "open('kept', 'w').write('1'); open('/tmp/gone', 'w').write('2')",
        &workspace,
    );
    assert_eq!(workspace.read("kept").unwrap(), "1");
    let output = python_in(
        sandbox(),
        "print(open('kept').read(), os.path.exists('/tmp/gone'))\nopen('kept', 'a').write('3')",
        &workspace,
    );
    assert_eq!(output.stdout.text, "1 False\n");
    assert_eq!(workspace.read("kept").unwrap(), "13");
}

#[test]
fn a_program_that_is_not_there_is_an_error_that_says_so() {
    let workspace = Workspace::new().unwrap();
    let command = Command::new("no-such-program");
    let error = block_on(sandbox().run(&command, workspace.path())).unwrap_err();
    assert!(error.is_invalid(), "{error:?}");
    assert!(error.to_string().contains("no-such-program"), "{error}");
    let error = block_on(sandbox().run(&command, &workspace.path().join("no"))).unwrap_err();
    assert!(error.is_invalid(), "{error:?}");
}

#[test]
fn a_readable_folder_can_be_added_and_not_written_to() {
    let data = Workspace::new().unwrap().with("data.txt", "shown").unwrap();
    let place = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .join("sandbox-data");
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir(&place).unwrap();
    std::fs::copy(data.path().join("data.txt"), place.join("data.txt")).unwrap();
    let sandbox = Sandbox::builder()
        .limits(limits())
        .readable(&place)
        .build()
        .unwrap();
    let file = place.join("data.txt");
    let output = python_in(
        &sandbox,
        &format!("attempt(lambda: read({file:?}))\nattempt(lambda: write({file:?}))"),
        &Workspace::new().unwrap(),
    );
    assert!(
        [
            "DONE b'shown'\nREFUSED EACCES\n",
            "DONE b'shown'\nREFUSED EROFS\n"
        ]
        .contains(&output.stdout.text.as_str()),
        "{output:?}"
    );
    std::fs::remove_dir_all(&place).unwrap();
    assert!(
        Sandbox::builder()
            .readable("/no/such")
            .build()
            .unwrap_err()
            .is_invalid()
    );
    assert!(
        Sandbox::builder()
            .readable("/")
            .build()
            .unwrap_err()
            .is_invalid()
    );
}

#[test]
fn dropping_the_future_ends_everything() {
    let workspace = Workspace::new()
        .unwrap()
        .with(
            "main.py",
            "import os, time\nfor _ in range(3):\n  if os.fork() == 0: os.setsid()\nopen(f'up{os.getpid()}', 'w')\ntime.sleep(100)",
        )
        .unwrap();
    let marker = Marker::new();
    let command = marker.mark(Command::new("python3").arg("main.py"));
    block_on(async {
        let run = sandbox().run(&command, workspace.path());
        let waited = async {
            while marker.left().len() < 8 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            output = run => panic!("{output:?}"),
            () = waited => {}
        }
    });
    let dropped = Instant::now();
    while !marker.left().is_empty() {
        assert!(
            dropped.elapsed() < Duration::from_secs(5),
            "{:?}",
            marker.left()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn many_at_a_time_do_not_disturb_each_other() {
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..6)
            .map(|number| scope.spawn(move || python(&format!("print({number})"))))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for (number, output) in outputs.iter().enumerate() {
        assert_eq!(output.stdout.text, format!("{number}\n"), "{output:?}");
    }
}

#[test]
fn limits_can_differ_from_run_to_run() {
    let quick = sandbox().with_limits(Limits {
        wall: Duration::from_millis(300),
        ..limits()
    });
    let output = python_in(&quick, "time.sleep(60)", &Workspace::new().unwrap());
    assert_eq!(output.status, Status::TimedOut);
    assert!(python("time.sleep(0.4)").is_success());
}
