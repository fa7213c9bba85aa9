/** Starts the page. */
import { effect, signal } from '@preact/signals'
import { render } from 'preact'
import { hasToken, setToken, takeTokenFromAddress } from './api.ts'
import { App } from './app.tsx'
import { goLive, watchVisibility } from './live.ts'
import { cluster, followAddress } from './route.ts'
import { awake, connection, enter } from './store.ts'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/controls.css'
import './styles/table.css'
import './styles/detail.css'
import './styles/story.css'
import './styles/log.css'
import './styles/map.css'

followAddress(takeTokenFromAddress, () => tryAgain())

/** Advances when there is a new token to try. */
const tries = signal(0)
const tryAgain = () => {
  tries.value++
}

watchVisibility()

effect(() => {
  void tries.value
  enter(cluster.value)
  if (hasToken()) return awake.value ? goLive() : undefined
  connection.value = 'locked'
  return undefined
})

const root = document.getElementById('app')
if (root !== null) {
  const unlock = (token: string) => {
    setToken(token)
    tryAgain()
  }
  render(<App unlock={unlock} />, root)
}
