/** A value with a button that copies it. */
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'

const SHOWN_MS = 1_600

/** Copies `text`; says so for a moment. `label` names what is copied, for those who do not see the icon. */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [result, setResult] = useState<'copied' | 'not copied'>()
  useEffect(() => {
    if (result === undefined) return undefined
    const timer = setTimeout(() => setResult(undefined), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [result])
  const copy = () => {
    // Refused where the page is not focused or the browser forbids it: then say that.
    navigator.clipboard.writeText(text).then(
      () => setResult('copied'),
      () => setResult('not copied'),
    )
  }
  return (
    <button type="button" class="copy" onClick={copy} aria-label={result ?? `Copy ${label}`} title={`Copy ${label}`}>
      <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
        {result === 'copied' ? (
          <path d="M3.5 8.5l3 3 6-7" class="line" />
        ) : (
          <>
            <rect x="5.5" y="5.5" width="7.5" height="7.5" rx="1.5" class="line" />
            <path d="M3.5 10.5h-.5a1 1 0 0 1-1-1V4a1.5 1.5 0 0 1 1.5-1.5H9a1 1 0 0 1 1 1v.5" class="line" />
          </>
        )}
      </svg>
      <span class="copy-result" aria-live="polite">
        {result}
      </span>
    </button>
  )
}

/** Something short and exact, shown in full or shortened, with its copy button. */
export function Copyable(props: {
  readonly text: string
  readonly label: string
  readonly children?: ComponentChildren
}) {
  return (
    <span class="copyable">
      <code title={props.text}>{props.children ?? props.text}</code>
      <CopyButton text={props.text} label={props.label} />
    </span>
  )
}

/** A command to type, set apart, with its copy button. */
export function Command({ text }: { readonly text: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <CopyButton text={text} label="the command" />
    </div>
  )
}
