/** What nodes let run, as their owners and those who are refused meet it: real daemons, the shipped launcher. */
import assert from 'node:assert/strict'
import type { TaskView } from '../../src/model/api.ts'
import type { PolicyExplanation, PolicyHistory, PolicyTrial, PolicyView } from '../../src/model/policy-api.ts'
import { eventually, startDaemon, startPair, stopAll, type CliResult, type TestDaemon } from '../support/daemon.ts'
import { policyFile } from '../support/policy-file.ts'

const EVERYTHING = "    - { name: everything, allow: 'true' }\n"

async function apply(daemon: TestDaemon, name: string, rules: string): Promise<CliResult> {
  const result = await daemon.cli('policy', 'apply', policyFile(name, rules))
  assert.deepEqual([result.code, result.stderr], [0, ''])
  return result
}

const tasksOf = (daemon: TestDaemon) => daemon.get<TaskView[]>('/v1/tasks?all=true')

describe('policies of real daemons', function () {
  this.timeout(90_000)
  afterEach(stopAll)

  it('sends a task where it may run, and says which rule refused it elsewhere', async () => {
    const [north, south] = await startPair()
    await apply(north, 'north-house', `${EVERYTHING}    - name: no-wc\n      deny: task.command[0] == 'wc'\n`)
    // Permitting everything here opens nothing there.
    await apply(south, 'south-house', EVERYTHING)

    const run = await north.cli('run', '--', 'wc', '--version')
    assert.equal(run.code, 0, run.stderr)
    const [task] = await tasksOf(north)
    assert.equal(task!.nodeName, 'south')
    const why = await north.cli('why', task!.taskId)
    assert.match(
      why.stdout,
      /north declined:\n {4}policy: wanted rule no-wc of node policy north-house: deny .*, measured task.* = "wc"/,
    )

    const refused = await south.cli(
      'run',
      '-l',
      'kubernetes.io/hostname',
      '--place-timeout',
      '2s',
      '--',
      'wc',
      '--help',
    )
    assert.equal(refused.code, 0, 'south may run its own')
    await apply(south, 'south-house', `    - { name: of-north, allow: "submitter.id == '${north.status.peerId}'" }\n`)
    const nowhere = await south.cli('run', '--place-timeout', '2s', '--', 'wc', '--version')
    assert.equal(nowhere.code, 125)
    assert.match(
      nowhere.stderr,
      /south declined: policy \(wanted node policy south-house: an allow rule that holds: of-north/,
    )
    assert.match(nowhere.stderr, /north declined: policy \(wanted rule no-wc of node policy north-house/)
  })

  it('stops what a new policy forbids, and the task goes on elsewhere', async () => {
    const [north, south] = await startPair()
    await apply(north, 'closed', "    - { name: nothing, deny: 'true' }\n")
    const ran = await north.cli('run', '--detach', '--', 'sleep', '60')
    assert.equal(ran.code, 0, ran.stderr)
    const { taskId } = (await tasksOf(north))[0]!
    await eventually('the task to run in the south', async () => {
      const [task] = await tasksOf(north)
      return task!.state === 'running' && task!.nodeName === 'south'
    })
    await apply(north, 'open', EVERYTHING)
    const rule = `${EVERYTHING}    - { name: no-sleeping, deny: "task.command[0] == 'sleep'", whenForbidden: stop }\n`
    const { stdout } = await apply(south, 'awake', rule)
    assert.match(stdout, new RegExp(`stopping 1 task: ${taskId}`))
    await eventually('the task to run in the north', async () => {
      const [task] = await tasksOf(north)
      return task!.state === 'running' && task!.nodeName === 'north'
    })
    const { stdout: why } = await north.cli('why', taskId)
    assert.match(why, /refused: .*policy: rule no-sleeping of node policy awake: task\.command\.0 = "sleep"/)
    assert.equal((await north.cli('cancel', taskId)).code, 0)
  })

  it('keeps its policy and its versions through a restart, and tries and explains policies', async () => {
    const first = await startDaemon({ name: 'alone' })
    const { dataDir } = first
    assert.match((await first.cli('policy', 'get')).stderr, /no policy/)
    assert.equal((await first.cli('run', '--', 'sort', '--version')).code, 0)
    assert.equal((await first.cli('run', '--', 'wc', '--version')).code, 0)

    const strict = policyFile('strict', '    - { name: sorting, allow: "task.command[0] == \'sort\'" }\n')
    const trial = JSON.parse((await first.cli('policy', 'test', strict, '--json')).stdout) as PolicyTrial
    assert.deepEqual([trial.offers, trial.stillAllowed, trial.changes.length], [2, 1, 1])
    assert.deepEqual(trial.changes[0]!.command, ['wc', '--version'])
    assert.deepEqual([trial.changes[0]!.before.allowed, trial.changes[0]!.after.allowed], [true, false])
    const shown = await first.cli('policy', 'test', strict)
    assert.match(shown.stdout, /then {2}refused: policy: node policy strict: none holds; task\.command\.0 = "wc"/)
    assert.match(
      shown.stdout,
      /1 verdict would change, of 2 jobs that were offered here; 1 still allowed, 0 still refused/,
    )

    assert.equal((await first.cli('policy', 'apply', strict)).stdout, 'strict, version 1: 1 rule in force\n')
    await first.stop()
    const again = await startDaemon({ name: 'alone', dataDir })
    const view = JSON.parse((await again.cli('policy', 'get', '--json')).stdout) as PolicyView
    assert.deepEqual([view.policy!.version, view.policy!.name], [1, 'strict'])
    assert.match((await again.cli('status')).stdout, /policy +strict, version 1/)
    const refused = await again.cli('run', '--place-timeout', '1s', '--', 'wc', '--version')
    assert.equal(refused.code, 125)

    const { taskId } = (await tasksOf(again))[0]!
    const said = JSON.parse((await again.cli('policy', 'explain', taskId, '--json')).stdout) as PolicyExplanation
    assert.equal(said.verdict.allowed, false)
    assert.deepEqual(said.rules, [
      {
        ...{ level: 'node', policy: 'strict', rule: 'sorting', outcome: 'passes' },
        ...{ wanted: "allow task.command[0] == 'sort'", saw: 'task.command.0 = "wc"' },
      },
    ])
    assert.match((await again.cli('policy', 'explain', taskId)).stdout, /verdict +refused: policy: node policy strict/)

    assert.equal((await again.cli('policy', 'remove')).code, 0)
    assert.equal((await again.cli('run', '--', 'wc', '--version')).code, 0)
    const { versions } = JSON.parse((await again.cli('policy', 'history', '--json')).stdout) as PolicyHistory
    assert.deepEqual(
      versions.map(({ version, name }) => [version, name]),
      [
        [2, ''],
        [1, 'strict'],
      ],
    )
    assert.match(versions[1]!.sha256, /^[0-9a-f]{64}$/)
    assert.ok(versions[1]!.by.length > 0)
    assert.equal((await again.cli('policy', 'remove')).code, 1)
  })

  it('refuses a faulty policy with file, line and field, and leaves the one in force', async () => {
    const daemon = await startDaemon()
    await apply(daemon, 'house', EVERYTHING)
    const faulty = policyFile('faulty', `${EVERYTHING}    - { name: typo, deny: "task.comand == []" }\n`)
    for (const word of ['apply', 'test']) {
      const { code, stderr } = await daemon.cli('policy', word, faulty)
      assert.equal(code, 1)
      assert.match(stderr, /faulty\.yaml:7:27: spec\.rules\[1\]\.deny: No such key: comand/)
      assert.doesNotMatch(stderr, /\n +at /)
    }
    assert.match((await daemon.cli('policy', 'get')).stdout, /name: house/)
    assert.equal((await daemon.cli('policy', 'apply', '/nowhere/policy.yaml')).code, 2)
    assert.equal((await daemon.cli('policy', 'explain', 'nosuchtask')).code, 1)
  })
})
