/** Work of another owner, by real daemons of two owners: what it reaches, that it ends, and that it is declined. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeView, StatusView, TaskView } from '../../src/model/api.ts'
import type { DoctorStep } from '../../src/model/doctor.ts'
import type { WhyView } from '../../src/model/why-view.ts'
import { countSleeping, rareSleep } from '../contract/driver.ts'
import { done, found, idOf, invite, sees, startClosed } from '../support/cluster.ts'
import {
  eventually,
  freshDataDir,
  startDaemon,
  stopAll,
  type DaemonOptions,
  type TestDaemon,
} from '../support/daemon.ts'
import { requireIsolation } from '../support/isolation.ts'
import { requireOrSkip } from '../support/require.ts'
import { after, asUser, placesOfUser, requireUnprivileged } from '../support/unprivileged.ts'

/** A host of owner ann, and a guest of owner bob who may submit to it. */
async function twoOwners(options: DaemonOptions): Promise<{ host: TestDaemon; guest: TestDaemon }> {
  const host = await startClosed('host', options)
  await found([host])
  const guest = await startClosed('guest')
  await done(guest.cli('join', (await invite(host, '--owner', 'bob', '--roles', 'submitter')).ticket))
  await sees(guest, await idOf(host))
  await sees(host, await idOf(guest))
  return { host, guest }
}

const ON_HOST = ['-l', 'seat=host', '--']

/** Isolation of a daemon, once it has looked. */
function isolationOf(daemon: TestDaemon) {
  return eventually('it to have looked', async () => {
    const { isolation } = await daemon.get<StatusView>('/v1/status')
    return isolation.examined && isolation
  })
}

/** Where a daemon listens now: it started anew when it founded its cluster. */
async function portsOf(daemon: TestDaemon): Promise<{ readonly page: string; readonly mesh: string }> {
  const { pageUrl, addresses } = await daemon.get<StatusView>('/v1/status')
  return { page: pageUrl === undefined ? '' : new URL(pageUrl).port, mesh: /\/tcp\/(\d+)/.exec(addresses[0]!)![1]! }
}

describe('work of another owner', function () {
  this.timeout(90_000)
  afterEach(() => stopAll())

  describe('where tasks can be isolated, by a daemon without privileges', () => {
    before(async function () {
      requireUnprivileged(this)
      await requireIsolation(this)
    })

    const startHost = async (more: DaemonOptions = {}) => {
      const { dataDir, home, secret } = placesOfUser()
      const daemons = await twoOwners({ dataDir, spawn: asUser, env: { HOME: home }, page: true, ...more })
      assert.ok((await isolationOf(daemons.host)).works)
      return { ...daemons, home, secret }
    }

    it('runs isolated: its input and output come and go, and of the host it reaches nothing', async () => {
      const { host, guest, home, secret } = await startHost()
      const ports = await portsOf(host)
      const hidden = [home, secret, host.dataDir, join(host.dataDir, 'identity.key'), host.socketPath, '/run', '/var']
      const script = `
        for path in ${hidden.join(' ')}; do [ -e "$path" ] && echo "sees $path"; done
        for port in ${ports.page} ${ports.mesh}; do
          perl -MIO::Socket::INET -e 'print "reaches it\\n" if IO::Socket::INET->new("127.0.0.1:$ARGV[0]")' "$port"
        done
        for path in / /usr/bin /etc /dev; do (: >"$path/x") 2>/dev/null && echo "writes $path"; done
        kill -0 ${host.pid} 2>/dev/null && echo 'signals the daemon'
        env | grep -v -E '^(PATH|HOME|LANG|TMPDIR|PWD|COLOUR|ALTHING_(TASK|ATTEMPT|OUTPUT|ISOLATION))='
        echo "$COLOUR $ALTHING_ISOLATION $(id -un) $(cat package.json | wc -l)" >"$ALTHING_OUTPUT/said"
        echo said; echo complained >&2; exit 7`
      const result = freshDataDir()
      const words = ['-e', 'COLOUR=red', '--input', 'package.json', '--output', join(result, 'out'), ...ON_HOST]
      const ran = await guest.cliIn(process.cwd(), 'run', ...words, 'sh', '-c', script)
      assert.equal(ran.stdout, 'said\n')
      assert.match(ran.stderr, /complained/)
      assert.equal(ran.code, 7)
      const lines = readFileSync('package.json', 'utf8').split('\n').length - 1
      assert.equal(readFileSync(join(result, 'out', 'said'), 'utf8'), `red bwrap task ${lines}\n`)
      // The bid had said so.
      const [task] = await guest.get<TaskView[]>('/v1/tasks?all=true')
      const { story } = await guest.get<WhyView>(`/v1/tasks/${task!.taskId}/why`)
      assert.ok(story.some((line) => line.kind === 'bid' && line.terms.isolation === 'bwrap'))
    })

    it('what is its own runs as it always did, unless it asks for more', async () => {
      const { host, guest } = await startHost()
      const script = `[ -e '${host.dataDir}' ] && echo sees; echo "\${ALTHING_ISOLATION-plain}"`
      const run = (...words: string[]) => done(host.cli('run', ...words, ...ON_HOST, 'sh', '-c', script))
      assert.equal(await run(), 'sees\nplain\n')
      assert.equal(await run('--isolation', 'bwrap'), 'bwrap\n')
      // A guest that will not be isolated is declined, and told why.
      const wanted = ['--isolation', 'none', '--place-timeout', '2s']
      const { code, stderr } = await guest.cli('run', ...wanted, ...ON_HOST, 'true')
      assert.equal(code, 125)
      const why = await guest.cli('why', /althing why (\S+?)`/.exec(stderr)![1]!)
      assert.match(why.stdout, /isolation: wanted to run without isolation, measured work of another owner \(bob\)/)
      assert.match(await done(host.cli('status')), /isolation +bwrap \S+, no network/)
      const node = async (): Promise<NodeView | undefined> =>
        (await guest.get<NodeView[]>('/v1/nodes')).find(({ name }) => name === 'host')
      await eventually('the guest to know', async () => (await node())?.isolation === 'bwrap')
    })

    it('goes on when the daemon dies; its next one ends all of it when it is cancelled', async () => {
      const { host, guest } = await startHost()
      const rare = rareSleep()
      const script = `setsid sleep ${rare} & trap '' TERM; sleep ${rare} & sleep ${rare}`
      const words = ['run', '--detach', '--grace', '1s', ...ON_HOST, 'sh', '-c', script]
      const taskId = (await done(guest.cli(...words))).trim()
      await eventually('all of it to run', async () => (await countSleeping(rare)) === 3)
      const { mesh: port } = await portsOf(host)
      await host.kill()
      const { dataDir } = host
      const args = ['--label', 'seat=host', '--port', port]
      const risen = await startDaemon({ name: 'host', dataDir, open: false, spawn: asUser, args })
      await sees(guest, await idOf(risen), 30_000)
      assert.equal(await countSleeping(rare), 3)
      await done(guest.cli('cancel', taskId))
      await eventually('none of it to be left', async () => (await countSleeping(rare)) === 0)
      await eventually('its end', async () => (await guest.get<TaskView>(`/v1/tasks/${taskId}`)).state === 'cancelled')
    })

    it('makes no more processes than it may, and others are not kept from making theirs', async () => {
      const { host, guest } = await startHost()
      const bomb = 'while (defined(my $p = fork)) { if (!$p) { sleep 60; exit } $n++ } print "$n\\n"; $| = 1; sleep 60'
      const taskId = (await done(guest.cli('run', '--detach', ...ON_HOST, 'perl', '-e', `$| = 1; ${bomb}`))).trim()
      const made = await eventually('it to have made all it can', async () => {
        const { stdout } = await guest.cli('logs', taskId)
        return /^\d+$/m.exec(stdout)?.[0]
      })
      assert.ok(Number(made) > 1_000 && Number(made) < 2_048, made)
      assert.equal(await done(host.cli('run', ...ON_HOST, 'echo', 'unharmed')), 'unharmed\n')
      await done(guest.cli('cancel', taskId))
    })

    it('has the network of the host where its owner lets it', async () => {
      const { host, guest } = await startHost({ args: ['--isolated-network'] })
      const { page } = await portsOf(host)
      const script = `print "reaches it\\n" if IO::Socket::INET->new("127.0.0.1:${page}")`
      const words = ['run', ...ON_HOST, 'perl', '-MIO::Socket::INET', '-e', script]
      assert.equal(await done(guest.cli(...words)), 'reaches it\n')
      assert.match(await done(host.cli('status')), /isolation +bwrap \S+, with this host's network/)
    })
  })

  for (const [what, script, why, fix] of [
    [
      'bubblewrap is not installed',
      'for place in /usr/bin/bwrap /usr/local/bin/bwrap; do [ -e "$place" ] && mount --bind /dev/null "$place"; done',
      /bubblewrap is not installed/,
      /apt-get install bubblewrap/,
    ],
    [
      'user namespaces are forbidden',
      'exec unshare --user --map-root-user sh -c \'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"\' sh "$@"',
      /bubblewrap does not work here: .*namespace/,
      /sysctl user\.max_user_namespaces/,
    ],
  ] as const) {
    it(`is declined where ${what}: by name, with what would help`, async function () {
      if (what !== 'bubblewrap is not installed') await requireIsolation(this)
      requireOrSkip(this, canUnshare(), 'no mount namespace can be made here (unshare --mount)')
      const { host, guest } = await twoOwners({ spawn: after(script) })
      const state = await isolationOf(host)
      assert.ok(!state.works)
      assert.match(state.why!, why)
      const { code, stderr } = await guest.cli('run', '--place-timeout', '2s', ...ON_HOST, 'true')
      assert.equal(code, 125)
      const story = await done(guest.cli('why', /althing why (\S+?)`/.exec(stderr)![1]!))
      assert.match(story, /isolation: wanted isolation, for work of another owner \(bob\), measured none: /)
      assert.match(story, fix)
      // Its own work it runs.
      assert.equal(await done(host.cli('run', ...ON_HOST, 'echo', 'own')), 'own\n')
      // A word about it for the owner, on both ways.
      assert.match(await done(host.cli('status')), /isolation +none: /)
      const doctor = JSON.parse((await host.cli('doctor', '--json')).stdout) as { steps: DoctorStep[] }
      const step = doctor.steps.find(({ id }) => id === 'isolation')
      assert.equal(step?.outcome, 'warning')
      assert.match(step.fix.join(), fix)
    })
  }
})

function canUnshare(): boolean {
  if (!existsSync('/usr/bin/unshare')) return false
  try {
    const how = process.getuid?.() === 0 ? ['--mount'] : ['--mount', '--user', '--map-root-user']
    execFileSync('unshare', [...how, 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
