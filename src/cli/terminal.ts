/** What reaches the terminal: colours, and nothing that a stranger's text could do to it. */

/** SGR codes, ECMA-48. */
const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const
/** A way to show a text. */
export type Style = keyof typeof CODES

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string

/** Colours only on a terminal, and not where NO_COLOR (https://no-color.org) or `--no-color` says otherwise. */
export function painter(stream: { readonly isTTY?: boolean }, color: boolean): Paint {
  const noColor = process.env['NO_COLOR']
  const on = color && stream.isTTY === true && (noColor === undefined || noColor === '')
  return (style, text) => (on ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text)
}

/**
 * A text from elsewhere, safe to print on one line: names, labels and reasons come from other machines,
 * and an escape sequence in one could rewrite the screen.
 */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0)
    return code === 9 ? ' ' : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** A word that is shown in a message is cut here. */
const SHOWN_LENGTH = 80

/** A word of the command line, as one would write it there: quoted where it has to be, and not too long. */
export function shownWord(text: string): string {
  const shown = printable(text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text)
  return /^[\p{L}\p{N}_@%+=:,./~…-]+$/u.test(shown) ? shown : `'${shown}'`
}

/** Characters that take two columns. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/u
const NO_WIDTH = /\p{Mn}|\p{Me}|[\u200b-\u200d]/u

/** Columns a printable text takes. */
export function textWidth(text: string): number {
  let width = 0
  for (const character of text) width += NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return width
}
