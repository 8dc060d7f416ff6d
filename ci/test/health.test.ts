import { readFileSync } from 'node:fs'
import { celEnv, parse as parseCel, plan } from '@bufbuild/cel'
import type { CelInput } from '@bufbuild/cel'
import { expect } from 'chai'
import { parse } from 'yaml'
import { healthCases, healthOfReason } from './support/health-cases.ts'
import type { ShownHealth } from './support/health-cases.ts'

// What Flux waits for: examples/gitops/flux-kustomization.yaml. health.nightly.test.ts tries what Argo CD shows.

interface HealthCheck {
  readonly kind: string
  readonly inProgress: string
  readonly failed: string
  readonly current: string
}

describe('the health check for Flux', () => {
  const { spec } = parse(readFileSync('examples/gitops/flux-kustomization.yaml', 'utf8')) as {
    spec: { healthCheckExprs: HealthCheck[] }
  }
  const environment = celEnv()
  const holds = (rule: string, object: object) =>
    plan(environment, parseCel(rule))(celObject(object) as Record<string, CelInput>) === true
  /** In the order in which Flux asks. */
  const healthOf = ({ inProgress, failed, current }: HealthCheck, object: object): ShownHealth => {
    if (holds(inProgress, object)) return 'Progressing'
    if (holds(failed, object)) return 'Degraded'
    return holds(current, object) ? 'Healthy' : 'Progressing'
  }

  for (const { title, object, health } of healthCases) {
    it(`${title} is ${health}`, () => {
      const check = spec.healthCheckExprs.find(({ kind }) => kind === object.kind)!
      // Flux knows no suspended object
      expect(healthOf(check, { status: {}, ...object })).to.equal(health === 'Suspended' ? 'Healthy' : health)
    })
  }

  it('knows each reason with which a client is not Ready', () => {
    const source = readFileSync('operator/src/decide/status/conditions.ts', 'utf8')
    const [needed = ''] = source.split('function rotationHealthy')
    const ofSecrets = readFileSync('operator/src/decide/status/secret-ready.ts', 'utf8')
    const reasons = [...`${needed}${ofSecrets}`.matchAll(/\b(?:no|unknown)\(\s*'(\w+)'/g)].map(([, reason]) => reason!)
    expect(Object.keys(healthOfReason)).to.have.members([...new Set(reasons)])
  })
})

/** Whole numbers of YAML are integers in CEL. */
function celObject(value: unknown): unknown {
  if (typeof value === 'number') return BigInt(value)
  if (Array.isArray(value)) return value.map(celObject)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, celObject(child)]))
}
