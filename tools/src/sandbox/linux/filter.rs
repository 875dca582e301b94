//! Seccomp: which system calls may be made.
//!
//! Two filters, of which the stricter answer counts. The first allows what is listed and answers
//! everything else, also what later kernels bring, as if the kernel did not have it (`ENOSYS`): C
//! libraries then do without. The second refuses (`EPERM`) what is known to be dangerous, so that a
//! program is told so.

use std::collections::BTreeMap;

use catena_core::{Error, Result};
use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filters in the order in which they are put on. `namespaces`: whether what stays allowed is
/// kept in by namespaces.
pub(super) fn filters(namespaces: bool) -> Result<Vec<Vec<libc::sock_filter>>> {
    let failed = |error: String| Error::other(format!("the sandbox has no filter: {error}"));
    let arch =
        TargetArch::try_from(std::env::consts::ARCH).map_err(|error| failed(error.to_string()))?;
    let errno = |errno: i32| SeccompAction::Errno(errno as u32);
    let allowed: Rules = ALLOWED
        .iter()
        .chain(ALLOWED_HERE)
        .chain(REFUSED)
        .chain(REFUSED_HERE)
        .map(|call| (*call, Vec::new()))
        .collect();
    let refused = refused(namespaces).map_err(|error| failed(error.to_string()))?;
    [
        SeccompFilter::new(allowed, errno(libc::ENOSYS), SeccompAction::Allow, arch),
        SeccompFilter::new(refused, SeccompAction::Allow, errno(libc::EPERM), arch),
    ]
    .into_iter()
    .map(|filter| {
        let program: BpfProgram = filter
            .and_then(TryInto::try_into)
            .map_err(|error| failed(error.to_string()))?;
        Ok(program
            .into_iter()
            .map(|line| libc::sock_filter {
                code: line.code,
                jt: line.jt,
                jf: line.jf,
                k: line.k,
            })
            .collect())
    })
    .collect()
}

fn refused(namespaces: bool) -> Result<Rules, seccompiler::BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let when = |argument: u8, op: SeccompCmpOp, value: u64| {
        SeccompRule::new(vec![SeccompCondition::new(
            argument,
            SeccompCmpArgLen::Dword,
            op,
            value,
        )?])
    };
    let mut rules: Rules = REFUSED
        .iter()
        .chain(REFUSED_HERE)
        .map(|call| (*call, Vec::new()))
        .collect();
    // New namespaces, of which each is an attack surface of its own. `clone3`, whose flags a filter
    // cannot see, is not in the list of what is allowed.
    let flags = [
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    let clone = flags
        .iter()
        .map(|flag| when(0, MaskedEq(*flag as u64), *flag as u64))
        .collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_clone, clone);
    // Typing into the terminal that the sandbox was started from.
    let ioctl = vec![when(1, Eq, libc::TIOCSTI)?, when(1, Eq, libc::TIOCLINUX)?];
    rules.insert(libc::SYS_ioctl, ioctl);
    // Nodes of devices; pipes and plain files may be made.
    let format = u64::from(libc::S_IFMT);
    for (call, argument) in MAKE_NODE {
        let nodes = vec![
            when(*argument, MaskedEq(format), u64::from(libc::S_IFCHR))?,
            when(*argument, MaskedEq(format), u64::from(libc::S_IFBLK))?,
        ];
        rules.insert(*call, nodes);
    }
    // Other families reach the network, the kernel (netlink) or the host of a virtual machine
    // (vsock, which no network namespace keeps in).
    let local = libc::AF_UNIX as u64;
    rules.insert(libc::SYS_socketpair, vec![when(0, Ne, local)?]);
    if namespaces {
        rules.insert(libc::SYS_socket, vec![when(0, Ne, local)?]);
    } else {
        // Sockets of the host would be within reach, and what left the group of processes would
        // not be ended with it.
        for call in [libc::SYS_socket, libc::SYS_setsid, libc::SYS_setpgid] {
            rules.insert(call, Vec::new());
        }
    }
    // 0: as it is; all ones: only asking.
    let personality = SeccompRule::new(vec![
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, Ne, 0)?,
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, Ne, 0xffff_ffff)?,
    ])?;
    rules.insert(libc::SYS_personality, vec![personality]);
    Ok(rules)
}

#[cfg(target_arch = "x86_64")]
const MAKE_NODE: &[(c_long, u8)] = &[(libc::SYS_mknod, 1), (libc::SYS_mknodat, 2)];
#[cfg(not(target_arch = "x86_64"))]
const MAKE_NODE: &[(c_long, u8)] = &[(libc::SYS_mknodat, 2)];

macro_rules! calls {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// Refused, whoever asks.
const REFUSED: &[c_long] = calls!(
    // Other processes' memory and descriptors.
    SYS_ptrace SYS_process_vm_readv SYS_process_vm_writev SYS_pidfd_getfd SYS_kcmp
    SYS_process_madvise SYS_move_pages SYS_migrate_pages
    // Namespaces and mounts.
    SYS_unshare SYS_setns SYS_mount SYS_umount2 SYS_pivot_root SYS_chroot SYS_open_tree
    SYS_move_mount SYS_fsopen SYS_fsconfig SYS_fsmount SYS_fspick SYS_mount_setattr
    // Parts of the kernel with many bugs behind them, or with ways around accounting.
    SYS_bpf SYS_perf_event_open SYS_userfaultfd SYS_io_uring_setup SYS_io_uring_enter
    SYS_io_uring_register SYS_io_setup SYS_add_key SYS_request_key SYS_keyctl SYS_vmsplice
    SYS_fanotify_init SYS_fanotify_mark SYS_name_to_handle_at SYS_open_by_handle_at
    // Memory that belongs to no process: it would be counted nowhere.
    SYS_memfd_create SYS_memfd_secret SYS_shmget SYS_shmat SYS_shmctl SYS_shmdt SYS_msgget
    SYS_msgsnd SYS_msgrcv SYS_msgctl SYS_semget SYS_semop SYS_semctl SYS_semtimedop SYS_mq_open
    SYS_mq_unlink SYS_mq_timedsend SYS_mq_timedreceive SYS_mq_notify SYS_mq_getsetattr
    SYS_mbind SYS_set_mempolicy
    // The machine.
    SYS_reboot SYS_kexec_load SYS_init_module SYS_finit_module SYS_delete_module SYS_swapon
    SYS_swapoff SYS_settimeofday SYS_clock_settime SYS_adjtimex SYS_clock_adjtime SYS_sethostname
    SYS_setdomainname SYS_acct SYS_quotactl SYS_syslog SYS_vhangup SYS_nfsservctl
);

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[c_long] = calls!(
    SYS_iopl SYS_ioperm SYS_modify_ldt SYS_kexec_file_load SYS_lookup_dcookie SYS_uselib SYS_ustat
    SYS_sysfs SYS__sysctl
);
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[c_long] = &[];

/// What programs, compilers and interpreters use.
const ALLOWED: &[c_long] = calls!(
    // Files.
    SYS_openat SYS_openat2 SYS_close SYS_close_range SYS_read SYS_write SYS_readv SYS_writev
    SYS_pread64 SYS_pwrite64 SYS_preadv SYS_pwritev SYS_preadv2 SYS_pwritev2 SYS_lseek
    SYS_sendfile SYS_splice SYS_tee SYS_copy_file_range SYS_readahead SYS_fadvise64 SYS_fallocate
    SYS_truncate SYS_ftruncate SYS_fsync SYS_fdatasync SYS_sync SYS_syncfs SYS_sync_file_range
    SYS_dup SYS_dup3 SYS_fcntl SYS_flock SYS_ioctl SYS_fstat SYS_newfstatat SYS_statx SYS_statfs
    SYS_fstatfs SYS_faccessat SYS_faccessat2 SYS_readlinkat SYS_getdents64 SYS_getcwd SYS_chdir
    SYS_fchdir SYS_mkdirat SYS_mknodat SYS_unlinkat SYS_renameat SYS_renameat2 SYS_linkat
    SYS_symlinkat SYS_fchmod SYS_fchmodat SYS_fchown SYS_fchownat SYS_umask SYS_utimensat
    SYS_setxattr SYS_lsetxattr SYS_fsetxattr SYS_getxattr SYS_lgetxattr SYS_fgetxattr
    SYS_listxattr SYS_llistxattr SYS_flistxattr SYS_removexattr SYS_lremovexattr
    SYS_fremovexattr SYS_inotify_init1 SYS_inotify_add_watch SYS_inotify_rm_watch
    // Waiting.
    SYS_ppoll SYS_pselect6 SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2
    SYS_eventfd2 SYS_signalfd4 SYS_timerfd_create SYS_timerfd_settime SYS_timerfd_gettime
    SYS_pipe2
    // Memory.
    SYS_brk SYS_mmap SYS_munmap SYS_mremap SYS_mprotect SYS_madvise SYS_mincore SYS_msync
    SYS_mlock SYS_mlock2 SYS_munlock SYS_mlockall SYS_munlockall SYS_get_mempolicy
    SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect SYS_membarrier SYS_rseq
    // Processes and threads.
    SYS_clone SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_wait4 SYS_waitid SYS_kill
    SYS_tkill SYS_tgkill SYS_pidfd_open SYS_pidfd_send_signal SYS_getpid SYS_getppid SYS_gettid
    SYS_getpgid SYS_setpgid SYS_getsid SYS_setsid SYS_getuid SYS_geteuid SYS_getgid SYS_getegid
    SYS_getresuid SYS_getresgid SYS_getgroups SYS_setuid SYS_setgid SYS_setreuid SYS_setregid
    SYS_setresuid SYS_setresgid SYS_setgroups SYS_setfsuid SYS_setfsgid SYS_capget SYS_capset
    SYS_prctl SYS_personality SYS_set_tid_address SYS_set_robust_list SYS_get_robust_list
    SYS_futex SYS_futex_waitv SYS_restart_syscall SYS_getrlimit SYS_setrlimit SYS_prlimit64
    SYS_getrusage SYS_times SYS_getpriority SYS_setpriority SYS_ioprio_get SYS_ioprio_set
    SYS_sched_yield SYS_sched_getaffinity SYS_sched_setaffinity SYS_sched_getparam
    SYS_sched_setparam SYS_sched_getscheduler SYS_sched_setscheduler SYS_sched_getattr
    SYS_sched_setattr SYS_sched_get_priority_max SYS_sched_get_priority_min
    SYS_sched_rr_get_interval SYS_getcpu SYS_uname SYS_sysinfo SYS_getrandom SYS_seccomp
    SYS_landlock_create_ruleset SYS_landlock_add_rule SYS_landlock_restrict_self
    // Signals.
    SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigpending
    SYS_rt_sigtimedwait SYS_rt_sigqueueinfo SYS_rt_tgsigqueueinfo SYS_sigaltstack
    // Time.
    SYS_nanosleep SYS_clock_nanosleep SYS_clock_gettime SYS_clock_getres SYS_gettimeofday
    SYS_getitimer SYS_setitimer SYS_timer_create SYS_timer_settime SYS_timer_gettime
    SYS_timer_getoverrun SYS_timer_delete
    // Sockets, of one family: see `refused`.
    SYS_socket SYS_socketpair SYS_bind SYS_listen SYS_accept SYS_accept4 SYS_connect
    SYS_getsockname SYS_getpeername SYS_getsockopt SYS_setsockopt SYS_shutdown SYS_sendto
    SYS_recvfrom SYS_sendmsg SYS_recvmsg SYS_sendmmsg SYS_recvmmsg
);

/// Older forms that only this architecture has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[c_long] = calls!(
    SYS_open SYS_creat SYS_stat SYS_lstat SYS_access SYS_readlink SYS_getdents SYS_mkdir SYS_rmdir
    SYS_mknod SYS_unlink SYS_rename SYS_link SYS_symlink SYS_chmod SYS_chown SYS_lchown SYS_utime
    SYS_utimes SYS_futimesat SYS_dup2 SYS_pipe SYS_poll SYS_select SYS_epoll_create SYS_epoll_wait
    SYS_epoll_ctl_old SYS_eventfd SYS_signalfd SYS_inotify_init SYS_fork SYS_vfork SYS_getpgrp
    SYS_pause SYS_alarm SYS_time SYS_arch_prctl
);
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[c_long] = &[];
