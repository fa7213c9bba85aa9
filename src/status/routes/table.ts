/** All routes of the local API. */
import type { Route } from '../route.ts'
import { auditRoutes } from './audit.ts'
import { clusterRoutes } from './cluster.ts'
import { doctorRoutes } from './doctor.ts'
import { meshRoutes } from './mesh.ts'
import { configurationRoutes } from './configuration.ts'
import { operationRoutes } from './operations.ts'
import { policyRoutes } from './policy.ts'
import { systemRoutes } from './system.ts'
import { taskRoutes } from './tasks.ts'
import { tokenRoutes } from './tokens.ts'
import { wardRoutes } from './wards.ts'

/** The page's catch-all for files comes last. */
export const routes: readonly Route[] = [
  ...meshRoutes,
  ...taskRoutes,
  ...configurationRoutes,
  ...policyRoutes,
  ...operationRoutes,
  ...auditRoutes,
  ...clusterRoutes,
  ...doctorRoutes,
  ...tokenRoutes,
  ...wardRoutes,
  ...systemRoutes,
]
