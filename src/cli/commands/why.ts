/** `althing why TASK`: how a task was placed, or why it was not; and those of a job. */
import type { Command } from 'commander'
import type { JobWhyView, WhyView } from '../../model/why-view.ts'
import { contextOf } from '../context.ts'
import { tasksOfJob } from '../jobs.ts'
import { taskArgument } from '../options.ts'
import { drawJobStory, drawStory } from '../story.ts'
import { taskPath } from '../views.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('why')
    .summary('how a task was placed')
    .description(
      'Tell the whole bargaining over a task: who was asked, the bids and what they were worth, who declined for ' +
        'what measured reason, who could not be reached, who was never asked, and what became of each attempt. ' +
        'The tasks of a job are bargained over together: its id tells that once, and the attempts of all of its tasks.',
    )
    .argument('<task>', 'its id or that of a job, or the beginning of it', taskArgument)
    .addHelpText('after', '\nExamples:\n  althing why TASK\n  althing why JOB')
    .action(async (id: string, _options: object, command: Command) => {
      const { client, json, printJson, print, paint } = contextOf(command)
      const why = await client.get<WhyView>(taskPath(id, '/why')).catch(async (error: unknown) => {
        const [task] = await tasksOfJob(client, id, error)
        return client.get<JobWhyView>(`/v1/jobs/${encodeURIComponent(task!.jobId)}/why`)
      })
      if (json) printJson(why)
      else print('tasks' in why ? drawJobStory(why, paint) : drawStory(why, paint))
    })
}
