/** All tasks this daemon submitted or runs, newest first, by state. */
import { useState } from 'preact/hooks'
import { Empty } from '../components/facts.tsx'
import { TASK_FILTERS, matchesTask, type TaskFilter } from '../filter.ts'
import { formatCount } from '../format.ts'
import { taskList } from '../store.ts'
import { NoTasks, TaskTable } from './task-table.tsx'

/** Rows to begin with, and how many more each time. */
const PAGE = 100

export function TasksView() {
  const [filter, setFilter] = useState<TaskFilter>('all')
  const [limit, setLimit] = useState(PAGE)
  const all = taskList.value
  const shown = all.filter(({ state }) => matchesTask(filter, state))
  const amounts = Object.fromEntries(
    Object.keys(TASK_FILTERS).map((name) => [
      name,
      all.filter(({ state }) => matchesTask(name as TaskFilter, state)).length,
    ]),
  )
  const choose = (name: TaskFilter) => {
    setFilter(name)
    setLimit(PAGE)
  }
  return (
    <section class="part">
      <header class="part-head">
        <h2>Tasks</h2>
        <div class="segments" role="group" aria-label="Tasks shown, by state">
          {(Object.keys(TASK_FILTERS) as TaskFilter[]).map((name) => (
            <button key={name} type="button" aria-pressed={filter === name} onClick={() => choose(name)}>
              {name} <span class="count">{formatCount(amounts[name] ?? 0)}</span>
            </button>
          ))}
        </div>
      </header>
      {shown.length > 0 && <TaskTable tasks={shown.slice(0, limit)} label={`Tasks: ${filter}`} />}
      {shown.length > limit && (
        <button type="button" class="button more" onClick={() => setLimit(limit + PAGE)}>
          Show {formatCount(Math.min(PAGE, shown.length - limit))} more of {formatCount(shown.length - limit)}
        </button>
      )}
      {all.length === 0 && <NoTasks />}
      {all.length > 0 && shown.length === 0 && (
        <Empty title={`No task is ${filter} now.`}>
          <button type="button" class="button" onClick={() => choose('all')}>
            Show all tasks
          </button>
        </Empty>
      )}
    </section>
  )
}
