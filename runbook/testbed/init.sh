#!/bin/sh
# Becomes PID 1 of a testbed host: lays out what the host sees, and hands over to systemd.
#
# Runs in new mount, pid, uts, ipc and cgroup namespaces and in the host's network.
# Wants NAME, STATE, DISK (folders of the host) and HIDE (folders that it must not see, one a line).
set -eu

machine=$(cat /proc/mounts)
root=$STATE/root
mkdir -p "$root"
mount -t overlay -o "lowerdir=/,upperdir=$DISK/upper,workdir=$DISK/work" "$NAME" "$root"
cd "$root"
hostname "$NAME"

mount -t proc -o nosuid,nodev,noexec proc proc
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
cat proc/sys/kernel/random/uuid >"$STATE/boot-id"
mount --bind "$STATE/boot-id" proc/sys/kernel/random/boot_id
mount -o remount,bind,ro,nosuid,nodev,noexec proc/sys
: >"$STATE/nothing"
for file in sysrq-trigger kcore; do
    [ -e "proc/$file" ] || continue
    mount --bind "$STATE/nothing" "proc/$file"
    mount -o remount,bind,ro "proc/$file"
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys

# v1 controllers as this machine mounts them, systemd's own hierarchy, v2 at unified or alone
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
    mount -t tmpfs -o mode=755,nosuid,nodev,noexec cgroups sys/fs/cgroup
    printf '%s\n' "$machine" | while read -r _ at kind options _; do
        case $kind,$options in
        cgroup,*name=*) continue ;;
        cgroup,*) ;;
        *) continue ;;
        esac
        # a folder is called after its controllers, in the kernel's order: cpu, or cpu,cpuacct
        mkdir -p "sys/fs/cgroup/${at##*/}"
        mount -t cgroup -o "nosuid,nodev,noexec,${at##*/}" cgroup "sys/fs/cgroup/${at##*/}"
    done
    mkdir -p sys/fs/cgroup/systemd sys/fs/cgroup/unified
    mount -t cgroup -o nosuid,nodev,noexec,none,name=systemd cgroup sys/fs/cgroup/systemd
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup/unified
else
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
fi

mount -t tmpfs -o mode=755,nosuid dev dev
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5,nosuid,noexec devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

mount -t tmpfs -o mode=755,nosuid,nodev run run
mount -t tmpfs -o mode=1777,nosuid,nodev tmp tmp
# root's start files on this machine are not the host's: they made each command up to a second slower
mount -t tmpfs -o mode=700 root root
printf '%s\n' "$HIDE" | while read -r folder; do
    [ -n "$folder" ] && [ -d "./$folder" ] || continue
    mount -t tmpfs -o mode=755,size=4k,ro hidden "./$folder"
done

# containerd's snapshots are overlays themselves, and an overlay has no place on an overlay
mkdir -p var/lib/containerd
mount --bind "$DISK/containerd" var/lib/containerd

mkdir run/old
pivot_root . run/old
cd /
umount -l /run/old
rmdir /run/old
exec env -i container=bed PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd </dev/null
