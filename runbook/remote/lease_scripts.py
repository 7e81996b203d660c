"""What runs on a host to begin, watch, read and stop a lease: POSIX sh and coreutils.

Layout of a lease's folder, which only its owner can read:

- `about`: one line of JSON from whoever began it
- `keeper`: the process that waits for the command: pid, start time (field 22 of /proc/PID/stat), boot id
- `group`: the command's process group, likewise
- `out`, `err`: what it said; `started`, `ended`: seconds since 1970, by the host's clock
- `stopping`: somebody asked for its end; `exit`: its exit code, and `end`, `limit` or `stop`: why it ended
- `unit`: the scope of the host's systemd that it is in, and with what that is ended: `sudo -n` or nothing

Root's leases are in /var/lib/runbook/leases, anybody else's in the state folder of their home. The keeper is a
session of its own by setsid(1). Where a host has none, it ignores SIGHUP instead, and so does the command: sshd
sends none to a command without a terminal, so both outlive the connection all the same. The command has a process
group of its own by timeout(1), else by setsid(1); a host that has neither is refused.

Yet a logind with KillUserProcesses ends such a session too, and a process that begins another one is out of its group's
reach. A scope of systemd is safe from both. Where a site wants it the keeper asks for one, as systemd-run(1) does, but
for itself: so the command has the environment that every other one has. Where none is given, it is a session as ever.
The keeper's last act is to end its scope, itself too: with its command ends all that began in it.
"""

from __future__ import annotations

from runbook.remote.command import Script

ROOTS, OWN = "/var/lib/runbook/leases", ".local/state/runbook/leases"
"""Where the leases of root are, and in a home those of anybody else."""

UNKNOWN = 66  # EX_NOINPUT of sysexits.h
BUSY = 75  # EX_TEMPFAIL

BORN = r"""
born() {
    read -r stat 2>/dev/null <"/proc/$1/stat" || return
    set -- ${stat##*) }
    [ "$1" != Z ] || return
    shift 19
    printf %s "$1"
}
"""
"""The start time of process `$1`, in clock ticks since boot; nothing where it is gone or a zombie."""

_WHERE = r"""
mask=$(umask) from=$PWD
umask 077
if [ "$(id -u)" = 0 ]; then root=/var/lib/runbook/leases
else root=${XDG_STATE_HOME:-${HOME:?this user has no HOME}/.local/state}/runbook/leases; fi
boot=$(cat /proc/sys/kernel/random/boot_id)
""" + BORN + r"""
lives() { # whether the process or, with `-`, the group that the file $1 names still runs
    pid= since= when=
    [ -f "$1" ] && read -r pid since when <"$1"
    [ -n "$pid" ] && [ "$when" = "$boot" ] && kill -s 0 -- "$2$pid" 2>/dev/null || return 1
    now=$(born "$pid")
    # a group may outlive its leader, and its number is not given to another as long as it does
    [ "$now" = "$since" ] || [ "$2$now" = - ]
}
size() { [ ! -f "$1" ] || wc -c <"$1"; }
end_unit() { # all that is in its scope, its keeper too
    scope= by=
    [ ! -f unit ] || read -r scope by <unit
    [ -z "$scope" ] || $by systemctl kill -s KILL "$scope" 2>/dev/null
}
state() { # running, unwatched (its keeper is gone), ended, rebooted or lost
    if [ -f exit ] && { [ ! -f unit ] || ! lives keeper ""; }; then echo ended
    elif lives group -; then lives keeper "" && echo running || echo unwatched
    elif lives keeper ""; then echo running
    else
        pid= since= when=
        [ ! -f keeper ] || read -r pid since when <keeper
        [ "${when:-$boot}" = "$boot" ] && echo lost || echo rebooted
    fi
}
tell() { # state, exit code, why, started, ended, bytes of both outputs, unit; - where there is none
    was=$(state)
    code=- why=-
    [ ! -f exit ] || read -r code why <exit
    since=- until=-
    [ ! -f started ] || read -r since <started
    [ ! -f ended ] || read -r until <ended
    scope=-
    [ ! -f unit ] || read -r scope by <unit
    out=$(size out) err=$(size err)
    # a file that is being written is empty for a moment
    printf '%s %s %s %s %s %d %d %s\n' "$was" "$code" "$why" "${since:--}" "${until:--}" "${out:-0}" "${err:-0}" \
        "${scope:--}"
}
"""

KEEP = r"""
cd -- "$1" || exit 73
limit=$2 watched=$3 boot=$4 mask=$5 from=$6 unit=$7
shift 7
""" + BORN + r"""
inside() { # whether this process is in the scope $1
    while read -r line; do case $line in *"/$1") return 0 ;; esac; done <"/proc/$$/cgroup"
    return 1
}
enter() { # the scope $1, by the help of $2, which is one word, several or none
    manager='org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager'
    if [ "$watched" = yes ]; then limited='timeout 5'; else limited=; fi
    $limited $2 busctl call $manager StartTransientUnit 'ssa(sv)a(sa(sv))' "$1" fail 1 PIDs au 1 $$ 0 || return
    tries=0
    until inside "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || return
        sleep 0.05
    done
    printf '%s %s\n' "$1" "$2" >unit
}
end() { # with the code $1 and for the reason $2, and last of all whatever is in its scope
    date +%s >ended
    printf '%s %s\n' "$1" "$2" >exit.new && mv exit.new exit
    [ ! -f unit ] || { read -r unit by <unit; $by systemctl kill -s KILL "$unit"; }
    exit
}
printf '%s %s %s\n' "$$" "$(born $$)" "$boot" >keeper.new && mv keeper.new keeper
[ "$unit" = none ] || enter "runbook-lease-${PWD##*/}.scope" "${unit#with}" >/dev/null 2>&1
date +%s >started
[ ! -f stopping ] || end 143 stop
(
    umask "$mask"
    cd -- "$from" || exit
    unset OLDPWD
    if [ "$watched" = yes ]; then exec timeout -k 5 "$limit" "$@"; else exec setsid "$@"; fi
) </dev/null >out 2>err &
group=$!
printf '%s %s %s\n' "$group" "$(born $group)" "$boot" >group.new && mv group.new group
if [ -f stopping ]; then # by somebody who did not know the group yet, which timeout(1) makes a moment later
    tries=0
    until kill -s TERM -- "-$group" 2>/dev/null || [ $tries -ge 20 ]; do tries=$((tries + 1)); sleep 0.05; done
    (sleep 5; kill -s KILL -- "-$group") >/dev/null 2>&1 &
fi
if [ "$watched" = no ]; then
    (sleep "$limit"; : >late; kill -s TERM -- "-$group"; sleep 5; kill -s KILL -- "-$group") >/dev/null 2>&1 &
    alarm=$!
fi
wait "$group"
code=$?
read -r since <started
why=end
[ ! -f late ] || why=limit
case $code in 124|137) [ $(($(date +%s) - since)) -lt "${limit%.*}" ] || why=limit ;; esac
[ ! -f stopping ] || why=stop
# timeout(1) leaves when its child has; others of the group may be there still
[ "$why" = end ] || kill -s KILL -- "-$group" 2>/dev/null
[ "$watched" = yes ] || kill "$alarm" 2>/dev/null
end "$code" "$why"
"""


BEGIN = Script(_WHERE + r"""
folder=$root/$1 about=$2 limit=$3 keep=$4 unit=$5
shift 5
if timeout -k 5 5.5 true 2>/dev/null; then watched=yes; else watched=no; fi
if command -v setsid >/dev/null; then apart=yes; else apart=no; fi
[ "$watched$apart" != nono ] || { echo "neither timeout(1) nor setsid(1) is here" >&2; exit 69; }
mkdir -p -- "$root" && mkdir -- "$folder" && cd -- "$folder" || exit 73
printf '%s\n' "$about" >about
if [ "$apart" = yes ]; then
    set -- setsid sh -c "$keep" keeper "$folder" "$limit" "$watched" "$boot" "$mask" "$from" "$unit" "$@"
else
    trap '' HUP
    set -- sh -c "$keep" keeper "$folder" "$limit" "$watched" "$boot" "$mask" "$from" "$unit" "$@"
fi
"$@" </dev/null >/dev/null 2>&1 &
tries=0
until [ -f group ] || [ -f exit ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { : >stopping; echo "its keeper did not begin within 10 s" >&2; exit 70; }
    sleep 0.1
done
tell
""")

LIST = Script(_WHERE + r"""
for folder in "$root"/*/; do
    [ -f "$folder/about" ] && cd -- "$folder" || continue
    printf '%s ' "$(basename -- "$folder")"
    tell
    cat about
done
""")

_ONE = _WHERE + r"""
cd -- "$root/$1" 2>/dev/null || { echo "no lease $1 is here" >&2; exit 66; }
"""

LOOK = Script(_ONE + r"""
cat about
tell
for file in out err; do [ ! -f $file ] || sha256sum <$file; done
""")

# `$2`, `$3`: bytes of both outputs that were read; `$4`: tenths of a second to wait for more; `$5`: most bytes at once.
READ = Script(_ONE + r"""
tries=0
while out=$(size out) err=$(size err); [ "${out:-0}" -le "$2" ] && [ "${err:-0}" -le "$3" ] &&
    [ "$(state)" = running ] && [ $tries -lt "$4" ]; do sleep 0.1; tries=$((tries + 1)); done
tell
for pair in "out $2" "err $3"; do
    set -- "$1" "${pair%% *}" "${pair##* }" "$4" "$5"
    if [ -f "$2" ]; then
        data=$(($(size "$2") - $3))
        [ $data -le "$5" ] || data=$5
        [ $data -ge 0 ] || data=0
        echo $data
        [ $data = 0 ] || tail -c "+$(($3 + 1))" "$2" | head -c $data
    else echo 0; fi
done
""")

STOP = Script(_ONE + r"""
[ "$(state)" != ended ] || { end_unit; tell; exit 0; }
: >stopping
group= rest=
[ ! -f group ] || read -r group rest <group
if lives group -; then
    kill -s TERM -- "-$group" 2>/dev/null
    kill -s CONT -- "-$group" 2>/dev/null
    i=0
    while [ ! -f exit ] && lives group - && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
    kill -s KILL -- "-$group" 2>/dev/null
fi
i=0
while [ "$(state)" = running ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
end_unit
tell
""")

FORGET = Script(_ONE + r"""
case $(state) in running|unwatched) echo "it still runs" >&2; exit 75 ;; esac
end_unit
cd / && rm -rf -- "$root/$1" || exit 73
rmdir -- "$root" "${root%/*}" 2>/dev/null
exit 0
""")
