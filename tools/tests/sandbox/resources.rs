//! Attempts to take everything: processes, memory, disk, time, output. All are bounded in
//! themselves, so that a sandbox that does not hold would do no harm.

use std::time::Duration;

use catena_tools::{Limits, Output, Status, Workspace};

use crate::support::{limits, python, python_in, sandbox};

fn small(program: &str) -> (Output, Workspace) {
    let sandbox = sandbox().with_limits(Limits {
        memory: 256 << 20,
        file_size: 8 << 20,
        disk: 24 << 20,
        processes: 24,
        output: 4 << 10,
        ..limits()
    });
    let workspace = Workspace::new().unwrap();
    (python_in(&sandbox, program, &workspace), workspace)
}

#[test]
fn a_fork_bomb() {
    let (output, _) = small(
        "made = 0\ntry:\n  for _ in range(200):\n    if os.fork() == 0:\n      time.sleep(300)\n    made += 1\nexcept OSError as error:\n  print(made, errno.errorcode[error.errno])",
    );
    assert_eq!(output.stdout.text, "23 EAGAIN\n", "{output:?}");
}

#[test]
fn a_fork_bomb_that_doubles() {
    let (output, _) = small(
        "refused = 0\nfor _ in range(8):\n  try: os.fork()\n  except OSError: refused += 1\nif refused: os.write(1, b'r')\ntime.sleep(0.3)",
    );
    assert!(output.stdout.text.contains('r'), "{output:?}");
    assert!(output.stdout.text.len() <= 24, "{output:?}");
}

#[test]
fn a_thread_bomb() {
    let (output, _) = small(
        "made = 0\ntry:\n  for _ in range(200):\n    threading.Thread(target=time.sleep, args=(300,), daemon=True).start()\n    made += 1\nexcept RuntimeError:\n  print(made, flush=True)\nos._exit(0)",
    );
    assert_eq!(output.stdout.text, "23\n", "{output:?}");
}

#[test]
fn a_memory_bomb_of_one_process() {
    let (output, _) = small("attempt(lambda: len(b'x' * (512 << 20)))");
    assert_eq!(output.stdout.text, "REFUSED ENOMEM\n", "{output:?}");
}

#[test]
fn a_memory_bomb_that_grows() {
    let (output, _) = small(
        "held = []\ntry:\n  for _ in range(2000): held.append(os.urandom(1 << 20))\nexcept MemoryError:\n  n = len(held); held.clear(); print(n < 260)",
    );
    assert!(
        output.status == Status::OutOfMemory || output.stdout.text == "True\n",
        "{output:?}"
    );
}

#[test]
fn a_memory_bomb_of_many_processes() {
    let (output, _) = small(
        "for _ in range(6):\n  if os.fork() == 0:\n    held = b'x' * (100 << 20)\n    time.sleep(20)\n    os._exit(0)\ntime.sleep(20)",
    );
    assert_eq!(output.status, Status::OutOfMemory, "{output:?}");
}

#[test]
fn a_memory_bomb_of_shared_memory() {
    let (output, _) = small(
        "m = mmap.mmap(-1, 800 << 20)\nfor at in range(0, 800 << 20, 4096): m[at] = 1\nprint('had it')",
    );
    assert_eq!(output.status, Status::OutOfMemory, "{output:?}");
}

#[test]
fn a_memory_bomb_of_files_in_memory() {
    let (output, _) = small("attempt(lambda: os.memfd_create('x'))");
    assert_eq!(output.stdout.text, "REFUSED EPERM\n", "{output:?}");
}

#[test]
fn a_memory_bomb_in_tmp() {
    let (output, _) = small(
        "def fill(folder):\n  for n in range(100):\n    with open(f'{folder}/{n}', 'wb', buffering=0) as f:\n      for _ in range(4):\n        if f.write(b'x' * (1 << 20)) < (1 << 20): raise OSError(errno.ENOSPC, 'short')\n  return 'filled'\nattempt(lambda: fill('/tmp'))\nattempt(lambda: fill('/dev/shm'))",
    );
    assert_eq!(
        output.stdout.text, "REFUSED ENOSPC\nREFUSED ENOSPC\n",
        "{output:?}"
    );
}

#[test]
fn one_file_that_is_too_long() {
    let (output, workspace) = small(
        "def fill():\n  with open('big', 'wb', buffering=0) as f:\n    for _ in range(64): f.write(b'x' * (1 << 20))\nattempt(fill)",
    );
    assert_eq!(output.stdout.text, "REFUSED EFBIG\n", "{output:?}");
    let length = std::fs::metadata(workspace.path().join("big"))
        .unwrap()
        .len();
    assert!(length <= 8 << 20, "{length}");
}

#[test]
fn one_file_too_long_of_a_program_that_does_not_ask() {
    let (output, _) = small(
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nos.execvp('sh', ['sh', '-c', 'exec dd if=/dev/zero of=big bs=1M count=64 2>&1'])",
    );
    assert_eq!(output.status, Status::OutOfDisk, "{output:?}");
}

#[test]
fn many_files() {
    let (output, _) = small(
        "for n in range(60):\n  with open(f'f{n}', 'wb') as f: f.write(b'x' * (1 << 20))\n  time.sleep(0.02)\ntime.sleep(20)",
    );
    assert_eq!(output.status, Status::OutOfDisk, "{output:?}");
}

#[test]
fn many_empty_files() {
    let (output, _) = small(
        "for n in range(60000):\n  os.close(os.open(f'f{n}', os.O_CREAT))\n  if n % 1000 == 0: time.sleep(0.02)\ntime.sleep(20)",
    );
    assert_eq!(output.status, Status::OutOfDisk, "{output:?}");
}

#[test]
fn many_files_at_once_before_anyone_looks() {
    let (output, _) =
        small("for n in range(5):\n  with open(f'f{n}', 'wb') as f: f.write(b'x' * (7 << 20))");
    assert_eq!(output.status, Status::OutOfDisk, "{output:?}");
}

#[test]
fn folders_in_folders() {
    let (output, _) =
        small("for n in range(200):\n  os.mkdir('d')\n  os.chdir('d')\ntime.sleep(20)");
    assert_eq!(output.status, Status::OutOfDisk, "{output:?}");
}

#[test]
fn sparse_files_take_what_they_take() {
    let (output, _) =
        small("attempt(lambda: os.truncate(os.open('sparse', os.O_CREAT | os.O_RDWR), 1 << 40))");
    assert_eq!(output.stdout.text, "REFUSED EFBIG\n", "{output:?}");
}

#[test]
fn files_without_a_name() {
    let (output, _) = small(
        "held = []\nfor n in range(12):\n  f = open('f', 'wb', buffering=0)\n  os.unlink('f')\n  f.write(b'x' * (5 << 20))\n  held.append(f)\ntime.sleep(20)",
    );
    assert_eq!(output.status, Status::OutOfDisk, "{output:?}");
}

#[test]
fn files_without_a_name_or_a_descriptor() {
    let (output, _) = small(
        "held = []\nfor n in range(12):\n  with open('f', 'w+b', buffering=0) as f:\n    os.unlink('f')\n    f.write(b'x' * (5 << 20))\n    held.append(mmap.mmap(f.fileno(), 4096))\n    f.close()\n  os.close(os.open('/dev/null', os.O_RDONLY))\nfor fd in range(3, 64):\n  try: os.close(fd)\n  except OSError: pass\ntime.sleep(20)",
    );
    assert_eq!(output.status, Status::OutOfDisk, "{output:?}");
}

#[test]
fn endless_output() {
    let (output, _) = small("while True: os.write(1, b'y' * 4096)");
    assert_eq!(output.status, Status::TooMuchOutput, "{output:?}");
    assert!(
        output.stdout.text.len() < 5000 && output.stdout.omitted > 1 << 19,
        "{output:?}"
    );
}

#[test]
fn endless_errors() {
    let (output, _) = small("while True: os.write(2, b'y' * 4096)");
    assert_eq!(output.status, Status::TooMuchOutput, "{output:?}");
    assert!(output.stderr.text.len() < 5000, "{output:?}");
}

#[test]
fn endless_output_and_errors_of_several_processes() {
    let (output, _) = small(
        "os.fork(), os.fork()\nwhile True:\n  os.write(1, b'y' * 512)\n  os.write(2, b'n' * 512)",
    );
    assert_eq!(output.status, Status::TooMuchOutput, "{output:?}");
}

#[test]
fn one_very_long_line_keeps_both_ends() {
    let (output, _) = small("sys.stdout.write('a' + 'x' * 200000 + 'z')");
    assert_eq!(output.status, Status::Exited(0));
    assert!(output.stdout.text.starts_with("ax") && output.stdout.text.ends_with("xz"));
    assert_eq!(output.stdout.omitted, 200_002 - 4096, "{output:?}");
}

#[test]
fn a_zip_bomb() {
    let (output, _) = small(
        "import zlib\nsmall = zlib.compress(b'\\0' * (64 << 20), 9)\nattempt(lambda: len(b''.join(zlib.decompress(small) for _ in range(16))))",
    );
    assert!(
        output.stdout.text == "REFUSED ENOMEM\n" || output.status == Status::OutOfMemory,
        "{output:?}"
    );
}

fn hurried(program: &str, limits: Limits) -> Output {
    python_in(
        &sandbox().with_limits(limits),
        program,
        &Workspace::new().unwrap(),
    )
}

#[test]
fn sleeping_for_ever() {
    let output = hurried(
        "time.sleep(1000)",
        Limits {
            wall: Duration::from_millis(500),
            ..limits()
        },
    );
    assert_eq!(output.status, Status::TimedOut, "{output:?}");
    assert!(output.wall >= Duration::from_millis(500) && output.wall < Duration::from_secs(10));
}

#[test]
fn spinning_for_ever() {
    let output = hurried(
        "while True: pass",
        Limits {
            cpu: Duration::from_secs(1),
            ..limits()
        },
    );
    assert_eq!(output.status, Status::OutOfCpu, "{output:?}");
    // The kernel counts ticks for the limit, and more exactly for what it reports.
    assert!(output.cpu >= Duration::from_millis(500), "{output:?}");
}

#[test]
fn spinning_with_the_signal_ignored() {
    let output = hurried(
        "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        Limits {
            cpu: Duration::from_secs(1),
            ..limits()
        },
    );
    assert_eq!(output.status, Status::OutOfCpu, "{output:?}");
}

#[test]
fn spinning_in_many_short_processes() {
    let output = hurried(
        "while True:\n  if os.fork() == 0:\n    end = time.process_time() + 0.1\n    while time.process_time() < end: pass\n    os._exit(0)\n  os.wait()",
        Limits {
            cpu: Duration::from_secs(1),
            ..limits()
        },
    );
    assert_eq!(output.status, Status::OutOfCpu, "{output:?}");
}

#[test]
fn raising_the_limits() {
    let output = python(
        "import resource\nfor what in (resource.RLIMIT_NPROC, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE):\n  soft, hard = resource.getrlimit(what)\n  try:\n    resource.setrlimit(what, (hard + 1, hard + 1)); print('DONE', what)\n  except (OSError, ValueError): print('REFUSED')",
    );
    assert_eq!(output.stdout.text, "REFUSED\n".repeat(6), "{output:?}");
}

#[test]
fn dumping_core() {
    let (output, workspace) = small(
        "import resource\nprint(resource.getrlimit(resource.RLIMIT_CORE), flush=True)\nos.abort()",
    );
    assert_eq!(output.status, Status::Killed(6), "{output:?}");
    assert_eq!(output.stdout.text, "(0, 0)\n");
    let names: Vec<_> = std::fs::read_dir(workspace.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(names, ["main.py"]);
}

#[test]
fn many_descriptors() {
    let (output, _) = small("attempt(lambda: [os.dup(0) for _ in range(5000)])");
    assert_eq!(output.stdout.text, "REFUSED EMFILE\n", "{output:?}");
}

#[test]
fn locking_memory() {
    let (output, _) = small(
        "m = mmap.mmap(-1, 8 << 20)\nattempt(lambda: call(149, ctypes.addressof(ctypes.c_char.from_buffer(m)), 8 << 20))",
    );
    if cfg!(target_arch = "x86_64") {
        assert!(output.stdout.text.starts_with("REFUSED E"), "{output:?}");
    }
}
