/** The story of a job as the local API tells it. Pure: state in, views out. */
import type { JobStory, JobWhyView, StoryLine, TaskStory, WhyView } from '../model/why-view.ts'
import type { StoryEntry } from '../negotiation/story.ts'
import type { Job, Task } from '../negotiation/types.ts'
import { endOf } from './views.ts'

/** `GET /v1/tasks/{id}/why`. */
export function whyView(job: Job, task: Task, name: (peerId: string) => string): WhyView {
  return { ...jobStory(job, name), ...taskStory(task, name) }
}

/** `GET /v1/jobs/{id}/why`. */
export function jobWhyView(job: Job, tasks: readonly Task[], name: (peerId: string) => string): JobWhyView {
  return { ...jobStory(job, name), tasks: tasks.map((task) => taskStory(task, name)) }
}

function jobStory(job: Job, name: (peerId: string) => string): JobStory {
  return {
    jobId: job.jobId,
    story: job.story.map((entry) => storyLine(entry, name)),
    storyDropped: job.storyDropped,
    ...(job.elsewhere && { elsewhere: [...job.elsewhere] }),
  }
}

function taskStory(task: Task, name: (peerId: string) => string): TaskStory {
  return {
    taskId: task.taskId,
    state: task.state,
    attempts: task.attempts.map(
      ({ attempt, node, bidId, awardedAtMs, contractedAtMs, startedAtMs, endedAtMs, outcome, reason, exit }) => ({
        attempt,
        node,
        nodeName: name(node),
        bidId,
        awardedAtMs: Math.round(awardedAtMs),
        ...(contractedAtMs === undefined ? {} : { contractedAtMs: Math.round(contractedAtMs) }),
        ...(startedAtMs === undefined ? {} : { startedAtMs: Math.round(startedAtMs) }),
        ...endOf({ endedAtMs, exit }),
        ...(outcome === undefined ? {} : { outcome }),
        ...(reason === undefined ? {} : { reason }),
        ...(exit === undefined ? {} : { exit }),
      }),
    ),
  }
}

/** A line of a story, with the names of nodes. */
export function storyLine(entry: StoryEntry, name: (peerId: string) => string): StoryLine {
  const atMs = Math.round(entry.atMs)
  if (entry.kind === 'offered') return { ...entry, atMs, asked: [...entry.asked] }
  const nodeName = name(entry.node)
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  if (entry.kind === 'bid')
    return {
      ...entry,
      atMs,
      nodeName,
      rank: { score: entry.rank.score, terms: { ...entry.rank.terms } },
      proof: base64(entry.proof),
    }
  if (entry.kind === 'declined')
    return { ...entry, atMs, nodeName, reasons: [...entry.reasons], proof: base64(entry.proof) }
  return { ...entry, atMs, nodeName }
}
