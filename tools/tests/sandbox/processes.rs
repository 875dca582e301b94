//! Attempts on other processes, and to outlive the run.

use catena_tools::{Status, Workspace};

use crate::support::{
    Bystander, outside, python, python_in, refused, refused_only_within, sandbox,
};

#[test]
fn killing_the_parent() {
    refused(
        &format!(
            "attempt(lambda: os.kill({}, signal.SIGKILL))",
            std::process::id()
        ),
        &["ESRCH", "EPERM"],
    );
    // The nearest ancestor is the first process, which takes no signal from within.
    let output = python("os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(0.1)\nprint('on')");
    assert!(
        output.is_success() || output.status == Status::Exited(1),
        "{output:?}"
    );
}

#[test]
fn killing_a_process_of_the_host() {
    let mut bystander = Bystander::new();
    let program = format!(
        "attempt(lambda: os.kill({}, signal.SIGTERM))",
        bystander.pid()
    );
    refused(&program, &["ESRCH", "EPERM"]);
    assert!(bystander.is_running());
    outside(&program);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(!bystander.is_running());
}

#[test]
fn killing_everyone() {
    let mut bystander = Bystander::new();
    // All that it may signal: itself not included.
    python("try: os.kill(-1, signal.SIGKILL)\nexcept OSError: pass\nprint('on')");
    assert!(bystander.is_running());
}

#[test]
fn killing_the_group_it_was_started_from() {
    let mut bystander = Bystander::new();
    let output = python(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.killpg(0, signal.SIGTERM)\nprint('on')",
    );
    assert_eq!(output.stdout.text, "on\n", "{output:?}");
    assert!(bystander.is_running());
}

#[test]
fn changing_the_priority_of_a_process_of_the_host() {
    let bystander = Bystander::new();
    refused_only_within(
        &format!(
            "attempt(lambda: os.setpriority(os.PRIO_PROCESS, {}, 19))",
            bystander.pid()
        ),
        &["ESRCH", "EPERM"],
    );
}

#[test]
fn limits_of_a_process_of_the_host() {
    let bystander = Bystander::new();
    refused_only_within(
        &format!(
            "import resource\nattempt(lambda: resource.prlimit({}, resource.RLIMIT_CORE, (0, 0)) and 1)",
            bystander.pid()
        ),
        &["ESRCH", "EPERM"],
    );
}

#[test]
fn a_descriptor_of_a_process_of_the_host() {
    let bystander = Bystander::new();
    refused(
        &format!("attempt(lambda: os.pidfd_open({}))", bystander.pid()),
        &["ESRCH", "EINVAL"],
    );
    refused(
        "attempt(lambda: call(438, os.pidfd_open(os.getpid()), 0, 0))",
        &["EPERM"],
    );
}

#[test]
fn a_daemon_that_forks_twice() {
    let output = python(
        "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    time.sleep(300)\n  os._exit(0)\nos.wait()\nprint('left')",
    );
    // `python` has looked for what is left.
    assert_eq!(output.stdout.text, "left\n", "{output:?}");
}

#[test]
fn a_daemon_that_keeps_the_output_open() {
    let output = python(
        "subprocess.Popen(['sh', '-c', 'setsid sleep 300 & exec sleep 300'])\nprint('left')",
    );
    assert_eq!(output.stdout.text, "left\n", "{output:?}");
    assert!(output.wall.as_secs() < 20, "{output:?}");
}

#[test]
fn a_daemon_without_hangups() {
    let output = python(
        "subprocess.Popen(['nohup', 'sleep', '300'], start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\nprint('left')",
    );
    assert_eq!(output.stdout.text, "left\n", "{output:?}");
}

#[test]
fn a_daemon_that_is_started_at_the_exit() {
    let output = python(
        "import atexit\natexit.register(lambda: os.fork() or (os.setsid(), time.sleep(300)))\nprint('leaving')",
    );
    assert!(output.stdout.text.starts_with("leaving"), "{output:?}");
}

#[test]
fn daemons_that_start_each_other_anew() {
    let output = python(
        r#"
def relay(end):
    while time.time() < end:
        if os.fork() > 0:
            os._exit(0)
        os.setsid()
        time.sleep(0.002)
for _ in range(4):
    if os.fork() == 0:
        relay(time.time() + 20)
        os._exit(0)
time.sleep(0.2)
print('left')
"#,
    );
    assert_eq!(output.stdout.text, "left\n", "{output:?}");
}

#[test]
fn ignoring_every_signal() {
    let quick = sandbox().with_limits(catena_tools::Limits {
        wall: std::time::Duration::from_secs(6),
        ..crate::support::limits()
    });
    let output = python_in(
        &quick,
        "for number in range(1, 65):\n  try: signal.signal(number, signal.SIG_IGN)\n  except (OSError, ValueError): pass\nprint('deaf', flush=True)\nwhile True: time.sleep(100)",
        &Workspace::new().unwrap(),
    );
    assert_eq!(output.status, Status::TimedOut, "{output:?}");
    assert_eq!(output.stdout.text, "deaf\n");
}

#[test]
fn leaving_the_process_group() {
    let output = python("if os.fork() == 0:\n  os.setpgid(0, 0)\n  time.sleep(300)\nprint('left')");
    assert_eq!(output.stdout.text, "left\n", "{output:?}");
}

#[test]
fn a_process_that_is_stopped() {
    let output = python(
        "pid = os.fork()\nif pid == 0:\n  time.sleep(300)\nos.kill(pid, signal.SIGSTOP)\nprint('left')",
    );
    assert_eq!(output.stdout.text, "left\n", "{output:?}");
}

#[test]
fn typing_into_the_terminal() {
    refused(
        "import fcntl, termios\nattempt(lambda: fcntl.ioctl(0, termios.TIOCSTI, b'x'))\nattempt(lambda: fcntl.ioctl(0, 0x541c, b'x'))",
        &["EPERM"],
    );
    refused(
        "attempt(lambda: os.open('/dev/tty', os.O_RDWR))\nattempt(lambda: os.open('/dev/ptmx', os.O_RDWR))",
        &["ENOENT", "EACCES", "ENXIO"],
    );
}

#[test]
fn signals_over_a_descriptor_to_the_first_process() {
    let output = python(
        "fd = os.pidfd_open(1)\ntry: signal.pidfd_send_signal(fd, signal.SIGKILL)\nexcept OSError: pass\ntime.sleep(0.1)\nprint('on')",
    );
    assert_eq!(output.stdout.text, "on\n", "{output:?}");
}
