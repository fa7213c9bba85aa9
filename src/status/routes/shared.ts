/** Pieces that several routes are made of. */
import * as z from 'zod'
import { PROBLEM_TYPE } from '../problem.ts'
import type { ReplyRule, Views } from '../route.ts'

/** A switch in the query: `?all=true`. */
export const Flag = z.enum(['true', 'false']).optional()

export const Selector = z
  .string()
  .max(4096)
  .optional()
  .describe('Label selector, Kubernetes grammar: a=b,c in (d,e),!f')

/** JSON of a schema. */
export function json(description: string, schema: (views: Views) => z.ZodType): ReplyRule {
  return { description, schema }
}

/** Problem details. */
export function problem(description: string): ReplyRule {
  return { description, type: PROBLEM_TYPE, schema: ({ Problem }) => Problem }
}

/** Leaves a key out of an object when its value is undefined. */
export function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: Value })
}
