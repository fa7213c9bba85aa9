/** Names and values in two columns; what is unknown is left out. */
import type { ComponentChildren } from 'preact'

export type Fact = readonly [name: string, value: ComponentChildren]

export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

/** Short words side by side: labels, capabilities, drivers. */
export function Chips({ words }: { readonly words: readonly string[] }) {
  if (words.length === 0) return <p class="muted pad">None.</p>
  return (
    <ul class="chips">
      {words.map((word) => (
        <li key={word}>
          <code>{word}</code>
        </li>
      ))}
    </ul>
  )
}

/** A titled part of a view. */
export function Panel(props: {
  readonly title: string
  readonly class?: string
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}) {
  return (
    <section class={`panel ${props.class ?? ''}`}>
      <header>
        <h2>{props.title}</h2>
        {props.aside}
      </header>
      {props.children}
    </section>
  )
}

/** Nothing to show, and what to do about it. */
export function Empty(props: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="hint">
      <p class="hint-title">{props.title}</p>
      {props.children}
    </div>
  )
}
