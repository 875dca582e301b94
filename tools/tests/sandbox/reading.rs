//! Attempts to read what is not the program's business.

use std::{fs, path::PathBuf, process::Command as Process};

use catena_tools::{Command, Workspace};

use crate::support::{
    Bystander, outside, python, python_in, refused, refused_only_within, run_in, sandbox,
};

const HIDDEN: &[&str] = &["ENOENT", "EACCES", "ELOOP"];

/// A file with a secret in a folder, removed in the end.
struct Secret(PathBuf);

impl Secret {
    fn in_home() -> Self {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        Self::at(home.join(format!(
            ".catena-test-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        )))
    }

    fn at(path: PathBuf) -> Self {
        fs::write(&path, "secret").unwrap();
        Self(path)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_of_the_home_folder() {
    let secret = Secret::in_home();
    refused_only_within(&format!("attempt(lambda: read({:?}))", secret.0), HIDDEN);
}

#[test]
fn the_list_of_the_home_folder() {
    let secret = Secret::in_home();
    let home = secret.0.parent().unwrap();
    let program =
        format!("try:\n  print(os.listdir({home:?}))\nexcept OSError:\n  print('hidden')");
    let name = secret.0.file_name().unwrap().to_string_lossy().into_owned();
    assert!(outside(&program).contains(&name));
    // There may be the folders above a toolchain, and nothing else.
    let output = python(&program);
    assert!(
        !output.stdout.text.is_empty() && !output.stdout.text.contains(&name),
        "{output:?}"
    );
}

#[test]
fn keys_for_other_machines_and_credentials() {
    let home = std::env::var("HOME").unwrap();
    let paths = [
        ".ssh/id_rsa",
        ".ssh/id_ed25519",
        ".aws/credentials",
        ".netrc",
        ".git-credentials",
        ".cargo/credentials.toml",
        ".bash_history",
    ];
    let program: String = paths
        .iter()
        .map(|path| format!("attempt(lambda: read('{home}/{path}'))\n"))
        .collect();
    refused(&program, HIDDEN);
}

#[test]
fn the_folder_of_toolchains_is_not_a_way_to_its_neighbours() {
    let secret = Secret::in_home();
    let name = secret.0.file_name().unwrap().to_string_lossy().into_owned();
    let prefix = python("print(sys.prefix)").stdout.text.trim().to_owned();
    let up: String = (0..12)
        .map(|depth| format!("attempt(lambda: read({prefix:?} + '/..' * {depth} + '/{name}'))\n"))
        .collect();
    refused(&up, HIDDEN);
}

#[test]
fn passwords_of_the_host() {
    refused(
        "attempt(lambda: read('/etc/shadow'))\nattempt(lambda: read('/etc/gshadow'))\nattempt(lambda: read('/etc/sudoers'))",
        HIDDEN,
    );
}

#[test]
fn users_of_the_host() {
    let within = python("print(read('/etc/passwd'))").stdout.text;
    assert!(within.starts_with("b'sandbox:x:1000"), "{within}");
    assert!(!within.contains("root"), "{within}");
}

#[test]
fn secrets_in_the_environment() {
    // This test's own environment is the one that is not handed on.
    assert!(
        std::env::vars()
            .any(|(key, _)| key == "CARGO_MANIFEST_DIR" || key == "LOGNAME" || key == "PWD")
    );
    let output = run_in(
        sandbox(),
        Command::new("env"),
        Workspace::new().unwrap().path(),
    );
    let mut keys: Vec<_> = output
        .stdout
        .text
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    keys.sort_unstable();
    let known = [
        "CARGO_HOME",
        "CARGO_NET_OFFLINE",
        "CATENA_TEST_RUN",
        "HOME",
        "LANG",
        "PATH",
        "TERM",
        "TMPDIR",
        "USER",
    ];
    assert!(keys.iter().all(|key| known.contains(key)), "{keys:?}");
}

#[test]
fn the_environment_of_the_parent_over_proc() {
    let parent = std::process::id();
    refused_only_within(
        &format!("attempt(lambda: len(read('/proc/{parent}/environ')))"),
        HIDDEN,
    );
}

#[test]
fn the_environment_of_the_first_process() {
    // It is a copy of the parent.
    refused(
        "attempt(lambda: read('/proc/1/environ'))\nattempt(lambda: read('/proc/1/maps'))",
        &["EACCES", "EPERM"],
    );
}

#[test]
fn the_memory_of_the_first_process() {
    refused(
        "attempt(lambda: os.open('/proc/1/mem', os.O_RDONLY))\nattempt(lambda: os.open('/proc/1/mem', os.O_RDWR))",
        &["EACCES", "EPERM"],
    );
}

#[test]
fn the_memory_of_a_process_of_the_host() {
    let bystander = Bystander::new();
    refused_only_within(
        &format!(
            "attempt(lambda: os.open('/proc/{}/mem', os.O_RDONLY) and 1)",
            bystander.pid()
        ),
        HIDDEN,
    );
}

#[test]
fn descriptors_of_the_first_process() {
    refused(
        "attempt(lambda: os.listdir('/proc/1/fd'))\nattempt(lambda: os.open('/proc/1/fd/3', os.O_WRONLY))",
        &["EACCES", "EPERM", "ENOENT"],
    );
}

#[test]
fn the_root_of_the_first_process() {
    let secret = Secret::in_home();
    refused(
        &format!(
            "attempt(lambda: read('/proc/1/root' + {:?}))\nattempt(lambda: os.listdir('/proc/1/cwd'))",
            secret.0
        ),
        &["EACCES", "EPERM", "ENOENT"],
    );
}

#[test]
fn the_own_root_over_proc() {
    let secret = Secret::in_home();
    refused(
        &format!(
            "attempt(lambda: read('/proc/self/root' + {0:?}))\nattempt(lambda: read('/proc/self/cwd/..' + {0:?}))",
            secret.0
        ),
        HIDDEN,
    );
}

#[test]
fn processes_of_the_host_are_not_seen() {
    let program = "print(sorted(int(name) for name in os.listdir('/proc') if name.isdigit()))";
    let output = python(program);
    assert_eq!(output.stdout.text, "[1, 2]\n", "{output:?}");
    assert!(outside(program).len() > 20);
}

#[test]
fn settings_and_memory_of_the_kernel_over_proc() {
    let paths = [
        "sys/kernel/core_pattern",
        "kcore",
        "kmsg",
        "kallsyms",
        "sysrq-trigger",
        "keys",
        "config.gz",
        "cmdline",
    ];
    let program: String = paths
        .iter()
        .map(|path| format!("attempt(lambda: read('/proc/{path}'))\n"))
        .collect();
    refused(&program, &["ENOENT"]);
}

#[test]
fn descriptors_that_the_parent_has_open() {
    // One that is inherited by whatever does not close it.
    let secret = Secret::in_home();
    let file = fs::File::open(&secret.0).unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let program = "print(sorted(int(fd) for fd in os.listdir('/proc/self/fd')))";
    let output = python(program);
    // The last one is the list itself.
    assert_eq!(output.stdout.text, "[0, 1, 2, 3]\n", "{output:?}");
    let inherited = Process::new("sh")
        .args(["-c", "ls -l /proc/self/fd"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&inherited.stdout).contains("catena-test"));
}

#[test]
fn a_link_out_of_the_folder() {
    let secret = Secret::in_home();
    let program = format!(
        "try: os.unlink('link')\nexcept OSError: pass\nos.symlink({:?}, 'link')\nattempt(lambda: read('link'))",
        secret.0
    );
    refused_only_within(&program, HIDDEN);
}

#[test]
fn a_hard_link_out_of_the_folder() {
    let secret = Secret::in_home();
    refused(
        &format!(
            "attempt(lambda: os.link({:?}, 'link'))\nattempt(lambda: os.link('/etc/passwd', 'other'))",
            secret.0
        ),
        &["ENOENT", "EACCES", "EXDEV", "EPERM"],
    );
}

#[test]
fn dots_out_of_the_folder() {
    let secret =
        Secret::at(std::env::temp_dir().join(format!("catena-test-{}", std::process::id())));
    let name = secret.0.file_name().unwrap().to_string_lossy().into_owned();
    refused_only_within(&format!("attempt(lambda: read('../{name}'))"), HIDDEN);
    refused(
        &format!("attempt(lambda: read('../../..{}'))", secret.0.display()),
        HIDDEN,
    );
}

#[test]
fn another_workspace() {
    let other = Workspace::new().unwrap().with("private", "secret").unwrap();
    refused_only_within(
        &format!("attempt(lambda: read({:?}))", other.path().join("private")),
        HIDDEN,
    );
}

#[test]
fn the_host_reads_no_link_that_a_program_left() {
    let secret = Secret::in_home();
    let workspace = Workspace::new().unwrap();
    let folder = secret.0.parent().unwrap();
    let name = secret.0.file_name().unwrap().to_string_lossy().into_owned();
    let output = python_in(
        sandbox(),
        &format!(
            "os.symlink({:?}, 'file')\nos.symlink({folder:?}, 'folder')\nos.mkfifo('pipe')\nos.mkdir('d')\nprint('made')",
            secret.0
        ),
        &workspace,
    );
    assert_eq!(output.stdout.text, "made\n", "{output:?}");
    for path in ["file", &format!("folder/{name}"), "pipe", "d"] {
        assert!(workspace.read(path).is_err(), "{path}");
    }
    // Writing replaces the link and does not go through it.
    workspace.write("file", "new").unwrap();
    assert!(workspace.write(format!("folder/{name}"), "new").is_err());
    assert_eq!(fs::read_to_string(&secret.0).unwrap(), "secret");
    assert_eq!(workspace.read("file").unwrap(), "new");
}

#[test]
fn log_of_the_kernel() {
    refused(
        "attempt(lambda: libc.klogctl(3, ctypes.create_string_buffer(99), 99) + 1 or call(-1))\nattempt(lambda: os.open('/dev/kmsg', os.O_RDONLY))",
        &["EPERM", "ENOENT", "ENOSYS"],
    );
}
