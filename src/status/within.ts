/**
 * A daemon may be in several clusters. `/v1/…` asks about its first, and `/clusters/NAME/v1/…` the same about another
 * one. What is the daemon's as a whole has no such second place.
 */
import type { Principal } from '../model/access.ts'
import type { Operations } from '../node/operations.ts'
import { ApiError } from './problem.ts'
import type { Route } from './route.ts'

/** What a path is about. */
export interface Place {
  /** How the cluster is called on this machine; absent: the first. */
  readonly cluster?: string
  /** The path that routes know. */
  readonly path: string
}

/** Takes the cluster from a path. */
export function placeOf(pathname: string): Place {
  const [, cluster, path] = /^\/clusters\/([a-z0-9.-]{1,63})(\/v1\/.*)$/.exec(pathname) ?? []
  return cluster === undefined || path === undefined ? { path: pathname } : { cluster, path }
}

/** What somebody may ask of a cluster. @throws ApiError 404; OperationError `not-found`, `conflict` */
export function operationsFor(
  all: Operations,
  cluster: string | undefined,
  route: Route,
  principal: Principal | undefined,
): Operations {
  if (cluster !== undefined && route.ofDaemon === true) {
    throw new ApiError(404, 'no-such-path', `${route.path} is about the daemon, not one of its clusters`, {
      fix: `ask for ${route.path}`,
    })
  }
  const operations = cluster === undefined ? all : all.within(cluster)
  return principal?.tenant === undefined ? operations : operations.ofTenant(principal.tenant)
}
