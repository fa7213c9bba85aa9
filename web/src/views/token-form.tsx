/** Asks for the token when the page was opened without one, or with one the daemon does not take. */
import { useRef, useState } from 'preact/hooks'
import { clearToken, hasToken } from '../api.ts'
import { Command } from '../components/copy.tsx'

export function TokenForm({ unlock }: { readonly unlock: (token: string) => void }) {
  // A token that is still here when the page is locked is one that was refused.
  const [refused] = useState(hasToken)
  const input = useRef<HTMLInputElement>(null)
  const submit = (event: Event) => {
    event.preventDefault()
    const text = input.current?.value.trim() ?? ''
    // The whole link is as good as the token in it.
    const token = /#\/?token=([^&]+)/.exec(text)?.[1] ?? text
    if (token === '') return input.current?.focus()
    clearToken()
    unlock(token)
  }
  return (
    <main class="token">
      <h1>Althing</h1>
      <p>This page shows a daemon of this machine to whoever holds its token. Get a link that carries it:</p>
      <Command text="althing status" />
      <form onSubmit={submit}>
        <label for="token">Or paste the token, or the link, here</label>
        {refused && (
          <p class="bad" role="alert">
            The daemon did not accept this token. It may have been made by another daemon.
          </p>
        )}
        <div class="token-row">
          <input ref={input} id="token" type="password" autocomplete="off" spellcheck={false} />
          <button type="submit" class="button primary">
            Open
          </button>
        </div>
      </form>
    </main>
  )
}
