/**
 * Shares as bars. Drawn as SVG, because the page's CSP forbids style attributes; the figures stand
 * beside in words, so the drawing is hidden from screen readers.
 */
import type { ComponentChildren } from 'preact'

interface BarProps {
  /** 0 to 1. */
  readonly ratio: number
  /** `load` turns warm when nearly full; `plain` stays as it is. */
  readonly kind?: 'load' | 'plain'
}

/** From here on a machine is as good as full. */
const NEARLY_FULL = 0.85

export function Bar({ ratio, kind = 'plain' }: BarProps) {
  const share = Math.min(1, Math.max(0, ratio))
  const full = kind === 'load' && share >= NEARLY_FULL
  return (
    <svg class="bar" aria-hidden="true">
      <rect class="track" width="100%" height="100%" rx="2" />
      {share > 0 && (
        <rect class={full ? 'fill full' : 'fill'} width={`${(share * 100).toFixed(1)}%`} height="100%" rx="2" />
      )}
    </svg>
  )
}

/** A bar with its figures above it. */
export function Gauge(props: BarProps & { readonly children: ComponentChildren }) {
  return (
    <span class="gauge">
      <span class="figures">{props.children}</span>
      <Bar ratio={props.ratio} kind={props.kind ?? 'plain'} />
    </span>
  )
}
