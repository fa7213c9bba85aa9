/** One task: its facts, how it was bargained over, and its log as it is written. */
import { useEffect, useState } from 'preact/hooks'
import type { TaskView } from '../../../src/model/api.ts'
import type { WhyView } from '../../../src/model/why-view.ts'
import { ApiError, cancelTask, getWhy } from '../api.ts'
import { Confirm } from '../components/confirm.tsx'
import { Copyable } from '../components/copy.tsx'
import { Empty, Facts, Panel, type Fact } from '../components/facts.tsx'
import { LogView } from '../components/log-view.tsx'
import { State } from '../components/state.tsx'
import { Story } from '../components/story.tsx'
import { formatBytes, formatCommand, formatCores, formatExit, formatWhen, isBadExit, shortPeer } from '../format.ts'
import { nodePath, pathTo } from '../route.ts'
import { announcement, nodes, refreshTask, storyVersion, tasks, watchedJob } from '../store.ts'
import { Took } from './task-table.tsx'

const isUnsettled = (state: TaskView['state']) => state === 'queued' || state === 'awarded'
const canCancel = (state: TaskView['state']) => isUnsettled(state) || state === 'running'

export function TaskDetail({ id }: { readonly id: string }) {
  const task = tasks.value.get(id)
  useEffect(() => {
    // The list may not have it: it is older than what the list goes back to.
    if (task === undefined) refreshTask(id)
  }, [id, task === undefined])
  if (task === undefined) {
    return (
      <Empty title="No such task here.">
        <p class="muted">
          This daemon knows no task <code>{id}</code>. Tasks are known where they were submitted and where they run.
        </p>
        <a class="button" href={pathTo('tasks')}>
          All tasks
        </a>
      </Empty>
    )
  }
  return (
    <article class="detail">
      <header class="detail-head">
        <div>
          <p class="crumb">
            <a href={pathTo('tasks')}>Tasks</a> / <Copyable text={task.taskId} label="the task id" />
          </p>
          <h2>
            {task.name} <State state={task.state} />
          </h2>
        </div>
        {canCancel(task.state) && <CancelButton task={task} />}
      </header>
      <div class="command-line">
        <Copyable text={formatCommand(task.command)} label="the command line" />
      </div>
      {task.waiting !== undefined && <p class="waiting-note">{task.waiting}</p>}
      {task.exit?.startError !== undefined && <p class="waiting-note bad">{task.exit.startError}</p>}
      <div class="task-grid">
        <Panel title="Facts" class="task-facts">
          <Facts facts={factsOf(task)} />
        </Panel>
        <LogView taskId={task.taskId} />
        <StoryPanel task={task} />
      </div>
    </article>
  )
}

function factsOf(task: TaskView): Fact[] {
  const { exit } = task
  const submitter = nodes.value.get(task.submitter)?.value.name
  return [
    ['Node', task.node !== undefined && <a href={nodePath(task.node)}>{task.nodeName ?? shortPeer(task.node)}</a>],
    ['Attempt', task.attempt > 0 && task.attempt],
    ['Exit', exit !== undefined && <span class={isBadExit(exit) ? 'bad' : ''}>{formatExit(exit)}</span>],
    ['Submitted', task.submittedAtMs !== undefined && formatWhen(task.submittedAtMs, Date.now())],
    ['Started', task.startedAtMs !== undefined && formatWhen(task.startedAtMs, Date.now())],
    ['Ended', task.endedAtMs !== undefined && formatWhen(task.endedAtMs, Date.now())],
    ['Took', task.startedAtMs !== undefined && <Took startMs={task.startedAtMs} endMs={task.endedAtMs} />],
    ['Reserves', `${formatCores(task.resources.cpuMilli)} cores, ${formatBytes(task.resources.memoryBytes)}`],
    ['Output', task.output !== undefined && outputOf(task)],
    ['Log', exit?.logTruncated === true && 'cut at its cap'],
    ['Submitter', <a href={nodePath(task.submitter)}>{submitter ?? shortPeer(task.submitter)}</a>],
    ['Job', <Copyable text={task.jobId} label="the job id" />],
  ]
}

function outputOf({ output, exit }: TaskView): string {
  const size = exit?.outputBytes === undefined ? '' : `, ${formatBytes(exit.outputBytes)}`
  const note = exit?.outputNote === undefined ? '' : `; ${exit.outputNote}`
  const state = { fetching: 'being fetched', here: 'here', failed: 'could not be fetched' }[output ?? 'failed']
  return `${state}${size}${note}`
}

/** The story is read again whenever the task was, and whenever something was said in it. */
function StoryPanel({ task }: { readonly task: TaskView }) {
  const [why, setWhy] = useState<WhyView>()
  const [problem, setProblem] = useState<string>()
  const version = storyVersion.value
  useEffect(() => {
    watchedJob.value = task.jobId
    return () => {
      watchedJob.value = undefined
    }
  }, [task.jobId])
  useEffect(() => {
    let current = true
    getWhy(task.taskId).then(
      (answer) => {
        if (!current) return
        setWhy(answer)
        setProblem(undefined)
      },
      (error: unknown) => {
        if (current && error instanceof ApiError) setProblem(error.message)
      },
    )
    return () => {
      current = false
    }
  }, [task, version])
  return (
    <Panel title="Bargaining" class="bargaining">
      {why !== undefined && <Story why={why} />}
      {why === undefined && problem !== undefined && (
        <p class="muted pad">
          {task.role === 'executor' ? 'The story is kept by the node that submitted it.' : problem}
        </p>
      )}
    </Panel>
  )
}

function CancelButton({ task }: { readonly task: TaskView }) {
  const [asking, setAsking] = useState(false)
  const [sent, setSent] = useState(false)
  const [problem, setProblem] = useState<string>()
  const cancel = () => {
    setAsking(false)
    setSent(true)
    cancelTask(task.taskId).then(
      () => {
        announcement.value = `Cancelling task ${task.name}`
        refreshTask(task.taskId)
      },
      (error: unknown) => {
        setSent(false)
        setProblem(error instanceof Error ? error.message : String(error))
      },
    )
  }
  return (
    <div class="cancel">
      <button type="button" class="button danger-quiet" disabled={sent} onClick={() => setAsking(true)}>
        {sent ? 'Cancelling…' : 'Cancel task'}
      </button>
      {problem !== undefined && (
        <p class="bad" role="alert">
          {problem}
        </p>
      )}
      {asking && (
        <Confirm
          title={`Cancel ${task.name}?`}
          action="Cancel task"
          keep="Keep it"
          onConfirm={cancel}
          onClose={() => setAsking(false)}
        >
          {task.state === 'running'
            ? `It is running on ${task.nodeName ?? 'its node'}: it is asked to end, and killed if it does not.`
            : 'It has not started yet and will not.'}
        </Confirm>
      )}
    </div>
  )
}
