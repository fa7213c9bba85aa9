/**
 * The network coordinate that a heartbeat carries: where its author is, as far as it has measured. What the numbers
 * mean is in `topology/coordinates/`. Whole microseconds, since these are shorter on the wire than fractions, and one
 * and the same for everybody.
 */
import * as z from 'zod'

/** Of the space that members are placed in, the height not counted. */
export const DIMENSIONS = 4

/** Nobody is farther than a round trip of 10 s: Serf refuses longer ones as well. */
export const MAX_COORDINATE_MICROS = 10_000_000
/** The error of one that knows nothing, in thousandths. */
export const MAX_ERROR_MILLI = 1_500

const offset = z.int().min(-MAX_COORDINATE_MICROS).max(MAX_COORDINATE_MICROS)

export const Coordinate = z.strictObject({
  at: z.array(offset).length(DIMENSIONS),
  height: z.int().min(0).max(MAX_COORDINATE_MICROS),
  adjustment: offset,
  /** Relative error its author expects, in thousandths. */
  error: z.int().min(0).max(MAX_ERROR_MILLI),
})
export type Coordinate = z.infer<typeof Coordinate>
