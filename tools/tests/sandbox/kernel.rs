//! Attempts over system calls that no program of this kind needs.
//!
//! Their arguments are such that nothing would happen outside either.

use crate::support::{python, refused, refused_only_within};

fn call_is_refused(number: libc::c_long, args: &str) {
    refused(
        &format!("attempt(lambda: call({number}, {args}))"),
        &["EPERM"],
    );
}

#[test]
fn tracing_another_process() {
    refused_only_within(
        &format!(
            "pid = os.fork()\nif pid == 0:\n  time.sleep(1)\n  os._exit(0)\nattempt(lambda: call({}, 0x4206, pid, 0, 0))",
            libc::SYS_ptrace
        ),
        &["EPERM"],
    );
}

#[test]
fn asking_to_be_traced() {
    call_is_refused(libc::SYS_ptrace, "0, 0, 0, 0");
}

#[test]
fn reading_the_memory_of_another_process() {
    call_is_refused(libc::SYS_process_vm_readv, "1, 0, 0, 0, 0, 0");
    call_is_refused(libc::SYS_process_vm_writev, "1, 0, 0, 0, 0, 0");
}

#[test]
fn a_user_namespace_of_its_own() {
    refused_only_within(
        &format!(
            "def new():\n  if os.fork() == 0:\n    os._exit(0)\n  return call({}, 0x10000000)\nattempt(new)",
            libc::SYS_unshare
        ),
        &["EPERM"],
    );
}

#[test]
fn namespaces_by_clone() {
    // SIGCHLD, so that a child would end at once like any other.
    for flag in ["0x10000000", "0x00020000", "0x20000000", "0x40000000"] {
        call_is_refused(libc::SYS_clone, &format!("{flag} | 17, 0, 0, 0, 0"));
    }
}

#[test]
fn namespaces_by_clone3() {
    // Its flags are in memory, where no filter sees them.
    refused(
        &format!("attempt(lambda: call({}, 0, 0))", libc::SYS_clone3),
        &["ENOSYS"],
    );
}

#[test]
fn joining_a_namespace() {
    call_is_refused(libc::SYS_setns, "0, 0");
    refused(
        "attempt(lambda: os.open('/proc/1/ns/mnt', os.O_RDONLY))",
        &["EACCES", "EPERM"],
    );
}

#[test]
fn mounting() {
    refused(
        &format!(
            "attempt(lambda: call({0}, b'none', b'/work', b'tmpfs', 0, 0))\n\
             attempt(lambda: call({0}, b'/usr', b'/work', 0, 4096, 0))\n\
             attempt(lambda: call({0}, b'none', b'/', 0, 32 | 4096, 0))\n\
             attempt(lambda: call({1}, b'/proc', 2))",
            libc::SYS_mount,
            libc::SYS_umount2
        ),
        &["EPERM"],
    );
}

#[test]
fn mounting_the_newer_way() {
    call_is_refused(libc::SYS_fsopen, "b'tmpfs', 0");
    call_is_refused(libc::SYS_open_tree, "-100, b'/', 1");
    call_is_refused(libc::SYS_move_mount, "0, b'', 0, b'', 0");
    call_is_refused(libc::SYS_mount_setattr, "-100, b'/', 0, 0, 0");
}

#[test]
fn changing_the_root() {
    call_is_refused(libc::SYS_chroot, "b'/work'");
    call_is_refused(libc::SYS_pivot_root, "b'.', b'.'");
}

#[test]
fn setuid_programs() {
    let output = python(
        "import shutil\nprint(read('/proc/self/status') and [line for line in open('/proc/self/status') if line.startswith(('NoNewPrivs', 'CapEff', 'CapPrm', 'CapBnd'))])\n\
         for name in ('su', 'sudo', 'mount', 'newuidmap'):\n  path = shutil.which(name)\n  if path:\n    r = subprocess.run([path, '--version'], capture_output=True)\n\
         r = subprocess.run(['su', '-c', 'id -u'], capture_output=True, text=True, stdin=subprocess.DEVNULL)\nprint(r.returncode != 0, '0' in r.stdout)",
    );
    assert!(output.stdout.text.contains("NoNewPrivs:\\t1"), "{output:?}");
    assert_eq!(
        output.stdout.text.matches("0000000000000000").count(),
        3,
        "{output:?}"
    );
    assert!(output.stdout.text.ends_with("True False\n"), "{output:?}");
}

#[test]
fn becoming_root() {
    refused(
        "attempt(lambda: os.setuid(0))\nattempt(lambda: os.setresuid(0, 0, 0))\nattempt(lambda: os.setgid(0))\nattempt(lambda: os.setgroups([0]))",
        &["EPERM", "EINVAL"],
    );
}

#[test]
fn a_setuid_file_of_its_own() {
    let output = python(
        "import shutil\nshutil.copy('/usr/bin/id', 'id')\nos.chmod('id', 0o6777)\nprint(subprocess.run(['./id', '-u'], capture_output=True, text=True).stdout)",
    );
    assert_eq!(output.stdout.text.trim(), "1000", "{output:?}");
}

#[test]
fn raising_capabilities() {
    refused(
        &format!(
            "header = ctypes.create_string_buffer(b'\\x22\\x05\\x08\\x20' + b'\\0' * 4)\nall = ctypes.create_string_buffer(b'\\xff' * 24)\nattempt(lambda: call({}, header, all))",
            libc::SYS_capset
        ),
        &["EPERM"],
    );
}

#[test]
fn making_devices() {
    refused(
        "import stat\nattempt(lambda: os.mknod('mem', stat.S_IFCHR | 0o666, os.makedev(1, 1)))\nattempt(lambda: os.mknod('/tmp/disk', stat.S_IFBLK | 0o666, os.makedev(8, 0)))\nattempt(lambda: os.mknod('/dev/null2', stat.S_IFCHR | 0o666, os.makedev(1, 3)))",
        &["EPERM", "EACCES"],
    );
}

#[test]
fn devices_of_the_host() {
    let names = [
        "mem",
        "kmem",
        "port",
        "kvm",
        "fuse",
        "vda",
        "sda",
        "net/tun",
        "input/event0",
        "vsock",
        "loop-control",
    ];
    let program: String = names
        .iter()
        .map(|name| format!("attempt(lambda: os.open('/dev/{name}', os.O_RDWR))\n"))
        .collect();
    refused(&program, &["ENOENT"]);
}

#[test]
fn io_uring() {
    call_is_refused(libc::SYS_io_uring_setup, "1, 0");
}

#[test]
fn loading_programs_into_the_kernel() {
    call_is_refused(libc::SYS_bpf, "0, 0, 0");
}

#[test]
fn keys_of_the_kernel() {
    call_is_refused(libc::SYS_keyctl, "0, -3, 0");
    call_is_refused(libc::SYS_add_key, "b'user', b'k', b'v', 1, -3");
    call_is_refused(libc::SYS_request_key, "b'user', b'k', 0, -3");
}

#[test]
fn performance_counters() {
    call_is_refused(libc::SYS_perf_event_open, "0, 0, -1, -1, 0");
}

#[test]
fn handling_page_faults() {
    call_is_refused(libc::SYS_userfaultfd, "1");
}

#[test]
fn another_kernel() {
    call_is_refused(libc::SYS_kexec_load, "0, 0, 0, 0");
    // With magic numbers that the kernel would not take.
    call_is_refused(libc::SYS_reboot, "0, 0, 0, 0");
}

#[test]
fn modules_of_the_kernel() {
    call_is_refused(libc::SYS_init_module, "0, 0, b''");
    call_is_refused(libc::SYS_finit_module, "-1, b'', 0");
    call_is_refused(libc::SYS_delete_module, "b'none', 0");
}

#[test]
fn changing_the_clock() {
    call_is_refused(libc::SYS_clock_settime, "99, 0");
    call_is_refused(libc::SYS_settimeofday, "0, 0");
    call_is_refused(libc::SYS_adjtimex, "0");
}

#[test]
fn changing_the_name_of_the_host() {
    let before = rustix::system::uname().nodename().to_owned();
    refused("attempt(lambda: socket.sethostname('taken'))", &["EPERM"]);
    assert_eq!(rustix::system::uname().nodename(), before.as_c_str());
    assert_eq!(
        python("print(os.uname().nodename)").stdout.text,
        "sandbox\n"
    );
}

#[test]
fn swapping_and_accounting() {
    call_is_refused(libc::SYS_swapon, "b'/none', 0");
    call_is_refused(libc::SYS_acct, "0");
    call_is_refused(libc::SYS_quotactl, "0, 0, 0, 0");
}

#[test]
fn files_by_handle() {
    call_is_refused(libc::SYS_open_by_handle_at, "0, 0, 0");
    call_is_refused(libc::SYS_name_to_handle_at, "-100, b'/', 0, 0, 0");
}

#[test]
fn watching_the_files_of_others() {
    call_is_refused(libc::SYS_fanotify_init, "0, 0");
}

#[test]
fn shared_memory_of_system_five() {
    let get = libc::SYS_shmget;
    refused_only_within(
        &format!(
            "def new():\n  n = call({get}, 0, 4096, 0o1600)\n  call({}, n, 0, 0)\n  return 1\nattempt(new)",
            libc::SYS_shmctl
        ),
        &["EPERM"],
    );
}

#[test]
fn message_queues() {
    call_is_refused(libc::SYS_msgget, "0, 0o1600");
    call_is_refused(libc::SYS_mq_open, "b'queue', 0o102, 0o600, 0");
    call_is_refused(libc::SYS_semget, "0, 1, 0o1600");
}

#[test]
fn another_personality() {
    // ADDR_NO_RANDOMIZE and READ_IMPLIES_EXEC.
    refused_only_within(
        &format!(
            "attempt(lambda: call({}, 0x0040000) + 1)",
            libc::SYS_personality
        ),
        &["EPERM"],
    );
    refused(
        &format!(
            "attempt(lambda: call({}, 0x0400000))",
            libc::SYS_personality
        ),
        &["EPERM"],
    );
}

#[test]
fn calls_that_the_kernel_does_not_have_yet() {
    refused("attempt(lambda: call(100000))", &["ENOSYS"]);
    // The other numbering of x86_64, by which filters have been passed.
    if cfg!(target_arch = "x86_64") {
        refused(
            "attempt(lambda: call(0x40000000 + 165, 0, 0, 0, 0, 0))",
            &["ENOSYS"],
        );
    }
}

#[test]
fn a_filter_of_its_own_does_not_help() {
    // An empty filter on top: the stricter answer still counts.
    refused(
        "class Line(ctypes.Structure): _fields_ = [('code', ctypes.c_ushort), ('jt', ctypes.c_ubyte), ('jf', ctypes.c_ubyte), ('k', ctypes.c_uint)]\n\
         class Program(ctypes.Structure): _fields_ = [('len', ctypes.c_ushort), ('filter', ctypes.POINTER(Line))]\n\
         line = Line(6, 0, 0, 0x7fff0000)\nprogram = Program(1, ctypes.pointer(line))\n\
         assert libc.prctl(22, 2, ctypes.byref(program)) == 0\n\
         attempt(lambda: socket.socket(socket.AF_INET))",
        &["EPERM"],
    );
}
