/** A question before something that cannot be undone. The browser's own dialog keeps the focus inside it. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

interface ConfirmProps {
  readonly title: string
  /** On the button that does it: a verb. */
  readonly action: string
  /** On the button that does not. */
  readonly keep: string
  readonly onConfirm: () => void
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** Shown as long as it is rendered. Escape, or a click beside it, closes it and does nothing. */
export function Confirm({ title, action, keep, onConfirm, onClose, children }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const shown = dialog.current
    shown?.showModal()
    return () => shown?.close()
  }, [])
  const clickBeside = (event: MouseEvent) => {
    if (event.target === dialog.current) onClose()
  }
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onCancel={onClose} onClick={clickBeside}>
      <div class="confirm-body">
        <h2 id="confirm-title">{title}</h2>
        <div class="confirm-text">{children}</div>
        <div class="buttons">
          <button type="button" class="button" onClick={onClose}>
            {keep}
          </button>
          <button type="button" class="button danger" onClick={onConfirm}>
            {action}
          </button>
        </div>
      </div>
    </dialog>
  )
}
