/** How names and keys of governance are read from the command line. */
import { isSubdomain } from '../../model/label-grammar.ts'
import { isPeerId } from '../../model/peer-id.ts'

/** Digits of the id of a proposal that are shown, and by which its file is called. */
export const SHOWN_DIGITS = 12
/** What `--out` is for, wherever something is proposed. */
export const OUT_HELP = 'where to write the proposal (default: proposal-ID.json)'

/** The name of a cluster or an owner. */
export function faultOfLabelName(text: string): string | undefined {
  if (text.length <= 63 && isSubdomain(text)) return undefined
  return 'expected up to 63 lower-case letters, digits, - and dots, such as home'
}

/** The id of a key. */
export function faultOfKey(text: string): string | undefined {
  return isPeerId(text) ? undefined : 'expected an id: 12D3KooW and 44 more characters'
}

/** Ids of keys, with commas between them. */
export function keyList(text: string): string[] {
  const keys = text.split(',').map((word) => word.trim())
  for (const key of keys) {
    const fault = faultOfKey(key)
    if (fault !== undefined) throw new Error(`${fault}, and a comma between two`)
  }
  return keys
}
