/** What a cluster beside the first is started with: the daemon's options, but for what is about its first alone. */
import type { DaemonOptions } from '../options.ts'

/** @param port where it listens; where the daemon was told an address with any port, that holds here too */
export function optionsOf(daemon: DaemonOptions, dir: string, port: number): DaemonOptions {
  const { cluster: _cluster, join: _join, open: _open, trust: _trust, port: said, listen, ...shared } = daemon
  const elsewhere = listen?.map((address) => address.replace(/\/tcp\/[1-9]\d*/, `/tcp/${port}`))
  return {
    ...shared,
    paths: { ...daemon.paths, dataDir: dir },
    // Two addresses that differed in their ports alone are one now.
    ...(elsewhere && { listen: [...new Set(elsewhere)] }),
    ...(said === 0 && { port: 0 }),
  }
}
