/**
 * The two shell scripts that outlive the daemon. They are kept as text so that the shipped bundle
 * carries them, and are written below the driver's directory under a name that holds their hash: a
 * newer daemon never changes a script that an older run is still reading.
 *
 * Both keep to POSIX sh (dash, bash, busybox) and to builtins where they run often: each program
 * they would start costs about as much as the task's own start.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * One shim runs each task. Its working directory is the run's directory, it leads the run's session
 * and process group, and it only waits.
 *
 * Arguments: deadline and grace (seconds), log cap (blocks of 512 bytes), the path of `tee`, the
 * cgroup files to join (one a line), how many variables the task gets, these as NAME=value, then the
 * command.
 *
 * - Without arguments it waits for one line of shell on its input, which goes to the run's directory
 *   and sets the arguments. An input that ends without one is the end of the daemon.
 * - The task's variables are set at the very last: PATH, IFS or CDPATH would change what this shell does.
 * - `state` is claimed with O_EXCL before anything runs, so that a daemon that finds a half-made run
 *   and this shim cannot both believe they own it. It is then overwritten in place: on a disk that
 *   the task has filled, the exit code still finds room.
 * - Signals are ignored here and given back to the task alone, so SIGTERM to the group reaches the
 *   task, while its last words are still read and its exit is still written. `killed` is looked at
 *   after the signals are back: a stop that came too early to be felt is not lost.
 * - The command is run by `exec`, which knows no builtins: "true" is the program of that name.
 * - Logs go through `tee`, which must write at once and must go on when the file fails (POSIX): under
 *   a file size limit it cuts the log exactly and keeps reading, so the task never sees SIGPIPE. The
 *   task gets pipes, not files, because `echo >/dev/stderr` would truncate a file.
 * - Its own variables start with `__a_`, so that none of the task's is one of them by chance.
 */
export const SHIM = `# Althing: runs one task, see src/drivers/process/scripts.ts
trap '' TERM INT HUP XFSZ
if [ "$#" = 0 ]; then
  __a_lf='
'
  IFS= read -r __a_order || exit 0
  eval "$__a_order" || exit 120
  exec </dev/null
fi
__a_deadline=$1 __a_grace=$2 __a_blocks=$3 __a_tee=$4 __a_join=$5 __a_variables=$6
shift 6
__a_start=0
__a_from_state() { shift 19; __a_start=$1; }
if read -r __a_stat </proc/self/stat; then
  __a_from_state \${__a_stat##*) }
else
  __a_start=$(ps -o lstart= -p $$ | tr -s ' ' _)
fi
set -C
printf 'run --- %s %s %s %s\\n' "$$" "$__a_start" "$__a_deadline" "$__a_grace" >state || exit 121
set +C
__a_log() {
  ulimit -f "$__a_blocks"
  exec "$__a_tee" "$1" >/dev/null 2>&1
}
__a_main() {
  trap - TERM INT HUP XFSZ
  [ -e killed ] && exit 143
  __a_ifs=$IFS
  IFS='
'
  for __a_file in $__a_join; do echo 0 >"$__a_file" || exit 125; done
  IFS=$__a_ifs
  echo 500 >/proc/self/oom_score_adj
  cd ./work || exit 125
  unset OLDPWD
  while [ "$__a_variables" -gt 0 ]; do
    export "$1" || exit 125
    shift
    __a_variables=$((__a_variables - 1))
  done
  exec "$@" 2>&4 4>&-
}
{
  {
    (__a_main "$@") </dev/null 4>&1 >&3 3>&-
    printf 'ran %3d' "$?" 1<>state
    kill -TERM 0
  } | __a_log stderr 3>&- || true >cut
} 3>&1 | __a_log stdout || true >cut
read -r __a_phase __a_code __a_rest <state
IFS='
'
for __a_file in $__a_join; do
  while read -r __a_pid; do kill -KILL "$__a_pid"; done <"$__a_file"
done
[ "$__a_phase" = ran ] && printf 'end %3d' "$__a_code" 1<>state
kill -KILL 0
`

/**
 * One watchdog per driver directory. It ends what outlives its deadline whether or not a daemon looks,
 * carries through a kill that a daemon began and did not live to finish, and leaves by itself when
 * nothing runs any more.
 *
 * Arguments: the driver's directory, seconds between looks, looks between two thorough ones. Only a
 * thorough look asks of every run whether it lives, and leaves when none does: the shell reads byte by
 * byte, and /proc makes its text anew for each byte.
 * What runs in a sandbox is asked to end by the group of its first process, the child in another session: whoever holds
 * the sandbox would take all with it. See `isolation/inside.ts`.
 * Time is /proc/uptime, which counts the time a machine is suspended. A process is known by its id and
 * its start time, so an id that was given to somebody else is never signalled.
 */
export const WATCHDOG = `# Althing: ends overdue tasks, see src/drivers/process/scripts.ts
exec 2>/dev/null
cd "$1" || exit 1
every=$2 patience=$3 looks=0 stuck=' '
stat_of() {
  read -r line <"/proc/$1/stat" || return 1
  fields \${line##*) }
}
fields() { zombie=$1 parent=$2 pgrp=$3 session=$4; shift 19; start=$1; }
alive() {
  stat_of "$1" || return 1
  case $zombie in [ZX]) return 1 ;; esac
  [ "$start" = "$2" ]
}
signal_run() {
  for stat in /proc/[0-9]*/stat; do
    other=\${stat#/proc/} other=\${other%/stat}
    stat_of "$other" || continue
    [ "$session" = "$2" ] && [ "$pgrp" != "$2" ] && kill "-$1" "$other"
  done
  kill "-$1" "-$2"
}
signal_inside() {
  holders=' ' found=
  for stat in /proc/[0-9]*/stat; do
    other=\${stat#/proc/} other=\${other%/stat}
    stat_of "$other" && [ "$session" = "$2" ] && holders="$holders$other "
  done
  for stat in /proc/[0-9]*/stat; do
    other=\${stat#/proc/} other=\${other%/stat}
    stat_of "$other" || continue
    case $holders in *" $parent "*) [ "$session" != "$2" ] && kill "-$1" "-$other" && found=1 ;; esac
  done
  [ -n "$found" ] || signal_run KILL "$2"
}
own=.driver/watchdog.pid
if read -r pid start0 <$own && alive "$pid" "$start0"; then exit 0; fi
stat_of $$ || exit 1
printf '%s %s\\n' "$$" "$start" >$own || exit 1
while :; do
  sleep "$every"
  read -r pid start0 <$own && [ "$pid" = "$$" ] || exit 0
  read -r now rest </proc/uptime
  now=\${now%%.*} looks=$((looks + 1)) thorough= living= still=' '
  [ "$((looks % patience))" = 0 ] && thorough=1
  for state in */state; do
    read -r phase code pid start0 deadline grace <"$state" || continue
    [ "$phase" = end ] && continue
    killed=\${state%/state}/killed due=
    if read -r why until <"$killed"; then
      [ "$now" -gt "$until" ] && due=KILL
    elif [ "$now" -gt "$deadline" ]; then
      due=TERM
    elif [ "$phase" = ran ]; then
      case $stuck in *" $pid "*) due=KILL ;; *) still="$still$pid " ;; esac
    fi
    [ -n "$due$thorough" ] || continue
    alive "$pid" "$start0" || continue
    living=1
    if [ "$due" = TERM ]; then
      printf 'timeout %s\\n' "$((now + grace))" >"$killed" || due=KILL
    fi
    [ -n "$due" ] || continue
    if [ "$due" = TERM ] && [ -e "\${state%/state}/sandbox" ]; then
      signal_inside TERM "$pid"
    else
      signal_run "$due" "$pid"
    fi
  done
  stuck=$still
  if [ -n "$thorough" ] && [ -z "$living" ]; then
    rm -f $own
    exit 0
  fi
done
`

/** The driver's own folder inside its directory; no run can have a name that starts with a dot. */
export const DRIVER_FOLDER = '.driver'

/** Writes both scripts below `dir` unless they are there, and returns their paths. */
export function installScripts(dir: string): { shim: string; watchdog: string } {
  const folder = join(dir, DRIVER_FOLDER)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const install = (name: string, text: string): string => {
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 16)
    const path = join(folder, `${name}-${hash}.sh`)
    if (existsSync(path)) return path
    // A rename makes it appear whole: a crash here must not leave half a script under its final name.
    writeFileSync(`${path}.new`, text, { mode: 0o600 })
    renameSync(`${path}.new`, path)
    return path
  }
  return { shim: install('shim', SHIM), watchdog: install('watchdog', WATCHDOG) }
}
