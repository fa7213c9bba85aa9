/** Texts that are judged by a function, which says what is wrong with them in words of its own. */
import * as z from 'zod'

/** Text in which `faultOf` finds nothing. */
export function flawless(faultOf: (text: string) => string | undefined) {
  return z.string().check((payload) => {
    const fault = faultOf(payload.value)
    if (fault !== undefined) payload.issues.push({ code: 'custom', message: fault, input: payload.value })
  })
}
