/** Where a node says that it stands: zone and region by its labels. */

/** Kubernetes' well-known labels, and the short words that people write by hand. The first one that is there counts. */
const ZONE_LABELS = ['topology.kubernetes.io/zone', 'zone']
const REGION_LABELS = ['topology.kubernetes.io/region', 'region']

/** The zone named by labels, or undefined. */
export function zoneLabel(labels: Readonly<Record<string, string>>): string | undefined {
  return firstOf(labels, ZONE_LABELS)
}

/** The region named by labels, or undefined. */
export function regionLabel(labels: Readonly<Record<string, string>>): string | undefined {
  return firstOf(labels, REGION_LABELS)
}

function firstOf(labels: Readonly<Record<string, string>>, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined
    if (value !== undefined && value !== '') return value
  }
  return undefined
}
