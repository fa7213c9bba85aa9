/** A daemon's own figures, as anyone may read them. */
import { ask } from './http.ts'

/** @returns what gives the value of a sample by its name, with or without the prefix; 0 for one that is not there */
export async function readMetrics({ socketPath }: { readonly socketPath: string }): Promise<(name: string) => number> {
  const { text } = await ask({ socketPath, path: '/metrics', headers: { host: 'localhost' } })
  const values = new Map(text.split('\n').map((line) => line.split(' ') as [string, string]))
  return (name) => Number(values.get(name) ?? values.get(`althing_${name}`) ?? 0)
}
